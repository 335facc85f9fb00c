"""Sharpe ratios against the papers' own numbers, and against scipy."""

import math

import numpy as np
import pytest
from scipy import stats

from gatecast.backtesting.sharpe import (
    Sharpe,
    best_of_luck,
    deflated,
    drawdown,
    probabilistic,
    sharpe,
    standard_error,
)

DAYS = 250


def found(yearly: float, n: int, skew: float = 0.0, kurtosis: float = 3.0) -> Sharpe:
    ratio = yearly / math.sqrt(DAYS)
    return Sharpe(ratio, standard_error(ratio, n, skew, kurtosis), skew, kurtosis, n)


def test_the_worked_example_of_the_deflated_sharpe_ratio():
    """Bailey and López de Prado (2014), "A numerical example": SR 2.5 of a year, five years of days, skew -3,
    kurtosis 10; 100 independent trials whose ratios of a year have variance 1/2. They report an expected
    maximum of 0.1132 a day and a deflated ratio of 0.9004; and 0.9505 had there been 46 trials.
    """
    own, variance = found(2.5, 1250, -3, 10), 0.5 / DAYS
    assert best_of_luck(100, variance) == pytest.approx(0.1132, abs=5e-5)
    assert deflated(own, 100, variance) == pytest.approx(0.9004, abs=5e-5)
    assert deflated(own, 46, variance) == pytest.approx(0.9505, abs=5e-5)


def test_the_standard_error_under_normal_returns_is_lo():
    """Lo (2002), The Statistics of Sharpe Ratios: √((1 + SR²/2) / T) for independent normal returns."""
    assert standard_error(0.433, 61) == pytest.approx(math.sqrt((1 + 0.433**2 / 2) / 60), rel=1e-12)
    assert standard_error(0.0, 101) == pytest.approx(0.1)


def test_fat_left_tails_make_it_less_sure():
    assert found(1.0, 500, -2, 12).error > found(1.0, 500).error > found(1.0, 500, 1).error


def test_the_error_is_the_std_of_many_samples():
    """2,000 samples of 250 returns with skew: exponential ones, shifted."""
    rng = np.random.default_rng(0)
    samples = rng.exponential(0.01, (2000, 250)) - 0.008
    ratios = [sharpe(sample) for sample in samples]
    assert np.mean([one.error for one in ratios]) == pytest.approx(
        np.std([one.ratio for one in ratios]), rel=0.06
    )


def test_moments_are_those_of_scipy():
    returns = np.random.default_rng(1).standard_t(5, 400) * 0.01 + 0.001
    one = sharpe(returns)
    assert one.ratio == pytest.approx(stats.ttest_1samp(returns, 0).statistic / math.sqrt(400), rel=1e-12)
    assert one.skew == pytest.approx(stats.skew(returns), rel=1e-12)
    assert one.kurtosis == pytest.approx(stats.kurtosis(returns, fisher=False), rel=1e-12)
    assert probabilistic(one) == pytest.approx(stats.norm.cdf(one.ratio / one.error), rel=1e-12)


def test_one_trial_is_not_deflated():
    own = found(1.0, 500)
    assert deflated(own, 1, 0.0) == probabilistic(own)
    assert deflated(own, 2, 0.01) < deflated(own, 1, 0.01)


def test_the_expected_maximum_is_that_of_simulated_trials():
    draws = np.random.default_rng(2).normal(0, 0.2, (20_000, 30)).max(axis=1)
    assert best_of_luck(30, 0.04) == pytest.approx(draws.mean(), rel=0.02)


@pytest.mark.parametrize(
    ("returns", "why"), [([0.0, 0.0, 0.0], "never traded"), ([0.1], "too few"), ([0.01] * 4, "do not vary")]
)
def test_an_undefined_ratio_has_a_reason(returns, why):
    one = sharpe(returns)
    assert math.isnan(one.ratio) and math.isnan(one.error) and math.isnan(deflated(one, 3, 0.1))
    assert why in one.reason


def test_drawdown():
    assert drawdown([1.0, 2.0, 1.5, 1.8, 0.5, 3.0]) == 0.75
    assert drawdown([1.0, 1.1, 1.1]) == 0
