"""What holds a table in memory."""

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import gatecast as gc
from gatecast.errors import DataError

DAYS = pd.DatetimeIndex(["2021-03-01", "2021-03-02"], name="Date")
CLOSES = [1.25, 2.0]
FRAME = pd.DataFrame({"Date": DAYS, "Close": CLOSES})


@pytest.mark.parametrize(
    ("source", "symbol"),
    [
        (FRAME, "prices"),
        (pl.from_pandas(FRAME), "prices"),
        (pl.from_pandas(FRAME).lazy(), "prices"),
        (pa.Table.from_pandas(FRAME), "prices"),
        (pd.Series(CLOSES, DAYS), "prices"),
        (pd.Series(CLOSES, DAYS, name="Adj Close"), "prices"),
        (pd.Series(CLOSES, DAYS, name="TSLA"), "TSLA"),
        ({"date": list(DAYS), "close": CLOSES}, "prices"),
        ({"TSLA": FRAME}, "TSLA"),
        ({"TSLA": pl.from_pandas(FRAME)}, "TSLA"),
        ({"TSLA": pd.Series(CLOSES, DAYS)}, "TSLA"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*taken from the column")
def test_tables_in_memory(source, symbol):
    prices = gc.load(source)
    assert prices.symbols == (symbol,)
    assert list(prices.table["close"]) == CLOSES
    assert prices.table["session"].tolist() == list(DAYS)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (pl.Series("close", CLOSES), "no column of dates"),
        (pd.Series(CLOSES), "no column of dates"),
        ({"date": list(DAYS), "close": [1.0]}, "no table.*one length"),
        ({}, "no rows"),
        (3, "cannot be read from a int"),
        (lambda: FRAME, "cannot be read from a function"),
        ({"AAA": FRAME, "BBB": 3}, "cannot be read from a int"),
    ],
)
def test_what_is_no_table(source, words):
    with pytest.raises(DataError, match=words):
        gc.load(source)


MANY = pd.MultiIndex.from_product([["AAA", "BBB"], DAYS])


@pytest.mark.parametrize(
    ("source", "symbols"),
    [
        (pd.Series(CLOSES, index=DAYS, name=("Close", "AAA")), ("AAA",)),
        (pd.Series([*CLOSES, 3.0, 4.0], index=MANY, name="px"), ("AAA", "BBB")),
        (dict.fromkeys(["AAA", "BBB"], pd.Series(CLOSES, index=DAYS, name="px")), ("AAA", "BBB")),
    ],
)
def test_the_symbol_of_a_series(source, symbols):
    assert gc.load(source).symbols == symbols


def test_the_symbol_that_is_given_is_that_of_a_series():
    assert gc.load(pd.Series(CLOSES, index=DAYS, name="px"), symbol="AAA").symbols == ("AAA",)
