"""walk: rnn, lstm, gru, bilstm x seeds x refits on sample:sp500, whole, against the same as PyTorch loops."""

from __future__ import annotations

import sys
from itertools import product
from statistics import median
from typing import Any

from child import ChildError
from jobs import Job
from measure import Pool, Way

MODELS = {"rnn": ("rnn", False), "lstm": ("lstm", False), "gru": ("gru", False), "bilstm": ("lstm", True)}
WALK = {
    "models": MODELS,
    "seeds": 5,
    "folds": 8,
    "lookback": 20,
    "hidden": 16,
    "batch": 64,
    "epochs": 30,
    "patience": 5,
}
OURS = Way("gatecast", "gatecast_long", "", 1, 2)
LIMIT = 1800.0  # seconds for one answer


def measure(pool: Pool, repeats: int, *, quick: bool) -> dict[str, Any]:
    walk = WALK | ({"seeds": 1, "folds": 2, "epochs": 3} if quick else {})
    ours, file = pool.lanes(OURS)[0], str(pool.scratch / "walk.npz")
    shape = ours.call("export", walk=walk, file=file)
    first = ours.call("walk", LIMIT, walk=walk)
    _say(f"  gatecast, first: {first['seconds']:.1f} s")
    way = _best_way(pool, walk, file)
    runs: dict[str, list[dict[str, Any]]] = {"gatecast": [], "PyTorch": []}
    for repeat in range(repeats):
        for side in ("gatecast", "PyTorch") if repeat % 2 == 0 else ("PyTorch", "gatecast"):
            run = ours.call("walk", LIMIT, walk=walk) if side == "gatecast" else _loops(pool, way, walk, file)
            runs[side].append(run)
            _say(f"  {side}: {run['seconds']:.1f} s")
    shares = _shares(pool, walk, shape, file, runs["gatecast"])
    lines = _lines(walk, first, way, runs, shares)
    versions = first["versions"] | runs["PyTorch"][0]["versions"]
    title = f"4 models x {walk['seeds']} seeds x {walk['folds']} refits on sample:sp500"
    return {"title": title, "lines": lines, "runs": runs, "shares": shares, "versions": versions}


def _loops(
    pool: Pool, way: Way, walk: dict[str, Any], file: str, tasks: list[Any] | None = None
) -> dict[str, Any]:
    tasks = tasks or [list(task) for task in product(MODELS, range(walk["seeds"]), range(walk["folds"]))]
    lanes = pool.lanes(way)
    for index, lane in enumerate(lanes):
        lane.ask("walk", walk=walk, file=file, tasks=tasks[index :: len(lanes)], variant=way.variant)
    parts = [lane.answer(LIMIT) for lane in lanes]
    models = {
        name: {key: sum(part["models"][name][key] for part in parts) for key in ("seconds", "steps")}
        for name in MODELS
    }
    return {
        "seconds": max(part["seconds"] for part in parts),
        "models": models,
        "versions": parts[0]["versions"],
    }


def _best_way(pool: Pool, walk: dict[str, Any], file: str) -> Way:
    """On four of the networks, four epochs, each way once to get going and once for the clock."""
    short, tasks = walk | {"epochs": 4}, [[name, 0, fold] for name in ("lstm", "gru") for fold in range(2)]
    seconds = {}
    for lanes, threads in ((1, 2), (2, 1)):
        for variant in ("adam", "fused"):
            way = Way("PyTorch", "pytorch_long", variant, lanes, threads)
            seconds[way] = [_loops(pool, way, short, file, tasks)["seconds"] for _ in range(2)][1]
            _say(f"  PyTorch, {way.label}: {seconds[way]:.2f} s")
    best = min(seconds, key=seconds.__getitem__)
    for way in seconds:
        if way != best:
            pool.drop(way)
    return best


