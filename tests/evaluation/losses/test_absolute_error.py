from __future__ import annotations

import numpy as np
import pytest

from gatecast.evaluation.losses import ABSOLUTE_ERROR
from gatecast.evaluation.losses.absolute_error import absolute_error
from gatecast.evaluation.scores import scores, wide
from gatecast.evaluation.significance import losses_by_date


def test_scalar_and_batched():
    assert absolute_error(3.0, 2.5) == 0.5
    y, f = np.arange(6.0).reshape(3, 2), np.ones((4, 3, 2))
    assert np.array_equal(absolute_error(y, f), np.broadcast_to(np.abs(y - 1), (4, 3, 2)))


def test_a_wrong_shape_is_refused():
    with pytest.raises(ValueError, match="must end in the shape of actual"):
        absolute_error(np.ones((3, 1)), np.ones(3))


def test_its_mean_is_the_mase(market):
    world = market(dates=30, horizon=2)
    forecasts = world.forecasts({"drift": 0.01}, naive_mae=np.linspace(0.5, 1.5, 30))
    table = wide(scores(forecasts)).set_index(["model", "step"])
    mean = losses_by_date(forecasts, ABSOLUTE_ERROR)["drift"].mean()
    assert mean == pytest.approx(table.loc[("drift", "all"), "mase"])
