import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gatecast.problem.moves import DIFFERENCE, FARTHEST_UNITS, LOG_RETURN
from gatecast.problem.problem import make_problem
from gatecast.problem.targets import LEAST_PRICE, later_prices, move_of, to_return, to_target

PRICE = st.floats(1e-3, 1e6)


@given(
    later=arrays(np.float64, (6, 3), elements=PRICE),
    anchor=arrays(np.float64, 6, elements=PRICE),
    kind=st.sampled_from(["return", "close"]),
)
def test_targets_round_trip(later, anchor, kind):
    returns = to_return(kind, to_target(kind, later, anchor), anchor)
    above = np.maximum(later, LEAST_PRICE * anchor[:, None]) if kind == "close" else later
    np.testing.assert_allclose(anchor[:, None] * np.exp(returns), above, rtol=1e-12)


@pytest.mark.parametrize("kind", ["return", "close"])
def test_a_forecast_beyond_any_price_is_put_at_the_bound(kind):
    low, high = to_return(kind, np.array([[-1e300, 1e300]]), np.array([2.0]))[0]
    assert high == 50 and low == (-50 if kind == "return" else pytest.approx(np.log(LEAST_PRICE)))


def test_a_difference_is_in_units_of_its_volatility():
    later, anchor, unit = np.array([[-3.0, 4.0]]), np.array([1.0]), np.array([[2.0, 3.0]])
    target = to_target("difference", later, anchor, unit)
    np.testing.assert_array_equal(target, [[-2.0, 1.0]])
    np.testing.assert_array_equal(to_return("difference", target, anchor, unit, DIFFERENCE), [[-4.0, 3.0]])
    wild = to_return("difference", np.array([[1e300, -1e300]]), anchor, unit, DIFFERENCE)
    np.testing.assert_array_equal(wild, FARTHEST_UNITS * np.array([[2.0, -3.0]]))


def test_a_level_below_zero_is_a_price_where_moves_are_differences():
    move = move_of("close", positive=False)
    assert move is DIFFERENCE and move_of("close", positive=True) is LOG_RETURN
    unit = np.array([[1.0]])
    assert to_return("close", np.array([[-5.0]]), np.array([2.0]), unit, move) == [[-7.0]]


def test_later_prices_end_with_the_symbol():
    price = np.array([1.0, 2, 3, 4, 5])
    last = np.array([2, 2, 2, 4, 4])
    nan = np.nan
    np.testing.assert_array_equal(
        later_prices(price, last, 2), [[2, 3], [3, nan], [nan, nan], [5, nan], [nan, nan]]
    )


def test_a_return_counts_from_the_origin_at_every_step():
    np.testing.assert_array_equal(
        to_target("return", np.array([[2.0, 4.0]]), np.array([1.0])), np.log([[2.0, 4.0]])
    )


def test_a_return_of_zero_is_the_anchor_itself():
    anchor = np.array([0.1, 1234.5678])
    np.testing.assert_array_equal(
        anchor[:, None] * np.exp(to_return("return", np.zeros((2, 3)), anchor)),
        np.repeat(anchor[:, None], 3, 1),
    )


@pytest.mark.parametrize("target", ["return", "close", "difference"])
@pytest.mark.parametrize("column", ["close", "open"])
def test_a_problem_gives_back_the_actual_prices(ragged, prices_of, target, column):
    prices = prices_of(ragged(3, seed=4))
    problem = make_problem(prices, lookback=3, horizon=4, target=target, column=column)
    origins = np.flatnonzero(np.isfinite(problem.targets).all(axis=1))
    values = prices.table[column].to_numpy()
    by_hand = np.array([values[i + 1 : i + 5] for i in origins])
    np.testing.assert_array_equal(problem.actual(origins), by_hand)
    returns = problem.to_return(problem.targets[origins], origins)
    np.testing.assert_allclose(problem.to_price(returns, origins), by_hand, rtol=1e-12)
    np.testing.assert_allclose(returns, problem.actual_returns(origins), rtol=1e-9, atol=1e-14)


def test_members_come_back_to_prices_together(walks, prices_of):
    problem = make_problem(prices_of(walks()), lookback=3, horizon=2)
    origins = np.array([10, 50])
    targets = np.zeros((7, 2, 2))
    np.testing.assert_array_equal(problem.to_price(targets, origins)[3, :, 1], problem.anchor[origins])
