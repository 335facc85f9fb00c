import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast.data.columns import (
    _numbers,
    normal_name,
    symbols_of,
    texts_of,
    values_of,
    with_normal_names,
)
from gatecast.data.numbers import number
from gatecast.data.place import Findings, Place
from gatecast.errors import DataError


def columns_of(frame):
    normal, place = with_normal_names(frame, "f.csv")
    return values_of(normal, place)


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("Close", "close"),
        (" CLOSE ", "close"),
        ("Adj Close", "adj_close"),
        ("Adj. Close", "adj_close"),
        ("<CLOSE>", "close"),
        ("Close/Last", "close_last"),
        ("$close", "close"),
        ("Stock Splits", "stock_splits"),
    ],
)
def test_names(written, normal):
    assert normal_name(written) == normal


def test_numbers_as_people_write_them():
    written = ["1,008.64", "12", ".5", "+1e3", "-", " 7 ", "", None, "n/a", "1,234,567"]
    expected = [1008.64, 12, 0.5, 1000, np.nan, 7, np.nan, np.nan, np.nan, 1234567]
    frame = pd.DataFrame({"date": 20200101, "close": written})
    np.testing.assert_array_equal(columns_of(frame)["close"], expected)


@pytest.mark.parametrize("text", ["1,2,5", "1.2.3", "1.234,56.7", "$", "inf", "1_000", "12 USD", "0x10"])
def test_what_is_no_number(text):
    with pytest.raises(DataError, match=r"f.csv: not a number.*row 2, column High"):
        columns_of(pd.DataFrame({"Close": [1.0, 2.0], "High": ["3", text]}))


def test_other_columns_are_kept_where_they_are_numbers():
    frame = pd.DataFrame(
        {
            "Zeta": [1, 2],
            "Volume": [5, 6],
            "Alpha": ["3", "4"],
            "note": ["a", "5"],
            "nothing": [None, None],
            "when": pd.to_datetime(["2020-01-01", "2020-01-02"]),
            "Unnamed: 0": [0, 1],
            "Close": [1.0, 2.0],
        }
    )
    assert list(columns_of(frame)) == ["close", "volume", "alpha", "zeta"]


def test_text_is_kept_where_it_is_one_per_symbol():
    frame = pd.DataFrame(
        {
            "close": 1.0,
            "sector": ["tech", None, " tech", "", "n/a", "bank"],
            "Note": ["a", "a", "b", "b", "b", "b"],
            "nothing": None,
            "listed": pd.Timestamp("2001-01-01"),
            "tags": [["a"]] * 6,
        }
    )
    findings = Findings()
    normal, place = with_normal_names(frame, "f.csv", None, findings)
    codes = np.array([0, 0, 0, 1, 1, 2])
    values = values_of(normal, place)
    texts = texts_of(normal, place, values, codes, ("A", "B", "C"))
    assert {name: cells.tolist() for name, cells in texts.items()} == {
        "sector": ["tech", "tech", "tech", "", "", "bank"]
    }
    why = 'is text that changes within a symbol: A has "a" in row 1 and "b" in row 3'
    assert findings.left_out == {"note": why}
    assert findings.choices == {"columns without numbers, left out": "listed, Note, nothing, tags"}


def test_two_columns_with_one_meaning():
    frame = pd.DataFrame([[1, 2]], columns=["Close", "CLOSE"])
    with pytest.raises(DataError, match="several columns mean close: Close, CLOSE"):
        with_normal_names(frame, "f.csv")
    assert list(with_normal_names(frame, "f.csv", {"close": "CLOSE"})[0]["close"]) == [2]
    with pytest.raises(DataError, match='"CLOSE" is named twice, as open and as close'):
        with_normal_names(frame, "f.csv", {"open": "CLOSE", "close": "CLOSE"})


@pytest.mark.parametrize("mark", [",", "."])
def test_a_volume_without_marks_says_nothing_of_the_decimal_mark(mark):
    frame = pd.DataFrame({"close": [f"1{mark}080", f"1{mark}085"], "volume": ["1234567", "7"]})
    place = Place("f.csv", {"close": "Close"}, np.arange(1, 3))
    with pytest.raises(DataError, match="can be the decimal mark or one of thousands"):
        values_of(frame, place, european=mark == ".")


