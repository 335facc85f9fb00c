"""Dates as people write them → the local date and time of each row."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from gatecast._typing import Dates, Integers
from gatecast.data.place import Place

TIME = (
    r"(?:[T ]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d+)?)?"
    r"\s*(?P<zone>Z|UTC|[+-]\d{2}:?\d{2})?)?$"
)
YEAR_FIRST = re.compile(r"(?P<year>\d{4})(?P<mark>[-/.])(?P<one>\d{1,2})(?P=mark)(?P<two>\d{1,2})" + TIME)
COMPACT = re.compile(r"(?P<year>\d{4})(?P<one>\d{2})(?P<two>\d{2})" + TIME)
YEAR_LAST = re.compile(
    r"(?P<one>\d{1,2})(?P<mark>[-/.])(?P<two>\d{1,2})(?P=mark)(?P<year>\d{4}|\d{2})" + TIME
)
MONTH_NAMED = re.compile(r"(?P<one>[A-Za-z]{3,9})\.? (?P<two>\d{1,2}),? (?P<year>\d{4})" + TIME)
DAY_NAMED = re.compile(r"(?P<two>\d{1,2})[- ](?P<one>[A-Za-z]{3,9})\.?,?[- ](?P<year>\d{4}|\d{2})" + TIME)
KOREAN = re.compile(r"(\d{4})\s*[년年]\s*(\d{1,2})\s*[월月]\s*(\d{1,2})\s*[일日]")
SPACED = re.compile(r"(?<=\d)([-/.])\s+(?=\d)")
TWO_DIGITS = re.compile(r"(\d{2})([-/.])(\d{2})\2(\d{2})")
PER_SECOND = (1, 1_000, 1_000_000, 1_000_000_000)  # seconds, milli-, micro- and nanoseconds
OLDEST, NEWEST = 100_000_000, 7_258_118_400  # seconds since 1970: 1973 and 2200
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
UTC = {"Z", "UTC", "+00:00", "+0000", "-00:00", "-0000"}
YEARS = range(1800, 2200)
ISO_PLEASE = "Write dates as YYYY-MM-DD"


def moments_of(column: pd.Series, place: Place, symbol: Integers, zone: Callable[[int], str]) -> Dates:
    """Local date and time of each row: datetime64[s] of shape (N,); its date is the session.

    column  (N,) stamps, dates, whole numbers such as 20200131, or text
    symbol  (N,) number of the symbol
    zone    number of a symbol → time zone of its exchange, asked only for stamps in UTC

    A stamp with a time zone keeps the date of that zone; one in UTC is converted to the exchange's zone,
    unless all are midnights in UTC: then they are dates.
    Raises DataError for what is no date, and for dates that can be read in two ways.
    """
    empty = column.isna().to_numpy()
    if empty.any():
        raise place.error("the date is empty", str(column.name), int(empty.argmax()), "empty", ISO_PLEASE)
    if (moments := _since_1970(column)) is not None:
        return _from_utc(moments, symbol, zone)
    if isinstance(column.dtype, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    # Arrow's types of dates and stamps are read as text: pandas treats them in ways of their own.
    if isinstance(column.dtype, pd.ArrowDtype) or not pd.api.types.is_datetime64_any_dtype(column.dtype):
        return _from_text(column, place, symbol, zone)
    moments = np.asarray(column.dt.tz_localize(None).to_numpy(), dtype="datetime64[s]")
    return _from_utc(moments, symbol, zone) if str(column.dt.tz) == "UTC" else moments


def _from_utc(moments: Dates, symbol: Integers, zone: Callable[[int], str]) -> Dates:
    if (moments == moments.astype("datetime64[D]")).all():
        return moments
    zones = np.array([zone(number) for number in range(int(symbol.max()) + 1)])[symbol]
    local = moments.copy()
    for name in np.unique(zones):
        there = zones == name
        stamps = pd.DatetimeIndex(moments[there], tz="UTC").tz_convert(str(name)).tz_localize(None)
        local[there] = stamps.to_numpy().astype("datetime64[s]")
    return local


@dataclass(frozen=True, slots=True)
class _Stamp:
    """One date as written. Where it is not `certain`, `one` and `two` may be day and month instead."""

    year: int
    one: int
    two: int
    certain: bool
    seconds: int
    zone: str | None


def _from_text(column: pd.Series, place: Place, symbol: Integers, zone: Callable[[int], str]) -> Dates:
    if pd.api.types.is_float_dtype(column.dtype) and (column.between(0, 1e8) & (column % 1 == 0)).all():
        column = column.astype("int64")
    # The dates of a long table repeat over its symbols: each is read once.
    which, distinct = pd.factorize(column.astype(object))
    stamps = [_read(str(value).strip()) for value in distinct]
    # Where the distinct values come first, to name the row in an error.
    first = np.unique(which, return_index=True)[1]

    def error(what: str, number: int) -> Exception:
        return place.error(what, str(column.name), int(first[number]), distinct[number], ISO_PLEASE)

    if _year_may_be_first([str(value).strip() for value in distinct], which, symbol):
        raise error("these dates can be read with the year first and with the year last", 0)
    known = [stamp for stamp in stamps if stamp is not None]
    if len(known) < len(stamps):
        raise error("not a date", stamps.index(None))
    day_first = _day_first(known, which, symbol, error)
    moments = np.empty(len(known), dtype="datetime64[s]")
    for number, stamp in enumerate(known):
        month, day = (stamp.two, stamp.one) if day_first and not stamp.certain else (stamp.one, stamp.two)
        try:
            moments[number] = np.datetime64(date(stamp.year, month, day), "s") + stamp.seconds
        except ValueError:
            raise error("no such date", number) from None
    local: Dates = moments[which]
    return _from_utc(local, symbol, zone) if {stamp.zone for stamp in known} <= UTC else local


def is_date(cell: object) -> bool:
    """Whether a cell is a date as people write them, a stamp or the number of one."""
    return isinstance(cell, date | np.datetime64) or _read(str(cell).strip().removesuffix(".0")) is not None


def _read(text: str) -> _Stamp | None:
    """The parts of a date as written; None for what is none."""
    certain = True
    text = SPACED.sub(r"\1", KOREAN.sub(r"\1-\2-\3", text))
    if found := YEAR_FIRST.match(text) or COMPACT.match(text):
        one, two = int(found["one"]), int(found["two"])
    elif found := YEAR_LAST.match(text):
        one, two, certain = int(found["one"]), int(found["two"]), False
        if found["mark"] == ".":  # the day comes first wherever dots are used
            one, two, certain = two, one, True
    elif found := MONTH_NAMED.match(text) or DAY_NAMED.match(text):
        name = found["one"].lower()[:3]
        if name not in MONTHS:
            return None
        one, two = MONTHS.index(name) + 1, int(found["two"])
    else:
        return None
    hour, minute, second = (int(found[part] or 0) for part in ("hour", "minute", "second"))
    year = int(found["year"]) if len(found["year"]) == 4 else _of_two_digits(int(found["year"]))
    if year not in YEARS or hour > 23 or minute > 59 or second > 59:
        return None
    seconds = 3600 * hour + 60 * minute + second
    return _Stamp(year, one, two, certain, seconds, found["zone"])


def _of_two_digits(year: int) -> int:
    """The year of this century where that is no later than the next one, else of the last."""
    return 2000 + year if 2000 + year <= date.today().year + 1 else 1900 + year


def _year_may_be_first(texts: list[str], which: Integers, symbol: Integers) -> bool:
    """Whether 21-03-01 is the first of March 2021 for all that the dates say."""
    parts = [TWO_DIGITS.fullmatch(text) for text in texts]
    if not all(parts):
        return False
    numbers = np.array([[int(part) for part in found.groups() if part.isdigit()] for found in parts if found])
    year, month, day = numbers.T
    if (month > 12).any() or (day > 31).any() or (month == 0).any() or (day == 0).any():
        return False
    return _in_order((10_000 * year + 100 * month + day)[which], symbol)


def _since_1970(column: pd.Series) -> Dates | None:
    """Moments in UTC of seconds, milli-, micro- or nanoseconds since 1970; None of anything else."""
    if not pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype):
        return None
    numbers = column.to_numpy(np.float64)
    for per_second in PER_SECOND:
        seconds = numbers / per_second
        if ((seconds >= OLDEST) & (seconds < NEWEST)).all():
            return np.floor(seconds).astype(np.int64).astype("datetime64[s]")
    return None


def _day_first(
    stamps: list[_Stamp], which: Integers, symbol: Integers, error: Callable[[str, int], Exception]
) -> bool:
    """Whether 3/4/2020 is the third of April, by the one reading that makes sense of the whole column."""
    unsure = [number for number, stamp in enumerate(stamps) if not stamp.certain]
    no_month_first = [number for number in unsure if stamps[number].one > 12]
    no_day_first = [number for number in unsure if stamps[number].two > 12]
    if no_month_first and no_day_first:
        raise error(
            "month and day do not come in the same order in all rows", max(no_month_first[0], no_day_first[0])
        )
    if no_month_first or no_day_first or not unsure:
        return bool(no_month_first)
    readings = [
        day_first for day_first in (False, True) if _in_order(_as_numbers(stamps, day_first)[which], symbol)
    ]
    if len(readings) != 1:
        raise error("these dates can be read as month/day and as day/month", unsure[0])
    return readings[0]


def _as_numbers(stamps: list[_Stamp], day_first: bool) -> Integers:
    """Numbers that sort as the dates do: 20200131."""
    month_day = [
        (stamp.two, stamp.one) if day_first and not stamp.certain else (stamp.one, stamp.two)
        for stamp in stamps
    ]
    return np.array(
        [
            stamp.year * 10_000 + month * 100 + day
            for stamp, (month, day) in zip(stamps, month_day, strict=True)
        ]
    )


def _in_order(values: Integers, symbol: Integers) -> bool:
    """Whether the values of every symbol all rise or all fall."""
    order = np.argsort(symbol, kind="stable")
    step, same = np.diff(values[order]), np.diff(symbol[order]) == 0
    owner = symbol[order][1:]
    rising, falling = set(owner[same & (step > 0)]), set(owner[same & (step < 0)])
    return not rising & falling and not (same & (step == 0)).any()
