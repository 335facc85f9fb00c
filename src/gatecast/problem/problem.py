"""Problem: prices as arrays; row i knows sessions up to i, its targets are the sessions after."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float32, Float64, Int64, Shaped

from gatecast.data.prices import Prices
from gatecast.errors import SettingError, did_you_mean
from gatecast.formatting import brief
from gatecast.problem import features as feature_rules
from gatecast.problem import targets as target_rules
from gatecast.problem.features import FeatureFunction
from gatecast.problem.volatility import ewma_volatility, log_returns, range_variance
from gatecast.user_functions import named_function

ROW_ARRAYS = ("features", "anchor", "close", "volatility", "range_variance", "symbol", "session")


@dataclass(frozen=True)
class Problem:
    """The rows of a `Prices` as arrays. An origin is a row number.

    features  known at the close of the row's bar; NaN where they are not defined
    names     of the features
    anchor    price of the forecast column; what naive forecasts
    close     the close
    volatility of a bar's log return, known at its close: see `ewma_volatility`
    range_variance variance of a bar's log return by its range: see `gatecast.problem.volatility`
    symbols   names
    symbol    index into `symbols`; the rows of a symbol follow each other
    session   datetime64[D]
    target    "return" or "close"
    lookback  bars of a window
    horizon   h, steps ahead
    table     the prices themselves, row for row; None where only windows are kept
    """

    features: Float32[np.ndarray, "rows features"]
    names: tuple[str, ...]
    anchor: Float64[np.ndarray, " rows"]
    close: Float64[np.ndarray, " rows"]
    volatility: Float64[np.ndarray, " rows"]
    range_variance: Float64[np.ndarray, " rows"]
    symbols: tuple[str, ...]
    symbol: Int64[np.ndarray, " rows"]
    session: Shaped[np.ndarray, " rows"]
    target: str
    lookback: int
    horizon: int
    table: pd.DataFrame | None = None

    __repr__ = brief

    @cached_property
    def first(self) -> Int64[np.ndarray, " rows"]:
        """The first row of each row's symbol."""
        starts, sizes = self._spans
        return np.repeat(starts, sizes)

    @cached_property
    def last(self) -> Int64[np.ndarray, " rows"]:
        """The last row of each row's symbol."""
        starts, sizes = self._spans
        return np.repeat(starts + sizes - 1, sizes)

    @cached_property
    def targets(self) -> Float64[np.ndarray, "rows horizon"]:
        """Log returns from the origin, or prices; NaN past the symbol's end."""
        later = target_rules.later_prices(self.anchor, self.last, self.horizon)
        return target_rules.to_target(self.target, later, self.anchor)

    @cached_property
    def ready(self) -> Bool[np.ndarray, " rows"]:
        """True where a whole window of `lookback` rows with features ends."""
        starts, sizes = self._spans
        rows = np.arange(len(self.symbol))
        usable = np.where(np.isfinite(self.features).all(axis=1), rows, len(rows))
        began = np.repeat(np.minimum.reduceat(usable, starts), sizes)
        return rows - began >= self.lookback - 1

    @cached_property
    def due(self) -> Shaped[np.ndarray, " rows"]:
        """The session of each row's last target; NaT where it is not known yet."""
        row = np.arange(len(self.session)) + self.horizon
        known = row <= self.last
        return np.where(known, self.session[np.minimum(row, len(row) - 1)], np.datetime64("NaT"))

    @cached_property
    def sessions(self) -> Shaped[np.ndarray, " sessions"]:
        """Every session of any symbol, once, in order."""
        return np.unique(self.session)

    def dates(self, origins: Int64[np.ndarray, " origins"]) -> Shaped[np.ndarray, "origins horizon"]:
        """The sessions that the targets of `origins` speak of."""
        return self.session[origins[:, None] + np.arange(1, self.horizon + 1)]

    def actual(self, origins: Int64[np.ndarray, " origins"]) -> Float64[np.ndarray, "origins horizon"]:
        """The actual prices of the h bars after `origins`; NaN past the symbol's end."""
        row = origins[:, None] + np.arange(1, self.horizon + 1)
        known = row <= self.last[origins, None]
        return np.where(known, self.anchor[np.minimum(row, len(self.anchor) - 1)], np.nan)

    def actual_returns(
        self, origins: Int64[np.ndarray, " origins"]
    ) -> Float64[np.ndarray, "origins horizon"]:
        """The actual log returns from `origins` to those prices."""
        return np.log(self.actual(origins) / self.anchor[origins, None])

    @cached_property
    def _spans(self) -> tuple[Int64[np.ndarray, " symbols"], Int64[np.ndarray, " symbols"]]:
        """The first row of every symbol, and how many it has."""
        starts = np.flatnonzero(np.diff(self.symbol, prepend=-1))
        return starts, np.diff(np.append(starts, len(self.symbol)))

    @cached_property
    def returns(self) -> Float64[np.ndarray, " rows"]:
        """Log returns of the forecast column; NaN at each symbol's first row."""
        return log_returns(self.anchor, self.first)

    def unit(self, origins: Int64[np.ndarray, " origins"]) -> Float64[np.ndarray, "origins horizon"]:
        """Volatility · sqrt(k) at step k, in log return: the unit of network outputs and calibration."""
        return self.volatility[origins, None] * np.sqrt(np.arange(1, self.horizon + 1))

    def to_return(
        self, target: Float64[np.ndarray, "*members origins horizon"], origins: Int64[np.ndarray, " origins"]
    ) -> Float64[np.ndarray, "*members origins horizon"]:
        """Targets of `origins` as log returns from the origin."""
        return target_rules.to_return(self.target, target, self.anchor[origins])

    def to_price(
        self, returns: Float64[np.ndarray, "*members origins horizon"], origins: Int64[np.ndarray, " origins"]
    ) -> Float64[np.ndarray, "*members origins horizon"]:
        """Log returns from `origins` as prices."""
        return self.anchor[origins, None] * np.exp(returns)

    def cut_to_windows(self, origins: Int64[np.ndarray, " origins"]) -> Problem:
        """A `Problem` of only those rows that forecasts of `origins` read: their windows, one per symbol."""
        rows = (origins[:, None] + np.arange(1 - self.lookback, 1)).ravel()
        return replace(self, table=None, **{name: getattr(self, name)[rows] for name in ROW_ARRAYS})


