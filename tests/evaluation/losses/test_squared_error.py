from __future__ import annotations

import numpy as np
import pytest

from gatecast.evaluation.losses import SQUARED_ERROR
from gatecast.evaluation.losses.squared_error import squared_error


def test_scalar_and_batched():
    assert squared_error(3.0, 2.5) == 0.25
    assert squared_error(3.0, 2.5, unit=0.5) == 1
    y, f = np.arange(6.0).reshape(3, 2), np.ones((4, 3, 2))
    assert np.array_equal(squared_error(y, f), np.broadcast_to((y - 1) ** 2, (4, 3, 2)))


def test_a_wrong_shape_is_refused():
    with pytest.raises(ValueError, match="must end in the shape of actual"):
        squared_error(np.ones((3, 1)), np.ones(3))
    with pytest.raises(ValueError, match="unit has shape"):
        squared_error(np.ones((3, 2)), np.ones((3, 2)), unit=np.ones(2))


def test_it_is_a_fraction_of_the_anchor_against_naive(market):
    world = market(dates=30, horizon=2)
    forecasts = world.forecasts({"drift": 0.01})
    np.testing.assert_allclose(SQUARED_ERROR.of(forecasts, "drift"), (world.moves - 0.01) ** 2)
    np.testing.assert_allclose(SQUARED_ERROR.of(forecasts, "naive"), world.moves**2)
    assert np.array_equal(SQUARED_ERROR.scale(forecasts), forecasts.naive_mse)
    assert (
        SQUARED_ERROR.models(forecasts) == ["naive", "drift"]
        and SQUARED_ERROR.benchmark(forecasts, ["drift"]) == "naive"
    )
