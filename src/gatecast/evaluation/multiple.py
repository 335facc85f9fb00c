"""Tests over all models at once: is the best of them better than luck, and which can still be the best?

Both take the losses per date (`significance.losses_by_date`). Blocks of dates are drawn, not single dates,
so that losses of overlapping forecasts and of calm and wild times stay together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gatecast.evaluation.hac import long_run_variance

MIN_DATES = 20
SAME = 1e-12  # of the mean loss: a difference below is rounding

Floats = NDArray[np.float64]


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
    losses differ from the benchmark's by nothing, or by the same on every date, are left out (no variance to
    divide by), and so are models with a loss that is not finite.

    arch.bootstrap.SPA takes the largest mean difference without dividing by its standard deviation, whatever
    `studentize` says; Hansen's statistic divides (eq. 2), without which one wild model hides all others. So
    each difference is divided first, by its long-run deviation over one block (Bartlett), which is what
    moving blocks imply.
    """
    from arch.bootstrap import SPA

    block = block_size(len(losses), horizon)
    base, scaled = losses[benchmark].to_numpy(), {}
    for name in losses.columns.drop(benchmark):
        loss = losses[name].to_numpy()
        if len(loss) and np.isfinite(base - loss).all() and not _constant(base - loss, base, loss):
            deviation = np.sqrt(long_run_variance(base - loss, block - 1, "bartlett"))
            scaled[str(name)] = (base - loss) / deviation
    names = tuple(scaled)
    names = tuple(scaled)
    reason = too_few(len(losses), horizon)
    if not reason and not names:
        reason = f"no model has usable losses that differ from those of {benchmark}"
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
    Models with equal losses share one place in the test. Out are models with a loss that is not finite, and
    those that are worse than another by the same on every date.
    """
    from arch.bootstrap import MCS

    block = block_size(len(losses), horizon)
    finite = losses.dropna(axis=1)
    reason = too_few(len(losses), horizon)
    if not reason and finite.shape[1] == 0:
        reason = "no model has finite losses"
    if reason:
        return ConfidenceSet(size, {}, block, reason)
    # Best first. Two columns with a constant difference have no variance to divide by: they are one, or
    # there is nothing to test, for the second is worse on every date.
    order = finite.mean().sort_values(kind="stable").index
    kept: list[str] = []
    like: dict[str, str | None] = {}
    for name in order:
        loss = finite[name].to_numpy()
        twin = next((k for k in kept if _constant(loss - finite[k].to_numpy(), loss)), None)
        if twin is None:
            kept.append(name)
            like[name] = name
        else:
            like[name] = twin if np.abs(loss - finite[twin].to_numpy()).max() <= SAME * loss.mean() else None
    p = {kept[0]: 1.0}
    if len(kept) > 1:
        # Two models with the very same mean would tie, which arch cannot break.
        untied = finite[kept].to_numpy() * (1 + SAME * np.arange(len(kept)))
        test = MCS(untied, size, reps, block, method="R", bootstrap="moving block", seed=seed)
        test.compute()
        p = dict(zip(kept, test.pvalues["Pvalue"].sort_index().astype(float), strict=True))
    found = {name: p[twin] if (twin := like.get(name)) else 0.0 for name in losses.columns}
    return ConfidenceSet(size, found, block)


def too_few(dates: int, horizon: int) -> str:
    """Why so many dates are too few for a test, or ''."""
    needed = max(MIN_DATES, 4 * horizon)
    return f"only {dates} origin dates; the tests need {needed}" if dates < needed else ""


def _constant(difference: Floats, *losses: Floats) -> bool:
    """Whether a difference of losses is one number on all dates, but for rounding."""
    return bool(np.ptp(difference) <= SAME * max(np.abs(loss).mean() for loss in losses))
