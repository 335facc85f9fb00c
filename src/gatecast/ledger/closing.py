"""When the bar that a forecast is for has closed: from then on a forecast of it is a backcast."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from gatecast.data.calendars import (
    AROUND_THE_CLOCK,
    WEEKS,
    check_calendar,
    close_of,
    sessions_between,
    zone_of,
)
from gatecast.data.detection import DEFAULT
from gatecast.data.exchanges import exchange_named
from gatecast.data.timetable import Timetable
from gatecast.errors import SettingError
from gatecast.settings.frequency import DAILY, is_intraday

# The first exchange to close is New Zealand's, at 23:45 UTC of the day before when it has half a day.
UNKNOWN = dt.timedelta(hours=-1)
# By then the bar of a date has closed everywhere: midnight at the last place on Earth, UTC-12.
LATEST = dt.timedelta(hours=36)
# By the clock of UTC, the first place to have a time of day: UTC+14.
AHEAD = dt.timedelta(hours=14)
GIVE = "Give the calendar (such as --calendar XNYS) when forecasting"
UNKNOWN_EXCHANGE = (
    f"the exchange is not known, and so a bar counts as closed an hour before its date begins in UTC. {GIVE}"
)
UNKNOWN_CLOCK = (
    "the exchange is not known, and so a bar counts as closed 14 hours before its end by the clock of UTC. "
    f"{GIVE}"
)
DOUBT = LATEST - UNKNOWN  # after the moment from which such a bar counts as closed
LATEST_WORKDAY = 4  # Friday, from Monday's 0 on
US_TICKER = re.compile(r"[A-Z]{1,5}(-[A-Z]{1,2})?")


def exchange_of(symbol: str, source: Sequence[str], calendar: str | None) -> str | None:
    """The calendar whose closes bind the bars of `symbol`; None: the exchange is not known.

    It is the one that the user gave, else the one that the symbol's name says, else that of New York for a
    plain ticker from Yahoo. Dates alone say nothing of the hour, currencies have no exchange, and what calls
    itself SP500 may be a future.
    """
    if calendar is not None:
        try:
            given = check_calendar(calendar)
        except SettingError:
            return None
        return (
            None if given in WEEKS and given != AROUND_THE_CLOCK else given
        )  # a week says nothing of the hour
    named = exchange_named(symbol)
    if named is not None and named != (DEFAULT, "name"):
        return None if named.calendar in WEEKS and named.calendar != AROUND_THE_CLOCK else named.calendar
    plain = US_TICKER.fullmatch(symbol) is not None
    return DEFAULT if plain and all(word.startswith("yahoo:") for word in source) else None


def closes_at(date: dt.date, exchange: str | None) -> dt.datetime:
    """When the bar of `date` closes, in UTC; where that is not known, an hour before the date begins there.

    Known are the sessions of an exchange, early closes included, and the days of "24/7", which end at
    midnight UTC. Unknown are other exchanges, and dates that are no session: no bar closes earlier.
    """
    if exchange is not None:
        close = close_of(exchange, np.datetime64(date, "D"))
        if close is not None:
            moment: dt.datetime = close.to_pydatetime()
            return moment.astimezone(dt.UTC)
    return _start(date) + UNKNOWN


def bar_closes_at(time: np.datetime64, timetable: Timetable, exchange: str | None) -> dt.datetime:
    """When the bar at `time` closes, in UTC; where that is not known, no later than it can.

    A bar of several days closes with its last session, and where the exchange is not known an hour before its
    last weekday begins. Bars within days end by the clock of the exchange.
    """
    if timetable.frequency == DAILY:
        return closes_at(time.astype("datetime64[D]").astype(dt.date), exchange)
    end = timetable.ends(np.array([time]))[0]
    if is_intraday(timetable.frequency):
        local: dt.datetime = end.astype(dt.datetime)
        if exchange is None:
            return local.replace(tzinfo=dt.UTC) - AHEAD
        return local.replace(tzinfo=ZoneInfo(zone_of(exchange))).astimezone(dt.UTC)
    last = (end - 1).astype("datetime64[D]")
    known: Any = [] if exchange is None else sessions_between(exchange, last - 10, last)
    if len(known):
        return closes_at(known[-1].astype(dt.date), exchange)
    day: dt.date = last.astype(dt.date)
    return closes_at(day - dt.timedelta(max(day.weekday() - LATEST_WORKDAY, 0)), None)


def unknown_exchange(frequency: str | None) -> str:
    """What an exchange that is not known means for bars of this frequency; None: days."""
    return UNKNOWN_CLOCK if frequency is not None and is_intraday(frequency) else UNKNOWN_EXCHANGE


def in_doubt(date: dt.date, made: dt.datetime) -> bool:
    """Whether at `made` the bar of `date` may still have been open on some exchange."""
    return made < _start(date) + LATEST


def _start(date: dt.date) -> dt.datetime:
    return dt.datetime.combine(date, dt.time(), dt.UTC)
