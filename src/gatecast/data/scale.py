"""Scale errors and dead feeds in words: cells in other units, jumps, runs of one price."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from gatecast._typing import Bools, Floats, Integers
from gatecast.data.jumps import Jump, find_jumps, split_name
from gatecast.data.oddities import Oddity, counted, number, oddity
from gatecast.data.stale import Run, stale_runs
from gatecast.settings.frequency import noun, stamp

REPAIR = "gatecast.data.sources.fix"  # what applies the repairs that are proposed


def other_units(table: pd.DataFrame, factors: dict[str, Floats]) -> Iterator[Oddity]:
    """Cells that are a hundred or a thousand times those around them, or that part of them."""
    if not factors:
        return
    rows = other_unit_rows(table, factors)

    def describe(row: int) -> str:
        off = [name for name in table.columns if name in factors and factors[name][row] != 1]
        return ", ".join(
            f"{name} {number(table[name].iloc[row])} instead of "
            f"{number(table[name].iloc[row] * factors[name][row])}"
            for name in off
        )

    sizes = np.unique(np.concatenate([np.maximum(factor, 1 / factor) for factor in factors.values()]))
    times = " and ".join(f"{size:,.0f}" for size in sizes[sizes > 1])
    what = (
        f"{counted(int(rows.sum()), 'row is', 'rows are')} written in other units than most, by a factor of "
        f"{times} as between pence and pounds"
    )
    remark = f"they are kept, and every change of units counts as a real move: repair them ({REPAIR})"
    yield oddity("unit", table, rows, what, remark, describe)


def other_unit_rows(table: pd.DataFrame, factors: dict[str, Floats]) -> Bools:
    """(N,) rows with a cell that a factor changes."""
    none = np.zeros(len(table), dtype=bool)
    return np.logical_or.reduce([none, *(factor != 1 for factor in factors.values())])


def jumps_of(table: pd.DataFrame, first: Integers, frequency: str) -> Iterator[Oddity]:
    """Jumps of the close: splits that nobody adjusted for, and others far beyond the usual."""
    jumps, bar = find_jumps(table, first), noun(frequency)
    for kind, found, one, many, remark in (
        ("split", {jump.row: jump for jump in jumps if jump.split},
         f"one-{bar} jump of the close looks like an unadjusted split",
         f"one-{bar} jumps of the close look like unadjusted splits",
         "the prices are kept, and the jump counts as a real move: "
         f"repair them ({REPAIR}), or start after it"),
        ("jump", {jump.row: jump for jump in jumps if not jump.split},
         "move from one bar to the next is beyond 30 usual ones",
         "moves from one bar to the next are beyond 30 usual ones",
         "they are kept as real moves: compare them with another source, or start after them"),
    ):  # fmt: skip
        if found:
            what = counted(len(found), one, many)
            rows = np.isin(np.arange(len(table)), list(found))
            yield oddity(kind, table, rows, what, remark, partial(_described, table, found))


def _described(table: pd.DataFrame, jumps: dict[int, Jump], row: int) -> str:
    jump = jumps[row]
    before, after = table["close"].iloc[row - 1], table["close"].iloc[row]
    text = f"close {number(before)} → {number(after)}"
    if jump.split is None:
        text += f", {jump.moves:,.0f} usual moves"
        if jump.back is not None:
            text += f", and back on {stamp(table['session'].iloc[jump.back])}"
        elif jump.paid:
            text += "; the adjusted close does not jump, as after a dividend or a spin-off"
        return text
    text += f", as in a {split_name(jump.split)} split"
    if jump.source is not None:
        text += f" by the column {jump.source}"
    if "open" in table.columns and "open" not in jump.columns:
        opened, opens = table["open"].iloc[row - 1], table["open"].iloc[row]
        text += f", while open {number(opened)} → {number(opens)} does not jump"
    return text


def stale(table: pd.DataFrame, first: Integers) -> Iterator[Oddity]:
    """Runs of one price that chance does not explain."""
    runs = stale_runs(table, first)
    for kind, one, many, remark in (
        ("stale", "row repeats", "rows repeat",
         "they are kept, as returns of zero: fill them from another source, or start after them"),
        ("stale-tail", "row at the end repeats", "rows at the end repeat",
         f"they are kept, as returns of zero, as after a delisting: leave them out ({REPAIR})"),
        ("constant", "row repeats", "rows repeat", "there is nothing to forecast: leave the symbol out"),
    ):  # fmt: skip
        own = {run.start: run for run in runs if run.kind == kind}
        if not own:
            continue
        rows = np.isin(np.arange(len(table)), list(own))
        count = sum(run.end - run.start + 1 for run in own.values())
        what = f"{counted(count, one, many)} the price before"
        what += {
            "stale": f", in {counted(len(own), 'run', 'runs')} that chance does not explain",
            "stale-tail": ", and no other price follows",
            "constant": ": all rows have one price",
        }[kind]
        found = oddity(kind, table, rows, what, remark, partial(_run_described, table, own))
        yield replace(found, count=count)


def _run_described(table: pd.DataFrame, runs: dict[int, Run], row: int) -> str:
    run = runs[row]
    close, until = number(table["close"].iloc[row]), stamp(table["session"].iloc[run.end])
    return f"{counted(run.end - run.start + 1, 'row', 'rows')} with close {close}, until {until}"
