"""What is odd in prices that can be used: counted, shown with its first rows, and kept with the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gatecast._typing import Bools, Dates, Integers
from gatecast.data.calendars import irregular
from gatecast.data.splits import find_splits

FIRST = 5
LARGEST_PRICE = 1e30  # what is larger, or smaller than its inverse, is no price, and could not be squared


@dataclass(frozen=True)
class Oddity:
    """A warning about the data, kept with the run.

    kind   "close-outside-range", "split", "filler", "zero-volume", "bad-ohl", "bad-volume",
           "bad-adj-close", "missing-session", "no-session", "unsorted", "open-session", "revised", "cached"
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


def check(
    table: pd.DataFrame, first: Integers, calendar: dict[str, str]
) -> tuple[pd.DataFrame, tuple[Oddity, ...]]:
    """The table with impossible cells emptied (NaN), and its oddities, at most one of each kind.

    table     as `Prices.table`: sorted, with positive closes
    first     (S,) row where each symbol starts
    calendar  symbol → calendar
    """
    table = table.copy()
    found = [
        *_empty_impossible(table),
        *_close_outside_range(table),
        *_splits(table, first),
        *_without_trade(table),
        *_irregular_sessions(table, first, calendar),
    ]
    return table, tuple(found)


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
        f"{symbol} {day.date()}" if several else str(day.date())
        for symbol, day in zip(symbols[:FIRST], days, strict=True)
    ]
    dates = ", ".join(where[:3]) + (", …" if len(positions) > 3 else "")
    lines = [f"{place}: {describe(int(row))}" for place, row in zip(where, positions[:FIRST], strict=True)]
    text = f"{listed(list(symbols.unique()))}: {what} ({dates}); {remark}."
    return Oddity(kind, len(positions), text, tuple(lines))


def noted(
    kind: str, table: pd.DataFrame, rows: Bools, one: str, many: str, remark: str, *columns: str
) -> list[Oddity]:
    """The oddity of these rows, "1 row <one>" or "2 rows <many>", with cells; [] where there are none."""
    if not rows.any():
        return []
    what = counted(int(rows.sum()), f"row {one}", f"rows {many}")
    return [oddity(kind, table, rows, what, remark, cells(table, *columns))]


def starts(table: pd.DataFrame) -> NDArray[np.int64]:
    """(S,) row where each symbol of a sorted table starts."""
    names = pd.factorize(table["symbol"])[0]
    return np.flatnonzero(np.concatenate([[True], names[1:] != names[:-1]])).astype(np.int64)


def listed(symbols: Sequence[str]) -> str:
    """The symbols in few words: "TSLA", "A, B", "505 symbols (A, AAL, AAP, …)"."""
    if len(symbols) <= 3:
        return ", ".join(symbols)
    return f"{len(symbols):,} symbols ({', '.join(symbols[:3])}, …)"


def cells(table: pd.DataFrame, *columns: str) -> Callable[[int], str]:
    """Row number → those of these columns there are: "close 1128.87, volume empty"."""
    there = [name for name in columns if name in table.columns]
    return lambda row: ", ".join(f"{name} {number(table[name].iloc[row])}" for name in there)


def number(value: float) -> str:
    """A price or a volume in full, without trailing zeros."""
    return "empty" if np.isnan(value) else f"{value:.10g}"


def counted(count: int, one: str, many: str) -> str:
    """ "1 row", "1,258 rows"."""
    return f"{count:,} {one if count == 1 else many}"


def _empty_impossible(table: pd.DataFrame) -> Iterator[Oddity]:
    """Empties, in place, the cells that cannot be what their column says."""
    for kind, columns, name in (
        ("bad-ohl", ("open", "high", "low"), "open, high or low"),
        ("bad-adj-close", ("adj_close",), "adjusted close"),
        ("bad-volume", ("volume",), "volume"),
    ):
        bad = {column: _impossible(table, column) for column in columns if column in table.columns}
        rows = np.logical_or.reduce([np.zeros(len(table), dtype=bool), *bad.values()])
        if rows.any():
            what = f"{counted(int(rows.sum()), 'row has', 'rows have')} {name} missing or impossible"
            yield oddity(
                kind, table, rows, what, "features that need these cells are 0 there", cells(table, *columns)
            )
        for column, cell in bad.items():
            table[column] = table[column].mask(cell)


def _impossible(table: pd.DataFrame, column: str) -> Bools:
    values = table[column].to_numpy()
    least = 0 if column == "volume" else 1 / LARGEST_PRICE
    bad: Bools = ~((values >= least) & (values <= LARGEST_PRICE))
    if column in ("high", "low") and {"high", "low"} <= set(table.columns):
        bad |= table["high"].to_numpy() < table["low"].to_numpy()
    return bad


