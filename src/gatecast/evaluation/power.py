"""The smallest skill that a comparison could have found, on these actual returns.

An oracle knows a part x of every coming one-bar return; x has a share s of the variance, and the volatility,
tails and correlation between symbols of the returns themselves. Its forecast k bars ahead is the sum of x.
Printed is the s at which the whole rule (SPA, confidence set, Diebold-Mariano), over as many models as were
really tried, finds the oracle four times in five.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gatecast._typing import Floats
from gatecast.evaluation.longrun import cosine_averages, cosines, draws, t_statistics
from gatecast.evaluation.multiple import SAME, recentred
from gatecast.forecasts import Forecasts

POWER = 0.8
NEAR = 15  # bars: a signal has the volatility of its time
REPLICATIONS = 2000
LARGEST = 40.0  # standard errors: no test needs so many
TWIN = 1e-6  # standard errors: a difference below is rounding


def relative_variance(forecasts: Forecasts, naive: pd.Series[float], slope: Floats, scale: Floats) -> float:
    """V / n: the variance of an oracle's mean differential by the square of the benchmark's mean loss.

    Its signal has the variance of the returns and is made of them; NaN where nothing moves.

    naive  the benchmark's loss per date (`significance.losses_by_date`)
    slope  (N, h) what the benchmark's loss loses per unit of a signal, divided by `Forecasts.base`
    scale  (N,) what the loss of an origin is divided by; NaN: it has no say
    Such a signal takes for each date the returns of another date within 15 bars, of all symbols, with a
    random sign: it knows nothing and moves as they do. With D the mean over dates of slope times signal,
    V / n is the expectation of D² over all such signals, by (mean loss of naive)²; the signs being
    independent, it is a sum over bars. Against seasonal naive the return of a bar is that over a season, and
    the oracle's forecast the sum of what it knows of the bars at the same place of the seasons ahead.
    """
    usable = np.flatnonzero(np.isfinite(scale) & (forecasts.base != 0))
    if not len(usable) or not naive.mean() > 0:
        return float("nan")
    season = min(forecasts.season, forecasts.horizon)
    known = forecasts.reference[:, :season]
    prices = np.column_stack([known, forecasts.actual])[usable] / forecasts.base[usable, None]
    weight = _weights(forecasts, usable, scale[usable])
    bars, place = _bars(forecasts, usable)
    where = (place, np.broadcast_to(forecasts.symbol[usable, None], place.shape))
    returns, moves = (np.zeros((bars, len(forecasts.symbols))) for _ in range(2))
    returns[where] = prices[:, season:] - prices[:, :-season]
    np.add.at(moves, where, _from_here_on(slope[usable] * weight, season))
    total, count = np.zeros(bars), np.zeros(bars)
    for away in range(1, min(NEAR, bars - 1) + 1):
        for here, there in ((slice(away, None), slice(None, -away)), (slice(None, -away), slice(away, None))):
            total[here] += np.sum(moves[here] * returns[there], axis=1) ** 2
            count[here] += 1
    return float(np.sum(total / np.maximum(count, 1)) / naive.mean() ** 2)


def volatility_relative_variance(
    forecasts: Forecasts, loss: Floats, shock: Floats, gain: Floats, scale: Floats
) -> float:
    """The same for a loss of distributions, so that the skill found is noncentrality² times it.

    loss, shock, gain  (N, h) of the benchmark
    scale              (N,) what the loss of an origin is divided by; NaN: it has no say
    This oracle knows a shock to the volatility that the benchmark does not: y = m + exp(τ v) u, with m the
    benchmark's median and v of variance 1, independent between bars. To second order in τ its loss is smaller
    by τ v shock + τ² v² gain: the first term has mean 0 and makes the standard error. NaN where the gain is
    unknown or not above 0.
    """
    usable = np.flatnonzero(np.isfinite(scale))
    loss, shock = loss[usable], shock[usable]
    weight = _weights(forecasts, usable, scale[usable])
    total = np.sum(weight * gain[usable])
    if not total > 0:
        return float("nan")
    bars, place = _bars(forecasts, usable)
    noise = np.zeros(bars)
    np.add.at(noise, place, _from_here_on(weight * shock / np.sqrt(np.arange(1, loss.shape[1] + 1))))
    return float(np.sum(noise**2) / (total * np.sum(weight * loss)))


def _weights(forecasts: Forecasts, rows: NDArray[np.int64], scale: Floats) -> Floats:
    """(rows, 1) what an error of an origin and step weighs in the mean loss over dates."""
    _, day, of_date = np.unique(forecasts.origin[rows], return_inverse=True, return_counts=True)
    return np.asarray(1 / (of_date[day] * len(of_date) * forecasts.horizon * scale))[:, None]


def _bars(forecasts: Forecasts, rows: NDArray[np.int64]) -> tuple[int, NDArray[np.int64]]:
    """The number of bars forecast, and (rows, h) which of them each step is."""
    dates, place = np.unique(forecasts.time[rows], return_inverse=True)
    return len(dates), place.reshape(len(rows), forecasts.horizon)


def _from_here_on(values: Floats, season: int = 1) -> Floats:
    """(N, h) the sum over the steps from each one on, a season apart: what a signal of its bar weighs."""
    rows, horizon = values.shape
    padded = np.zeros((rows, -(-horizon // season) * season))
    padded[:, :horizon] = values
    by_season = padded.reshape(rows, -1, season)[:, ::-1]
    return np.cumsum(by_season, axis=1)[:, ::-1].reshape(rows, -1)[:, :horizon]


def needed(
    losses: pd.DataFrame,
    benchmark: str,
    tried: Sequence[str],
    *,
    horizon: int,
    pooled: bool,
    seed: int,
    size: float = 0.10,
) -> float:
    """The noncentrality at which the rule finds one of the models tried four times in five.

    losses  dates x models, `benchmark` and `tried` among them: all in the confidence set of this size

    The best of the models tried is replaced by one whose differential to the benchmark has variance 1 and is
    independent of the others'; theirs are drawn with their covariance and their means, those above 0 as 0.
    Critical values are those of this covariance.
    """
    dates = len(losses)
    count = cosines(dates, horizon, pooled=pooled)
    gains = losses.rsub(losses[benchmark], axis=0).drop(columns=benchmark)
    rest = gains.drop(columns=gains[list(tried)].mean().idxmax())
    least = SAME * losses[benchmark].abs().mean()  # below it a difference is rounding
    rest = rest[[name for name in rest if np.isfinite(rest[name]).all() and np.ptp(rest[name]) > least]]
    others, means = cosine_averages(rest.to_numpy(), count), np.sqrt(dates) * rest.mean().to_numpy()
    scale = np.sqrt(np.mean(others**2, axis=0))
    alone = _no_twins(others / scale)  # models that always win and lose together are tried once
    others, means, scale = others[:, alone], means[alone], scale[alone]
    columns = 2 + others.shape[1]  # benchmark, model, others
    averages = np.zeros((count, columns))
    drawn_mean = np.zeros((REPLICATIONS, columns))
    drawn_averages = np.zeros((REPLICATIONS, count, columns))
    rng = np.random.default_rng(seed)
    drawn_mean[:, 1] = rng.standard_normal(REPLICATIONS)
    drawn_averages[..., 1] = rng.standard_normal((REPLICATIONS, count))
    if others.shape[1]:
        averages[:, 2:] = others / scale
        drawn_mean[:, 2:], drawn_averages[..., 2:] = draws(averages[:, 2:], REPLICATIONS, seed + 1)
    centre = np.zeros(columns)
    centre[2:] = np.minimum(means / scale, 0.0)
    first, second = np.triu_indices(columns, 1)
    by_chance = t_statistics(
        drawn_mean[:, first] - drawn_mean[:, second], drawn_averages[..., first] - drawn_averages[..., second]
    )
    rule = _Rule(first, second, by_chance, recentred(centre, dates), size)
    deviation = np.sqrt(np.mean((drawn_averages[..., first] - drawn_averages[..., second]) ** 2, axis=1))
    low, high = 0.0, LARGEST
    while high - low > 0.02:
        middle = (low + high) / 2
        centre[1] = middle
        t = by_chance + (centre[first] - centre[second]) / deviation
        low, high = (low, middle) if rule.found(t) >= POWER else (middle, high)
    return (low + high) / 2


def _no_twins(averages: Floats) -> list[int]:
    """The columns of (B, k) that are no earlier column again."""
    alone: list[int] = []
    for column, average in enumerate(averages.T):
        if all(np.abs(average - averages[:, earlier]).max() > TWIN for earlier in alone):
            alone.append(column)
    return alone


class _Rule:
    """The rule for "better" with critical values of one covariance; column 0: the benchmark, 1: the model."""

    def __init__(
        self, first: NDArray[np.int64], second: NDArray[np.int64], by_chance: Floats, bad: Floats, size: float
    ):
        self.first, self.second, self.by_chance, self.size = first, second, by_chance, size
        self.columns = int(second.max()) + 1
        self.against = np.flatnonzero(first == 0)  # t of benchmark less column
        self.spa = float(np.quantile((bad[1:] - by_chance[:, self.against]).max(axis=1), 0.95))
        self.alone = float(np.quantile(-by_chance[:, self.against[0]], 0.95))
        self.critical: dict[tuple[bool, ...], float] = {}

    def found(self, t: Floats) -> float:
        """The share of replications t (reps, pairs) in which the model is found better."""
        gain = -t[:, self.against]
        likely = (gain[:, 0] > self.alone) & (gain.max(axis=1) > self.spa)
        return float(self._in_set(t[likely]).sum() / len(t))

    def _in_set(self, t: Floats) -> NDArray[np.bool_]:
        """Where the confidence set leaves the benchmark out and keeps the model."""
        left = np.ones((len(t), self.columns), bool)
        going = np.arange(len(t))
        while len(going):
            bits = np.packbits(left[going], axis=1)  # as one text each: rows of truth values sort slowly
            _, one, group = np.unique(bits.view(f"S{bits.shape[1]}"), return_index=True, return_inverse=True)
            further = []
            for number, mask in enumerate(left[going[one]]):
                rows = going[group.ravel() == number]
                among = np.flatnonzero(mask[self.first] & mask[self.second])
                if not len(among):
                    continue
                pair = among[np.abs(t[np.ix_(rows, among)]).argmax(axis=1)]
                rejected = np.abs(t[rows, pair]) > self._critical(mask, among)
                rows, pair = rows[rejected], pair[rejected]
                worst = np.where(t[rows, pair] < 0, self.first[pair], self.second[pair])
                left[rows, worst] = False
                further.append(rows)
            going = np.concatenate(further) if further else going[:0]
        return left[:, 1] & ~left[:, 0]

    def _critical(self, mask: NDArray[np.bool_], among: NDArray[np.int64]) -> float:
        key = tuple(mask.tolist())
        if key not in self.critical:
            largest = np.abs(self.by_chance[:, among]).max(axis=1)
            self.critical[key] = float(np.quantile(largest, 1 - self.size))
        return self.critical[key]
