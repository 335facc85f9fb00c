"""Populations on a GPU: gatecast beside PyTorch on the same one, in turn, medians and spread.

python benchmarks/gpu.py [JOB=MEMBERS,… …] [--repeats 3] [--out FILE]

PyTorch runs cuDNN's layers one network after the other (eight of them, once per job: the time per network
does not depend on how many follow), and all networks at once (the cell written out, torch.func.vmap). Every
product is in single precision on both sides. gatecast trains for 300 steps or two epochs in a timed call,
PyTorch for one epoch, in which it also stacks its first weights. Prints Markdown; --out writes the numbers of
every repeat as JSON; gpu.json beside this file goes into RESULTS.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from child import Child, ChildError
from jobs import JOBS, Job

import report

FEW = 8  # networks that train one after the other
STEPS = 300  # of gatecast's timed call
THREADS = 8
SHARE = {"XLA_PYTHON_CLIENT_MEM_FRACTION": "0.5"}  # the rest is PyTorch's
WAYS = dict(zip(report.GPU_PEERS, ("fused", "stacked"), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    every = [f"{name}=64,256,1024,4096" for name in ("mid", "mid-gru", "mid-rnn", "google", "tesla")]
    parser.add_argument("jobs", nargs="*", metavar="JOB=MEMBERS,…", default=every)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="gpu-"))
    results = []
    for text in arguments.jobs:
        name, _, counts = text.partition("=")
        for place, members in enumerate(map(int, counts.split(","))):
            job = replace(JOBS[name], members=members, epochs=max(STEPS // JOBS[name].batches, 2))
            ways = WAYS if place == 0 else {way: WAYS[way] for way in WAYS if WAYS[way] == "stacked"}
            result = _measure(job, ways, scratch, arguments.repeats)
            results.append(result)
            print(report.gpu_line(result), flush=True)
            if arguments.out:
                told = {"device": _device(), "results": results}
                arguments.out.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def _measure(job: Job, ways: dict[str, str], scratch: Path, repeats: int) -> dict[str, Any]:
    ours = Child("gatecast", THREADS, sys.executable, scratch, **SHARE)
    children = {"gatecast": ours}
    try:
        told = job.as_dict() | {"name": f"{job.name}-{job.members}"}
        prepared = {"gatecast": ours.call("prepare", job=told, seeds=list(range(job.members)), variant="")}
        file = str(scratch / f"{told['name']}.npz")
        ours.call("write_weights", job=told, seeds=list(range(job.members)), init="pytorch", file=file)
        losses = {"gatecast": ours.call("check", init="pytorch")["losses"]}
        for way, variant in ways.items():
            seeds = list(range(job.members if variant == "stacked" else FEW))
            child = Child("pytorch", THREADS, sys.executable, scratch, BENCH_DEVICE="cuda")
            try:
                asked = {"job": told, "seeds": seeds, "variant": variant, "weights": file}
                prepared[way] = child.call("prepare", **asked)
                losses[way] = child.call("check")["losses"]
                children[way] = child
            except ChildError as error:
                print(f"{job.name}, {job.members}: {way}: {error}", file=sys.stderr, flush=True)
                child.stop()
        us: dict[str, list[float]] = {way: [] for way in children}
        for repeat in range(repeats):
            for way in list(children) if repeat % 2 == 0 else reversed(list(children)):
                answer = children[way].call("once", epochs=job.epochs if way == "gatecast" else 1)
                trained = FEW if ways.get(way) == "fused" else job.members
                us[way].append(1e6 * answer["seconds"] / (answer.get("steps", job.steps) * trained))
        return {
            "job": job.name,
            "title": job.title,
            "members": job.members,
            "us": us,
            "first_call_s": {way: prepared[way]["first_call_s"] for way in children},
            "loss_difference": {
                way: float(np.max(np.abs(np.divide(found, losses["gatecast"][: len(found)]) - 1)))
                for way, found in losses.items()
            },
            "gpu_peak_mb": ours.call("device_peak")["mb"],
            "versions": {name: text for one in prepared.values() for name, text in one["versions"].items()},
        }
    finally:
        for child in children.values():
            child.stop()


def _device() -> str:
    query = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    return subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()
