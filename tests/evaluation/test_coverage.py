from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from gatecast.evaluation.coverage import (
    _overlap_variance,
    berkowitz,
    breached,
    christoffersen,
    coverage_bands,
    coverage_over_time,
    held,
    independence,
    kupiec,
    pit_histogram,
    uniformity,
    value_at_risk,
)

from ..conftest import FULL  # isort: skip


def runs_of_breaches(n, runs):
    """n forecasts with a breach-free one first and after every run."""
    hits = [0]
    for run in runs:
        hits += [1] * run + [0]
    return np.array(hits + [0] * (n - len(hits)))


@pytest.mark.parametrize(
    ("n", "level", "least", "most"),
    [
        (255, 0.01, None, 6), (510, 0.01, 2, 10), (1000, 0.01, 5, 16),
        (255, 0.05, 7, 20), (510, 0.05, 17, 35), (1000, 0.05, 38, 64),
    ],
)  # fmt: skip
def test_kupiec_does_not_reject_where_his_table_does_not(n, level, least, most):
    # Kupiec (1995), as in Jorion, Value at Risk (3rd ed.), chapter 6: breaches that are not rejected at 5 %.
    kept = [x for x in range(1, n) if kupiec(x, n, level).p > 0.05]
    assert kept[-1] == most
    assert least is None or kept[0] == least


def test_jp_morgan_1998():
    # Jorion, Value at Risk (3rd ed.), chapter 6: 20 breaches of the 95 % VaR in 252 days, 6 of them on the
    # day after one: LR_uc = 3.91, LR_ind = 9.53, LR_cc = 13.44.
    hits = runs_of_breaches(253, [2] * 6 + [1] * 8)
    moves = list(pairwise(hits))
    assert [moves.count(pair) for pair in ((0, 0), (0, 1), (1, 0), (1, 1))] == [218, 14, 14, 6]
    assert kupiec(20, 252, 0.05).statistic == pytest.approx(3.91, abs=5e-3)
    assert independence(hits).statistic == pytest.approx(9.53, abs=5e-3)
    assert christoffersen(hits, 0.05).statistic == pytest.approx(13.44, abs=5e-3)
    assert christoffersen(hits, 0.05).p == pytest.approx(stats.chi2.sf(13.44, 2), rel=5e-3)


def test_christoffersen_by_hand():
    hits = [0, 0, 1, 1, 0, 1, 0, 0, 0, 1]  # transitions 00: 3, 01: 3, 10: 2, 11: 1
    null = 4 * np.log(4 / 9) + 5 * np.log(5 / 9)
    chain = 3 * np.log(3 / 6) + 3 * np.log(3 / 6) + 2 * np.log(2 / 3) + np.log(1 / 3)
    assert independence(hits).statistic == pytest.approx(2 * (chain - null), rel=1e-12)
    fixed = 4 * np.log(0.1) + 5 * np.log(0.9)
    assert christoffersen(hits, 0.1).statistic == pytest.approx(2 * (chain - fixed), rel=1e-12)


def test_kupiec_is_the_likelihood_ratio_of_scipys_binomial():
    for x in (1, 7, 30):
        ratio = stats.binom.logpmf(x, 200, x / 200) - stats.binom.logpmf(x, 200, 0.05)
        assert kupiec(x, 200, 0.05).statistic == pytest.approx(2 * ratio, rel=1e-9)


def test_no_breach_and_nothing_else_have_their_limits():
    assert kupiec(0, 100, 0.05).statistic == pytest.approx(-200 * np.log(0.95), rel=1e-12)
    assert kupiec(100, 100, 0.05).statistic == pytest.approx(-200 * np.log(0.05), rel=1e-12)
    assert kupiec(5, 100, 0.05).p == 1
    for hits in (np.zeros(30), np.ones(30)):
        assert independence(hits).p == 1
        limit = kupiec(int(hits[1:].sum()), 29, 0.05).statistic
        assert christoffersen(hits, 0.05).statistic == pytest.approx(limit, rel=1e-12)


def test_too_little_to_test_has_a_reason():
    assert kupiec(0, 0, 0.05).reason == "there is no forecast"
    for found in (independence([1]), christoffersen([], 0.05), berkowitz(np.full(9, 0.5))):
        assert np.isnan(found.p) and found.reason
    assert "needs 100" in uniformity(np.linspace(0, 1, 99)).reason
    assert "same on every date" in berkowitz(np.full(50, 0.3)).reason
    assert "finite" in berkowitz(np.r_[np.nan, np.full(50, 0.3)]).reason


