"""Where nothing can be known, no rule earns anything: martingale walks, before costs.

Prices are P exp(sum of sigma z - sigma² / 2), twice a session (the night, the day): the mean simple return of
every position that is known in advance is zero. A rule's Sharpe ratio is computed for every walk by itself.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast.api.backtest import backtest
from gatecast.backtesting import accounts
from gatecast.backtesting.rules import RULES
from gatecast.backtesting.sharpe import sharpe

from .conftest import FULL  # isort: skip

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::gatecast.errors.FitWarning")]

SESSIONS, WALKS = 600, 200 if FULL else 80
COST = (
    2  # basis points a side: what the threshold compares with; the returns looked at are those before costs
)


def walks(count: int, seed: int) -> gc.Prices:
    """Volatility swings from walk to walk and, slowly, within each: 5 to 30 % a year."""
    rng = np.random.default_rng(seed)
    swing = np.sin(np.linspace(0, 9, SESSIONS) + rng.uniform(0, 6, (count, 1)))
    sigma = np.repeat(0.008 * np.exp(0.6 * swing), 2, axis=1) / np.sqrt(2)
    steps = sigma * rng.normal(size=sigma.shape) - sigma**2 / 2
    price = 100 * np.exp(steps.cumsum(axis=1))
    opened, close = price[:, ::2], price[:, 1::2]
    frame = pd.DataFrame(
        {
            "symbol": np.repeat([f"W{n:03}" for n in range(count)], SESSIONS),
            "date": np.tile(pd.bdate_range("2015-01-01", periods=SESSIONS), count),
            "open": opened.ravel(),
            "high": np.maximum(opened, close).ravel(),
            "low": np.minimum(opened, close).ravel(),
            "close": close.ravel(),
        }
    )
    return gc.Prices.from_frame(frame, calendar="daily")


def check(result: gc.Result, models: list[str], execution: str) -> None:
    """Every model and rule: the mean Sharpe ratio over the walks, and how often |t| > 1.96."""
    frame = backtest(result, models, execution=execution, cost=COST, draws=0).frame
    failed = []
    for (model, rule), mine in frame[frame["model"] != "buy-and-hold"].groupby(["model", "rule"], sort=False):
        of_walk = [sharpe(part.dropna()) for _, part in mine.groupby("symbol")["gross_return"]]
        known = [one for one in of_walk if np.isfinite(one.ratio)]
        if model == "naive" and rule != "volatility":
            assert not known  # it forecasts no change
            continue
        yearly = np.sqrt(252) * np.array([one.ratio for one in known])
        error = yearly.std(ddof=1) / np.sqrt(len(yearly))
        share = np.mean([abs(one.t) > 1.96 for one in known])
        print(
            f"{execution:<10} {model:<6} {rule:<11} {len(known):>4} walks: "
            f"Sharpe {yearly.mean():+.3f} ± {error:.3f}, |t| > 1.96 in {share:.1%}"
        )
        assert len(known) >= (0.3 if rule == "threshold" else 1) * len(of_walk)
        if abs(yearly.mean()) > 3 * error or share > 0.1:
            failed.append((model, rule))
    assert not failed
    assert set(frame["rule"]) == {*RULES, ""}


@pytest.fixture(scope="module")
def statistical() -> gc.Result:
    """Every walk has baselines of its own."""
    return gc.compare(walks(WALKS, 0), ["naive", "drift", "ewma", "ar"], folds=1, test_size=0.4)


@pytest.fixture(scope="module")
def networks() -> gc.Result:
    """pooled=False: every walk has networks of its own, trained on it alone."""
    return gc.compare(
        walks(20, 1),
        ["naive", "gru"],
        network=gc.Network(hidden_size=4),
        training=gc.Training(epochs=5, patience=None),
        lookback=10,
        folds=1,
        test_size=0.4,
        seeds=2,
        pooled=False,
    )


EXECUTIONS = ["next-open", pytest.param("next-close", marks=pytest.mark.full)]


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_no_rule_earns(statistical, execution):
    check(statistical, ["naive", "drift", "ewma", "ar"], execution)


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_no_rule_on_a_network_earns(networks, execution):
    check(networks, ["gru"], execution)


def test_a_forecast_traded_at_its_own_close_is_caught(statistical, monkeypatch):
    """Who knows the next close earns nothing by trading at it, and everything by trading at its origin's."""
    outcome = statistical.outcome
    knows = {"naive": outcome.forecast["naive"], "ar": outcome.actual}
    seer = replace(statistical, outcome=replace(outcome, forecast=knows))
    check(seer, ["ar"], "next-close")
    monkeypatch.setattr(accounts, "known_before", at_the_same_close)
    with pytest.raises(AssertionError):
        check(seer, ["ar"], "next-close")


def at_the_same_close(moments, origins):
    return np.searchsorted(origins, moments, side="right")
