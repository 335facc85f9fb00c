"""The long-run covariance of losses, under every test of them, their intervals and statements of power.

The bands of coverage and the slope of the lag, which are no losses, use `gatecast.evaluation.hac`.

Equal-weighted cosine estimator of Lazarus, Lewis, Stock and Watson (2018): B weighted averages of the series,
which are nearly independent and normal whatever the autocorrelation at short lags is. Their mean square is
the variance of sqrt(n) times the mean, and a t-statistic made of it has Student's t with B degrees of
freedom. The libraries at hand have Newey and West's estimator only, which rejects too often where forecasts
overlap.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from gatecast._typing import Floats
from gatecast.formatting import decimals_beside, number
from gatecast.language import say

MOST_WEIGHTED = 20_000  # dates whose weights are laid out; of more, a fast cosine transform
MIN_PERIODS = 8  # independent ones, n / h; with fewer there is no test
MIN_DATES = 20
MOST_POOLED = 16  # cosines for several symbols, whose common losses have a longer memory


def cosines(dates: int, horizon: int, *, pooled: bool = False) -> int:
    """The number B of cosines, the degrees of freedom: min(0.41 n^(2/3), n / (2 h), 16 if pooled)."""
    most = [0.41 * dates ** (2 / 3), dates / (2 * horizon)] + [MOST_POOLED] * pooled
    return max(int(min(most)), 1)


def cosine_averages(x: ArrayLike, count: int) -> Floats:
    """(B, k) the weighted sums sqrt(2 / n) Σ_t cos(π j (t - 1/2) / n) x_t, j = 1 … B, of series x (n, k).

    The weights of each cosine add up to zero, so a constant added to a series changes nothing.
    """
    x = np.asarray(x, dtype=np.float64)
    centred = x - x.mean(axis=0)
    if len(x) > MOST_WEIGHTED:
        from scipy.fft import dct

        return np.asarray(dct(centred, type=2, axis=0)[1 : count + 1] / np.sqrt(2 * len(x)))
    return _weights(len(x), count) @ centred


@lru_cache(maxsize=8)
def _weights(n: int, count: int) -> Floats:
    """(B, n) of the dates in each cosine; the same for all pairs of models of a comparison."""
    angles = np.pi * np.outer(np.arange(1, count + 1), np.arange(n) + 0.5) / n
    return np.sqrt(2 / n) * np.cos(angles)


def variance_of_mean(x: ArrayLike, count: int) -> float:
    """Of a series (n,): the mean square of its `count` cosine averages, by n."""
    return float(np.mean(cosine_averages(x, count) ** 2) / len(np.asarray(x)))


def draws(averages: Floats, reps: int, seed: int) -> tuple[Floats, Floats]:
    """What the mean and the cosine averages of series with this covariance look like by chance; seeded.

    averages  (B, k) of the data
    Returns (reps, k) the means times sqrt(n), and (reps, B, k) the cosine averages: normal with the
    covariance averages' averages / B, independent of each other.
    """
    count = len(averages)
    root = np.linalg.qr(averages, mode="r") / np.sqrt(count)
    drawn = np.random.default_rng(seed).standard_normal((reps, count + 1, len(root))) @ root
    return drawn[:, 0], drawn[:, 1:]


def t_statistics(means: Floats, averages: Floats) -> Floats:
    """(…, k) the means times sqrt(n), (…, k), by the root mean square of their cosine averages (…, B, k)."""
    return means / np.sqrt(np.mean(averages**2, axis=-2))


def too_few(dates: int, horizon: int) -> str:
    """Why so many dates are too few for a test, or ''."""
    if dates < MIN_DATES:
        return say("only {dates} origin dates; the tests need {least}", dates=dates, least=MIN_DATES)
    periods = dates / horizon
    if periods < MIN_PERIODS:
        return say(
            "{dates} dates at {horizon} steps are about {periods} independent periods; the tests need "
            "{least}, which takes {needed} dates",
            dates=dates,
            horizon=horizon,
            periods=number(periods, decimals_beside(MIN_PERIODS, periods, 1)),
            least=MIN_PERIODS,
            needed=MIN_PERIODS * horizon,
        )
    return ""
