"""Features: what a network reads of each session, known at its close."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable

import numpy as np
import pandas as pd
from jaxtyping import Float64, Int64

from gatecast.data.prices import Prices
from gatecast.data.spacing import bars_a_day
from gatecast.errors import SettingError
from gatecast.language import say
from gatecast.problem.moves import DIFFERENCE, LOG_RETURN, Move
from gatecast.problem.nights import overnight_moves, session_first
from gatecast.problem.time_of_day import of_average_bars
from gatecast.problem.volatility import DECAY, ewma_volatility
from gatecast.settings.frequency import is_intraday

FeatureFunction = Callable[[pd.DataFrame], pd.DataFrame]

LEAST_RANGE = 0.03  # of a volatility: where high and low are those of a session that hardly traded
LOG_FLOOR = 0.05  # of a volatility: a session without a move is a small one, not an infinitely small one
MEMORY = 100  # sessions over which the level is averaged that a spread may come back to


def return_features(prices: Prices, column: str) -> pd.DataFrame:
    """Features without a price level, each where its columns are there.

    log_return (of the close; `<column>_return` beside it for another forecast column), log_range =
    log(high/low), log_body = log(close/open), log_volume_change; all in log units, (rows, F). The first
    session of a symbol has no return: NaN. A feature whose open, high, low or volume is missing or zero is 0.
    Within the sessions of an exchange overnight_return is the return before each bar's session opened, and
    the log_return of its first bar is that since then.
    """
    table, first = prices.table, prices.first
    features = {"log_return": _log_change(table["close"], first)}
    if len(overnight := overnight_moves(prices, "close")):
        begins = session_first(prices) == np.arange(len(table))
        features["log_return"] = features["log_return"] - np.where(begins, overnight, 0.0)
        features["overnight_return"] = overnight
    if column != "close":
        features[f"{column}_return"] = _log_change(table[column], first)
    if {"high", "low"} <= set(table.columns):
        features["log_range"] = _log_ratio(table["high"], table["low"])
    if "open" in table.columns:
        features["log_body"] = _log_ratio(table["close"], table["open"])
    if "volume" in table.columns:
        features["log_volume_change"] = _zero_where_unknown(_log_change(table["volume"], first), first)
    return pd.DataFrame(features)


def difference_features(prices: Prices, column: str) -> pd.DataFrame:
    """Features of prices that may be zero or below, each where its columns are there; (rows, F).

    In units of the EWMA volatility s of the differences of the forecast column, known at the session's close:
    difference (of the close; `<column>_difference` beside it for another forecast column), range = high -
    low, body = close - open, and level, how far the column lies from its exponentially weighted mean over
    some 100 sessions, by 10 s; and log_volume_change. The first session of a symbol has no difference: NaN. A
    feature whose open, high, low or volume is missing is 0.
    """
    table, first, firsts = prices.table, prices.first, _first_rows(prices)
    price = table[column].to_numpy(dtype=np.float64)
    changes = DIFFERENCE.changes(price, firsts)
    average, _ = of_average_bars(prices, changes, horizon=0)
    volatility = ewma_volatility(average, firsts, least=DIFFERENCE.least(price, firsts))
    close = table["close"].to_numpy(dtype=np.float64)
    features = {"difference": DIFFERENCE.changes(close, firsts) / volatility}
    if column != "close":
        features[f"{column}_difference"] = changes / volatility
    features["level"] = _level(price, volatility, firsts)
    if {"high", "low"} <= set(table.columns):
        features["range"] = _difference(table["high"], table["low"]) / volatility
    if "open" in table.columns:
        features["body"] = _difference(table["close"], table["open"]) / volatility
    if "volume" in table.columns:
        features["log_volume_change"] = _zero_where_unknown(_log_change(table["volume"], first), first)
    return pd.DataFrame(features)


def volatility_features(prices: Prices, column: str, move: Move = LOG_RETURN) -> pd.DataFrame:
    """Predictors of tomorrow's volatility; (rows, F), the first session of a symbol NaN.

    With s the EWMA volatility known at the session's close and r the log return of the forecast column:
    shock = r / s, log_size = log(|r| / s + 0.05), log_volatility = log s, and where high and low are there
    log_range = log(log(high / low) / s + 0.05) and log_range_volatility = log(p / s + 0.03), p² the EWMA of
    Parkinson's (1980) variance log(high / low)² / (4 log 2). docs/en/contributing/choices.md says why these.
    Where moves are differences, these take the place of log returns, high - low that of log(high / low), and
    level is there as in `difference_features`. Within the sessions of an exchange overnight_shock is the move
    before each bar's session opened, over s. Within days log_slow_volatility = log(q / s) is there too, q the
    EWMA volatility whose memory is as many days as that of s is bars.
    """
    table, first = prices.table, _first_rows(prices)
    price = table[column].to_numpy(dtype=np.float64)
    least = move.least(price, first)
    actual = move.changes(price, first)
    returns, _ = of_average_bars(prices, actual, horizon=0)
    within = is_intraday(prices.frequency)
    volatility = ewma_volatility(returns, first, least=least, absolute=within)
    features = {
        "shock": returns / volatility,
        "log_size": np.log(np.abs(returns) / volatility + LOG_FLOOR),
        "log_volatility": np.log(volatility),
    }
    if within:
        of_first = prices.times[: np.append(prices.first, len(table))[1]]
        memory = DECAY ** (1 / bars_a_day(of_first))
        slow = ewma_volatility(returns, first, memory, least=least, absolute=True)
        features["log_slow_volatility"] = np.log(slow / volatility)
    if len(overnight := overnight_moves(prices, column, move)):
        features["overnight_shock"] = overnight / volatility
    differs = move.name == DIFFERENCE.name
    if differs:
        features["level"] = _level(price, volatility, first)
    if {"high", "low"} <= set(table.columns):
        log_range = (_difference if differs else _log_ratio)(table["high"], table["low"])
        if returns is not actual:
            ratio = np.divide(returns, actual, out=np.ones_like(actual), where=actual != 0)
            log_range = log_range * np.nan_to_num(ratio, nan=1.0)
        parkinson = ewma_volatility(log_range / np.sqrt(4 * np.log(2)), first, least=least)
        features["log_range"] = np.log(log_range / volatility + LOG_FLOOR)
        features["log_range_volatility"] = np.log(parkinson / volatility + LEAST_RANGE)
    return pd.DataFrame(features)


def level_features(prices: Prices, column: str) -> pd.DataFrame:
    """The prices and the volume themselves, as the tutorials feed them; (rows, F).

    A missing open, high or low is taken as that session's close, a missing volume as 0.
    """
    table = prices.table
    names = [name for name in ("open", "high", "low", "close") if name in table.columns]
    levels = {name: table[name].fillna(table["close"]) for name in dict.fromkeys([*names, column])}
    if "volume" in table.columns:
        levels["volume"] = table["volume"].fillna(0.0)
    return pd.DataFrame(levels)


def custom_features(prices: Prices, function: FeatureFunction) -> pd.DataFrame:
    """`function` called once per symbol, with that symbol's sessions as index.

    It gets open, high, low, close, volume, … (those that exist), every other column of numbers, and the
    symbol as `table.attrs["symbol"]`; it returns one row per session. Leading NaNs (a rolling mean's first
    rows) only delay the first window; later ones are an error. It is called again on tables that end earlier:
    a row that then differs has read the future, and is refused.
    """
    ends = np.append(prices.first[1:], len(prices.table))
    numbers = prices.table.set_index("session").select_dtypes("number")
    parts = []
    for symbol, start, end in zip(prices.symbols, prices.first, ends, strict=True):
        table = numbers.iloc[start:end]
        table.attrs["symbol"] = symbol
        features = _called(function, table, symbol)
        _refuse_future(function, table, features, symbol)
        _refuse_gaps(features, symbol)
        parts.append(features)
    if any(list(part.columns) != list(parts[0].columns) for part in parts):
        raise SettingError(say("features: the function returns other columns for other symbols"))
    return pd.concat(parts, ignore_index=True)


def _first_rows(prices: Prices) -> Int64[np.ndarray, " rows"]:
    """The first row of each row's symbol."""
    return np.repeat(prices.first, np.diff(np.append(prices.first, len(prices.table))))


