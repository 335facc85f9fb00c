"""The scalers are scikit-learn's, and an error is an error."""

import numpy as np
import pytest

from gatecast.recipes.arithmetic import mae, minmax, rmse, standard


def test_the_scalers_are_scikit_learns():
    x = np.array([[1.0, 5.0, 2.0], [3.0, 5.0, 6.0]])
    np.testing.assert_array_equal(minmax(x).forward(x), [[0, 0, 0], [1, 0, 1]])
    np.testing.assert_array_equal(standard(x).forward(x), [[-1, 0, -1], [1, 0, 1]])
    for scaler in (minmax(x), standard(x)):
        np.testing.assert_allclose(scaler.inverse(scaler.forward(x)), x)


def test_errors():
    forecast, actual = np.array([3.0, 1.0, 5.0]), np.array([1.0, 4.0, 3.0])
    assert rmse(forecast, actual) == pytest.approx(np.sqrt(17 / 3))
    assert mae(forecast, actual) == pytest.approx(7 / 3)
