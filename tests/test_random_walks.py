"""Where there is nothing to learn, a network must cost little: six random walks, LSTM(32), lookback 40."""

import numpy as np
import pandas as pd
import pytest

import gatecast as gc

from .conftest import FULL  # isort: skip

WALKS, SESSIONS = 40 if FULL else 6, 1500
FEW = 12 if FULL else 3  # levels train for many epochs
FOLDS = 5 if FULL else 2


@pytest.fixture(scope="module")
def walks() -> gc.Prices:
    steps = np.random.default_rng(2024).normal(0, 0.01, (WALKS, SESSIONS))
    frame = pd.DataFrame(
        {
            "symbol": np.repeat([f"W{n:02}" for n in range(WALKS)], SESSIONS),
            "date": np.tile(pd.bdate_range("2010-01-01", periods=SESSIONS), WALKS),
            "close": 100 * np.exp(steps.cumsum(axis=1)).ravel(),
        }
    )
    return gc.Prices.from_frame(frame, calendar="daily")


def mse_ratios(walks: gc.Prices, horizon: int, target: str) -> tuple[np.ndarray, np.ndarray, gc.Result]:
    """Per walk: the network's MSE over naive's, of the next day and over all steps."""
    result = gc.compare(
        walks,
        ["naive", "lstm"],
        network=gc.Network(hidden_size=32),
        lookback=40,
        horizon=horizon,
        target=target,
        pooled=False,
        seeds=1,
        folds=FOLDS,
    )
    outcome = result.outcome
    network, naive = (
        np.square(f - outcome.actual) for f in (outcome.forecast["lstm"], outcome.forecast["naive"])
    )
    ratios = [
        [network[outcome.symbol == w][:, steps].mean() / naive[outcome.symbol == w][:, steps].mean()
         for w in range(len(walks.symbols))]
        for steps in ([0], slice(None))
    ]  # fmt: skip
    return np.array(ratios[0]), np.array(ratios[1]), result


@pytest.mark.slow
@pytest.mark.full
@pytest.mark.parametrize("horizon", [5, 20])
def test_returns_on_random_walks_cost_little(walks, horizon):
    next_day, all_steps, result = mse_ratios(walks, horizon, "return")
    error = all_steps.std(ddof=1) / np.sqrt(WALKS)
    print(f"horizon {horizon}: next day {next_day.mean():.4f}, all {all_steps.mean():.4f} ± {error:.4f}")
    assert next_day.mean() <= 1.03
    assert (all_steps.mean() if horizon == 5 else all_steps.mean() - 2 * error) <= 1.05
    assert result.verdict.kind != "beats naive"


@pytest.mark.slow
@pytest.mark.full
def test_levels_on_random_walks_are_worse_than_naive_and_the_verdict_says_why(walks):
    next_day, _, result = mse_ratios(walks.select(walks.symbols[:FEW]), 5, "close")
    print(f"target close: next day {next_day.mean():.2f} times naive's")
    print(result.verdict.text)
    assert result.verdict.kind == "worse than naive"
    assert "outside the range" in result.verdict.text
