"""Jumps from one bar to the next far beyond the usual: splits nobody adjusted for, and others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd

from gatecast._typing import Bools, Floats, Integers
from gatecast.data.moves import SPLIT_COLUMNS, changes, usual_moves, usual_near

UNUSUAL = 30.0  # usual moves: from here on a jump is named

# New and old shares of splits that the prices themselves can show. Others, such as 16:1 or 4:3, cannot be
# told from 15:1 and a move of the day, or from a spin-off: only a column shows them.
RATIOS = [(new, 1) for new in (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 75, 100)]
RATIOS += [(3, 2), (5, 2), (7, 2)]
SPLITS = RATIOS + [(old, new) for new, old in RATIOS]
LOGS = np.log([new / old for new, old in SPLITS])
EXACT = 5e-4  # how near (in logs) to a ratio the adjustment of an adjusted close is for a split
CENT = 0.005  # how far a price is rounded that has no more than two decimals
LEAST_ADJUSTED = 0.04  # in logs: a smaller adjustment is a dividend
CLEAR = 20.0  # times likelier with than without the split that a column names

# Without such a column a split is a jump of so many usual moves, and so large in logs, that opens near a
# ratio, on a day without the range and the volume of news, and from which the price does not come back.
# Where nothing is known of the day, it takes more moves.
SPLIT_MOVES, BARE_MOVES, SMALLEST_SPLIT = 10.0, 40.0, 0.15
WIDE, BUSY = 10.0, math.log(5)  # usual moves from low to high; log of volume over the median before
BARS = 20  # whose volume is the usual one
BACK = 5  # bars
# Its odds against another jump are ODDS x size³ x commonness x density of the rest of the move, a usual move
# of this symbol (Student's t with 2 degrees of freedom): the larger a jump that lasts, the rarer, and the
# simpler a ratio, the more common. ODDS is set by the jumps of 636 US stocks, spin-offs among them.
ODDS = 20.0
COMMONNESS = np.array([max(split) ** -1.5 * min(split) ** -2.0 for split in SPLITS])
COMMONNESS[SPLITS.index((3, 2))] *= 3  # the most common one after 2:1
# The day after n:1 may open 6 % higher or lower, whatever is usual: within ROOM the density is at least this.
ROOM, LEAST_DENSITY = 0.065, 0.7
WHOLE = np.array([min(split) == 1 for split in SPLITS])
CERTAIN = 5.0  # times likelier than any other ratio


@dataclass(frozen=True)
class Jump:
    """A jump of the close.

    row      of the table, after the jump
    moves    its size in usual moves
    split    new and old shares, such as (2, 1); None where it is none that can be told
    columns  the prices that jump as the close does: "close", "open", "high", "low", "adj_close"
    source   the column that tells the split; None: the prices themselves
    back     the row at which the close is back where it was, at most BACK bars later
    paid     whether the adjusted close does not jump: a dividend or a spin-off
    """

    row: int
    moves: float
    split: tuple[int, int] | None = None
    columns: tuple[str, ...] = ("close",)
    source: str | None = None
    back: int | None = None
    paid: bool = False


def find_jumps(table: pd.DataFrame, first: Integers) -> tuple[Jump, ...]:
    """The splits nobody adjusted for and all other jumps beyond 30 usual moves, by row.

    table  as `Prices.table`, in one unit; what its open, high, low and volume lack is not used
    first  (S,) row where each symbol starts

    A split happens over night: where there is an open, it is the open that is compared with the close
    before. A close outside its own day's range is compared itself.
    """
    close = table["close"].to_numpy()
    change = changes(close, first)
    usual = usual_moves(change, first)
    size = np.abs(change)
    told = _told(table, change, usual, first)
    rows = np.flatnonzero((size > SPLIT_MOVES * usual) & (size > SMALLEST_SPLIT) | (size > UNUSUAL * usual))
    near = usual_near(change, usual, rows, first)
    moves = dict(zip(rows.tolist(), size[rows] / near, strict=True))
    back = _back(change, close, [row for row in rows.tolist() if moves[row] > SPLIT_MOVES], first)
    seen = _seen(table, change, rows, near, first)
    paid = _adjusted(table, change, first)
    jumps = []
    returns: set[int] = set()  # of earlier jumps
    for row in sorted({*moves, *told}):
        if row in returns:
            continue
        split, source = told.get(row, (None if row in back else seen.get(row), None))
        if split is None and moves[row] <= UNUSUAL:
            continue
        if split is None and row in back:
            returns.add(back[row])
        jumps.append(
            Jump(
                row,
                moves.get(row, float(size[row] / usual[row])),
                split,
                _jumping(table, row, split, source) if split else ("close",),
                source,
                back.get(row) if split is None else None,
                split is None and bool(paid[row]),
            )
        )
    return tuple(jumps)


def _told(
    table: pd.DataFrame, change: Floats, usual: Floats, first: Integers
) -> dict[int, tuple[tuple[int, int] | None, str | None]]:
    """Row → split and the column that tells it: one of ratios, or the adjusted close."""
    found: dict[int, tuple[tuple[int, int] | None, str | None]] = {}
    with np.errstate(invalid="ignore", divide="ignore"):
        if "adj_close" in table.columns:
            adjusted = table["adj_close"].to_numpy()
            ratio = -changes(table["close"].to_numpy() / adjusted, first)
            rows = np.flatnonzero(np.abs(ratio) > LEAST_ADJUSTED)
            for row in rows[_explain(ratio[rows], change[rows], usual[rows])]:
                split = _exact(ratio[row], EXACT + _rounding(adjusted[row - 1 : row + 1]))
                if split is not None:
                    found[int(row)] = split, "adj_close"
        for name in SPLIT_COLUMNS:
            if name in table.columns:
                shares = table[name].to_numpy()
                rows = np.flatnonzero((shares > 0) & (shares != 1) & np.isfinite(shares))
                for row in rows[_explain(np.log(shares[rows]), change[rows], usual[rows])]:
                    found[int(row)] = _shares(shares[row]), name
    return found


def _explain(split: Floats, change: Floats, usual: Floats) -> Bools:
    """Where the close moves clearly likelier with a split of this log ratio than without one."""
    return np.asarray(_density(change + split, usual) > CLEAR * _density(change, usual))


def _exact(ratio: float, most: float) -> tuple[int, int] | None:
    """The split whose log ratio is at most so far from this one, if it is one of small whole numbers."""
    new, old = _shares(math.exp(ratio))
    small = min(new, old) == 1 or max(new, old) <= 10 or (new, old) in ((11, 10), (21, 20))
    return (new, old) if small and abs(math.log(new / old) - ratio) < most else None


def _rounding(prices: Floats) -> float:
    """How far (in logs) the ratio of two prices may be off because they are written in whole cents."""
    cents = prices * 100
    return float((CENT / prices).sum()) if (np.abs(cents - np.round(cents)) < 1e-6).all() else 0.0


def _shares(ratio: float) -> tuple[int, int]:
    """New and old shares of a ratio: the smallest whole numbers that are near enough."""
    larger = max(ratio, 1 / ratio)
    for most in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 50, 1000):
        share = Fraction(larger).limit_denominator(most)
        if abs(math.log(share / larger)) < EXACT:
            break
    shares = share.numerator, share.denominator
    return shares if ratio > 1 else shares[::-1]


def _adjusted(table: pd.DataFrame, change: Floats, first: Integers) -> Bools:
    """Where the adjusted close moves less than half as far as the close."""
    if "adj_close" not in table.columns:
        return np.zeros(len(table), dtype=bool)
    return np.abs(changes(table["adj_close"].to_numpy(), first)) < np.abs(change) / 2


def _back(change: Floats, close: Floats, rows: Sequence[int], first: Integers) -> dict[int, int]:
    """Row of a jump → that of the jump back to where the close was."""
    known, back = set(rows), {}
    for row in rows:
        for later in range(row + 1, row + 1 + BACK):
            if later not in known or change[later] * change[row] > 0:
                continue
            if abs(math.log(close[later] / close[row - 1])) < abs(change[row]) / 4:
                back[row] = later
            break
    return back


def _seen(
    table: pd.DataFrame, change: Floats, rows: Integers, usual: Floats, first: Integers
) -> dict[int, tuple[int, int]]:
    """Row → split that the prices themselves show.

    rows: (C,) candidates; usual: (C,) usual moves there.
    """
    fall = -change[rows]
    over_night = fall.copy()
    if "open" in table.columns:
        above, below = outside_range(table)
        opens = table["open"].to_numpy()[rows]
        sound = (opens > 0) & np.isfinite(opens) & ~(above | below)[rows]
        over_night[sound] = -np.log(opens[sound] / table["close"].to_numpy()[rows[sound] - 1])
    rest = over_night[:, None] - LOGS
    density = _density(rest, usual[:, None])
    density = np.where((np.abs(rest) < ROOM) & WHOLE, np.maximum(density, LEAST_DENSITY), density)
    odds = ODDS * np.abs(over_night[:, None]) ** 3 * COMMONNESS * density
    best = odds.argmax(axis=1) if len(rows) else np.empty(0, dtype=np.int64)
    chosen = odds[np.arange(len(rows)), best]
    certain = chosen > CERTAIN * (odds.sum(axis=1) - chosen)
    quiet, known = _quiet(table, rows, usual, LOGS[best], first)
    large = np.abs(fall) > np.where(known, SPLIT_MOVES, BARE_MOVES) * usual
    found = np.flatnonzero((chosen > 1) & certain & quiet & large)
    return {int(rows[at]): SPLITS[best[at]] for at in found}


def _density(move: Floats, usual: Floats) -> Floats:
    """Density of a log return under Student's t (2 degrees of freedom) with this median size."""
    scale = usual / math.sqrt(2 / 3)
    return np.asarray(0.5 / math.sqrt(2) / scale * (1 + (move / scale) ** 2 / 2) ** -1.5)


