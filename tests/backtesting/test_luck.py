"""The same positions at random other times."""

import numpy as np
import pytest

from gatecast.backtesting.accounts import Account
from gatecast.backtesting.costs import flat
from gatecast.backtesting.figures import performance
from gatecast.backtesting.luck import luck, rotated
from gatecast.backtesting.simulation import portfolio, simulate

COSTS = flat(2)


def account_of(returns):
    price = 100 * np.cumprod(np.append(1, 1 + returns))
    days = np.datetime64("2015-01-01") + np.arange(len(price))
    return Account("A", days, price, np.arange(len(returns)))


def luck_of(account, positions, **settings):
    path = simulate(positions, account.returns, *COSTS.at(account.session))
    own = performance(portfolio([account], [path]), 252).sharpe
    how = {"per_year": 252, "draws": 200, "seed": 0, **settings}
    return luck([account], [positions], [COSTS], own, **how), own


def test_every_draw_is_the_sequence_from_another_start():
    own = np.array([1.0, -1, 0, 1, 1])
    draws = rotated(own, np.linspace(0, 0.999, 40))
    starts = {tuple(draw) for draw in draws}
    assert starts == {tuple(np.roll(own, -start)) for start in range(1, 5)}


def test_without_a_link_the_share_is_uniform_and_with_one_it_is_small():
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(100):
        account = account_of(rng.normal(0.0005, 0.01, 250))
        shares.append(luck_of(account, rng.choice([-1.0, 1.0], 250), draws=60)[0].reached)
    assert 0.4 < np.mean(shares) < 0.6
    assert 0.2 < np.quantile(shares, 0.25) < 0.33
    returns = rng.normal(0, 0.01, 250)
    knows = np.sign(returns + rng.normal(0, 0.02, 250))
    assert luck_of(account_of(returns), knows)[0].reached == pytest.approx(1 / 201)


def test_always_long_or_flat_cannot_be_moved():
    account = account_of(np.random.default_rng(1).normal(0, 0.01, 50))
    assert luck_of(account, np.ones(50))[0].reason == "its position never changes"
    found, own = luck_of(account, np.zeros(50))
    assert np.isnan(own) and "not defined" in found.reason


def test_the_same_seed_gives_the_same_band_whatever_is_simulated_at_once(monkeypatch):
    rng = np.random.default_rng(2)
    account, positions = account_of(rng.normal(0, 0.01, 80)), rng.choice([-1.0, 0, 1], 80)
    first, _ = luck_of(account, positions)
    monkeypatch.setattr("gatecast.backtesting.luck.AT_ONCE", 7)
    second, _ = luck_of(account, positions)
    assert np.array_equal(first.band, second.band)
    assert (first.low, first.high, first.reached) == (second.low, second.high, second.reached)
    assert (first.band[0] <= first.band[1]).all() and first.low < first.high
    other, _ = luck_of(account, positions, seed=1)
    assert other.low != first.low
