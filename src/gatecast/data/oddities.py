"""Oddities: what is odd in prices, counted and shown with its first rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gatecast._typing import Bools
from gatecast.language import say
from gatecast.settings.frequency import stamp

FIRST = 5


@dataclass(frozen=True)
class Oddity:
    """A warning about the data, kept with the run.

    kind   "non-positive", "bad-ohl", "bad-adj-close", "bad-volume", "unit", "close-outside-range", "split",
           "jump", "stale", "stale-tail", "constant", "filler", "zero-volume", "missing-session",
           "no-session", "unsorted", "open-session", "revised", "cached", …
    count  rows (for "missing-session": dates) concerned
    text   one sentence: symbols, count, first dates, and what gatecast does about it
    rows   the first few: "2014-03-26: close 1128.87 above high 583.6"
    """

    kind: str
    count: int
    text: str
    rows: tuple[str, ...]

    def summary(self) -> dict[str, Any]:
        """The same as plain data for JSON."""
        return {**vars(self), "rows": list(self.rows)}


def oddity(
    kind: str, table: pd.DataFrame, rows: Bools, what: str, remark: str, describe: Callable[[int], str]
) -> Oddity:
    """The oddity of these rows: "<symbols>: <what> (<first dates>); <remark>."

    describe  row number → what is odd in this row
    """
    positions = np.flatnonzero(rows)
    several = table["symbol"].iloc[0] != table["symbol"].iloc[-1]
    symbols, days = table["symbol"].iloc[positions], table["session"].iloc[positions[:FIRST]]
    where = [
        f"{symbol} {stamp(day)}" if several else stamp(day)
        for symbol, day in zip(symbols[:FIRST], days, strict=True)
    ]
    dates = ", ".join(where[:3]) + (", …" if len(positions) > 3 else "")
    lines = [f"{place}: {describe(int(row))}" for place, row in zip(where, positions[:FIRST], strict=True)]
    text = f"{listed(list(symbols.unique()))}: {what} ({dates}); {remark}."
    return Oddity(kind, len(positions), text, tuple(lines))


def noted(
    kind: str, table: pd.DataFrame, rows: Bools, what: Callable[[int], str], remark: str, *columns: str
) -> list[Oddity]:
    """The oddity of these rows, what(their number), with cells; [] where there are none."""
    if not rows.any():
        return []
    return [oddity(kind, table, rows, what(int(rows.sum())), remark, cells(table, *columns))]


def starts(table: pd.DataFrame) -> NDArray[np.int64]:
    """(S,) row where each symbol of a sorted table starts."""
    names = table["symbol"].array
    is_new = np.asarray(names[1:] != names[:-1], dtype=bool)
    return np.flatnonzero(np.append(True, is_new)).astype(np.int64)


def listed(symbols: Sequence[str]) -> str:
    """The symbols in few words: "TSLA", "A, B", "505 symbols (A, AAL, AAP, …)"."""
    if len(symbols) <= 3:
        return ", ".join(symbols)
    return say("{n:,} symbols ({names}, …)", n=len(symbols), names=", ".join(symbols[:3]))


def cells(table: pd.DataFrame, *columns: str) -> Callable[[int], str]:
    """Row number → those of these columns there are: "close 1128.87, volume empty"."""
    there = [name for name in columns if name in table.columns]
    return lambda row: ", ".join(f"{name} {number(table[name].iloc[row])}" for name in there)


def number(value: float) -> str:
    """A price or a volume in full, without trailing zeros."""
    return say("empty") if np.isnan(value) else f"{value:.10g}"
