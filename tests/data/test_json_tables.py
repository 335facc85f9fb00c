"""JSON as pandas writes it and as data services answer: the same three closes."""

import json

import pandas as pd
import pytest

import gatecast as gc
from gatecast.errors import DataError

DAYS = ["2021-03-01", "2021-03-02", "2021-03-03"]
CLOSES = [1.25, 2.0, 3.75]
TABLE = pd.DataFrame({"Date": DAYS, "Close": CLOSES})
MOMENTS = [1614556800, 1614643200, 1614729600]  # midnights in UTC
OPENS = [seconds + 52_200 for seconds in MOMENTS]  # 9:30 in New York
RECORDS = TABLE.to_dict(orient="records")


def bars(*names):
    return [
        dict(zip(names, (ms * 1000, close, close), strict=True))
        for ms, close in zip(MOMENTS, CLOSES, strict=True)
    ]


FORMS = {
    "records": RECORDS,
    "columns": json.loads(TABLE.to_json(orient="columns")),
    "columns by date": json.loads(TABLE.set_index("Date").to_json(orient="columns")),
    "split": json.loads(TABLE.to_json(orient="split")),
    "split by date": json.loads(TABLE.set_index("Date").to_json(orient="split")),
    "index by date": json.loads(TABLE.set_index("Date").to_json(orient="index")),
    "table": json.loads(TABLE.to_json(orient="table")),
    "lists": TABLE.to_dict(orient="list"),
    "header and rows": [["Date", "Close"], *TABLE.to_numpy().tolist()],
    "data": {"status": "ok", "data": RECORDS},
    "nested": {"response": {"count": 3, "items": RECORDS}},
    "cells that are objects": [{**row, "meta": {"a": 1}, "tags": [1]} for row in RECORDS],
    "CoinGecko": {
        "prices": [[1000 * at, close] for at, close in zip(MOMENTS, CLOSES, strict=True)],
        "market_caps": [[1000 * at, 1.0] for at in MOMENTS],
        "total_volumes": [[1000 * at, 1.0] for at in MOMENTS],
    },
    "Binance": [[1000 * at, *[close] * 4, 1.0] for at, close in zip(MOMENTS, CLOSES, strict=True)],
    "Polygon": {"ticker": "AAA", "resultsCount": 3, "results": bars("t", "c", "o")},
    "Finnhub": {"c": CLOSES, "o": CLOSES, "t": MOMENTS, "s": "ok"},
    "Alpha Vantage": {
        "Meta Data": {"1. Information": "Daily", "2. Symbol": "AAA"},
        "Time Series (Daily)": {
            day: {"1. open": str(close), "4. close": str(close)}
            for day, close in reversed(list(zip(DAYS, CLOSES, strict=True)))
        },
    },
    "Financial Modeling Prep": {"symbol": "AAA", "historical": RECORDS[::-1]},
    "Yahoo's chart": {
        "chart": {
            "error": None,
            "result": [
                {
                    "meta": {"symbol": "AAA", "exchangeTimezoneName": "America/New_York"},
                    "timestamp": OPENS,
                    "indicators": {"quote": [{"close": CLOSES}], "adjclose": [{"adjclose": CLOSES}]},
                }
            ],
        }
    },
}  # fmt: skip
NAMED = ("Polygon", "Alpha Vantage", "Financial Modeling Prep", "Yahoo's chart")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.filterwarnings("ignore:.*(newest to the oldest|no header|without a session)")
def test_forms(form, tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(FORMS[form]))
    prices = gc.load(tmp_path / "a.json", calendar="weekdays")
    assert list(prices.table["close"]) == CLOSES
    assert [str(day.date()) for day in prices.table["session"]] == DAYS
    assert prices.symbols == (("AAA",) if form in NAMED else ("a",))


def test_objects_by_symbol_are_symbols(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"AAA": RECORDS, "BBB": RECORDS}))
    assert gc.load(tmp_path / "a.json").symbols == ("AAA", "BBB")


def test_symbols_keep_their_zeros(tmp_path):
    rows = [{**row, "symbol": "005930"} for row in RECORDS]
    (tmp_path / "a.json").write_text(json.dumps(rows))
    assert gc.load(tmp_path / "a.json").symbols == ("005930",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("{}", "no table in the JSON"),
        ("[]", "no table in the JSON"),
        ("3", "no table in the JSON"),
        ("null", "no table in the JSON"),
        ('"date,close"', "no table in the JSON"),
        ('{"error": "limit reached"}', "no table in the JSON"),
        ('{"chart": {"result": null, "error": {"code": "Not Found"}}}', "no table in the JSON"),
        ('{"chart": {"result": [{}]}}', "no answer of Yahoo's chart"),
        ('{"chart": 3}', "no answer of Yahoo's chart"),
        ('[{"date": "2021-03-01", "close": 1}', "this is no JSON"),
        ("[" * 10**5, "no JSON"),
        ("[" + "9" * 5000 + "]", "no JSON"),
        ('[{"who": "me"}]', "no column of dates"),
        ('{"columns": ["date", "close"], "data": [[1, 2, 3]]}', "its rows do not fit its columns"),
        ('{"date": ["2021-03-01"], "close": [1, 2]}', "no table in the JSON"),
        ("[[1, 2], [3]]", "no column of dates|no table"),
        ('[1, {"date": 2}]', "no table in the JSON"),
        ('{"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": [{"date": 1}]}}}}}}}}', "no table in the JSON"),
    ],
)
def test_json_that_is_no_table_is_one_message(text, words, tmp_path):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match=words) as caught:
        gc.load(tmp_path / "a.json")
    assert "a.json" in str(caught.value) and "\n" not in str(caught.value)
