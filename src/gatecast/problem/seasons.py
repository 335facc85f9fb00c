"""Seasons: the last known value of the same place in the season, and how far later ones lie from it.

A season is a number of bars, m. The bar k steps after row i has its place in the season at row
i + k - m ⌈k / m⌉ too, the last one that is known at row i; with m = 1 that is row i itself, the last price.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64

from gatecast.problem.volatility import DECAY, ewma_volatility


def seasons_back(season: int, horizon: int) -> Int64[np.ndarray, " {horizon}"]:
    """(h,) ⌈k / m⌉: how many seasons before step k its last known place lies."""
    return -(-np.arange(1, horizon + 1) // season)


def known_places(
    rows: Int64[np.ndarray, " origins"], season: int, horizon: int
) -> Int64[np.ndarray, "origins {horizon}"]:
    """The rows of the last known value at the place of each step: none of them is later than the origin.

    They lie before the symbol's first row where the origin has fewer than m - 1 rows before it.
    """
    return rows[:, None] + np.arange(1, horizon + 1) - season * seasons_back(season, horizon)


def seasonal_shift(
    price: Float64[np.ndarray, " rows"], first: Int64[np.ndarray, " rows"], season: int, horizon: int
) -> Float64[np.ndarray, "rows {horizon}"]:
    """The log return from each row's price to the last known one at the place of each step.

    first: the first row of each row's symbol. NaN where a symbol has no whole season before the row.
    """
    rows, logs = np.arange(len(price)), np.log(price)
    shift = logs[np.maximum(known_places(rows, season, horizon), 0)] - logs[:, None]
    shift[rows - first < season] = np.nan
    return shift


def seasonal_volatility(
    price: Float64[np.ndarray, " rows"], first: Int64[np.ndarray, " rows"], season: int
) -> Float64[np.ndarray, " rows"]:
    """Volatility of the log return over a season, known at each row; as `ewma_volatility` with m = 1.

    The memory is as many seasons as that of a bar's volatility is bars: every place of the season counts.
    """
    rows = np.arange(len(price))
    change = np.log(price / price[np.maximum(rows - season, 0)])
    change[rows - first < season] = np.nan
    return ewma_volatility(change, first, DECAY ** (1 / season))
