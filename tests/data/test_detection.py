"""The calendar of a symbol: given, told by the name, or found from its dates."""

import numpy as np
import pytest

from gatecast.data.calendars import sessions_between
from gatecast.data.detection import Found, find_calendar, find_calendars, is_shifted
from gatecast.errors import SettingError

SPANS = {"XTAE": ("2010-01-01", "2025-12-31"), "XSAU": ("2021-01-01", "2026-11-27")}
EXCHANGES = ["XTKS", "XKRX", "XSHG", "XBOM", "XWAR", "BVMF", "XETR", "XPAR", "XLON", "XNYS", "XTAE", "XSAU"]


def sessions(code: str, first: str = "2015-01-01", last: str = "2016-12-31") -> np.ndarray:
    return sessions_between(code, first, last)


@pytest.mark.parametrize(
    ("symbol", "dates", "given", "expected"),
    [
        ("A", sessions("XKRX"), "NYSE", ("XNYS", "given")),
        ("A", sessions("XKRX"), {"A": "daily"}, ("24/7", "given")),
        ("A", sessions("XKRX"), {"B": "XNYS"}, ("XKRX", "dates")),
        ("005930.KS", sessions("XNYS"), None, ("XKRX", "suffix")),
        ("005930.KS", sessions("24/7"), None, ("24/7", "dates")),
        ("A", sessions("XNYS"), None, ("XNYS", "dates")),
        ("A", sessions("weekdays"), None, ("weekdays", "dates")),
        ("A", sessions("sunday-friday"), None, ("sunday-friday", "dates")),
        ("A", sessions("monday-saturday"), None, ("monday-saturday", "dates")),
        ("A", sessions("saturday-wednesday"), None, ("saturday-wednesday", "dates")),
        ("A", sessions("XTAE"), None, ("XTAE", "dates")),
        ("A", [], None, ("XNYS", "default")),
        ("A", ["2021-03-01"], None, ("XNYS", "default")),
        ("A", sessions("XNYS", "1960-01-01", "1965-01-01"), None, ("XNYS", "default")),
        ("A", sessions("weekdays", "2021-03-01", "2021-03-26"), None, ("XNYS", "default")),
        (
            "A",
            sessions("weekdays", "2021-03-01", "2021-04-07"),
            None,
            ("XNYS", "default"),
        ),  # one day is wrong
        ("A", sessions("XKRX", "2021-01-27", "2021-03-05"), None, ("XKRX", "dates")),  # the lunar new year
        ("A", sessions("sunday-thursday", "2021-02-28", "2021-03-25"), None, ("sunday-thursday", "default")),
        ("A", sessions("weekdays")[::3], None, ("XNYS", "default")),  # no calendar fits
    ],
)
def test_where_a_calendar_comes_from(symbol, dates, given, expected):
    found = find_calendar(symbol, dates, given)
    assert (found.calendar, found.how) == expected


def test_stray_weekends_are_no_week():
    dates = np.append(sessions("XNYS"), np.array(["2015-01-03", "2015-01-04"], "M8[D]"))
    found = find_calendar("A", dates[::-1])
    assert (found.calendar, found.disagreeing) == ("XNYS", 2)


def test_calendars_with_the_same_sessions_are_one_answer_named_in_a_fixed_order():
    found = find_calendar("A", sessions("XFRA", "2012-01-01", "2013-12-31"))
    assert found.calendar == "XETR" and "XFRA" in found.also and "XPAR" not in found.also
    assert str(found).startswith("XETR (by its dates; also ")


def test_both_are_named_where_a_day_is_between_them():
    paris = sessions("XPAR", "2012-01-01", "2013-12-31")
    berlin = sessions("XETR", "2012-01-01", "2013-12-31")
    between = np.union1d(berlin, np.setdiff1d(paris, berlin)[:1])
    assert find_calendar("A", np.intersect1d(paris, berlin)).rivals == ()
    found = [find_calendar("A", dates) for dates in (paris, between)]
    assert [one.calendar for one in found] == ["XPAR", "XETR"]


def test_an_exchange_that_is_recorded_over_a_part_competes_over_that_part():
    before = np.arange("1994-01-03", "1997-01-01", dtype="M8[D]")
    tokyo = np.append(before[np.is_busday(before)], sessions("XTKS", "1997-01-01", "2003-12-31"))
    assert find_calendar("A", tokyo).calendar == "XTKS"
    assert find_calendar("A", tokyo[:1000]).calendar != "XTKS"  # recorded over a quarter


def test_the_time_zone_of_the_stamps_restricts_the_exchanges():
    dates = sessions("weekdays", "2021-03-02", "2021-03-26")
    assert find_calendar("A", dates, zones=["Asia/Seoul"]) == Found("XKRX", "zone", disagreeing=0)
    assert find_calendar("A", dates, zones=["Antarctica/Troll"]).calendar == "XNYS"


def test_what_a_symbol_leaves_open_is_decided_by_the_others():
    long, short = sessions("XLON"), sessions("XLON", "2015-02-02", "2015-02-20")
    found = find_calendars({"A": long, "B": short, "C": long, "D": short, "7203.T": short})
    assert [(one.calendar, one.how) for one in found.values()] == [
        ("XLON", "dates"), ("XLON", "others"), ("XLON", "dates"), ("XLON", "others"), ("XTKS", "suffix"),
    ]  # fmt: skip
    assert find_calendar("B", short).calendar == "XNYS"


@pytest.mark.parametrize(
    ("week", "moved", "shifted"),
    [
        ("weekdays", 0, False),
        ("weekdays", -1, True),
        ("weekdays", 1, True),
        ("24/7", 0, False),
        ("sunday-friday", 0, False),
        ("sunday-thursday", 0, True),
    ],
)
def test_a_week_that_is_moved(week, moved, shifted):
    assert is_shifted(sessions(week) + moved) is shifted


def test_a_calendar_that_is_given_must_be_known():
    with pytest.raises(SettingError, match="no calendar"):
        find_calendar("A", [], "XXXX")


@pytest.mark.parametrize("draws", [5, pytest.param(100, marks=pytest.mark.slow)])
@pytest.mark.parametrize("surplus", [False, True])
@pytest.mark.parametrize("code", EXCHANGES)
def test_an_exchange_is_found_by_500_dates_of_which_one_percent_are_wrong(code, surplus, draws):
    rng = np.random.default_rng(0)
    every = sessions(code, *SPANS.get(code, ("2010-01-01", "2026-11-27")))
    answered = named = 0
    for _ in range(draws):
        start = rng.integers(len(every) - 499)
        true = every[start : start + 500]
        closed = np.setdiff1d(np.arange(true[0], true[-1]), true)
        dates = np.append(true, rng.choice(closed, 5)) if surplus else rng.permutation(true)[5:]
        found = find_calendar("prices", dates)
        same = [
            np.array_equal(sessions(name, true[0], true[-1]), true)
            for name in (found.calendar, *found.also, *found.rivals)
        ]
        answered, named = answered + same[0], named + any(same)
    assert answered >= 0.93 * draws and named >= 0.99 * draws
