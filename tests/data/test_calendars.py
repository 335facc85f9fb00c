"""Sessions and closes, and the table that they come from."""

import datetime
import warnings
from importlib.metadata import version

import numpy as np
import pandas as pd
import pytest

from gatecast.data.calendars import (
    TABLE,
    check_calendar,
    close_of,
    exchanges,
    irregular,
    next_sessions,
    recorded,
    sessions_between,
    weekday,
    zone_of,
)
from gatecast.errors import DataError, SettingError

# What exchange_calendars 4.13 cannot build under pandas 3, and where it loses Saturdays and Sundays then.
NOT_BUILT = {"XTAE", "XBEL", "ASEX", "XBSE", "XCYS"}
NO_WEEKENDS = {"XKRX", "XBOM", "XMOS"}


def days(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[D]")


def test_next_sessions_pass_over_weekends_and_holidays():
    expected = days("2026-11-25", "2026-11-27", "2026-11-30")
    np.testing.assert_array_equal(next_sessions("XNYS", "2026-11-24", 3), expected)
    np.testing.assert_array_equal(next_sessions("XNYS", datetime.date(2026, 11, 24), 3), expected)
    np.testing.assert_array_equal(next_sessions("XNYS", pd.Timestamp("2026-11-24"), 3), expected)
    np.testing.assert_array_equal(next_sessions("24/7", "2026-02-27", 2), days("2026-02-28", "2026-03-01"))
    assert next_sessions("XNYS", "2026-11-24", 0).shape == (0,)
    assert next_sessions("XNYS", "2026-11-24", 600).shape == (600,)


def test_next_sessions_of_seoul():
    # 2023-09-28 and 09-29 were Chuseok, 10-02 a substitute holiday, 10-03 the day of national foundation.
    np.testing.assert_array_equal(next_sessions("XKRX", "2023-09-27", 1), days("2023-10-04"))


def test_the_end_of_a_calendar_is_said():
    with pytest.raises(DataError, match=r'XKRX knows only.*recorded to 20.*calendar="weekdays"'):
        next_sessions("XKRX", "2050-12-20", 30)


@pytest.mark.parametrize(
    ("week", "expected"),
    [
        ("weekdays", "MTWTF  "),
        ("24/5", "MTWTF  "),
        ("24/7", "MTWTFSS"),
        ("sunday-thursday", "MTWT  S"),
        ("sunday-friday", "MTWTF S"),
        ("saturday-wednesday", "MTW  SS"),
        ("monday-saturday", "MTWTFS "),
    ],
)
def test_weeks(week, expected):
    there = set(sessions_between(week, "2021-03-01", "2021-03-07").tolist())
    monday = datetime.date(2021, 3, 1)
    week = [name if monday + datetime.timedelta(n) in there else " " for n, name in enumerate("MTWTFSS")]
    assert "".join(week) == expected


def test_irregular_names_what_is_missing_and_what_is_too_much():
    # 2020-01-20 was Martin Luther King day.
    missing, surplus = irregular("XNYS", days("2020-01-22", "2020-01-16", "2020-01-17", "2020-01-20"))
    np.testing.assert_array_equal(missing, days("2020-01-21"))
    np.testing.assert_array_equal(surplus, days("2020-01-20"))
    assert [len(part) for part in irregular("24/7", days("2020-01-01", "2020-01-03"))] == [1, 0]
    assert [len(part) for part in irregular("XNYS", days())] == [0, 0]


def test_dates_before_the_calendar_begins_are_not_judged():
    # Tokyo is recorded from 1997.
    missing, surplus = irregular("XTKS", days("1990-01-04", "1990-06-01", "1997-01-06", "1997-01-08"))
    np.testing.assert_array_equal(missing, days("1997-01-07"))
    assert len(surplus) == 0


@pytest.mark.parametrize(
    ("calendar", "day", "close"),
    [
        ("XNYS", "2026-11-25", "2026-11-25 21:00"),
        ("XNYS", "2026-11-27", "2026-11-27 18:00"),  # the day after Thanksgiving
        ("XNYS", "2026-11-26", None),
        ("XKRX", "2016-07-29", "2016-07-29 06:00"),
        ("XKRX", "2016-08-01", "2016-08-01 06:30"),
        ("24/7", "2026-11-26", "2026-11-27 00:00"),
        ("XTKS", "1990-01-05", None),
        ("XNYS", "2060-01-05", None),
    ],
)
def test_when_a_session_closes(calendar, day, close):
    expected = None if close is None else pd.Timestamp(close, tz="UTC")
    assert close_of(calendar, np.datetime64(day)) == expected


def test_zones():
    assert (zone_of("XNYS"), zone_of("24/7")) == ("America/New_York", "UTC")


@pytest.mark.parametrize(
    ("name", "code"), [("NYSE", "XNYS"), ("XNAS", "XNYS"), ("daily", "24/7"), ("weekdays", "weekdays")]
)
def test_other_names_of_calendars(name, code):
    assert check_calendar(name) == code


def test_unknown_calendar():
    with pytest.raises(SettingError, match='Did you mean "XKRX"'):
        check_calendar("XKRXX")


def test_saturdays_of_seoul_and_mumbai():
    assert [len(sessions_between("XKRX", day, day)) for day in days("1998-12-05", "1998-12-12")] == [1, 0]
    assert len(sessions_between("XBOM", "2024-01-20", "2024-01-20")) == 1  # a special session


def test_what_is_known_of_tel_aviv():
    assert list(next_sessions("XTAE", "2021-03-25", 3)) == list(
        days("2021-03-29", "2021-03-30", "2021-03-31")
    )


def test_the_table_needs_no_pickle_and_is_small():
    assert TABLE.stat().st_size < 25_000
    with np.load(TABLE, allow_pickle=False) as table:
        assert not any(table[name].dtype.hasobject for name in table.files)


@pytest.mark.parametrize(
    "code",
    ["XNYS", "XTKS", "XSAU", pytest.param("XKRX", marks=pytest.mark.slow)]
    + [
        pytest.param(code, marks=[pytest.mark.slow, pytest.mark.full])
        for code in exchanges()
        if code not in ("XNYS", "XTKS", "XSAU", "XKRX")
    ],
)
def test_the_table_is_what_exchange_calendars_says(code):
    ec = pytest.importorskip("exchange_calendars")
    with np.load(TABLE) as table:
        made_by = str(table["source"][0])
    if made_by != f"exchange_calendars {version('exchange_calendars')}":
        pytest.skip(f"the table is of {made_by}: make it again (benchmarks/calendars.py)")
    first, last = map(str, recorded(code))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            calendar = ec.get_calendar(code, start=first, end=last)
        except (ValueError, NotImplementedError):
            assert code in NOT_BUILT
            pytest.skip("exchange_calendars cannot build it under this pandas")
    sessions = calendar.sessions.to_numpy().astype("datetime64[D]")
    ours = sessions_between(code, first, last)
    if code in NO_WEEKENDS and len(sessions) < len(ours):
        ours = ours[weekday(ours) < 5]
    np.testing.assert_array_equal(ours, sessions)
    assert str(calendar.tz) == zone_of(code)
    for place in np.unique(np.linspace(0, len(sessions) - 1, 200).astype(int)):
        assert close_of(code, sessions[place]) == calendar.closes.iloc[place]


def test_other_names_are_those_of_exchange_calendars():
    ec = pytest.importorskip("exchange_calendars")
    for name in ec.get_calendar_names(include_aliases=True):
        assert check_calendar(name) == ec.resolve_alias(name)