def _close_outside_range(table: pd.DataFrame) -> Iterator[Oddity]:
    above, below = outside_range(table)
    rows = above | below
    if not rows.any():
        return
    parts = [
        f"{counted(int(part.sum()), 'row has', 'rows have')} close {name}"
        for part, name in ((above, "above high"), (below, "below low"))
        if part.any()
    ]

    def describe(row: int) -> str:
        what, bound = ("above", "high") if above[row] else ("below", "low")
        return f"close {number(table['close'].iloc[row])} {what} {bound} {number(table[bound].iloc[row])}"

    yield oddity(
        "close-outside-range", table, rows, " and ".join(parts), "the values are kept as they are", describe
    )


def outside_range(table: pd.DataFrame) -> tuple[Bools, Bools]:
    """Where the close lies above the high, and where below the low."""
    close, none = table["close"].to_numpy(), np.zeros(len(table), dtype=bool)
    above = close > table["high"].to_numpy() if "high" in table.columns else none
    below = close < table["low"].to_numpy() if "low" in table.columns else none
    return above, below


def _splits(table: pd.DataFrame, first: Integers) -> Iterator[Oddity]:
    """Jumps of the close over one night that look like a split nobody adjusted for."""
    above, below = outside_range(table)
    labels = find_splits(
        table["close"].to_numpy(), table["open"].to_numpy() if "open" in table else None, first, above | below
    )
    if not labels:
        return
    rows = np.zeros(len(table), dtype=bool)
    rows[list(labels)] = True

    def describe(row: int) -> str:
        before, after = table["close"].iloc[row - 1], table["close"].iloc[row]
        text = f"close {number(before)} → {number(after)}, as in a {labels[row]} split"
        if "open" in table.columns:
            opened, opens = table["open"].iloc[row - 1], table["open"].iloc[row]
            if abs(np.log(opens / opened)) < abs(np.log(after / before)) / 2:
                text += f", while open {number(opened)} → {number(opens)} does not jump"
        return text

    what = counted(len(labels), "one-day jump of the close looks", "one-day jumps of the close look")
    remark = "the prices are kept, and the jump counts as a real move: correct them, or start after it"
    yield oddity("split", table, rows, f"{what} like an unadjusted split", remark, describe)


def _without_trade(table: pd.DataFrame) -> Iterator[Oddity]:
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
        what = counted(int(filler.sum()), "row looks", "rows look")
        what += " like filler: volume 0 and open = high = low = close"
        yield oddity(
            "filler", table, filler, what, "they are kept as sessions", cells(table, "close", "volume")
        )
    if moved.any():
        what = f"{counted(int(moved.sum()), 'row has', 'rows have')} volume 0"
        remark = "features of the volume are 0 there"
        yield oddity("zero-volume", table, moved, what, remark, cells(table, "close", "volume"))


def _irregular_sessions(table: pd.DataFrame, first: Integers, calendar: dict[str, str]) -> Iterator[Oddity]:
    """Sessions without a row, and rows without a session, by each symbol's calendar."""
    symbols = list(table["symbol"].iloc[first])
    sessions = np.split(table["session"].to_numpy().astype("datetime64[D]"), first[1:])
    missing: list[tuple[str, np.datetime64]] = []
    surplus: list[tuple[str, np.datetime64]] = []
    # Most symbols of a market have the same dates.
    known: dict[tuple[str, bytes], tuple[Dates, Dates]] = {}
    for symbol, days in zip(symbols, sessions, strict=True):
        key = calendar[symbol], days.tobytes()
        if key not in known:
            known[key] = irregular(calendar[symbol], days)
        missing += [(symbol, day) for day in known[key][0]]
        surplus += [(symbol, day) for day in known[key][1]]
    several = len(symbols) > 1
    for kind, found, one, many, remark, what in (
        ("missing-session", missing, "session is missing", "sessions are missing",
         "the rows around them count as neighbours", "no row"),
        ("no-session", surplus, "row is on a day without a session", "rows are on days without a session",
         "they are kept as sessions", "no session"),
    ):  # fmt: skip
        if not found:
            continue
        where = [f"{symbol} {day}" if several else str(day) for symbol, day in found[:FIRST]]
        dates = ", ".join(where[:3]) + (", …" if len(found) > 3 else "")
        concerned = list(dict.fromkeys(symbol for symbol, _ in found))
        codes = ", ".join(sorted({calendar[symbol] for symbol in concerned}))
        text = (
            f"{listed(concerned)}: {counted(len(found), one, many)} by the calendar {codes} "
            f'({dates}); {remark}. The calendar of another exchange is chosen by its code: calendar="CODE".'
        )
        yield Oddity(kind, len(found), text, tuple(f"{place}: {what}" for place in where))
