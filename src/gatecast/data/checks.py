"""What is odd in prices that can be used: counted, shown with its first rows, and kept with the run."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from gatecast._typing import Bools, Floats, Integers
from gatecast.data.gaps import irregular_bars
from gatecast.data.jumps import outside_range
from gatecast.data.oddities import FIRST, Oddity, cells, listed, noted, number, oddity, starts
from gatecast.data.scale import jumps_of, other_unit_rows, other_units, stale
from gatecast.data.units import in_one_unit, unit_factors
from gatecast.language import marked, plural, say
from gatecast.settings.frequency import DAILY, session_nouns

__all__ = ["FIRST", "Oddity", "cells", "check", "listed", "noted", "number", "oddity", "starts"]

LARGEST_PRICE = 1e30  # what is larger, or smaller than its inverse, is no price, and could not be squared


def check(
    table: pd.DataFrame, first: Integers, calendar: dict[str, str], frequency: str = DAILY
) -> tuple[pd.DataFrame, tuple[Oddity, ...]]:
    """The table with impossible cells emptied (NaN), and its oddities, at most one of each kind.

    table     as `Prices.table`: sorted, with closes
    first     (S,) row where each symbol starts
    calendar  symbol → calendar
    frequency of the bars
    """
    table = table.copy()
    factors = unit_factors(table, first)
    impossible = list(_empty_impossible(table, _may_be_negative(table, first)))
    in_one = in_one_unit(table, factors)
    found = [
        *_not_positive(table),
        *impossible,
        *other_units(table, factors),
        *_close_outside_range(table, factors),
        *jumps_of(in_one, first, frequency),
        *stale(in_one, first),
        *_without_trade(table, frequency),
        *irregular_bars(table, first, calendar, frequency),
    ]
    return table, tuple(found)


def _not_positive(table: pd.DataFrame) -> Iterator[Oddity]:
    """Closes of zero or below: of a spread, a rate, a future; or an error."""
    rows = (table["close"] <= 0).to_numpy()
    if rows.any():
        what = say(
            "{rows} a close of zero or below",
            rows=plural("{n:,} row has", "{n:,} rows have", int(rows.sum())),
        )
        remark = say(
            "they are kept as prices: such a price has no log return, so the target is the difference "
            '(target="difference"), and neither splits nor other units are looked for there. If they are no '
            "prices, leave these rows out of the source, or start after them"
        )
        yield oddity("non-positive", table, rows, what, remark, cells(table, "close"))


def _may_be_negative(table: pd.DataFrame, first: Integers) -> Bools:
    """(N,) rows of symbols whose prices may be zero or below, for a close is."""
    below = (table["close"] <= 0).to_numpy()
    return np.repeat(np.logical_or.reduceat(below, first), np.diff(first, append=len(table)))


def _empty_impossible(table: pd.DataFrame, signed: Bools) -> Iterator[Oddity]:
    """Empties, in place, the cells that cannot be what their column says; signed (N,): may be 0 or below."""
    for kind, columns, name in (
        ("bad-ohl", ("open", "high", "low"), say("open, high or low")),
        ("bad-adj-close", ("adj_close",), say("adjusted close")),
        ("bad-volume", ("volume",), say("volume")),
    ):
        bad = {column: _impossible(table, column, signed) for column in columns if column in table.columns}
        rows = np.logical_or.reduce([np.zeros(len(table), dtype=bool), *bad.values()])
        if rows.any():
            what = say(
                "{rows} {name} missing or impossible",
                rows=plural("{n:,} row has", "{n:,} rows have", int(rows.sum())),
                name=name,
            )
            yield oddity(
                kind,
                table,
                rows,
                what,
                say("features that need these cells are 0 there"),
                cells(table, *columns),
            )
        for column, cell in bad.items():
            if cell.any():
                table[column] = table[column].mask(cell)


def _impossible(table: pd.DataFrame, column: str, signed: Bools) -> Bools:
    values = table[column].to_numpy()
    least = 0 if column == "volume" else np.where(signed, -LARGEST_PRICE, 1 / LARGEST_PRICE)
    bad: Bools = ~((values >= least) & (values <= LARGEST_PRICE))
    if column in ("high", "low") and {"high", "low"} <= set(table.columns):
        bad |= table["high"].to_numpy() < table["low"].to_numpy()
    return bad


CLOSE_ABOVE = marked("close {close} above high {bound}")
CLOSE_BELOW = marked("close {close} below low {bound}")


def _close_outside_range(table: pd.DataFrame, factors: dict[str, Floats]) -> Iterator[Oddity]:
    above, below = (part & ~other_unit_rows(table, factors) for part in outside_range(table))
    rows = above | below
    if not rows.any():
        return
    parts = []
    if above.any():
        n = int(above.sum())
        parts.append(plural("{n:,} row has close above high", "{n:,} rows have close above high", n))
    if below.any():
        n = int(below.sum())
        parts.append(plural("{n:,} row has close below low", "{n:,} rows have close below low", n))

    def describe(row: int) -> str:
        message, bound = (CLOSE_ABOVE, "high") if above[row] else (CLOSE_BELOW, "low")
        return say(message, close=number(table["close"].iloc[row]), bound=number(table[bound].iloc[row]))

    yield oddity(
        "close-outside-range",
        table,
        rows,
        say(" and ").join(parts),
        say("the values are kept as they are"),
        describe,
    )


def _without_trade(table: pd.DataFrame, frequency: str) -> Iterator[Oddity]:
    """Rows without volume: filler where the price did not move either."""
    if "volume" not in table.columns:
        return
    silent = table["volume"].to_numpy() == 0
    flat = np.zeros(len(table), dtype=bool)
    if {"open", "high", "low"} <= set(table.columns):
        close = table["close"].to_numpy()
        flat = np.logical_and.reduce([table[name].to_numpy() == close for name in ("open", "high", "low")])
    filler, moved = silent & flat, silent & ~flat
    if filler.any():
        what = plural(
            "{n:,} row looks like filler: volume 0 and open = high = low = close",
            "{n:,} rows look like filler: volume 0 and open = high = low = close",
            int(filler.sum()),
        )
        remark = say("they are kept as {sessions}", sessions=session_nouns(frequency))
        yield oddity("filler", table, filler, what, remark, cells(table, "close", "volume"))
    if moved.any():
        what = say("{rows} volume 0", rows=plural("{n:,} row has", "{n:,} rows have", int(moved.sum())))
        remark = say("features of the volume are 0 there")
        yield oddity("zero-volume", table, moved, what, remark, cells(table, "close", "volume"))
