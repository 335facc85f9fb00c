"""Timetables: when the bars of a symbol come, so that those after its last can be dated."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from gatecast._typing import Bools, Dates, Integers
from gatecast.data.calendars import (
    AROUND_THE_CLOCK,
    WEEKS,
    close_minutes,
    next_sessions,
    recorded,
    sessions_between,
    weekday,
)
from gatecast.errors import DataError
from gatecast.language import marked, say
from gatecast.settings.frequency import DAILY, INDEX, MINUTES_OF_A_DAY, MONTHS, WEEKLY, minutes_of

MINUTES_OF_A_WEEK = 7 * MINUTES_OF_A_DAY
FRIDAY = 4
WEEKDAYS = (
    marked("Monday"),
    marked("Tuesday"),
    marked("Wednesday"),
    marked("Thursday"),
    marked("Friday"),
    marked("Saturday"),
    marked("Sunday"),
)
MOST_ALIKE = 0.8  # of the bars are dated by a rule, where it is taken
LATEST_BARS = 60  # weeks, months …, that are asked for the rule
LATEST_DAYS = 56  # that are asked for the times of day; eight weeks follow a change of the clock soon
LEAST_DAYS = 14  # to tell the times of a week; fewer, and a week around the clock has no pause
USUAL = 0.5  # of those days have a bar at a time of day that is expected
FIRST_DAY, LAST_DAY = marked("first day"), marked("last day")
FIRST_SESSION, LAST_SESSION = marked("first session"), marked("last session")
RULES = (*WEEKDAYS, FIRST_DAY, LAST_DAY, FIRST_SESSION, LAST_SESSION)


@dataclass(frozen=True)
class Timetable:
    """When the bars of a symbol come.

    frequency  "1d", "1w", …
    calendar   code of an exchange, or a week
    dated      by which day a bar of several days is dated: of a week "Monday" … or its "last session", of a
               month, quarter or year "first day", "last day", "first session", "last session" or "day 15";
               "" for other bars
    minutes    at which bars within a day begin: of the day for an exchange, of the week (from Monday's
               midnight on) for a week; none: every bar of the week
    """

    frequency: str
    calendar: str
    dated: str = ""
    minutes: tuple[int, ...] = field(default=(), repr=False)

    def after(self, last: np.datetime64, count: int) -> Dates:
        """(count,) the times of the bars after `last`, by this timetable.

        Raises
            DataError: the calendar is not recorded as far.
        """
        if self.frequency == DAILY:
            return next_sessions(self.calendar, last, count)
        day = last.astype("datetime64[D]")
        if self.frequency == INDEX:
            return np.asarray(last + np.arange(1, count + 1).astype("timedelta64[s]"))
        # Few weeks are without any session: Chuseok and New Year in Seoul and Shanghai.
        steps = np.arange(1, count + count // 10 + 5)
        if self.frequency == WEEKLY:
            dates = self._dates_of_weeks(_monday(day) + 7 * steps)
        elif (months := MONTHS.get(self.frequency)) is not None:
            dates = self._dates_of_months(day.astype("datetime64[M]") + months * steps)
        else:
            return self._within_days(last.astype("datetime64[s]"), count)
        return np.asarray(dates[~np.isnat(dates)][:count])

    def ends(self, times: Dates) -> Dates:
        """(N,) datetime64[s] when the bars have ended, as local times: only then are they known.

        A day, or what is dated by its last day, ends at the midnight after it, the closes of exchanges aside.
        """
        minutes = minutes_of(self.frequency)
        if minutes is not None:
            length = 0 if self._is_dated_by_ends else minutes
            return np.asarray(times.astype("datetime64[s]") + np.timedelta64(60 * length, "s"))
        day = times.astype("datetime64[D]")
        if self.frequency == WEEKLY and self.dated == "Monday":
            return np.asarray((day + 7).astype("datetime64[s]"))
        if self.frequency in MONTHS and self.dated in (FIRST_DAY, FIRST_SESSION):
            month = day.astype("datetime64[M]") + MONTHS[self.frequency]
            return np.asarray(month.astype("datetime64[D]").astype("datetime64[s]"))
        return np.asarray((day + 1).astype("datetime64[s]"))

    @property
    def rule(self) -> str:
        """How bars of several days are dated, in words: "dated by its Monday"; "" for others."""
        if not self.dated:
            return ""
        if self.dated.startswith("day "):
            return say("dated by day {n}", n=self.dated.removeprefix("day "))
        return say("dated by its {day}", day=say(self.dated))

    def missing(self, times: Dates) -> Dates:
        """The times between the first and the last of `times` (N,), ascending, at which a bar is missing.

        For bars of a day see `gatecast.data.calendars.irregular`.
        """
        if len(times) < 2 or self.frequency == INDEX:
            return times[:0]
        if self.frequency == WEEKLY or self.frequency in MONTHS:
            period = _monday(times.astype("datetime64[D]")) if self.frequency == WEEKLY else _months(times)
            unit = 7 if self.frequency == WEEKLY else MONTHS[self.frequency]
            expected = np.arange(period[0], period[-1] + 1, unit)
            lost = np.setdiff1d(expected, period)
            dated = self._dates_of_weeks if self.frequency == WEEKLY else self._dates_of_months
            dates = dated(lost)
            return np.asarray(dates[~np.isnat(dates)])
        expected = self._grid(times[0], times[-1])
        return np.setdiff1d(expected, times.astype("datetime64[s]"))

    def between(self, first: np.datetime64, last: np.datetime64) -> Dates:
        """The times of the bars from `first` to `last`, both inclusive, of a day or shorter."""
        if self.frequency == DAILY:
            return sessions_between(self.calendar, first, last)
        return self._grid(first.astype("datetime64[s]"), last.astype("datetime64[s]"))

    def _dates_of_weeks(self, mondays: Dates) -> Dates:
        if self.dated in WEEKDAYS:
            return np.asarray(mondays + WEEKDAYS.index(self.dated))
        return self.session_in(mondays, mondays + 7)

    def _dates_of_months(self, months: Dates) -> Dates:
        first = months.astype("datetime64[D]")
        after = (months + 1).astype("datetime64[D]")
        if self.dated == FIRST_DAY:
            return np.asarray(first)
        if self.dated == LAST_DAY:
            return np.asarray(after - 1)
        if self.dated.startswith("day "):
            return np.asarray(np.minimum(first + int(self.dated.removeprefix("day ")) - 1, after - 1))
        return self.session_in(first, after)

    def session_in(self, begin: Dates, end: Dates) -> Dates:
        """The first or the last session of each span [begin, end); NaT where the exchange has none in it.

        Beyond what the calendar records: the last weekday.
        """
        days = sessions_between(self.calendar, begin.min(), end.max()) if len(begin) else begin
        low, high = np.searchsorted(days, begin), np.searchsorted(days, end)
        place = low if self.dated == FIRST_SESSION else high - 1
        last_weekday = end - 1 - np.maximum(weekday(end - 1) - FRIDAY, 0)
        found = np.full(len(begin), np.datetime64("NaT"), dtype="datetime64[D]")
        found[high > low] = days[place[high > low]]
        span = recorded(self.calendar)
        return np.asarray(found if span is None else np.where(end - 1 > span[1], last_weekday, found))

    @cached_property
    def _is_dated_by_ends(self) -> bool:
        """Whether bars within a session are dated by their ends: the last at the close of the exchange."""
        if self.calendar in WEEKS or not self.minutes:
            return False
        return self.minutes[-1] == close_minutes(self.calendar)

    def _within_days(self, last: np.datetime64, count: int) -> Dates:
        length = np.timedelta64(60 * (minutes_of(self.frequency) or 1), "s")
        if not self.minutes:
            return np.asarray(last + length * np.arange(1, count + 1))
        per_day = len(self.minutes) if self.calendar not in WEEKS else len(self.minutes) / 7
        days = int(np.ceil(2 * count / max(per_day, 1 / 7))) + 14
        found = self._grid(last + np.timedelta64(1, "s"), last + np.timedelta64(days, "D"))
        if len(found) < count:
            raise DataError(
                say(
                    "the calendar {calendar} knows only {count} bars after {last}, not {count_2}",
                    calendar=self.calendar,
                    count=len(found),
                    last=last,
                    count_2=count,
                ),
                remedy=say('Forecast fewer bars, update gatecast, or give a week, such as calendar="24/5"'),
            )
        return found[:count]

    def _grid(self, first: np.datetime64, last: np.datetime64) -> Dates:
        """The times of all bars from `first` to `last`, both inclusive: datetime64[s]."""
        begin, end = first.astype("datetime64[D]"), last.astype("datetime64[D]")
        if not self.minutes:
            length = np.timedelta64(60 * (minutes_of(self.frequency) or 1), "s")
            return np.asarray(
                np.arange(first.astype("datetime64[s]"), last.astype("datetime64[s]") + 1, length)
            )
        minutes = np.array(self.minutes)
        if self.calendar in WEEKS:
            days = _monday(begin) + 7 * np.arange((end - begin).astype(int) // 7 + 2)
            times = days.astype("datetime64[m]")[:, None] + minutes
        else:
            days = sessions_between(self.calendar, begin, end)
            times = np.where(
                self._is_traded(days), days.astype("datetime64[m]")[:, None] + minutes, np.datetime64("NaT")
            )
        flat = times.ravel().astype("datetime64[s]")
        return np.asarray(flat[(flat >= first) & (flat <= last)])

    def _is_traded(self, days: Dates) -> Bools:
        """(D, minutes) whether the exchange is open at these times of day: it closes early now and then."""
        usual = close_minutes(self.calendar)
        early = np.array([close_minutes(self.calendar, day) for day in days], dtype=np.int64)
        minutes = np.array(self.minutes)
        bound = early[:, None] + (1 if self._is_dated_by_ends else 0)
        return np.asarray((early[:, None] >= usual) | (minutes < bound))


def timetable_of(times: Dates, frequency: str, calendar: str) -> Timetable:
    """The timetable of a symbol with bars at `times` (N,), ascending."""
    if frequency in (DAILY, INDEX) or not len(times):
        return Timetable(frequency, calendar)
    if minutes_of(frequency) is None:
        return Timetable(frequency, calendar, dated=_rule(times.astype("datetime64[D]"), frequency, calendar))
    return Timetable(frequency, calendar, minutes=_usual_minutes(times, frequency, calendar))


def _rule(days: Dates, frequency: str, calendar: str) -> str:
    """How the bars of several days are dated."""
    days = days[-LATEST_BARS:]
    if frequency == WEEKLY:
        often = np.bincount(weekday(days), minlength=7)
        usual = WEEKDAYS[int(often.argmax())]
        sessions = Timetable(frequency, calendar, LAST_SESSION)._dates_of_weeks(_monday(days))
        by_session = float(np.mean(sessions == days))
        return LAST_SESSION if by_session > often.max() / len(days) else usual
    months = _months(days)
    fits = {
        rule: float(np.mean(Timetable(frequency, calendar, rule)._dates_of_months(months) == days))
        for rule in (FIRST_DAY, LAST_DAY, LAST_SESSION, FIRST_SESSION)
    }
    best = max(fits, key=lambda rule: fits[rule])
    number = (days - months.astype("datetime64[D]")).astype(int) + 1
    often = np.bincount(number)
    if fits[best] >= max(MOST_ALIKE, often.max() / len(days)):
        return best
    return f"day {int(often.argmax())}"


def _usual_minutes(times: Dates, frequency: str, calendar: str) -> tuple[int, ...]:
    """The minutes at which bars begin on at least half of the latest days, or weeks; () for all of a week."""
    if calendar == AROUND_THE_CLOCK and times[-1] - times[0] < np.timedelta64(LEAST_DAYS, "D"):
        return ()
    recent = times[times > times[-1] - np.timedelta64(LATEST_DAYS, "D")].astype("datetime64[m]")
    days = recent.astype("datetime64[D]")
    minute = (recent - days).astype(np.int64)
    step = minutes_of(frequency) or 1
    if calendar in WEEKS:
        minute += weekday(days) * MINUTES_OF_A_DAY
        period, span = _monday(days), MINUTES_OF_A_WEEK
    else:
        period, span = days, MINUTES_OF_A_DAY
    often = np.bincount(minute, minlength=span)
    # The first and the last week are there in part, as a rule.
    count = max(len(np.unique(period)) - (1 if calendar in WEEKS else 0), 1)
    usual = np.flatnonzero(often > USUAL * count)
    if calendar in WEEKS and len(usual) * step >= 0.95 * span:
        return ()
    if not len(usual):
        usual = np.unique(minute)
    return tuple(int(one) for one in usual)


def _monday(days: Dates) -> Dates:
    """The Monday of each day's week."""
    return np.asarray(days - weekday(days))


def _months(days: Dates) -> Dates:
    return np.asarray(days.astype("datetime64[M]"))


def minutes_of_day(times: Dates) -> Integers:
    """(N,) minutes since midnight."""
    return np.asarray((times.astype("datetime64[m]") - times.astype("datetime64[D]")).astype(np.int64))