def _log_change(values: pd.Series, first: Int64[np.ndarray, " symbols"]) -> Float64[np.ndarray, " rows"]:
    logs = _safe_log(values)
    change = np.diff(logs, prepend=np.nan)
    change[first] = np.nan
    return change


def _level(
    price: Float64[np.ndarray, " rows"],
    volatility: Float64[np.ndarray, " rows"],
    first: Int64[np.ndarray, " rows"],
) -> Float64[np.ndarray, " rows"]:
    mean = pd.Series(price).groupby(first, sort=False).ewm(alpha=1 / MEMORY).mean().to_numpy()
    return (price - mean) / (volatility * np.sqrt(MEMORY))


def _difference(upper: pd.Series, lower: pd.Series) -> Float64[np.ndarray, " rows"]:
    return np.nan_to_num((upper - lower).to_numpy(dtype=np.float64), nan=0.0)


def _log_ratio(upper: pd.Series, lower: pd.Series) -> Float64[np.ndarray, " rows"]:
    return np.nan_to_num(_safe_log(upper) - _safe_log(lower), nan=0.0)


def _safe_log(values: pd.Series) -> Float64[np.ndarray, " rows"]:
    known = values.to_numpy(dtype=np.float64)
    return np.log(np.where(known > 0, known, np.nan))


