"""The other process that draws PNGs: it may crash, and it draws while this one goes on."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

from gatecast.language import say


class Renderer:
    """A process that draws what it is given, once; a context manager, with which it ends.

    It starts at once, for that takes as long as some of the drawing.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__).with_name("renderer.py"))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        self._thread = ThreadPoolExecutor(1)

    def __enter__(self) -> Renderer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()  # where it has not ended
        self._thread.shutdown()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert stream is not None
            with contextlib.suppress(BrokenPipeError):
                stream.close()
        self._process.wait()

    def give(self, task: Mapping[str, Any]) -> None:
        """Have a task of `renderer` drawn."""
        self._ended = self._thread.submit(self._process.communicate, json.dumps(task).encode())

    def drawn(self) -> tuple[dict[str, bytes], str]:
        """What was made of the task, by name, and what kept the process from making the rest."""
        output, errors = self._ended.result()
        made: dict[str, bytes] = {}
        problem = _why(self._process.returncode, errors)
        for line in output.splitlines():
            with contextlib.suppress(ValueError):  # half a line, of a process that crashed
                answer = json.loads(line)
                if "made" in answer:
                    made[answer["name"]] = base64.b64decode(answer["made"])
                else:
                    problem = answer["error"]
        return made, problem


def _why(code: int, errors: bytes) -> str:
    if code < 0:
        return say("the drawing library crashed, {signal}", signal=signal.Signals(-code).name)
    last = errors.decode(errors="replace").strip().splitlines()[-1:]
    return last[0] if last else say("the drawing process ended with {code}", code=code)
