"""Frequencies: how far apart bars are, by their names, and the words for them."""

from __future__ import annotations

import re
from typing import Any, Literal

from gatecast.errors import SettingError

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
NOUNS = {
    "1h": "hour", DAILY: "day", WEEKLY: "week", MONTHLY: "month", QUARTERLY: "quarter", YEARLY: "year",
}  # fmt: skip
ADJECTIVES = {
    "1h": "hourly", "1min": "one-minute", DAILY: "daily", WEEKLY: "weekly", MONTHLY: "monthly",
    QUARTERLY: "quarterly", YEARLY: "yearly", INDEX: "numbered",
}  # fmt: skip


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
        f'There is no frequency "{value}". Give the spacing of bars, from 1min to 12h, 1d, 1w, 1mo, 1q or '
        '1y, or "index" for rows that are only numbered.'
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
    return NOUNS.get(frequency, "bar")


def session_noun(frequency: str) -> str:
    """The same where daily bars are called sessions: "session", "week", "hour", "bar"."""
    return "session" if frequency == DAILY else noun(frequency)


def a_session(frequency: str) -> str:
    """The same with its article: "a session", "an hour"."""
    word = session_noun(frequency)
    return f"{'an' if word == 'hour' else 'a'} {word}"


def no_change(frequency: str) -> str:
    """What naive forecasts, in words: "tomorrow = today"; "no change" of bars that are no days."""
    return "tomorrow = today" if frequency == DAILY else "no change"


def adjective(frequency: str) -> str:
    """What bars are called: "daily", "weekly", "five-minute" as "5-minute"."""
    if frequency in ADJECTIVES:
        return ADJECTIVES[frequency]
    minutes = minutes_of(frequency) or 0
    return f"{minutes // 60}-hour" if minutes % 60 == 0 else f"{minutes}-minute"


def each(frequency: str) -> str:
    """ "one row a week", as a report says it."""
    if frequency == INDEX:
        return "rows that are numbered"
    minutes = minutes_of(frequency)
    if minutes == 1:
        return "one row a minute"
    if frequency in NOUNS:
        return f"one row {'an' if frequency == '1h' else 'a'} {NOUNS[frequency]}"
    return (
        f"one row every {minutes} minutes"
        if minutes and minutes % 60
        else f"one row every {frequency[:-1]} hours"
    )


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
    return f"at position {text}" if frequency == INDEX else f"at the close of {text}"


def spanned(times: Any, frequency: str) -> str:
    """From the first to the last of some times: "2021-03-01 to 2021-06-30"."""
    return f"{stamp(times.min(), frequency)} to {stamp(times.max(), frequency)}"


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
