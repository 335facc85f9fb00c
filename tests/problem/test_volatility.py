"""The unit of distributions: an EWMA of past returns, by hand and by a plain loop."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatecast.problem.problem import make_problem
from gatecast.problem.volatility import LEAST, ewma_volatility, log_returns, range_variance


def slow(returns, decay):
    """Σ_j decay^j r(i-j)² / Σ_j decay^j, over the returns that are known; one symbol."""
    expected = []
    for i in range(len(returns)):
        weights = [(decay ** (i - j), returns[j]) for j in range(i + 1) if np.isfinite(returns[j])]
        total = sum(weight * r**2 for weight, r in weights)
        expected.append(max(np.sqrt(total / sum(w for w, _ in weights)), LEAST) if weights else LEAST)
    return np.array(expected)


def test_by_hand():
    returns = np.array([np.nan, 0.02, -0.01])
    volatility = ewma_volatility(returns, np.zeros(3, dtype=np.int64))
    assert volatility[0] == LEAST
    assert volatility[1] == pytest.approx(0.02)
    assert volatility[2] == pytest.approx(np.sqrt((0.0001 + 0.94 * 0.0004) / 1.94))


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    seed=st.integers(0, 1000),
    decay=st.sampled_from([0.5, 0.94, 0.99]),
)
def test_of_several_symbols_it_is_a_plain_loop_over_each(sizes, seed, decay):
    rng = np.random.default_rng(seed)
    price = np.exp(rng.normal(0, 0.02, sum(sizes)).cumsum())
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    first = np.repeat(starts, sizes)
    returns = log_returns(price, first)
    volatility = ewma_volatility(returns, first, decay)
    for start, size in zip(starts, sizes, strict=True):
        own = slice(start, start + size)
        assert np.isnan(returns[start])
        np.testing.assert_array_equal(returns[own][1:], np.diff(np.log(price[own])))
        np.testing.assert_allclose(volatility[own], slow(returns[own], decay), rtol=1e-9)


def test_the_riskmetrics_recursion_is_met_when_the_start_is_forgotten():
    """s² (i) = 0.94 s² (i-1) + 0.06 r² (i)."""
    returns = np.random.default_rng(0).normal(0, 0.01, 1000)
    squared = ewma_volatility(returns, np.zeros(1000, dtype=np.int64)) ** 2
    expected = 0.94 * squared[499:-1] + 0.06 * returns[500:] ** 2
    np.testing.assert_allclose(squared[500:], expected, rtol=1e-9)


def test_prices_that_stand_still_have_the_least_volatility():
    returns = log_returns(np.full(50, 7.0), np.zeros(50, dtype=np.int64))
    assert (ewma_volatility(returns, np.zeros(50, dtype=np.int64)) == LEAST).all()


def test_no_row_reads_a_later_one():
    rng = np.random.default_rng(1)
    returns, first = rng.normal(0, 0.01, 300), np.repeat([0, 150], 150)
    changed = returns.copy()
    changed[100:150] *= 5
    one, other = (ewma_volatility(each, first) for each in (returns, changed))
    np.testing.assert_array_equal(one[:100], other[:100])
    np.testing.assert_array_equal(one[150:], other[150:])
    assert (one[100:150] != other[100:150]).all()


def test_a_gap_of_a_year_is_one_return(walks, prices_of):
    frame = walks(sessions=200)
    late = frame.copy()
    late.loc[100:, "date"] += pd.Timedelta(days=364)
    one, other = (make_problem(prices_of(each), lookback=2, horizon=1) for each in (frame, late))
    np.testing.assert_array_equal(one.volatility, other.volatility)


def bars(**columns):
    return pd.DataFrame(
        {"open": [50.0, 101.0], "high": [52.0, 104.0], "low": [49.0, 99.0], "close": [51.0, 103.0]} | columns
    )


def second_variance(**columns):
    return range_variance(bars(**columns), np.zeros(2, dtype=np.int64))[1]


def test_the_variance_of_a_bar_is_garman_and_klass_and_the_return_before_the_open():
    session = np.log(104 / 99) ** 2 / 2 - (2 * np.log(2) - 1) * np.log(103 / 101) ** 2
    assert second_variance() == pytest.approx(np.log(101 / 51) ** 2 + session)
    assert np.isnan(range_variance(bars(), np.zeros(2, dtype=np.int64))[0]), "nothing before the first bar"
    assert np.isnan(range_variance(bars(), np.arange(2))).all(), "nor before that of another symbol"


@pytest.mark.parametrize("opened", [np.nan, 98.0, 105.0], ids=["missing", "below", "above"])
def test_without_an_open_it_is_parkinsons_from_the_previous_close(opened):
    expected = np.log(104 / 51) ** 2 / (4 * np.log(2))
    assert second_variance(open=[50.0, opened]) == pytest.approx(expected)


def test_without_a_column_of_opens_too():
    table = bars().drop(columns="open")
    expected = np.log(104 / 51) ** 2 / (4 * np.log(2))
    assert range_variance(table, np.zeros(2, dtype=np.int64))[1] == pytest.approx(expected)


@pytest.mark.parametrize(
    "column",
    [
        {"high": [52.0, np.nan]},
        {"low": [49.0, np.nan]},
        {"low": [49.0, 0.0]},
        {"close": [51.0, 104.1]},
        {"close": [51.0, 98.9]},
        {"high": [52.0, 103.0], "low": [49.0, 103.0], "open": [50.0, 103.0]},
    ],
    ids=["no high", "no low", "low of zero", "close above", "close below", "one price"],
)
def test_a_bar_without_a_range_of_its_own_has_no_variance(column):
    assert np.isnan(second_variance(**column))


def test_a_close_on_the_high_may_be_rounded():
    assert np.isfinite(second_variance(close=[51.0, 104 * (1 + 1e-8)]))


@pytest.mark.parametrize("night", [0.0, 0.5, 2.0])
def test_it_estimates_the_variance_of_the_whole_bar(night):
    """Brownian sessions of 400 ticks and a return of `night` times their volatility before the open."""
    rng = np.random.default_rng(0)
    days, ticks = 4000, 400
    paths = np.cumsum(rng.normal(0, 0.01 / np.sqrt(ticks), (days, ticks)), axis=1)
    gaps = rng.normal(0, 0.01 * night, days)
    start = np.concatenate([[0.0], np.cumsum(gaps + paths[:, -1])[:-1]]) + gaps
    table = pd.DataFrame(
        {
            "open": np.exp(start),
            "high": np.exp(start + np.maximum(paths.max(axis=1), 0)),
            "low": np.exp(start + np.minimum(paths.min(axis=1), 0)),
            "close": np.exp(start + paths[:, -1]),
        }
    )
    mean = np.nanmean(range_variance(table, np.zeros(days, dtype=np.int64)))
    assert mean == pytest.approx(1e-4 * (1 + night**2), rel=0.12)  # ticks miss a little of the range
