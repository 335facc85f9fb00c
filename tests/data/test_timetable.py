from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gatecast.data.calendars import next_sessions, sessions_between
from gatecast.data.timetable import Timetable, timetable_of
from gatecast.errors import DataError
from gatecast.settings.frequency import position_of, time_at


def days(freq: str, periods: int = 60, start: str = "2016-01-01") -> np.ndarray:
    return pd.date_range(start, periods=periods, freq=freq).to_numpy().astype("datetime64[D]")


def hours(first: str, last: str, minutes: int = 60) -> np.ndarray:
    step = np.timedelta64(60 * minutes, "s")
    return np.arange(np.datetime64(first, "s"), np.datetime64(last, "s"), step)


@pytest.mark.parametrize(
    ("freq", "frequency", "dated", "ahead"),
    [
        ("W-MON", "1w", "Monday", ["2017-02-27", "2017-03-06"]),
        ("W-FRI", "1w", "Friday", ["2017-02-24", "2017-03-03"]),
        ("W-SUN", "1w", "Sunday", ["2017-02-26", "2017-03-05"]),
        ("MS", "1mo", "first day", ["2021-01-01", "2021-02-01"]),
        ("ME", "1mo", "last day", ["2021-01-31", "2021-02-28"]),
        ("BME", "1mo", "last session", ["2021-01-29", "2021-02-26"]),
        ("BMS", "1mo", "first session", ["2021-01-01", "2021-02-01"]),
        ("QS", "1q", "first day", ["2031-01-01", "2031-04-01"]),
        ("QE", "1q", "last day", ["2031-03-31", "2031-06-30"]),
        ("YE", "1y", "last day", ["2076-12-31", "2077-12-31"]),
    ],
)
def test_longer_bars_go_on_by_the_rule_that_dates_them(freq, frequency, dated, ahead) -> None:
    dates = days(freq)
    timetable = timetable_of(dates, frequency, "weekdays")
    assert timetable.dated == dated
    assert timetable.rule == f"dated by its {dated}"
    assert timetable.after(dates[-1], 2).astype(str).tolist() == ahead
    assert timetable.missing(np.delete(dates, [3, 4])).tolist() == dates[3:5].tolist()
    assert not len(timetable.missing(dates))


def test_the_fifteenth_of_a_short_month_is_its_last_day() -> None:
    timetable = Timetable("1mo", "weekdays", "day 30")
    dates = timetable.after(np.datetime64("2021-01-30"), 3).astype(str)
    assert dates.tolist() == ["2021-02-28", "2021-03-30", "2021-04-30"]
    assert timetable.rule == "dated by day 30"
    mid = days("MS") + 14
    assert timetable_of(mid, "1mo", "XNYS").dated == "day 15"


def test_a_week_without_a_session_has_no_bar() -> None:
    """Seoul was closed from October 2 to 6, 2017."""
    sessions = sessions_between("XKRX", "2016-01-04", "2017-12-29")
    week = sessions - (sessions.astype(np.int64) + 3) % 7
    last = sessions[np.append(np.diff(week).astype(int) > 0, True)]
    timetable = timetable_of(last, "1w", "XKRX")
    assert timetable.dated == "last session"
    assert not len(timetable.missing(last))
    assert timetable.after(np.datetime64("2017-09-29"), 2).astype(str).tolist() == [
        "2017-10-13",
        "2017-10-20",
    ]


def test_days_are_the_sessions_of_the_calendar() -> None:
    last = np.datetime64("2021-07-02")
    np.testing.assert_array_equal(Timetable("1d", "XNYS").after(last, 5), next_sessions("XNYS", last, 5))


def test_numbers_go_on() -> None:
    times = time_at(np.arange(1, 31))
    timetable = timetable_of(times, "index", "weekdays")
    assert position_of(timetable.after(times[-1], 3)).tolist() == [31, 32, 33]
    assert not len(timetable.missing(time_at(np.array([1, 5, 9]))))


def test_bars_around_the_clock_follow_each_other() -> None:
    times = hours("2021-01-01", "2021-02-01")
    timetable = timetable_of(times, "1h", "24/7")
    assert timetable.minutes == ()
    assert timetable.after(times[-1], 2).astype(str).tolist() == [
        "2021-02-01T00:00:00",
        "2021-02-01T01:00:00",
    ]
    assert timetable.missing(np.delete(times, np.arange(24, 48))).tolist() == times[24:48].tolist()