def _shares(
    pool: Pool, walk: dict[str, Any], shape: dict[str, Any], file: str, ours: list[dict[str, Any]]
) -> dict[str, Any]:
    """One lstm and seed, all refits, with as many steps in each as gatecast's search and refit together."""
    members = walk["seeds"] * walk["folds"]
    steps = round(median(run["models"]["lstm"]["steps"] for run in ours) / members)
    job = Job("walk", "", "lstm", walk["hidden"], walk["lookback"], shape["features"], walk["batch"], 1, 1)
    stride = round(shape["sessions"] * 0.25 / walk["folds"])
    shares: dict[str, Any] = {"steps per refit": steps}
    for name in ("neuralforecast", "darts"):
        way = Way(name, name, "", 1, 1)
        try:
            child = pool.lanes(way)[0]
            asked = {
                "job": job.as_dict(),
                "file": file,
                "refits": walk["folds"],
                "stride": stride,
                "steps": steps,
            }
            shares[name] = child.call("walk", LIMIT, **asked)
            _say(f"  {name}: {shares[name]['seconds']:.1f} s")
        except ChildError as error:
            shares[name] = {"error": str(error)}
        pool.drop(way)
    return shares


def _lines(
    walk: dict[str, Any], first: dict[str, Any], way: Way, runs: dict[str, Any], shares: dict[str, Any]
) -> list[str]:
    """Markdown: the whole comparison, then one model's share."""
    ours, theirs = runs["gatecast"], runs["PyTorch"]
    ratios = [b["seconds"] / a["seconds"] for a, b in zip(ours, theirs, strict=True)]
    per_step = [
        b["seconds"] / _steps(b) / (a["seconds"] / _steps(a)) for a, b in zip(ours, theirs, strict=True)
    ]
    lines = [
        "| side | seconds | steps | µs per step | ratio, whole | ratio, per step |",
        "|---|---|---|---|---|---|",
    ]
    for side, found in runs.items():
        seconds, steps = [run["seconds"] for run in found], [_steps(run) for run in found]
        own = (_of(ratios), _of(per_step)) if side == "PyTorch" else ("1", "1")
        us = [1e6 * s / n for s, n in zip(seconds, steps, strict=True)]
        lines.append(f"| {side} | {_of(seconds)} | {median(steps):,.0f} | {_of(us)} | {own[0]} | {own[1]} |")
    members = walk["seeds"] * walk["folds"]
    lines += [
        "",
        f"{len(ours)} repeats. PyTorch: {way.label}; it draws other first weights and batches, so early",
        "stopping ends elsewhere:",
        f"hence both ratios. gatecast's first run, compilation included: {first['seconds']:.1f} s.",
        "",
        f"One lstm, one seed, {walk['folds']} refits, {shares['steps per refit']} steps each (gatecast's",
        "search and refit together; 'seconds' of gatecast: its lstm's share of the time above):",
        "",
        "| side | seconds | of it training | start-up per refit, s | steps | ratio |",
        "|---|---|---|---|---|---|",
    ]
    own = median(run["models"]["lstm"]["seconds"] / members * walk["folds"] for run in ours)
    steps = shares["steps per refit"] * walk["folds"]
    lines.append(f"| gatecast | {own:.2f} | {own:.2f} | – | {steps:,} | 1 |")
    for name in ("neuralforecast", "darts"):
        share = shares[name]
        if "error" in share:
            lines.append(f"| {name} | – | – | – | – | {share['error']} |")
            continue
        start = (share["seconds"] - share["training_s"]) / share["refits"]
        ratio = share["seconds"] / own
        lines.append(
            f"| {name} | {share['seconds']:.1f} | {share['training_s']:.1f} | {start:.2f} "
            f"| {share['steps']:,} | {ratio:.1f} |"
        )
    return lines


def _steps(run: dict[str, Any]) -> int:
    return sum(model["steps"] for model in run["models"].values())


def _of(values: list[float]) -> str:
    return f"{median(values):.3g} ({min(values):.3g} to {max(values):.3g})"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
