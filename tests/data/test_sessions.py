import datetime

import numpy as np
import pandas as pd
import pytest

from gatecast.data.sessions import (
    BY_INDEX,
    BY_SUFFIX,
    calendar_for,
    check_calendar,
    close_of,
    irregular,
    is_usable,
    next_sessions,
    zone_of,
)
from gatecast.errors import DataError, SettingError


def days(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[D]")


@pytest.mark.parametrize(
    ("symbol", "calendar"),
    [
        ("TSLA", "XNYS"),
        ("SP500", "XNYS"),
        ("BRK.B", "XNYS"),
        ("at_t", "XNYS"),
        ("T", "XNYS"),
        ("005930.KS", "XKRX"),
        ("035720.kq", "XKRX"),
        ("samsung_005930_ks", "XKRX"),
        ("^KS11", "XKRX"),
        ("kospi", "XKRX"),
        ("7203.T", "XTKS"),
        ("VOD.L", "XLON"),
        ("SAP.DE", "XETR"),
        ("0700.HK", "XHKG"),
        ("MC.PA", "XPAR"),
        ("BTC-USD", "daily"),
        ("EURUSD=X", "24/5"),
    ],
)
def test_calendar_by_name(symbol, calendar):
    assert calendar_for(symbol) == calendar
    assert check_calendar(calendar) == calendar


def test_regular_weekends_make_data_daily_and_stray_ones_do_not():
    every_day = np.arange("2020-01-01", "2020-03-01", dtype="datetime64[D]")
    weekdays = every_day[np.is_busday(every_day)]
    assert calendar_for("coin", every_day) == "daily"
    assert calendar_for("share", weekdays) == "XNYS"
    assert calendar_for("share", np.append(weekdays, days("2020-01-04", "2020-01-05"))) == "XNYS"


def test_next_sessions_pass_over_weekends_and_holidays():
    expected = days("2026-11-25", "2026-11-27", "2026-11-30")
    np.testing.assert_array_equal(next_sessions("XNYS", "2026-11-24", 3), expected)
    np.testing.assert_array_equal(next_sessions("XNYS", datetime.date(2026, 11, 24), 3), expected)
    np.testing.assert_array_equal(next_sessions("XNYS", pd.Timestamp("2026-11-24"), 3), expected)
    np.testing.assert_array_equal(next_sessions("daily", "2026-02-27", 2), days("2026-02-28", "2026-03-01"))
    assert next_sessions("XNYS", "2026-11-24", 0).shape == (0,)
    assert next_sessions("XNYS", "2026-11-24", 600).shape == (600,)


def test_next_sessions_of_seoul():
    # 2023-09-28 and 09-29 were Chuseok, 10-02 a substitute holiday, 10-03 the day of national foundation.
    np.testing.assert_array_equal(next_sessions("XKRX", "2023-09-27", 1), days("2023-10-04"))


def test_the_end_of_a_calendar_is_said():
    with pytest.raises(DataError, match="XKRX knows only"):
        next_sessions("XKRX", "2050-12-20", 30)


def test_irregular_names_what_is_missing_and_what_is_too_much():
    # 2020-01-20 was Martin Luther King day.
    missing, surplus = irregular("XNYS", days("2020-01-22", "2020-01-16", "2020-01-17", "2020-01-20"))
    np.testing.assert_array_equal(missing, days("2020-01-21"))
    np.testing.assert_array_equal(surplus, days("2020-01-20"))
    assert [len(part) for part in irregular("daily", days("2020-01-01", "2020-01-03"))] == [1, 0]
    assert [len(part) for part in irregular("XNYS", days())] == [0, 0]


def test_dates_before_the_calendar_begins_are_not_judged():
    # exchange_calendars knows Tokyo from 1997.
    missing, surplus = irregular("XTKS", days("1990-01-04", "1990-06-01", "1997-01-06", "1997-01-08"))
    np.testing.assert_array_equal(missing, days("1997-01-07"))
    assert len(surplus) == 0


def test_close_and_zone():
    assert zone_of("XNYS") == "America/New_York"
    assert zone_of("daily") == "UTC"
    assert close_of("XNYS", np.datetime64("2026-11-27")) == pd.Timestamp("2026-11-27 18:00", tz="UTC")
    assert close_of("XNYS", np.datetime64("2026-11-26")) is None
    assert close_of("daily", np.datetime64("2026-11-26")) == pd.Timestamp("2026-11-27", tz="UTC")


def test_unknown_calendar():
    assert check_calendar("NYSE") == "XNYS"
    with pytest.raises(SettingError, match='Did you mean "XKRX"'):
        check_calendar("XKRXX")


def test_a_calendar_that_cannot_be_built_is_refused_or_replaced_by_the_week_that_the_dates_show() -> None:
    with pytest.raises(SettingError, match="cannot build the calendar XTAE here"):
        check_calendar("XTAE")
    sunday_to_thursday = np.array(
        ["2021-01-03", "2021-01-04", "2021-01-05", "2021-01-06", "2021-01-07"], "M8[D]"
    )
    assert calendar_for("TEVA.TA", sunday_to_thursday) == "sunday-thursday"
    assert calendar_for("TEVA.TA", sunday_to_thursday + 1) == "weekdays"
    assert list(next_sessions("sunday-thursday", "2021-01-07", 2)) == list(sunday_to_thursday[:2] + 7)
    missing, surplus = irregular("weekdays", sunday_to_thursday)
    assert not len(missing) and list(surplus) == [np.datetime64("2021-01-03")]


@pytest.mark.parametrize("code", sorted({*BY_SUFFIX.values(), *BY_INDEX.values(), "24/5"}))
def test_what_a_name_tells_works_in_every_year(code: str) -> None:
    """Dates beyond what a calendar records have no session, and no close; nothing fails."""
    if not is_usable(code):
        pytest.skip("exchange_calendars cannot build it")
    for day in np.array(["1950-06-05", "2049-06-07"], "M8[D]"):
        closes = close_of(code, day)
        assert closes is None or closes.tz is not None
