import numpy as np
import pandas as pd
import pytest

from gatecast.problem.problem import make_problem
from gatecast.problem.seasons import (
    found_season,
    known_places,
    season_candidates,
    season_changes,
    season_returns,
    seasonal_shift,
    seasonal_volatility,
)
from gatecast.problem.volatility import ewma_volatility, log_returns

PRICE = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 3.0, 9.0])  # two symbols, of 7 rows and of 2
FIRST = np.array([0] * 7 + [7] * 2)


def test_each_step_stands_beside_its_last_known_place():
    places = known_places(np.array([10]), 3, 7)
    assert places.tolist() == [[8, 9, 10, 8, 9, 10, 8]]
    assert known_places(np.array([4]), 1, 3).tolist() == [[4, 4, 4]]  # m = 1: the last price


@pytest.mark.parametrize("season", [1, 2, 3, 5, 24])
def test_no_place_is_later_than_the_origin_and_all_are_at_the_place_of_the_step(season):
    origins, steps = np.arange(50, 80), np.arange(1, 61)
    places = known_places(origins, season, 60)
    assert (places <= origins[:, None]).all() and (places > origins[:, None] - season).all()
    assert ((origins[:, None] + steps - places) % season == 0).all()


def test_the_shift_is_the_return_to_that_place_and_unknown_before_a_whole_season():
    shift = seasonal_shift(PRICE, FIRST, 3, 4) / np.log(2)
    assert np.isnan(shift[[0, 1, 2, 7, 8]]).all()
    np.testing.assert_allclose(shift[5], [-2, -1, 0, -2], atol=1e-12)


def test_the_volatility_over_a_season_of_one_bar_is_that_of_a_bar():
    own = ewma_volatility(log_returns(PRICE, FIRST), FIRST)
    np.testing.assert_allclose(seasonal_volatility(PRICE, FIRST, 1), own)
    np.testing.assert_allclose(seasonal_volatility(PRICE, FIRST, 3)[3:7], 3 * np.log(2))


def test_what_past_seasons_say_is_known_h_bars_ahead():
    """Of bar t with m = 2 and h = 3: the return over 2 bars to bar t - 4, and to bar t - 3."""
    price = np.exp(np.arange(8.0) ** 2)
    changes = season_changes(price, (2, 3), 3)
    expected = [0.0] * 6 + [(t - 4) ** 2 - (t - 6) ** 2 for t in range(6, 11)]
    np.testing.assert_allclose(changes["season_change_2"], expected)
    np.testing.assert_allclose(changes["season_change_3"][[4, 10]], [0, 7**2 - 5**2])
    grown = season_changes(np.append(price, [5.0, 6.0, 7.0]), (2, 3), 3)
    for name, values in changes.items():
        assert np.array_equal(grown[name][:11], values)


def test_returns_over_seasons_do_not_reach_into_another_symbol():
    found = season_returns(PRICE, FIRST, (1, 3))
    np.testing.assert_allclose(found["season_return_3"], [0, 0, 0, *[3 * np.log(2)] * 4, 0, 0])
    assert list(found) == ["season_return_3"]  # over one bar it is the return that is read anyway


def walk(seed, n=500):
    return np.exp(0.01 * np.random.default_rng(seed).normal(size=n).cumsum())


def wave(period, noise, n=400, seed=0):
    rng = np.random.default_rng(seed)
    return np.exp(np.sin(2 * np.pi * np.arange(n) / period) + noise * rng.normal(size=n))


ANY = range(2, 130)


@pytest.mark.parametrize(
    ("series", "candidates", "season"),
    [
        ([walk(0)], ANY, 0),
        ([walk(seed) for seed in range(5)], [5], 0),
        ([np.exp(0.1 * np.random.default_rng(1).normal(size=400))], ANY, 0),  # noise repeats nothing
        ([wave(12, 0.3)], ANY, 12),  # and not 24, which is as good
        ([wave(24, 0.1), wave(24, 0.3, seed=1), walk(2)], [24, 120], 24),  # the median counts
        ([wave(24, 0.1), walk(2), walk(3)], [24], 0),
        ([wave(7, 0.1, n=20)], [7], 0),  # less than three seasons
        ([np.ones(100)], [5], 0),
    ],
)
def test_a_season_is_found_where_there_is_one(series, candidates, season):
    assert found_season(series, candidates) == season


@pytest.mark.parametrize(
    ("frequency", "times", "most", "expected"),
    [
        ("1d", pd.bdate_range("2020-01-01", periods=300), 100, (5,)),
        ("1d", pd.date_range("2020-01-01", periods=300), 100, (7,)),
        ("1h", pd.date_range("2020-01-01", periods=2400, freq="h"), 800, (24, 168)),
        ("1h", pd.date_range("2020-01-01", periods=2400, freq="h"), 100, (24,)),
        ("1w", pd.date_range("2020-01-01", periods=300, freq="W"), 100, (52,)),
        ("1mo", pd.date_range("2000-01-31", periods=100, freq="ME"), 33, (12,)),
        ("1q", pd.date_range("2000-03-31", periods=60, freq="QE"), 20, (4,)),
        ("1y", pd.date_range("1950-12-31", periods=60, freq="YE"), 20, ()),
        ("index", pd.date_range("1700-01-01", periods=15, freq="s"), 5, (2, 3, 4, 5)),
    ],
)
def test_the_seasons_that_bars_may_have(frequency, times, most, expected):
    assert season_candidates(frequency, times.to_numpy(), most) == expected


@pytest.mark.parametrize("season", [1, 5, 7])
def test_an_output_of_zero_is_the_value_of_the_last_season(walks, prices_of, season):
    problem = make_problem(
        prices_of(walks(2, 60)), lookback=3, horizon=12, seasons=(season,), anchored=season
    )
    origins = np.flatnonzero(problem.ready & (problem.last - np.arange(len(problem.symbol)) >= 12))
    assert len(origins) and (origins - problem.first[origins] >= min(season, 3)).all()
    price = problem.to_price(problem.to_return(np.zeros((len(origins), 12)), origins), origins)
    np.testing.assert_allclose(price, problem.anchor[known_places(origins, season, 12)])
    again = problem.to_return(problem.targets[origins], origins)
    np.testing.assert_allclose(again, problem.actual_returns(origins), atol=1e-12)
    ratio = problem.unit(origins) / problem.unit(origins)[:, :1]
    np.testing.assert_allclose(ratio**2, np.broadcast_to(-(-np.arange(1, 13) // season), ratio.shape))


def test_windows_alone_keep_the_season_that_lies_before_them(walks, prices_of):
    problem = make_problem(prices_of(walks(2, 60)), lookback=3, horizon=4, seasons=(9,), anchored=9)
    last = np.unique(problem.last)
    cut = problem.cut_to_windows(last)
    origins = np.unique(cut.last)
    assert cut.ready[origins].all()
    assert np.array_equal(cut.neutral(origins), problem.neutral(last))
    assert np.array_equal(cut.unit(origins), problem.unit(last))
