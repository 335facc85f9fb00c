import dataclasses
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import TypeCheckError

from gatecast.errors import SettingError
from gatecast.problem.problem import make_problem
from gatecast.problem.volatility import ewma_volatility

from ..conftest import FULL  # isort: skip

SEEDS = st.integers(0, 15)  # of ragged prices, each made once


@pytest.fixture(scope="module")
def ragged_prices(ragged, prices_of):
    """ragged_prices(symbols, seed) → the table and its prices."""

    @cache
    def made(symbols, seed):
        frame = ragged(symbols, seed=seed)
        return frame, prices_of(frame)

    return made


@settings(max_examples=15 if FULL else 6, deadline=None)
@given(
    seed=SEEDS,
    lookback=st.integers(1, 15),
    horizon=st.integers(1, 8),
    target=st.sampled_from(["return", "close"]),
    column=st.sampled_from(["close", "high"]),
)
def test_rows_hold_what_slicing_by_hand_gives(ragged_prices, seed, lookback, horizon, target, column):
    """Symbol by symbol, from the table itself: windows, targets and dates never cross a symbol."""
    frame, prices = ragged_prices(3, seed)
    problem = make_problem(prices, lookback=lookback, horizon=horizon, target=target, column=column)
    start = 0
    for number, (symbol, own) in enumerate(frame.groupby("symbol")):
        values = own[column].to_numpy()
        dates = own["date"].to_numpy().astype("datetime64[D]")
        assert problem.symbols[number] == symbol
        first_feature = 1 if target == "return" else 0  # the first session has no return
        for i in range(len(own)):
            row, later = start + i, values[i + 1 : i + 1 + horizon]
            assert problem.symbol[row] == number
            assert problem.session[row] == dates[i]
            assert problem.anchor[row] == values[i]
            assert problem.close[row] == own["close"].iloc[i]
            assert problem.ready[row] == (i - lookback + 1 >= first_feature)
            expected = np.log(later / values[i]) if target == "return" else later
            np.testing.assert_array_equal(problem.targets[row, : len(later)], expected)
            assert np.isnan(problem.targets[row, len(later) :]).all()
            if len(later) == horizon:
                assert problem.due[row] == dates[i + horizon]
                np.testing.assert_array_equal(
                    problem.dates(np.array([row]))[0], dates[i + 1 : i + 1 + horizon]
                )
            else:
                assert np.isnat(problem.due[row])
        start += len(own)
    assert start == len(problem.session)


@settings(max_examples=20 if FULL else 8, deadline=None)
@given(seed=SEEDS, lookback=st.integers(1, 10))
def test_a_window_ends_at_its_origin_and_stays_in_its_symbol(ragged_prices, seed, lookback):
    frame, prices = ragged_prices(3, seed)
    problem = make_problem(prices, lookback=lookback, horizon=1)
    returns = frame.groupby("symbol")["close"].transform(lambda close: np.log(close).diff()).to_numpy()
    origins = np.flatnonzero(problem.ready)
    rows = origins[:, None] - np.arange(lookback)[::-1]
    windows = problem.features[rows, problem.names.index("log_return")]
    assert (problem.symbol[rows] == problem.symbol[origins, None]).all()
    np.testing.assert_allclose(windows, returns[rows], rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize(("target", "distributions"), [("return", False), ("return", True), ("close", False)])
def test_nothing_known_at_an_origin_depends_on_later_rows(ragged, prices_of, target, distributions):
    frame = ragged(3, seed=5)
    day = frame["date"].sort_values().iloc[len(frame) // 2]
    later = (frame["date"] > day).to_numpy()
    names = ["open", "high", "low", "close", "volume"]
    changed = frame.copy()
    changed.loc[later, names] *= np.random.default_rng(0).uniform(0.5, 2, (later.sum(), len(names)))
    one, other = (
        make_problem(
            prices_of(table), lookback=5, horizon=2, target=target, volatility_features=distributions
        )
        for table in (frame, changed)
    )
    for name in ("features", "anchor", "volatility", "range_variance", "returns"):
        np.testing.assert_array_equal(getattr(one, name)[~later], getattr(other, name)[~later])
    assert (one.volatility[later] != other.volatility[later]).all()
    assert (one.features[later] != other.features[later]).any(axis=1).all()
    due = one.due <= np.datetime64(day, "D")
    np.testing.assert_array_equal(one.targets[due], other.targets[due])


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("return", ("log_return", "high_return", "log_range", "log_body", "log_volume_change")),
        ("close", ("open", "high", "low", "close", "volume")),
    ],
)
def test_another_column_than_the_close(walks, prices_of, target, names):
    frame = walks(2)
    problem = make_problem(prices_of(frame), lookback=5, horizon=1, target=target, column="high")
    assert problem.names == names
    np.testing.assert_array_equal(problem.anchor, frame["high"])
    np.testing.assert_array_equal(problem.close, frame["close"])


