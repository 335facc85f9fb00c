"""Is the forecast an old price, shifted? And is the change it forecasts related to the actual change?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gatecast._typing import Floats
from gatecast.evaluation.hac import long_run_variance, newey_west_lags
from gatecast.evaluation.sentences import COPY, SIGNAL
from gatecast.forecasts import Forecasts
from gatecast.formatting import number, percent
from gatecast.language import marked, means, say
from gatecast.problem.moves import LOG_RETURN
from gatecast.settings.frequency import DAILY, a_bar, count_sessions, noun

BEYOND = 20  # sessions before the origin that are looked at
FAR_TOO_LARGE = 0.2  # a slope below it: the forecast change is over five times the actual one it goes with
FEWEST = 3  # dates, for a slope with an error
CONSTANT = marked("the change it forecasts never varies")
STILL = 1e-12  # a change below this fraction of the price is rounding


@dataclass(frozen=True)
class Lag:
    """How a model's forecast of its last step, h sessions ahead, relates to past prices and the actual one.

    lag     the k for which the forecast for a day is nearest to the price k sessions before that day;
            h: nearest to the last known price, as naive; None where no k can be found
    copy    1 - rms(forecast - anchor) / rms(actual - anchor): how much smaller than the actual changes the
            forecast ones are; naive 1; below 0 where they are larger; NaN with a `reason`
    slope   of the actual change on the forecast change, both as fractions of the anchor, or as differences;
            1 is ideal, 0 no signal; t its t-value, p two-sided; NaN with a `reason`
    frequency  of the bars
    """

    model: str
    horizon: int
    lag: int | None
    copy: float
    slope: float
    t: float
    p: float
    reason: str = ""
    frequency: str = DAILY

    @property
    def sentences(self) -> tuple[str, ...]:
        """What the forecast resembles, and whether the change that it forecasts is of use."""
        copy = say(
            COPY[self._copy],
            model=self.model,
            reason=self.reason,
            sessions="" if self.lag is None else count_sessions(self.lag, self.frequency),
            size=self.size,
            bar=noun(self.frequency),
            a_bar=a_bar(self.frequency),
        )
        return (copy,) if self._copy in ("only", "undefined") else (copy, self._signal)

    @property
    def sentence(self) -> str:
        """The same as one text."""
        return " ".join(self.sentences)

    @property
    def size(self) -> str:
        """The forecast changes as a share of the actual ones, in words: "7 %", "less than 1 %"."""
        return percent(1 - self.copy, 0) if self.copy < 0.995 else say("less than 1 %")

    @property
    def _copy(self) -> str:
        if self.copy >= 1 - STILL:
            return "only"
        if np.isnan(self.copy):
            return "undefined"
        if self.lag is not None and self.lag > self.horizon:
            return "behind"
        return "apart" if self.copy < 0.5 else "most" if self.copy >= 0.8 else "some"

    @property
    def _signal(self) -> str:
        if means(self.reason, CONSTANT):
            return say(SIGNAL["constant"], bar=noun(self.frequency))
        if self.reason:
            return say(SIGNAL["untested"], reason=self.reason)
        if self.p >= 0.05:
            kind = "no evidence"
        elif self.slope > 0:
            kind = "too large" if self.slope < FAR_TOO_LARGE else "follows"
        else:
            kind = "opposite"
        times = f"{1 / self.slope:.0f}" if self.slope else ""
        return say(SIGNAL[kind], times=times, slope=number(self.slope, 2), t=number(self.t, 1))

    def as_dict(self) -> dict[str, Any]:
        """Plain data; undefined numbers are NaN."""
        return asdict(self) | {"sentence": self.sentence}


@np.errstate(over="ignore", invalid="ignore")
def lags(forecasts: Forecasts, history: Mapping[str, pd.Series[float]]) -> dict[str, Lag]:
    """Model → Lag, of the last step.

    history  symbol → its prices (the forecast column), indexed by session, every origin among them
    All errors are fractions of the anchor, or differences in units of naive's error in training, pooled over
    symbols. KeyError where an origin has no price.
    """
    past = _past(forecasts, history)
    base = _base(forecasts)
    actual = _actual_change(forecasts, base)
    found = {}
    for model, forecast in forecasts.forecast.items():
        last = forecast[:, -1]
        change = (last - forecasts.anchor) / base
        found[model] = _lag(model, forecasts, last, change, actual, past, base)
    return found


def signal(
    forecast_change: Floats, actual_change: Floats, date: NDArray[Any], horizon: int
) -> tuple[float, float]:
    """Slope of the actual change on the forecast change (with intercept), and its t-value.

    forecast_change, actual_change, date  (n,); rows of one date are one observation
    Mincer and Zarnowitz (1969). The variance is that of Driscoll and Kraay (1998): Newey and West over the
    sums per date, so that symbols that move together count as what they are; with one symbol it is theirs.
    (NaN, NaN) where the forecast change never varies or there are fewer than 3 dates; a t-value of NaN where
    the fit leaves no error.
    """
    x = forecast_change - forecast_change.mean()
    if np.abs(x).max() <= STILL:
        return np.nan, np.nan
    slope = float(x @ actual_change / (x @ x))
    residual = actual_change - actual_change.mean() - slope * x
    _, day = np.unique(date, return_inverse=True)
    of_date = np.bincount(day, weights=x * residual)
    dates = len(of_date)
    if dates < FEWEST:
        return np.nan, np.nan
    variance = dates * long_run_variance(of_date, newey_west_lags(dates, horizon), "bartlett") / (x @ x) ** 2
    return slope, float(slope / np.sqrt(variance)) if variance > 0 else np.nan


def _lag(
    model: str,
    forecasts: Forecasts,
    forecast: Floats,
    change: Floats,
    actual: Floats,
    past: Floats,
    base: Floats,
) -> Lag:
    from scipy.special import stdtr

    horizon = forecasts.horizon

    def undefined(reason: str) -> Lag:
        nan = np.nan
        return Lag(model, horizon, None, nan, nan, nan, nan, reason, forecasts.frequency)

    if not np.isfinite(_rms(change)):
        return undefined(say("a forecast is not a finite number, or too large to square"))
    if np.abs(actual).max() <= STILL:
        return undefined(say("the price never moves"))
    copy = 1 - _rms(change) / _rms(actual)
    slope, t = signal(change, actual, forecasts.origin, horizon)
    dates = len(np.unique(forecasts.origin))
    p = float(2 * stdtr(dates - 2, -abs(t))) if np.isfinite(t) else np.nan
    if np.isfinite(t):
        reason = ""
    elif dates < FEWEST:
        reason = say("only {dates} origin dates; a slope needs {least}", dates=dates, least=FEWEST)
    else:
        reason = say(CONSTANT) if np.isnan(slope) else say("the slope has no error")
    nearest = _nearest(forecast, base, past, horizon)
    return Lag(model, horizon, nearest, copy, slope, t, p, reason, forecasts.frequency)


def _nearest(forecast: Floats, base: Floats, past: Floats, horizon: int) -> int | None:
    """The column of `past` nearest to the forecast; naive's where it ties.

    None where it is the oldest: the forecast is off in level, and still older prices may be nearer.
    """
    known = np.isfinite(past).all(1)
    if not known.any():
        return None
    error = (forecast[known, None] - past[known]) / base[known, None]
    distance = np.sqrt(np.mean(np.square(error), axis=0))
    best = int(distance.argmin())
    if distance[horizon] <= distance[best]:
        return horizon
    return best if best < len(distance) - 1 else None


def _base(forecasts: Forecasts) -> Floats:
    """(N,) what changes are divided by: differences of several symbols may be in several units."""
    usual = np.sqrt(forecasts.naive_mse)
    return forecasts.base if forecasts.move.name == LOG_RETURN.name else np.where(usual > 0, usual, 1.0)


def _actual_change(forecasts: Forecasts, base: Floats) -> Floats:
    change = forecasts.move.change(forecasts.actual[:, -1], forecasts.anchor)
    return change if forecasts.move.name == LOG_RETURN.name else change / base


def _past(forecasts: Forecasts, history: Mapping[str, pd.Series[float]]) -> Floats:
    """(N, h + 1 + BEYOND): column k is the price k sessions before the day of the last step, NaN if none."""
    horizon = forecasts.horizon
    back = horizon - np.arange(horizon + 1 + BEYOND)
    past = np.full((len(forecasts.symbol), len(back)), np.nan)
    for i, symbol in enumerate(forecasts.symbols):
        rows = np.flatnonzero(forecasts.symbol == i)
        if len(rows) == 0:
            continue
        series = history[symbol]
        prices = np.append(series.to_numpy(dtype=np.float64), np.nan)
        at = pd.DatetimeIndex(series.index).get_indexer(pd.DatetimeIndex(forecasts.origin[rows]))
        if (at < 0).any():
            raise KeyError(f"{symbol} has no price in history on {forecasts.origin[rows][at < 0][0]}")
        place = at[:, None] + back
        past[rows] = prices[np.where((place >= 0) & (place < len(series)), place, len(series))]
    return past


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
