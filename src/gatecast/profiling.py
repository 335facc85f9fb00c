"""Where the seconds of a command go: `with stage("baselines"):` around work, nothing where nobody asks."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextvars import ContextVar
from functools import cache

COMPILING = "compiling"
# what jax tells of each program: reading the Python, lowering it, and compiling it or finding it compiled
COMPILE_EVENTS = frozenset(
    f"/jax/core/compile/{step}_duration"
    for step in ("jaxpr_trace", "jaxpr_to_mlir_module", "backend_compile")
)


class Profile:
    """Seconds of each stage; a stage within another counts for itself alone, as does compiling.

    programs: compiled, or found in the cache.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.programs = 0
        self._stack: list[str] = ["the rest"]
        self._since = time.perf_counter()

    def enter(self, name: str) -> None:
        """Start a stage."""
        self._count()
        self._stack.append(name)

    def leave(self) -> None:
        """End the stage that was started last."""
        self._count()
        self._stack.pop()

    def compiled(self, seconds: float, *, program: bool) -> None:
        """Move seconds of the current stage to compiling."""
        self._count()
        now = self._stack[-1]
        moved = min(seconds, self.seconds[now])  # what is traced within what is traced is reported twice
        self.seconds[now] -= moved
        self.seconds[COMPILING] = self.seconds.get(COMPILING, 0.0) + moved
        self.programs += program

    @property
    def text(self) -> str:
        """One line per stage, the longest first."""
        self._count()
        total = sum(self.seconds.values())
        width = max(14, *(len(name) + 1 for name in self.seconds))
        lines = [
            f"{name:<{width}}{seconds:>7.1f} s{seconds / total:>7.0%}"
            + (f"   {self.programs} programs" if name == COMPILING else "")
            for name, seconds in sorted(self.seconds.items(), key=lambda item: -item[1])
        ]
        return "\n".join([*lines, f"{'in all':<{width}}{total:>7.1f} s"])

    def _count(self) -> None:
        now = time.perf_counter()
        name = self._stack[-1]
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self._since
        self._since = now


_current: ContextVar[Profile | None] = ContextVar("profile", default=None)


@contextlib.contextmanager
def stage(name: str) -> Iterator[None]:
    """Count what is done within as `name`, if somebody profiles."""
    profile = _current.get()
    if profile is None:
        yield
        return
    profile.enter(name)
    try:
        yield
    finally:
        profile.leave()


@contextlib.contextmanager
def profiled() -> Iterator[Profile]:
    """Profile what is done within."""
    _listen()
    profile = Profile()
    before = _current.set(profile)
    try:
        yield profile
    finally:
        _current.reset(before)


@cache
def _listen() -> None:
    """Have jax tell of every compilation; once per process, for its listeners cannot be taken away."""
    import jax.monitoring

    def heard(event: str, duration_secs: float, **_: str | int) -> None:
        profile = _current.get()
        if profile is not None and event in COMPILE_EVENTS:
            profile.compiled(duration_secs, program="backend_compile" in event)

    jax.monitoring.register_event_duration_secs_listener(heard)