@pytest.mark.parametrize(("breaches", "n", "level"), [(3, 2, 0.05), (-1, 2, 0.05), (1, 2, 0.0), (1, 2, 1.0)])
def test_impossible_counts_are_refused(breaches, n, level):
    with pytest.raises(ValueError, match="breaches"):
        kupiec(breaches, n, level)


def test_hits_are_zero_or_one():
    with pytest.raises(ValueError, match="hits must be"):
        independence([0.0, 0.5, np.nan])


def test_berkowitz_is_the_likelihood_ratio_of_a_regression():
    import statsmodels.api as sm

    z = np.random.default_rng(3).normal(0.1, 1.1, 200)
    fit = sm.OLS(z[1:], sm.add_constant(z[:-1])).fit()
    expected = 2 * (fit.llf - stats.norm.logpdf(z[1:]).sum())
    found = berkowitz(stats.norm.cdf(z))
    assert found.statistic == pytest.approx(expected, rel=1e-9)
    assert found.p == pytest.approx(stats.chi2.sf(expected, 3), rel=1e-9)


def test_uniformity_equals_scipys_chi_square():
    u = np.random.default_rng(4).beta(1.1, 1, 400)
    theirs = stats.chisquare(np.histogram(u, 20, (0, 1))[0])
    assert (uniformity(u).statistic, uniformity(u).p) == pytest.approx(theirs, rel=1e-9)


def test_tests_of_the_pit_have_their_size_and_find_a_wrong_scale():
    rng = np.random.default_rng(5)
    right = rng.uniform(size=(200, 500))
    wrong = stats.norm.cdf(1.3 * stats.norm.ppf(right))
    late = stats.norm.cdf(np.repeat(rng.normal(size=(50, 250)), 2, axis=1))  # uniform, but every day twice
    for test in (berkowitz, uniformity):
        assert np.mean([test(u).p < 0.05 for u in right]) < 0.10
        assert np.mean([test(u).p < 0.05 for u in wrong[:50]]) > 0.95
    assert np.mean([berkowitz(u).p < 0.05 for u in late]) > 0.95


def test_garch_t_knows_its_own_returns_and_a_normal_of_the_wrong_scale_does_not():
    rng = np.random.default_rng(6)
    n, df = 3000, 6
    shock = rng.standard_t(df, n) * np.sqrt((df - 2) / df)
    r, variance = np.empty(n), np.empty(n)
    now = 1.0
    for i in range(n):
        variance[i] = now
        r[i] = np.sqrt(now) * shock[i]
        now = 0.05 + 0.10 * r[i] ** 2 + 0.85 * now
    own = stats.t.cdf(r / np.sqrt(variance * (df - 2) / df), df)
    constant = stats.norm.cdf(r / r.std())
    assert berkowitz(own).p > 0.05 and uniformity(own).p > 0.05
    assert uniformity(constant).p < 1e-4


def test_actual_returns_and_whether_they_were_inside(market):
    world = market(symbols=2, dates=40, horizon=2)
    forecasts = world.distributed({"ewma-t": world.student()})
    known, y = forecasts.distributions["ewma-t"], forecasts.actual_return
    assert np.allclose(y, np.log(forecasts.actual / forecasts.anchor[:, None]))
    inside = np.abs(y) <= 0.01 * np.sqrt([1, 2]) * stats.norm.ppf(0.9)
    assert np.array_equal(held(known, y, 0.8) == 1, inside)
    below = y < 0.01 * np.sqrt([1, 2]) * stats.norm.ppf(0.05)
    assert below.any() and np.array_equal(breached(known, y, 0.05) == 1, below)
    spoiled = np.where(np.arange(80)[:, None] == 3, np.nan, y)
    assert np.isnan(held(known, spoiled, 0.8)[3]).all() and np.isnan(breached(known, spoiled, 0.05)[3]).all()
    dead = world.distributed({"ewma-t": known}, actual=np.zeros(world.shape))
    assert np.isnan(dead.actual_return).all()


def test_overlap_alone_makes_hits_move_together():
    # By hand at step 2: sums that share one of two returns have correlation 1/2.
    q = stats.norm.ppf(0.9)
    both = stats.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]])
    joint = both.cdf([q, q]) - 2 * both.cdf([q, -q]) + both.cdf([-q, -q])
    assert _overlap_variance(0.8, 1) == pytest.approx(0.16)
    assert _overlap_variance(0.8, 2) == pytest.approx(0.16 + 2 * (joint - 0.64), rel=1e-4)
    # At step 20, from many simulated years: the variance of a mean of n overlapping hits, times n.
    returns = np.random.default_rng(7).normal(size=(2000, 519))
    sums = np.cumsum(np.pad(returns, ((0, 0), (1, 0))), axis=1)
    hits = np.abs(sums[:, 20:] - sums[:, :-20]) < np.sqrt(20) * q
    assert _overlap_variance(0.8, 20) == pytest.approx(500 * hits.mean(1).var(), rel=0.15)


