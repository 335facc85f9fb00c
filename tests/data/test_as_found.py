"""Files as they are found: kinds that were refused, or read wrong, when public files were tried."""

import warnings
from pathlib import Path

import numpy as np
import pytest

import gatecast as gc
from gatecast.errors import DataError, DataWarning

DAYS = [f"2021-03-{day:02}" for day in (1, 2, 3, 4, 5, 8, 9, 10, 11, 12)]


def load(path: Path, **reading: object) -> gc.Prices:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return gc.load(path, **reading)  # type: ignore[arg-type]


def table(header: str, row: str) -> str:
    """A line for each day; {day} and {n} = 1 … 10 in `row`."""
    lines = [row.format(day=day, n=n, n2=f"{n:02}") for n, day in enumerate(DAYS, start=1)]
    return "\n".join([header, *lines]) + "\n"


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        # The volume settles what the comma is; in the same way the percents of Korean files do.
        (table("Data,Último,Vol.,Var%", '{day},"1{n2}.250","13,20M","-0,18%"'), 101250, 110250),
        (table("날짜,종가,거래량,변동 %", '{day},"76,{n2}0","15,060,000","0.13%"'), 76010, 76100),
        (table("날짜,종가,거래량", '{day},"24,4{n2}원","2,971,436건"'), 24401, 24410),
        # Names in two languages, and dates in a column that no name tells.
        (table("日期Date,收盘Close,成交量（万手）Volume(M Shares)", "{day},3.{n2},7"), 3.01, 3.10),
        (table("index,open,close", "202103{n2},1.{n2},1.{n2}"), 1.01, 1.10),
        (table("Ngày,Lần cuối,Mở", '{day},"1.0{n2},5","1.0{n2},5"'), 1001.5, 1010.5),
        # Lines that a spreadsheet took for one cell; a line of symbols; lines below without a header above.
        (table('"Date;Open;Close"', '"{day};1.{n2};1.{n2}"'), 1.01, 1.10),
        (table("Date,Close,Ticker,MA\n,AAPL,,", "{day},3.{n2},AAPL,"), 3.01, 3.10),
        (table("Date,Close\nDate,Close", "{day},3.{n2}"), 3.01, 3.10),
        (table("20210226,1.0,1.0,1.0,1.0,7", "{day},1.{n2},1.{n2},1.{n2},1.{n2},7") + "note: 7\n", 1.0, 1.10),
        (table("Date,Close,Volume,,,", "{day},3.{n2},7,,,"), 3.01, 3.10),
        # Rows of zeros on days without a trade.
        (
            table("Date,Open,High,Low,Close\n2021-02-26,0.00,0,0,0", "{day},1.{n2},1.{n2},1.{n2},1.{n2}"),
            1.01,
            1.1,
        ),
        (table("Date,Close", "110/03/{n2},3.{n2}"), 3.01, 3.10),
        (table("Datum;Schluss;Volumen", "{day};3,{n2};1,23321E+11"), 3.01, 3.10),
    ],
    ids=range(14),
)
def test_the_prices(text: str, first: float, last: float, tmp_path: Path) -> None:
    file = tmp_path / "found.csv"
    file.write_text(text, "utf-8")
    close = load(file).table["close"]
    assert (close.iloc[0], close.iloc[-1]) == (first, last)


MONTHS = [f"{month}/1/7{year}" for year in range(5) for month in range(1, 13)]
NAMED = [f"{month} 2{year}" for year in range(3) for month in ("Jan", "Feb", "Mar", "Apr", "May")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (table("DATE,OPEN,CLOSE,VOLUME,,", "{day},1,48583,1,49050,7"), "4 names and the rows 6.*quotes"),
        (table("Date,Price,Open,Close,Volume", "{day},1.5,1.5,7"), "5 names and the rows 4 cells"),
        (table("Date,Close,Volume", "{day},,7"), "no row has a price"),
        (table("Date,Close", "{day},3") + ",\nx,\n" * 30, "line is no row of prices.*several side by side"),
        (table("pair,date,Close", "a,{day},3") + table("b,2021-03-01,7", "b,{day},{n}"), "symbol_column="),
    ],
    ids=range(5),
)
def test_what_is_refused(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "found.csv"
    file.write_text(text, "utf-8")
    with pytest.raises(DataError, match=words):
        load(file)


@pytest.mark.parametrize("months", [MONTHS, NAMED], ids=["dates", "names"])
def test_months_are_read_as_months(months: list[str], tmp_path: Path) -> None:
    file = tmp_path / "found.csv"
    file.write_text("Date,Close\n" + "".join(f"{month},{n + 5}\n" for n, month in enumerate(months)), "utf-8")
    assert load(file).frequency == "1mo"


def test_the_user_names_the_symbols(tmp_path: Path) -> None:
    file = tmp_path / "found.csv"
    file.write_text("currency,date,Close\n" + "".join(f"{name},{day},3\n" for name in "ab" for day in DAYS))
    assert load(file, symbol_column="currency").symbols == ("a", "b")


def test_a_table_without_dates(tmp_path: Path) -> None:
    file = tmp_path / "found.csv"
    file.write_text("Close\n1.5\n1.6\n1.7\n")
    with pytest.raises(DataError, match=r"no column of dates.*first_date="):
        load(file)
    with pytest.warns(DataWarning, match=r"taken to be the 3 sessions from 2021-03-05 on \(weekdays\)"):
        prices = gc.load(file, first_date="2021-03-05")
    assert [str(day.date()) for day in prices.table["session"]] == ["2021-03-05", "2021-03-08", "2021-03-09"]
    file.write_text("Date,Close\n2021-03-01,1.5\n")
    with pytest.raises(DataError, match="there is a column of dates"):
        load(file, first_date="2021-03-05")


def test_a_decimal_mark_that_is_given_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "found.csv"
    file.write_text(table("Date,Close", "{day},116.{n2}3"))
    with pytest.warns(
        DataWarning, match=r'"." is taken as the decimal mark, as in 116.013; if .*decimal=","'
    ):
        assert gc.load(file).table["close"].iloc[0] == 116.013
    assert load(file, decimal=",").table["close"].iloc[0] == 116013


def test_days_drawn_from_daily_bars_are_not_weekly(tmp_path: Path) -> None:
    all_days = np.arange("2015-01-01", "2021-01-01", dtype="datetime64[D]")
    days = np.sort(np.random.default_rng(1).choice(all_days, 300, replace=False))
    file = tmp_path / "found.csv"
    file.write_text("Date,Close\n" + "".join(f"{day},3\n" for day in days))
    assert len(load(file).table) == 300
