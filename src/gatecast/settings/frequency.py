"""Frequencies: how far apart bars are, by their names, and the words for them."""

from __future__ import annotations

import re
from typing import Any, Literal

from gatecast.errors import SettingError
from gatecast.language import marked, plural, say

DAILY, WEEKLY, MONTHLY, QUARTERLY, YEARLY, INDEX = "1d", "1w", "1mo", "1q", "1y", "index"
LONGER = (WEEKLY, MONTHLY, QUARTERLY, YEARLY)
BARS_A_YEAR = {WEEKLY: 52, MONTHLY: 12, QUARTERLY: 4, YEARLY: 1}
MONTHS = {MONTHLY: 1, QUARTERLY: 3, YEARLY: 12}  # of a bar
# As people and pandas write them.
NAMES = {
    "hourly": "1h", "daily": DAILY, "weekly": WEEKLY, "monthly": MONTHLY, "quarterly": QUARTERLY,
    "yearly": YEARLY, "annual": YEARLY, "hour": "1h", "minute": "1min", "day": DAILY, "week": WEEKLY,
    "month": MONTHLY, "quarter": QUARTERLY, "year": YEARLY, "h": "1h", "min": "1min", "d": DAILY, "b": DAILY,
    "w": WEEKLY, "1wk": WEEKLY, "m": MONTHLY, "me": MONTHLY, "ms": MONTHLY, "mo": MONTHLY, "q": QUARTERLY,
    "qe": QUARTERLY, "qs": QUARTERLY, "y": YEARLY, "ye": YEARLY, "ys": YEARLY, "3mo": QUARTERLY,
}  # fmt: skip
WITHIN_A_DAY = re.compile(r"(\d{1,3})\s*(m|min|t|minutes?|h|hours?)$")
MOST_MINUTES = 720  # of a bar within a day
MINUTES_OF_A_DAY = 1440
# Rows without dates stand at their numbers of seconds after this, before the first date of any price.
POSITION_ZERO, FIRST_DATE = "1700-01-01", "1800-01-01"
SESSION = "session"  # what daily bars are called where they are counted
# In words: one, one with its article, several, so many, and so many of a test.
WORDS = {
    "1h": (marked("hour"), marked("an hour"), marked("hours")),
    DAILY: (marked("day"), marked("a day"), marked("days")),
    WEEKLY: (marked("week"), marked("a week"), marked("weeks")),
    MONTHLY: (marked("month"), marked("a month"), marked("months")),
    QUARTERLY: (marked("quarter"), marked("a quarter"), marked("quarters")),
    YEARLY: (marked("year"), marked("a year"), marked("years")),
    SESSION: (marked("session"), marked("a session"), marked("sessions")),
}
BAR = (marked("bar"), marked("a bar"), marked("bars"))
ADJECTIVES = {
    "1h": marked("hourly"),
    "1min": marked("one-minute"),
    DAILY: marked("daily"),
    WEEKLY: marked("weekly"),
    MONTHLY: marked("monthly"),
    QUARTERLY: marked("quarterly"),
    YEARLY: marked("yearly"),
    INDEX: marked("numbered"),
}


def check_frequency(value: str) -> str:
    """`value` by its own name: "hourly", "60min" and "H" are "1h"; SettingError where it is no frequency."""
    text = str(value).strip().lower()
    if text in (*LONGER, DAILY, INDEX):
        return text
    if text in NAMES:
        return NAMES[text]
    found = WITHIN_A_DAY.match(text)
    if found:
        minutes = int(found[1]) * (60 if found[2].startswith("h") else 1)
        if minutes == MINUTES_OF_A_DAY:
            return DAILY
        if 0 < minutes <= MOST_MINUTES:
            return of_minutes(minutes)
    raise SettingError(
        say(
            'There is no frequency "{value}". Give the spacing of bars, from 1min to 12h, 1d, 1w, 1mo, 1q or '
            '1y, or "index" for rows that are only numbered.',
            value=value,
        )
    )


def of_minutes(minutes: int) -> str:
    """The frequency of bars of this length: "5min", "1h"."""
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}min"


def minutes_of(frequency: str) -> int | None:
    """The minutes of a bar within a day; None for longer ones."""
    found = re.fullmatch(r"(\d+)(min|h)", frequency)
    return None if found is None else int(found[1]) * (60 if found[2] == "h" else 1)


def is_intraday(frequency: str) -> bool:
    """Whether several bars lie within a day."""
    return minutes_of(frequency) is not None


def unit_of(frequency: str) -> Literal["D", "s"]:
    """The unit of times, as in datetime64[D]: days, or seconds for bars within days and for numbers."""
    return "s" if frequency == INDEX or is_intraday(frequency) else "D"


def noun(frequency: str) -> str:
    """What one bar is called: "day", "week", "hour"; "bar" where no other word is usual."""
    return say(WORDS.get(frequency, BAR)[0])


def a_bar(frequency: str) -> str:
    """The same with its article: "a day", "an hour"."""
    return say(WORDS.get(frequency, BAR)[1])


def nouns(frequency: str) -> str:
    """What bars are called: "days", "weeks", "bars"."""
    return say(WORDS.get(frequency, BAR)[2])


def count_bars(n: int, frequency: str) -> str:
    """So many bars: "1 day", "1,250 weeks", "20 bars"."""
    return _counts(n).get(frequency) or plural("{n:,} bar", "{n:,} bars", n)


