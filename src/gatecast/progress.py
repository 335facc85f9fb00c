"""Progress of long work: a bar on a terminal, silence elsewhere."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

_quiet: ContextVar[bool] = ContextVar("quiet", default=False)


def be_quiet() -> None:
    """Show no bar from now on."""
    _quiet.set(True)


class Bar:
    """A rich bar on stderr where stderr is a terminal; use it as a context manager."""

    def __init__(self) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[detail]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=_quiet.get() or not sys.stderr.isatty(),
        )
        self._task = self._progress.add_task("", total=None, detail="")

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

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
        self._progress.update(self._task, completed=done, total=total, description=doing, detail=detail)


_reporter: ContextVar[Callable[[float, str], None]] = ContextVar("reporter", default=lambda *_: None)


def report(share: float, detail: str = "") -> None:
    """Tell whoever shows the progress of this work which share of it is done; nobody may."""
    _reporter.get()(share, detail)
