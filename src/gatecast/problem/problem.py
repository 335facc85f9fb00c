"""Problem: prices as arrays; row i knows sessions up to i, its targets are the sessions after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float32, Float64, Int64, Shaped

from gatecast.data.prices import Prices
from gatecast.data.timetable import Timetable
from gatecast.errors import DataError, SettingError, did_you_mean
from gatecast.formatting import brief, some
from gatecast.language import say
from gatecast.problem import features as feature_rules
from gatecast.problem import targets as target_rules
from gatecast.problem.covariates import Chosen, covariates, times_ahead
from gatecast.problem.features import FeatureFunction
from gatecast.problem.moves import LOG_RETURN, Move
from gatecast.problem.nights import within_sessions
from gatecast.problem.seasons import season_returns, seasonal_shift, seasonal_volatility, seasons_back
from gatecast.problem.time_of_day import of_average_bars
from gatecast.problem.volatility import ewma_volatility, range_variance
from gatecast.settings.frequency import DAILY, is_intraday, stamp
from gatecast.user_functions import named_function

ROW_ARRAYS = ("features", "anchor", "close", "volatility", "range_variance", "symbol", "session")
SEASONAL_ARRAYS = ("shift", "seasonal_volatility")  # of a problem that is anchored at a season


@dataclass(frozen=True)
class Problem:
    """The rows of a `Prices` as arrays. An origin is a row number.

    features  known at the close of the row's bar; NaN where they are not defined
    names     of the features
    anchor    price of the forecast column; what naive forecasts
    close     the close
    volatility of a bar's move, known at its close: see `ewma_volatility`
    range_variance variance of a bar's move by its range: see `gatecast.problem.volatility`
    symbols   names
    symbol    index into `symbols`; the rows of a symbol follow each other
    session   the time of each row's bar: datetime64[D], or datetime64[s] for bars within days and numbers
    target    "return", "difference" or "close"
    move      what is between an anchor and a later price: a log return, or a difference
    lookback  bars of a window
    horizon   h, steps ahead
    table     the prices themselves, row for row; None where only windows are kept
    static_names those of the features that are constant per symbol
    known     what is known in advance of each symbol's bars, and of the h bars after its last: the rows of a
              symbol, then h more, then the next symbol's; NaN where it is not known yet
    known_names of its columns, which are the last of the features too
    frequency of the bars
    variance_ahead variance of the log return to each step, in that of an average bar, where the time of day
              tells (`gatecast.problem.time_of_day`); no columns: it is the step
    season    bars of a season; 0: not known
    anchored  what targets are measured from: 1, the last price, or the season whose last known value at the
              place of each step it is
    shift     with such a season: the log return from the row's price to that value, see `seasonal_shift`
    seasonal_volatility and the volatility of the log return over that season
    session_first the first row of each row's session, which windows do not cross; no rows: they may
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
    static_names: tuple[str, ...] = ()
    known: Float32[np.ndarray, "bars known"] = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    known_names: tuple[str, ...] = ()
    frequency: str = DAILY
    variance_ahead: Float32[np.ndarray, "bars_ahead steps"] = field(
        default_factory=lambda: np.zeros((0, 0), np.float32)
    )
    move: Move = LOG_RETURN
    season: int = 0
    anchored: int = 1
    shift: Float64[np.ndarray, "rows horizon"] | None = None
    seasonal_volatility: Float64[np.ndarray, " rows"] | None = None
    session_first: Int64[np.ndarray, " told"] = field(default_factory=lambda: np.zeros(0, np.int64))

    __repr__ = brief

    @property
    def row_arrays(self) -> tuple[str, ...]:
        """The fields that hold one entry per row."""
        return ROW_ARRAYS if self.shift is None else (*ROW_ARRAYS, *SEASONAL_ARRAYS)

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
        """Log returns from the anchor of each step, differences in units of volatility, or prices; NaN past
        the end."""
        unit = self.unit(np.arange(len(self.anchor))) if self.target == "difference" else None
        target = target_rules.to_target(self.target, self._later, self.anchor, unit)
        return target if self.shift is None else target - self.shift

    @cached_property
    def moves(self) -> Float64[np.ndarray, "rows horizon"]:
        """The moves from each row to the h bars after it; NaN past the symbol's end."""
        return self.move.of(self._later, self.anchor[:, None])

    @property
    def _later(self) -> Float64[np.ndarray, "rows horizon"]:
        return target_rules.later_prices(self.anchor, self.last, self.horizon)

    @cached_property
    def ready(self) -> Bool[np.ndarray, " rows"]:
        """True where a whole window of `lookback` rows with features ends, within one session if it must."""
        starts, sizes = self._spans
        rows = np.arange(len(self.symbol))
        usable = np.where(np.isfinite(self.features).all(axis=1), rows, len(rows))
        began = np.repeat(np.minimum.reduceat(usable, starts), sizes)
        if len(self.session_first):
            began = np.maximum(began, self.session_first)
        whole = rows - began >= self.lookback - 1
        return whole if self.shift is None else whole & np.isfinite(self.shift[:, 0])

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
        """The actual moves from `origins` to those prices: log returns, or differences."""
        return self.move.of(self.actual(origins), self.anchor[origins, None])

    @cached_property
    def _spans(self) -> tuple[Int64[np.ndarray, " symbols"], Int64[np.ndarray, " symbols"]]:
        """The first row of every symbol, and how many it has."""
        starts = np.flatnonzero(np.diff(self.symbol, prepend=-1))
        return starts, np.diff(np.append(starts, len(self.symbol)))

    @cached_property
    def returns(self) -> Float64[np.ndarray, " rows"]:
        """The moves of the forecast column, log returns or differences; NaN at each symbol's first row."""
        return self.move.changes(self.anchor, self.first)

    @cached_property
    def least_volatility(self) -> float | Float64[np.ndarray, " rows"]:
        """What `volatility` is at least."""
        return self.move.least(self.anchor, self.first)

    @cached_property
    def known_row(self) -> Int64[np.ndarray, " rows"]:
        """Where each row's bar stands in `known`."""
        starts, sizes = self._spans
        return np.arange(len(self.symbol)) + self.horizon * np.repeat(np.arange(len(starts)), sizes)

    def bars_ahead(self, origins: Int64[np.ndarray, " origins"]) -> Float64[np.ndarray, "origins horizon"]:
        """How many average bars each step is away by its variance: k, but for the time of day."""
        if self.variance_ahead.size:
            return self.variance_ahead[origins].astype(np.float64)
        return np.broadcast_to(np.arange(1.0, self.horizon + 1), (len(origins), self.horizon))

    def unit(self, origins: Int64[np.ndarray, " origins"]) -> Float64[np.ndarray, "origins horizon"]:
        """Volatility · sqrt(k) at step k, of the move: the unit of network outputs and calibration.

        Where the time of day tells, not k but the variance of the bars ahead in that of an average bar.
        Anchored at a season of m bars, seasonal volatility · sqrt(⌈k / m⌉).
        """
        if self.seasonal_volatility is not None:
            back = seasons_back(self.anchored, self.horizon)
            return self.seasonal_volatility[origins, None] * np.sqrt(back)
        return self.volatility[origins, None] * np.sqrt(self.bars_ahead(origins))

    def neutral(self, origins: Int64[np.ndarray, " origins"]) -> Float64[np.ndarray, "origins horizon"]:
        """The log return from `origins` that an output of zero stands for: 0, or that of the season."""
        return np.zeros((len(origins), self.horizon)) if self.shift is None else self.shift[origins]

    def anchored_at(self, season: int) -> Problem:
        """The same, whose targets are measured from the last known value one season (or more) before."""
        if season == 1:
            return replace(self, anchored=1, shift=None, seasonal_volatility=None)
        return replace(
            self,
            anchored=season,
            shift=seasonal_shift(self.anchor, self.first, season, self.horizon),
            seasonal_volatility=seasonal_volatility(self.anchor, self.first, season),
        )

    def farthest(
        self, origins: Int64[np.ndarray, " origins"]
    ) -> float | Float64[np.ndarray, "origins horizon"]:
        """Where the moves of a network that diverged are put."""
        return self.move.farthest(self.unit(origins))

    def to_return(
        self, target: Float64[np.ndarray, "*members origins horizon"], origins: Int64[np.ndarray, " origins"]
    ) -> Float64[np.ndarray, "*members origins horizon"]:
        """Targets of `origins` as moves from the origin: log returns, or differences."""
        shifted = target if self.shift is None else target + self.shift[origins]
        return target_rules.to_return(
            self.target, shifted, self.anchor[origins], self.unit(origins), self.move
        )

    def to_price(
        self, returns: Float64[np.ndarray, "*members origins horizon"], origins: Int64[np.ndarray, " origins"]
    ) -> Float64[np.ndarray, "*members origins horizon"]:
        """Moves from `origins` as prices."""
        return self.move.to_price(returns, self.anchor[origins, None])

    def cut_to_windows(self, origins: Int64[np.ndarray, " origins"]) -> Problem:
        """A `Problem` of only those rows that forecasts of `origins` read: their windows, one per symbol."""
        rows = (origins[:, None] + np.arange(1 - self.lookback, 1)).ravel()
        cut = {name: getattr(self, name)[rows] for name in self.row_arrays}
        if self.variance_ahead.size:
            cut["variance_ahead"] = self.variance_ahead[rows]
        if self.known_names:
            bars = self.known_row[origins, None] + np.arange(1 - self.lookback, self.horizon + 1)
            cut["known"] = self.known[bars.ravel()]
        return replace(self, table=None, session_first=np.zeros(0, np.int64), **cut)

    def with_future(self, table: pd.DataFrame, timetable: Mapping[str, Timetable]) -> Problem:
        """The same with what `table` says of the h bars after each symbol's last.

        table: session, the columns of `known_names` that it knows, and symbol where they differ.

        Raises
            SettingError: it has none of these columns.
        """
        given = [name for name in self.known_names if name in table.columns]
        if not given:
            raise SettingError(
                say(
                    "the table of the future has none of the columns {known_names} that are known in "
                    "advance; it has {columns}",
                    known_names=", ".join(self.known_names) or "(none)",
                    columns=", ".join(map(str, table.columns)),
                )
            )
        known = self.known.copy()
        columns = [self.known_names.index(name) for name in given]
        for last in np.unique(self.last):
            symbol = self.symbols[self.symbol[last]]
            own = table[table["symbol"] == symbol] if "symbol" in table.columns else table
            values = own.drop_duplicates("session", keep="last").set_index("session")[given]
            times = times_ahead(timetable[symbol], self.session[last], self.horizon)
            found = values.reindex(pd.DatetimeIndex(times)).to_numpy(dtype=np.float32)
            place = np.ix_(self.known_row[last] + np.arange(1, self.horizon + 1), columns)
            known[place] = np.where(np.isfinite(found), found, known[place])
        return replace(self, known=known)

    def require_known(
        self, origins: Int64[np.ndarray, " origins"], timetable: Mapping[str, Timetable]
    ) -> None:
        """Raise DataError where what must be known in advance is not, or the calendar ends too early."""
        if not self.known_names:
            return
        bars = self.known_row[origins, None] + np.arange(1, self.horizon + 1)
        missing = ~np.isfinite(self.known[bars])
        if not missing.any():
            return
        names = [self.known_names[column] for column in np.flatnonzero(missing.any(axis=(0, 1)))]
        lines = []
        for origin, bar in zip(origins, missing.any(axis=2), strict=True):
            if bar.any():
                symbol = self.symbols[self.symbol[origin]]
                own = self.session[origin + 1 : self.last[origin] + 1]
                later = timetable[symbol].after(self.session[self.last[origin]], self.horizon)
                times = np.append(own, later)[: self.horizon][bar]
                lines.append(f"{symbol} on {some([stamp(time, self.frequency) for time in times])}")
        raise DataError(
            say(
                "{names} must be known in advance, and is not for {lines}",
                names=", ".join(names),
                lines=some(lines, "; "),
            ),
            remedy=say(
                "Give them as future, a table with the columns date, symbol (where they differ) and these"
            ),
        )


