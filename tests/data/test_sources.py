import os
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest

from gatecast.data.prices import Prices
from gatecast.data.sources import load
from gatecast.errors import DataError, DataWarning, SettingError


def refused(source, words, **options):
    with pytest.raises(DataError, match=words) as caught:
        load(source, **options)
    return caught.value


def oddities(source, **options):
    """Loads; each oddity must be warned of exactly once."""
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        prices = load(source, **options)
    assert [str(warning.message) for warning in given] == [oddity.text for oddity in prices.oddities]
    assert {warning.category for warning in given} <= {DataWarning}
    assert {warning.filename for warning in given} <= {__file__}
    return prices, {oddity.kind: oddity for oddity in prices.oddities}


@pytest.mark.parametrize(
    ("name", "symbol", "odd"), [("sp500", "SP500", set()), ("nasdaq", "NASDAQ", {"zero-volume"})]
)
def test_samples(name, symbol, odd):
    prices, found = oddities(f"sample:{name}")
    assert prices.symbols == (symbol,)
    assert len(prices.table) == 5031
    assert str(prices.table["session"].iloc[0].date()) == "1999-01-04"
    assert set(found) == odd


def test_csv(write):
    file = write(
        "Date,Open,High,Low,Close,Adj Close,Volume,Note",
        '1/2/2020,1000,1010,990,"1,008.64",900.5,"7,380,500",fine',
        '1/3/2020,1000,1010,990,999.5,900.5,"7,380,500",',
        '1/13/2020,1000,1010,990,"1,001",900.5,-,x',
    )
    prices, found = oddities(file)
    assert prices.symbols == ("prices",)
    assert prices.source == (str(file),)
    assert list(prices.table["close"]) == [1008.64, 999.5, 1001]
    assert list(prices.table.columns[2:]) == ["open", "high", "low", "close", "adj_close", "volume"]
    assert found["bad-volume"].count == 1
    assert found["missing-session"].count == 5
    assert load_quietly(str(file)).sha256 == prices.sha256


