import numpy as np
import pandas as pd
import pytest

from gatecast.data.tables import tidy
from gatecast.errors import DataError
from gatecast.settings.reading import Reading

NIGHT = pd.Timestamp("2026-11-20 03:00", tz="UTC")


def read(frame, now=None, **reading):
    return tidy(
        pd.DataFrame(frame), source="f.csv", symbol="stem", reading=Reading(**reading), now=now
    ).usable()


def refused(frame, words, **options):
    with pytest.raises(DataError, match=words) as caught:
        read(frame, **options)
    return caught.value


def test_dates_and_closes_are_enough():
    part = read({"date": ["2020-01-02", "2020-01-03"], "close": [1, 2]})
    assert list(part.table.columns) == ["symbol", "session", "close"]
    assert list(part.table["symbol"]) == ["stem", "stem"]
    assert part.table["close"].dtype == "float64"
    assert part.table["session"].dtype == "datetime64[ns]"
    assert part.calendar == {"stem": "XNYS"}
    assert part.oddities == ()


def test_a_long_table_is_sorted_by_symbol_and_session():
    part = read(
        {
            "date": ["2020-01-02", "2020-01-02", "2020-01-03", "2020-01-03"],
            "ticker": ["B", "A", "B", "A"],
            "close": [1, 2, 3, 4],
        }
    )
    assert list(part.table["symbol"]) == ["A", "A", "B", "B"]
    assert list(part.table["close"]) == [2, 4, 1, 3]
    assert part.oddities == ()


def test_newest_first_is_sorted_and_said():
    part = read({"date": ["2020-01-06", "2020-01-03", "2020-01-02"], "close": [3, 2, 1]})
    assert list(part.table["close"]) == [1, 2, 3]
    (oddity,) = part.oddities
    assert (oddity.kind, oddity.count) == ("unsorted", 3)
    assert "newest to the oldest" in oddity.text


@pytest.mark.parametrize("value", ["abc", 0.0, float("inf"), "-1e31", "1e999"])
def test_a_close_that_is_no_price(value):
    error = refused(
        {"date": ["2020-01-02", "2020-01-03"], "Close": [1.0, value]},
        "f.csv: (not a number|the close is (0, far from|too large or too small)).*row 2, column Close, value",
    )
    assert error.row == 2


def test_an_empty_close_beside_other_prices():
    days, opens = ["2020-01-02", "2020-01-03", "2020-01-06"], [1.0, 2.0, 3.0]
    error = refused({"date": days, "open": opens, "close": [1.0, None, 3.0]}, "the close is empty")
    assert error.row == 2


def test_no_close_no_dates_no_rows():
    refused({"date": ["2020-01-02"], "closee": [1], "b": [1]}, 'no close column. Did you mean "closee"')
    refused({"date": ["2020-01-02"], "open": [1]}, "no close column.*columns are: date, open")
    refused({"close": [1]}, "no column of dates.*columns are: close")
    refused({"date": [], "close": []}, "no rows")


def test_bars_within_a_day_of_no_regular_length_are_refused():
    times = [f"2020-01-02 09:{time}" for time in ("30:00", "30:07", "31:31", "32:59")]
    refused({"date": times, "close": [1, 2, 3, 4]}, "several times on one date.*Make bars of them first")


def test_a_time_of_day_that_differs_is_no_intraday():
    part = read({"date": ["2020-01-02 00:00", "2020-01-03 16:00"], "close": [1, 2]})
    assert [str(day.date()) for day in part.table["session"]] == ["2020-01-02", "2020-01-03"]


def test_a_date_that_is_none_of_prices():
    refused({"date": np.array(["1066-10-14"], "datetime64[s]"), "close": [1]}, "not a date of prices.*1066")


@pytest.mark.parametrize(
    ("now", "rows"),
    [
        ("2026-11-20 20:59", 1),
        ("2026-11-20 21:00", 2),
        ("2026-11-21 12:00", 2),
        ("2026-11-20 05:00", 1),
    ],
)
def test_a_session_still_open_is_left_out(now, rows):
    frame = {"date": ["2026-11-19", "2026-11-20"], "close": [1, 2]}
    part = read(frame, now=pd.Timestamp(now, tz="UTC"))
    assert len(part.table) == rows
    assert [oddity.kind for oddity in part.oddities] == ["open-session"] * (2 - rows)


def test_open_sessions_are_those_of_each_exchange():
    # Seoul has closed at 03:00 in New York, and is about to open on the next day.
    days = ["2026-11-19", "2026-11-20"]
    frame = {"date": days * 2, "symbol": ["005930.KS"] * 2 + ["TSLA"] * 2, "close": [1, 2, 3, 4]}
    part = read(frame, now=pd.Timestamp("2026-11-20 08:00", tz="UTC"))
    assert list(part.table["symbol"]) == ["005930.KS", "005930.KS", "TSLA"]
    assert part.oddities[0].rows == ("TSLA 2026-11-20: close 4",)
    assert part.oddities[0].count == 1


def test_an_open_session_may_have_no_close_yet():
    part = read({"date": ["2026-11-19", "2026-11-20"], "close": [1, None]}, now=NIGHT + pd.Timedelta("12h"))
    assert list(part.table["close"]) == [1]


def test_only_an_open_session_is_no_row():
    refused({"date": ["2026-11-20"], "close": [1]}, "no rows", now=NIGHT + pd.Timedelta("12h"))


def test_calendars_can_be_given():
    frame = {"date": ["2020-01-02"] * 2, "symbol": ["A", "B"], "close": [1, 2]}
    assert read(frame, calendar="XKRX").calendar == {"A": "XKRX", "B": "XKRX"}
    assert read(frame, calendar={"B": "daily"}).calendar == {"A": "XNYS", "B": "24/7"}
