import datetime

import numpy as np
import pandas as pd
import pytest

from gatecast.data.dates import moments_of
from gatecast.data.place import Findings, Place
from gatecast.errors import DataError, SettingError
from gatecast.settings.reading import Reading


def keep(moments, symbol):
    """The time of the exchange is UTC."""
    return moments


def read(values, symbol=None, from_utc=keep, reading=None, **options):
    column = pd.Series(values, name="date", **options)
    place = Place("prices.csv", {"date": "Date"}, np.arange(1, len(column) + 1))
    symbol = np.zeros(len(column), dtype=np.int64) if symbol is None else np.asarray(symbol)
    return moments_of(column, place, symbol, from_utc, reading)


def dates(values, **options):
    return [str(day) for day in read(values, **options).astype("datetime64[D]")]


@pytest.mark.parametrize(
    "written",
    [
        ["2020-01-31", "2020-02-03"],
        ["2020/1/31", "2020/2/3"],
        ["2020.01.31", "2020.02.03"],
        ["20200131", "20200203"],
        [20200131, 20200203],
        [20200131.0, 20200203.0],
        ["1/31/2020", "2/3/2020"],
        ["31/01/2020", "03/02/2020"],
        ["31-01-2020", "03-02-2020"],
        ["31.01.2020", "03.02.2020"],
        ["Jan 31, 2020", "Feb 3, 2020"],
        ["31 January 2020", "3 February 2020"],
        ["31-Jan-2020", "03-Feb-2020"],
        [" 2020-01-31 ", "2020-02-03"],
        ["2020-01-31 16:00:00", "2020-02-03 16:00:00"],
        ["2020-01-31T00:00:00.000", "2020-02-03T00:00:00.000"],
        ["2020-01-31 00:00:00-05:00", "2020-02-03 00:00:00-05:00"],
        ["2020-01-31 00:00:00+09:00", "2020-02-03 00:00:00+09:00"],
        [datetime.date(2020, 1, 31), datetime.date(2020, 2, 3)],
        [pd.Timestamp("2020-01-31"), pd.Timestamp("2020-02-03")],
        [pd.Timestamp("2020-01-31", tz="Asia/Seoul"), pd.Timestamp("2020-02-03", tz="Asia/Seoul")],
        pd.array([datetime.date(2020, 1, 31), datetime.date(2020, 2, 3)], dtype="date32[pyarrow]"),
        pd.array(
            [pd.Timestamp("2020-01-31 05:00", tz="UTC"), pd.Timestamp("2020-02-03 05:00", tz="UTC")],
            dtype="timestamp[us, UTC][pyarrow]",
        ),
        list(pd.PeriodIndex(["2020-01-31", "2020-02-03"], freq="D")),
    ],
    ids=str,
)
def test_usual_forms(written):
    assert dates(written) == ["2020-01-31", "2020-02-03"]


def test_zones_that_change_with_the_season_keep_their_own_dates():
    assert dates(["2020-03-06 00:00:00-05:00", "2020-03-09 00:00:00-04:00"]) == ["2020-03-06", "2020-03-09"]


@pytest.mark.parametrize(
    ("stamps", "in_utc"),
    [
        (["2020-01-30T15:00:00Z", "2020-02-02T15:00:00+00:00"], True),
        (pd.to_datetime(["2020-01-30T15:00:00Z"]), True),
        ([1580396400], True),
        (["2020-01-30T15:00:00+09:00", "2020-01-31T15:00:00Z"], False),
        (pd.to_datetime(["2020-01-30T15:00:00+09:00"]), False),
        (["2020-01-30 15:00:00"], False),
        (["2020-01-30"], False),
    ],
)
def test_stamps_in_utc_are_converted_and_no_others(stamps, in_utc):
    day_later = dates(stamps, from_utc=lambda moments, symbol: moments + np.timedelta64(9, "h"))
    assert day_later[0] == ("2020-01-31" if in_utc else "2020-01-30")


