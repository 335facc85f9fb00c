"""Repairs of a table: what can be told for certain is put right, and every change is named."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from gatecast.data.jumps import Jump, find_jumps, split_name
from gatecast.data.oddities import starts
from gatecast.data.stale import stale_runs
from gatecast.data.units import in_one_unit, unit_factors
from gatecast.settings.frequency import stamp

MOST_PASSES = 4  # a repair may bring to light another one
KINDS = ("unit", "split", "stale-tail")  # oddities that are repaired


@dataclass(frozen=True)
class Change:
    """One repair.

    kind     "unit", "split" or "stale-tail"
    symbol   whose rows are changed
    start    first date changed, YYYY-MM-DD
    end      last date changed
    rows     how many
    columns  which
    what     "multiplied by 100", "divided by 2, volume multiplied by 2 (2:1 split on 2014-03-27)", "dropped"
    """

    kind: str
    symbol: str
    start: str
    end: str
    rows: int
    columns: tuple[str, ...]
    what: str


def repair(table: pd.DataFrame) -> tuple[pd.DataFrame, tuple[Change, ...]]:
    """The table in one unit, adjusted for splits and without stale ends, and what was changed.

    table  as `Prices.table`, before impossible cells are emptied

    The rows after a split stay as they are, and those before it are divided; of two units that of most closes
    stays. The adjusted close is divided only where it jumps as well.
    """
    changes: list[Change] = []
    for _ in range(MOST_PASSES):
        units, table = _in_one_unit(table)
        table, splits = _split_adjusted(table)
        table, tails = _without_stale_ends(table)
        changes += [*units, *splits, *tails]
        if not (units or splits or tails):
            break
    return table, tuple(changes)


def _in_one_unit(table: pd.DataFrame) -> tuple[tuple[Change, ...], pd.DataFrame]:
    factors = unit_factors(table, starts(table))
    if not factors:
        return (), table
    names = list(factors)
    matrix = np.column_stack([factors[name] for name in names])
    symbols = table["symbol"].to_numpy()
    begins = np.append(True, (matrix[1:] != matrix[:-1]).any(axis=1) | (symbols[1:] != symbols[:-1]))
    edges = np.append(np.flatnonzero(begins), len(table))
    changes = []
    for start, end in pairwise(edges.tolist()):
        for factor in sorted(set(matrix[start].tolist()) - {1.0}):
            columns = tuple(name for name, own in zip(names, matrix[start], strict=True) if own == factor)
            what = f"multiplied by {factor:,.0f}" if factor > 1 else f"divided by {1 / factor:,.0f}"
            changes.append(_change("unit", table, start, end, columns, what))
    return tuple(changes), in_one_unit(table, factors)


def _split_adjusted(table: pd.DataFrame) -> tuple[pd.DataFrame, tuple[Change, ...]]:
    first = starts(table)
    splits = [jump for jump in find_jumps(table, first) if jump.split is not None]
    if not splits:
        return table, ()
    values = {name: table[name].to_numpy(copy=True) for name in table.columns[2:]}
    changes = []
    for jump in splits:
        start = int(first[np.searchsorted(first, jump.row, side="right") - 1])
        changes.append(_adjust(table, values, jump, start))
    return table.assign(**values), tuple(changes)


def _adjust(table: pd.DataFrame, values: dict[str, np.ndarray], jump: Jump, start: int) -> Change:
    """Divides, in place, what is before the jump."""
    assert jump.split is not None
    new, old = jump.split
    before = slice(start, jump.row)
    for name in jump.columns:
        values[name][before] = values[name][before] * old / new
    what = _by(old, new)
    columns = jump.columns
    # Where open, high and low are adjusted already, so may the volume be.
    prices = {"open", "high", "low"} & set(table.columns)
    if "volume" in values and prices <= set(jump.columns):
        values["volume"][before] = values["volume"][before] * new / old
        columns = (*columns, "volume")
        what += f", volume {_by(new, old)}"
    date = stamp(table["session"].iloc[jump.row])
    return _change(
        "split", table, start, jump.row, columns, f"{what} ({split_name(jump.split)} split on {date})"
    )


def _by(times: int, over: int) -> str:
    """ "divided by 2", "multiplied by 10", "multiplied by 2/3"."""
    if times == 1:
        return f"divided by {over}"
    return f"multiplied by {times}" if over == 1 else f"multiplied by {times}/{over}"


def _without_stale_ends(table: pd.DataFrame) -> tuple[pd.DataFrame, tuple[Change, ...]]:
    runs = [run for run in stale_runs(table, starts(table)) if run.kind == "stale-tail"]
    if not runs:
        return table, ()
    kept = np.ones(len(table), dtype=bool)
    changes = []
    for run in runs:
        kept[run.start : run.end + 1] = False
        columns = tuple(table.columns[2:])
        changes.append(_change("stale-tail", table, run.start, run.end + 1, columns, "dropped"))
    return table[kept].reset_index(drop=True), tuple(changes)


def _change(
    kind: str, table: pd.DataFrame, start: int, end: int, columns: tuple[str, ...], what: str
) -> Change:
    days = table["session"]
    return Change(
        kind,
        str(table["symbol"].iloc[start]),
        stamp(days.iloc[start]),
        stamp(days.iloc[end - 1]),
        int(end - start),
        columns,
        what,
    )
