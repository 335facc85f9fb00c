"""Resampling: longer bars of shorter ones, each dated so that it is known at its end."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gatecast._typing import Dates, Integers
from gatecast.data.calendars import WEEKS, weekday
from gatecast.data.oddities import Oddity, starts
from gatecast.data.spacing import times_of
from gatecast.data.timetable import LAST_SESSION, Timetable, timetable_of
from gatecast.errors import DataError
from gatecast.language import plural, say
from gatecast.settings.frequency import (
    DAILY,
    INDEX,
    LONGER,
    MINUTES_OF_A_DAY,
    MONTHS,
    WEEKLY,
    adjective,
    minutes_of,
    noun,
)

SUNDAY, SATURDAY = 6, 5
AGGREGATES = {"open": "first", "high": "max", "low": "min", "volume": "sum"}  # of all others the last


def resampled(
    table: pd.DataFrame, frequency: str, calendar: dict[str, str], to: str
) -> tuple[pd.DataFrame, list[Oddity]]:
    """The table in bars of the frequency `to`, and what is said of it.

    table: sorted, of bars of `frequency`; calendar: symbol → calendar.

    First open, highest high, lowest low, last close, sum of volumes, of every other column the last value. A
    bar of several days is dated by the last session that its span has by the calendar, one within a day by
    its beginning. The first and the last span are left out where bars of them are missing by the timetable:
    they are not over, or not there in whole.

    Raises
        DataError: bars that are as long, or longer; nothing left.
    """
    if to == frequency:
        return table, []
    if frequency == INDEX or to == INDEX or _length(to) < _length(frequency):
        raise DataError(
            say(
                "{adjective} bars cannot be made into {adjective_2} ones",
                adjective=adjective(frequency),
                adjective_2=adjective(to),
            ),
            remedy=say("Leave resample out, or give a longer one"),
        )
    first = starts(table)
    parts = []
    for start, end in zip(first, np.append(first[1:], len(table)), strict=True):
        own = table.iloc[start:end]
        name = own["symbol"].iloc[0]
        times = times_of(own, frequency)
        parts.append(_of_one(own, times, timetable_of(times, frequency, calendar[name]), to))
    whole = pd.concat(parts, ignore_index=True)
    if not len(whole):
        raise DataError(
            say(
                "there is no whole {noun} in these {adjective} bars",
                noun=noun(to),
                adjective=adjective(frequency),
            ),
            remedy=say("Give more of them"),
        )
    text = say(
        "{of} made into {made}; the first and the last span are left out where they are not there in whole.",
        of=plural(
            "{n:,} {adjective} bar", "{n:,} {adjective} bars", len(table), adjective=adjective(frequency)
        ),
        made=plural("{n:,} {adjective} one", "{n:,} {adjective} ones", len(whole), adjective=adjective(to)),
    )
    return whole, [Oddity("resampled", len(whole), text, ())]


def _length(frequency: str) -> float:
    """Minutes of a bar, nearly."""
    minutes = minutes_of(frequency)
    if minutes is not None:
        return minutes
    days = {DAILY: 1, WEEKLY: 7, **{name: 30 * months for name, months in MONTHS.items()}}
    return MINUTES_OF_A_DAY * days[frequency]


def _of_one(table: pd.DataFrame, times: Dates, timetable: Timetable, to: str) -> pd.DataFrame:
    period = _periods(times, timetable, to)
    kept = np.ones(len(table), dtype=bool)
    after = timetable.after(times[-1], 1)
    if _periods(after, timetable, to)[0] == period[-1]:
        kept &= period != period[-1]
    before = timetable.between(times[0] - np.timedelta64(_days_of(to), "D"), times[0])[:-1]
    if len(before) and _periods(before[-1:], timetable, to)[0] == period[0]:
        kept &= period != period[0]
    rules = {name: AGGREGATES.get(name, "last") for name in table.columns}
    groups = table[kept].groupby(period[kept], sort=False)
    made = groups.agg(rules)
    if "volume" in made:  # a sum of nothing is no volume of zero
        made["volume"] = groups["volume"].sum(min_count=1)
    return made.assign(session=_dates(made.index.to_numpy(), timetable, to).astype("datetime64[ns]"))


def _days_of(to: str) -> int:
    return {DAILY: 1, WEEKLY: 7}.get(to, 31 * MONTHS.get(to, 0) or 1)


def _periods(times: Dates, timetable: Timetable, to: str) -> Integers:
    """(N,) a number for the span of each bar: days since 1970 of its first, months since then, or minutes."""
    day = times.astype("datetime64[D]")
    if to in MONTHS:
        return np.asarray(day.astype("datetime64[M]").astype(np.int64) // MONTHS[to])
    if to == WEEKLY:
        return np.asarray((day - _into_week(day, timetable.calendar)).astype(np.int64))
    if to == DAILY:
        return np.asarray(day.astype(np.int64))
    step, minute = minutes_of(to) or 1, (times.astype("datetime64[m]") - day).astype(np.int64)
    begin = _first_minute(timetable)
    within = np.floor_divide(minute - begin, step) * step + begin
    return np.asarray(day.astype(np.int64) * MINUTES_OF_A_DAY + within)


def _into_week(days: Dates, calendar: str) -> Integers:
    """(N,) days since the first of their week: Sunday where it is traded and Saturday is not, else Monday."""
    week = WEEKS.get(calendar, "1111100")
    begins_on_sunday = week[SUNDAY] == "1" and week[SATURDAY] == "0"
    return np.asarray((weekday(days) + (1 if begins_on_sunday else 0)) % 7)


def _first_minute(timetable: Timetable) -> int:
    """The minute of the day at which the spans begin: with the sessions of an exchange, else at midnight."""
    return 0 if timetable.calendar in WEEKS or not timetable.minutes else timetable.minutes[0]


def _dates(periods: Integers, timetable: Timetable, to: str) -> Dates:
    if to == DAILY:
        return periods.astype("datetime64[D]")
    if to in LONGER:
        if to == WEEKLY:
            begin = periods.astype("datetime64[D]")
            end = begin + 7
        else:
            begin, end = (_first_of_month(one * MONTHS[to]) for one in (periods, periods + 1))
        dates = Timetable(to, timetable.calendar, LAST_SESSION).session_in(begin, end)
        return np.asarray(np.where(np.isnat(dates), end - 1, dates))
    return periods.astype("datetime64[m]").astype("datetime64[s]")


def _first_of_month(months: Integers) -> Dates:
    return months.astype("datetime64[M]").astype("datetime64[D]")
