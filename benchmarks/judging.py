"""How often judge finds an oracle at the skill that it prints, and how often it finds what is not there.

python benchmarks/judging.py 1000 1 1      # draws, horizon, symbols; one process per core

An oracle knows a share of every coming return, that which the verdict of another draw prints as detectable
four times in five. Doubled, its forecasts have a skill of exactly 0; noise round naive has less.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import sys
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.judging.oracles import beats, noise, oracle, verdict_on


def found(job: tuple[int, int, int]) -> tuple[bool, bool, bool, float]:
    """Whether the oracle, the doubled oracle and noise beat naive in one draw, and the printed skill."""
    seed, horizon, symbols = job
    share = verdict_on(oracle(0.1), seed, horizon, symbols).significance.detectable
    return (
        beats(verdict_on(oracle(share), 100_000 + seed, horizon, symbols)),
        beats(verdict_on(oracle(share, factor=2.0), 200_000 + seed, horizon, symbols)),
        beats(verdict_on(noise(0.02), 300_000 + seed, horizon, symbols)),
        share,
    )


if __name__ == "__main__":
    draws, horizon, symbols = map(int, sys.argv[1:4])
    with get_context("spawn").Pool(int(sys.argv[4]) if len(sys.argv) > 4 else os.cpu_count()) as pool:
        drawn = pool.map(found, [(seed, horizon, symbols) for seed in range(draws)], chunksize=4)
    oracles, doubled, noisy, shares = zip(*drawn, strict=True)
    print(
        f"h {horizon}, {symbols} symbols, {draws} draws: found {sum(oracles) / draws:.1%} at a printed skill "
        f"of {sum(shares) / draws:.1%}; of a skill of 0 {sum(doubled) / draws:.1%}, "
        f"of noise {sum(noisy) / draws:.1%}"
    )
