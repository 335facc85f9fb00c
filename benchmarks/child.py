"""A side in a process of its own, which stays alive and answers one JSON line per request.

python child.py SIDE   (started by `Child`: thread counts and flags belong to one side alone)
"""

from __future__ import annotations

import importlib
import json
import os
import queue
import resource
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__)


class ChildError(RuntimeError):
    """A side failed or took too long; the message is the last line it said."""


class Child:
    """The parent's end. threads: how many the side may use."""

    def __init__(self, side: str, threads: int, python: str, scratch: Path, **environment: str) -> None:
        self.side, self.threads = side, threads
        count = str(threads)
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "BENCH_THREADS")
        self.log = scratch / f"{side}-{threads}-{time.monotonic_ns()}.log"
        self._process = subprocess.Popen(
            [python, "-W", "ignore", str(PROGRAM), side],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log.open("w"),
            env={
                **os.environ,
                **dict.fromkeys(names, count),
                "BENCH_SCRATCH": str(scratch),
                "TORCHINDUCTOR_CACHE_DIR": str(scratch / f"inductor-{side}-{threads}"),
                **environment,
            },
            text=True,
            cwd=scratch,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def ask(self, what: str, **arguments: Any) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"do": what, **arguments}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise ChildError(f"{self.side}: ended; see {self.log}") from None

    def answer(self, timeout: float = 300.0) -> dict[str, Any]:
        try:
            line = self._lines.get(timeout=timeout)
        except queue.Empty:
            self.stop()
            raise ChildError(f"{self.side}: no answer in {timeout:.0f} s") from None
        if not line:
            raise ChildError(f"{self.side}: ended; see {self.log}")
        answer = json.loads(line)
        if "error" in answer:
            raise ChildError(f"{self.side}: {answer['error']}")
        return answer

    def call(self, what: str, timeout: float = 300.0, **arguments: Any) -> dict[str, Any]:
        self.ask(what, **arguments)
        return self.answer(timeout)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


def serve(side: str) -> None:
    """The child's end: requests name a function of the module sides.SIDE; nothing else reaches stdout."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    began = time.perf_counter()
    module = importlib.import_module(f"sides.{side}")
    imported = time.perf_counter() - began
    for line in sys.stdin:
        request, cpu = json.loads(line), time.process_time()
        try:
            answer = getattr(module, request.pop("do"))(**request)
            answer.setdefault("cpu_s", time.process_time() - cpu)
            answer |= {
                "import_s": imported,
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        except Exception as error:
            traceback.print_exc()
            text = str(error).strip().splitlines() or [""]
            answer = {"error": f"{type(error).__name__}: {text[0]}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve(sys.argv[1])
