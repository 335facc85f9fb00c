"""What is odd in prices that can be used: counted, shown with its first rows, and kept with the run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gatecast.data.sessions import irregular

Rows = NDArray[np.bool_]

FIRST = 5

SPLITS = {
    new / old: f"{new}:{old}" if new > old else f"{new}:{old} reverse"
    for one, other in ((2, 1), (3, 2), (3, 1), (4, 1), (5, 1), (7, 1), (10, 1), (20, 1), (50, 1))
    for new, old in ((one, other), (other, one))
}
# A jump over night this close (log) to a split's ratio is taken for one …
SPLIT_TOLERANCE = 0.025
# … if it is this many times the symbol's usual daily move.
UNUSUAL = 10.0


@dataclass(frozen=True)
class Oddity:
    """A warning about the data, kept with the run.

    kind   "close-outside-range", "split", "filler", "zero-volume", "bad-ohl", "bad-volume",
           "bad-adj-close", "missing-session", "no-session", "unsorted", "open-session", "revised", "cached"
    count  rows (for "missing-session" dates) concerned
    text   one sentence: symbols, count, first dates, and what gatecast does about it
    rows   the first few: "2014-03-26: close 1128.87 above high 583.6"
    """

    kind: str
    count: int
    text: str
    rows: tuple[str, ...]


def check(table: pd.DataFrame, calendar: dict[str, str]) -> tuple[pd.DataFrame, tuple[Oddity, ...]]:
    """The table with impossible cells emptied (NaN), and its oddities, at most one of each kind.

    table     as `Prices.table`: sorted, with positive closes
    calendar  symbol → calendar
    """
    table = table.copy()
    found = [
        *_empty_impossible(table),
        *_close_outside_range(table),
        *_splits(table),
        *_fillers(table),
        *_irregular_sessions(table, calendar),
    ]
    return table, tuple(found)


def named(table: pd.DataFrame, rows: Rows) -> str:
    """The symbols of these rows: "TSLA", "A, B", "505 symbols (A, AAL, AAP, …)"."""
    names = list(table["symbol"].to_numpy()[rows])
    return names_of(list(dict.fromkeys(names)))


def names_of(symbols: list[str]) -> str:
    """As `named`, of names."""
    if len(symbols) <= 3:
        return ", ".join(symbols)
    return f"{len(symbols)} symbols ({', '.join(symbols[:3])}, …)"


def first_rows(table: pd.DataFrame, rows: Rows, what: str, *columns: str) -> tuple[str, ...]:
    """The first few of these rows as text: "2014-03-26: <what> (close 1128.87, high 583.6)"."""
    several = table["symbol"].iloc[0] != table["symbol"].iloc[-1]
    columns = tuple(name for name in columns if name in table.columns)
    lines: list[str] = []
    for position in np.flatnonzero(rows)[:FIRST]:
        row = table.iloc[position]
        values = ", ".join(f"{name} {_short(row[name])}" for name in columns)
        lines.append(f"{_where(row, several)}: {what}{f' ({values})' if values else ''}")
    return tuple(lines)


def _where(row: pd.Series, several: bool) -> str:
    date = str(row["session"].date())
    return f"{row['symbol']} {date}" if several else date


def _short(value: float) -> str:
    return "empty" if np.isnan(value) else f"{value:.10g}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _dates(table: pd.DataFrame, rows: Rows) -> str:
    dates = [str(day.date()) for day in table["session"].iloc[np.flatnonzero(rows)[:3]]]
    more = ", …" if rows.sum() > 3 else ""
    return ", ".join(dates) + more


def _empty_impossible(table: pd.DataFrame) -> Iterator[Oddity]:
    """Empties, in place, the cells that cannot be what their column says."""
    groups = (
        ("bad-ohl", ("open", "high", "low"), "open, high or low missing or impossible"),
        ("bad-adj-close", ("adj_close",), "an adjusted close missing or impossible"),
        ("bad-volume", ("volume",), "a volume missing or impossible"),
    )
    for kind, columns, what in groups:
        there = [name for name in columns if name in table.columns]
        bad = {name: _impossible(table, name) for name in there}
        rows = np.zeros(len(table), dtype=bool).copy()
        for cells in bad.values():
            rows |= cells
        if rows.any():
            lines = first_rows(table, rows, "missing or impossible", *there)
            count = int(rows.sum())
            text = (
                f"{named(table, rows)}: {_count(count, 'row has', 'rows have')} {what} "
                f"({_dates(table, rows)}); features that need these cells are 0 there."
            )
            yield Oddity(kind, count, text, lines)
        for name, cells in bad.items():
            table[name] = table[name].mask(cells)


def _impossible(table: pd.DataFrame, name: str) -> Rows:
    values = table[name].to_numpy()
    bad = ~np.isfinite(values) | ((values < 0) if name == "volume" else (values <= 0))
    if name in ("high", "low") and {"high", "low"} <= set(table.columns):
        bad |= table["high"].to_numpy() < table["low"].to_numpy()
    return bad


def _close_outside_range(table: pd.DataFrame) -> Iterator[Oddity]:
    close = table["close"].to_numpy()
    none = np.zeros(len(table), dtype=bool)
    above = close > table["high"].to_numpy() if "high" in table.columns else none
    below = close < table["low"].to_numpy() if "low" in table.columns else none
    rows = above | below
    if not rows.any():
        return
    parts = [(above, "above high"), (below, "below low")]
    counts = [f"{_count(int(part.sum()), 'row', 'rows')} {what}" for part, what in parts if part.any()]
    lines: list[str] = []
    for position in np.flatnonzero(rows)[:FIRST]:
        one = np.arange(len(table)) == position
        what, bound = ("above high", "high") if above[position] else ("below low", "low")
        row = table.iloc[position]
        start = first_rows(table, one, f"close {_short(row['close'])} {what} {_short(row[bound])}")
        lines += start
    text = (
        f"{named(table, rows)}: close is outside low..high in {' and '.join(counts)} "
        f"({_dates(table, rows)}); the values are kept."
    )
    yield Oddity("close-outside-range", int(rows.sum()), text, tuple(lines))


def _splits(table: pd.DataFrame) -> Iterator[Oddity]:
    """Jumps of the close over one night that look like a split nobody adjusted for."""
    rows, labels = find_splits(table)
    if not rows.any():
        return
    close = table["close"].to_numpy()
    lines: list[str] = []
    for position in np.flatnonzero(rows)[:FIRST]:
        one = np.arange(len(table)) == position
        before, after = close[position - 1], close[position]
        what = f"close {_short(before)} → {_short(after)}, as in a {labels[position]} split"
        if "open" in table.columns:
            opens = table["open"].to_numpy()[position - 1 : position + 1]
            if abs(np.log(opens[1] / opens[0])) < abs(np.log(after / before)) / 2:
                what += f", while open {_short(opens[0])} → {_short(opens[1])} does not jump"
        lines += first_rows(table, one, what)
    count = int(rows.sum())
    text = (
        f"{named(table, rows)}: {_count(count, 'one-day jump', 'one-day jumps')} of the close "
        f"({_dates(table, rows)}) {'looks' if count == 1 else 'look'} like a split that the earlier prices "
        "are not adjusted for; the prices are kept and the jump counts as a real move: "
        "correct them, or start after it."
    )
    yield Oddity("split", count, text, tuple(lines))


def find_splits(table: pd.DataFrame) -> tuple[Rows, dict[int, str]]:
    """Rows whose close jumps as in a split, and the split's name ("2:1") by row.

    A split happens over night, so the open of the day is compared with the close before where there is an
    open: a real crash seldom meets a ratio of whole numbers, and a real split always does. The jump must
    also be far outside the symbol's usual daily moves (median absolute log return).
    """
    close = np.log(table["close"].to_numpy())
    change = np.diff(close, prepend=np.nan)
    starts = table["symbol"].to_numpy()[1:] != table["symbol"].to_numpy()[:-1]
    change[1:][starts] = np.nan
    size = pd.Series(np.abs(change))
    usual = size.groupby(table["symbol"].to_numpy(), sort=False).transform("median").to_numpy()
    night = change
    if "open" in table.columns:
        opened = np.log(table["open"].to_numpy())
        night = np.where(np.isnan(opened), change, opened - np.concatenate([[np.nan], close[:-1]]))
    smallest = np.log(1.5) - 2 * SPLIT_TOLERANCE
    unusual = np.flatnonzero((size > UNUSUAL * usual).to_numpy() & (np.abs(change) > smallest))
    labels: dict[int, str] = {}
    for row in unusual:
        for factor, label in SPLITS.items():
            # After a 2:1 split the price is half of what it was. The rest of the day moves as usual.
            over_night = abs(night[row] + np.log(factor)) < SPLIT_TOLERANCE
            if over_night and abs(change[row] + np.log(factor)) < SPLIT_TOLERANCE + 5 * usual[row]:
                labels[int(row)] = label
    rows = np.zeros(len(table), dtype=bool)
    rows[list(labels)] = True
    return rows, labels


def _fillers(table: pd.DataFrame) -> Iterator[Oddity]:
    if "volume" not in table.columns:
        return
    silent = table["volume"].to_numpy() == 0
    flat = np.zeros(len(table), dtype=bool)
    if {"open", "high", "low"} <= set(table.columns):
        close = table["close"].to_numpy()
        flat = np.logical_and.reduce([table[name].to_numpy() == close for name in ("open", "high", "low")])
    filler, zero = silent & flat, silent & ~flat
    if filler.any():
        count = int(filler.sum())
        text = (
            f"{named(table, filler)}: {_count(count, 'row looks', 'rows look')} like filler: volume 0 and "
            f"open = high = low = close ({_dates(table, filler)}); kept as sessions."
        )
        yield Oddity("filler", count, text, first_rows(table, filler, "filler", "close", "volume"))
    if zero.any():
        count = int(zero.sum())
        text = (
            f"{named(table, zero)}: {_count(count, 'row has', 'rows have')} volume 0 though prices moved "
            f"({_dates(table, zero)}); the change of volume is 0 there."
        )
        yield Oddity("zero-volume", count, text, first_rows(table, zero, "volume 0", "close"))


def _irregular_sessions(table: pd.DataFrame, calendar: dict[str, str]) -> Iterator[Oddity]:
    """Sessions without a row, and rows without a session, by each symbol's calendar."""
    names = table["symbol"].to_numpy()
    starts = np.flatnonzero(np.concatenate([[True], names[1:] != names[:-1]]))
    several = len(starts) > 1
    kinds: dict[str, list[tuple[str, NDArray[np.datetime64]]]] = {"missing": [], "surplus": []}
    for days, symbol in zip(
        np.split(table["session"].to_numpy().astype("datetime64[D]"), starts[1:]), names[starts], strict=True
    ):
        missing, surplus = irregular(calendar[symbol], days)
        if len(missing):
            kinds["missing"].append((symbol, missing))
        if len(surplus):
            kinds["surplus"].append((symbol, surplus))
    for kind, said, note, lost in (
        (
            "missing-session",
            "session is|sessions are",
            "missing; the row before and after count as neighbours",
            "missing",
        ),
        ("no-session", "row is|rows are", "on a day that is no session; kept as sessions", "surplus"),
    ):
        found = kinds[lost]
        if not found:
            continue
        count = sum(len(days) for _, days in found)
        codes = ", ".join(sorted({calendar[symbol] for symbol, _ in found}))
        one, many = said.split("|")
        first = [f"{symbol} {day}" if several else str(day) for symbol, days in found for day in days[:FIRST]]
        more = ", …" if count > 3 else ""
        text = (
            f"{names_of([symbol for symbol, _ in found])}: by the calendar {codes} "
            f"{_count(count, one, many)} {note} ({', '.join(first[:3])}{more})."
        )
        what = "no row" if lost == "missing" else "no session"
        yield Oddity(kind, count, text, tuple(f"{day}: {what}" for day in first[:FIRST]))