def make_problem(
    prices: Prices,
    *,
    lookback: int,
    horizon: int,
    target: str = "return",
    column: str = "close",
    features: str | FeatureFunction | None = None,
    replace_features: bool = False,
    volatility_features: bool = False,
    past: Sequence[str] = (),
    future: Sequence[str] = (),
    static: Sequence[str] = (),
    market: bool = False,
    seen: Sequence[str] | None = None,
    across_sessions: bool = False,
    seasons: Sequence[int] = (),
    anchored: int | None = None,
) -> Problem:
    """Cut `prices` into a problem.

    features: a function, or "module:function", whose features are added to the defaults: without a level
    (returns, range, body, volume change) for the target "return", the same as differences in units of
    volatility for "difference", the prices and the volume themselves for "close". replace_features: its
    features alone.
    volatility_features: instead of these defaults those of volatility, for networks of distributions.
    past, future, static, market, seen, seasons: see `gatecast.problem.covariates.Chosen`.
    across_sessions: whether windows of bars within days cross the end of an exchange's session.
    anchored: the season that targets are measured from, see `Problem`; the return over each season is then
    among the defaults. None: targets are measured from the last price.

    Raises
        SettingError: sessions that are shorter than a window; no such column; a price of zero or below for
            the target "return"; a feature function that fails, or reads the future; see `covariates`.
        DataError: a gap in a covariate.
    """
    table = prices.table
    _check_column(table, column)
    low = first_not_positive(prices, column)
    if low is not None and target == "return":
        raise SettingError(
            say(
                "{low}, and a price of zero or below has no log return; choose "
                'target="difference", or prices that are all above 0',
                low=low,
            ),
            setting="target",
            value=target,
        )
    move = target_rules.move_of(target, positive=low is None)
    chosen = Chosen(past, future, static, market, seen, seasons)
    beside = covariates(prices, chosen, column=column, horizon=horizon, move=move)
    sizes = np.diff(np.append(prices.first, len(table)))
    first = np.repeat(prices.first, sizes)
    anchor = table[column].to_numpy(dtype=np.float64)
    defaults, seasonal = None, None
    if features is None or not replace_features:
        defaults = _default_features(prices, target, column, volatility_features, move)
        seasonal = pd.DataFrame(season_returns(anchor, first, seasons)) if anchored else None
    frames = [defaults, seasonal, _own_features(prices, features), beside.past, beside.static]
    frame = _side_by_side([part for part in frames if part is not None])
    known = beside.known.to_numpy(dtype=np.float32)
    average, variance_ahead = of_average_bars(prices, move.changes(anchor, first), horizon)
    made = Problem(
        features=frame.to_numpy().astype(np.float32),
        names=tuple(map(str, frame.columns)),
        anchor=anchor,
        close=table["close"].to_numpy(dtype=np.float64),
        volatility=ewma_volatility(
            average, first, least=move.least(anchor, first), absolute=is_intraday(prices.frequency)
        ),
        range_variance=range_variance(table, first, move),
        symbols=prices.symbols,
        symbol=np.repeat(np.arange(len(sizes)), sizes),
        session=prices.times,
        target=target,
        lookback=lookback,
        horizon=horizon,
        table=table,
        static_names=tuple(beside.static.columns),
        frequency=prices.frequency,
        variance_ahead=variance_ahead,
        session_first=within_sessions(prices, lookback, across=across_sessions),
        move=move,
        season=seasons[0] if seasons else 0,
    ).anchored_at(anchored or 1)
    if known.shape[1] == 0:
        return made
    return replace(
        made,
        features=np.concatenate([made.features, known[made.known_row]], axis=1),
        names=(*made.names, *beside.known.columns),
        known=known,
        known_names=tuple(beside.known.columns),
    )