@settings(max_examples=15 if FULL else 6, deadline=None)
@given(seed=SEEDS, horizon=st.integers(1, 6), column=st.sampled_from(["close", "high"]))
def test_actual_returns_and_the_unit_of_distributions_by_slicing(ragged_prices, seed, horizon, column):
    """Symbol by symbol: later prices and returns (NaN past the end), the volatility, and its root of time."""
    frame, prices = ragged_prices(2, seed)
    problem = make_problem(prices, lookback=3, horizon=horizon, column=column, target="close")
    start = 0
    for _, own in frame.groupby("symbol"):
        price = own[column].to_numpy()
        returns = np.append(np.nan, np.diff(np.log(price)))
        np.testing.assert_array_equal(problem.returns[start : start + len(own)], returns)
        volatility = ewma_volatility(returns, np.zeros(len(own), dtype=np.int64))
        rows = np.arange(start, start + len(own))
        np.testing.assert_array_equal(problem.volatility[rows], volatility)
        expected = volatility[:, None] * np.sqrt(np.arange(1, horizon + 1))
        np.testing.assert_array_equal(problem.unit(rows), expected)
        later, actual = problem.actual(rows), problem.actual_returns(rows)
        for i in range(len(own)):
            known = price[i + 1 : i + 1 + horizon]
            np.testing.assert_array_equal(later[i, : len(known)], known)
            np.testing.assert_array_equal(actual[i, : len(known)], np.log(known / price[i]))
            assert np.isnan(later[i, len(known) :]).all()
            assert np.isnan(actual[i, len(known) :]).all()
        start += len(own)


def test_the_variance_of_a_bar_is_missing_where_its_range_is(walks, prices_of):
    frame = walks(sessions=30)
    frame.loc[4, "high"], frame.loc[6, "low"] = np.nan, 0.0
    variance = make_problem(prices_of(frame), lookback=2, horizon=1).range_variance
    assert np.flatnonzero(np.isnan(variance)).tolist() == [0, 4, 6]
    closes = make_problem(prices_of(frame[["date", "close"]]), lookback=2, horizon=1)
    assert np.isnan(closes.range_variance).all()


def test_networks_with_distributions_read_predictors_of_volatility(walks, prices_of):
    prices = prices_of(walks(2))
    names = ("shock", "log_size", "log_volatility", "log_range", "log_range_volatility")
    assert make_problem(prices, lookback=2, horizon=1, volatility_features=True).names == names
    own = {"volatility_features": True, "features": lambda table: table[["volume"]]}
    assert make_problem(prices, lookback=2, horizon=1, **own).names == (*names, "volume")
    assert make_problem(prices, lookback=2, horizon=1, replace_features=True, **own).names == ("volume",)


def test_an_unknown_column_lists_those_there_are(walks, prices_of):
    with pytest.raises(
        SettingError,
        match=r'column "clos" is not in the data \(open, high, low, close, volume\)\. Did you mean "close"',
    ):
        make_problem(prices_of(walks()), lookback=5, horizon=1, column="clos")


def test_a_column_with_holes_cannot_be_forecast(walks, prices_of):
    frame = walks()
    frame.loc[[7, 9], "open"] = 0.0  # which is read as missing
    with pytest.raises(SettingError, match=r"2 rows are missing, the first A00 on 2000-01-12"):
        make_problem(prices_of(frame), lookback=5, horizon=1, column="open")


def test_one_row_makes_a_problem_without_targets(walks, prices_of):
    problem = make_problem(prices_of(walks(sessions=1)), lookback=1, horizon=3)
    assert problem.features.shape == (1, 4)
    assert np.isnan(problem.targets).all()
    assert not problem.ready.any()


@pytest.mark.slow
@pytest.mark.usefixtures("shapes_checked")
def test_arrays_of_another_shape_are_refused(ragged, prices_of):
    problem = make_problem(prices_of(ragged(1, seed=0)), lookback=4, horizon=2)
    with pytest.raises(TypeCheckError, match="anchor"):
        dataclasses.replace(problem, anchor=problem.anchor[1:])
    with pytest.raises(TypeCheckError, match="origins"):
        problem.to_price(problem.targets, np.arange(3))
