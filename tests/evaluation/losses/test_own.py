from __future__ import annotations

import numpy as np
import pytest

from gatecast.evaluation.losses import SQUARED_ERROR, OwnLoss
from gatecast.evaluation.significance import losses_by_date, significance


def test_a_users_squared_error_is_the_squared_error(market):
    world = market(symbols=2, dates=60)
    scale = np.repeat([1e-4, 4e-4], 60)
    forecasts = world.forecasts({"half": 0.5 * world.moves}, naive_mse=scale)
    own = OwnLoss(lambda actual, predicted: (actual - predicted) ** 2)
    expected = losses_by_date(forecasts, SQUARED_ERROR)
    np.testing.assert_allclose(losses_by_date(forecasts, own), expected, rtol=1e-9)
    found = significance(forecasts, own, seed=0, reps=100)
    assert found.benchmark == "naive" and found.models["half"].skill.value == pytest.approx(0.75)
    assert np.isnan(found.detectable)  # no oracle of this loss is known


def test_a_wrong_shape_is_refused(market):
    forecasts = market(dates=30).forecasts({})
    own = OwnLoss(lambda actual, predicted: np.mean((actual - predicted) ** 2), name="mean")
    with pytest.raises(ValueError, match=r"mean of shape \(\) for forecasts of \(30, 1\)"):
        own.of(forecasts, "naive")
