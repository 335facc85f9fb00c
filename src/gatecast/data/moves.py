"""How far prices move from bar to bar, and how far they usually do."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gatecast._typing import Bools, Floats, Integers

LEAST_MOVES = 8  # moves that are not zero, to say what is usual
# Columns of new shares per old one, 0 or 1 where there is no split.
SPLIT_COLUMNS = ("stock_splits", "split_ratio", "split_coefficient", "split_factor", "splits", "split")
NEAR = 40  # bars before and after a move that say what was usual at that time


def changes(values: Floats, first: Integers) -> Floats:
    """(N,) log returns of prices, symbol after symbol; NaN where each starts.

    NaN throughout a symbol with a price of zero or below: for a spread or a rate a ratio means nothing.
    """
    values = np.where(_of_ratios(values, first), values, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        change = np.diff(np.log(values), prepend=np.nan)
    change[first] = np.nan
    return change


def _of_ratios(values: Floats, first: Integers) -> Bools:
    """(N,) rows of symbols whose prices are all above 0."""
    below = values <= 0
    if not below.any():
        return ~below
    counts = np.diff(first, append=len(values))
    return np.repeat(~np.logical_or.reduceat(below, first), counts)


def usual_moves(change: Floats, first: Integers) -> Floats:
    """(N,) usual move of each row's symbol: the median size of its log returns that are not zero.

    Returns of zero are left out: on a coarse tick most may be zero. NaN where fewer than LEAST_MOVES are
    not.
    """
    counts = np.diff(first, append=len(change))
    size = pd.Series(np.where(change == 0, np.nan, np.abs(change)))
    moves = size.groupby(np.repeat(np.arange(len(first)), counts))
    usual = moves.median().where(moves.count() >= LEAST_MOVES).to_numpy(np.float64)
    return np.repeat(usual, counts)


def usual_near(change: Floats, usual: Floats, rows: Integers, first: Integers) -> Floats:
    """(C,) usual move around each of these rows: that of its symbol, or of the bars around it if larger.

    In a crisis, or in the first months of a coin, a move may be large that is usual at that time.
    """
    beside = np.concatenate([np.arange(-NEAR, 0), np.arange(1, NEAR + 1)])
    owner = np.searchsorted(first, rows, side="right") - 1
    start, end = first[owner], np.append(first, len(change))[owner + 1]
    result = usual[rows].copy()
    for part in np.array_split(np.arange(len(rows)), len(rows) // 50_000 + 1):
        near = rows[part, None] + beside
        inside = (near >= start[part, None]) & (near < end[part, None])
        size = np.abs(change[np.clip(near, 0, len(change) - 1)])
        size = np.where(inside & (size > 0), size, np.nan)
        enough = np.isfinite(size).sum(axis=1) >= LEAST_MOVES
        if enough.any():
            which = part[enough]
            result[which] = np.maximum(result[which], np.nanmedian(size[enough], axis=1))
    return result
