from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gatecast.data.prices import Prices
from gatecast.errors import DataError


def frame(times, **columns) -> pd.DataFrame:
    close = 100 * np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.01, len(times))))
    return pd.DataFrame({"date": times, "close": close} | columns)


@pytest.mark.parametrize(
    ("freq", "frequency", "written"),
    [
        ("min", "1min", "one row a minute"),
        ("5min", "5min", "one row every 5 minutes"),
        ("90min", "90min", "one row every 90 minutes"),
        ("h", "1h", "one row an hour"),
        ("4h", "4h", "one row every 4 hours"),
        ("D", "1d", ""),
        ("B", "1d", ""),
        ("W-SAT", "1w", "one row a week, dated by its Saturday"),
        ("ME", "1mo", "one row a month, dated by its last day"),
        ("QS", "1q", "one row a quarter, dated by its first day"),
        ("YS", "1y", "one row a year, dated by its first day"),
    ],
)
def test_the_frequency_is_found_from_the_times(freq: str, frequency: str, written: str) -> None:
    prices = Prices.from_frame(frame(pd.date_range("1990-01-05", periods=40, freq=freq)))
    assert prices.frequency == frequency
    assert written in prices.report()
    assert prices.summary()["frequency"] == frequency
    unit = "s" if freq in ("min", "5min", "90min", "h", "4h") else "D"
    assert prices.times.dtype == np.dtype(f"datetime64[{unit}]")


def test_bars_with_gaps_keep_their_length() -> None:
    times = pd.date_range("2021-03-01", periods=4000, freq="15min")
    kept = np.random.default_rng(1).random(4000) < 0.8
    prices = Prices.from_frame(frame(times[kept]))
    assert prices.frequency == "15min"
    (gaps,) = (one for one in prices.oddities if one.kind == "missing-bar")
    kept = kept[: np.flatnonzero(kept)[-1] + 1]
    assert gaps.count == (~kept[np.argmax(kept) :]).sum()
    assert "bars are missing, in " in gaps.text


def test_one_gap_of_a_day_is_named_with_both_ends() -> None:
    times = pd.date_range("2021-03-01", periods=240, freq="h")
    prices = Prices.from_frame(frame(times.delete(np.arange(48, 72))))
    (gap,) = (one for one in prices.oddities if one.kind == "missing-bar")
    assert gap.text.startswith("prices: 24 bars are missing (2021-03-03 00:00 to 2021-03-03 23:00 (24));")


def test_symbols_of_different_lengths_are_refused_by_name() -> None:
    weeks = frame(pd.date_range("2021-01-04", periods=20, freq="W-MON"), symbol="W")
    hours = frame(pd.date_range("2021-01-04", periods=20, freq="h"), symbol="H")
    with pytest.raises(DataError, match="one row an hour of H; one row a week of W"):
        Prices.from_frame(pd.concat([weeks, hours]))


def test_the_frequency_that_is_given_counts() -> None:
    """Every eighth row of daily bars looks like weeks, and few rows look like nothing."""
    times = pd.date_range("2021-01-01", periods=5, freq="MS")
    assert Prices.from_frame(frame(times)).frequency == "1d"
    assert Prices.from_frame(frame(times), frequency="monthly").frequency == "1mo"


def test_the_hash_and_the_file_keep_the_frequency(tmp_path) -> None:
    import gatecast as gc

    prices = Prices.from_frame(frame(pd.date_range("2021-03-01", periods=50, freq="h")))
    prices.to_parquet(tmp_path / "prices.parquet")
    again = gc.load(tmp_path / "prices.parquet")
    assert (again.frequency, again.sha256) == ("1h", prices.sha256)
    later = Prices.from_frame(frame(pd.date_range("2021-03-01 00:30", periods=50, freq="h")))
    assert later.sha256 != prices.sha256


@pytest.mark.parametrize(("now", "rows"), [("2021-03-02 09:59", 33), ("2021-03-02 10:00", 34)])
def test_a_bar_that_has_not_ended_is_left_out(now: str, rows: int) -> None:
    times = pd.date_range("2021-03-01 00:00", periods=34, freq="h")  # the last one is of 09:00
    prices = Prices.from_frame(frame(times), calendar="24/7", now=pd.Timestamp(now, tz="UTC"))
    assert len(prices.table) == rows


@pytest.mark.parametrize(("now", "rows"), [("2021-03-07 12:00", 9), ("2021-03-08 00:00", 10)])
def test_a_week_that_is_not_over_is_left_out(now: str, rows: int) -> None:
    times = pd.date_range(end="2021-03-01", periods=10, freq="W-MON")
    prices = Prices.from_frame(frame(times), calendar="24/7", now=pd.Timestamp(now, tz="UTC"))
    assert len(prices.table) == rows


@pytest.mark.parametrize("written", ["%H%M%S", "%H%M", "%H:%M"])
@pytest.mark.parametrize("name", ["time", "시간"])
def test_a_time_beside_the_date_is_part_of_it(name: str, written: str) -> None:
    times = pd.date_range("2021-03-01 00:00", periods=60, freq="h")
    beside = frame(times.strftime("%Y%m%d").astype(int), **{name: times.strftime(written)})
    if ":" not in written:
        beside[name] = beside[name].astype(int)
    prices = Prices.from_frame(beside)
    assert prices.frequency == "1h"
    assert prices.table["session"].tolist() == times.tolist()


def test_months_are_dates_under_any_name() -> None:
    times = pd.date_range("2000-01-01", periods=40, freq="MS")
    prices = Prices.from_frame(frame(times.strftime("%Y-%m")).rename(columns={"date": "Month"}))
    assert (prices.frequency, str(prices.times[-1])) == ("1mo", "2003-04-01")
