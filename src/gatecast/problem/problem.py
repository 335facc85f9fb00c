"""Problem: prices as arrays; row i knows sessions up to i, its targets are the sessions after."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gatecast._typing import Floats, Integers
from gatecast.data.prices import Prices
from gatecast.errors import SettingError, did_you_mean
from gatecast.problem import features as feature_rules
from gatecast.problem import targets as target_rules
from gatecast.problem.features import FeatureFunction
from gatecast.problem.volatility import ewma_volatility, log_returns, range_variance
from gatecast.user_functions import named_function


@dataclass(frozen=True)
class Problem:
    """The rows of a `Prices` as arrays. An origin is a row number.

    features  (rows, F) float32, known at the close of the row's session
    names     F names
    anchor    (rows,) price of the forecast column; what naive forecasts
    close     (rows,) the close
    spread    (rows,) volatility of a session's log return, known at its close: see `ewma_volatility`
    range_variance (rows,) variance of a bar's log return as its range tells it: see `range_variance`
    targets   (rows, h) log returns from the origin or prices; NaN past the symbol's end
    symbol    (rows,) index into `symbols`
    session   (rows,) datetime64[D]
    first     (rows,) first row of the row's symbol
    last      (rows,) its last row
    ready     (rows,) True where a whole window of `lookback` rows with features ends
    """

    features: NDArray[np.float32]
    names: tuple[str, ...]
    anchor: Floats
    close: Floats
    spread: Floats
    range_variance: Floats
    targets: Floats
    symbols: tuple[str, ...]
    symbol: Integers
    session: NDArray[np.datetime64]
    first: Integers
    last: Integers
    ready: NDArray[np.bool_]
    target: str
    lookback: int
    horizon: int

    @cached_property
    def due(self) -> NDArray[np.datetime64]:
        """(rows,) the session of each row's last target; NaT where it is not known yet."""
        row = np.arange(len(self.session)) + self.horizon
        known = row <= self.last
        return np.where(known, self.session[np.minimum(row, len(row) - 1)], np.datetime64("NaT"))

    @cached_property
    def sessions(self) -> NDArray[np.datetime64]:
        """Every session of any symbol, once, in order."""
        return np.unique(self.session)

    def dates(self, origins: Integers) -> NDArray[np.datetime64]:
        """(N, h) the sessions that the targets of `origins` speak of."""
        return self.session[origins[:, None] + np.arange(1, self.horizon + 1)]

    def later(self, origins: Integers) -> Floats:
        """(N, h) the prices that came after `origins`."""
        row = origins[:, None] + np.arange(1, self.horizon + 1)
        known = row <= self.last[origins, None]
        return np.where(known, self.anchor[np.minimum(row, len(self.anchor) - 1)], np.nan)

    def later_returns(self, origins: Integers) -> Floats:
        """(N, h) the log returns from `origins` to those prices."""
        return np.log(self.later(origins) / self.anchor[origins, None])

    @cached_property
    def returns(self) -> Floats:
        """(rows,) log returns of the forecast column; NaN at each symbol's first row."""
        return log_returns(self.anchor, self.first)

    def unit(self, origins: Integers) -> Floats:
        """(N, h) the known volatility of k sessions, spread · sqrt(k), in log return; the unit of ranges."""
        return self.spread[origins, None] * np.sqrt(np.arange(1, self.horizon + 1))

    def to_price(self, target: Floats, origins: Integers) -> Floats:
        """Targets (…, N, h) of `origins` (N,) as prices."""
        return target_rules.to_price(self.target, target, self.anchor[origins])


def make_problem(
    prices: Prices,
    *,
    lookback: int,
    horizon: int,
    target: str = "return",
    column: str = "close",
    features: str | FeatureFunction | None = None,
    ranged: bool = False,
) -> Problem:
    """Cut `prices` into a problem.

    features: a function, "module:function", or None for the defaults: without a level (returns, range, body,
    volume change) for the target "return", the prices and the volume themselves for the target "close"; what
    tells of volatility where networks forecast ranges (`ranged`).

    Raises
        SettingError: no such column; a feature function that fails, or reads the future.
    """
    table = prices.table
    _check_column(table, column)
    frame = _features(prices, features, target, column, ranged)
    rows = np.arange(len(table))
    sizes = np.diff(np.append(prices.first, len(table)))
    first = np.repeat(prices.first, sizes)
    last = first + np.repeat(sizes, sizes) - 1
    anchor = table[column].to_numpy(dtype=np.float64)
    usable = np.isfinite(frame.to_numpy()).all(axis=1)
    began = _first_usable(usable, prices.first, sizes)
    later = target_rules.later_prices(anchor, last, horizon)
    return Problem(
        features=np.nan_to_num(frame.to_numpy(), nan=0.0).astype(np.float32),
        names=tuple(map(str, frame.columns)),
        anchor=anchor,
        close=table["close"].to_numpy(dtype=np.float64),
        spread=ewma_volatility(log_returns(anchor, first), first),
        range_variance=range_variance(table, first),
        targets=target_rules.to_target(target, later, anchor),
        symbols=prices.symbols,
        symbol=np.repeat(np.arange(len(sizes)), sizes),
        session=table["session"].to_numpy().astype("datetime64[D]"),
        first=first,
        last=last,
        ready=rows - began >= lookback - 1,
        target=target,
        lookback=lookback,
        horizon=horizon,
    )


def _features(
    prices: Prices, features: str | FeatureFunction | None, target: str, column: str, ranged: bool
) -> pd.DataFrame:
    if features is not None:
        function = named_function(features, "features") if isinstance(features, str) else features
        return feature_rules.custom_features(prices, function)
    if ranged:
        return feature_rules.range_features(prices, column)
    if target == "return":
        return feature_rules.return_features(prices, column)
    return feature_rules.level_features(prices, column)


def _first_usable(usable: NDArray[np.bool_], starts: Integers, sizes: Integers) -> Integers:
    """(rows,) the first row with features of each row's symbol (its end where there is none)."""
    rows = np.where(usable, np.arange(len(usable)), len(usable))
    return np.repeat(np.minimum.reduceat(rows, starts), sizes)


def _check_column(table: pd.DataFrame, column: str) -> None:
    known = [name for name in table.columns if name not in ("symbol", "session")]
    if column not in known:
        raise SettingError(
            f'column "{column}" is not in the data ({", ".join(known)}).{did_you_mean(column, known)}'
        )
    values = table[column].to_numpy(dtype=np.float64)
    bad = ~(np.isfinite(values) & (values > 0))
    if bad.any():
        row = int(np.argmax(bad))
        where = f"{table['symbol'].iloc[row]} on {table['session'].iloc[row]:%Y-%m-%d}"
        raise SettingError(
            f'column "{column}" cannot be forecast: {bad.sum()} rows are missing or not above 0, '
            f"the first {where}. Forecast the close, or fill that column"
        )
