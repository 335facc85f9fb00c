"""The real code of yfinance and ours on a recorded answer; only the call over the network is replaced."""

import json

import numpy as np
import pandas as pd
import pytest

from gatecast.data.prices import Prices
from gatecast.data.sources import load
from gatecast.data.yahoo import read_yahoo
from gatecast.errors import DataError, DataWarning

NOW = pd.Timestamp("2020-03-20 23:00", tz="UTC")


def recorded(days=("2020-03-05", "2020-03-06", "2020-03-09", "2020-03-10"), zone="America/New_York"):
    """What Ticker.history gives: stamps at local midnight, over a change of the clocks, and actions."""
    count = len(days)
    close = np.array([144.9, 140.7, 121.6, 129.1, 130.0])[:count]
    return pd.DataFrame(
        {
            "Open": close - 1,
            "High": close + 2,
            "Low": close - 2,
            "Close": close,
            "Adj Close": close * 0.9,
            "Volume": np.arange(1, count + 1) * 1_000_000,
            "Dividends": [0.0, 0.5] + [0.0] * (count - 2),
            "Stock Splits": 0.0,
        },
        index=pd.DatetimeIndex(days, name="Date").tz_localize(zone),
    )


class Yahoo:
    """Stands where the network is: `frame` is what it answers, or an exception, or an empty frame."""

    def __init__(self):
        self.frame = recorded()
        self.asked = []

    def history(self, ticker, **options):
        self.asked.append((ticker.ticker, options))
        if isinstance(self.frame, Exception):
            raise self.frame
        return self.frame.copy()


@pytest.fixture
def yahoo(monkeypatch):
    yfinance = pytest.importorskip("yfinance")
    answers = Yahoo()
    monkeypatch.setattr(
        yfinance.Ticker, "history", lambda ticker, **options: answers.history(ticker, **options)
    )
    return answers


def hours(count):
    return NOW + pd.Timedelta(hours=count)


def kinds(part):
    return [oddity.kind for oddity in part.oddities]


def test_prices_as_traded_with_the_adjusted_close(yahoo):
    part = read_yahoo("tsla", now=NOW)
    assert part.source == ("yahoo:TSLA",)
    assert part.calendar == {"TSLA": "XNYS"}
    assert list(part.table.columns) == [
        "symbol", "session", "open", "high", "low", "close", "adj_close", "volume",
        "dividends", "stock_splits",
    ]  # fmt: skip
    assert [str(day.date()) for day in part.table["session"]] == [
        "2020-03-05", "2020-03-06", "2020-03-09", "2020-03-10",
    ]  # fmt: skip
    np.testing.assert_array_equal(part.table["close"], [144.9, 140.7, 121.6, 129.1])
    assert part.oddities == ()
    ((symbol, options),) = yahoo.asked
    assert symbol == "TSLA"
    assert (options["period"], options["interval"], options["auto_adjust"]) == ("max", "1d", False)


def test_dates_are_those_of_the_exchange(yahoo):
    yahoo.frame = recorded(zone="Asia/Seoul")
    part = read_yahoo("005930.KS", now=NOW)
    assert str(part.table["session"].iloc[0].date()) == "2020-03-05"
    assert part.calendar == {"005930.KS": "XKRX"}


def test_load(yahoo):
    prices = load("yahoo:TSLA", start="2020-03-06")
    assert isinstance(prices, Prices)
    assert len(prices.table) == 3
    assert load("yahoo:TSLA", adjust=True).table["close"].iloc[0] == 144.9 * 0.9
    assert len(yahoo.asked) == 1


def test_the_cache_serves_for_twelve_hours(yahoo, cache):
    first = read_yahoo("TSLA", now=NOW)
    again = read_yahoo("TSLA", now=hours(11.9))
    assert len(yahoo.asked) == 1
    assert again.oddities == ()
    pd.testing.assert_frame_equal(again.table, first.table)
    read_yahoo("TSLA", now=hours(12))
    assert len(yahoo.asked) == 2
    record = json.loads((cache / "yahoo" / "TSLA.json").read_text())
    assert record["source"] == "yahoo:TSLA"
    assert record["downloaded"] == hours(12).isoformat()
    assert len(record["sha256"]) == 64
    assert sorted(path.name for path in (cache / "yahoo").iterdir()) == ["TSLA.json", "TSLA.parquet"]


def test_the_same_history_again_is_no_news(yahoo):
    read_yahoo("TSLA", now=NOW)
    yahoo.frame = recorded(("2020-03-05", "2020-03-06", "2020-03-09", "2020-03-10", "2020-03-11"))
    # A dividend rescales every adjusted close.
    yahoo.frame["Adj Close"] *= 0.99
    part = read_yahoo("TSLA", now=hours(13))
    assert kinds(part) == []
    assert len(part.table) == 5


def test_a_revised_history_is_said(yahoo):
    read_yahoo("TSLA", now=NOW)
    yahoo.frame = recorded().iloc[1:]
    yahoo.frame.iloc[0, yahoo.frame.columns.get_loc("Close")] = 70.35
    yahoo.frame.iloc[0, yahoo.frame.columns.get_loc("Volume")] = 4_000_000
    part = read_yahoo("TSLA", now=hours(13))
    (oddity,) = part.oddities
    assert (oddity.kind, oddity.count) == ("revised", 2)
    assert oddity.rows == (
        "2020-03-05: the row is gone",
        "2020-03-06: close 140.7 → 70.35, volume 2000000 → 4000000",
    )
    assert "2 of 4 rows" in oddity.text
    np.testing.assert_array_equal(part.table["close"], [70.35, 121.6, 129.1])


