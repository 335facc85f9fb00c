"""Cells written in other units than those around them: pence beside pounds, thousands beside ones."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from gatecast._typing import Floats, Integers
from gatecast.data.moves import SPLIT_COLUMNS, changes, usual_moves

TEN = float(np.log(10))
LEAST_ZEROS = 2  # a factor of 10 is a split, one of 100 or more a unit
UNUSUAL = 30.0  # usual moves
# How far (in logs) from a power of ten the price may be after a change of units: so many usual moves, but
# at least and at most so much.
MOVES, LEAST_REST, MOST_REST = 8.0, 0.1, 0.25
LEAST = LEAST_ZEROS * TEN - MOST_REST
BARS = 20  # before and after a change of units whose volumes are compared


def unit_factors(table: pd.DataFrame, first: Integers) -> dict[str, Floats]:
    """Column → (N,) what its cells must be multiplied with to be in the units of most closes of the symbol.

    A power of ten from 100 up, or its inverse, or 1; only columns that need it. `table`: as `Prices.table`.

    A change of units is a jump of the close by nearly a power of ten, or an open, high or low that differs
    by one from the close of its row. A jump within the bar, after which the next one opens where it ended,
    is a move. A jump after which the volume is that of a split is a split.
    """
    close = table["close"].to_numpy()
    change = changes(close, first)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = {
            name: table[name].to_numpy() / close for name in ("open", "high", "low") if name in table.columns
        }
        least = math.exp(LEAST)
        far = [(ratio > least) | (ratio < 1 / least) for ratio in ratios.values()]
        if not (np.abs(change) > LEAST).any() and not any(cells.any() for cells in far):
            return {}
        usual = usual_moves(change, first)
        steps = _with_ways_back(_zeros(change, usual), change)
        beside = {name: _zeros(np.log(ratio), usual) for name, ratio in ratios.items()}
    for row in np.flatnonzero(steps):
        if _is_move(steps, beside, int(row)) or _is_split(table, first, int(row), int(steps[row])):
            steps[row] = 0
            for name in beside:
                beside[name][row] = 0
    written = {"close": _running(steps, first)}
    written |= {name: written["close"] + beside[name] for name in beside}
    factors = _factors(written, first)
    if "adj_close" in table.columns and "close" in factors:
        adjusted = _zeros(changes(table["adj_close"].to_numpy(), first), usual)
        factors |= _factors({"adj_close": _running(adjusted, first)}, first, of="adj_close")
    return factors


def in_one_unit(table: pd.DataFrame, factors: dict[str, Floats]) -> pd.DataFrame:
    """The table with these factors applied."""
    columns = {name: table[name].to_numpy(copy=True) for name in factors}
    for name, factor in factors.items():
        rows = factor != 1
        columns[name][rows] = [_moved(*cell) for cell in zip(columns[name][rows], factor[rows], strict=True)]
    return table.assign(**columns)


def _moved(value: float, factor: float) -> float:
    """The number with its decimal point moved: 6.11 x 100 is 611, not 611.0000000000001."""
    return float(f"{value * factor:.14g}")


def _zeros(ratio: Floats, usual: Floats) -> Integers:
    """(N,) the power of ten that a log ratio is near; 0 where it is near none from 100 up."""
    zeros = np.zeros(len(ratio), dtype=np.int64)
    large = np.flatnonzero(np.isfinite(ratio) & (np.abs(ratio) > LEAST) & (np.abs(ratio) > UNUSUAL * usual))
    if len(large):
        power = np.round(ratio[large] / TEN)
        rest = np.clip(MOVES * usual[large], LEAST_REST, MOST_REST)
        near = (np.abs(ratio[large] - power * TEN) < rest) & (np.abs(power) >= LEAST_ZEROS)
        zeros[large[near]] = power[near]
    return zeros


def _with_ways_back(steps: Integers, change: Floats) -> Integers:
    """The steps, and those soon before or after them by which the price comes from there or goes back.

    A large move on the day that a change of units ends must not leave the rest in the wrong units.
    """
    known = np.flatnonzero(steps)
    for row in np.flatnonzero((np.abs(change) > LEAST - MOST_REST) & (steps == 0)):
        for other in known[np.abs(known - row) <= BARS]:
            if abs(change[row] + steps[other] * TEN) < 1.0:
                start, end = min(row, other), max(row, other) + 1
                same_symbol = not np.isnan(change[start + 1 : end]).any()
                if same_symbol and np.count_nonzero(steps[start:end]) == 1:
                    steps[row] = -steps[other]
                    break
    return steps


def _is_move(steps: Integers, beside: dict[str, Integers], row: int) -> bool:
    """Whether the price came from one level to the other within the bar, and stayed there."""
    if "open" not in beside or row + 1 == len(steps):
        return False
    from_old = beside["open"][row] == -steps[row]
    return bool(from_old and beside["open"][row + 1] == 0 and steps[row + 1] == 0)


def _is_split(table: pd.DataFrame, first: Integers, row: int, step: int) -> bool:
    """Whether a column says so, or the volume moves against the price, as in a split of one to a hundred."""
    told = [table[name].iloc[row] for name in SPLIT_COLUMNS if name in table.columns]
    if any(shares > 0 and abs(math.log(shares) + step * TEN) < LEAST_REST for shares in told):
        return True
    if "volume" not in table.columns:
        return False
    owner = int(np.searchsorted(first, row, side="right")) - 1
    start, end = first[owner], np.append(first, len(table))[owner + 1]
    volume = table["volume"].to_numpy()
    parts = volume[max(start, row - BARS) : row], volume[row : min(end, row + BARS)]
    before, after = (part[part > 0] for part in parts)
    if min(len(before), len(after)) < 3:
        return False
    return bool(-np.sign(step) * np.log(np.median(after) / np.median(before)) > abs(step) * TEN / 2)


def _running(steps: Integers, first: Integers) -> Integers:
    """(N,) the sum of the steps since the symbol's first row."""
    total = np.cumsum(steps)
    return total - np.repeat(total[first] - steps[first], np.diff(first, append=len(steps)))


def _factors(written: dict[str, Integers], first: Integers, of: str = "close") -> dict[str, Floats]:
    """The factors that bring every column to the units that most cells of the column `of` have."""
    reference = written[of].copy()
    for start, end in zip(first, np.append(first[1:], len(reference)), strict=True):
        own = reference[start:end]
        if own.any():
            zeros, counts = np.unique(own, return_counts=True)
            most = zeros[counts == counts.max()]
            reference[start:end] = own[-1] if own[-1] in most else most[0]
    factors = {name: np.power(10.0, reference - zeros) for name, zeros in written.items()}
    return {name: factor for name, factor in factors.items() if (factor != 1).any()}
