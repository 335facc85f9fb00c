"""Every way to read a small table, by trying them all: the independent reader of test_readings.py.

It shares no code with gatecast: separators, decimal marks, marks of thousands, orders of day, month and
year and units of time are tried one by one. What parses every cell and gives dates in order is a reading.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import itertools
from collections.abc import Iterator

SEPARATORS = ",;\t|"
DECIMALS = ".,"
THOUSANDS = (None, ",", ".", " ", "'")
ORDERS = ("Ymd", "mdY", "dmY", "ymd", "mdy", "dmy")
MARKS = "-/."
UNITS = (1, 1_000, 1_000_000)
FIRST, LAST = dt.date(1900, 1, 1), dt.date(dt.date.today().year + 1, 12, 31)

Reading = tuple[tuple[dt.date, ...], tuple[float, ...]]


def readings(text: str) -> set[Reading]:
    """All readings of a text with the columns date, close: dates in rising order, and their closes."""
    found = set()
    for separator in SEPARATORS:
        rows = list(csv.reader(io.StringIO(text), delimiter=separator))
        if len({len(row) for row in rows}) != 1 or len(rows[0]) != 2:
            continue
        days, closes = zip(*rows[1:], strict=True)
        for dates, values in itertools.product(set(_dates(days)), set(_numbers(closes))):
            order = sorted(range(len(dates)), key=dates.__getitem__)
            found.add((tuple(dates[at] for at in order), tuple(values[at] for at in order)))
    return found


def _dates(cells: tuple[str, ...]) -> Iterator[tuple[dt.date, ...]]:
    """The dates in each order of their parts, where they rise or fall."""
    for order, mark in itertools.product(ORDERS, MARKS):
        days = [_date(cell, order, mark) for cell in cells]
        yield from _in_order(days)
    for unit in UNITS:
        if all(cell.isdigit() for cell in cells):
            seconds = [int(cell) / unit for cell in cells]
            if all(1e8 <= second < 4e9 for second in seconds):
                yield from _in_order([dt.datetime.fromtimestamp(one, dt.UTC).date() for one in seconds])


def _date(cell: str, order: str, mark: str) -> dt.date | None:
    parts = cell.split(mark)
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        return None
    value = {}
    for name, part in zip(order, parts, strict=True):
        if len(part) != (4 if name == "Y" else 2) and (name in "Yy" or len(part) != 1):
            return None
        value[name] = int(part)
    if "y" in value:
        near = 2000 + value["y"] <= dt.date.today().year + 1
        value["Y"] = value["y"] + (2000 if near else 1900)
    try:
        return dt.date(value["Y"], value["m"], value["d"])
    except ValueError:
        return None


def _in_order(days: list[dt.date | None]) -> Iterator[tuple[dt.date, ...]]:
    known = [day for day in days if day is not None and FIRST <= day <= LAST]
    steps = {(later > earlier) - (later < earlier) for earlier, later in itertools.pairwise(known)}
    if len(known) == len(days) and steps in ({1}, {-1}):
        yield tuple(known)


def _numbers(cells: tuple[str, ...]) -> Iterator[tuple[float, ...]]:
    """The numbers under each pair of marks with which every cell is one."""
    for decimal, thousands in itertools.product(DECIMALS, THOUSANDS):
        if decimal == thousands:
            continue
        values = [_number(cell, decimal, thousands) for cell in cells]
        known = [value for value in values if value is not None]
        if len(known) == len(cells):
            yield tuple(known)


def _number(cell: str, decimal: str, thousands: str | None) -> float | None:
    whole, mark, fraction = cell.partition(decimal)
    if mark and not fraction.isdigit():
        return None
    groups = whole.split(thousands) if thousands else [whole]
    if not all(group.isdigit() for group in groups):
        return None
    if len(groups) > 1 and (groups[0][0] == "0" or len(groups[0]) > 3 or {len(g) for g in groups[1:]} != {3}):
        return None
    return float("".join(groups) + "." + (fraction or "0"))
