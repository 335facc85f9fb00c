"""Tests over all models at once: is the best of them better than luck, and which can still be the best?

Both take the losses per date (`significance.losses_by_date`) and the maximum of t-statistics under the
long-run covariance of `longrun`, by Monte Carlo. arch draws blocks of dates instead, and does not divide its
SPA by the deviations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gatecast._typing import Floats
from gatecast.evaluation.longrun import cosine_averages, cosines, draws, t_statistics, too_few
from gatecast.language import say

SAME = 1e-12  # of the mean loss: a difference below is rounding
REPS = 5000


@dataclass(frozen=True)
class SuperiorAbility:
    """Test of superior predictive ability: is any of `models` better than the benchmark?

    p        p-value of the null "none is better" (Hansen's consistent one), between `lower` and `upper`; NaN
             with a `reason`
    cosines  of the long-run covariance
    """

    models: tuple[str, ...]
    p: float
    lower: float
    upper: float
    cosines: int
    reason: str = ""


@dataclass(frozen=True)
class ConfidenceSet:
    """Model confidence set: it holds the best model with probability 1 - size.

    p        model → the smallest size at which the model is left out
    members  the models with p > size; empty with a `reason`
    """

    size: float
    p: dict[str, float]
    cosines: int
    reason: str = ""

    @property
    def members(self) -> tuple[str, ...]:
        """Models that are in the set."""
        return tuple(model for model, p in self.p.items() if p > self.size)


def spa(
    losses: pd.DataFrame,
    benchmark: str = "naive",
    *,
    horizon: int = 1,
    pooled: bool = False,
    seed: int = 0,
    reps: int = REPS,
) -> SuperiorAbility:
    """Superior predictive ability over all models tried (Hansen 2005); seeded.

    losses  dates x models, `benchmark` among them; pooled: means over several symbols
    One test for all models: trying more of them makes it harder, not easier, to find a winner. The statistic
    is the largest t of the mean differences, each divided by its own long-run deviation, or 0 where none is
    above. Its distribution under the null is drawn; models with t below -sqrt(2 log log n) keep their mean
    there (Hansen's recentring), so that bad models do not hide a good one. With one model it is the
    one-sided Diebold-Mariano test. Left out are models whose losses differ from the benchmark's by nothing or
    by the same on every date (no variance to divide by), and those with a loss that is not finite.
    """
    from scipy.special import stdtr

    dates = len(losses)
    count = cosines(dates, horizon, pooled=pooled)
    base, different = losses[benchmark].to_numpy(), {}
    for name in losses.columns.drop(benchmark):
        loss = losses[name].to_numpy()
        if dates and np.isfinite(base - loss).all() and not _constant(base - loss, base, loss):
            different[str(name)] = base - loss
    names = tuple(different)
    reason = too_few(dates, horizon)
    if not reason and not names:
        reason = say("no model has usable losses that differ from those of {benchmark}", benchmark=benchmark)
    if reason:
        return SuperiorAbility(names, np.nan, np.nan, np.nan, count, reason)
    difference = np.column_stack(list(different.values()))
    averages = cosine_averages(difference, count)
    t = t_statistics(np.sqrt(dates) * difference.mean(axis=0), averages)
    found = max(float(t.max()), 0.0)
    if len(names) == 1:
        only = float(stdtr(count, -found)) if found > 0 else 1.0
        return SuperiorAbility(names, only, only, only, count)
    drawn = t_statistics(*draws(averages, reps, seed))

    def p(centre: Floats) -> float:
        return float(np.mean(np.maximum((drawn + centre).max(axis=1), 0.0) >= found))

    return SuperiorAbility(names, p(recentred(t, dates)), p(np.minimum(t, 0.0)), p(np.zeros_like(t)), count)


def recentred(t: Floats, dates: int) -> Floats:
    """The centres of t-statistics under the null: t below -sqrt(2 log log n), else 0 (Hansen 2005)."""
    return np.where(t <= -np.sqrt(2 * np.log(np.log(dates))), t, 0.0)


def confidence_set(
    losses: pd.DataFrame,
    size: float = 0.10,
    *,
    horizon: int = 1,
    pooled: bool = False,
    seed: int = 0,
    reps: int = REPS,
) -> ConfidenceSet:
    """Model confidence set (Hansen, Lunde and Nason 2011; range statistic); seeded.

    losses  dates x models; pooled: means over several symbols
    size    0.10: the set holds the best model with 90 % certainty
    The largest |t| over all pairs is compared with its drawn distribution; while that rejects, the model
    with the largest t against another leaves. Models with equal losses share one place in the test. Out are
    models with a loss that is not finite, and those that are worse than another by the same on every date.
    """
    dates = len(losses)
    count = cosines(dates, horizon, pooled=pooled)
    finite = losses.dropna(axis=1)
    reason = too_few(dates, horizon)
    if not reason and finite.shape[1] == 0:
        reason = say("no model has finite losses")
    if reason:
        return ConfidenceSet(size, {}, count, reason)
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
    p = dict(zip(kept, _elimination(finite[kept].to_numpy(), count, seed, reps), strict=True))
    found = {name: p[twin] if (twin := like.get(name)) else 0.0 for name in losses.columns}
    return ConfidenceSet(size, found, count)


def _elimination(losses: Floats, count: int, seed: int, reps: int) -> list[float]:
    """The p-value of each model of losses (n, k)."""
    from scipy.special import stdtr

    dates, models = losses.shape
    averages = cosine_averages(losses, count)
    mean = np.sqrt(dates) * losses.mean(axis=0)
    first, second = np.triu_indices(models, 1)
    t = t_statistics(mean[first] - mean[second], averages[:, first] - averages[:, second])
    if models == 2:  # best first: the second is the worse
        return [1.0, float(2 * stdtr(count, -abs(t[0])))]
    drawn_mean, drawn_averages = draws(averages, reps, seed)
    by_chance = np.empty((reps, len(first)))
    for pair, (a, b) in enumerate(zip(first, second, strict=True)):  # one at a time: less memory
        by_chance[:, pair] = np.abs(
            t_statistics(
                (drawn_mean[:, a] - drawn_mean[:, b])[:, None],
                (drawn_averages[..., a] - drawn_averages[..., b])[..., None],
            )[:, 0]
        )
    p, left, largest = np.ones(models), np.ones(models, bool), 0.0
    while left.sum() > 1:
        among = left[first] & left[second]
        largest = max(largest, float(np.mean(by_chance[:, among].max(axis=1) >= np.abs(t[among]).max())))
        pair = np.flatnonzero(among)[np.abs(t[among]).argmax()]
        worst = first[pair] if t[pair] > 0 else second[pair]
        p[worst], left[worst] = largest, False
    return p.tolist()


def _constant(difference: Floats, *losses: Floats) -> bool:
    """Whether a difference of losses is one number on all dates, but for rounding."""
    return bool(np.ptp(difference) <= SAME * max(np.abs(loss).mean() for loss in losses))
