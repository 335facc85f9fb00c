import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatecast.data.prices import Prices
from gatecast.data.sources import load
from gatecast.errors import DataError, SettingError

from ..conftest import FULL  # isort: skip


def test_what_prices_are(frame):
    prices = Prices.from_frame(frame, symbol="A", source="here")
    assert list(prices.table.columns) == [
        "symbol", "session", "open", "high", "low", "close", "adj_close", "volume",
    ]  # fmt: skip
    assert set(prices.table.dtypes[2:]) == {np.dtype("float64")}
    assert list(prices.table.index) == list(range(30))
    assert prices.symbols == ("A",)
    assert prices.source == ("here",)
    assert prices.calendar == {"A": "XNYS"}
    assert "Prices of A: 30 rows, 2020-01-02 .. 2020-02-13" in repr(prices)
    assert "nothing odd" in prices._repr_html_()


def test_first_is_where_each_symbol_starts(frame):
    many = pd.concat([frame.assign(symbol="B"), frame.head(7).assign(symbol="A"), frame.assign(symbol="C")])
    prices = Prices.from_frame(many)
    assert prices.symbols == ("A", "B", "C")
    np.testing.assert_array_equal(prices.first, [0, 7, 37])
    assert prices.first.dtype == np.int64


def test_the_frame_given_is_not_changed(frame):
    frame.loc[3, "Open"] = -1
    before = frame.copy()
    Prices.from_frame(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_select(frame):
    frame.loc[3, "Volume"] = 0
    other = frame.assign(symbol="B", Volume=7)
    prices = Prices.from_frame(pd.concat([frame.assign(symbol="A"), other]))
    assert prices.select("B").symbols == ("B",)
    assert prices.select(["B"]).oddities == ()
    assert [oddity.kind for oddity in prices.select(["A"]).oddities] == ["zero-volume"]
    assert prices.select(["B"]).sha256 == Prices.from_frame(other).sha256
    assert prices.select(["B", "A"]).sha256 == prices.sha256
    with pytest.raises(DataError, match=r'no symbol "AA".*Did you mean "A"'):
        prices.select(["AA"])
    with pytest.raises(SettingError, match="No symbol"):
        prices.select([])


def test_adjust_scales_the_four_prices(frame):
    plain = Prices.from_frame(frame).table
    adjusted = Prices.from_frame(frame, adjust=True).table
    for name in ("open", "high", "low", "close"):
        np.testing.assert_allclose(adjusted[name], plain[name] * 0.9)
    np.testing.assert_array_equal(adjusted["close"], plain["adj_close"])
    np.testing.assert_array_equal(adjusted["volume"], plain["volume"])


def test_adjust_needs_every_adjusted_close(frame):
    with pytest.raises(DataError, match="adjust=True needs the adjusted close, and there is none"):
        Prices.from_frame(frame.drop(columns="Adj Close"), adjust=True)
    frame.loc[2, "Adj Close"] = np.nan
    with pytest.raises(DataError, match="prices has none on 2020-01-06"):
        Prices.from_frame(frame, adjust=True)


def test_sha256_is_of_the_content(frame):
    prices = Prices.from_frame(frame)
    assert Prices.from_frame(frame, source="elsewhere").sha256 == prices.sha256
    assert Prices.from_frame(frame[::-1]).sha256 == prices.sha256
    assert Prices.from_frame(frame, symbol="B").sha256 == prices.sha256
    assert Prices.from_frame(frame.head(29)).sha256 != prices.sha256
    assert Prices.from_frame(frame.rename(columns={"Open": "opened"})).sha256 != prices.sha256
    changed = frame.copy()
    changed.loc[0, "Close"] = np.nextafter(changed.loc[0, "Close"], 0)
    assert Prices.from_frame(changed).sha256 != prices.sha256


def test_report(frame):
    frame.loc[3, "Volume"] = 0
    report = Prices.from_frame(frame, source="f.csv").report()
    assert "source    f.csv" in report
    assert "sessions  2020-01-02 .. 2020-02-13" in report
    assert "zero-volume: prices: 1 row has volume 0 (2020-01-07)" in report
    assert "    2020-01-07: close " in report
    assert "nothing odd" in Prices.from_frame(frame.head(3)).report()


def test_what_is_no_frame():
    with pytest.raises(DataError, match="cannot be read from a int"):
        Prices.from_frame(3)


def test_polars(frame):
    polars = pytest.importorskip("polars")
    assert Prices.from_frame(polars.from_pandas(frame)).sha256 == Prices.from_frame(frame).sha256


def test_parquet_keeps_what_the_table_does_not_show(frame, tmp_path):
    prices = Prices.from_frame(frame[::-1], source="here", calendar="XKRX")
    prices.to_parquet(tmp_path / "prices.parquet")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = load(tmp_path / "prices.parquet")
    assert (again.sha256, again.source, again.calendar) == (prices.sha256, prices.source, prices.calendar)
    assert again.oddities == prices.oddities
    assert "unsorted" in {oddity.kind for oddity in again.oddities}
    pd.testing.assert_frame_equal(again.table, prices.table)


cell = st.one_of(st.just(float("nan")), st.floats(1e-3, 1e6))


@st.composite
def frames(draw):
    rows = draw(st.integers(1, 8))
    days = pd.bdate_range("2020-01-02", periods=rows)
    names = draw(st.lists(st.sampled_from(["open", "high", "low", "volume", "mood"]), unique=True))
    symbols = draw(st.lists(st.sampled_from(["A", "B.KS", "NA"]), min_size=1, unique=True))
    parts = []
    for symbol in symbols:
        part = {
            "symbol": symbol,
            "date": days,
            "close": draw(st.lists(st.floats(1e-3, 1e6), min_size=rows, max_size=rows)),
        }
        part |= {name: draw(st.lists(cell, min_size=rows, max_size=rows)) for name in names}
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


@given(frames(), st.randoms(use_true_random=False))
@settings(
    max_examples=25 if FULL else 4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_order_case_and_a_round_trip_keep_the_hash(tmp_path, frame, random):
    prices = Prices.from_frame(frame)
    columns = list(frame.columns)
    random.shuffle(columns)
    shuffled = frame[columns].rename(columns=lambda name: random.choice([name, name.upper(), name.title()]))
    assert Prices.from_frame(shuffled).sha256 == prices.sha256
    by_date = frame.sort_values("date", ascending=random.choice([True, False]), kind="stable")
    assert Prices.from_frame(by_date).sha256 == prices.sha256
    path = tmp_path / "prices.parquet"
    prices.to_parquet(path)
    shuffled.to_csv(path.with_suffix(".csv"), index=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert load(path).sha256 == prices.sha256
        assert load(path.with_suffix(".csv")).sha256 == prices.sha256


@pytest.mark.parametrize(
    "start", [np.int64(20200106), 20200106, "2020-01-06", pd.Timestamp("2020-01-06 15:00")]
)
def test_a_start_is_a_day_in_whatever_type(start):
    closes = np.arange(1.0, 31.0)
    frame = pd.DataFrame({"date": pd.bdate_range("2020-01-01", periods=30), "close": closes})
    prices = load(frame, start=start, calendar="weekdays")
    assert prices.table["session"].min() == pd.Timestamp("2020-01-06")


@pytest.mark.parametrize("start", [20200106.0, float("nan"), "", -5, "2020-01-06 15:00", [1]])
def test_what_is_no_day_is_refused(start):
    frame = pd.DataFrame({"date": pd.bdate_range("2020-01-01", periods=30), "close": np.arange(1.0, 31.0)})
    with pytest.raises(SettingError, match="start is not a date"):
        load(frame, start=start)


@pytest.fixture
def with_sectors(walk) -> Prices:
    sectors = {"A": "tech", "B": None, "C": "10"}
    parts = [walk(symbol, 30, 0).assign(sector=sector) for symbol, sector in sectors.items()]
    return Prices.from_frame(pd.concat(parts), calendar="weekdays")


def test_text_of_a_symbol_is_a_column_and_part_of_the_hash(with_sectors):
    table = with_sectors.table
    assert with_sectors.texts == ("sector",)
    assert table.groupby("symbol")["sector"].unique().map(list).to_dict() == {
        "A": ["tech"],
        "B": [""],
        "C": ["10"],
    }
    other = Prices.from_frame(table.replace({"sector": {"tech": "bank"}}), calendar="weekdays")
    assert other.sha256 != with_sectors.sha256
    assert Prices.from_frame(table, calendar="weekdays").sha256 == with_sectors.sha256
    without = Prices.from_frame(table.drop(columns="sector"), calendar="weekdays")
    assert with_sectors.has_hash(without.sha256)  # as earlier versions read it
    assert not without.has_hash(with_sectors.sha256)


@pytest.mark.parametrize("symbols", [["A", "B", "C"], ["A"], ["B"], ["C"]])
def test_text_comes_back_from_a_file(with_sectors, tmp_path, symbols):
    """Also where what is left of it looks like a number, or is empty."""
    part = with_sectors.select(symbols)
    part.to_parquet(tmp_path / "p.parquet")
    again = load(tmp_path / "p.parquet")
    assert (again.sha256, again.texts) == (part.sha256, part.texts)
    pd.testing.assert_frame_equal(again.table, part.table)
    assert part.texts == (() if symbols == ["B"] else ("sector",))


def test_a_source_without_the_text_leaves_it_empty(with_sectors, walk):
    both = load([with_sectors.table, walk("D", 30, 0)], calendar="weekdays")
    assert both.table.groupby("symbol")["sector"].first().to_dict() == {
        "A": "tech",
        "B": "",
        "C": "10",
        "D": "",
    }