def of_sessions(begin: int, end: int, step: int, pause: tuple[int, int] = (0, 0), calendar="XNYS"):
    sessions = sessions_between(calendar, "2023-09-01", "2023-11-22")
    minutes = np.array([m for m in range(begin, end, step) if not pause[0] <= m < pause[1]])
    return (sessions.astype("datetime64[m]")[:, None] + minutes).ravel().astype("datetime64[s]")


def test_bars_of_an_exchange_lie_within_its_sessions_and_end_with_them() -> None:
    """The day after Thanksgiving is half a session: it ends at 13:00."""
    times = of_sessions(570, 960, 5)
    timetable = timetable_of(times, "5min", "XNYS")
    ahead = timetable.after(times[-1], 80).astype(str)
    assert [ahead[place] for place in (0, 41, 42)] == [
        "2023-11-24T09:30:00", "2023-11-24T12:55:00", "2023-11-27T09:30:00",
    ]  # fmt: skip
    assert timetable.ends(times[-1:]).astype(str).tolist() == ["2023-11-22T16:00:00"]
    half = np.append(times, ahead[:42].astype("datetime64[s]"))
    assert not len(timetable.missing(np.append(half, np.datetime64("2023-11-27T09:30:00", "s"))))


def test_bars_dated_by_their_ends_are_known_then() -> None:
    times = of_sessions(575, 961, 5)
    timetable = timetable_of(times, "5min", "XNYS")
    assert timetable.ends(times[-1:]).astype(str).tolist() == ["2023-11-22T16:00:00"]
    ahead = timetable.after(times[-1], 43).astype(str)
    assert [ahead[place] for place in (0, 41, 42)] == [
        "2023-11-24T09:35:00", "2023-11-24T13:00:00", "2023-11-27T09:35:00",
    ]  # fmt: skip


def test_a_pause_at_noon_stays_one() -> None:
    times = of_sessions(540, 900, 60, pause=(660, 720), calendar="XTKS")
    timetable = timetable_of(times, "1h", "XTKS")
    ahead = timetable.after(np.datetime64("2023-11-24T10:00", "s"), 3).astype(str)
    assert ahead.tolist() == ["2023-11-24T12:00:00", "2023-11-24T13:00:00", "2023-11-24T14:00:00"]


def test_a_week_of_currencies_pauses_from_friday_to_sunday() -> None:
    times = hours("2021-01-01", "2021-03-01")
    weekday = (times.astype("datetime64[D]").astype(int) + 3) % 7
    hour = times.astype("datetime64[h]").astype(int) % 24
    open_ = ~((weekday == 5) | ((weekday == 4) & (hour >= 22)) | ((weekday == 6) & (hour < 22)))
    times = times[open_]
    timetable = timetable_of(times, "1h", "sunday-friday")
    ahead = timetable.after(np.datetime64("2021-02-26T21:00", "s"), 2).astype(str)
    assert ahead.tolist() == ["2021-02-28T22:00:00", "2021-02-28T23:00:00"]
    assert not len(timetable.missing(times))


@pytest.mark.parametrize(
    ("timetable", "time", "end"),
    [
        (Timetable("1h", "24/7"), "2021-03-01T10", "2021-03-01T11:00:00"),
        (Timetable("1w", "weekdays", "Monday"), "2021-03-01", "2021-03-08T00:00:00"),
        (Timetable("1w", "weekdays", "Friday"), "2021-03-05", "2021-03-06T00:00:00"),
        (Timetable("1mo", "weekdays", "first day"), "2021-03-01", "2021-04-01T00:00:00"),
        (Timetable("1q", "weekdays", "first session"), "2021-01-04", "2021-04-01T00:00:00"),
        (Timetable("1mo", "weekdays", "last day"), "2021-03-31", "2021-04-01T00:00:00"),
    ],
)
def test_a_bar_is_known_only_at_its_end(timetable, time, end) -> None:
    assert timetable.ends(np.array([time], "datetime64[s]")).astype(str).tolist() == [end]


def test_a_calendar_that_is_not_recorded_as_far_is_named() -> None:
    with pytest.raises(DataError, match="the calendar XNYS knows only 0 bars after 2199-01-01"):
        Timetable("1h", "XNYS", minutes=(600, 660)).after(np.datetime64("2199-01-01", "s"), 1)
