from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast.data.prices import Prices
from gatecast.errors import DataError
from gatecast.settings.frequency import position_of, stamp


def positions(prices: Prices) -> list[int]:
    return position_of(prices.times).tolist()


def test_a_column_that_counts_the_rows_of_every_series_numbers_them() -> None:
    frame = pd.DataFrame(
        {"unique_id": ["A"] * 5 + ["B"] * 3, "ds": [1, 2, 3, 4, 5, 1, 2, 3], "y": np.arange(8.0) + 1}
    )
    prices = Prices.from_frame(frame)
    assert (prices.frequency, prices.symbols) == ("index", ("A", "B"))
    assert positions(prices) == [1, 2, 3, 4, 5, 1, 2, 3]
    assert [stamp(time) for time in prices.table["session"]] == ["1", "2", "3", "4", "5", "1", "2", "3"]
    assert 'none: the column "ds" numbers the rows' in prices.report()
    assert prices.summary()["first_session"] == 1


def test_rows_without_dates_are_numbered_where_the_user_says_so() -> None:
    frame = pd.DataFrame({"close": [3.0, 2.0, 4.0]})
    assert positions(Prices.from_frame(frame, frequency="index")) == [1, 2, 3]
    with pytest.raises(DataError, match='by frequency="index"'):
        gc.load(frame)


def test_numbers_of_the_data_stay_and_are_sorted() -> None:
    frame = pd.DataFrame({"date": [30, 10, 20], "close": [3.0, 1.0, 2.0]})
    prices = Prices.from_frame(frame, frequency="index")
    assert positions(prices) == [10, 20, 30]
    assert prices.table["close"].tolist() == [1.0, 2.0, 3.0]


def test_dates_that_the_user_does_not_want_are_numbered_in_their_order() -> None:
    frame = pd.DataFrame({"date": ["monday", "tuesday", "friday"], "close": [3.0, 1.0, 2.0]})
    assert positions(Prices.from_frame(frame, frequency="index")) == [1, 2, 3]


def test_years_and_dates_are_no_numbers() -> None:
    years = pd.DataFrame({"symbol": "A", "date": [20200101, 20200102, 20200103], "close": [3.0, 1.0, 2.0]})
    assert Prices.from_frame(years).frequency == "1d"


def test_a_file_keeps_the_numbers(tmp_path) -> None:
    prices = Prices.from_frame(pd.DataFrame({"close": [3.0, 2.0, 4.0]}), frequency="index")
    prices.to_parquet(tmp_path / "prices.parquet")
    again = gc.load(tmp_path / "prices.parquet")
    assert (again.frequency, positions(again), again.sha256) == ("index", [1, 2, 3], prices.sha256)
