"""Progress of long work: a bar on a terminal and in a notebook, silence elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from html import escape
from types import TracebackType
from typing import Any, Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

BETWEEN = 0.2  # seconds from one message to a notebook to the next

_quiet: ContextVar[bool] = ContextVar("quiet", default=False)


def be_quiet() -> None:
    """Show no bar from now on."""
    _quiet.set(True)


class Bar:
    """The bar of one job, where somebody can see it; use it as a context manager."""

    def __init__(self) -> None:
        self._view = _view()

    def __enter__(self) -> Bar:
        self._view.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._view.stop(finished=error is None)

    @contextlib.contextmanager
    def part(self, number: int, count: int, doing: str) -> Iterator[None]:
        """What is done within is the part `number` (from 0) of `count`; it may `report` how far it is."""

        def shown(share: float, detail: str) -> None:
            self.show(number + share, count, doing, detail)

        shown(0.0, "")
        before = _reporter.set(shown)
        try:
            yield
        finally:
            _reporter.reset(before)

    def show(self, done: float, total: float, doing: str, detail: str = "") -> None:
        """`done` of `total` units of the whole job, what is being done, and a detail behind the bar."""
        self._view.show(done, total, doing, detail)
        _note.get()(done / total if total else 0.0, doing, detail)


Note = Callable[[float, str, str], None]  # the share that is done, what is being done, a detail
_note: ContextVar[Note] = ContextVar("note", default=lambda *_: None)


@contextlib.contextmanager
def noted(note: Note) -> Iterator[None]:
    """Within, `note` is called with whatever a bar is to show, whether or not anybody can see the bar."""
    before = _note.set(note)
    try:
        yield
    finally:
        _note.reset(before)


_reporter: ContextVar[Callable[[float, str], None]] = ContextVar("reporter", default=lambda *_: None)


def report(share: float, detail: str = "") -> None:
    """Tell whoever shows the progress of this work which share of it is done; nobody may."""
    _reporter.get()(share, detail)


class _View(Protocol):
    """Where a bar is drawn."""

    def start(self) -> None: ...

    def show(self, done: float, total: float, doing: str, detail: str) -> None: ...

    def stop(self, *, finished: bool) -> None: ...


class _Terminal:
    """A rich bar on stderr where stderr is a terminal; it goes when the job ends."""

    def __init__(self, *, hidden: bool = False) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[detail]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=hidden or not sys.stderr.isatty(),
        )
        self._task = self._progress.add_task("", total=None, detail="")

    def start(self) -> None:
        self._progress.start()

    def show(self, done: float, total: float, doing: str, detail: str) -> None:
        self._progress.update(self._task, completed=done, total=total, description=doing, detail=detail)

    def stop(self, *, finished: bool) -> None:
        self._progress.stop()


class _Notebook:
    """An output of the running cell, which stays and says how long the job took.

    It is a plain element of HTML, so that it needs neither a widget library nor a script.
    """

    def __init__(self, display: Callable[..., Any]) -> None:
        self._display = display
        self._last = ("", 0.0)  # what was being done, and when it was shown
        self._share = 0.0

    def start(self) -> None:
        self._began = time.monotonic()
        self._handle = self._display(self._drawn(""), raw=True, display_id=True)

    def show(self, done: float, total: float, doing: str, detail: str) -> None:
        now, before = time.monotonic(), self._share
        self._share = done / total if total else 0.0
        if self._share != before and doing == self._last[0] and now - self._last[1] < BETWEEN:
            return
        self._last = (doing, now)
        what = f"{doing}: {detail}" if detail else doing
        spent = now - self._began
        left = f", about {spent / self._share - spent:.0f} s left" if self._share > 0.05 else ""
        self._update(f"{what} ({spent:.0f} s{left})")

    def stop(self, *, finished: bool) -> None:
        self._share = 1.0 if finished else self._share
        self._update(f"{'done' if finished else 'stopped'} after {time.monotonic() - self._began:.1f} s")

    def _update(self, text: str) -> None:
        self._handle.update(self._drawn(text), raw=True)

    def _drawn(self, text: str) -> dict[str, str]:
        bar = f'<progress value="{self._share:.3f}" max="1" style="width:16em; margin-right:1em"></progress>'
        return {"text/html": f"<div>{bar}{escape(text)}</div>", "text/plain": f"{self._share:.0%} {text}"}


def _view() -> _View:
    """Where the bar of a new job is drawn: in the notebook that runs it, else on the terminal."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and not _quiet.get() else None
    if shell is not None and hasattr(shell, "kernel"):
        return _Notebook(sys.modules["IPython.display"].display)
    return _Terminal(hidden=_quiet.get())
