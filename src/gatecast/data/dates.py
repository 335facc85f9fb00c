"""Dates as people write them → the local date of each session."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gatecast.errors import DataError

Moments = NDArray[np.datetime64]

TIME = (
    r"(?:[T ]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d+)?)?"
    r"\s*(?P<zone>Z|UTC|[+-]\d{2}:?\d{2})?)?$"
)
YEAR_FIRST = re.compile(r"(?P<year>\d{4})(?P<mark>[-/.])(?P<one>\d{1,2})(?P=mark)(?P<two>\d{1,2})" + TIME)
COMPACT = re.compile(r"(?P<year>\d{4})(?P<one>\d{2})(?P<two>\d{2})(?:\.0)?" + TIME)
YEAR_LAST = re.compile(r"(?P<one>\d{1,2})(?P<mark>[-/.])(?P<two>\d{1,2})(?P=mark)(?P<year>\d{4})" + TIME)
NAMED = (
    re.compile(r"(?P<month>[A-Za-z]{3,9})\.? (?P<two>\d{1,2}),? (?P<year>\d{4})" + TIME),
    re.compile(r"(?P<two>\d{1,2})[- ](?P<month>[A-Za-z]{3,9})\.?,?[- ](?P<year>\d{4})" + TIME),
)
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
UTC = {"Z", "UTC", "+00:00", "+0000", "-00:00", "-0000"}
ISO_PLEASE = "Write dates as YYYY-MM-DD"


@dataclass(frozen=True)
class Place:
    """Where a column comes from, for messages: `row` counts the data rows below the header from 1."""

    file: str
    column: str
    row: NDArray[np.int64]

    def error(self, what: str, position: int, value: object, remedy: str = "") -> DataError:
        """A DataError that names the cell at `position` of the column."""
        row = int(self.row[position])
        return DataError(what, file=self.file, row=row, column=self.column, value=value, remedy=remedy)


@dataclass(frozen=True, slots=True)
class _Stamp:
    """One date as written. Where `certain` is False, `one` and `two` are month and day in unknown order."""

    year: int
    one: int
    two: int
    certain: bool
    seconds: int
    zone: str | None


def moments_of(
    column: pd.Series, place: Place, symbol: NDArray[np.int64], zone: Callable[[int], str]
) -> Moments:
    """Local date and time of each row: datetime64[s] of shape (N,); its date is the session.

    column  (N,) stamps, dates, whole numbers such as 20200131, or text
    symbol  (N,) number of the symbol
    zone    number of a symbol → time zone of its exchange, asked only for stamps in UTC

    A stamp with a time zone keeps the date of that zone; one in UTC is converted to the exchange's zone,
    unless all are midnights in UTC: then they are dates.
    Raises DataError for what is no date, and for dates that can be read in two ways.
    """
    dtype = column.dtype
    if isinstance(dtype, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        _refuse_empty(column, place)
        zone_name = str(column.dt.tz) if column.dt.tz is not None else None
        if zone_name in {"UTC", "UTC+00:00"}:
            return _from_utc(_seconds(column.dt.tz_convert(None)), symbol, zone)
        return _seconds(column.dt.tz_localize(None))
    if pd.api.types.is_float_dtype(dtype):
        column = column.astype("Int64")
    return _from_text(column.astype(object), place, symbol, zone)


def _seconds(column: pd.Series) -> Moments:
    return np.asarray(column.to_numpy(), dtype="datetime64[s]")


def _refuse_empty(column: pd.Series, place: Place) -> None:
    empty = column.isna().to_numpy()
    if empty.any():
        raise place.error("the date is empty", int(empty.argmax()), "empty", ISO_PLEASE)


def _from_text(
    column: pd.Series, place: Place, symbol: NDArray[np.int64], zone: Callable[[int], str]
) -> Moments:
    _refuse_empty(column, place)
    # The dates of a long table repeat over its symbols: each is read once.
    which, distinct = pd.factorize(column)
    stamps = []
    for number, value in enumerate(distinct):
        stamp = _read(str(value).strip())
        if stamp is None:
            raise place.error("not a date", _first(which, number), value, ISO_PLEASE)
        stamps.append(stamp)
    day_first = _day_first(stamps, which, symbol, place)
    moments = np.empty(len(stamps), dtype="datetime64[s]")
    for number, stamp in enumerate(stamps):
        swap = day_first and not stamp.certain
        month, day = (stamp.two, stamp.one) if swap else (stamp.one, stamp.two)
        try:
            moments[number] = np.datetime64(date(stamp.year, month, day), "s") + stamp.seconds
        except ValueError:
            raise place.error("no such date", _first(which, number), distinct[number]) from None
    local: Moments = moments[which]
    zones = {stamp.zone for stamp in stamps}
    return _from_utc(local, symbol, zone) if zones <= UTC else local


def _first(which: NDArray[np.int64], number: int) -> int:
    return int((which == number).argmax())


def _read(text: str) -> _Stamp | None:
    """The parts of a date as written; None for what is none."""
    if found := YEAR_FIRST.match(text) or COMPACT.match(text):
        one, certain = int(found["one"]), True
    elif found := YEAR_LAST.match(text):
        # With dots the day comes first everywhere.
        if found["mark"] == ".":
            parts = int(found["two"]), int(found["one"]), True
        else:
            parts = int(found["one"]), int(found["two"]), False
        return _Stamp(int(found["year"]), *parts, _time(found), found["zone"])
    elif found := NAMED[0].match(text) or NAMED[1].match(text):
        name = found["month"].lower()[:3]
        if name not in MONTHS:
            return None
        one, certain = MONTHS.index(name) + 1, True
    else:
        return None
    return _Stamp(int(found["year"]), one, int(found["two"]), certain, _time(found), found["zone"])


def _time(found: re.Match[str]) -> int:
    return sum(int(found[part] or 0) * size for part, size in (("hour", 3600), ("minute", 60), ("second", 1)))


def _day_first(
    stamps: list[_Stamp], which: NDArray[np.int64], symbol: NDArray[np.int64], place: Place
) -> bool:
    """Whether 3/4/2020 is the third of April, by the one reading that makes sense of the whole column."""
    unsure = [number for number, stamp in enumerate(stamps) if not stamp.certain]
    if not unsure:
        return False
    no_month_first = [number for number in unsure if stamps[number].one > 12]
    no_day_first = [number for number in unsure if stamps[number].two > 12]
    if no_month_first and no_day_first:
        position = max(_first(which, no_month_first[0]), _first(which, no_day_first[0]))
        value = f"{stamps[which[position]].one}/{stamps[which[position]].two}/{stamps[which[position]].year}"
        raise place.error("month and day are not in the same order in all rows", position, value, ISO_PLEASE)
    if no_month_first or no_day_first:
        return bool(no_month_first)
    sensible = [swap for swap in (False, True) if _is_ordered(_as_numbers(stamps, swap)[which], symbol)]
    if len(sensible) != 1:
        stamp = stamps[which[0]]
        raise place.error(
            "these dates can be read as month/day and as day/month",
            0,
            f"{stamp.one}/{stamp.two}/{stamp.year}",
            ISO_PLEASE,
        )
    return sensible[0]


def _as_numbers(stamps: list[_Stamp], day_first: bool) -> NDArray[np.int64]:
    return np.array(
        [
            stamp.year * 10_000 + (stamp.two * 100 + stamp.one if swap else stamp.one * 100 + stamp.two)
            for stamp in stamps
            for swap in (day_first and not stamp.certain,)
        ]
    )


def _is_ordered(values: NDArray[np.int64], symbol: NDArray[np.int64]) -> bool:
    """Whether the values of every symbol all rise or all fall."""
    order = np.argsort(symbol, kind="stable")
    step, same = np.diff(values[order]), np.diff(symbol[order]) == 0
    owner = symbol[order][1:]
    rising, falling = set(owner[same & (step > 0)]), set(owner[same & (step < 0)])
    return not (rising & falling) and not (same & (step == 0)).any()


def _from_utc(moments: Moments, symbol: NDArray[np.int64], zone: Callable[[int], str]) -> Moments:
    if (moments == moments.astype("datetime64[D]")).all():
        return moments
    zones = np.array([zone(number) for number in range(int(symbol.max()) + 1)])[symbol]
    local = moments.copy()
    for name in np.unique(zones):
        there = zones == name
        stamps = pd.DatetimeIndex(moments[there], tz="UTC").tz_convert(str(name)).tz_localize(None)
        local[there] = stamps.to_numpy().astype("datetime64[s]")
    return local
