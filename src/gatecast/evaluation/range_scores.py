"""Scores of ranges: how sharp they were, and whether they held."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gatecast._typing import Floats
from gatecast.distributions import LEVELS
from gatecast.evaluation.coverage import (
    COVERAGES,
    VAR_LEVELS,
    LikelihoodRatio,
    berkowitz,
    breached,
    came,
    christoffersen,
    held,
    in_time_order,
    independence,
    kupiec,
    uniformity,
)
from gatecast.forecasts import PER_CENT, DistributionForecast, Forecasts, step_names

INTERVALS = tuple(f"{100 * coverage:.0f}" for coverage in COVERAGES)
TAILS = tuple(f"{100 * level:.0f}" for level in VAR_LEVELS)
MEANS = (
    "crps", "log_score", "pinball", *(f"coverage_{name}" for name in INTERVALS),
    *(f"width_{name}" for name in INTERVALS), *(f"var_{name}" for name in TAILS),
)  # fmt: skip
TESTS = (
    *(f"coverage_{name}_p" for name in INTERVALS), *(f"kupiec_p_{name}" for name in TAILS),
    *(f"independence_p_{name}" for name in TAILS), *(f"christoffersen_p_{name}" for name in TAILS),
    "pit_p", "pit_flat_p",
)  # fmt: skip
COLUMNS = ("model", "symbol", "step", "n", *MEANS, "crps_spread", *TESTS, "reason")


def range_scores(forecasts: Forecasts) -> pd.DataFrame:
    """Every score of every model that has a range: one row per model, symbol and step. Empty without ranges.

    model, symbol     where there are several symbols, also rows with symbol "all": plain means over all
                      rows, in which wilder symbols weigh more; the tests of `range_significance` scale
    step              "1" … "h", and "all": every step counts the same; with one step "all" alone
    n                 ranges scored: origins, times h where step is "all"
    crps, log_score, pinball   of the log return x 100; pinball: the mean over the 17 LEVELS. Small is good
    coverage_50, …_80, …_95    share of the central intervals that held, fractions
    width_50, …_80, …_95       their mean width, log return x 100
    var_1, var_5      share below the quantile at 1 % and 5 %, fractions
    crps_spread       the standard deviation (n - 1) over the CRPS of the seeds; NaN for baselines
    coverage_50_p, …  p-values of Kupiec's test that the interval has its coverage
    kupiec_p_1, _5, independence_p_1, _5, christoffersen_p_1, _5   p-values for the VaR at 1 % and 5 %:
                      rate of breaches, no clusters, and both at once (conditional coverage)
    pit_p, pit_flat_p   p-values of Berkowitz's test of the PIT, and of chi² on its histogram of 20 bins
    reason            why something in this row is NaN; empty where nothing is

    The tests take forecasts for independent, which those of several symbols on a date are not, nor those
    that overlap: they are given per symbol at step 1. For the rest see `coverage.coverage_bands`.
    """
    y = came(forecasts)
    rows = in_time_order(forecasts)
    steps = step_names(forecasts.horizon)
    records = []
    for model, known in forecasts.distributions.items():
        measured = np.stack(list(_measures(known, y).values()))  # (scores, N, h)
        for symbol, index in rows.items():
            means = measured[:, index].mean(axis=1)
            means = np.column_stack([means, means.mean(axis=1)])
            means = np.where(np.isfinite(means), means, np.nan)
            spread = _spreads(known.seeds[:, index].mean(axis=1))
            tests = _tests(known, y, index) if symbol != "all" else {}
            for k, step in enumerate(steps):
                tested = tests if step == steps[0] else {}
                record: dict[str, object] = {"model": model, "symbol": symbol, "step": step}
                record["n"] = len(index) * (forecasts.horizon if step == "all" else 1)
                found = dict(zip(MEANS, means[:, k].tolist(), strict=True))
                record |= found | {"crps_spread": spread[k]}
                record |= {name: tested[name].p if tested else np.nan for name in TESTS}
                record["reason"] = _reason(known, found, tested, symbol)
                records.append(record)
    return pd.DataFrame.from_records(records, columns=list(COLUMNS))


def pinball(known: DistributionForecast, y: Floats) -> Floats:
    """(N, h) mean over the 17 LEVELS of the pinball loss of the log return x 100.

    (level - 1{y < q}) (y - q); Koenker and Bassett (1978). Half the CRPS is its integral over all levels.
    """
    miss = y[..., None] - known.quantiles
    return PER_CENT * np.mean((np.asarray(LEVELS) - (miss < 0)) * miss, axis=-1)


def _measures(known: DistributionForecast, y: Floats) -> dict[str, Floats]:
    """Score → (N, h), in the order of MEANS."""
    widths = {}
    for name, coverage in zip(INTERVALS, COVERAGES, strict=True):
        low, high = known.interval(coverage)
        widths[f"width_{name}"] = PER_CENT * (high - low)
    return {
        "crps": known.crps,
        "log_score": known.log_score,
        "pinball": pinball(known, y),
        **{f"coverage_{name}": held(known, y, c) for name, c in zip(INTERVALS, COVERAGES, strict=True)},
        **widths,
        **{f"var_{name}": breached(known, y, level) for name, level in zip(TAILS, VAR_LEVELS, strict=True)},
    }


def _tests(known: DistributionForecast, y: Floats, index: NDArray[np.int64]) -> dict[str, LikelihoodRatio]:
    """Test → its result for step 1 of one symbol, whose origins `index` are in time order."""
    tests: dict[str, LikelihoodRatio] = {}
    n = len(index)
    for name, coverage in zip(INTERVALS, COVERAGES, strict=True):
        misses = 1 - held(known, y, coverage)[index, 0]
        tests[f"coverage_{name}_p"] = (
            kupiec(int(misses.sum()), n, 1 - coverage) if np.isfinite(misses).all() else _BROKEN
        )
    for name, level in zip(TAILS, VAR_LEVELS, strict=True):
        hits = breached(known, y, level)[index, 0]
        usable = bool(np.isfinite(hits).all())
        tests[f"kupiec_p_{name}"] = kupiec(int(hits.sum()), n, level) if usable else _BROKEN
        tests[f"independence_p_{name}"] = independence(hits) if usable else _BROKEN
        tests[f"christoffersen_p_{name}"] = christoffersen(hits, level) if usable else _BROKEN
    return tests | {"pit_p": berkowitz(known.pit[index, 0]), "pit_flat_p": uniformity(known.pit[index, 0])}


_BROKEN = LikelihoodRatio(np.nan, np.nan, "a quantile or what came is not a finite number")


def _spreads(of_seeds: Floats) -> list[float]:
    """(S, h) mean CRPS of each seed → the spread at each step and over all."""
    if len(of_seeds) < 2:
        return [float("nan")] * (of_seeds.shape[1] + 1)
    both = np.column_stack([of_seeds, of_seeds.mean(axis=1)])
    return [float(value) for value in both.std(axis=0, ddof=1)]


def _reason(
    known: DistributionForecast, found: dict[str, float], tested: dict[str, LikelihoodRatio], symbol: str
) -> str:
    """Why scores and tests of a row are undefined, those with one cause together."""
    causes: dict[str, list[str]] = {}
    for name, value in found.items():
        if np.isnan(value):
            density = name != "log_score" or not np.isnan(known.log_score).all()
            why = "a number of it is not finite" if density else "the quantiles alone give no density"
            causes.setdefault(why, []).append(name)
    for name, test in tested.items():
        if test.reason:
            causes.setdefault(test.reason, []).append(name)
    if not tested:
        why = "symbols move together" if symbol == "all" else "ranges that overlap are not independent"
        causes.setdefault(f"{why}; per symbol at step 1 only", []).append("tests of coverage and PIT")
    return "; ".join(f"{', '.join(names)}: {why}" for why, names in causes.items())
