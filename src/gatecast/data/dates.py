"""Dates as people write them → the local date and time of each row."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

import numpy as np
import pandas as pd

from gatecast._typing import Bools, Dates, Integers
from gatecast.data.place import Place
from gatecast.errors import DataError, SettingError
from gatecast.language import say
from gatecast.settings.reading import Reading

TIME = (
    r"(?:,?[T ]+(?P<hour>\d{1,2}):?(?P<minute>\d{2})(?::?(?P<second>\d{2})(?:[.,]\d+)?)?"
    r"\s*(?P<half>[AaPp]\.?[Mm]\.?)?\s*(?P<zone>Z|(?:UTC|GMT)?\s*(?:[+-]\d{2}:?\d{2})?)?)?$"
)
YEAR_FIRST = re.compile(r"(?P<year>\d{4})(?P<mark>[-/.])(?P<one>\d{1,2})(?P=mark)(?P<two>\d{1,2})" + TIME)
COMPACT = re.compile(r"(?P<year>\d{4})(?P<one>\d{2})(?P<two>\d{2})" + TIME)
YEAR_LAST = re.compile(
    r"(?P<one>\d{1,2})(?P<mark>[-/.])(?P<two>\d{1,2})(?P=mark)(?P<year>\d{4}|\d{2})" + TIME
)
MONTH_NAMED = re.compile(r"(?P<name>[^\W\d_]{3,10})\.? (?P<two>\d{1,2}),? (?P<year>\d{4})" + TIME)
DAY_NAMED = re.compile(
    r"(?P<two>\d{1,2})\.?[- /](?:de )?(?P<name>[^\W\d_]{3,10})\.?,?[- /](?:de )?(?P<year>\d{4}|\d{2})" + TIME
)
MONTH_ONLY = re.compile(r"(?P<year>\d{4})[-/M](?P<one>\d{1,2})$")
MONTH_AND_YEAR = re.compile(r"(?P<name>[^\W\d_]{3,10})\.?[- ](?P<year>\d{4}|\d{2})$")
MINGUO = re.compile(r"(\d{3})([-/.])(\d{1,2})\2(\d{1,2})$")  # Taiwan counts years from 1911
EAST_ASIAN = re.compile(r"(\d{4})\s*[년年]\s*(\d{1,2})\s*[월月]\s*(\d{1,2})\s*[일日]")
SPACED = re.compile(r"(?<=\d)([-/.])\s+(?=\d)")
WEEKDAY = re.compile(r"^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+(?=\w)", re.IGNORECASE)
BESIDE = re.compile(r"\s*\([^()]*\)$|(?<=\d)\.$")  # "(Mon)", "(Korea Standard Time)", the point after a day
TWO_DIGITS = re.compile(r"(\d{2})([-/.])(\d{2})\2(\d{2})")
ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
PER_SECOND = (1, 1_000, 1_000_000, 1_000_000_000)  # seconds, milli-, micro- and nanoseconds
OLDEST, NEWEST = 100_000_000, 7_258_118_400  # seconds since 1970: 1973 and 2200
SPREADSHEET = np.datetime64("1899-12-30", "s")  # day 0 of Excel, LibreOffice and Google Sheets
SERIALS = (10_000, 80_000)  # days since then: 1927 and 2119
MONTHS = {
    name: month
    for month, names in enumerate(
        (
            "jan ene gen oca sty янв",
            "feb fev fév şub lut фев",
            "mar mär mrz мар",
            "apr abr avr nis kwi апр",
            "may mai mag maj мая май",
            "jun giu haz cze июн juin",
            "jul lug tem lip июл juil",
            "aug ago aoû ağu sie авг",
            "sep set eyl wrz сен",
            "oct okt ott out eki paź окт",
            "nov kas lis ноя",
            "dec dez dic déc ara gru дек",
        ),
        start=1,
    )
    for name in names.split()
}
UTC = {"Z", "UTC", "GMT", "+00:00", "+0000", "-00:00", "-0000"}
YEARS = range(1800, 2200)
ISO_PLEASE = "Write dates as YYYY-MM-DD"
AGAIN_PLEASE = "Get the file again with dates as YYYY-MM-DD: of those up to the 12th nothing tells the order"
OR_FORMAT = f'{ISO_PLEASE}, or say how they are written, as date_format="%d.%m.%Y"'
YEAR_OF_FORMAT = re.compile(r"(?:^|[^%])(?:%%)*%[YyGcx]")
MOST_UNEVEN = 30  # times the usual step from date to date: longer than any halt of trading in daily prices
DAY_OR_MONTH = "Say which comes first: dayfirst=True or dayfirst=False"


FromUtc = Callable[[Dates, Integers], Dates]


def moments_of(
    column: pd.Series, place: Place, symbol: Integers, from_utc: FromUtc, reading: Reading | None = None
) -> Dates:
    """Local date and time of each row: datetime64[s] of shape (N,); its date is the session.

    column    (N,) stamps, dates, whole numbers such as 20200131, or text
    symbol    (N,) number of the symbol
    from_utc  moments in UTC, numbers of their symbols → local ones; asked only for stamps in UTC

    A stamp with a time zone keeps the date of that zone. NaT where a cell is no date, which `place` is told.

    Raises
    ------
    DataError
        The dates can be read in two ways.
    """
    reading = reading or Reading()
    empty = column.isna().to_numpy()
    remedy = "Take it from the source, or leave the row out"
    place.refuse(say("the date is empty"), str(column.name), empty, lambda _: "empty", remedy)
    if empty.any():
        moments = np.full(len(column), np.datetime64("NaT", "s"))
        if not empty.all():
            full = ~empty
            moments[full] = moments_of(column[full], place.of(full), symbol[full], from_utc, reading)
        return moments
    if reading.date_format is not None and not pd.api.types.is_datetime64_any_dtype(column.dtype):
        stamps, in_utc = _by_format(column, place, reading.date_format)
        return from_utc(stamps, symbol) if in_utc else stamps
    if (days := _iso_dates(column)) is not None:
        return days
    if (numbers := _since_1970(column)) is not None:
        return from_utc(numbers, symbol)
    if (numbers := _serials(column)) is not None:
        place.choose("dates", say("days since 1899-12-30, as spreadsheets count them"))
        return numbers
    if isinstance(column.dtype, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    # Arrow's types of dates and stamps are read as text: pandas treats them in ways of their own.
    if isinstance(column.dtype, pd.ArrowDtype) or not pd.api.types.is_datetime64_any_dtype(column.dtype):
        return _from_text(column, place, symbol, from_utc, reading)
    moments = np.asarray(column.dt.tz_localize(None).to_numpy(), dtype="datetime64[s]")
    return from_utc(moments, symbol) if str(column.dt.tz) == "UTC" else moments


def _by_format(column: pd.Series, place: Place, form: str) -> tuple[Dates, bool]:
    """The dates by the format that the user gives; whether they are stamps in UTC.

    A stamp with an offset keeps the date that is written.

    Raises
        SettingError: there is no such format, or it has no year.
    """
    if YEAR_OF_FORMAT.search(form) is None:
        raise SettingError(say("has no year. Write it as in %d.%m.%Y"), setting="date_format", value=form)
    text = column.astype(object).map(str).str.strip()
    which, values = pd.factorize(text)
    read = [_stamp_of(value, form) for value in values]
    wrong = np.array([stamp is None for stamp in read])[which]
    remedy = "Give the format that all dates have, or leave it out"
    place.refuse(
        say('not a date by the format "{form}"', form=form),
        str(column.name),
        wrong,
        lambda row: column.iloc[row],
        remedy,
    )
    offsets = {stamp.utcoffset() for stamp in read if stamp is not None}
    local = [None if stamp is None else stamp.replace(tzinfo=None) for stamp in read]
    moments: Dates = np.array(local, dtype="datetime64[s]")[which]
    return moments, offsets == {timedelta()}


def _stamp_of(text: str, form: str) -> datetime | None:
    """The stamp that a text is by a format; None where it is none."""
    try:
        return datetime.strptime(text, form)
    except ValueError as problem:
        if "bad directive" in str(problem) or "stray" in str(problem):
            what = "is no format of dates. Write it as in %d.%m.%Y"
            raise SettingError(what, setting="date_format", value=form) from None
        return None


@dataclass(frozen=True, slots=True)
class _Stamp:
    """One date as written. Where it is not `certain`, `one` and `two` may be day and month instead.

    dotted: with dots between, where the day comes first almost everywhere.
    """

    year: int
    one: int
    two: int
    certain: bool
    seconds: int
    zone: str
    dotted: bool = False


def _from_text(
    column: pd.Series, place: Place, symbol: Integers, from_utc: FromUtc, reading: Reading
) -> Dates:
    if pd.api.types.is_float_dtype(column.dtype) and (column.between(0, 1e8) & (column % 1 == 0)).all():
        column = column.astype("int64")
    # The dates of a long table repeat over its symbols: each is read once.
    is_text = isinstance(column.dtype, pd.StringDtype)
    which, values = pd.factorize(column if is_text else column.astype(object))
    distinct = np.asarray(values, dtype=object)
    texts = [str(value).strip() for value in distinct]
    # Where the distinct values come first, to name the row in an error.
    first = np.unique(which, return_index=True)[1]

    def error(what: str, number: int, remedy: str) -> DataError:
        return place.error(what, str(column.name), int(first[number]), distinct[number], remedy)

    def refuse(what: str, numbers: Bools, remedy: str) -> None:
        place.refuse(what, str(column.name), numbers[which], lambda row: distinct[which[row]], remedy)

    if all(map(TWO_DIGITS.fullmatch, texts)) and reading.dayfirst is None:
        texts = _with_whole_years(texts, which, symbol, lambda what, remedy: error(what, 0, remedy))
    stamps = [_read(text) for text in texts]
    unread = np.array([stamp is None for stamp in stamps])
    refuse(say("not a date"), unread, OR_FORMAT)
    known = [number for number, stamp in enumerate(stamps) if stamp is not None]
    there = np.isin(which, known)
    read = [stamp for stamp in stamps if stamp is not None]
    renumbered = np.searchsorted(known, which[there])
    day_first = reading.dayfirst
    if day_first is None:
        day_first = _day_first(
            read, renumbered, symbol[there], place, lambda what, at, remedy: error(what, known[at], remedy)
        )
    if not all(stamp.certain for stamp in read):
        place.choose("dates", say("day before month") if day_first else say("month before day"))
    moments = np.full(len(texts), np.datetime64("NaT", "s"))
    impossible = np.zeros(len(texts), dtype=bool)
    for number, stamp in zip(known, read, strict=True):
        month, day = (stamp.two, stamp.one) if day_first and not stamp.certain else (stamp.one, stamp.two)
        try:
            moments[number] = np.datetime64(date(stamp.year, month, day), "s") + stamp.seconds
        except ValueError:
            impossible[number] = True
    given = "" if reading.dayfirst is None else f", or leave dayfirst={reading.dayfirst} out"
    refuse(say("no such date"), impossible, say("Correct it in the source{given}", given=given))
    local: Dates = moments[which]
    zones = {stamp.zone for stamp in read}
    return from_utc(local, symbol) if zones and zones <= UTC else local


def _iso_dates(column: pd.Series) -> Dates | None:
    """The dates where all are written YYYY-MM-DD, as most are; None where one is not, or is none."""
    is_text = isinstance(column.dtype, pd.StringDtype)
    if not (is_text or column.dtype == object) or not ISO.fullmatch(str(column.iloc[0])):
        return None
    import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]

    try:  # Arrow takes these ten letters for a date, and nothing else
        days = np.asarray(pa.array(column.astype("str")).cast(pa.date32()))
    except ValueError:
        return None
    moments: Dates = days.astype("datetime64[s]")
    first, last = (np.datetime64(f"{year}-01-01") for year in (YEARS.start, YEARS.stop))
    return moments if first <= moments.min() and moments.max() < last else None


def is_date(cell: object) -> bool:
    """Whether a cell is a date as people write them, a stamp or the number of one."""
    return isinstance(cell, date | np.datetime64) or _read(str(cell).strip().removesuffix(".0")) is not None


def whole_date(cell: object, day_first: bool | None = None) -> date | None:
    """The date of a cell where it can be read in one way only, or day_first says in which; else None."""
    stamp = _read(str(cell).strip().removesuffix(".0"))
    if stamp is None:
        return None
    if stamp.certain or stamp.two > 12 or day_first is False:
        month, day = stamp.one, stamp.two
    elif stamp.one > 12 or day_first or stamp.one == stamp.two:
        month, day = stamp.two, stamp.one
    else:
        return None
    try:
        return date(stamp.year, month, day)
    except ValueError:
        return None


@lru_cache(maxsize=1 << 15)  # the files of a folder have the same dates
def _read(text: str) -> _Stamp | None:
    """The parts of a date as written; None for what is none."""
    certain, dotted = True, False
    text = SPACED.sub(r"\1", EAST_ASIAN.sub(r"\1-\2-\3", BESIDE.sub("", WEEKDAY.sub("", text))))
    if found := YEAR_FIRST.match(text) or COMPACT.match(text):
        one, two = int(found["one"]), int(found["two"])
    elif found := YEAR_LAST.match(text):
        one, two, certain = int(found["one"]), int(found["two"]), False
        dotted = found["mark"] == "."
    elif found := MONTH_NAMED.match(text) or DAY_NAMED.match(text):
        month = _month(found["name"].lower())
        if month is None:
            return None
        one, two = month, int(found["two"])
    elif found := MINGUO.match(text):
        year = 1911 + int(found[1])
        return _Stamp(year, int(found[3]), int(found[4]), True, 0, "") if year in YEARS else None
    elif found := MONTH_AND_YEAR.match(text):
        month = _month(found["name"].lower())
        year = int(found["year"]) if len(found["year"]) == 4 else _of_two_digits(int(found["year"]))
        return _Stamp(year, month, 1, True, 0, "") if month and year in YEARS else None
    elif found := MONTH_ONLY.match(text):
        year = int(found["year"])
        return _Stamp(year, int(found["one"]), 1, True, 0, "") if year in YEARS else None
    else:
        return None
    hour, minute, second = (int(found[part] or 0) for part in ("hour", "minute", "second"))
    if found["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (found["half"][0] in "Pp")
    year = int(found["year"]) if len(found["year"]) == 4 else _of_two_digits(int(found["year"]))
    if year not in YEARS or hour > 23 or minute > 59 or second > 59:
        return None
    zone = (found["zone"] or "").replace(" ", "")
    if len(zone) > 3:  # "GMT+0800" is +0800
        zone = zone.removeprefix("GMT").removeprefix("UTC")
    return _Stamp(year, one, two, certain, 3600 * hour + 60 * minute + second, zone, dotted)


def _month(name: str) -> int | None:
    """The month of a name or of its first letters; None for another word."""
    return MONTHS.get(name[:4]) or MONTHS.get(name[:3])


def _of_two_digits(year: int) -> int:
    """The year of this century where that is no later than the next one, else of the last."""
    return 2000 + year if 2000 + year <= date.today().year + 1 else 1900 + year


def _with_whole_years(
    texts: list[str], which: Integers, symbol: Integers, error: Callable[[str, str], Exception]
) -> list[str]:
    """Dates such as 21-03-01 as YYYY-MM-DD, where only with the year first they rise or fall.

    As they are where the day or the month comes first: that is decided as of other dates.

    Raises
        DataError: they do so in both ways.
    """
    parts = [(int(text[:2]), int(text[3:5]), int(text[6:])) for text in texts]
    first = [_number(_of_two_digits(one), two, three) for one, two, three in parts]
    if not (all(first) and _in_order(np.array(first)[which], symbol)):
        return texts
    last = (
        [_number(_of_two_digits(three), one, two) for one, two, three in parts],
        [_number(_of_two_digits(three), two, one) for one, two, three in parts],
    )
    if any(all(numbers) and _in_order(np.array(numbers)[which], symbol) for numbers in last):
        form = texts[0][2].join(("%y", "%m", "%d"))
        raise error(
            "these dates can be read with the year first and with the year last",
            f'Say how they are written, as date_format="{form}"',
        )
    return [f"{number // 10_000}-{number // 100 % 100:02}-{number % 100:02}" for number in first]


def _number(year: int, month: int, day: int) -> int:
    """A number that sorts as the dates do, 20200131; 0 where there is no such date."""
    try:
        date(year, month, day)
    except ValueError:
        return 0
    return year * 10_000 + month * 100 + day


def _since_1970(column: pd.Series) -> Dates | None:
    """Moments in UTC of seconds, milli-, micro- or nanoseconds since 1970; None of anything else."""
    if (numbers := _numbers(column)) is None:
        return None
    for per_second in PER_SECOND:
        seconds = numbers / per_second
        if ((seconds >= OLDEST) & (seconds < NEWEST)).all():
            return np.floor(seconds).astype(np.int64).astype("datetime64[s]")
    return None


def _serials(column: pd.Series) -> Dates | None:
    """Moments of the days that a spreadsheet counts; None of anything else."""
    numbers = _numbers(column)
    if numbers is None or not ((numbers >= SERIALS[0]) & (numbers < SERIALS[1])).all():
        return None
    seconds: Dates = SPREADSHEET + np.round(numbers * 86_400).astype("timedelta64[s]")
    return seconds


def _numbers(column: pd.Series) -> np.ndarray | None:
    """The numbers of a column of numbers, also where they are text of digits alone; else None."""
    if pd.api.types.is_bool_dtype(column.dtype) or pd.api.types.is_datetime64_any_dtype(column.dtype):
        return None
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(np.float64)
    text = column.iloc[:1].astype(str).str.strip()
    if not text.str.fullmatch(r"\d{5}(\.\d+)?|\d{9,19}(\.\d+)?").all():
        return None
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
    return None if np.isnan(numbers).any() else numbers


def _day_first(
    stamps: list[_Stamp],
    which: Integers,
    symbol: Integers,
    place: Place,
    error: Callable[[str, int, str], Exception],
) -> bool:
    """Whether 3/4/2020 is the third of April, by the one reading that makes sense of the whole column."""
    unsure = [number for number, stamp in enumerate(stamps) if not stamp.certain]
    no_month_first = [number for number in unsure if stamps[number].one > 12]
    no_day_first = [number for number in unsure if stamps[number].two > 12]
    if no_month_first and no_day_first:
        what = "month and day do not come in the same order in all rows"
        raise error(what, max(no_month_first[0], no_day_first[0]), AGAIN_PLEASE)
    if no_month_first or no_day_first or not unsure:
        return bool(no_month_first)
    readings = [
        day_first for day_first in (False, True) if _in_order(_as_numbers(stamps, day_first)[which], symbol)
    ]
    if len(readings) > 1:
        readings = [day_first for day_first in readings if _is_even(_as_days(stamps, day_first))] or readings
    if len(readings) != 1 and all(stamps[number].dotted for number in unsure):
        if readings:
            place.doubt(
                say(
                    "the day is taken to come before the month, as wherever dates are written with "
                    "dots; if the month comes first, say dayfirst=False."
                )
            )
        return True
    if len(readings) != 1:
        raise error("these dates can be read as month/day and as day/month", unsure[0], DAY_OR_MONTH)
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


def _as_days(stamps: list[_Stamp], day_first: bool) -> Integers:
    """Days since 1970."""
    numbers = _as_numbers(stamps, day_first)
    parts = zip(numbers // 10_000, numbers // 100 % 100, numbers % 100, strict=True)
    return np.array([date(int(year), int(month), int(day)).toordinal() for year, month, day in parts])


def _is_even(days: Integers) -> bool:
    """Whether the longest time between two dates is not far from the usual one."""
    steps = np.diff(np.unique(days))
    return len(steps) == 0 or steps.max() <= MOST_UNEVEN * np.median(steps)


def _in_order(values: Integers, symbol: Integers) -> bool:
    """Whether the values of every symbol all rise or all fall; a row may be there twice."""
    order = np.argsort(symbol, kind="stable")
    step, same = np.diff(values[order]), np.diff(symbol[order]) == 0
    owner = symbol[order][1:]
    rising, falling = set(owner[same & (step > 0)]), set(owner[same & (step < 0)])
    return not rising & falling
