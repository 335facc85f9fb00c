"""Is the forecast an old price, shifted? And does the rest of it know anything?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gatecast._typing import Floats
from gatecast.evaluation.hac import long_run_variance, newey_west_lags
from gatecast.forecasts import Forecasts

BEYOND = 20  # sessions before the origin that are looked at
FAR_TOO_LARGE = 0.2  # a slope below it: the forecast change is over five times what comes of it
STILL = 1e-12  # a change below this fraction of the price is rounding


@dataclass(frozen=True)
class Lag:
    """How a model's forecast of its last step (h sessions ahead) relates to what was known and what came.

    lag     the k for which the forecast for a day is nearest to the price k sessions before that day;
            h: nearest to the last known price, as naive; None where no k can be told
    copy    1 - rms(forecast - anchor) / rms(actual - anchor): the share of the forecast that is the last
            price; naive 1; below 0 where the forecast moves more than the price; NaN with a `reason`
    slope   of the actual change on the forecast change, both as fractions of the anchor; 1 is ideal, 0 no
            signal; t its t-value, p two-sided; NaN with a `reason`
    """

    model: str
    horizon: int
    lag: int | None
    copy: float
    slope: float
    t: float
    p: float
    reason: str = ""

    @property
    def sentence(self) -> str:
        """The finding in plain words, without a full stop."""
        yesterday = "yesterday" if self.horizon == 1 else "the last known price"
        if self.copy >= 1 - STILL:
            return f"{self.model} is {yesterday} and nothing else: it never forecasts a change"
        if np.isnan(self.copy):
            return f"{self.model} cannot be compared with {yesterday}: {self.reason}"
        if self.lag is not None and self.lag > self.horizon:
            late = f"its forecast for a day is nearest to the price {self.lag} sessions before that day"
            return f"{self.model} runs behind: {late}, and {self._signal('the change it forecasts')}"
        if self.copy < 0.5:
            joint = "and" if self.p < 0.05 and self.slope > 0 else "but"
            signal = self._signal("the change it forecasts")
            return f"{self.model} is not a copy of {yesterday}, {joint} {signal}"
        verb = "repeats" if self.copy >= 0.8 else "leans on"
        share = f"{100 * self.copy:.0f} %" if self.copy < 0.995 else "more than 99 %"
        return f"{self.model} {verb} {yesterday}: {share} of it is the last close; {self._signal('the rest')}"

    def _signal(self, rest: str) -> str:
        if np.isnan(self.t):
            return f"{rest} never varies, so it says nothing about a single day"
        if self.p < 0.05 and 0 < self.slope < FAR_TOO_LARGE:
            link = f"leans the right way but is {1 / self.slope:.0f} times too large"
        elif self.p < 0.05:
            link = "goes with what came" if self.slope > 0 else "points the wrong way"
        else:
            link = "has nothing to do with what came" if abs(self.t) < 1 else "has no clear link to what came"
        return f"{rest} {link} (slope {_number(self.slope, 2)}, t = {_number(self.t, 1)})"

    def as_dict(self) -> dict[str, Any]:
        """Plain data; undefined numbers are NaN."""
        return asdict(self) | {"sentence": self.sentence}


@np.errstate(over="ignore", invalid="ignore")
def lags(forecasts: Forecasts, history: Mapping[str, pd.Series[float]]) -> dict[str, Lag]:
    """Model → Lag, of the last step.

    history  symbol → its prices (the forecast column), indexed by session, every origin among them
    All errors are fractions of the anchor, pooled over symbols. KeyError where an origin has no price.
    """
    past = _past(forecasts, history)
    actual = forecasts.actual[:, -1] / forecasts.anchor - 1
    found = {}
    for model, forecast in forecasts.forecast.items():
        last = forecast[:, -1]
        change = (last - forecasts.anchor) / forecasts.anchor
        found[model] = _lag(model, forecasts, last, change, actual, past)
    return found


def signal(
    forecast_change: Floats, actual_change: Floats, date: NDArray[Any], horizon: int
) -> tuple[float, float]:
    """Slope of the actual change on the forecast change (with intercept), and its t-value.

    forecast_change, actual_change, date  (n,); rows of one date are one observation
    Mincer and Zarnowitz (1969). The variance is that of Driscoll and Kraay (1998): Newey and West over the
    sums per date, so that symbols that move together count as what they are; with one symbol it is theirs.
    (NaN, NaN) where the forecast change never varies or there are fewer than 3 dates.
    """
    x = forecast_change - forecast_change.mean()
    if np.abs(x).max() <= STILL:
        return np.nan, np.nan
    slope = float(x @ actual_change / (x @ x))
    residual = actual_change - actual_change.mean() - slope * x
    _, day = np.unique(date, return_inverse=True)
    of_date = np.bincount(day, weights=x * residual)
    dates = len(of_date)
    if dates < 3:
        return np.nan, np.nan
    variance = dates * long_run_variance(of_date, newey_west_lags(dates, horizon), "bartlett") / (x @ x) ** 2
    return slope, float(slope / np.sqrt(variance)) if variance > 0 else np.nan


def _lag(
    model: str, forecasts: Forecasts, forecast: Floats, change: Floats, actual: Floats, past: Floats
) -> Lag:
    from scipy.stats import t as student

    horizon = forecasts.horizon

    def undefined(reason: str) -> Lag:
        return Lag(model, horizon, None, np.nan, np.nan, np.nan, np.nan, reason)

    if not np.isfinite(_rms(change)):
        return undefined("a forecast is not a finite number, or too large to square")
    if np.abs(actual).max() <= STILL:
        return undefined("the price never moves")
    copy = 1 - _rms(change) / _rms(actual)
    slope, t = signal(change, actual, forecasts.origin, horizon)
    p = float(2 * student.sf(abs(t), len(np.unique(forecasts.origin)) - 2)) if np.isfinite(t) else np.nan
    reason = "" if np.isfinite(t) else "the change it forecasts never varies"
    return Lag(model, horizon, _nearest(forecast, forecasts.anchor, past, horizon), copy, slope, t, p, reason)


def _nearest(forecast: Floats, anchor: Floats, past: Floats, horizon: int) -> int | None:
    """The column of `past` nearest to the forecast; naive's where it ties.

    None where it is the oldest: the forecast is off in level, and still older prices may be nearer.
    """
    known = np.isfinite(past).all(1)
    if not known.any():
        return None
    error = (forecast[known, None] - past[known]) / anchor[known, None]
    distance = np.sqrt(np.mean(np.square(error), axis=0))
    best = int(distance.argmin())
    if distance[horizon] <= distance[best]:
        return horizon
    return best if best < len(distance) - 1 else None


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


def _number(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return text if float(text) else text.lstrip("-")
