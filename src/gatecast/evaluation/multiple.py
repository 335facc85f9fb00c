"""Tests over all models at once: is the best of them better than luck, and which can still be the best?

Both take the losses per date (`significance.losses_by_date`). Blocks of dates are drawn, not single dates,
so that losses of overlapping forecasts and of calm and wild times stay together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gatecast.evaluation.hac import long_run_variance

MIN_DATES = 20
SAME = 1e-12  # of the benchmark's mean loss: a difference below is rounding


@dataclass(frozen=True)
class SuperiorAbility:
    """Test of superior predictive ability: is any of `models` better than the benchmark?

    p      p-value of the null "none is better" (Hansen's consistent one), between `lower` and `upper`; NaN
           with a `reason`
    block  dates in a block
    """

    models: tuple[str, ...]
    p: float
    lower: float
    upper: float
    block: int
    reason: str = ""


@dataclass(frozen=True)
class ConfidenceSet:
    """Model confidence set: it holds the best model with probability 1 - size.

    p        model → the smallest size at which the model is left out
    members  the models with p > size; empty with a `reason`
    """

    size: float
    p: dict[str, float]
    block: int
    reason: str = ""

    @property
    def members(self) -> tuple[str, ...]:
        """Models that are in the set."""
        return tuple(model for model, p in self.p.items() if p > self.size)


def block_size(dates: int, horizon: int) -> int:
    """Dates in a block: n^(1/3) (the rate of Künsch 1989), and no less than the overlap of the forecasts."""
    return max(horizon, int(np.ceil(dates ** (1 / 3))))


def spa(
    losses: pd.DataFrame, benchmark: str = "naive", *, horizon: int = 1, seed: int = 0, reps: int = 1000
) -> SuperiorAbility:
    """Superior predictive ability over all models tried (Hansen 2005), by moving blocks; seeded.

    losses  dates x models, `benchmark` among them
    One test for all models: trying more of them makes it harder, not easier, to find a winner. Models whose
    losses are the benchmark's own are left out (they cannot be better, and have no variance to divide by),
    and so are models with a loss that is not finite.

    arch.bootstrap.SPA takes the largest mean difference without dividing by its standard deviation, whatever
    `studentize` says; Hansen's statistic divides (eq. 2), without which one wild model hides all others. So
    each difference is divided first, by its long-run deviation over one block (Bartlett), which is what
    moving blocks imply.
    """
    from arch.bootstrap import SPA

    block = block_size(len(losses), horizon)
    base = losses[benchmark].to_numpy()
    rounding = SAME * float(np.abs(base).mean())
    scaled = {}
    for name in losses.columns.drop(benchmark):
        difference = base - losses[name].to_numpy()
        if np.isfinite(difference).all() and np.abs(difference).max(initial=0) > rounding:
            deviation = np.sqrt(long_run_variance(difference, block - 1, "bartlett"))
            if deviation > rounding:
                scaled[str(name)] = difference / deviation
    names = tuple(scaled)
    reason = too_few(len(losses), horizon)
    if not reason and not names:
        reason = f"no model has losses that differ from those of {benchmark}"
    if reason:
        return SuperiorAbility(names, np.nan, np.nan, np.nan, block, reason)
    models = -np.column_stack(list(scaled.values()))
    test = SPA(np.zeros(len(models)), models, block, reps, bootstrap="moving block", seed=seed)
    test.compute()
    p = test.pvalues
    return SuperiorAbility(names, float(p["consistent"]), float(p["lower"]), float(p["upper"]), block)


def confidence_set(
    losses: pd.DataFrame, size: float = 0.10, *, horizon: int = 1, seed: int = 0, reps: int = 1000
) -> ConfidenceSet:
    """Model confidence set (Hansen, Lunde and Nason 2011; range statistic), by moving blocks; seeded.

    losses  dates x models
    size    0.10: the set holds the best model with 90 % certainty
    Models with equal losses share one place in the test. A model with a loss that is not finite is out.
    """
    from arch.bootstrap import MCS

    block = block_size(len(losses), horizon)
    finite = losses.dropna(axis=1)
    reason = too_few(len(losses), horizon)
    if not reason and finite.shape[1] == 0:
        reason = "no model has finite losses"
    if reason:
        return ConfidenceSet(size, {}, block, reason)
    values = finite.to_numpy()
    distinct, place = _distinct(values)
    p = np.ones(len(distinct))
    if len(distinct) > 1:
        # Two models with the very same mean would tie, which arch cannot break.
        untied = values[:, distinct] * (1 + SAME * np.arange(len(distinct)))
        test = MCS(untied, size, reps, block, method="R", bootstrap="moving block", seed=seed)
        test.compute()
        p = test.pvalues["Pvalue"].sort_index().to_numpy()
    found = dict(zip(finite.columns, p[place], strict=True))
    return ConfidenceSet(size, {str(model): float(found.get(model, 0.0)) for model in losses.columns}, block)


def too_few(dates: int, horizon: int) -> str:
    """Why so many dates are too few for a test, or ''."""
    needed = max(MIN_DATES, 4 * horizon)
    return f"only {dates} origin dates; the tests need {needed}" if dates < needed else ""


def _distinct(values: np.ndarray) -> tuple[list[int], list[int]]:
    """Columns that differ from all before them, and for every column the place of its like among these."""
    rounding = SAME * np.abs(values).mean(0).min()
    distinct: list[int] = []
    place = []
    for column in range(values.shape[1]):
        same = [
            i for i, k in enumerate(distinct) if np.abs(values[:, k] - values[:, column]).max() <= rounding
        ]
        if not same:
            distinct.append(column)
        place.append(same[0] if same else len(distinct) - 1)
    return distinct, place
