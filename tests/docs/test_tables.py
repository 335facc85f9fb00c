"""Tables of the pages that the program computes: they are computed again."""

from __future__ import annotations

import re
import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from gatecast.evaluation.coverage import kupiec
from gatecast.evaluation.findings import COVERAGE_LEVEL, missed

ROOT = Path(__file__).parents[2]
NEEDS = runpy.run_path(str(ROOT / "benchmarks" / "needs.py"))
TRULY = {0.8: 0.77, 0.95: 0.93}


def rows(page: str, head: str) -> list[list[str]]:
    """The cells of the table that begins with this head."""
    text = (ROOT / "docs" / "en" / page).read_text("utf-8")
    table = text[text.index(head) :].split("\n\n")[0]
    return [re.split(r" *\| *", line)[1:-1] for line in table.splitlines()[2:]]


def passing(days: int, nominal: float) -> list[int]:
    """How many intervals may hold of so many."""
    return [held for held in range(days + 1) if kupiec(days - held, days, 1 - nominal).p >= COVERAGE_LEVEL]


def test_how_often_intervals_may_hold():
    table = rows("guides/intervals.md", "| test days | 80 % intervals may hold |")
    assert [row[0] for row in table] == ["250", "500", "1,000", "2,500"]
    for days, *said in table:
        n, computed = int(days.replace(",", "")), []
        for nominal, truly in TRULY.items():
            held = passing(n, nominal)
            found = 1 - sum(binom.pmf(k, n, truly) for k in held)
            computed += [f"{100 * held[0] / n:.1f} to {100 * held[-1] / n:.1f} %", f"{100 * found:.0f} %"]
        assert said == computed


@pytest.mark.parametrize("nominal", [0.8, 0.95])
def test_the_verdict_lets_just_these_pass(market, nominal):
    world = market(dates=250)
    forecasts = world.distributed({"gru": world.student(seeds=1)})
    for held in (passing(250, nominal)[0] - 1, passing(250, nominal)[0]):
        change = np.where(np.arange(250) < held, 0.0, 0.5)[:, None]
        moved = replace(forecasts, actual=forecasts.anchor[:, None] * np.exp(change))
        found = [miss.held for miss in missed(moved, "gru") if miss.nominal == nominal]
        assert found == ([] if held in passing(250, nominal) else [held / 250])


@pytest.mark.filterwarnings("ignore::gatecast.errors.DataWarning")
def test_what_a_test_finds():
    """One model on all stretches; several on one need about as many times more as the table has it."""
    table = rows("verdict.md", "| test days | 1 model |")
    assert [(row[0], row[1]) for row in table] == [
        (f"{days:,}", NEEDS["cell"](days, 1, "")) for days in NEEDS["DAYS"]
    ]
    one, *four = (float(cell.removesuffix(" %")) for cell in table[0][1:4])
    returns = NEEDS["stretches"](250)[0]
    for kind, said in zip(("unlike", "alike"), four, strict=True):
        more = NEEDS["need"](returns, 4, kind) / NEEDS["need"](returns, 1, "")
        assert 0.8 * said / one < more < 1.25 * said / one
