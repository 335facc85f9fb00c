"""The market: what the symbols of a panel did together, known at the close of a bar."""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Bool, Shaped

from gatecast.data.calendars import closes_of
from gatecast.data.prices import Prices
from gatecast.problem.moves import DIFFERENCE, LOG_RETURN, Move
from gatecast.problem.volatility import ewma_volatility


def market_features(prices: Prices, column: str, move: Move = LOG_RETURN) -> pd.DataFrame:
    """market_return and market_log_volatility of each row's bar; NaN where no symbol has a return yet.

    The mean log return of all symbols with a bar of that date, the row's own among them, and the log of the
    EWMA volatility of these means. Of symbols on other exchanges only those bars count that are closed when
    the row's own closes: Tokyo's for New York's of the same date, and not the other way round. Differences,
    whose units may differ from symbol to symbol, are taken in units of each symbol's own volatility.
    """
    table = prices.table
    sizes = np.diff(np.append(prices.first, len(table)))
    price, first = table[column].to_numpy(dtype=np.float64), np.repeat(prices.first, sizes)
    returns = move.changes(price, first)
    if move.name == DIFFERENCE.name:
        returns = returns / ewma_volatility(returns, first, least=move.least(price, first))
    session = prices.times
    calendar = np.repeat(np.array([prices.calendar[symbol] for symbol in prices.symbols]), sizes)
    features = np.full((len(table), 2), np.nan)
    for code in np.unique(calendar):
        own = calendar == code
        known = np.isfinite(returns) & _is_closed(code, calendar, session)
        days, place = np.unique(session[known], return_inverse=True)
        if not len(days):
            continue
        mean = np.bincount(place, weights=returns[known]) / np.bincount(place)
        volatility = ewma_volatility(mean, np.zeros(len(mean), dtype=np.int64))
        at = np.minimum(np.searchsorted(days, session[own]), len(days) - 1)
        values = np.column_stack([mean, np.log(volatility)])[at]
        features[own] = np.where((days[at] == session[own])[:, None], values, np.nan)
    return pd.DataFrame(features, columns=["market_return", "market_log_volatility"])


def _is_closed(
    code: str, calendar: Shaped[np.ndarray, " rows"], session: Shaped[np.ndarray, " rows"]
) -> Bool[np.ndarray, " rows"]:
    """Whether each row's bar is closed when that of the same time closes by the calendar `code`.

    Times within a day are local: those of other calendars cannot be compared.
    """
    closed = calendar == code
    if session.dtype != "datetime64[D]":
        return closed
    for other in np.unique(calendar[~closed]):
        own = calendar == other
        closed[own] = closes_of(other, session[own]) <= closes_of(code, session[own])
    return closed
