"""What comes later never changes an earlier position, not by one bit; broken twins are caught."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from gatecast.api.backtest import backtest
from gatecast.backtesting import accounts, rules, signals
from gatecast.forecasts import DistributionForecast

FIRST = 40  # origins begin here


def intervals_of(noise: np.ndarray) -> DistributionForecast:
    """Intervals whose width is that of `noise`, (N,)."""
    z = np.linspace(-2, 2, 17)
    quantiles = (0.01 * np.exp(noise))[:, None, None] * z
    empty = np.zeros((len(noise), 1))
    return DistributionForecast(
        quantiles, empty, empty, empty, None, None, None, np.empty((0, len(noise), 1))
    )


def frame_of(walk):
    first, second = walk("A", 120, 0), walk("B", 100, 1, start="2015-02-02").drop(index=[50, 51, 70])
    first.loc[[60, 61, 90], "open"] = np.nan
    return pd.concat([first, second], ignore_index=True)


def runs(run_of, walk, cut):
    """A run, and the same with other prices and other forecasts after `cut`."""
    frame = frame_of(walk)
    later = (frame["date"] > cut).to_numpy()
    factors = np.random.default_rng(5).uniform(0.5, 2, (later.sum(), 4))
    changed = frame.copy()
    changed.loc[later, ["open", "high", "low", "close"]] *= factors
    changed["high"] = changed[["open", "high", "low", "close"]].max(axis=1)
    changed["low"] = changed[["open", "high", "low", "close"]].min(axis=1)
    found = []
    for table, seed, scale in ((frame, 8, 0.004), (changed, 9, 0.05)):
        empty = run_of(table, {}, FIRST).outcome
        same = np.random.default_rng(7).normal(0, 0.004, (2, len(empty.origin)))
        other = np.random.default_rng(seed).normal(0, scale, (2, len(empty.origin)))
        noise = np.where(empty.origin > np.datetime64(cut, "D"), other, same)
        moves = {"model": noise[0], "distributional": -noise[0]}
        run = run_of(table, moves, FIRST)
        outcome = replace(run.outcome, distributions={"distributional": intervals_of(100 * noise[1])})
        found.append(replace(run, outcome=outcome))
    return found


def positions(run, cut, execution):
    """What was decided up to the close of `cut`: the positions taken up to the session after it."""
    frame = backtest(run, execution=execution, cost=20, draws=0).frame
    frame = frame[(frame["model"] != "buy-and-hold") & frame["origin"].notna()]
    next_session = run.prices.table.loc[run.prices.table["session"] > cut].groupby("symbol")["session"].min()
    known = frame["session"] <= frame["symbol"].map(next_session)
    columns = ["model", "rule", "symbol", "session", "position"]
    return frame.loc[known, columns].reset_index(drop=True), frame.loc[~known, columns].reset_index(drop=True)


def compared(run_of, walk, cut, execution):
    """(earlier positions are equal bit for bit, later ones are), per rule."""
    base, changed = (positions(run, cut, execution) for run in runs(run_of, walk, cut))
    return {
        rule: tuple(
            a[a["rule"] == rule].reset_index(drop=True).equals(b[b["rule"] == rule].reset_index(drop=True))
            for a, b in zip(base, changed, strict=True)
        )
        for rule in rules.RULES
    }


CUTS = [pd.Timestamp("2015-03-03"), pd.Timestamp("2015-04-24"), pd.Timestamp("2015-05-26")]


@pytest.mark.parametrize("execution", ["next-open", "next-close"])
@pytest.mark.parametrize(
    "cut", [CUTS[0], *(pytest.param(cut, marks=[pytest.mark.slow, pytest.mark.full]) for cut in CUTS[1:])]
)
def test_later_prices_and_forecasts_never_change_an_earlier_position(run_of, walk, cut, execution):
    for rule, (earlier, later) in compared(run_of, walk, cut, execution).items():
        assert earlier, rule
        assert not later, rule  # the change was one


def at_the_same_close(moments, origins):
    return np.searchsorted(origins, moments, side="right")


def volatility_of_the_whole_sample(returns, first):
    std = pd.Series(returns).groupby(first).transform("std").to_numpy()
    return np.broadcast_to(std, returns.shape)


def threshold_of_the_test(expected, round_trip, *, short):
    cut = np.quantile(np.abs(expected), 0.5)
    return true_threshold(expected, np.full_like(round_trip, cut), short=short)


true_threshold = rules.threshold


@pytest.mark.parametrize(
    ("place", "name", "twin", "rule"),
    [
        (accounts, "known_before", at_the_same_close, "sign"),
        (signals, "ewma_volatility", volatility_of_the_whole_sample, "volatility"),
        (rules, "threshold", threshold_of_the_test, "threshold"),
    ],
    ids=["same close", "volatility of the whole sample", "threshold of the test"],
)
def test_a_broken_twin_is_caught(monkeypatch, run_of, walk, place, name, twin, rule):
    monkeypatch.setattr(place, name, twin)
    assert not compared(run_of, walk, CUTS[1], "next-close")[rule][0]