def test_order_decides_where_no_day_is_above_twelve():
    # As day/month these would be 1 February, 1 March, 1 June, 2 March.
    written = ["1/2/2020", "1/3/2020", "1/6/2020", "2/3/2020"]
    assert dates(written) == ["2020-01-02", "2020-01-03", "2020-01-06", "2020-02-03"]
    assert dates(written[::-1]) == ["2020-02-03", "2020-01-06", "2020-01-03", "2020-01-02"]
    # As month/day these would be 6 January, 6 January of a year before, ...
    assert dates(["3/6/2020", "4/6/2020", "1/7/2020"]) == ["2020-06-03", "2020-06-04", "2020-07-01"]


def test_order_is_judged_within_each_symbol():
    written = ["1/2/2020", "1/3/2020", "1/6/2020", "2/3/2020"]
    expected = ["2020-01-02", "2020-01-03", "2020-01-06", "2020-02-03"]
    assert dates(written * 2, symbol=[0] * 4 + [1] * 4) == expected * 2


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (["1/2/2020", "1/3/2020", "1/6/2020"], "month/day and as day/month.*row 1.*1/2/2020.*dayfirst"),
        (["1/31/2020", "31/1/2020"], "same order.*row 2.*31/1/2020"),
        (["2020-01-31", "2020-02-31"], "no such date.*row 2, column Date, value 2020-02-31"),
        (["13/13/2020", "1/2/2020"], "same order|no such date"),
        (["2020-01-31", "soon"], "not a date.*row 2.*soon"),
        (["31 Foo 2020"], "not a date"),
        (["1/31/200"], "not a date.*YYYY-MM-DD"),
        (["2020-01-31 25:00"], "not a date"),
        (["0012-01-31"], "not a date"),
        ([20200131, 20209999], "no such date.*20209999"),
        (["2020-01-31", None], "date is empty.*row 2"),
        ([1.5, 1e300], "not a date.*row 1.*1.5"),
    ],
)
def test_what_is_no_date(written, words):
    with pytest.raises(DataError, match=words):
        read(written)


@pytest.mark.parametrize(
    ("texts", "first"),
    [
        (["12/22/20", "12/23/20"], "2020-12-22"),
        (["28-Mar-21", "29-Mar-21"], "2021-03-28"),
        (["2021- 03- 19", "2021- 03- 22"], "2021-03-19"),
        (["2021년 03월 01일", "2021년 03월 02일"], "2021-03-01"),
        (["2021年3月1日", "2021年3月2日"], "2021-03-01"),
        (["31.12.98", "04.01.99"], "1998-12-31"),
        ([1614609000, 1614695400], "2021-03-01"),
        ([1614609000000, 1614695400000], "2021-03-01"),
        (["1614609000", "1614695400"], "2021-03-01"),
        ([44256, 44257], "2021-03-01"),
        ([44256.5, 44257.5], "2021-03-01"),
        (["44256", "44257"], "2021-03-01"),
        (["01.03.2021 00:00:00.000 GMT+0800", "02.03.2021 00:00:00.000 GMT+0800"], "2021-03-01"),
        (["Mon Mar 1 2021", "Tue Mar 2 2021"], "2021-03-01"),
        (["Mon, 01 Mar 2021", "Tue, 02 Mar 2021"], "2021-03-01"),
        (["2021-03-01 (월)", "2021-03-02 (화)"], "2021-03-01"),
        (["2021. 3. 1.", "2021. 3. 2."], "2021-03-01"),
        (["3/30/2021 4:00:00 PM", "3/31/2021 4:00:00 PM"], "2021-03-30"),
        (["3/30/2021 12:30 a.m.", "3/31/2021 1:30 p.m."], "2021-03-30"),
        (["20210301 170000", "20210302 170000"], "2021-03-01"),
        (["1. März 2021", "2. März 2021"], "2021-03-01"),
        (["01 Ene 2021", "04 Ene 2021"], "2021-01-01"),
        (["29 juin 2021", "1 juil. 2021"], "2021-06-29"),
        (["30 de dez de 2020", "4 de jan de 2021"], "2020-12-30"),
        (["01 мар 2021", "02 мая 2021"], "2021-03-01"),
    ],
)
def test_dates_of_many_sources(texts, first):
    place = Place("f.csv", {}, np.arange(len(texts)) + 1)
    column = pd.Series(texts, name="date")
    moments = moments_of(column, place, np.zeros(len(texts), int), keep)
    assert str(moments[0].astype("datetime64[D]")) == first


