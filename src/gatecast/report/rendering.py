"""The other process that draws PNGs: it may crash, and it draws while this one goes on.

Nothing here needs Altair: the process starts while that is imported.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

from gatecast.errors import DrawingWarning
from gatecast.extras import needed
from gatecast.language import say


class Renderer:
    """A process that draws what it is given, one after the other; a context manager, with which it ends.

    It starts at once, for that takes as long as some of the drawing. lacks: what to install where its library
    is missing; nothing is drawn then. Else empty.
    """

    def __init__(self) -> None:
        self.lacks = needed("vl_convert", say("Pictures (PNG)"))
        if not self.lacks:
            self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__).with_name("renderer.py"))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._input = self._process.stdin
        # Nobody waits for a full pipe: one thread writes, one reads each answer.
        self._writing, self._reading = ThreadPoolExecutor(1), ThreadPoolExecutor(2)
        self._output = self._reading.submit(self._process.stdout.read)
        self._errors = self._reading.submit(self._process.stderr.read)

    def __enter__(self) -> Renderer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.lacks:
            return
        self._process.kill()  # where it has not ended
        self._writing.shutdown()
        self._reading.shutdown()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert stream is not None
            with contextlib.suppress(BrokenPipeError):
                stream.close()
        self._process.wait()

    def give(self, name: str, **task: Any) -> None:
        """Have a task of `renderer` drawn."""
        if not self.lacks:
            self._writing.submit(self._write, json.dumps({"name": name, **task}).encode() + b"\n")

    def drawn(self) -> tuple[dict[str, bytes], str]:
        """What was made of the tasks, by name, and what kept the process from making the rest."""
        made: dict[str, bytes] = {}
        if self.lacks:
            return made, self.lacks
        self._writing.submit(self._input.close).exception()
        output, errors = self._output.result(), self._errors.result()
        problem = _why(self._process.wait(), errors)
        for line in output.splitlines():
            with contextlib.suppress(ValueError):  # half a line, of a process that crashed
                answer = json.loads(line)
                if "made" in answer:
                    made[answer["name"]] = base64.b64decode(answer["made"])
                else:
                    problem = answer["error"]
        return made, _short(problem)

    def _write(self, line: bytes) -> None:
        with contextlib.suppress(BrokenPipeError):  # it has crashed, which its end tells
            self._input.write(line)
            self._input.flush()


def _short(why: str) -> str:
    """What a library says, which may be long, on one line of a message."""
    return textwrap.shorten(why, 160, placeholder=" …")


def _why(code: int, errors: bytes) -> str:
    if code < 0:
        return say("the drawing library crashed, {signal}", signal=signal.Signals(-code).name)
    last = errors.decode(errors="replace").strip().splitlines()[-1:]
    return last[0] if last else say("the drawing process ended with {code}", code=code)


@contextlib.contextmanager
def drawing(what: str) -> Iterator[None]:
    """Draw within; what fails is a DrawingWarning and ends the block."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, GeneratorExit, DrawingWarning):
        raise
    except BaseException as error:  # a panic of the drawing library is no Exception
        warn_of(what, f"{type(error).__name__}: {error}")


def warn_of(what: str, why: str) -> None:
    """Warn of what could not be drawn."""
    warnings.warn(
        say("could not draw {what} ({why}); all else was written", what=what, why=_short(why)),
        DrawingWarning,
        stacklevel=3,
    )
