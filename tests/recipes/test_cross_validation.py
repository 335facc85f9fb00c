"""Every row is forecast by models that never saw it."""

import numpy as np

from gatecast.recipes.cross_validation import (
    cross_validated,
    cross_validated_errors,
    linear_regression,
    mean,
)


def test_linear_regression_finds_a_plane():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 3))
    y = x @ [1.0, -2.0, 3.0] + 4
    np.testing.assert_allclose(linear_regression(x[:40], y[:40], x[40:])[0], y[40:])


def test_a_row_is_forecast_without_its_own_fold():
    x, y = np.arange(6.0)[:, None], np.array([0.0, 0, 0, 0, 6, 6])
    folds = [np.array([5, 0]), np.array([1, 4]), np.array([3, 2])]
    np.testing.assert_array_equal(cross_validated(x, y, folds, mean)[0], [1.5, 1.5, 3, 3, 1.5, 1.5])


def test_the_first_model_is_the_reference_and_only_networks_have_seeds():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 2))
    y = x @ [1.0, -2.0] + 0.1 * rng.normal(size=60)

    def network(x, y, new):
        return np.concatenate([mean(x, y, new), linear_regression(x, y, new)])

    ways = {"at random": np.array_split(rng.permutation(60), 3)}
    models = {"mean": mean, "linear regression": linear_regression, "lstm": network}
    reference, linear, lstm = cross_validated_errors(x, y, ways, models)
    assert [error.model for error in (reference, lstm)] == ["mean, at random", "lstm, at random"]
    assert (reference.ratio, reference.seeds, linear.seeds) == (1, (), ())
    assert linear.ratio < 0.1
    assert lstm.seeds == (1, linear.ratio)
    assert linear.ratio < lstm.ratio < 1, "the mean of both forecasts"