def test_a_year_of_two_digits_that_may_stand_first_or_last():
    texts = ["21-03-01", "21-03-02", "21-03-03"]
    place = Place("f.csv", {}, np.arange(3) + 1)
    with pytest.raises(DataError, match="year first and with the year last"):
        moments_of(pd.Series(texts, name="date"), place, np.zeros(3, int), keep)


def test_the_user_says_which_comes_first():
    written = ["1/2/2020", "1/3/2020", "1/6/2020"]
    assert dates(written, reading=Reading(dayfirst=True)) == ["2020-02-01", "2020-03-01", "2020-06-01"]
    assert dates(written, reading=Reading(dayfirst=False)) == ["2020-01-02", "2020-01-03", "2020-01-06"]


def test_the_user_gives_the_format():
    reading = Reading(date_format="%y|%d|%m")
    assert dates(["21|03|01", "21|04|01"], reading=reading) == ["2021-01-03", "2021-01-04"]
    with pytest.raises(DataError, match=r'not a date by the format "%y.%d.%m" \(row 2.*value soon'):
        read(["21|03|01", "soon"], reading=reading)


def test_rows_that_are_no_dates_are_gathered_where_problems_are():
    findings = Findings()
    column = pd.Series(["2020-01-31", "soon", "2020-02-31", None, "later"], name="date")
    place = Place("prices.csv", {"date": "Date"}, np.arange(1, 6), findings)
    moments = moments_of(column, place, np.zeros(5, dtype=np.int64), keep)
    assert list(np.isnat(moments)) == [False, True, True, True, True]
    assert [(problem.what, problem.row, problem.count) for problem in findings.problems] == [
        ("the date is empty", 4, 1), ("not a date", 2, 2), ("no such date", 3, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "form"),
    [
        (["26.03.2021 00:00+0100", "29.03.2021 00:00+0200"], "%d.%m.%Y %H:%M%z"),  # summer time begins
        (["26.03.2021 17:30", "29.03.2021 17:30"], "%d.%m.%Y %H:%M"),
        (pd.to_datetime(["2021-03-26", "2021-03-29"]), "%d.%m.%Y"),  # dates already
    ],
)
def test_a_format(written, form):
    assert dates(written, reading=Reading(date_format=form)) == ["2021-03-26", "2021-03-29"]


def test_stamps_in_utc_by_a_format_are_moments():
    reading = Reading(date_format="%d.%m.%Y %H:%M%z")
    later = lambda moments, _: moments + np.timedelta64(9, "h")  # noqa: E731
    assert dates(["25.03.2021 15:00+0000"], reading=reading, from_utc=later) == ["2021-03-26"]


@pytest.mark.parametrize(("form", "words"), [("%d.%m.%Q%Y", "no format of dates"), ("%d.%m.", "no year")])
def test_what_is_no_format(form, words):
    with pytest.raises(SettingError, match=words):
        read(["26.03.2021"], reading=Reading(date_format=form))


def test_a_row_that_is_there_twice_does_not_hide_the_order_of_dates():
    twice = ["21-03-01", "21-03-02", "21-03-02", "21-03-03", "21-03-31"]
    assert dates(twice) == ["2021-03-01", "2021-03-02", "2021-03-02", "2021-03-03", "2021-03-31"]