@pytest.mark.parametrize("failure", [pd.DataFrame(), ConnectionError("no network"), "rate"], ids=str)
def test_without_the_network_the_cache_serves_and_says_so(yahoo, failure):
    from yfinance.exceptions import YFRateLimitError

    first = read_yahoo("TSLA", now=NOW)
    yahoo.frame = YFRateLimitError() if isinstance(failure, str) else failure
    part = read_yahoo("TSLA", now=hours(1000))
    pd.testing.assert_frame_equal(part.table, first.table)
    (oddity,) = part.oddities
    assert oddity.kind == "cached"
    assert "Yahoo did not answer" in oddity.text
    assert "2020-03-20 23:00 UTC" in oddity.text


def test_load_warns_of_an_old_answer(yahoo, monkeypatch):
    read_yahoo("TSLA", now=NOW)
    yahoo.frame = ConnectionError("no network")
    with pytest.warns(DataWarning, match="2020-03-20 23:00 UTC"):
        load("yahoo:TSLA")


@pytest.mark.parametrize("failure", [pd.DataFrame(), ConnectionError("no network")], ids=str)
def test_without_network_and_cache(yahoo, failure, capfd):
    yahoo.frame = failure
    with pytest.raises(
        DataError, match=r"yahoo:TSLA: Yahoo gave no prices.*Check the symbol and the network"
    ):
        read_yahoo("TSLA", now=NOW)
    assert capfd.readouterr() == ("", "")


def test_the_reason_is_given(yahoo):
    yahoo.frame = ConnectionError("no network")
    with pytest.raises(DataError, match="no network"):
        read_yahoo("TSLA", now=NOW)


@pytest.mark.parametrize("name", ["TSLA.parquet", "TSLA.json"])
def test_a_damaged_cache_is_none(yahoo, cache, name):
    read_yahoo("TSLA", now=NOW)
    file = cache / "yahoo" / name
    file.write_bytes(file.read_bytes()[:-9])
    read_yahoo("TSLA", now=hours(1))
    assert len(yahoo.asked) == 2


def test_a_clock_set_back_does_not_freeze_the_cache(yahoo):
    read_yahoo("TSLA", now=NOW)
    read_yahoo("TSLA", now=hours(-100))
    assert len(yahoo.asked) == 2


def test_a_cache_that_cannot_be_written_is_no_obstacle(yahoo, monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("GATECAST_CACHE", str(blocked))
    assert len(read_yahoo("TSLA", now=NOW).table) == 4


def test_nothing_is_kept_where_no_cache_is_wanted(yahoo, monkeypatch, tmp_path):
    monkeypatch.setenv("GATECAST_CACHE", "off")
    monkeypatch.chdir(tmp_path)
    assert [len(read_yahoo("TSLA", now=NOW).table) for _ in range(2)] == [4, 4]
    assert len(yahoo.asked) == 2 and not (tmp_path / "off").exists()


def test_half_a_session_stays_out_for_good(yahoo):
    during = pd.Timestamp("2020-03-10 15:00", tz="UTC")
    assert len(read_yahoo("TSLA", now=during).table) == 3
    # From the cache, after the close: the row is still that of half a session.
    part = read_yahoo("TSLA", now=during + pd.Timedelta(hours=10))
    assert len(part.table) == 3
    assert kinds(part) == ["open-session"]
    assert len(yahoo.asked) == 1


@pytest.mark.parametrize("symbol", ["", "A B", "../etc", "A,B", "A/B"])
def test_what_is_no_symbol(symbol):
    with pytest.raises(DataError, match="no symbol of Yahoo"):
        read_yahoo(symbol)


def test_nothing_but_yfinance_between_us_and_the_wire(monkeypatch, tmp_path):
    """The whole of yfinance, on the JSON that Yahoo sends."""
    yfinance = pytest.importorskip("yfinance")
    from yfinance.data import YfData

    stamps = [1583418600, 1583505000, 1583760600]  # 2020-03-05, -06, -09 at 9:30 in New York
    quote = {name: [100.0, 101.0, 102.0] for name in ("open", "high", "low", "close")}
    chart = {
        "meta": {
            "symbol": "TSLA", "currency": "USD", "instrumentType": "EQUITY", "priceHint": 2,
            "exchangeTimezoneName": "America/New_York", "timezone": "EDT", "gmtoffset": -14400,
            "dataGranularity": "1d", "range": "max", "validRanges": ["1d", "max"],
            "firstTradeDate": stamps[0], "regularMarketTime": stamps[-1],
            "currentTradingPeriod": {},
        },
        "timestamp": stamps,
        "events": {"dividends": {str(stamps[1]): {"amount": 0.5, "date": stamps[1]}}},
        "indicators": {
            "quote": [{**quote, "volume": [1, 2, 3]}], "adjclose": [{"adjclose": [90.0, 91.0, 92.0]}],
        },
    }  # fmt: skip

    class Answer:
        text = "{}"
        status_code = 200

        def json(self):
            return {"chart": {"result": [chart], "error": None}}

    for name in ("get", "cache_get"):
        monkeypatch.setattr(YfData, name, lambda *_, **__: Answer())
    yfinance.set_tz_cache_location(str(tmp_path))
    part = read_yahoo("TSLA", now=NOW)
    assert list(part.table["close"]) == [100.0, 101.0, 102.0]
    assert list(part.table["adj_close"]) == [90.0, 91.0, 92.0]
    assert list(part.table["dividends"]) == [0.0, 0.5, 0.0]
    assert [str(day.date()) for day in part.table["session"]] == ["2020-03-05", "2020-03-06", "2020-03-09"]
