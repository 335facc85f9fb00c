"""What lies between an anchor and a price, both ways."""

import numpy as np
import pytest

from gatecast.problem.moves import DIFFERENCE, LEAST, LOG_RETURN, MOVES, ROUNDING


@pytest.mark.parametrize(
    ("move", "price", "anchor", "expected", "change"),
    [
        (LOG_RETURN, 110.0, 100.0, np.log(1.1), 0.1),
        (DIFFERENCE, -3.5, 12.0, -15.5, -15.5),
        (DIFFERENCE, 0.2, 0.0, 0.2, 0.2),
    ],
)
def test_a_move_and_the_way_back(move, price, anchor, expected, change):
    price, anchor = np.array([price]), np.array([anchor])
    assert move.of(price, anchor) == pytest.approx(expected)
    assert move.to_price(move.of(price, anchor), anchor) == pytest.approx(price)
    assert move.change(price, anchor) == pytest.approx(change)
    assert move.factor * (price - anchor) / move.base(anchor) == pytest.approx(move.factor * change)


def test_changes_from_row_to_row_begin_anew_with_each_symbol():
    price, first = np.array([1.0, -2.0, 0.0, 5.0]), np.array([0, 0, 2, 2])
    np.testing.assert_array_equal(DIFFERENCE.changes(price, first), [np.nan, -3, np.nan, 5])


def test_the_least_volatility_is_a_part_of_the_largest_price_so_far():
    price, first = np.array([0.0, -4.0, 2.0, 7.0]), np.array([0, 0, 0, 3])
    np.testing.assert_array_equal(DIFFERENCE.least(price, first), LEAST * np.array([1.0, 4.0, 4.0, 7.0]))
    assert LOG_RETURN.least(price, first) == LEAST


def test_rounding_is_of_the_size_of_the_prices():
    assert DIFFERENCE.rounding(np.array([2.0, -500.0])) == 500 * ROUNDING
    assert LOG_RETURN.rounding(np.array([2.0, 500.0])) == ROUNDING


def test_what_is_a_price():
    values = np.array([-1.0, 0.0, 1.0, np.nan, np.inf])
    assert LOG_RETURN.is_price(values).tolist() == [False, False, True, False, False]
    assert DIFFERENCE.is_price(values).tolist() == [True, True, True, False, False]


def test_every_move_is_found_by_its_name():
    assert {name: move.name for name, move in MOVES.items()} == {name: name for name in MOVES}
