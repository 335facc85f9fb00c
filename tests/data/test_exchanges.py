"""Which exchange the name of a symbol tells."""

import pytest

from gatecast.data.calendars import check_calendar
from gatecast.data.exchanges import BY_INDEX, BY_NAME, BY_PREFIX, BY_SUFFIX, exchange_named


@pytest.mark.parametrize(
    ("symbol", "calendar", "by"),
    [
        ("005930.KS", "XKRX", "suffix"),
        ("035720.kq", "XKRX", "suffix"),
        ("samsung_005930_ks", "XKRX", "suffix"),
        ("600519_SS", "XSHG", "suffix"),
        ("^KS11", "XKRX", "name"),
        ("kospi", "XKRX", "name"),
        ("7203.T", "XTKS", "suffix"),
        ("VOD.L", "XLON", "suffix"),
        ("TEVA.TA", "XTAE", "suffix"),
        ("aapl.us", "XNYS", "suffix"),
        ("600000.SH", "XSHG", "suffix"),
        ("600000.XSHG", "XSHG", "suffix"),
        ("000001.XSHE", "XSHG", "suffix"),
        ("AAPL.XNAS", "XNYS", "suffix"),
        ("sh.600000", "XSHG", "prefix"),
        ("sz.000001", "XSHG", "prefix"),
        ("SH600000", "XSHG", "prefix"),
        ("HK.00700", "XHKG", "prefix"),
        ("US.AAPL", "XNYS", "prefix"),
        ("KRX:005930", "XKRX", "prefix"),
        ("NASDAQ:AAPL", "XNYS", "prefix"),
        ("XETR:SAP", "XETR", "prefix"),
        ("BTC-USD", "24/7", "suffix"),
        ("EURUSD=X", "24/5", "suffix"),
        ("^GDAXI", "XETR", "name"),
        ("S&P 500", "XNYS", "name"),
    ],
)
def test_what_a_name_tells(symbol, calendar, by):
    assert exchange_named(symbol) == (calendar, by)


@pytest.mark.parametrize(
    "symbol", ["TSLA", "BRK.B", "at_t", "T", "DAX", "005930", "prices", ".KS", "SH.A", ""]
)
def test_a_name_that_tells_no_exchange(symbol):
    assert exchange_named(symbol) is None


@pytest.mark.parametrize("names", [BY_SUFFIX, BY_PREFIX, BY_INDEX, BY_NAME])
def test_every_calendar_of_a_name_is_known(names):
    assert {code: check_calendar(code) for code in names.values()} == {code: code for code in names.values()}


@pytest.mark.parametrize("length", ["_1m", "-15min", "_1h", "_H1", "_M5", "_1d", "_1wk", "_daily"])
def test_the_length_of_bars_is_no_part_of_the_name(length: str) -> None:
    assert exchange_named(f"005930.KS{length}") == exchange_named("005930.KS")
    assert exchange_named(f"BTC-USD{length}") == exchange_named("BTC-USD")
