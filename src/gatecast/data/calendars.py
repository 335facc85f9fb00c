"""Calendars: which dates are trading sessions, and when a session ends.

A calendar is the code of an exchange ("XNYS", "XKRX", …) or a week: "24/7" (every day, for what trades on
weekends as well), "24/5" and "weekdays" (Monday to Friday), "sunday-friday" (currencies with a bar for the
Sunday evening), "sunday-thursday", "saturday-wednesday" or "monday-saturday". Calendars only name dates; a
row of the data is a session in any case.

The sessions of exchanges come from the table calendars.npz, which benchmarks/calendars.py makes of
exchange_calendars (Apache License 2.0; see the file NOTICE).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatecast._typing import Bools, Dates, Integers
from gatecast.errors import DataError, SettingError, did_you_mean
from gatecast.language import say

if TYPE_CHECKING:
    import pandas as pd

TABLE = Path(__file__).with_name("calendars.npz")
AROUND_THE_CLOCK = "24/7"
# Monday first.
WEEKS = {
    AROUND_THE_CLOCK: "1111111", "weekdays": "1111100", "24/5": "1111100", "sunday-friday": "1111101",
    "sunday-thursday": "1111001", "saturday-wednesday": "1110011", "monday-saturday": "1111110",
}  # fmt: skip
ALIASES = {"daily": AROUND_THE_CLOCK}  # of earlier versions


def check_calendar(calendar: str) -> str:
    """`calendar` by its own name when it is known ("NYSE" → "XNYS", "daily" → "24/7"); else SettingError."""
    code = code_of(calendar)
    if code is None:
        known = [*WEEKS, *ALIASES, *_table().exchanges, *_table().aliases]
        raise SettingError(
            say(
                'There is no calendar "{calendar}".{did_you_mean} Use the code of an exchange, '
                'such as "XNYS", or a week: {weeks}.',
                calendar=calendar,
                did_you_mean=did_you_mean(calendar, known),
                weeks=", ".join(WEEKS),
            )
        )
    return code


def code_of(name: str) -> str | None:
    """The calendar with this name; None where there is none."""
    code = ALIASES.get(name, name)
    if code in WEEKS:
        return code
    table = _table()
    code = table.aliases.get(code, code)
    return code if code in table.exchanges else None


def exchanges() -> tuple[str, ...]:
    """The codes of all exchanges, in the order of the alphabet."""
    return tuple(_table().exchanges)


def zone_of(calendar: str) -> str:
    """The time zone of the exchange ("America/New_York"); UTC for a week."""
    return "UTC" if calendar in WEEKS else _table().exchanges[calendar].zone


def recorded(calendar: str) -> tuple[np.datetime64, np.datetime64] | None:
    """The first and the last date that the calendar speaks of; None for a week: all."""
    if calendar in WEEKS:
        return None
    exchange = _table().exchanges[calendar]
    return exchange.first, exchange.last


def sessions_between(calendar: str, first: object, last: object) -> Dates:
    """All sessions from `first` to `last`, both inclusive: datetime64[D], ascending.

    Dates beyond what the calendar records (XTKS: before 1997) give none.
    """
    start, end = np.datetime64(first, "D"), np.datetime64(last, "D")  # type: ignore[call-overload]
    if calendar in WEEKS:
        days = np.arange(start, end + 1)
        return days[_mask(calendar)[weekday(days)]]
    days = _sessions(calendar)
    return days[np.searchsorted(days, start) : np.searchsorted(days, end, side="right")]


def next_sessions(calendar: str, last: object, n: int) -> Dates:
    """The next `n` sessions after the date `last`: datetime64[D] of shape (n,)."""
    after = np.datetime64(last, "D")  # type: ignore[call-overload]
    # No exchange is closed for more than a few weeks: three days for every two sessions, and two months.
    days = sessions_between(calendar, after + 1, after + 61 + n * 3 // 2)
    if len(days) < n:
        span = recorded(calendar)
        end = "" if span is None else f": it is recorded to {span[1]}"
        raise DataError(
            say(
                "the calendar {calendar} knows only {count} sessions after {after}, not {n}{end}",
                calendar=calendar,
                count=len(days),
                after=after,
                n=n,
                end=end,
            ),
            remedy=say(
                "Forecast fewer sessions, update gatecast, or give a week without holidays, such "
                'as calendar="weekdays" (Monday to Friday)'
            ),
        )
    return days[:n]


def irregular(calendar: str, sessions: ArrayLike) -> tuple[Dates, Dates]:
    """What the calendar and the data of one symbol disagree about: (missing, surplus).

    sessions  (N,) dates in any order

    missing: sessions of the calendar between the first and the last date without a row.
    surplus: dates with a row that are no session. Both datetime64[D], ascending. Dates beyond what the
    calendar records are in neither.
    """
    days = ascending(np.asarray(sessions, dtype="datetime64[D]"))
    if not len(days):
        return days, days
    expected = sessions_between(calendar, days[0], days[-1])
    missing = np.setdiff1d(expected, days, assume_unique=True)
    if (span := recorded(calendar)) is not None:
        days = days[(days >= span[0]) & (days <= span[1])]
    return missing, np.setdiff1d(days, expected, assume_unique=True)


def close_of(calendar: str, day: np.datetime64) -> pd.Timestamp | None:
    """When the session `day` ends, in UTC, early closes included; None where `day` is no session."""
    import pandas as pd

    day = day.astype("datetime64[D]")
    if not len(sessions_between(calendar, day, day)):
        return None
    return pd.Timestamp(closes_of(calendar, np.array([day]))[0]).tz_localize("UTC")


def closes_of(calendar: str, days: Dates) -> NDArray[np.datetime64]:
    """When each of the sessions `days` ends, datetime64[m] in UTC; a day that is none counts as one."""
    import pandas as pd

    if calendar in WEEKS:
        return (days + 1).astype("datetime64[m]")
    exchange = _table().exchanges[calendar]
    place = np.maximum(np.searchsorted(exchange.since, days, side="right") - 1, 0)
    local = days.astype("datetime64[m]") + exchange.minutes[place].astype("timedelta64[m]")
    # an hour that comes twice is the later one
    stamps = pd.DatetimeIndex(local.astype("datetime64[s]")).tz_localize(
        exchange.zone, ambiguous=np.zeros(len(days), dtype=bool), nonexistent="shift_forward"
    )
    return stamps.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[m]")


def close_minutes(calendar: str, day: np.datetime64 | None = None) -> int:
    """The minutes after midnight, local time, at which the session `day` ends; None: at which most do now."""
    if calendar in WEEKS:
        return 1440
    exchange = _table().exchanges[calendar]
    if day is not None:
        return int(exchange.minutes[max(int(np.searchsorted(exchange.since, day, side="right")) - 1, 0)])
    recent = _sessions(calendar)[-250:]
    place = np.maximum(np.searchsorted(exchange.since, recent, side="right") - 1, 0)
    return int(np.bincount(np.maximum(exchange.minutes[place], 0)).argmax())


def sessions_of_all(first: np.datetime64, last: np.datetime64) -> Grid:
    """The sessions of every calendar from `first` to `last`, as far as the table reaches."""
    table = _table()
    start, end = np.searchsorted(table.days, first), np.searchsorted(table.days, last, side="right")
    return Grid(
        table.days[start:end],
        (*table.exchanges, *WEEKS),
        table.sessions[:, start:end],
        table.known[:, start:end],
    )


def ascending(days: Dates) -> Dates:
    """Each of the dates once, in order."""
    return days if (days[1:] > days[:-1]).all() else np.unique(days)


@dataclass(frozen=True)
class Grid:
    """The sessions of C calendars over D days.

    days      (D,) every day of a span
    codes     (C,) the calendars
    sessions  (C, D) whether it is a session
    known     (C, D) whether the calendar speaks of it
    """

    days: Dates
    codes: tuple[str, ...]
    sessions: Bools
    known: Bools


@dataclass(frozen=True)
class _Exchange:
    """One calendar of the table.

    row          its row of the grid
    zone         its time zone
    first, last  the first and the last date that it speaks of
    since        (K,) sessions from which on it closes at
    minutes      (K,) these minutes after the midnight that begins the session there
    """

    row: int
    zone: str
    first: np.datetime64
    last: np.datetime64
    since: Dates
    minutes: Integers


@dataclass(frozen=True)
class _Table:
    """All exchanges by their codes, and their other names.

    sessions  (C, D) whether a day is a session, of the exchanges and then of the weeks
    known     (C, D) whether the calendar speaks of the day
    """

    days: Dates
    sessions: Bools
    known: Bools
    exchanges: dict[str, _Exchange]
    aliases: dict[str, str]


@cache
def _table() -> _Table:
    with np.load(TABLE, allow_pickle=False) as file:
        content = {name: file[name] for name in file.files}
    codes, weeks = content["code"].tolist(), content["sessions"]
    # A byte is a week: its highest bit is Monday, its lowest says nothing.
    grid = np.unpackbits(weeks).reshape(*weeks.shape, 8)[..., :7].reshape(len(codes), -1).view(bool)
    days = content["first"] + np.arange(grid.shape[1])
    number, steps, minutes = content["close"]
    place = np.cumsum(steps, dtype=steps.dtype)  # modulo 2**16, as the differences are
    changes = np.searchsorted(number, np.arange(len(codes) + 1))
    found = {}
    for row, (code, zone) in enumerate(zip(codes, content["zone"].tolist(), strict=True)):
        own = slice(changes[row], changes[row + 1])
        first, last = content["recorded"][row]
        found[code] = _Exchange(row, zone, first, last, days[place[own]], minutes[own].astype(np.int64))
    week = weekday(days)
    sessions = np.concatenate([grid, [_mask(name)[week] for name in WEEKS]])
    known = np.ones_like(sessions)
    for exchange in found.values():
        known[exchange.row] = (days >= exchange.first) & (days <= exchange.last)
    return _Table(days, sessions, known, found, dict(content["alias"].tolist()))


@cache
def _sessions(exchange: str) -> Dates:
    table = _table()
    days: Dates = table.days[table.sessions[table.exchanges[exchange].row]]
    days.flags.writeable = False
    return days


def _mask(week: str) -> Bools:
    """(7,) whether a day of the week, Monday first, is a session."""
    return np.array([day == "1" for day in WEEKS[week]])


def weekday(days: Dates) -> NDArray[np.int64]:
    """0 for Monday … 6 for Sunday; 1970-01-01 was a Thursday."""
    return np.asarray((days.astype(np.int64) + 3) % 7)
