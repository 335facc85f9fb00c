"""Positions by hand."""

import numpy as np
import pytest

from gatecast.backtesting import rules

NAN = np.nan


@pytest.mark.parametrize(("short", "below"), [(True, -1.0), (False, 0.0)])
def test_sign(short, below):
    positions = rules.sign(np.array([0.01, -0.02, 0.0, NAN, 1e-15, -1e-9]), short=short)
    assert list(positions) == [1, below, 0, 0, 0, below]


def test_threshold_trades_only_when_the_move_exceeds_the_round_trip():
    expected = np.array([0.001, 0.004, 0.001, -0.002, -0.005, 0.002, NAN, 0.001])
    cost = np.full(8, 0.003)
    assert list(rules.threshold(expected, cost, short=True)) == [0, 1, 1, 1, -1, -1, 0, 0]
    assert list(rules.threshold(expected, cost, short=False)) == [0, 1, 1, 1, 0, 0, 0, 0]
    cost[4] = 0.006  # the cost of that day
    assert list(rules.threshold(expected, cost, short=True)) == [0, 1, 1, 1, 1, 1, 0, 0]


def test_volatility_target():
    def positions(expected, volatility, **settings):
        how = {"target": 0.1, "cap": 1.5, "per_year": 252, "short": True, **settings}
        return rules.volatility_target(np.array(expected), np.array(volatility), **how)

    daily = 0.1 / np.sqrt(252)
    sizes = positions([0.01, -0.01, 0.01, 0.0], [daily, 2 * daily, daily / 9, 4 * daily])
    assert sizes == pytest.approx([1, -0.5, 1.5, 0.25])
    assert list(positions([NAN, 0.01, 0.01], [daily, NAN, 0.0])) == [0, 0, 1.5]
    assert list(positions([-0.01, 0.0], [daily, 2 * daily], short=False)) == pytest.approx([0, 0.5])
    assert list(positions([0.01], [daily], per_year=63)) == pytest.approx([1.5])


@pytest.mark.parametrize("size", [0, 1])
def test_few_decisions(size):
    some = np.full(size, 0.01)
    assert list(rules.sign(some, short=True)) == [1.0] * size
    assert list(rules.threshold(some, some / 2, short=True)) == [1.0] * size