def load_quietly(source, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return load(source, **options)


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_separators(write, separator):
    file = write(separator.join(["Date", "Close"]), separator.join(["2020-01-02", "1.5"]))
    assert list(load(file).table["close"]) == [1.5]


def test_windows_lines_and_byte_order_mark(tmp_path):
    file = tmp_path / "prices.csv"
    file.write_bytes(b"\xef\xbb\xbfDate,Close\r\n2020-01-02,1.5\r\n2020-01-03,2\r\n\r\n")
    assert list(load(file).table["close"]) == [1.5, 2]


def test_numbers_are_read_to_the_last_bit(write):
    assert (
        load(write("Date,Close", "2020-01-02,0.1234567890123456789")).table["close"][0]
        == 0.1234567890123456789
    )


def test_symbols_that_look_like_nothing(write):
    file = write("Date,Ticker,Close", "2020-01-02,NA,1", "2020-01-02,TRUE,2", "2020-01-02,005930,3")
    assert load(file).symbols == ("005930", "NA", "TRUE")


def test_what_pandas_writes_with_an_index(frame, tmp_path):
    file = tmp_path / "prices.csv"
    frame.set_index("Date").rename_axis(None).to_csv(file)
    expected = load(file).sha256
    frame.to_csv(file)
    assert load(file).sha256 == expected


def test_what_yfinance_writes(write):
    file = write(
        "Price,Close,Volume",
        "Ticker,TSLA,TSLA",
        "Date,,",
        "2020-01-02,1.5,7",
        "2020-01-03,2.5,8",
    )
    prices = load(file)
    assert prices.symbols == ("TSLA",)
    assert list(prices.table["close"]) == [1.5, 2.5]


def test_blank_lines_are_counted_as_rows_of_the_file(write):
    file = write("Date,Close", "2020-01-02,1", "", "2020-01-06,x")
    assert refused(file, "not a number.*row 3, column Close, value x").row == 3


def test_parquet_of_others(frame, tmp_path):
    frame.to_parquet(tmp_path / "tsla.parquet")
    prices = load(tmp_path / "tsla.parquet")
    assert prices.symbols == ("tsla",)
    assert prices.sha256 == load_renamed(frame, "tsla").sha256


def load_renamed(frame, name):
    return load(frame.assign(symbol=name))


def test_frames_and_lists(frame):
    assert load(frame).symbols == ("prices",)
    assert load(frame).source == ("DataFrame",)
    both = load([frame.assign(symbol="A"), "sample:sp500"], end="2020-01-10")
    assert both.symbols == ("A", "SP500")
    assert both.source == ("DataFrame", "sample:sp500")
    assert both.calendar == {"A": "XNYS", "SP500": "XNYS"}
    assert load((frame.head(10), frame.tail(20))).sha256 == load(frame).sha256
    refused([frame, frame.tail(3)], "prices has the date 2020-02-11 in two sources")
    refused([], "no source")


def test_columns_that_one_source_lacks_are_empty(frame):
    bare = frame[["Date", "Close"]].assign(symbol="B")
    prices = load_quietly([frame.assign(symbol="A", mood=1), bare])
    assert list(prices.table.columns[2:]) == ["open", "high", "low", "close", "adj_close", "volume", "mood"]
    assert prices.table["open"].isna().sum() == 30


def test_start_and_end_are_inclusive(frame):
    prices = load(frame, start="2020-01-06", end=pd.Timestamp("2020-01-08"))
    assert [str(day.date()) for day in prices.table["session"]] == ["2020-01-06", "2020-01-07", "2020-01-08"]
    refused(frame, "no rows with start 2021-01-01.*2020-01-02 .. 2020-02-13", start="2021-01-01")
    with pytest.raises(SettingError, match="start is not a date: soon"):
        load(frame, start="soon")


def test_oddities_are_those_of_the_rows_asked_for(frame):
    frame.loc[3, "Volume"] = 0
    assert set(oddities(frame)[1]) == {"zero-volume"}
    assert set(oddities(frame, start="2020-01-10")[1]) == set()


def test_symbols_and_calendar(frame):
    many = pd.concat([frame.assign(symbol=name) for name in "ABC"])
    assert load(many, symbols=["C", "A"]).symbols == ("A", "C")
    assert load(many, symbols="A").symbols == ("A",)
    refused(many, 'no symbol "D"', symbols=["A", "D"])
    assert set(load_quietly(many, calendar="XKRX").calendar.values()) == {"XKRX"}
    with pytest.raises(SettingError, match='no calendar "XXXX"'):
        load(many, calendar="XXXX")


def test_adjust(frame):
    np.testing.assert_array_equal(load(frame, adjust=True).table["close"], frame["Adj Close"])


def test_newest_first(frame):
    _, found = oddities(frame[::-1])
    assert found["unsorted"].count == 30


# --- what cannot be read --------------------------------------------------------------------------------


def test_sources_that_do_not_exist(tmp_path, write):
    file = write("Date,Close", "2020-01-02,1")
    refused(tmp_path / "price.csv", 'price.csv: there is no such file. Did you mean ".*prices.csv"')
    refused(str(file.parent / "nowhere" / "x.csv"), 'The folder ".*nowhere" does not exist either')
    refused("sp500", 'Did you mean "sample:sp500"')
    refused("sample:sp50", 'no sample "sp50". Did you mean "sp500".*sample:sp500 and sample:nasdaq')
    refused("yaho:TSLA", 'no kind of source "yaho:". Did you mean "yahoo"')
    refused("yahoo:TSLA,AAPL", '"TSLA,AAPL" is no symbol.*a list of such sources')
    refused("yahoo:", '"" is no symbol')
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "this is a folder without price files")
    refused(object(), "cannot be read from a object")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b" \n\n", "the file is empty"),
        (b"Date,Close\n", "there are no rows"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "not UTF-8 text"),
        ("Date,Close\n2020-01-02,1\n한글,2\n".encode("cp949"), "not a date.*row 2"),
        (b"Date,Close\n\0\0\0", "binary file"),
        (b"Date,Close\n2020-01-02,1\n2020-01-03,1,008.64\n", "the row has 3 cells and the header 2.*row 2"),
        (b"Date,Close\n2020-01-02,1,5\n2020-01-03,1,6\n", "more cells than the header.*needs quotes"),
        (b'Date,Close\n2020-01-02,1\n"2020-01-03,1\n', "a quote is opened and never closed.*row 2"),
        (b"just some words\nand more\n", "no column of dates"),
        (b"Date;Close\n2020-01-02;1234,5.6\n", "not a number.*row 1, column Close, value 1234,5.6"),
        (b"Date,Close,Open\n2020-01-02,1,1\n2020-01-03,,1\n2020-01-06,2,1\n", "close is empty.*row 2"),
        (b"Date,Close\n2020-01-02,\n2020-01-03,\n", "no row has a price"),
        (b"Date,Close\n2020-01-02,1\n2020-02-31,1\n", "no such date.*row 2, column Date, value 2020-02-31"),
        (b"Date,Close\n2020-01-02,1\n2020-01-03,0\n", "is 0, far from the closes around it.*row 2.*value 0"),
        (b"Date,Close\n2020-01-02,1\n2020-01-03,1e308\n", "too large or too small for a price.*row 2"),
        (b"Date,Close\n2020-01-02,1\n2020-01-03,1e-40\n", "too large or too small for a price.*row 2"),
        (b"Date,Close\n2020-01-02,1\n2020-01-03,inf\n", "row 2, column Close, value inf"),
        (b"Date,Close\n2020-01-02,1\n2020-01-02,2\n", "twice, with other values in row 1.*row 2"),
        (b"Date,Open\n2020-01-02,1\n", "no close column"),
    ],
)
def test_bad_csv(tmp_path, content, words):
    file = tmp_path / "bad.csv"
    file.write_bytes(content)
    error = refused(file, words)
    assert str(file) in str(error)