def _quiet(
    table: pd.DataFrame, rows: Integers, usual: Floats, ratio: Floats, first: Integers
) -> tuple[Bools, Bools]:
    """(C,) whether the day's range and volume are those of a day without news; whether both are known."""
    span = volume = np.full(len(rows), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        if {"high", "low"} <= set(table.columns):
            span = np.log(table["high"].to_numpy()[rows] / table["low"].to_numpy()[rows])
        if "volume" in table.columns:
            traded = table["volume"].to_numpy()
            before = rows[:, None] - np.arange(1, BARS + 1)
            own = before >= first[np.searchsorted(first, rows, side="right") - 1][:, None]
            before = np.maximum(before, 0)
            earlier = np.where(own & (traded[before] > 0), traded[before], np.nan)
            enough = np.isfinite(earlier).sum(axis=1) >= BARS // 4
            volume = np.full(len(rows), np.nan)
            volume[enough] = np.log(traded[rows[enough]] / np.nanmedian(earlier[enough], axis=1))
        quiet = ~(span > WIDE * usual) & ~(volume > BUSY + np.maximum(ratio, 0))
    return quiet, np.isfinite(span) & ~np.isnan(volume)


def _jumping(table: pd.DataFrame, row: int, split: tuple[int, int], source: str | None) -> tuple[str, ...]:
    """The price columns that are nearer to the split than to no jump at this row."""
    ratio = math.log(split[0] / split[1])
    columns = ["close"]
    for name in ("open", "high", "low", "adj_close"):
        if name in table.columns and name != source:
            before, after = table[name].iloc[row - 1], table[name].iloc[row]
            if 0 < before < math.inf and 0 < after < math.inf:
                move = math.log(after / before)
                if abs(move + ratio) < abs(move):
                    columns.append(name)
    return tuple(columns)


def split_name(split: tuple[int, int]) -> str:
    """ "2:1", "1:10 (reverse)"."""
    new, old = split
    return f"{new}:{old}" + (" (reverse)" if new < old else "")


def outside_range(table: pd.DataFrame) -> tuple[Bools, Bools]:
    """Where the close lies above the high, and where below the low."""
    close, none = table["close"].to_numpy(), np.zeros(len(table), dtype=bool)
    above = close > table["high"].to_numpy() if "high" in table.columns else none
    below = close < table["low"].to_numpy() if "low" in table.columns else none
    return above, below