def test_bands_are_seldom_left_by_the_truth_and_left_by_a_wrong_scale(market):
    left = {"right": [], "narrow": []}
    for seed in range(20 if FULL else 8):
        world = market(dates=300, horizon=20, seed=seed)
        forecasts = world.distributed({"right": world.student(), "narrow": world.student(wrong=0.5)})
        for coverage in (0.8, 0.95):
            bands = coverage_bands(forecasts, coverage=coverage)
            for model, found in left.items():
                found.append(bands.loc[bands["model"] == model, "outside"].mean())
    assert np.mean(left["right"]) < 0.02
    assert np.mean(left["narrow"]) > 0.85


def test_bands_of_several_symbols_are_of_dates(market):
    world = market(symbols=8, dates=200, horizon=2, common=0.99)
    forecasts = world.distributed({"ewma-t": world.student()})
    bands = coverage_bands(forecasts, coverage=0.8).set_index(["symbol", "step"])
    assert list(bands.index.levels[1]) == ["1", "2", "all"] and (bands["nominal"] == 0.8).all()
    hits = held(forecasts.distributions["ewma-t"], forecasts.actual_return, 0.8)
    assert bands.loc[("all", "1"), "coverage"] == pytest.approx(hits[:, 0].mean())
    assert bands.loc[("S3", "2"), "coverage"] == pytest.approx(hits[600:800, 1].mean())
    # Eight symbols that move as one are hardly more evidence than one of them.
    width = (bands["high"] - bands["low"]).groupby("symbol").first()
    assert width["all"] > 0.8 * width["S0"]
    assert ((bands["low"] < 0.8) & (bands["high"] > 0.8)).all()


def test_intervals_that_always_hold_are_found_wide_unless_there_are_too_few_dates(market):
    for dates, outside in ((10, False), (300, True)):
        world = market(dates=dates)
        bands = coverage_bands(world.distributed({"wide": world.student(wrong=30)}), coverage=0.95)
        assert (bands["coverage"] == 1).all() and (bands["outside"] == outside).all()


def test_coverage_over_time_is_a_rolling_mean_of_dates(market):
    world = market(symbols=2, dates=60)
    forecasts = world.distributed({"ewma-t": world.student()})
    hits = held(forecasts.distributions["ewma-t"], forecasts.actual_return, 0.8)[:, 0].reshape(2, 60)
    found = coverage_over_time(forecasts, "ewma-t", window=25)
    assert list(found.columns) == ["origin", "held"] and len(found) == 36
    assert found["held"].iloc[5] == pytest.approx(hits[:, 5:30].mean())
    assert found["origin"].iloc[5] == forecasts.origin[29]
    one = coverage_over_time(forecasts, "ewma-t", window=25, symbol="S1")
    assert one["held"].iloc[-1] == pytest.approx(hits[1, -25:].mean())
    assert coverage_over_time(forecasts, "ewma-t").empty


def test_pit_histogram(market):
    world = market(dates=1000, horizon=2)
    right, wide = (pit_histogram(world.student(wrong=wrong)) for wrong in (1.0, 3.0))
    for found in (right, wide):
        assert len(found) == 20 and found["count"].sum() == 1000
        assert found["density"].mean() == pytest.approx(1)
        assert (found["left"].iloc[0], found["right"].iloc[-1]) == (0, 1)
        assert ((found["low"] < 1) & (found["high"] > 1)).all()
    inside = right["density"].between(right["low"], right["high"])
    assert inside.sum() >= 16
    assert wide["density"].iloc[[0, -1]].max() < 0.2 and wide["density"].iloc[9:11].min() > 1.5
    assert pit_histogram(world.student(), 10, step=2, rows=np.arange(50))["count"].sum() == 50


def test_value_at_risk(market):
    world = market(symbols=2, dates=50, horizon=2)
    forecasts = world.distributed({"ewma-t": world.student()})
    table = value_at_risk(forecasts, "ewma-t", step=2, symbol="S1")
    assert len(table) == 50 and set(table["symbol"]) == {"S1"}
    assert np.allclose(table["var_1"], 0.01 * np.sqrt(2) * stats.norm.ppf(0.01), rtol=1e-4)
    assert np.array_equal(table["breach_5"], table["actual"] < table["var_5"])
    assert np.array_equal(table["date"], forecasts.time[50:, 1])
    both = value_at_risk(forecasts, "ewma-t")
    assert len(both) == 100 and both["origin"].is_monotonic_increasing