def _zero_where_unknown(
    change: Float64[np.ndarray, " rows"], first: Int64[np.ndarray, " symbols"]
) -> Float64[np.ndarray, " rows"]:
    filled = np.nan_to_num(change, nan=0.0)
    filled[first] = np.nan
    return filled


def _called(function: FeatureFunction, table: pd.DataFrame, symbol: str) -> pd.DataFrame:
    try:
        with contextlib.redirect_stdout(sys.stderr):
            features = function(table.copy())
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the user's code may raise anything, SystemExit too
        what = f"{type(error).__name__}: {error}"
        raise SettingError(
            say(
                "features of {symbol}: the function failed ({what}) on {count} sessions",
                symbol=symbol,
                what=what,
                count=len(table),
            )
        ) from error
    if not isinstance(features, pd.DataFrame) or not features.index.equals(table.index):
        raise SettingError(
            say(
                "features: the function must return a DataFrame with the sessions of {symbol} as "
                "its index, one row each ({count}); it returned {name}",
                symbol=symbol,
                count=len(table),
                name=type(features).__name__,
            )
            + (say(" with {count} rows", count=len(features)) if hasattr(features, "__len__") else "")
        )
    if features.shape[1] == 0:
        raise SettingError(say("features of {symbol}: the function returns no columns", symbol=symbol))
    try:
        return features.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise SettingError(
            say("features of {symbol}: not numbers ({error})", symbol=symbol, error=error)
        ) from None


def _refuse_future(
    function: FeatureFunction, table: pd.DataFrame, features: pd.DataFrame, symbol: str
) -> None:
    for share in (0.5, 0.75, 0.9):
        end = int(len(table) * share)
        if end < 2:
            continue
        known = _called(function, table.iloc[:end], symbol)
        if list(known.columns) != list(features.columns):
            raise SettingError(
                say(
                    "features of {symbol}: the function returns other columns for {end} sessions "
                    "than for {count}",
                    symbol=symbol,
                    end=end,
                    count=len(table),
                )
            )
        if not np.allclose(known, features.iloc[:end], rtol=1e-9, atol=1e-12, equal_nan=True):
            raise SettingError(
                say(
                    "features of {symbol} read the future: rows up to {index:%Y-%m-%d} change when "
                    "later rows are taken away. Use only rows up to each session (rolling, shift(1), "
                    "expanding)",
                    symbol=symbol,
                    index=table.index[end - 1],
                )
            )


def _refuse_gaps(features: pd.DataFrame, symbol: str) -> None:
    unknown = ~np.isfinite(features.to_numpy())
    began = np.maximum.accumulate(~unknown.any(axis=1))
    rows, columns = np.nonzero(unknown & began[:, None])
    if len(rows):
        date, name = features.index[rows[0]], features.columns[columns[0]]
        raise SettingError(
            say(
                'features of {symbol}: "{name}" is not a finite number on {date:%Y-%m-%d}. Fill '
                "it in the function, with what was known that day",
                symbol=symbol,
                name=name,
                date=date,
            )
        )
