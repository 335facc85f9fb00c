"""Cells in other units: found, brought to those of most closes, and not seen in clean prices."""

import numpy as np
import pytest

from gatecast.data.units import in_one_unit, unit_factors

from .walks import closes, walks  # isort: skip

PRICES = ["open", "high", "low", "close"]


def walk(**options):
    return walks(1, 200, 0.01, df=4, **options)


def repaired(table, first):
    return in_one_unit(table, unit_factors(table, first))


@pytest.mark.parametrize("factor", [100, 0.01, 1000, 0.001])
@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        (slice(150, None), PRICES),  # a switch: the later rows are the fewer
        (slice(0, 49), PRICES),
        (slice(70, 71), PRICES),  # two rows and back
        (slice(199, 199), PRICES),  # the last row
        (slice(0, 0), PRICES),  # the first row
        (slice(70, 70), ["close"]),
        (slice(70, 70), ["open"]),
        (slice(70, 74), ["high", "low"]),
        (slice(70, 70), ["open", "high", "low"]),
    ],
)
def test_cells_in_other_units_are_found_and_brought_back(factor, rows, columns):
    table, first = walk()
    changed = table.copy()
    changed.loc[rows, columns] *= factor
    factors = unit_factors(changed, first)
    assert set(factors) == set(columns)
    assert np.flatnonzero(factors[columns[0]] != 1).tolist() == table.loc[rows].index.tolist()
    np.testing.assert_allclose(repaired(changed, first)[PRICES], table[PRICES], rtol=1e-12)


def test_closes_alone():
    table, first = walk()
    table = closes(table)
    changed = table.assign(close=np.where(np.arange(200) < 60, table["close"] * 100, table["close"]))
    np.testing.assert_allclose(repaired(changed, first)["close"], table["close"])


def test_of_two_units_with_as_many_rows_the_last_stays():
    table, first = walk()
    table.loc[:99, PRICES] *= 100
    assert set(np.unique(unit_factors(table, first)["close"])) == {0.01, 1.0}
    assert unit_factors(table, first)["close"][-1] == 1


def test_the_decimal_point_is_moved_without_noise():
    table, first = walk()
    table[PRICES] = table[PRICES].round(2)
    changed = table.copy()
    changed.loc[150:, PRICES] = (changed.loc[150:, PRICES] / 100).round(4)
    assert repaired(changed, first).equals(table)


def test_the_adjusted_close_is_brought_back_with_the_close():
    table, first = walk()
    table["adj_close"] = table["close"] * 0.4
    changed = table.copy()
    changed.loc[150:, [*PRICES, "adj_close"]] /= 100
    np.testing.assert_allclose(repaired(changed, first)["adj_close"], table["adj_close"])


def test_a_fall_to_a_hundredth_within_a_bar_is_a_move():
    table, first = walk()
    table.loc[100, ["low", "close"]] /= 100
    table.loc[101:, PRICES] /= 100
    assert unit_factors(table, first) == {}


@pytest.mark.parametrize("told", [True, False])
def test_a_split_of_one_to_a_hundred_is_no_change_of_units(told):
    table, first = walk()
    table.loc[100:, PRICES] *= 100
    assert set(unit_factors(table, first)) == set(PRICES)
    if told:
        table["split_ratio"] = np.where(np.arange(200) == 100, 0.01, 1.0)
    else:
        table.loc[100:, "volume"] /= 100
    assert unit_factors(table, first) == {}


@pytest.mark.parametrize("factor", [10, 60, 150, 500])
def test_other_factors_are_no_units(factor):
    table, first = walk()
    table.loc[100:, PRICES] *= factor
    assert unit_factors(table, first) == {}


def test_empty_and_impossible_cells_say_nothing():
    table, first = walk()
    table.loc[[3, 4], "open"] = [np.nan, 0.0]
    table.loc[5, "high"] = -1.0
    assert unit_factors(table, first) == {}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("usual", [0.005, 0.03])
def test_a_planted_change_is_found_and_clean_walks_are_not_accused(usual, seed):
    table, first = walks(200, 200, usual, df=3, seed=seed)
    assert unit_factors(table, first) == {}
    rows = np.arange(len(table)) % 200
    table.loc[(rows >= 120) & (rows < 122), PRICES] *= 100
    off = (unit_factors(table, first)["close"] != 1).reshape(200, 200)
    assert off[:, 120].mean() >= 0.97 and off.sum() == off[:, 120:122].sum()