def session_noun(frequency: str) -> str:
    """What one bar is called where daily bars are called sessions: "session", "week", "hour", "bar"."""
    return noun(_session(frequency))


def a_session(frequency: str) -> str:
    """The same with its article: "a session", "an hour"."""
    return a_bar(_session(frequency))


def session_nouns(frequency: str) -> str:
    """What bars are called likewise: "sessions", "weeks", "bars"."""
    return nouns(_session(frequency))


def count_sessions(n: int, frequency: str) -> str:
    """So many bars likewise: "1 session", "1,250 weeks", "20 bars"."""
    return count_bars(n, _session(frequency))


def count_tested(n: int, frequency: str) -> str:
    """So many bars of a test: "1,250 test days"."""
    return {
        "1h": plural("{n:,} test hour", "{n:,} test hours", n),
        DAILY: plural("{n:,} test day", "{n:,} test days", n),
        WEEKLY: plural("{n:,} test week", "{n:,} test weeks", n),
        MONTHLY: plural("{n:,} test month", "{n:,} test months", n),
        QUARTERLY: plural("{n:,} test quarter", "{n:,} test quarters", n),
        YEARLY: plural("{n:,} test year", "{n:,} test years", n),
    }.get(frequency) or plural("{n:,} test bar", "{n:,} test bars", n)


def _session(frequency: str) -> str:
    return SESSION if frequency == DAILY else frequency


def _counts(n: int) -> dict[str, str]:
    return {
        "1h": plural("{n:,} hour", "{n:,} hours", n),
        DAILY: plural("{n:,} day", "{n:,} days", n),
        WEEKLY: plural("{n:,} week", "{n:,} weeks", n),
        MONTHLY: plural("{n:,} month", "{n:,} months", n),
        QUARTERLY: plural("{n:,} quarter", "{n:,} quarters", n),
        YEARLY: plural("{n:,} year", "{n:,} years", n),
        SESSION: plural("{n:,} session", "{n:,} sessions", n),
    }


def no_change(frequency: str) -> str:
    """What naive forecasts, in words: "tomorrow = today"; "no change" of bars that are no days."""
    return say("tomorrow = today") if frequency == DAILY else say("no change")


def adjective(frequency: str) -> str:
    """What bars are called: "daily", "weekly", "five-minute" as "5-minute"."""
    if frequency in ADJECTIVES:
        return say(ADJECTIVES[frequency])
    minutes = minutes_of(frequency) or 0
    if minutes % 60 == 0:
        return say("{hours}-hour", hours=minutes // 60)
    return say("{minutes}-minute", minutes=minutes)


def each(frequency: str) -> str:
    """ "one row a week", as a report says it."""
    rows = {
        INDEX: marked("rows that are numbered"),
        "1min": marked("one row a minute"),
        "1h": marked("one row an hour"),
        DAILY: marked("one row a day"),
        WEEKLY: marked("one row a week"),
        MONTHLY: marked("one row a month"),
        QUARTERLY: marked("one row a quarter"),
        YEARLY: marked("one row a year"),
    }
    if frequency in rows:
        return say(rows[frequency])
    minutes = minutes_of(frequency)
    if minutes and minutes % 60:
        return say("one row every {minutes} minutes", minutes=minutes)
    return say("one row every {hours} hours", hours=frequency[:-1])


def stamp(time: object, frequency: str | None = None) -> str:
    """A time as people write it: 2021-03-01; 2021-03-01 09:30 within a day; 750 of rows that are numbered.

    Without a frequency, midnights are dates.
    """
    import numpy as np

    if time is None or time != time:  # as NaT does
        return "?"
    if frequency == INDEX and isinstance(time, int | np.integer):
        return str(int(time))
    moment = np.datetime64(time, "s")  # type: ignore[call-overload]
    if moment < np.datetime64(FIRST_DATE):
        return str(position_of(moment))
    day, hour = str(moment)[:10], str(moment)[11:].removesuffix(":00")
    within = hour != "00:00" if frequency is None else is_intraday(frequency)
    return f"{day} {hour}" if within else day


def at_close(time: object, frequency: str) -> str:
    """Where a forecast is made: "at the close of 2021-03-01", "at position 750" of rows that are numbered."""
    text = stamp(time, frequency)
    if frequency == INDEX:
        return say("at position {row}", row=text)
    return say("at the close of {time}", time=text)


def spanned(times: Any, frequency: str) -> str:
    """From the first to the last of some times: "2021-03-01 to 2021-06-30"."""
    return say("{first} to {last}", first=stamp(times.min(), frequency), last=stamp(times.max(), frequency))


def plain_time(time: Any, frequency: str) -> str | int:
    """A time as plain data: "2021-03-01", "2021-03-01T09:30", 750."""
    import numpy as np

    if frequency == INDEX:
        return int(time) if isinstance(time, int | np.integer) else int(position_of(time))
    return stamp(time, frequency).replace(" ", "T")


def time_at(position: Any) -> Any:
    """The time, datetime64[s], that stands for the number of a row (or of many), where rows have no dates."""
    import numpy as np

    return np.datetime64(POSITION_ZERO, "s") + np.asarray(position).astype("timedelta64[s]")


def position_of(time: Any) -> Any:
    """The number that a time of `time_at` stands for, or many."""
    import numpy as np

    return (np.asarray(time, dtype="datetime64[s]") - np.datetime64(POSITION_ZERO, "s")).astype(np.int64)
