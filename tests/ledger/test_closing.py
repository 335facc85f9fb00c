"""When a bar has closed, and which forecasts are therefore backcasts."""

import datetime as dt

import pytest

from gatecast.ledger.closing import closes_at, exchange_of, in_doubt

from .conftest import make_entry  # isort: skip

FRIDAY = dt.date(2019, 11, 29)  # after Thanksgiving: New York closes at 13:00


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("symbol", "source", "calendar", "exchange"),
    [
        ("prices", "prices.csv", None, None),
        ("prices", "prices.csv", "NYSE", "XNYS"),
        ("prices", "prices.csv", "daily", "24/7"),
        ("prices", "prices.csv", "no such calendar", None),
        ("TSLA", "yahoo:TSLA", None, "XNYS"),
        ("BRK-B", "yahoo:BRK-B", None, "XNYS"),
        ("TSLA", "tsla.csv", None, None),
        ("^STOXX50E", "yahoo:^STOXX50E", None, None),
        ("ES=F", "yahoo:ES=F", None, None),
        ("EURUSD=X", "yahoo:EURUSD=X", None, None),
        ("005930.KS", "samsung.csv", None, "XKRX"),
        ("005930.KS", "yahoo:005930.KS", "XTKS", "XTKS"),
        ("BTC-USD", "yahoo:BTC-USD", None, "24/7"),
    ],
)
def test_the_exchange_is_known_by_the_user_or_by_the_name(
    symbol: str, source: str, calendar: str | None, exchange: str | None
) -> None:
    assert exchange_of(symbol, (source,), calendar) == exchange


@pytest.mark.parametrize(
    ("date", "exchange", "closes"),
    [
        (dt.date(2019, 11, 27), "XNYS", "2019-11-27 21:00"),  # winter
        (dt.date(2019, 7, 1), "XNYS", "2019-07-01 20:00"),  # summer
        (FRIDAY, "XNYS", "2019-11-29 18:00"),
        (dt.date(2019, 11, 28), "XNYS", "2019-11-27 23:00"),  # a holiday: no session that it knows
        (dt.date(2019, 11, 30), "24/7", "2019-12-01 00:00"),
        (FRIDAY, None, "2019-11-28 23:00"),
        (dt.date(1990, 1, 5), "XTKS", "1990-01-04 23:00"),  # beyond its records
    ],
)
def test_when_a_bar_closes(date: dt.date, exchange: str | None, closes: str) -> None:
    assert closes_at(date, exchange) == utc(closes)


@pytest.mark.parametrize(
    ("changes", "backcast"),
    [
        ({"calendar": "XNYS", "made": utc("2019-11-29 17:59")}, False),
        ({"calendar": "XNYS", "made": utc("2019-11-29 18:00")}, True),
        ({"calendar": "XNYS", "made": utc("2026-11-27 12:00")}, True),
        ({"made": utc("2019-11-28 22:59")}, False),
        ({"made": utc("2019-11-28 23:00")}, True),
        ({"made": dt.datetime(2019, 11, 29, 7, 59, tzinfo=dt.timezone(dt.timedelta(hours=9)))}, False),
        (
            {"calendar": "XNYS", "made": utc("2019-11-29 20:00"), "date": dt.date(2019, 12, 2), "step": 2},
            False,
        ),
        ({"closes": utc("2019-11-29 10:00"), "made": utc("2019-11-29 10:00")}, True),  # as stored
    ],
)
def test_what_is_made_after_the_close_is_a_backcast(changes: dict[str, object], backcast: bool) -> None:
    entry = make_entry(**{"origin": dt.date(2019, 11, 27), "date": FRIDAY, "symbol": "A", **changes})
    assert entry.backcast is backcast


def test_only_about_the_close_is_there_doubt() -> None:
    assert in_doubt(FRIDAY, utc("2019-11-29 20:00"))
    assert not in_doubt(FRIDAY, utc("2019-11-30 12:00"))
