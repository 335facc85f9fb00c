"""Runs of one price: dead feeds, ends of delisted symbols, constant series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from gatecast._typing import Bools, Floats, Integers

LEAST_REPEATS = 4  # rows that repeat the row before them
LEAST_CONSTANT = 5  # rows of a symbol
CHANCE = 1e-3  # of so long a run anywhere in the symbol, given how often its price repeats elsewhere
ENOUGH = 10  # other runs of a length, to say how often such a run goes on
PRIOR = 0.8, 4.0  # runs that go on, of how many, before anything is known of the symbol


@dataclass(frozen=True)
class Run:
    """Rows `start` to `end`, inclusive, that repeat the close of the row before `start`.

    kind  "stale-tail" where no other price follows, "constant" where the symbol has no other price
    """

    start: int
    end: int
    kind: Literal["stale", "stale-tail", "constant"]


def stale_runs(table: pd.DataFrame, first: Integers) -> tuple[Run, ...]:
    """Runs of one price that are too long to be chance, by row.

    table  as `Prices.table`
    first  (S,) row where each symbol starts

    With an open, high and low these must be the close as well, or all four those of the row before. How long
    a run may be by chance is judged by the other runs of its symbol: where the price is coarse and often
    repeats, long runs are nothing odd. Rows without volume are left to the look for filler, but at the end.
    """
    repeats = _repeats(table, first)
    edges = np.diff(np.concatenate([[0], repeats.astype(np.int8), [0]]))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    length = ends - starts + 1
    owner = np.searchsorted(first, starts, side="right") - 1
    rows = np.diff(first, append=len(table))
    last = first + rows - 1
    traded = _traded(table)
    found = []
    for run in np.flatnonzero(length >= LEAST_REPEATS):
        symbol = owner[run]
        start, end = int(starts[run]), int(ends[run])
        if length[run] == rows[symbol] - 1:
            if rows[symbol] >= LEAST_CONSTANT:
                found.append(Run(start, end, "constant"))
            continue
        tail = end == last[symbol]
        if not tail and not traded[start : end + 1].any():
            continue
        own = slice(*np.searchsorted(owner, [symbol, symbol + 1]))
        others = np.delete(length[own], run - own.start)
        if _chance(int(length[run]), others, int(rows[symbol])) < CHANCE:
            found.append(Run(start, end, "stale-tail" if tail else "stale"))
    return tuple(found)


def _repeats(table: pd.DataFrame, first: Integers) -> Bools:
    """Where a row says nothing that the row before it did not say."""
    same = {
        name: _same(table[name].to_numpy())
        for name in ("close", "open", "high", "low")
        if name in table.columns
    }
    repeats = same["close"]
    repeats[first] = False
    others = [name for name in same if name != "close"]
    if others and repeats.any():
        at = np.flatnonzero(repeats)
        close = table["close"].to_numpy()[at]
        flat = np.logical_and.reduce([_equal(table[name].to_numpy()[at], close) for name in others])
        whole = np.logical_and.reduce([same[name][at] for name in others])
        repeats[at[~(flat | whole)]] = False
    return repeats


def _same(values: Floats) -> Bools:
    return np.append(False, values[1:] == values[:-1])


def _equal(values: Floats, close: Floats) -> Bools:
    return (values == close) | np.isnan(values)


def _traded(table: pd.DataFrame) -> Bools:
    if "volume" not in table.columns:
        return np.ones(len(table), dtype=bool)
    return ~(table["volume"].to_numpy() == 0)


def _chance(length: int, others: Integers, rows: int) -> float:
    """The chance of a run of so many repeats in so many rows, given the symbol's other runs.

    Each run counts once at each of its lengths, so that a few long runs do not make themselves likely.
    """
    begins = (len(others) + 0.5) / max(rows - int(others.sum()) - length, 1)
    longer = (others[:, None] >= np.arange(1, length + 1)).sum(axis=0)
    on = (longer[1:] + PRIOR[0]) / (longer[:-1] + PRIOR[1])
    known = longer[:-1] >= ENOUGH
    known[0] = True
    return float(rows * begins * on[known].max() ** (length - 1))
