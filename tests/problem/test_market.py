import numpy as np
import pandas as pd
import pytest

from gatecast.data.prices import Prices
from gatecast.problem.market import market_features
from gatecast.problem.volatility import ewma_volatility


def closes_of_symbols(closes: dict[str, list[float]], calendar, start: str = "2024-01-02") -> Prices:
    parts = [
        pd.DataFrame({"symbol": symbol, "date": pd.bdate_range(start, periods=len(values)), "close": values})
        for symbol, values in closes.items()
    ]
    return Prices.from_frame(pd.concat(parts), calendar=calendar)


def test_the_mean_of_the_symbols_of_that_date(ragged, prices_of):
    frame = ragged(3)
    prices = prices_of(frame)
    market = market_features(prices, "close")
    returns = np.log(frame["close"]).groupby(frame["symbol"]).diff()
    mean = returns.groupby(frame["date"]).mean()
    np.testing.assert_allclose(market["market_return"], mean.loc[frame["date"]], atol=1e-12)
    known = mean.dropna()
    volatility = pd.Series(ewma_volatility(known.to_numpy(), np.zeros(len(known), int)), known.index)
    expected = np.log(volatility.reindex(frame["date"]))
    np.testing.assert_allclose(market["market_log_volatility"], expected, atol=1e-12)


@pytest.mark.parametrize(
    ("calendars", "tokyo_reads", "york_reads"),
    [
        ({"TOKYO": "XTKS", "YORK": "XNYS"}, np.log(1.2), np.log([1.2, 1.1]).mean()),
        ("weekdays", np.log([1.2, 1.1]).mean(), np.log([1.2, 1.1]).mean()),
    ],
)
def test_only_bars_that_are_closed_count(calendars, tokyo_reads, york_reads):
    """Tokyo closes fourteen hours before New York: its close may not know New York's of the same date."""
    prices = closes_of_symbols(
        {"TOKYO": [100.0, 120.0], "YORK": [100.0, 110.0]}, calendars, start="2024-01-10"
    )
    market = market_features(prices, "close")["market_return"]
    np.testing.assert_allclose(market, [np.nan, tokyo_reads, np.nan, york_reads])


def test_another_price_than_the_close_makes_another_market(walks, prices_of):
    prices = prices_of(walks(2, 30))
    one, other = (market_features(prices, column)["market_return"] for column in ("close", "open"))
    assert not np.allclose(one[1:], other[1:])
