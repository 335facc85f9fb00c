"""gatecast beside PyTorch, Keras, neuralforecast and darts: the same work, alternating, medians and spread.

python benchmarks/peers.py [JOB ...] [--repeats 5] [--quick] [--data PRICES.parquet] [--python darts=PATH]

Jobs: google tesla mid mid-gru mid-rnn mid-16 mid-gru-16 mid-rnn-16 large walk wide grow; none: all. What was
measured goes to benchmarks/results.json, and from there to RESULTS.md and peers.png; with --only it is only
printed. GATECAST_KERNEL=off measures gatecast without its kernel in C. The peers come with
pip install -e ".[bench]", but for darts: it pins an older Lightning than neuralforecast needs and wants an
environment of its own (pip install torch "u8darts[torch]"), named by --python darts=PATH/bin/python.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import grow
import walk
import wide
from jobs import JOBS, Job
from measure import Pool, measure

import report

LONG = ("walk", "wide", "grow")


def main() -> None:
    arguments = _arguments()
    scratch = Path(tempfile.mkdtemp(prefix="peers-"))
    pool = Pool(arguments.python, scratch)
    try:
        for name in arguments.jobs or [*JOBS, *LONG]:
            print(f"{name}:", file=sys.stderr, flush=True)
            before = report.machine()
            result = _result(name, pool, arguments)
            result |= {"machine": before, "load_after": report.load(), "quick": arguments.quick}
            print(report.text(name, result), flush=True)
            if arguments.only is None:
                report.add(name, result)
    finally:
        pool.close()
    if arguments.only is None:
        report.write()


def _result(name: str, pool: Pool, arguments: argparse.Namespace) -> dict[str, Any]:
    if name == "walk":
        return walk.measure(pool, arguments.repeats, quick=arguments.quick)
    if name == "wide":
        if arguments.data is None:
            sys.exit("wide: name the prices of many symbols with --data FILE.parquet")
        return wide.measure(pool, arguments.data.resolve())
    if name == "grow":
        return grow.measure(pool, quick=arguments.quick)
    job = _quick(JOBS[name]) if arguments.quick else JOBS[name]
    return measure(job, pool, arguments.repeats, arguments.only)


def _quick(job: Job) -> Job:
    """A look, not a measurement."""
    return replace(job, epochs=max(job.epochs // 10, 1))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("jobs", nargs="*", metavar="JOB", choices=[*JOBS, *LONG, []])
    parser.add_argument("--repeats", type=int, default=None, help="default 5; with --quick 2")
    parser.add_argument("--quick", action="store_true", help="short jobs, to see that everything runs")
    parser.add_argument("--data", type=Path, help="prices of many symbols (Parquet), for wide")
    only = "peers, separated by ; (none: gatecast alone): printed, not kept"
    parser.add_argument("--only", type=lambda text: set(text.split(";")), help=only)
    parser.add_argument(
        "--python", action="append", default=[], metavar="SIDE=PATH", help="the Python that has this peer"
    )
    arguments = parser.parse_args()
    arguments.repeats = arguments.repeats or (2 if arguments.quick else 5)
    arguments.python = dict(pair.split("=", 1) for pair in arguments.python)
    return arguments


if __name__ == "__main__":
    main()