def _side_by_side(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One table of all features.

    Raises
        SettingError: two have one name.
    """
    names = [str(name) for frame in frames for name in frame.columns]
    again = [name for name in names if names.count(name) > 1]
    if again:
        raise SettingError(
            say(
                '"{again}" is among the features twice: leave it out, rename it, or take your '
                "features alone (replace_features)",
                again=again[0],
            )
        )
    return pd.concat([frame.reset_index(drop=True) for frame in frames], axis=1)


def _own_features(prices: Prices, features: str | FeatureFunction | None) -> pd.DataFrame | None:
    if features is None:
        return None
    function = named_function(features, "features") if isinstance(features, str) else features
    return feature_rules.custom_features(prices, function)


def _default_features(
    prices: Prices, target: str, column: str, volatility_features: bool, move: Move
) -> pd.DataFrame:
    if volatility_features:
        return feature_rules.volatility_features(prices, column, move)
    if target == "return":
        return feature_rules.return_features(prices, column)
    if target == "difference":
        return feature_rules.difference_features(prices, column)
    return feature_rules.level_features(prices, column)


def first_not_positive(prices: Prices, column: str) -> str | None:
    """The first price of the forecast column, or close, of zero or below, in words; None: all are above 0."""
    table = prices.table
    for name in dict.fromkeys((column, "close")):
        if name in table.columns and len(low := np.flatnonzero(table[name].to_numpy() <= 0)):
            row = int(low[0])
            symbol, time = table["symbol"].iloc[row], stamp(prices.times[row], prices.frequency)
            return f"the {name} of {symbol} on {time} is {table[name].iloc[row]:g}"
    return None


def _check_column(table: pd.DataFrame, column: str) -> None:
    known = [
        name
        for name in table.columns
        if name not in ("symbol", "session") and pd.api.types.is_numeric_dtype(table[name].dtype)
    ]
    if column not in known:
        raise SettingError(
            say(
                'column "{column}" is not in the data ({known}).{did_you_mean}',
                column=column,
                known=", ".join(known),
                did_you_mean=did_you_mean(column, known),
            )
        )
    values = table[column].to_numpy(dtype=np.float64)
    bad = ~np.isfinite(values)
    if bad.any():
        row = int(np.argmax(bad))
        where = f"{table['symbol'].iloc[row]} on {stamp(table['session'].iloc[row])}"
        raise SettingError(
            say(
                'column "{column}" cannot be forecast: {sum} rows are missing, the first '
                "{where}. Forecast the close, or fill that column",
                column=column,
                sum=bad.sum(),
                where=where,
            )
        )
