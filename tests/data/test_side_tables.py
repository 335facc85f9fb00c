"""Joined series: a bar reads what was known at its close, and nothing by its date alone."""

import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast.data.side_tables import future_table
from gatecast.errors import DataError, SettingError

DAYS = pd.to_datetime(["2024-05-01", "2024-05-02", "2024-05-03", "2024-05-06", "2024-05-07", "2024-05-08"])


@pytest.fixture
def prices() -> gc.Prices:
    frame = pd.DataFrame({"date": DAYS, "close": np.arange(100.0, 106.0)})
    return gc.Prices.from_frame(frame, symbol="A", calendar="XNYS")


def joined(prices: gc.Prices, table: object, **how: str) -> list[float]:
    """The only column that is joined."""
    whole = gc.join(prices, table, **how).table
    (column,) = set(whole.columns) - set(prices.table.columns)
    return whole[column].tolist()


def macro(**columns: object) -> pd.DataFrame:
    return pd.DataFrame(
        {"date": ["2024-05-01", "2024-05-03", "2024-05-06"], "cpi": [1.0, 2.0, 3.0], **columns}
    )


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("0d", [1, 1, 2, 3, 3, 3]),
        ("1d", [np.nan, 1, 1, 2, 3, 3]),
        ("2d", [np.nan, np.nan, 1, 2, 2, 3]),
        ("15h", [1, 1, 2, 3, 3, 3]),  # before the close at 16:00 in New York
        ("16h", [1, 1, 2, 3, 3, 3]),
        ("16h1min", [np.nan, 1, 1, 2, 3, 3]),
    ],
)
def test_a_row_is_known_some_time_after_its_own(prices, after, expected):
    np.testing.assert_array_equal(joined(prices, macro(), known_after=after), expected)


def test_a_column_says_when_a_row_was_published(prices):
    table = macro(Released=["2024-05-03", "2024-05-03 16:30", "2024-05-07 08:30"])
    expected = [np.nan, np.nan, 1, 2, 3, 3]
    np.testing.assert_array_equal(joined(prices, table, known_after="released"), expected)
    stamps = table.assign(Released=pd.to_datetime(table["Released"], format="mixed"))
    np.testing.assert_array_equal(joined(prices, stamps, known_after="Released"), expected)


@pytest.mark.parametrize(
    ("moment", "first"),
    [
        ("2024-05-03 20:00+00:00", 2),  # the close of New York
        ("2024-05-03 20:01+00:00", 3),
        ("2024-05-03T22:00:00+02:00", 2),
        ("2024-05-04 05:01:00+09:00", 3),
        ("2024-05-03 00:00+00:00", 2),  # the evening of the 2nd, after the close
        ("2024-05-02 23:00+00:00", 2),
    ],
)
def test_a_time_zone_counts(prices, moment, first):
    table = pd.DataFrame({"date": ["2024-05-01"], "cpi": [1.0], "released": [moment]})
    found = joined(prices, table, known_after="released")
    assert np.flatnonzero(np.isfinite(found))[0] == first
    table = table.assign(released=pd.to_datetime(table["released"]))
    assert joined(prices, table, known_after="released")[first] == 1


def test_a_revision_counts_and_what_comes_late_does_not(prices):
    table = pd.DataFrame(
        {
            "date": ["2024-04-01", "2024-04-02", "2024-04-01", "2024-04-02"],
            "released": ["2024-05-01", "2024-05-02", "2024-05-03", "2024-05-06"],
            "cpi": [1.0, 2.0, 1.5, 2.5],
        }
    )
    np.testing.assert_array_equal(joined(prices, table, known_after="released"), [1, 2, 2, 2.5, 2.5, 2.5])


def test_a_missing_value_is_the_last_one(prices):
    table = macro().assign(cpi=[1.0, np.nan, 3.0])
    np.testing.assert_array_equal(joined(prices, table, known_after="0d"), [1, 1, 1, 3, 3, 3])


