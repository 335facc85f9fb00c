"""Known inputs: what the calendar alone says of a bar, however far ahead."""

from __future__ import annotations

from functools import cache

import numpy as np
from jaxtyping import Float64, Shaped

from gatecast.data.calendars import WEEKS, recorded, sessions_between, weekday
from gatecast.data.timetable import minutes_of_day
from gatecast.errors import SettingError
from gatecast.language import say
from gatecast.settings.experiment import TIME_OF_DAY
from gatecast.settings.frequency import MINUTES_OF_A_DAY

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
FRIDAY = 4
FARTHEST_HOLIDAY = 10  # sessions: what is farther away counts as this far
HALF_A_YEAR = 26  # weeks


def calendar_inputs(
    name: str, days: Shaped[np.ndarray, " days"], calendar: str
) -> dict[str, Float64[np.ndarray, " days"]]:
    """The columns of one known input of `settings.experiment.KNOWN_INPUTS`; NaN where a day is NaT.

    days: bars of one symbol, datetime64[D], or [s] for bars within days; calendar: its code.

    weekday: seven columns, 1 on that day of the week. month: sine and cosine of the place in the year.
    days_to_month_end and days_to_third_friday: calendar days, 0 on the day itself. sessions_since_holiday and
    sessions_until_holiday: sessions of the calendar, 1 for the one beside the holiday, at most 10; a holiday
    is a day without a session that is one in most weeks of that half year before and after. time_of_day: sine
    and cosine of the place in the day, and of twice that.
    """
    known = ~np.isnat(days)
    columns = _columns(name, days[known], calendar)
    inputs = {}
    for column, values in columns.items():
        inputs[column] = np.full(len(days), np.nan)
        inputs[column][known] = values
    return inputs


def _columns(
    name: str, times: Shaped[np.ndarray, " days"], calendar: str
) -> dict[str, Float64[np.ndarray, " days"]]:
    if name == TIME_OF_DAY:
        angle = 2 * np.pi * minutes_of_day(times) / MINUTES_OF_A_DAY
        return {
            "time_of_day_sin": np.sin(angle),
            "time_of_day_cos": np.cos(angle),
            "time_of_day_sin2": np.sin(2 * angle),
            "time_of_day_cos2": np.cos(2 * angle),
        }
    days = times.astype("datetime64[D]")
    month = days.astype("datetime64[M]")
    if name == "weekday":
        number = weekday(days)
        return {f"weekday_{day}": (number == place) * 1.0 for place, day in enumerate(WEEKDAYS)}
    if name == "month":
        angle = 2 * np.pi * (month.astype(np.int64) % 12) / 12
        return {"month_sin": np.sin(angle), "month_cos": np.cos(angle)}
    if name == "days_to_month_end":
        return {name: _apart(days, (month + 1).astype("datetime64[D]") - 1)}
    if name == "days_to_third_friday":
        this = _third_friday(month)
        return {name: _apart(days, np.where(days <= this, this, _third_friday(month + 1)))}
    return {name: _sessions_to_holiday(days, calendar, since=name == "sessions_since_holiday")}


def _apart(
    days: Shaped[np.ndarray, " days"], later: Shaped[np.ndarray, " days"]
) -> Float64[np.ndarray, " days"]:
    return (later - days).astype(np.float64)


def _third_friday(month: Shaped[np.ndarray, " days"]) -> Shaped[np.ndarray, " days"]:
    first = month.astype("datetime64[D]")
    return first + ((FRIDAY - weekday(first)) % 7 + 14).astype("timedelta64[D]")


def _sessions_to_holiday(
    days: Shaped[np.ndarray, " days"], calendar: str, *, since: bool
) -> Float64[np.ndarray, " days"]:
    sessions, holidays = _sessions_and_holidays(calendar)
    if since:
        before = np.searchsorted(holidays, days)
        began = np.where(before > 0, holidays[np.maximum(before - 1, 0)], sessions[0] - 1)
        count = np.searchsorted(sessions, days, side="right") - np.searchsorted(sessions, began, side="right")
        count = np.where(before > 0, count, FARTHEST_HOLIDAY)
    else:
        after = np.searchsorted(holidays, days, side="right")
        ends = holidays[np.minimum(after, len(holidays) - 1)]
        count = np.searchsorted(sessions, ends) - np.searchsorted(sessions, days)
        count = np.where(after < len(holidays), count, FARTHEST_HOLIDAY)
    return np.minimum(count, FARTHEST_HOLIDAY).astype(np.float64)


@cache
def _sessions_and_holidays(
    calendar: str,
) -> tuple[Shaped[np.ndarray, " sessions"], Shaped[np.ndarray, " holidays"]]:
    """All sessions that a calendar records, and its holidays: both ascending.

    Raises
        SettingError: a week, which has none.
    """
    span = recorded(calendar)
    if calendar in WEEKS or span is None:
        raise SettingError(
            say(
                'the calendar "{calendar}" is a week without holidays: leave out '
                "sessions_since_holiday and sessions_until_holiday, or name the exchange, such "
                'as calendar="XNYS"',
                calendar=calendar,
            )
        )
    sessions = sessions_between(calendar, *span)
    days = np.arange(span[0], span[1] + 1)
    is_session = np.isin(days, sessions, assume_unique=True)
    usual = np.zeros(len(days), dtype=bool)
    for place in range(7):
        own = slice(place, None, 7)
        counted = np.cumsum(np.append(0, is_session[own]))
        week = np.arange(len(counted) - 1)
        first, end = np.maximum(week - HALF_A_YEAR, 0), np.minimum(week + HALF_A_YEAR + 1, len(week))
        usual[own] = counted[end] - counted[first] > (end - first) / 2
    return sessions, days[usual & ~is_session]
