"""A DataFrame as people have it → a tidy table: one row per symbol and session, sorted, with a close.

What cannot be used is an error that names file, row, column and value. What is only odd is left to
`checks`, but for what a sorted table no longer shows: its order, and the rows that were left out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pandas as pd

from gatecast._typing import Bools, Dates, Floats, Integers
from gatecast.data import rows
from gatecast.data.calendars import WEEKS, close_of, zone_of
from gatecast.data.checks import LARGEST_PRICE, Oddity, cells, listed, noted, oddity
from gatecast.data.clock import unfolded
from gatecast.data.columns import (
    is_empty,
    is_text,
    splits_of,
    symbols_of,
    texts_of,
    values_of,
    with_close,
    with_normal_names,
    with_one_date,
)
from gatecast.data.dates import YEARS
from gatecast.data.detection import Found, find_calendars, told_or_weekdays
from gatecast.data.jumps import UNUSUAL
from gatecast.data.names import STANDARD
from gatecast.data.numbered import are_positions
from gatecast.data.numbers import number
from gatecast.data.place import Findings, Place
from gatecast.data.spacing import find_frequency
from gatecast.data.timetable import timetable_of
from gatecast.data.wide import long_of
from gatecast.data.zones import localised
from gatecast.errors import DataError
from gatecast.formatting import printable
from gatecast.language import plural, say
from gatecast.settings.frequency import DAILY, INDEX, LONGER, a_session, each, is_intraday
from gatecast.settings.reading import Reading

NOT_STRICT = "Correct the source, or read it without strict=True, which leaves such rows out or sorts them"
# Dates as in 31.12.2024, where the comma is the decimal mark.
DOTTED = re.compile(r"\d{1,2}\.\d{1,2}\.\d{2,4}")


@dataclass(frozen=True)
class Tidy:
    """One source, read as far as it can be.

    table     as in `Prices.table`, before the look for oddities; empty where nothing could be read
    problems  why the source cannot be used; none: it can
    choices   how it was read where it could have been read otherwise
    found     symbol → why its calendar was taken
    left_out  columns that were left out: name → why
    frequency of its bars
    """

    table: pd.DataFrame
    source: tuple[str, ...]
    calendar: dict[str, str]
    oddities: tuple[Oddity, ...] = ()
    problems: tuple[DataError, ...] = ()
    choices: Mapping[str, str] = field(default_factory=dict)
    found: Mapping[str, Found] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    frequency: str = DAILY

    def usable(self) -> Tidy:
        """The same source. Raises DataError where it cannot be used."""
        if self.problems:
            raise DataError.of(self.problems)
        return self


def tidy(
    frame: pd.DataFrame,
    *,
    source: str,
    symbol: str,
    reading: Reading | None = None,
    european: bool = False,
    texts: Collection[str] = (),
    now: pd.Timestamp | None = None,
) -> Tidy:
    """The rows of `frame`, checked and sorted; and all that is wrong with them.

    source    for messages and for the record: a path, "yahoo:TSLA", "DataFrame"
    symbol    the name of the symbol where no column names it
    reading   how it is read
    european  whether its cells are separated as where the comma is the decimal mark
    texts     columns that are no numbers, whatever they look like
    now       the current moment (with a time zone); a session that has not closed by then is left out
    """
    findings, oddities = Findings(), list[Oddity]()
    frequency = DAILY
    try:
        table, found, frequency = _table(
            frame, source, symbol, reading or Reading(), european, texts, now, findings, oddities
        )
    except DataError as problem:  # nothing more can be said of the source
        findings.problems.append(problem)
        table, found = pd.DataFrame({"symbol": [], "session": []}), {}
    calendars = {name: one.calendar for name, one in found.items()}
    problems = tuple(findings.problems)
    left_out = findings.left_out
    choices = findings.choices
    return Tidy(table, (source,), calendars, tuple(oddities), problems, choices, found, left_out, frequency)


def _table(
    frame: pd.DataFrame,
    source: str,
    symbol: str,
    reading: Reading,
    european: bool,
    texts: Collection[str],
    now: pd.Timestamp | None,
    findings: Findings,
    oddities: list[Oddity],
) -> tuple[pd.DataFrame, dict[str, Found], str]:
    """The sorted table, symbol → calendar and why, and the frequency.

    What is wrong is added to `findings`, what is odd to `oddities`.

    Raises
        DataError: what keeps from reading on.
    """
    if reading.first_date is not None and reading.calendar is None:
        reading = reading.changed(calendar="weekdays")
    frame, place = with_normal_names(frame, source, reading.columns, findings)
    if frame.empty:
        raise DataError(say("there are no rows"), file=source, remedy=say("Prices need dates and closes"))
    frame, date_name = with_one_date(frame, place, reading)
    frame, place, wide = long_of(frame, date_name, place)
    frame, taken = with_close(frame, place)
    bare, without_price = rows.without_price(frame, date_name, symbol, place, reading)
    if bare.all():
        raise DataError(say("no row has a price"), file=source, column=place.written.get("close", "close"))
    if bare.any():
        frame, place = frame[~bare], place.of(~bare)
    codes, symbols = symbols_of(frame, symbol, place, required=reading.symbols is None)
    if reading.symbols is not None:
        asked = np.isin(codes, [code for code, name in enumerate(symbols) if name in reading.symbols])
        place = replace(place, asked=asked) if asked.any() else place
    dotted = DOTTED.match(str(frame[date_name].iloc[0])) is not None
    numbers = partial(values_of, decimal=reading.decimal, european=european or dotted, texts=texts)
    try:
        local = localised(frame[date_name], place, codes, symbols, reading)
    except DataError:
        numbers(frame.drop(columns=date_name), place)  # what else is wrong
        raise
    moments = _without_far_dates(local.moments, date_name, place)
    wanted = rows.chosen(codes, symbols, moments.astype("datetime64[D]"), reading)
    if not wanted.any():
        raise DataError(say("no row has a date"), file=source, column=place.written.get(date_name, date_name))
    if not wanted.all():
        frame, place, codes, moments = frame[wanted], place.of(wanted), codes[wanted], moments[wanted]
    numbered = are_positions(moments)
    frequency = INDEX if numbered else reading.frequency or find_frequency(codes, moments, symbols)
    changed: list[Oddity] = []
    if is_intraday(frequency):
        moments, changed = unfolded(moments, codes, symbols, _one_zone(symbols, local.zones, reading))
    if frequency != DAILY:
        why = say("by their times") if reading.frequency is None else say("as given")
        place.choose("frequency", f"{frequency}, {each(frequency)}" + ("" if numbered else f" ({why})"))
    days = moments.astype("datetime64[D]")
    sessions = moments if numbered or is_intraday(frequency) else days
    values = numbers(frame, place)
    values |= splits_of(frame, place, values)
    words = texts_of(frame, place, values, codes, symbols)

    found = _calendars_of(frequency, _dates_of(symbols, codes, days), reading, local.zones)
    calendars = {name: one.calendar for name, one in found.items()}
    still_open = _still_open(symbols, codes, sessions, calendars, frequency, now)
    if still_open.all():
        raise DataError(say("there are no rows but of a session that has not closed yet"), file=source)
    usable = _prices(frame["close"], values["close"], codes, symbols, sessions, place, ~still_open)
    names = pd.Series(symbols, dtype=str).take(codes).array
    table = pd.DataFrame({"symbol": names, "session": sessions.astype("datetime64[ns]"), **values})
    table = with_columns(table, {name: pd.Series(cells, dtype=str) for name, cells in words.items()})
    again, repeats = rows.repeated(table, codes, moments, sessions, date_name, place, reading.keep, frequency)
    descending, misplaced = rows.out_of_order(codes, sessions, len(symbols), date_name, place)
    left_out = [
        *without_price,
        *repeats,
        *noted(
            "misplaced",
            table,
            misplaced,
            lambda n: plural("{n:,} row is out of order", "{n:,} rows are out of order", n),
            say("sorted by date"),
            "close",
        ),
    ]
    if reading.strict:
        for one in left_out:
            what = one.text.rpartition("; ")[0]  # without what is done to them
            place.note(DataError(what, file=source, remedy=NOT_STRICT))
    session = a_session(frequency)
    oddities += [
        *local.oddities,
        *changed,
        *_weeks_of_exchanges(table, found),
        *(Oddity("reading", 1, f"{source}: {doubt}", ()) for doubt in findings.doubts),
        *wide,
        *_taken(table, taken),
        *_unread_volume(table, frame, place),
        *left_out,
        *noted(
            "unsorted",
            table,
            np.isin(codes, descending),
            lambda n: plural(
                "{n:,} row runs from the newest to the oldest",
                "{n:,} rows run from the newest to the oldest",
                n,
            ),
            say("they are sorted by date"),
            "close",
        ),
        *noted(
            "open-session",
            table,
            still_open,
            lambda n: plural(
                "{n:,} row is of {session} that has not closed yet",
                "{n:,} rows are of {session} that has not closed yet",
                n,
                session=session,
            ),
            say("left out"),
            "close",
        ),
    ]
    order = np.lexsort((sessions, codes))
    order = order[(usable & ~still_open & ~again)[order]]
    if not np.array_equal(order, np.arange(len(table))):
        table = table.take(order).reset_index(drop=True)
    codes = codes[order]
    first = np.flatnonzero(np.diff(codes, prepend=-1))
    return table, {symbols[code]: found[symbols[code]] for code in codes[first]}, frequency


def with_columns(table: pd.DataFrame, columns: Mapping[str, pd.Series]) -> pd.DataFrame:
    """A table of prices with more columns: after the standard ones in the order of their names."""
    if not columns:
        return table
    whole = table.assign(**columns)
    extras = sorted(set(whole.columns) - {"symbol", "session", *STANDARD})
    return whole[["symbol", "session", *(name for name in STANDARD if name in whole.columns), *extras]]


def without_empty(table: pd.DataFrame) -> pd.DataFrame:
    """The table without columns, of those beside the standard ones, that are empty in all rows."""
    extras = [name for name in table.columns if name not in {"symbol", "session", *STANDARD}]
    empty = [
        name
        for name in extras
        if (table[name].isna() | (table[name] == "") if is_text(table[name]) else table[name].isna()).all()
    ]
    return table.drop(columns=empty) if empty else table


def _dates_of(symbols: tuple[str, ...], codes: Integers, sessions: Dates) -> dict[str, Dates]:
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(1, len(symbols)))
    return dict(zip(symbols, np.split(sessions[order], starts), strict=True))


def _one_zone(symbols: tuple[str, ...], zones: Mapping[str, frozenset[str]], reading: Reading) -> str | None:
    """The time zone that is given, or the only one that the stamps of all symbols can be of."""
    told = {zone for name in symbols for zone in zones.get(name, ())}
    return reading.timezone or (next(iter(told)) if len(told) == 1 else None)


def _calendars_of(
    frequency: str, dates: Mapping[str, Dates], reading: Reading, zones: Mapping[str, frozenset[str]]
) -> dict[str, Found]:
    """Symbol → calendar and why; dates: the dates of its rows.

    The dates of bars of several days say nothing of the sessions within them, and numbers nothing at all.
    """
    if frequency in (*LONGER, INDEX):
        return {name: told_or_weekdays(name, reading.calendar) for name in dates}
    return find_calendars(dates, reading.calendar, zones)


def _still_open(
    symbols: tuple[str, ...],
    codes: Integers,
    sessions: Dates,
    calendars: dict[str, str],
    frequency: str,
    now: pd.Timestamp | None,
) -> Bools:
    """Rows of a bar that has not ended yet: of a day, those whose exchange has not closed."""
    moment = pd.Timestamp.now("UTC") if now is None else now.tz_convert("UTC")
    if frequency == INDEX:
        return np.zeros(len(sessions), dtype=bool)
    if frequency != DAILY:
        return _not_ended(symbols, codes, sessions, calendars, frequency, moment)
    unfinished = np.zeros(len(sessions), dtype=bool)
    recent = np.flatnonzero(sessions >= np.datetime64(moment.date(), "D") - 1)
    open_day = {
        calendar: _open_day(calendar, moment)
        for calendar in {calendars[symbols[code]] for code in np.unique(codes[recent])}
    }
    for position in recent:
        unfinished[position] = sessions[position] == open_day[calendars[symbols[codes[position]]]]
    return unfinished


def _not_ended(
    symbols: tuple[str, ...],
    codes: Integers,
    sessions: Dates,
    calendars: dict[str, str],
    frequency: str,
    moment: pd.Timestamp,
) -> Bools:
    """Rows of bars, longer or shorter than a day, that have not ended at `moment`."""
    unfinished = np.zeros(len(sessions), dtype=bool)
    for code, name in enumerate(symbols):
        own = np.flatnonzero((codes == code) & ~np.isnat(sessions))
        timetable = timetable_of(np.sort(sessions[own]), frequency, calendars[name])
        local = moment.tz_convert(zone_of(calendars[name])).tz_localize(None).to_datetime64()
        unfinished[own] = timetable.ends(sessions[own]) > local
    return unfinished


def _open_day(calendar: str, moment: pd.Timestamp) -> np.datetime64:
    """The session that has not closed at `moment`; NaT where today is none, or over."""
    today = np.datetime64(moment.tz_convert(zone_of(calendar)).date(), "D")
    closes = close_of(calendar, today)
    return today if closes is not None and moment < closes else np.datetime64("NaT")


def _without_far_dates(moments: Dates, column: str, place: Place) -> Dates:
    """The moments; NaT for those that cannot be of prices, which `place` is told."""
    if are_positions(moments):
        return moments
    years = moments.astype("datetime64[Y]").astype(np.int64) + 1970
    far = ~np.isnat(moments) & ((years < YEARS.start) | (years >= YEARS.stop))
    place.refuse(say("not a date of prices"), column, far, lambda row: moments[row].astype("datetime64[D]"))
    return np.where(far, np.datetime64("NaT"), moments)


def _prices(
    written: pd.Series,
    close: Floats,
    codes: Integers,
    symbols: tuple[str, ...],
    sessions: Dates,
    place: Place,
    counts: Bools,
) -> Bools:
    """Rows whose close is a price; of the others `place` is told, once for each kind."""
    empty = is_empty(written)
    known = ~np.isnan(close)  # what is no number is refused already

    def value(row: int) -> object:
        return written.iloc[row]

    place.refuse(
        say("the close is empty"),
        "close",
        counts & empty,
        lambda _: "empty",
        say("Take it from another source, or leave the row out"),
    )
    blank = _blank_zeros(close, counts & known, codes, sessions)
    if blank.any():
        remedy = _beside(blank, codes, symbols, sessions, counts)
        place.refuse(say("the close is 0, far from the closes around it"), "close", blank, value, remedy)
    size = np.abs(close)
    odd = counts & known & (close != 0) & ~((size > 1 / LARGEST_PRICE) & (size < LARGEST_PRICE))
    what = "the close is too large or too small for a price"
    place.refuse(what, "close", odd, value, say("Correct it in the source"))
    return counts & known & ~blank & ~odd


def _blank_zeros(close: Floats, rows: Bools, codes: Integers, sessions: Dates) -> Bools:
    """Closes of 0 that are no prices: far from those around them, in symbols whose closes are never below 0.

    Far: by more than UNUSUAL usual moves from the last close that is not 0, and from the next.
    """
    blank = np.zeros(len(close), dtype=bool)
    for code in np.unique(codes[rows & (close == 0)]):
        own = np.flatnonzero(rows & (codes == code))
        own = own[np.argsort(sessions[own], kind="stable")]
        values = pd.Series(close[own])
        others = values.where(values != 0)
        if (values < 0).any():
            continue
        usual = float(others.dropna().diff().abs().replace(0, np.nan).median())
        nearest = np.fmin(others.ffill().to_numpy(), others.bfill().to_numpy())
        blank[own] = (values == 0).to_numpy() & ~(nearest <= UNUSUAL * usual)
    return blank


def _beside(below: Bools, codes: Integers, symbols: tuple[str, ...], sessions: Dates, counts: Bools) -> str:
    """What can be read in spite of closes that are no prices."""
    text = say(
        "Such a 0 stands for a missing price as a rule: take it from another source, or leave the row out"
    )
    days, own = sessions[below & ~np.isnat(sessions)], np.unique(codes[below])
    if len(days) == 0:
        return text
    concerned = counts & np.isin(codes, own)
    ways = []
    if (after := int((concerned & (sessions > days.max())).sum())) > 0:
        ways.append(
            plural(
                'start="{day}" ({n:,} row after them)',
                'start="{day}" ({n:,} rows after them)',
                after,
                day=days.max() + 1,
            )
        )
    if (before := int((concerned & (sessions < days.min())).sum())) > 0:
        ways.append(
            plural(
                'end="{day}" ({n:,} row before them)',
                'end="{day}" ({n:,} rows before them)',
                before,
                day=days.min() - 1,
            )
        )
    if len(own) < len(np.unique(codes[counts])):
        ways.append(say("symbols without {names}", names=listed([symbols[code] for code in own])))
    if not ways:
        return text
    return say("{text}. Or read what has prices: {ways}", text=text, ways=say(", or ").join(ways))


def _taken(table: pd.DataFrame, column: str | None) -> list[Oddity]:
    if column is None:
        return []
    symbols = listed(list(table["symbol"].unique()))
    text = say('{symbols}: the close is taken from the column "{column}".', symbols=symbols, column=column)
    return [Oddity("close-column", len(table), text, ())]


def _unread_volume(table: pd.DataFrame, frame: pd.DataFrame, place: Place) -> list[Oddity]:
    """The volume, where it is no column of numbers."""
    if "volume" not in frame.columns or "volume" in table.columns or is_empty(frame["volume"]).all():
        return []
    text = np.array([number(cell) is None for cell in frame["volume"].astype(object)])
    first = int(text.argmax())
    where = say("row {row}: {cell}", row=place.row[first], cell=printable(frame["volume"].iloc[first], 60))
    symbols = listed(list(table["symbol"].unique()))
    count = plural("{n:,} cell is no number", "{n:,} cells are no numbers", int(text.sum()))
    said = say(
        "{symbols}: the volume is left out: {count} ({where}).", symbols=symbols, count=count, where=where
    )
    return [Oddity("volume-text", int(text.sum()), said, (where,))]


def _weeks_of_exchanges(table: pd.DataFrame, found: Mapping[str, Found]) -> list[Oddity]:
    """Symbols whose dates follow a week of exchanges elsewhere, where nothing tells which exchange it is."""
    weeks = {week for week, days in WEEKS.items() if days in ("1111001", "1110011")}
    names = [name for name, one in found.items() if one.calendar in weeks and one.how != "given"]
    if not names:
        return []
    concerned = table["symbol"].isin(names).to_numpy()
    week = found[str(table["symbol"].iloc[int(concerned.argmax())])].calendar
    what = say("the dates show the week {week}, and not which exchange it is", week=week)
    remark = say(
        'name it, such as calendar="XSAU" (Riyadh) or calendar="XTAE" (Tel Aviv), for its holidays. If the '
        "dates were cut from stamps in UTC of an exchange farther east, they are a day early: get the stamps"
    )
    return [oddity("calendar", table, concerned, what, remark, cells(table, "close"))]
