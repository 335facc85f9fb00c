"""Bars of any length in the ledger: when they close, that they come back, and that they are scored."""

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gatecast.data import sources
from gatecast.data.timetable import Timetable
from gatecast.errors import LedgerError
from gatecast.ledger import Entry, Ledger, entries_of
from gatecast.ledger.closing import bar_closes_at
from gatecast.ledger.track import track_record
from gatecast.settings.experiment import Experiment

from . import version1  # isort: skip
from .conftest import make_entry  # isort: skip

MORNING = dt.datetime(2021, 3, 1, 9, 30)


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("time", "timetable", "exchange", "closes"),
    [
        ("2021-03-01T10:00", Timetable("1h", "24/7"), "24/7", "2021-03-01 11:00"),
        ("2021-03-01T10:00", Timetable("5min", "XNYS"), "XNYS", "2021-03-01 15:05"),
        ("2021-07-01T10:00", Timetable("5min", "XNYS"), "XNYS", "2021-07-01 14:05"),  # summer
        ("2021-03-01T10:00", Timetable("1h", "24/7"), None, "2021-02-28 21:00"),  # UTC+14
        ("2021-03-01", Timetable("1w", "XNYS", "Monday"), "XNYS", "2021-03-05 21:00"),
        ("2021-04-01", Timetable("1w", "XNYS", "last session"), "XNYS", "2021-04-01 20:00"),
        ("2021-03-01", Timetable("1w", "24/5", "Monday"), None, "2021-03-04 23:00"),
        ("2021-02-01", Timetable("1mo", "XNYS", "first day"), "XNYS", "2021-02-26 21:00"),
        ("2021-02-28", Timetable("1mo", "24/7", "last day"), "24/7", "2021-03-01 00:00"),
        ("2021-02-28", Timetable("1mo", "24/5", "last day"), None, "2021-02-25 23:00"),
        ("2021-03-01", Timetable("1d", "XNYS"), "XNYS", "2021-03-01 21:00"),
    ],
)
def test_when_bars_close(time: str, timetable: Timetable, exchange: str | None, closes: str) -> None:
    assert bar_closes_at(np.datetime64(time), timetable, exchange) == utc(closes)


def test_times_within_a_day_come_back_and_are_keys(where: str) -> None:
    times = [MORNING + dt.timedelta(minutes=5 * number) for number in range(3)]
    entries = [
        make_entry(origin=time, date=time + dt.timedelta(minutes=5), first=MORNING, frequency="5min",
                   closes=utc("2021-03-02 00:00"))
        for time in times
    ]  # fmt: skip
    assert Ledger(where).append([*entries, make_entry()]).stored == (make_entry(), *entries)
    assert Ledger(where).append(entries).known == tuple(entries)
    assert sorted(map(str, (entry.origin for entry in Ledger(where).entries()))) == [
        "2018-12-31", *map(str, times)
    ]  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [{"frequency": "1h"}, {"origin": MORNING}, {"frequency": "1w", "date": MORNING}],
    ids=["dates of hours", "a time of a day", "a time of a week"],
)
def test_times_are_of_the_kind_of_the_bars(changes: dict[str, Any]) -> None:
    with pytest.raises(LedgerError, match="a time of another kind"):
        make_entry(**changes)


def test_version_2_is_brought_up_to_date_and_its_chain_goes_on(where: str) -> None:
    old = [make_entry(step=step, first=dt.date(2018, 1, 2)) for step in (1, 2)]
    version1.make(where, old, version=2)
    reading = Ledger(where).read()
    assert (list(reading.entries), reading.unchained) == (old, 0)
    assert reading.since == utc("2026-02-01 00:00")
    new = make_entry(origin=MORNING, date=MORNING + dt.timedelta(hours=1), frequency="1h")
    Ledger(where).append([new])
    assert Ledger(where).entries() == [*old, new]


def series(file: Path, frequency: str, count: int) -> pd.DataFrame:
    """Closes that double from bar to bar, written to `file`."""
    times = {
        "1h": pd.date_range("2021-03-01 00:00", periods=count, freq="h"),
        "1w": pd.date_range("2021-01-01", periods=count, freq="W-FRI"),
        "1mo": pd.date_range("2018-01-31", periods=count, freq="ME"),
    }[frequency]
    frame = pd.DataFrame({"date": times, "close": 2.0 ** np.arange(count)})
    frame.to_csv(file, index=False)
    return frame


def entries_from(file: Path, frequency: str, made: dt.datetime) -> list[Entry]:
    """Two steps of no change, from the end of the file on."""
    prices = sources.load(str(file), calendar="24/7")
    assert prices.frequency == frequency
    origin, anchor = prices.times[-1], float(prices.table["close"].iloc[-1])
    rows = pd.DataFrame(
        {
            "symbol": prices.symbols[0], "origin": origin, "step": [1, 2], "anchor": anchor,
            "time": prices.timetable[prices.symbols[0]].after(origin, 2), "forecast": anchor,
        }
    )  # fmt: skip
    experiment = Experiment().changed(calendar="24/7")
    return entries_of(rows, model="gru", experiment=experiment, prices=prices, made=made)


@pytest.mark.parametrize(
    ("frequency", "made", "first", "text"),
    [
        ("1h", "2021-03-01 20:30", dt.datetime(2021, 3, 1, 20), "2021-03-01T20:00"),
        ("1w", "2021-05-20 12:00", dt.date(2021, 5, 21), "2021-05-21"),
        ("1mo", "2019-09-20 12:00", dt.date(2019, 9, 30), "2019-09-30"),
    ],
)
def test_a_forecast_is_scored_when_its_bars_have_come(
    frequency: str, made: str, first: dt.date, text: str, tmp_path: Path
) -> None:
    file, ledger = tmp_path / "a.csv", Ledger(tmp_path / "l.db")
    series(file, frequency, 20)
    entries = entries_from(file, frequency, utc(made))
    assert [entry.backcast for entry in entries] == [False, False]
    assert ledger.append(entries).note is None
    assert len(track_record(ledger).pending) == 2
    series(file, frequency, 22)
    track = track_record(ledger)
    np.testing.assert_allclose(track.scores["realised"], np.log([2, 4]))
    assert track.scores["date"].iloc[0] == first
    assert track.scores["revised"].isna().all()
    assert track.notes == ()
    assert track.summary()["scores"][0]["date"] == text


def test_a_forecast_made_after_its_hour_is_a_backcast(tmp_path: Path) -> None:
    series(tmp_path / "a.csv", "1h", 20)
    entries = entries_from(tmp_path / "a.csv", "1h", utc("2021-03-01 21:30"))
    assert [entry.backcast for entry in entries] == [True, False]


def test_an_experiment_of_weeks_is_another_than_one_of_days(tmp_path: Path) -> None:
    series(tmp_path / "a.csv", "1w", 20)
    weekly = entries_from(tmp_path / "a.csv", "1w", utc("2021-05-20 12:00"))
    series(tmp_path / "a.csv", "1h", 20)
    hourly = entries_from(tmp_path / "a.csv", "1h", utc("2021-03-01 20:30"))
    assert weekly[0].experiment != hourly[0].experiment


def test_numbered_rows_are_refused(tmp_path: Path) -> None:
    pd.DataFrame({"close": np.arange(1.0, 30)}).to_csv(tmp_path / "a.csv", index=False)
    prices = sources.load(str(tmp_path / "a.csv"), frequency="index")
    with pytest.raises(LedgerError, match="a forecast of a numbered row cannot be dated"):
        entries_of(pd.DataFrame(), model="gru", experiment=Experiment(), prices=prices)