def test_the_volume_has_its_mark_where_the_prices_have_none():
    frame = pd.DataFrame({"close": ["1080", "1085"], "volume": ["3,25K", "12,5K"]})
    values = values_of(frame, Place("f.csv", {}, np.arange(1, 3)))
    assert list(values["volume"]) == [3250, 12500]


def test_two_levels_become_a_symbol_column():
    days = pd.to_datetime(["2020-01-02", "2020-01-03"])
    columns = pd.MultiIndex.from_product([["Close", "Volume"], ["A", "B"]], names=["Price", "Ticker"])
    frame = pd.DataFrame([[1.0, 2.0, 3, 4], [5.0, np.nan, 7, np.nan]], index=days, columns=columns)
    normal, _place = with_normal_names(frame, "f")
    assert list(normal["symbol"]) == ["A", "A", "B"]
    assert list(normal["close"]) == [1.0, 5.0, 2.0]
    swapped, _ = with_normal_names(frame.swaplevel(axis=1), "f")
    assert list(swapped["close"]) == [1.0, 5.0, 2.0]


def test_index_is_a_column_where_it_says_something():
    days = pd.to_datetime(["2020-01-02", "2020-01-03"])
    close = pd.DataFrame({"Close": [1.0, 2.0]})
    for frame in (close.set_index(days), close.set_index(days.rename("Date"))):
        assert list(with_normal_names(frame, "f")[0]["date"]) == list(days)
    dated = close.assign(date=days)
    assert list(with_normal_names(dated.set_index("date", drop=False), "f")[0]["date"]) == list(days)
    assert "index" not in with_normal_names(dated.set_axis([7, 9]), "f")[0].columns


def test_blank_rows_are_no_rows_but_count():
    frame = pd.DataFrame({"close": [1.0, None, 3.0]})
    normal, place = with_normal_names(frame, "f")
    assert list(normal["close"]) == [1.0, 3.0]
    assert list(place.row) == [1, 3]


@pytest.mark.parametrize("name", ["Symbol", "TICKER", "Name", "unique_id"])
def test_symbols(name):
    frame, place = with_normal_names(pd.DataFrame({name: [" B", "A", "B"]}), "f")
    codes, symbols = symbols_of(frame, "stem", place)
    assert symbols == ("A", "B")
    assert list(codes) == [1, 0, 1]


def test_symbol_columns_have_a_rank():
    frame, place = with_normal_names(pd.DataFrame({"Name": ["Apple"], "Ticker": ["AAPL"]}), "f")
    assert symbols_of(frame, "stem", place)[1] == ("AAPL",)


def test_an_empty_symbol():
    frame, place = with_normal_names(pd.DataFrame({"Ticker": ["A", " "], "close": [1, 2]}), "f")
    with pytest.raises(DataError, match=r"symbol is empty.*row 2, column Ticker"):
        symbols_of(frame, "stem", place)


CELLS = [
    "1,080.5", "2,134.7", "0,080", "1 080", "12,34,567.8", "-3.5", "$105.51", "3.31M", "1e3", "", "n/a", "x",
    "1.5%", "007", "9" * 309, "1'008.64", "1,08", "5", None, "１２", "1.080.000,5", "0.080",
]  # fmt: skip


@pytest.mark.parametrize("decimal", [".", ","])
def test_texts_read_together_are_the_numbers_of_each(decimal):
    numbers, text = _numbers(pd.Series(CELLS, dtype="str"), decimal)
    each = [np.nan if cell is None else number(cell, decimal) for cell in CELLS]
    assert list(text) == [one is None for one in each]
    np.testing.assert_array_equal(numbers, [np.nan if one is None else one for one in each])


def test_the_date_that_is_named_is_taken_also_where_it_only_counts():
    with pytest.raises(DataError, match="not a date"):
        gc.load(
            pd.DataFrame({"n": [1, 2], "when": ["2021-03-01", "2021-03-02"], "close": [1.0, 2.0]}), date="n"
        )
