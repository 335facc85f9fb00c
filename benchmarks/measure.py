"""Step jobs: every side in its own process, the same work, alternating."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from child import Child, ChildError
from jobs import Job

SCOUT_MARGIN = 1.5  # ways of running a peer that are slower than this times its best are not repeated
SAME_LOSS = 1e-3
CALL_SECONDS = 1.0  # a peer's timed call is cut to so many epochs; its time per step does not depend on them
UNROLLED = 20  # cell steps: with more, compiling the written-out cell takes minutes and pays even less
FIRST_CALL_LIMIT = 150.0  # seconds; compiling may take long


@dataclass(frozen=True)
class Way:
    """One way to run a peer. name: of the peer in the results; lanes: processes, `threads` threads each."""

    name: str
    side: str
    variant: str
    lanes: int
    threads: int
    environment: tuple[tuple[str, str], ...] = ()
    init: str | None = None  # whose first weights it starts from; None: its own

    @property
    def label(self) -> str:
        processes = "1 process" if self.lanes == 1 else f"{self.lanes} processes"
        return ", ".join(
            filter(None, [self.variant, f"{processes} x {self.threads} thread{'s'[: self.threads - 1]}"])
        )


@dataclass
class Timing:
    """What a way's processes said, and the seconds of each repeat."""

    way: Way
    parameters: int = 0
    first_call_s: float = 0.0
    start_up_s: float | None = None
    loss_difference: float | None = None
    versions: dict[str, str] = field(default_factory=dict)
    epochs: int = 1  # in one timed call
    cpu_us: list[float] = field(default_factory=list)  # the same in processor time of all its threads
    us: list[float] = field(default_factory=list)  # per training step and network


GATECAST = Way("gatecast", "gatecast", "", 1, 2)
NO_EIGEN = (("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false"),)


def ways_of(job: Job) -> list[Way]:
    """gatecast first. One network: on one thread or two; a population: on two threads or two processes."""
    shapes = ((1, 1), (1, 2)) if job.members == 1 else ((1, 2), (2, 1))
    short = job.lookback * job.layers <= UNROLLED
    ways = [GATECAST]
    for lanes, threads in shapes:
        torch = ("pytorch", lanes, threads)
        ways += [
            _way("PyTorch eager", *torch, "adam", init="pytorch"),
            _way("PyTorch eager, fused Adam", *torch, "fused", init="pytorch"),
            _way("PyTorch compiled", *torch, "compiled", init="pytorch"),
            *([_way("PyTorch compiled", *torch, "compiled-cell", init="pytorch")] if short else []),
            _way("Keras (torch)", "keras", lanes, threads, "", (("KERAS_BACKEND", "torch"),), "keras"),
        ]
        for variant in ("one step per execution", "ten steps per execution"):
            flags = (("KERAS_BACKEND", "jax"), *(NO_EIGEN if threads == 1 else ()))
            ways.append(_way("Keras (JAX)", "keras", lanes, threads, variant, flags, "keras"))
    lanes = min(job.members, 2)
    for name in ("neuralforecast", "darts"):
        ways += [_way(name, name, lanes, threads, "") for threads in ((1,) if lanes == 2 else (1, 2))]
    return ways


def _way(
    name: str,
    side: str,
    lanes: int,
    threads: int,
    variant: str,
    environment: tuple[tuple[str, str], ...] = (),
    init: str | None = None,
) -> Way:
    return Way(name, side, variant, lanes, threads, environment, init)


class Pool:
    """The processes, started when first needed and shared by ways that differ only in their variant."""

    def __init__(self, pythons: dict[str, str], scratch: Path) -> None:
        self.pythons, self.scratch = pythons, scratch
        self._children: dict[tuple[Any, ...], Child] = {}

    def lanes(self, way: Way) -> list[Child]:
        return [self._lane(way, lane) for lane in range(way.lanes)]

    def _lane(self, way: Way, lane: int) -> Child:
        key = (way, lane)
        if key not in self._children:
            python = self.pythons.get(way.side, sys.executable)
            child = Child(way.side, way.threads, python, self.scratch, **dict(way.environment))
            self._children[key] = child
        return self._children[key]

    def drop(self, way: Way) -> None:
        for key in [key for key in self._children if key[0] == way]:
            self._children.pop(key).stop()

    def close(self) -> None:
        for child in self._children.values():
            child.stop()
        self._children.clear()


