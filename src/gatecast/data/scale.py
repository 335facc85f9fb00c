"""Scale errors and dead feeds in words: cells in other units, jumps, runs of one price."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from gatecast._typing import Bools, Floats, Integers
from gatecast.data.jumps import Jump, find_jumps, split_name
from gatecast.data.oddities import Oddity, number, oddity
from gatecast.data.stale import Run, stale_runs
from gatecast.language import plural, say
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
            say(
                "{name} {value} instead of {other}",
                name=name,
                value=number(table[name].iloc[row]),
                other=number(table[name].iloc[row] * factors[name][row]),
            )
            for name in off
        )

    sizes = np.unique(np.concatenate([np.maximum(factor, 1 / factor) for factor in factors.values()]))
    times = say(" and ").join(f"{size:,.0f}" for size in sizes[sizes > 1])
    what = say(
        "{rows} written in other units than most, by a factor of {times} as between pence and pounds",
        rows=plural("{n:,} row is", "{n:,} rows are", int(rows.sum())),
        times=times,
    )
    remark = say(
        "they are kept, and every change of units counts as a real move: repair them ({repair})",
        repair=REPAIR,
    )
    yield oddity("unit", table, rows, what, remark, describe)


def other_unit_rows(table: pd.DataFrame, factors: dict[str, Floats]) -> Bools:
    """(N,) rows with a cell that a factor changes."""
    none = np.zeros(len(table), dtype=bool)
    return np.logical_or.reduce([none, *(factor != 1 for factor in factors.values())])


def jumps_of(table: pd.DataFrame, first: Integers, frequency: str) -> Iterator[Oddity]:
    """Jumps of the close: splits that nobody adjusted for, and others far beyond the usual."""
    jumps, bar = find_jumps(table, first), noun(frequency)
    splits = {jump.row: jump for jump in jumps if jump.split}
    others = {jump.row: jump for jump in jumps if not jump.split}
    for kind, found, what, remark in (
        (
            "split",
            splits,
            plural(
                "{n:,} one-{bar} jump of the close looks like an unadjusted split",
                "{n:,} one-{bar} jumps of the close look like unadjusted splits",
                len(splits),
                bar=bar,
            ),
            say(
                "the prices are kept, and the jump counts as a real move: repair them ({repair}), or start "
                "after it",
                repair=REPAIR,
            ),
        ),
        (
            "jump",
            others,
            plural(
                "{n:,} move from one bar to the next is beyond 30 usual ones",
                "{n:,} moves from one bar to the next are beyond 30 usual ones",
                len(others),
            ),
            say("they are kept as real moves: compare them with another source, or start after them"),
        ),
    ):
        if found:
            rows = np.isin(np.arange(len(table)), list(found))
            yield oddity(kind, table, rows, what, remark, partial(_described, table, found))


def _described(table: pd.DataFrame, jumps: dict[int, Jump], row: int) -> str:
    jump = jumps[row]
    before, after = table["close"].iloc[row - 1], table["close"].iloc[row]
    text = say("close {before} → {after}", before=number(before), after=number(after))
    if jump.split is None:
        text += say(", {n:,.0f} usual moves", n=jump.moves)
        if jump.back is not None:
            text += say(", and back on {time}", time=stamp(table["session"].iloc[jump.back]))
        elif jump.paid:
            text += say("; the adjusted close does not jump, as after a dividend or a spin-off")
        return text
    text += say(", as in a {split} split", split=split_name(jump.split))
    if jump.source is not None:
        text += say(" by the column {column}", column=jump.source)
    if "open" in table.columns and "open" not in jump.columns:
        opened, opens = table["open"].iloc[row - 1], table["open"].iloc[row]
        text += say(
            ", while open {before} → {after} does not jump", before=number(opened), after=number(opens)
        )
    return text


def stale(table: pd.DataFrame, first: Integers) -> Iterator[Oddity]:
    """Runs of one price that chance does not explain."""
    runs = stale_runs(table, first)
    for kind in ("stale", "stale-tail", "constant"):
        own = {run.start: run for run in runs if run.kind == kind}
        if not own:
            continue
        rows = np.isin(np.arange(len(table)), list(own))
        count = sum(run.end - run.start + 1 for run in own.values())
        if kind == "stale":
            what = plural("{n:,} row repeats the price before", "{n:,} rows repeat the price before", count)
            what += say(
                ", in {runs} that chance does not explain", runs=plural("{n:,} run", "{n:,} runs", len(own))
            )
            remark = say(
                "they are kept, as returns of zero: fill them from another source, or start after them"
            )
        elif kind == "stale-tail":
            what = plural(
                "{n:,} row at the end repeats the price before, and no other price follows",
                "{n:,} rows at the end repeat the price before, and no other price follows",
                count,
            )
            remark = say(
                "they are kept, as returns of zero, as after a delisting: leave them out ({repair})",
                repair=REPAIR,
            )
        else:
            what = plural(
                "{n:,} row repeats the price before: all rows have one price",
                "{n:,} rows repeat the price before: all rows have one price",
                count,
            )
            remark = say("there is nothing to forecast: leave the symbol out")
        found = oddity(kind, table, rows, what, remark, partial(_run_described, table, own))
        yield replace(found, count=count)


def _run_described(table: pd.DataFrame, runs: dict[int, Run], row: int) -> str:
    run = runs[row]
    close, until = number(table["close"].iloc[row]), stamp(table["session"].iloc[run.end])
    return say(
        "{rows} with close {close}, until {until}",
        rows=plural("{n:,} row", "{n:,} rows", run.end - run.start + 1),
        close=close,
        until=until,
    )