@pytest.mark.parametrize("content", [b"PAR1", b"Date,Close\n2020-01-02,1\n", b"PAR1" + b"\0" * 40 + b"PAR1"])
def test_bad_parquet(tmp_path, content):
    file = tmp_path / "bad.parquet"
    file.write_bytes(content)
    refused(file, "not a Parquet file")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a file that may not be read")
def test_a_file_that_may_not_be_read(write):
    file = write("Date,Close")
    file.chmod(0)
    refused(file, "cannot be read")


def test_thousands_of_symbols():
    days = pd.bdate_range("2020-01-02", periods=25)
    close = np.random.default_rng(0).uniform(90, 110, 25 * 2_000)
    many = pd.DataFrame(
        {
            "date": np.tile(days, 2_000),
            "symbol": np.repeat([f"S{number:05d}" for number in range(2_000)], 25),
            "close": close,
        }
    )
    prices, found = oddities(many)
    assert len(prices.symbols) == 2_000
    assert found["no-session"].count == 2_000


@pytest.mark.slow
@pytest.mark.full
def test_yfinance_stays_out_of_the_way():
    code = (
        "import sys, gatecast.data.sources as s; s.load('sample:sp500'); assert 'yfinance' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# --- real files -----------------------------------------------------------------------------------------


def test_google(real):
    prices, found = oddities(real("google_stock_price_train.csv"))
    assert set(found) == {"close-outside-range", "split"}
    assert found["close-outside-range"].count == 560
    assert "560 rows have close above high" in found["close-outside-range"].text
    assert found["split"].count == 1
    assert (
        found["split"].rows[0].startswith("2014-03-27: close 1128.87 → 556.93, as in a 2:1 split, while open")
    )
    assert len(prices.table) == 1258
    assert prices.table["close"].iloc[[0, -1]].tolist() == [663.59, 771.82]
    assert oddities(real("google_stock_price_test.csv"))[1] == {}


def test_samsung(real):
    prices, found = oddities(real("samsung_005930_ks.csv"))
    assert set(found) == {"filler", "missing-session", "no-session"}
    assert found["filler"].count == 127
    assert found["no-session"].count == 99
    assert found["missing-session"].rows == tuple(
        f"{day}: no row" for day in ("2007-03-02", "2017-09-22", "2017-12-20", "2022-01-03", "2022-05-09")
    )
    assert len(prices.table) == 5913
    assert set(prices.calendar.values()) == {"XKRX"}


def test_kospi(real):
    prices, found = oddities(real("kospi.csv"))
    assert found["zero-volume"].rows[0].startswith("2019-04-19")
    assert found["missing-session"].rows == ("2019-11-14: no row",)
    assert prices.table["close"].iloc[[0, -1]].tolist() == [2206.199951, 2267.149902]


def test_tesla(real):
    prices, found = oddities(real("tsla.csv"))
    assert found == {}
    assert len(prices.table) == 2541


@pytest.mark.slow
@pytest.mark.full
def test_sp500_members(real):
    prices, found = oddities(real("sp500_5yr.parquet"))
    assert len(prices.symbols) == 505
    assert len(prices.table) == 619_040
    assert set(prices.select(["DISCA", "LNT", "AAPL"]).symbols) == {"AAPL", "DISCA", "LNT"}
    assert found["zero-volume"].count == 4
    # README: 9 rows; in one of them high and low are the wrong way round.
    assert found["close-outside-range"].count == 8
    assert {row.split()[0] for row in found["split"].rows} == {"DISCA", "DISCK"}
    # LNT: one close is halved, and the next is not. BAX, NI: spin-offs.
    assert found["jump"].count == 21


def test_a_table_without_prices(real):
    refused(real("california_housing_test.csv"), "no column of dates")


def own_parquet(tmp_path):
    days = pd.date_range("2021-01-01", periods=60)
    close = 100 + np.arange(60.0)
    table = {
        "symbol": "A",
        "date": days,
        "open": close,
        "high": close,
        "low": close,
        "close": close,
        "volume": 1.0,
    }
    prices = Prices.from_frame(pd.DataFrame(table), calendar="daily")
    prices.to_parquet(tmp_path / "own.parquet")
    return tmp_path / "own.parquet"


def rewritten(path, **metadata):
    """The file with other metadata; None removes an entry."""
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    changed = {**(table.schema.metadata or {}), **{name.encode(): value for name, value in metadata.items()}}
    pq.write_table(table.replace_schema_metadata({k: v for k, v in changed.items() if v is not None}), path)
    return path


def test_gatecasts_own_parquet_with_an_edited_close_is_refused(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = own_parquet(tmp_path)
    table = pq.read_table(path)
    close = table["close"].to_pylist()
    close[7] *= 1.01
    place = table.schema.get_field_index("close")
    pq.write_table(table.set_column(place, "close", pa.array(close)), path)
    with pytest.raises(DataError, match="its prices were changed after gatecast wrote it"):
        load(path)


@pytest.mark.parametrize(
    "note",
    [b"{}", b"[]", b"3", b"\xff\xfe", b"[" * 10**5,
     b'{"source": 3, "calendar": {}, "oddities": [], "sha256": ""}',
     b'{"source": ["x"], "calendar": {"A": 3}, "oddities": [], "sha256": ""}',
     b'{"source": ["x"], "calendar": {}, "oddities": [{}], "sha256": ""}'],
)  # fmt: skip
def test_a_damaged_note_of_gatecast_is_refused(tmp_path, note):
    with pytest.raises(DataError, match="what gatecast wrote beside the table is damaged"):
        load(rewritten(own_parquet(tmp_path), gatecast=note))


@pytest.mark.parametrize(
    "note", [b"{}", b"[]", b"\xff", b'{"index_columns": ["nowhere"], "columns": []}', b"[" * 10**5]
)
def test_a_damaged_note_of_pandas_is_no_matter(tmp_path, note):
    path = rewritten(own_parquet(tmp_path), pandas=note, gatecast=None)
    assert len(load(path, calendar="daily").table) == 60


def test_more_than_2000_columns_are_refused_before_they_are_read(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    wide = {f"c{i}": [1.0] for i in range(2001)}
    pq.write_table(pa.table(wide), tmp_path / "wide.parquet")
    (tmp_path / "wide.csv").write_text(",".join(wide) + "\n" + ",".join(["1"] * len(wide)))
    for source in (tmp_path / "wide.parquet", tmp_path / "wide.csv", pd.DataFrame(wide)):
        with pytest.raises(DataError, match="there are 2,001 columns; at most 2,000 are read"):
            load(source)


def test_a_parquet_of_very_many_rows_is_refused_before_it_is_read(tmp_path, monkeypatch):
    from gatecast import memory
    from gatecast.errors import InputError

    monkeypatch.setattr(memory, "available", lambda: 10_000)
    with pytest.raises(InputError, match=r"reading 60 rows of 7 columns would need"):
        load(own_parquet(tmp_path))


@pytest.mark.parametrize("cell", ["9" * 309, "1" + "0" * 400, "1e400", '"' + ",".join(["999"] * 120) + '"'])
def test_a_number_beyond_all_numbers_is_refused(tmp_path, cell):
    (tmp_path / "a.csv").write_text(f"date,close\n2021-03-01,1\n2021-03-02,{cell}\n")
    with pytest.raises(DataError, match="the close is too large or too small for a price") as caught:
        load(tmp_path / "a.csv")
    assert len(str(caught.value)) < 300


def test_control_characters_of_names_are_shown_as_escapes(tmp_path):
    (tmp_path / "a.csv").write_text("date,symbol,close,o\x1b[2Jd\n2021-03-01,A\x1b[31m\u202e,1,2\n")
    prices = load(tmp_path / "a.csv")
    assert prices.symbols == ("A\\x1b[31m\\u202e",)
    assert prices.report().replace("\n", "").isprintable()
    with pytest.raises(DataError) as caught:
        load(pd.DataFrame({"\x1b[2J": [1], **{f"c{i}": [1] for i in range(50)}}))
    assert str(caught.value).isprintable() and "in all" in str(caught.value)


@pytest.mark.parametrize("odd", ["lists", "time zone"])
def test_cells_that_are_no_dates_are_one_message(odd, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    dates = {
        "lists": pa.array([[1]] * 30),
        "time zone": pa.array(range(30), pa.timestamp("us", "Mars/X")),
    }
    pq.write_table(pa.table({"Date": dates[odd], "Close": pa.array([1.0] * 30)}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"a\.parquet: "):
        load(tmp_path / "a.parquet")


def test_a_name_too_long_for_the_system_is_no_file():
    with pytest.raises(DataError, match="there is no such file"):
        load("v" * 300 + ".csv")


@pytest.mark.parametrize("symbol", ["X", ""])
def test_a_name_for_data_that_name_their_symbols_is_refused(symbol) -> None:
    with pytest.raises(SettingError, match="the data name their symbols themselves: SP500"):
        load("sample:sp500", symbol=symbol)


@pytest.mark.parametrize("source", [1, [1]])
def test_prices_that_were_read_are_not_read_again(source) -> None:
    prices = load("sample:sp500", start="2018-01-01")
    with pytest.raises(DataError, match="read already"):
        load(prices if source == 1 else [prices])


def test_a_symbol_is_a_text() -> None:
    frame = pd.DataFrame({"date": pd.bdate_range("2020-01-01", periods=30), "close": np.arange(1.0, 31.0)})
    with pytest.raises(SettingError, match="symbol = 5930: must be text in quotes"):
        load(frame, symbol=5930)