def measure(job: Job, pool: Pool, repeats: int, only: set[str] | None = None) -> dict[str, Any]:
    """Prepare every way, keep each peer's best, then time them in turn, `repeats` times."""
    seeds = list(range(job.members))
    timings, dropped, best = [], [], {}
    losses: dict[str, list[float]] = {}
    for way in ways_of(job):
        if only and way is not GATECAST and way.name not in only:
            continue
        try:
            timing, scout = _prepare(way, job, seeds, pool)
            if scout > SCOUT_MARGIN * best.get(way.name, scout):
                _say(f"  {way.name:<26}{way.label:<46} {scout:9.1f} µs: slower, left out")
                pool.drop(way)
                continue
            if way.init:
                _check(timing, pool, losses)
        except ChildError as error:
            dropped.append(f"{way.name} ({way.label}): {error}")
            _say(f"  dropped: {dropped[-1]}")
            pool.drop(way)
            if way is GATECAST:
                raise
            continue
        _say(
            f"  {way.name:<26}{way.label:<46} first call {timing.first_call_s:6.2f} s, {scout:9.1f} µs"
            + ("" if timing.loss_difference is None else f", loss differs by {timing.loss_difference:.1e}")
        )
        timings.append((scout, timing))
        best[way.name] = min(scout, best.get(way.name, scout))
        for scout, old in list(timings):  # a process that will not be timed again is not kept
            if scout > SCOUT_MARGIN * best[old.way.name]:
                pool.drop(old.way)
                timings.remove((scout, old))
    kept = [timing for _, timing in timings]
    for repeat in range(repeats):
        for timing in kept if repeat % 2 == 0 else reversed(kept):
            timing.us.append(_once(timing, job, pool))
        kept = _still_in_the_race(kept, pool)
    for timing in kept:
        pool.drop(timing.way)
    return {
        "job": job.as_dict(),
        "repeats": repeats,
        "sides": _sides(kept),
        "dropped": dropped,
    }


def _still_in_the_race(kept: list[Timing], pool: Pool) -> list[Timing]:
    """Without the ways whose best time is far above the median of their peer's best way."""
    best: dict[str, float] = {}
    for timing in kept:
        best[timing.way.name] = min(median(timing.us), best.get(timing.way.name, math.inf))
    staying = [timing for timing in kept if min(timing.us) <= SCOUT_MARGIN * best[timing.way.name]]
    for timing in kept:
        if timing not in staying:
            pool.drop(timing.way)
    return staying


def _prepare(way: Way, job: Job, seeds: list[int], pool: Pool) -> tuple[Timing, float]:
    """Everything compiled and trained once; and µs per step and network of a short second training."""
    children = pool.lanes(way)
    parts = [[int(seed) for seed in part] for part in np.array_split(seeds, way.lanes)]
    for child, part in zip(children, parts, strict=True):
        extra = {"weights": str(_weights(job, seeds, way.init, pool))} if way.init else {}
        child.ask("prepare", job=job.as_dict(), seeds=part, variant=way.variant, **extra)
    answers = [child.answer(FIRST_CALL_LIMIT) for child in children]
    timing = Timing(
        way,
        parameters=answers[0]["parameters"],
        first_call_s=max(answer["first_call_s"] for answer in answers),
        versions=answers[0]["versions"],
    )
    probe = max(answer["probe_us"] for answer in answers) / way.lanes
    fitting = int(1e6 * CALL_SECONDS / (probe * job.batches * job.members))
    timing.epochs = job.epochs if way is GATECAST else min(max(fitting, 1), job.epochs)
    return timing, probe


def _check(timing: Timing, pool: Pool, losses: dict[str, list[float]]) -> None:
    """The same training as gatecast's from the same first weights."""
    init = timing.way.init
    if init not in losses:
        losses[init] = pool.lanes(GATECAST)[0].call("check", init=init)["losses"]
    found = [loss for child in pool.lanes(timing.way) for loss in child.call("check")["losses"]]
    timing.loss_difference = float(np.max(np.abs(np.divide(found, losses[init]) - 1)))
    if not timing.loss_difference < SAME_LOSS:
        raise ChildError(f"not the same training: losses differ by {timing.loss_difference:.1e}")


def _weights(job: Job, seeds: list[int], init: str, pool: Pool) -> Path:
    file = pool.scratch / f"{job.name}-{init}.npz"
    if not file.exists():
        pool.lanes(GATECAST)[0].call(
            "write_weights", job=job.as_dict(), seeds=seeds, init=init, file=str(file)
        )
    return file


def _once(timing: Timing, job: Job, pool: Pool) -> float:
    """µs per training step and network; lanes run at the same time, the slowest counts."""
    children = pool.lanes(timing.way)
    for child in children:
        child.ask("once", epochs=timing.epochs)
    answers = [child.answer() for child in children]
    starts = [answer["start_up_s"] for answer in answers if "start_up_s" in answer]
    timing.start_up_s = max(starts) if starts else None
    steps = answers[0].get("steps", timing.epochs * job.batches)
    timing.cpu_us.append(1e6 * sum(answer["cpu_s"] for answer in answers) / (steps * job.members))
    return 1e6 * max(answer["seconds"] for answer in answers) / (steps * job.members)


def _sides(kept: list[Timing]) -> list[dict[str, Any]]:
    """Each peer's best way by the median of the repeats, and the ratios of the pairs to gatecast."""
    ours = next(timing.us for timing in kept if timing.way is GATECAST)
    sides: dict[str, Timing] = {}
    for timing in kept:
        other = sides.get(timing.way.name)
        if other is None or median(timing.us) < median(other.us):
            sides[timing.way.name] = timing
    rows = []
    for name, timing in sides.items():
        ratios = [theirs / our for theirs, our in zip(timing.us, ours, strict=True)]
        rows.append(
            {
                "side": name,
                "way": timing.way.label,
                "us": timing.us,
                "cpu_us": timing.cpu_us,
                "median_us": median(timing.us),
                "ratios": ratios,
                "median_ratio": median(ratios),
                "first_call_s": timing.first_call_s,
                "start_up_s": timing.start_up_s,
                "parameters": timing.parameters,
                "loss_difference": timing.loss_difference,
                "versions": timing.versions,
            }
        )
    return rows


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
