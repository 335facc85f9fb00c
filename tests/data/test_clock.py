from __future__ import annotations

import numpy as np
import pandas as pd

from gatecast.data.prices import Prices


def local(zone: str, first: str, hours: int, freq: str = "h") -> pd.DataFrame:
    times = pd.date_range(first, periods=hours, freq=freq, tz="UTC")
    close = 100 * np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.01, len(times))))
    return pd.DataFrame({"date": times.tz_convert(zone).tz_localize(None), "close": close})


def test_an_hour_that_comes_twice_is_two_bars() -> None:
    frame = local("America/New_York", "2021-10-20", 24 * 40)
    prices = Prices.from_frame(frame)
    assert prices.table["session"].tolist() == pd.date_range("2021-10-20", periods=24 * 40, freq="h").tolist()
    (said,) = (one for one in prices.oddities if one.kind == "clock")
    assert said.text == (
        "prices: the clock went back at 2021-11-07 01:00, as in America/New_York; the times are kept in UTC."
    )
    assert not [one for one in prices.oddities if one.kind == "missing-bar"]
    newest_first = Prices.from_frame(frame[::-1].reset_index(drop=True))
    pd.testing.assert_frame_equal(newest_first.table, prices.table)


def test_the_zone_is_told_by_the_day_and_both_changes_of_the_clock() -> None:
    prices = Prices.from_frame(local("Europe/London", "2021-03-01", 24 * 270))
    (said,) = (one for one in prices.oddities if one.kind == "clock")
    assert "2021-10-31 01:00, as in Europe/London" in said.text
    assert not [one for one in prices.oddities if one.kind == "missing-bar"]


def test_a_row_that_stands_twice_is_no_change_of_the_clock() -> None:
    frame = local("UTC", "2021-06-01", 100)
    twice = pd.concat([frame.iloc[:50], frame.iloc[49:]]).reset_index(drop=True)
    prices = Prices.from_frame(twice)
    assert {one.kind for one in prices.oddities} == {"copy"}
    assert len(prices.table) == 100
