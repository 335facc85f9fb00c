"""The dates of stamps in UTC, and what stamps say of where the exchange is."""

import numpy as np
import pandas as pd
import pytest

from gatecast.data.calendars import sessions_between, zone_of
from gatecast.data.place import Place
from gatecast.data.zones import localised
from gatecast.errors import DataError, SettingError
from gatecast.settings.reading import Reading


def stamps(
    code: str, clock: str, form: str, first: str = "2021-02-01", last: str = "2021-04-30"
) -> list[str]:
    """The sessions of an exchange at this time there, written in UTC ("Z") or with their offset ("%z")."""
    there = pd.DatetimeIndex(sessions_between(code, first, last)) + pd.Timedelta(f"{clock}:00")
    there = there.tz_localize(zone_of(code))
    return list((there if "%z" in form else there.tz_convert("UTC")).strftime(f"%Y-%m-%d %H:%M{form}"))


def read(values, symbol="prices", **reading):
    column = pd.Series(values, name="date")
    place = Place("prices.csv", {"date": "Date"}, np.arange(1, len(column) + 1))
    return localised(column, place, np.zeros(len(column), int), (symbol,), Reading(**reading))


def days(local) -> list[str]:
    return [str(day) for day in local.moments.astype("datetime64[D]")]


def sessions(code: str) -> list[str]:
    return [str(day) for day in sessions_between(code, "2021-02-01", "2021-04-30")]


@pytest.mark.parametrize(
    ("code", "clock", "symbol", "reading"),
    [
        ("XKRX", "00:00", "005930.KS", {}),  # known by the name
        ("XKRX", "15:30", "005930.KS", {}),
        ("XKRX", "00:00", "prices", {"calendar": "XKRX"}),
        ("XKRX", "00:00", "prices", {"calendar": {"prices": "XKRX"}}),
        ("XKRX", "00:00", "prices", {"timezone": "Asia/Seoul"}),
        ("XKRX", "07:00", "prices", {"timezone": "Asia/Seoul"}),
        ("XKRX", "00:00", "prices", {}),  # known by the midnights
        ("XTKS", "00:00", "prices", {}),
        ("XASX", "00:00", "prices", {}),  # the offset changes in April
        ("XETR", "00:00", "prices", {}),
        ("XNYS", "00:00", "prices", {}),
        ("XTAE", "00:00", "prices", {}),
        ("XNYS", "16:00", "prices", {}),  # the same date in UTC
        ("XKRX", "15:30", "prices", {}),
        ("24/7", "00:00", "prices", {}),
        ("24/7", "08:00", "prices", {}),
    ],
)
@pytest.mark.parametrize("form", ["Z", "+00:00"])
def test_stamps_in_utc_get_the_dates_of_the_exchange(code, clock, symbol, reading, form):
    assert days(read(stamps(code, clock, form), symbol, **reading)) == sessions(code)


@pytest.mark.parametrize(
    ("code", "clock", "reading"),
    [("XKRX", "00:00", {}), ("XETR", "00:00", {}), ("XKRX", "07:00", {"timezone": "Asia/Seoul"})],
)
def test_evening_stamps_without_a_zone_are_in_utc(code, clock, reading):
    assert days(read(stamps(code, clock, ""), **reading)) == sessions(code)


def test_stamps_without_a_zone_are_local_where_their_week_is_right():
    local = [f"{day} 15:30" for day in sessions("XKRX")]
    for reading in ({}, {"timezone": "Asia/Seoul"}, {"calendar": "XKRX"}):
        assert days(read(local, **reading)) == sessions("XKRX")


def test_what_was_done_to_the_dates_is_said():
    (oddity,) = read(stamps("XTKS", "00:00", "Z")).oddities
    assert (oddity.kind, oddity.count) == ("timezone", len(sessions("XTKS")))
    assert "2021-01-31 15:00 in UTC is 2021-02-01 00:00 in Asia/Tokyo" in oddity.text
    assert read(stamps("XTKS", "00:00", "Z"), timezone="Asia/Tokyo").oddities == ()
    assert read(stamps("XNYS", "00:00", "Z")).oddities == ()  # no date changes


def test_a_week_that_is_moved_is_refused_where_nothing_tells_the_zone():
    with pytest.raises(DataError, match=r'from Sunday to Thursday.*row 5.*timezone="Asia/Tokyo"'):
        read(stamps("XKRX", "07:00", "Z")[1:])
    kept = read(stamps("XKRX", "07:00", "Z")[1:], timezone="UTC")
    assert "2021-02-07" in days(kept)
    late = [f"{day} 00:30Z" for day in sessions_between("weekdays", "2021-02-01", "2021-04-30") + 1]
    with pytest.raises(DataError, match=r"from Tuesday to Saturday, a day late"):
        read(late)


def test_midnights_in_utc_are_dates():
    dates = [f"{day}T00:00:00Z" for day in sessions("XKRX")]
    for reading in ({}, {"calendar": "XNYS"}):
        assert days(read(dates, **reading)) == sessions("XKRX")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("XKRX", {"Asia/Seoul", "Asia/Tokyo"}),
        ("XNYS", {"America/New_York", "America/Toronto"}),
        ("XBOM", {"Asia/Kolkata"}),
        ("XLON", {"Europe/London", "Europe/Dublin", "Europe/Lisbon"}),
    ],
)
def test_offsets_tell_the_time_zones_of_exchanges(code, expected):
    local = read(stamps(code, "00:00", "%z"))
    assert days(local) == sessions(code)
    assert local.zones["prices"] == expected


def test_a_named_time_zone_tells_itself():
    column = pd.DatetimeIndex(["2021-02-01", "2021-02-02"], tz="Asia/Seoul")
    assert read(column).zones == {"prices": frozenset({"Asia/Seoul"})}
    assert read(["2021-02-01", "01-02-2021"][:1]).zones == {}


def test_rows_without_a_date_stay_without():
    class Quiet(Place):
        def note(self, problem):
            pass

    column = pd.Series([*stamps("XTKS", "00:00", "Z"), None], name="date")
    place = Quiet("prices.csv", {"date": "Date"}, np.arange(1, len(column) + 1))
    local = localised(column, place, np.zeros(len(column), int), ("7203.T",), Reading())
    assert days(local) == [*sessions("XTKS"), "NaT"]


def test_an_unknown_time_zone_is_refused():
    with pytest.raises(SettingError, match=r'timezone.*Did you mean "Asia/Tokyo"'):
        Reading(timezone="Asia/Tokio")
