"""The error of a model beside that of a reference."""

import numpy as np
import pytest

from gatecast.recipes.errors import model_error, printed

ACTUAL = np.array([1.0, 2.0, 3.0])


def test_an_error_is_a_ratio_to_the_reference_and_so_are_those_of_its_seeds():
    seeds = [ACTUAL + 3, ACTUAL - 1]
    error = model_error("lstm", "the price", ACTUAL + 1, seeds, ACTUAL, ACTUAL + 2, 0.04)
    assert (error.model, error.rmse, error.ratio) == ("lstm, the price", 1, 0.5)
    assert error.seeds == (1.5, 0.5)
    assert error.between == "0.50 to 1.50"


def test_a_baseline_has_no_seeds_and_no_group():
    error = model_error("drift", "", ACTUAL + 1, [], ACTUAL, ACTUAL + 1)
    assert (error.model, error.ratio, error.between) == ("drift", 1, "")


@pytest.mark.parametrize("p", [0.0004, np.nan])
def test_the_table_has_a_column_for_tests_where_there_are_any(p):
    table = printed([model_error("a", "", ACTUAL + 1, [], ACTUAL, ACTUAL + 2, p)], "won", 0, "over naive's")
    assert table["over naive's"].tolist() == ["0.500"]
    assert ("one-sided Diebold-Mariano p" in table) == np.isfinite(p)
    assert np.isnan(p) or table["one-sided Diebold-Mariano p"].tolist() == ["< 0.001"]
