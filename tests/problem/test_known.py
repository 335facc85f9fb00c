import numpy as np
import pandas as pd
import pytest

from gatecast.errors import SettingError
from gatecast.problem.known import WEEKDAYS, calendar_inputs
from gatecast.settings.experiment import KNOWN_INPUTS


def days(*texts):
    return np.array(texts, dtype="datetime64[D]")


def test_the_day_of_the_week_is_one_column_each():
    week = calendar_inputs("weekday", np.arange("2024-01-01", "2024-01-08", dtype="datetime64[D]"), "24/7")
    assert list(week) == [f"weekday_{day}" for day in WEEKDAYS]
    np.testing.assert_array_equal(np.column_stack(list(week.values())), np.eye(7))


def test_months_lie_on_a_circle():
    year = calendar_inputs("month", days("2023-01-05", "2023-04-28", "2023-07-03", "2024-01-31"), "XNYS")
    np.testing.assert_allclose(year["month_sin"], [0, 1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(year["month_cos"], [1, 0, -1, 1], atol=1e-12)


def test_days_to_month_end_are_those_of_pandas():
    dates = pd.date_range("2023-11-01", "2024-03-05")
    expected = (dates + pd.offsets.MonthEnd(0) - dates).days
    found = calendar_inputs("days_to_month_end", dates.to_numpy().astype("datetime64[D]"), "XNYS")
    np.testing.assert_array_equal(found["days_to_month_end"], expected)


def test_days_to_the_third_friday_are_those_of_pandas():
    dates = pd.date_range("2023-11-01", "2024-03-20")
    fridays = pd.date_range("2023-11-01", "2024-05-01", freq="WOM-3FRI")
    expected = [(fridays[fridays >= date][0] - date).days for date in dates]
    found = calendar_inputs("days_to_third_friday", dates.to_numpy().astype("datetime64[D]"), "XNYS")
    np.testing.assert_array_equal(found["days_to_third_friday"], expected)


def test_sessions_beside_new_years_day_and_martin_luther_king_day():
    """XNYS was closed on 2023-12-25, 2024-01-01 and 2024-01-15, and at no other weekday in between."""
    dates = days("2023-12-22", "2023-12-26", "2023-12-29", "2024-01-02", "2024-01-10", "2024-01-12")
    since = calendar_inputs("sessions_since_holiday", dates, "XNYS")["sessions_since_holiday"]
    until = calendar_inputs("sessions_until_holiday", dates, "XNYS")["sessions_until_holiday"]
    np.testing.assert_array_equal(since, [10, 1, 4, 1, 7, 9])
    np.testing.assert_array_equal(until, [1, 4, 1, 9, 3, 1])


def test_a_weekend_is_no_holiday_nor_is_a_change_of_the_week():
    """Riyadh traded from Saturday to Wednesday until June 2013, and from Sunday to Thursday since."""
    dates = np.arange("2013-06-02", "2013-07-04", dtype="datetime64[D]")
    until = calendar_inputs("sessions_until_holiday", dates, "XSAU")["sessions_until_holiday"]
    assert until.min() > 1


@pytest.mark.parametrize("name", KNOWN_INPUTS)
def test_a_day_that_is_not_known_has_no_value(name):
    for values in calendar_inputs(name, days("2024-01-02", "NaT"), "XNYS").values():
        assert np.isfinite(values[0])
        assert np.isnan(values[1])


@pytest.mark.parametrize("name", ["sessions_since_holiday", "sessions_until_holiday"])
def test_a_week_has_no_holidays(name):
    with pytest.raises(SettingError, match='the calendar "24/7" is a week without holidays'):
        calendar_inputs(name, days("2024-01-02"), "24/7")
