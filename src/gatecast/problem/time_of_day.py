"""The time of day in volatility: how much larger the moves of bars are at some hours than at others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int64, Shaped
from scipy.special import chdtri

from gatecast.data.prices import Prices
from gatecast.data.timetable import Timetable, minutes_of_day
from gatecast.errors import DataError
from gatecast.settings.frequency import is_intraday

SLOW = 5  # days over which the usual size of a move is taken: no hour moves it
HALF_LIFE = 120  # days, after which a day counts half
FEWEST = 20  # days before a pattern is looked for
SIGNIFICANT = 0.001  # the level at which a chi-squared test finds a pattern; until it does, there is none
TINY = 1e-300
LEAST, MOST = 0.2, 5.0  # of the size of an average bar's move


@dataclass(frozen=True)
class TimeOfDay:
    """The pattern of one symbol's days, as it was known when each of them began.

    days     (D,) ascending
    minutes  (M,) of the day, at which bars are dated, ascending
    factors  (D, M) standard deviation of the log return of such a bar, in units of that of an average bar;
             their mean square is 1; from the days before alone
    """

    days: Shaped[np.ndarray, " days"]
    minutes: Int64[np.ndarray, " minutes"]
    factors: Float64[np.ndarray, "days minutes"]

    def at(
        self, known: Shaped[np.ndarray, " bars"], times: Shaped[np.ndarray, "*times"]
    ) -> Float64[np.ndarray, "*times"]:
        """The factors of bars at `times`, as known on the day of `known`; 1 at a time that is new."""
        day = np.searchsorted(self.days, known.astype("datetime64[D]"))
        minute = minutes_of_day(np.where(np.isnat(times), np.datetime64(0, "s"), times))
        place = np.minimum(np.searchsorted(self.minutes, minute), len(self.minutes) - 1)
        day = day.reshape(day.shape + (1,) * (times.ndim - 1))
        return np.where(self.minutes[place] == minute, self.factors[day, place], 1.0)

    def variance_ahead(
        self, times: Shaped[np.ndarray, " rows"], timetable: Timetable, horizon: int
    ) -> Float32[np.ndarray, "rows horizon"]:
        """The variance of the log return to each step in that of an average bar: a sum of squared factors."""
        try:
            later = timetable.after(times[-1], horizon)
        except DataError:
            later = np.full(horizon, np.datetime64("NaT", "s"))
        every = np.concatenate([times, later])
        total = np.zeros(len(times))
        ahead = np.empty((len(times), horizon), np.float32)
        for step in range(1, horizon + 1):
            total = total + self.at(times, every[step : step + len(times)]) ** 2
            ahead[:, step - 1] = total
        return ahead


def of_average_bars(
    prices: Prices, returns: Float64[np.ndarray, " rows"], horizon: int
) -> tuple[Float64[np.ndarray, " rows"], Float32[np.ndarray, "told steps"]]:
    """Log returns over the factor of their time of day, and `variance_ahead`; of longer bars as they are."""
    if not is_intraday(prices.frequency):
        return returns, np.zeros((0, 0), np.float32)
    average, ahead = returns.copy(), np.empty((len(returns), horizon), np.float32)
    ends = np.append(prices.first[1:], len(returns))
    for symbol, start, end in zip(prices.symbols, prices.first, ends, strict=True):
        own = slice(start, end)
        times = prices.times[own]
        pattern = time_of_day(returns[own], times)
        average[own] = returns[own] / pattern.at(times, times)
        ahead[own] = pattern.variance_ahead(times, prices.timetable[symbol], horizon)
    return average, ahead


def time_of_day(returns: Float64[np.ndarray, " rows"], times: Shaped[np.ndarray, " rows"]) -> TimeOfDay:
    """The pattern of the days of one symbol.

    returns: log returns, NaN where there is none; times: (rows,) datetime64[s], ascending.

    Of each bar the size of its return |r|, over the mean size of the bars of the five days before its own.
    The factor of a time of day on day d is the mean of these sizes over the bars at that time on days before
    d, a day of 120 days ago counting half, over their mean at all times; shrunk towards 1 by the share of
    its variance between times that chance explains (as James and Stein, 1961). It is 1 for the first 20
    days, and until that variance is significant at 0.1 %: where the data show no pattern there is none.
    Andersen and Bollerslev (1997), Intraday periodicity and volatility persistence in financial markets,
    call it the intraday periodic component.
    """
    days, day = np.unique(times.astype("datetime64[D]"), return_inverse=True)
    minutes, place = np.unique(minutes_of_day(times), return_inverse=True)
    size = np.abs(returns)
    known = np.isfinite(size)
    count = np.bincount(day[known], minlength=len(days)).astype(np.float64)
    total = np.bincount(day[known], weights=size[known], minlength=len(days))
    usual = _before(total, SLOW) / np.maximum(_before(count, SLOW), 1)
    known &= (usual > 0)[day]
    relative = np.zeros(len(size))
    relative[known] = size[known] / usual[day[known]]
    cell = day * len(minutes) + place
    number, summed, squared = (
        np.bincount(cell[known], weights=weights, minlength=len(days) * len(minutes)).reshape(len(days), -1)
        for weights in (np.ones(int(known.sum())), relative[known], relative[known] ** 2)
    )
    return TimeOfDay(days, minutes.astype(np.int64), _factors(number, summed, squared))


def _before(values: Float64[np.ndarray, " days"], width: int) -> Float64[np.ndarray, " days"]:
    """The sum over the `width` days before each."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    end = np.arange(len(values))
    return total[end] - total[np.maximum(end - width, 0)]


def _factors(
    number: Float64[np.ndarray, "days minutes"],
    summed: Float64[np.ndarray, "days minutes"],
    squared: Float64[np.ndarray, "days minutes"],
) -> Float64[np.ndarray, "days minutes"]:
    decay = 0.5 ** (1 / HALF_LIFE)
    n, s, q, w = (np.zeros(number.shape[1]) for _ in range(4))  # w: sum of squared weights
    factors = np.ones(number.shape)
    for d in range(len(number)):
        if d >= FEWEST and n.sum() > 0:
            factors[d] = _shrunk(n, s, q, w)
        n, s, q = decay * n + number[d], decay * s + summed[d], decay * q + squared[d]
        w = decay**2 * w + number[d]
    return factors


def _shrunk(
    n: Float64[np.ndarray, " minutes"],
    s: Float64[np.ndarray, " minutes"],
    q: Float64[np.ndarray, " minutes"],
    w: Float64[np.ndarray, " minutes"],
) -> Float64[np.ndarray, " minutes"]:
    """The factors of one day, of the weighted counts, sums and sums of squares before it."""
    seen = n > 0
    level = s.sum() / n.sum()
    mean = np.where(seen, s / np.where(seen, n, 1.0), level)
    variance = max(q.sum() / n.sum() - level**2, 0.0)
    noise = np.where(seen, variance * w / np.where(seen, n, 1.0) ** 2, 0.0)  # of a mean
    between = float(np.average((mean - level) ** 2 - noise, weights=n))
    chi_squared = float(np.sum((mean - level)[seen] ** 2 / np.maximum(noise[seen], TINY)))
    if between <= 0 or chi_squared < chdtri(max(int(seen.sum()) - 1, 1), SIGNIFICANT):
        return np.ones(len(n))
    share = np.where(seen, between / (between + noise), 0.0)
    factor = np.clip(1 + share * (mean / level - 1), LEAST, MOST)
    return factor / np.sqrt(np.average(factor**2, weights=n))
