from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency
from statsmodels.stats.diagnostic import pesaran_timmermann as of_statsmodels

from gatecast.evaluation.direction import pesaran_timmermann


@pytest.mark.parametrize("seed", range(5))
def test_equals_statsmodels(seed):
    rng = np.random.default_rng(seed)
    y = rng.normal(0.3, 1, 120)
    f = 0.3 * y + rng.normal(-0.2, 1, 120)
    theirs = of_statsmodels(y, f, alternative="larger")
    ours = pesaran_timmermann(y, f)
    assert (ours.statistic, ours.p) == pytest.approx((theirs.statistic, theirs.pvalue), rel=1e-12)
    assert ours.accuracy == theirs.res_store.p_hat
    assert ours.expected == pytest.approx(theirs.res_store.p_ind)


@given(
    st.lists(st.tuples(st.sampled_from([-1.0, 1.0]), st.sampled_from([-1.0, 1.0])), min_size=4, max_size=80)
)
def test_its_square_is_pearsons_chi_square(pairs):
    y, f = np.array(pairs).T
    table = np.array([[((y == i) & (f == k)).sum() for k in (-1, 1)] for i in (-1, 1)])
    found = pesaran_timmermann(y, f)
    if (table.sum(0) == 0).any() or (table.sum(1) == 0).any():
        assert np.isnan(found.statistic) and found.reason
    else:
        expected = chi2_contingency(table, correction=False).statistic
        np.testing.assert_allclose(found.statistic**2, expected, atol=1e-9)


def test_a_perfect_forecast_by_hand():
    # 50 up, 50 down, all right: P = 1, P* = 1/2, V(P) - V(P*) = 1 / (4 n): S = sqrt(n).
    y = np.r_[np.ones(50), -np.ones(50)]
    assert pesaran_timmermann(y, y).statistic == pytest.approx(10)
    assert pesaran_timmermann(y, -y).p == pytest.approx(1)


@pytest.mark.parametrize(
    ("y", "f", "reason"),
    [
        ([0.0, 0.0], [1.0, -1.0], "the price never moves"),
        ([1.0, -1.0], [0.0, 0.0], "it forecasts no change"),
        ([1.0, -1.0], [2.0, 1.0], "it always forecasts the same side"),
        ([1.0, 2.0], [2.0, -1.0], "the price always moves to the same side"),
        ([1.0, -1.0], [np.nan, 1.0], "a forecast is not a finite number"),
    ],
)
def test_undefined(y, f, reason):
    found = pesaran_timmermann(y, f)
    assert found.reason == reason and np.isnan([found.statistic, found.p, found.accuracy]).all()


def test_moves_of_zero_are_left_out():
    rng = np.random.default_rng(0)
    y, f = rng.normal(size=(2, 50))
    padded = pesaran_timmermann(np.r_[y, np.zeros(20)], np.r_[f, np.ones(20)])
    assert padded == pesaran_timmermann(y, f) and padded.n == 50


def test_shapes():
    with pytest.raises(ValueError, match=r"both must be \(n,\)"):
        pesaran_timmermann(np.ones((3, 1)), np.ones(3))


def test_thirty_symbols_that_move_together_are_one():
    """With dates the test keeps its size; the twin that takes rows for observations does not."""
    pooled = stacked = 0
    date = np.tile(np.arange("2020-01-01", "2020-09-01", dtype="datetime64[D]"), 30)
    dates = len(date) // 30
    for seed in range(300):
        rng = np.random.default_rng(seed)
        y, f = np.sqrt(0.7) * rng.normal(size=(2, 1, dates)) + np.sqrt(0.3) * rng.normal(size=(2, 30, dates))
        y, f = y.ravel(), f.ravel()
        pooled += pesaran_timmermann(y, f, date).p < 0.05
        stacked += pesaran_timmermann(y, f).p < 0.05
    assert 0.02 <= pooled / 300 <= 0.10
    assert stacked / 300 > 0.25
