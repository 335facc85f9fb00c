"""The road on real files with their oddities; skipped where they are not beside the project."""

import pytest

import gatecast as gc

from .conftest import FULL

QUICK = {
    "network": gc.Network(hidden_size=4),
    "training": gc.Training(epochs=2, batch_size=256),
    "seeds": 1,
    "folds": 2,
}

pytestmark = pytest.mark.filterwarnings("ignore::gatecast.errors.GatecastWarning")


@pytest.mark.parametrize(
    ("file", "oddities"),
    [
        ("tsla.csv", set()),
        ("google_stock_price_train.csv", {"close-outside-range", "split"}),
        ("samsung_005930_ks.csv", {"filler", "missing-session", "no-session"}),
        ("kospi.csv", {"zero-volume", "missing-session"}),
    ],
)
def test_every_file_comes_to_a_verdict(shared, file, oddities):
    result = gc.compare(gc.load(shared / file), ["rnn" if FULL else "ar"], **QUICK)
    assert oddities <= {oddity.kind for oddity in result.prices.oddities}
    assert result.verdict.kind in ("no evidence", "worse than naive")
    assert all(oddity.text in result.warnings for oddity in result.prices.oddities)


def test_the_two_samples_pooled():
    result = gc.compare(gc.load(["sample:sp500", "sample:nasdaq"]), ["rnn"], **QUICK)
    assert set(result.scores["symbol"]) == {"SP500", "NASDAQ", "all"}
    assert len(result.outcome.actual) == 2 * 1258


@pytest.mark.slow
@pytest.mark.full
def test_thirty_symbols_pooled(shared):
    prices = gc.load(shared / "sp500_5yr.parquet")
    assert len(prices.symbols) == 505
    result = gc.compare(prices.select(prices.symbols[::17]), ["gru"], horizon=5, **QUICK)
    assert len(set(result.forecasts["symbol"])) == 29
    assert any("left out" in text and "BHGE" in text for text in result.warnings)
    assert result.significance.dates < len(result.outcome.actual) / 25
