"""Accounts: when a symbol can be traded, at what price, and which forecast was known by then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gatecast._typing import Dates, Floats
from gatecast.data.prices import Prices
from gatecast.data.spacing import bars_a_day, times_of
from gatecast.errors import SettingError, did_you_mean
from gatecast.forecasts import Forecasts
from gatecast.formatting import percent, some
from gatecast.language import say
from gatecast.settings.frequency import BARS_A_YEAR, INDEX, is_intraday, session_noun

EXECUTIONS = {"next-open": "open", "next-close": "close"}
MOST_STALE = 0.2  # share of opens equal to the close before; genuine ones are rarely over a twentieth
WEEK, MONTH = 5, 25  # days between sessions from which they are weeks, months


@dataclass(frozen=True)
class Account:
    """One symbol, with money of its own; T trading moments, the last of them only to sell.

    symbol    its name
    session   (T,) of every moment
    price     (T,) paid and received; scaled by adj_close / close where the data have both, so that returns
              hold dividends and splits
    decision  (T - 1,) the row of the forecasts that is known at each moment but the last
    """

    symbol: str
    session: Dates
    price: Floats
    decision: NDArray[np.int64]

    @property
    def returns(self) -> Floats:
        """(T - 1,) simple returns from each moment to the next."""
        return self.price[1:] / self.price[:-1] - 1


def known_before(moments: Dates, origins: Dates) -> NDArray[np.int64]:
    """(T,) how many of the rising `origins` lie before each moment.

    Strictly before: a forecast made at a close is never traded at that close.
    """
    return np.searchsorted(origins, moments, side="left")


def accounts(prices: Prices, forecasts: Forecasts, execution: str) -> list[Account]:
    """One account for each symbol that can be traded on at least one forecast.

    execution: "next-open" or "next-close", of the session after the origin. Where that price is missing, the
    trade waits for the next session that has one, and the newest forecast is then used. An account begins
    with its first forecast; it ends one session after the last one was traded, or with the data.

    Raises
        SettingError: no such execution; no opens; opens that repeat the close before; nothing to trade.
    """
    check_execution(execution)
    if prices.frequency == INDEX:
        raise SettingError(
            say(
                "rows that are only numbered have no year that returns and costs could be given "
                "for: a backtest needs dates"
            )
        )
    found, without = [], []
    for symbol, table in _tables(prices):
        rows = np.flatnonzero(forecasts.symbol == forecasts.symbols.index(symbol)) if (
            symbol in forecasts.symbols
        ) else np.empty(0, dtype=np.int64)  # fmt: skip
        if not len(rows):
            continue
        rows = rows[np.argsort(forecasts.origin[rows], kind="stable")]
        at, origins = EXECUTIONS[execution], forecasts.origin[rows]
        account = _account(symbol, table, rows, origins, at, prices.frequency)
        if account is None:
            without.append(symbol)
        else:
            found.append(account)
    if not found and execution == "next-open":
        raise SettingError(
            say("there are no opens to trade at ({without}); use next-close", without=some(without, most=5))
        )
    if not found:
        bar = session_noun(prices.frequency)
        raise SettingError(
            say("there is nothing to trade: no {bar} follows the first forecast's next one", bar=bar)
        )
    return found


def default_execution(prices: Prices, forecasts: Forecasts) -> str:
    """The next open where the data have opens that can be traded at; else the next close."""
    try:
        return "next-open" if accounts(prices, forecasts, "next-open") else "next-close"
    except SettingError:
        return "next-close"


def check_execution(execution: str) -> None:
    """SettingError where there is no such execution."""
    if execution not in EXECUTIONS:
        raise SettingError(
            say(
                'there is no execution "{execution}".{did_you_mean} Known: {executions}. The '
                "close of the origin itself cannot be traded: the forecast is made from it",
                execution=execution,
                did_you_mean=did_you_mean(execution, EXECUTIONS),
                executions=", ".join(EXECUTIONS),
            )
        )


def bars_per_year(times: Dates, frequency: str) -> int:
    """How many bars a year has: of bars within a day, as many sessions as have the usual number of them.

    times: (N,), rising.
    """
    if not is_intraday(frequency):
        return BARS_A_YEAR.get(frequency) or sessions_per_year(times)
    return round(bars_a_day(times) * sessions_per_year(np.unique(times.astype("datetime64[D]"))))


def sessions_per_year(sessions: Dates) -> int:
    """252 for sessions on weekdays, 365 where Saturdays and Sundays are sessions; 52 weeks, 12 months.

    From their dates alone, so that it can be stated; sessions (N,), rising.
    """
    apart = float(np.median(np.diff(sessions).astype(np.int64))) if len(sessions) > 1 else 1.0
    if apart >= WEEK:
        return 12 if apart >= MONTH else 52
    weekday = (sessions.astype("datetime64[D]").astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    return 365 if min(np.mean(weekday == 5), np.mean(weekday == 6)) > 0.05 else 252


def _account(
    symbol: str, table: pd.DataFrame, rows: NDArray[np.int64], origins: Dates, column: str, frequency: str
) -> Account | None:
    session = times_of(table, frequency)
    if column not in table:
        return None
    price = table[column].to_numpy(np.float64)
    if column == "open":
        later = session > origins[0]
        _refuse_stale(symbol, price, table["close"].to_numpy(np.float64), later, frequency)
    price = price * total_return_factor(table)
    tradable = np.isfinite(price) & (price > 0)
    session, price = session[tradable], price[tradable]
    known = known_before(session, origins)
    begin = int(np.searchsorted(known, 1))
    end = min(int(np.searchsorted(known, len(origins))) + 1, len(session) - 1)
    if end <= begin:
        return None
    decision = rows[known[begin:end] - 1]
    return Account(symbol, session[begin : end + 1], price[begin : end + 1], decision)


def _refuse_stale(
    symbol: str, opened: Floats, close: Floats, tested: NDArray[np.bool_], frequency: str
) -> None:
    """Many files repeat the last close as the open: trading there is trading at the forecast's own close."""
    later = np.flatnonzero(tested)
    known = later[np.isfinite(opened[later])]
    if not len(known):
        return
    share = float(np.mean(opened[known] == close[known - 1]))
    bar = session_noun(frequency)
    if share > MOST_STALE and len(known) > 5:
        raise SettingError(
            say(
                "in {share} of the {bar}s the open of {symbol} is the close before, at which "
                "nobody could trade after the forecast was made; use next-close",
                share=percent(share, 0),
                bar=bar,
                symbol=symbol,
            )
        )


def total_return_factor(table: pd.DataFrame) -> Floats:
    """(rows,) what makes of a price as traded one whose returns hold dividends and splits."""
    if "adj_close" not in table or table["adj_close"].isna().any():
        return np.ones(len(table))
    factor: Floats = table["adj_close"].to_numpy(np.float64) / table["close"].to_numpy(np.float64)
    return factor if bool((factor > 0).all()) else np.ones(len(table))


def _tables(prices: Prices) -> list[tuple[str, pd.DataFrame]]:
    ends = np.append(prices.first[1:], len(prices.table))
    spans: Any = zip(prices.symbols, prices.first, ends, strict=True)
    return [(symbol, prices.table.iloc[start:end]) for symbol, start, end in spans]