def test_each_exchange_has_its_own_close():
    frames = [pd.DataFrame({"symbol": name, "date": DAYS[1:], "close": 1.0 + np.arange(5)}) for name in "TY"]
    prices = gc.Prices.from_frame(pd.concat(frames), calendar={"T": "XHKG", "Y": "XNYS"})
    table = pd.DataFrame({"date": ["2024-05-01"], "cpi": [1.0], "released": ["2024-05-03 12:00+00:00"]})
    found = gc.join(prices, table, known_after="released").table.set_index("symbol")["cpi"]
    assert np.isfinite(found["T"]).tolist() == [False, False, True, True, True]
    assert np.isfinite(found["Y"]).tolist() == [False, True, True, True, True]


def test_a_table_with_symbols_is_joined_by_them(prices):
    table = pd.concat([macro(symbol="A"), macro(symbol="B").assign(cpi=9.0)])
    np.testing.assert_array_equal(joined(prices, table, known_after="0d"), [1, 1, 2, 3, 3, 3])
    with pytest.raises(
        DataError, match=r"nothing in it was known .* its symbols are B, those of the prices A"
    ):
        gc.join(prices, macro(symbol="B"), known_after="0d")


def test_names(prices, tmp_path):
    index = pd.DataFrame({"Date": DAYS, "Open": 1.0, "Close": np.arange(1.0, 7.0)})
    with pytest.raises(
        SettingError, match=r'have a column "open" already; say what the series is called, as na'
    ):
        gc.join(prices, index, known_after="0d")
    assert {"vix_open", "vix_close"} < set(gc.join(prices, index, known_after="0d", name="VIX").table)
    close = index.drop(columns="Open")
    assert "vix" in gc.join(prices, close, known_after="0d", name="vix").table
    close.rename(columns={"Close": "VALUE"}).to_csv(tmp_path / "fred.csv", index=False)
    assert gc.join(prices, tmp_path / "fred.csv", known_after="1d").table["value"].tolist()[1:] == [
        *range(1, 6)
    ]
    series = gc.Prices.from_frame(close, symbol="VIX", calendar="XNYS")
    np.testing.assert_array_equal(joined(prices, series, known_after="0d", name="vix"), range(1, 7))


def test_it_is_written_down_and_read_again(prices, tmp_path):
    whole = gc.join(gc.join(prices, macro(), known_after="1d"), macro(), known_after="2d", name="a late one")
    assert list(whole.table.columns[2:]) == ["close", "a_late_one", "cpi"]
    assert whole.source == ("DataFrame", "DataFrame (known after 1d)", "DataFrame (known after 2d)")
    whole.to_parquet(tmp_path / "p.parquet")
    again = gc.load(tmp_path / "p.parquet")
    assert (again.sha256, again.source) == (whole.sha256, whole.source)
    assert whole.sha256 != prices.sha256


@pytest.mark.parametrize("after", ["soon", "-1d", "NaT", "relaesed"])
def test_what_says_no_moment(prices, after):
    with pytest.raises(
        SettingError, match=f"known_after = '{after}': is neither a time, as 1d or 16h30min, nor"
    ):
        gc.join(prices, macro(released="2024-05-07"), known_after=after)


def test_what_cannot_be_joined(prices):
    with pytest.raises(
        DataError, match=r"known before its own date .row 2, column released, value 2024-05-02"
    ):
        gc.join(prices, macro(released=["2024-05-02"] * 3), known_after="released")
    with pytest.raises(DataError, match="nothing in it was known at any bar"):
        gc.join(prices, macro(), known_after="30d")
    with pytest.raises(DataError, match="no column of numbers"):
        gc.join(prices, macro()[["date"]].assign(note="a"), known_after="0d")
    with pytest.raises(DataError, match="no column of dates"):
        gc.join(prices, macro()[["cpi"]], known_after="0d")
    with pytest.raises(DataError, match="there are no rows"):
        gc.join(prices, macro()[:0], known_after="0d")


def test_the_bars_ahead_as_a_table(tmp_path):
    table = pd.DataFrame({"Date": ["2024-05-09", "2024-05-10"], "Earnings": [1, 0], "Ticker": ["A", "B"]})
    table.to_csv(tmp_path / "next.csv", index=False)
    for source in (table, tmp_path / "next.csv"):
        found = future_table(source)
        assert found["session"].dt.strftime("%Y-%m-%d").tolist() == table["Date"].tolist()
        assert (found["earnings"].tolist(), found["symbol"].tolist()) == ([1, 0], ["A", "B"])
    assert "symbol" not in future_table(table.drop(columns="Ticker"))
