"""Trading sessions: which calendar a symbol follows, and which dates are sessions in it.

A calendar is a code of `exchange_calendars` ("XNYS", "XKRX", …) or a week: "daily" (every day, for what
trades on weekends as well), "weekdays" (Monday to Friday) or "sunday-thursday". Calendars only name dates; a
row of the data is a session in any case.
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatecast._typing import Dates
from gatecast.errors import DataError, SettingError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd


DAILY = "daily"
WEEKS = {DAILY: "1111111", "weekdays": "1111100", "sunday-thursday": "1111001"}  # Monday first
DEFAULT = "XNYS"

BY_SUFFIX = {
    "KS": "XKRX", "KQ": "XKRX", "T": "XTKS", "HK": "XHKG", "SS": "XSHG", "SZ": "XSHG", "TW": "XTAI",
    "BO": "XBOM", "NS": "XBOM", "SI": "XSES", "AX": "XASX", "NZ": "XNZE", "L": "XLON", "DE": "XETR",
    "F": "XFRA", "PA": "XPAR", "AS": "XAMS", "BR": "XBRU", "MI": "XMIL", "MC": "XMAD", "LS": "XLIS",
    "SW": "XSWX", "VI": "XWBO", "ST": "XSTO", "HE": "XHEL", "CO": "XCSE", "OL": "XOSL", "IR": "XDUB",
    "WA": "XWAR", "IS": "XIST", "TA": "XTAE", "JO": "XJSE", "TO": "XTSE", "MX": "XMEX", "SA": "BVMF",
}  # fmt: skip
BY_INDEX = {
    "^KS11": "XKRX", "^KQ11": "XKRX", "^KS200": "XKRX", "^N225": "XTKS", "^HSI": "XHKG", "^TWII": "XTAI",
    "^BSESN": "XBOM", "^NSEI": "XBOM", "^AXJO": "XASX", "^FTSE": "XLON", "^GDAXI": "XETR", "^FCHI": "XPAR",
    "^AEX": "XAMS", "^SSMI": "XSWX", "^GSPTSE": "XTSE", "^BVSP": "BVMF", "000001.SS": "XSHG",
}  # fmt: skip

# Dates of the week in these shares of the rows make data with weekends; in daily data each has 1/7 = 14 %.
WEEKEND_SHARE = 0.05
SATURDAY, SUNDAY = 5, 6


def calendar_for(symbol: str, sessions: ArrayLike = ()) -> str:
    """The calendar that `symbol` follows, guessed from its name and its dates.

    symbol    as on Yahoo ("005930.KS", "^KS11"), or the stem of a file ("samsung_005930_ks", "kospi")
    sessions  its dates (any number); "daily" where Saturdays and Sundays are both there regularly

    "XNYS" where nothing says otherwise.
    """
    if _has_weekends(_days(sessions)):
        return DAILY
    exchange = named_exchange(symbol) or DEFAULT
    return exchange if is_usable(exchange) else week_of(sessions)


def named_exchange(symbol: str) -> str | None:
    """The calendar that the name of a symbol tells; None where it tells none."""
    name = symbol.strip().upper()
    if name in BY_INDEX:
        return BY_INDEX[name]
    if "KOSPI" in name or "KOSDAQ" in name or re.search(r"_K[SQ]$", name):
        return "XKRX"
    if name.endswith("-USD"):
        return DAILY
    if name.endswith("=X"):
        return "24/5"
    stem, dot, suffix = name.rpartition(".")
    return BY_SUFFIX.get(suffix) if dot and stem else None


def week_of(sessions: ArrayLike) -> str:
    """The week that dates show: "daily", "sunday-thursday" or "weekdays"."""
    days = _days(sessions)
    if _has_weekends(days):
        return DAILY
    sundays = len(days) and (_weekday(days) == SUNDAY).mean() > WEEKEND_SHARE
    return "sunday-thursday" if sundays else "weekdays"


@lru_cache(maxsize=256)
def is_usable(calendar: str) -> bool:
    """Whether exchange_calendars can build this calendar at all; a few it cannot."""
    if calendar in WEEKS:
        return True
    try:
        _calendar(calendar, *_decades(2020, 2020))
    except Exception:  # whatever goes wrong in there
        return False
    return True


def check_calendar(calendar: str) -> str:
    """`calendar` itself when it is known, by its canonical code ("NYSE" → "XNYS"); else SettingError."""
    if calendar in WEEKS:
        return calendar
    import exchange_calendars

    known = exchange_calendars.get_calendar_names(include_aliases=True)
    if calendar not in known:
        raise SettingError(
            f'There is no calendar "{calendar}".{did_you_mean(calendar, [*WEEKS, *known])} '
            f'Use a code of exchange_calendars, such as "XNYS", or a week: {", ".join(WEEKS)}.'
        )
    code = str(exchange_calendars.resolve_alias(calendar))
    if not is_usable(code):
        raise SettingError(
            f"exchange_calendars cannot build the calendar {code} here. "
            f"Use another, or a week: {', '.join(WEEKS)}."
        )
    return code


def next_sessions(calendar: str, last: object, n: int) -> Dates:
    """The next `n` sessions after the date `last`: datetime64[D] of shape (n,)."""
    after = np.datetime64(last, "D")  # type: ignore[call-overload]
    # No exchange is closed for more than a few weeks: three days for every two sessions, and two months.
    days = sessions_between(calendar, after + 1, after + 61 + n * 3 // 2)
    if len(days) < n:
        raise DataError(
            f"the calendar {calendar} knows only {len(days)} sessions after {after}, not {n}",
            remedy=f'Forecast fewer sessions, or give calendar="{DAILY}"',
        )
    return days[:n]


def irregular(calendar: str, sessions: ArrayLike) -> tuple[Dates, Dates]:
    """What the calendar and the data of one symbol disagree about: (missing, surplus).

    sessions  (N,) dates in any order

    missing: sessions of the calendar between the first and the last date without a row.
    surplus: dates with a row that are no session. Both datetime64[D], ascending.
    """
    days = np.unique(_days(sessions))
    if not len(days):
        return days, days
    expected = sessions_between(calendar, days[0], days[-1])
    return np.setdiff1d(expected, days), np.setdiff1d(days[_in_recorded_years(calendar, days)], expected)


def sessions_between(calendar: str, first: object, last: object) -> Dates:
    """All sessions from `first` to `last`, both inclusive: datetime64[D], ascending.

    Dates beyond what the calendar records (XTKS: before 1997) give none.
    """
    start, end = np.datetime64(first, "D"), np.datetime64(last, "D")  # type: ignore[call-overload]
    if calendar in WEEKS:
        days = np.arange(start, end + 1)
        return days[np.array([day == "1" for day in WEEKS[calendar]])[_weekday(days)]]
    days = _recorded(calendar, _year(start), _year(end))
    return days[np.searchsorted(days, start) : np.searchsorted(days, end, side="right")]


def zone_of(calendar: str) -> str:
    """The time zone of the exchange ("America/New_York"); UTC for a week."""
    if calendar in WEEKS:
        return "UTC"
    return str(_calendar(calendar, *_decades(2020, 2020)).tz)


def close_of(calendar: str, day: np.datetime64) -> pd.Timestamp | None:
    """When the session `day` ends, in UTC; None where `day` is no session."""
    import pandas as pd

    if not len(sessions_between(calendar, day, day)):
        return None
    if calendar in WEEKS:
        return pd.Timestamp(day + 1).tz_localize("UTC")
    close: pd.Timestamp = _calendar(calendar, *_decades(_year(day), _year(day))).session_close(
        pd.Timestamp(day)
    )
    return close


def _recorded(calendar: str, first_year: int, last_year: int) -> Dates:
    """All sessions of the decades that hold these years, as far as the calendar records them."""
    return _sessions(calendar, *_decades(first_year, last_year))


def _decades(first_year: int, last_year: int) -> tuple[int, int]:
    """Whole decades, so that few calendars are built: that of Seoul takes more than a second."""
    return first_year // 10 * 10, last_year // 10 * 10 + 9


@lru_cache(maxsize=64)
def _sessions(calendar: str, first_year: int, last_year: int) -> Dates:
    days: Dates = _calendar(calendar, first_year, last_year).sessions.to_numpy().astype("datetime64[D]")
    days.flags.writeable = False
    return days


@lru_cache(maxsize=64)
def _calendar(calendar: str, first_year: int, last_year: int) -> Any:
    import exchange_calendars

    with warnings.catch_warnings():
        # exchange_calendars 4.13 uses two things that pandas 3.1 deprecates; we can do nothing about it.
        for deprecated in ("Series.values returning an ndarray that drops", "DatetimeIndex.weekday is"):
            warnings.filterwarnings("ignore", message=deprecated, category=DeprecationWarning)
        span = f"{first_year}-01-01", f"{last_year}-12-31"
        try:
            return exchange_calendars.get_calendar(calendar, start=span[0], end=span[1])
        except ValueError:
            # The dates reach beyond those it records.
            default = exchange_calendars.get_calendar(calendar)
        earliest, latest = default.bound_min(), default.bound_max()
        start = span[0] if earliest is None else max(span[0], str(earliest.date()))
        end = span[1] if latest is None else min(span[1], str(latest.date()))
        return exchange_calendars.get_calendar(calendar, start=start, end=end) if start < end else default


def _in_recorded_years(calendar: str, days: Dates) -> NDArray[np.bool_]:
    if calendar in WEEKS:
        return np.ones(len(days), dtype=bool)
    years = days.astype("datetime64[Y]")
    recorded = _recorded(calendar, _year(days[0]), _year(days[-1])).astype("datetime64[Y]")
    return np.asarray((years >= recorded[0]) & (years <= recorded[-1]))


def _year(day: np.datetime64) -> int:
    return int(day.astype("datetime64[Y]").astype(np.int64)) + 1970


def _days(dates: ArrayLike) -> Dates:
    return np.asarray(dates, dtype="datetime64[D]")


def _has_weekends(days: Dates) -> bool:
    if not len(days):
        return False
    weekday = _weekday(days)
    return bool(min((weekday == SATURDAY).mean(), (weekday == SUNDAY).mean()) > WEEKEND_SHARE)


def _weekday(days: Dates) -> NDArray[np.int64]:
    """0 for Monday … 6 for Sunday; 1970-01-01 was a Thursday."""
    return np.asarray((days.astype(np.int64) + 3) % 7)
