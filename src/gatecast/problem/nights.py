"""Nights: where bars within days lie in the sessions of an exchange, and what happened between these."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64

from gatecast.data.calendars import WEEKS
from gatecast.data.prices import Prices
from gatecast.errors import SettingError
from gatecast.language import say
from gatecast.problem.moves import LOG_RETURN, Move
from gatecast.settings.frequency import is_intraday


def session_first(prices: Prices) -> Int64[np.ndarray, " told"]:
    """(rows,) the first row of each row's session; no rows where no bars lie within an exchange's sessions.

    Weeks, as "24/7" and those of currencies, have no nights.
    """
    if not is_intraday(prices.frequency) or all(code in WEEKS for code in prices.calendar.values()):
        return np.zeros(0, dtype=np.int64)
    sizes = np.diff(np.append(prices.first, len(prices.table)))
    of_exchange = np.repeat([prices.calendar[symbol] not in WEEKS for symbol in prices.symbols], sizes)
    day = prices.times.astype("datetime64[D]")
    begins = np.zeros(len(day), dtype=bool)
    begins[1:] = (day[1:] != day[:-1]) & of_exchange[1:]
    begins[prices.first] = True
    return np.maximum.accumulate(np.where(begins, np.arange(len(day)), 0))


def within_sessions(prices: Prices, lookback: int, *, across: bool) -> Int64[np.ndarray, " told"]:
    """`session_first` where windows of `lookback` bars stay within sessions; no rows where they may cross.

    Raises
        SettingError: no session has as many bars.
    """
    first = session_first(prices)
    if across or not len(first):
        return np.zeros(0, dtype=np.int64)
    most = int((np.arange(len(first)) - first).max()) + 1
    if most < lookback:
        raise SettingError(
            say(
                "the sessions have at most {most} bars, a window has {lookback}, and windows do "
                "not cross their ends: give a smaller lookback, or let them cross, by "
                "across_sessions=True",
                most=most,
                lookback=lookback,
            )
        )
    return first


def overnight_moves(prices: Prices, column: str, move: Move = LOG_RETURN) -> Float64[np.ndarray, " told"]:
    """(rows,) the move from the last close of the session before to the first open of each row's session.

    It is known from the session's first bar on; to that bar's price of `column` where there is no open, 0 in
    the first session of a symbol. No rows where no bars lie within an exchange's sessions.
    """
    first = session_first(prices)
    if not len(first):
        return np.zeros(0)
    table = prices.table
    price = table[column].to_numpy(dtype=np.float64)
    opened = table["open"].to_numpy(dtype=np.float64) if "open" in table.columns else price
    opened = np.where(np.isfinite(opened), opened, price)
    before = np.maximum(first - 1, 0)
    moved = move.of(opened[first], price[before])
    return np.where(np.isin(first, prices.first), 0.0, moved)