def make_problem(
    prices: Prices,
    *,
    lookback: int,
    horizon: int,
    target: str = "return",
    column: str = "close",
    features: str | FeatureFunction | None = None,
    volatility_features: bool = False,
) -> Problem:
    """Cut `prices` into a problem.

    features: a function, "module:function", or None for the defaults: without a level (returns, range, body,
    volume change) for the target "return", the prices and the volume themselves for the target "close".
    volatility_features: instead of these defaults those of volatility, for networks of distributions.

    Raises
        SettingError: no such column; a feature function that fails, or reads the future.
    """
    table = prices.table
    _check_column(table, column)
    frame = _features(prices, features, target, column, volatility_features)
    sizes = np.diff(np.append(prices.first, len(table)))
    first = np.repeat(prices.first, sizes)
    anchor = table[column].to_numpy(dtype=np.float64)
    return Problem(
        features=frame.to_numpy().astype(np.float32),
        names=tuple(map(str, frame.columns)),
        anchor=anchor,
        close=table["close"].to_numpy(dtype=np.float64),
        volatility=ewma_volatility(log_returns(anchor, first), first),
        range_variance=range_variance(table, first),
        symbols=prices.symbols,
        symbol=np.repeat(np.arange(len(sizes)), sizes),
        session=table["session"].to_numpy().astype("datetime64[D]"),
        target=target,
        lookback=lookback,
        horizon=horizon,
        table=table,
    )


def _features(
    prices: Prices,
    features: str | FeatureFunction | None,
    target: str,
    column: str,
    volatility_features: bool,
) -> pd.DataFrame:
    if features is not None:
        function = named_function(features, "features") if isinstance(features, str) else features
        return feature_rules.custom_features(prices, function)
    if volatility_features:
        return feature_rules.volatility_features(prices, column)
    if target == "return":
        return feature_rules.return_features(prices, column)
    return feature_rules.level_features(prices, column)


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
