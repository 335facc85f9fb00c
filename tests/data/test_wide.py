"""Symbols side by side are a panel; indicators beside one price are not."""

import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast.errors import DataError, DataWarning

DAYS = pd.bdate_range("2021-03-01", periods=4, name="Date")
AAA, BBB = [10.0, 10.5, 10.25, 10.75], [200.0, 201.0, np.nan, 203.0]
WIDE = pd.DataFrame({"AAA": AAA, "BBB": BBB}, index=DAYS)
LEVELS = pd.DataFrame(
    {("Close", "AAA"): AAA, ("Close", "BBB"): BBB, ("Open", "AAA"): AAA, ("Open", "BBB"): BBB}, index=DAYS
)


def closes(prices):
    return {name: list(own["close"]) for name, own in prices.table.groupby("symbol")}


BOTH = {"AAA": AAA, "BBB": [200.0, 201.0, 203.0]}


@pytest.mark.filterwarnings("ignore:.*are missing|.*is missing")
@pytest.mark.parametrize(
    "name",
    ["wide", "wide.csv", "wide semicolons", "wide lower case", "levels", "levels turned", "levels.csv",
     "levels named", "levels reset", "tuples as text", "symbols in the header's second line",
     "names joined", "names joined turned", "rows", "rows turned", "rows without names",
     "rows with odd names", "Nixtla", "qlib", "dict", "dict of Series", "three levels"],
)  # fmt: skip
def test_forms_of_a_panel(name, tmp_path):
    long = WIDE.melt(ignore_index=False, var_name="symbol", value_name="Close").dropna().reset_index()
    file = tmp_path / "a.csv"
    reset = LEVELS.reset_index()
    indexed = long.set_index(["symbol", "Date"])
    match name:
        case "wide":
            source = WIDE
        case "wide.csv":
            WIDE.to_csv(source := file)
        case "wide semicolons":
            WIDE.to_csv(source := file, sep=";", decimal=",")
        case "wide lower case":
            source = WIDE.rename(columns={"AAA": "Apple Inc", "BBB": "oil"})
        case "levels":
            source = LEVELS
        case "levels turned":
            source = LEVELS.swaplevel(axis=1)
        case "levels.csv":
            LEVELS.rename_axis(columns=["Price", "Ticker"]).to_csv(source := file)
        case "levels named":
            source = LEVELS.rename_axis(columns=["Price", "Ticker"])
        case "levels reset":
            source = reset
        case "tuples as text":
            reset.to_csv(file, index=False)
            columns = ",".join(f'"{column}"' for column in reset.columns)
            rows = reset.to_csv(index=False, header=False)
            file.write_text(f"{columns}\n{rows}")
            source = file
        case "symbols in the header's second line":
            file.write_text("Date,Close,Close,Open,Open\n,AAA,BBB,AAA,BBB\n" + LEVELS.to_csv(header=False))
            source = file
        case "names joined":
            source = LEVELS.set_axis([f"{price}_{symbol}" for price, symbol in LEVELS.columns], axis=1)
        case "names joined turned":
            source = LEVELS.set_axis([f"{symbol} {price}" for price, symbol in LEVELS.columns], axis=1)
        case "rows":
            source = indexed
        case "rows turned":
            source = indexed.swaplevel()
        case "rows without names":
            source = indexed.rename_axis([None, None])
        case "rows with odd names":
            source = indexed.rename_axis(["stock", "when"])
        case "Nixtla":
            source = long.rename(columns={"symbol": "unique_id", "Date": "ds", "Close": "y"})
        case "qlib":
            source = indexed.rename_axis(["instrument", "datetime"]).rename(columns={"Close": "$close"})
        case "dict":
            source = {name: own.drop(columns="symbol") for name, own in long.groupby("symbol")}
        case "dict of Series":
            source = {symbol: WIDE[symbol].dropna() for symbol in WIDE}
        case "three levels":
            source = pd.concat({"all": LEVELS}, axis=1)
    if name.startswith("wide"):
        with pytest.warns(DataWarning, match="the columns are taken as the closes of 2 symbols"):
            prices = gc.load(source)
    else:
        prices = gc.load(source)
    names = {"AAA": "Apple Inc", "BBB": "oil"} if name == "wide lower case" else {"AAA": "AAA", "BBB": "BBB"}
    assert closes(prices) == {names[symbol]: values for symbol, values in BOTH.items()}


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"AAPL": AAA, "SMA20": AAA, "RSI": [50.0, 60.0, 55.0, 40.0]}, r"computed from it \(SMA20, RSI\)"),
        ({"AAPL": AAA, "ema_12": AAA}, r"\(ema_12\).*close=\"AAPL\""),
        ({"AAPL": AAA, "spread of it": [0.1, -0.2, 0.1, 0.2]}, r"\(spread of it\)"),
        ({"AAPL": AAA, "Year": [2021.0] * 4}, r"\(Year\)"),
        ({"Apple": AAA, "noise": [1.0, 9.0, 0.5, 20.0]}, r"\(noise\)"),
        ({"Price A": AAA, "Dividends": AAA}, "no close column"),
        ({"Open": AAA, "High": AAA}, "no close column"),
    ],
)
def test_columns_that_may_be_something_else_are_refused_by_name(columns, words):
    with pytest.raises(DataError, match=words):
        gc.load(pd.DataFrame(columns, index=DAYS))


def test_a_few_symbols_of_many_may_be_called_like_indicators():
    frame = pd.DataFrame(
        dict.fromkeys(("AAPL", "MA", "BB", "KO", "PEP", "XOM", "CVX", "T", "VZ"), AAA), index=DAYS
    )
    with pytest.warns(DataWarning, match="closes of 9 symbols"):
        assert "MA" in gc.load(frame).symbols


def test_a_bad_cell_is_named_by_the_column_of_its_symbol():
    frame = pd.DataFrame({"AAA": AAA, "BBB": [1.0, 2.0, 1e300, 4.0]}, index=DAYS)
    with pytest.raises(DataError, match=r"too large.*row 3, column BBB"):
        gc.load(frame)
