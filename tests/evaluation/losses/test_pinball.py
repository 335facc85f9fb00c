from __future__ import annotations

import numpy as np
import pytest
import scoringrules

from gatecast.distributions import LEVELS
from gatecast.evaluation.losses import CRPS, PINBALL
from gatecast.evaluation.losses.pinball import pinball


def test_scalar_and_batched():
    assert pinball(2.0, [1.0, 3.0], [0.1, 0.9]) == pytest.approx((0.1 + 0.1) / 2)
    rng = np.random.default_rng(0)
    y, q = rng.normal(size=(30, 2)), np.sort(rng.normal(size=(30, 2, len(LEVELS))), axis=-1)
    theirs = [scoringrules.quantile_score(y, q[..., i], level) for i, level in enumerate(LEVELS)]
    np.testing.assert_allclose(pinball(y, q, LEVELS), np.mean(theirs, axis=0), rtol=1e-12)


def test_a_wrong_shape_is_refused():
    with pytest.raises(ValueError, match="the last axis must be levels"):
        pinball(np.ones(3), np.ones((3, 2)), LEVELS)
    with pytest.raises(ValueError, match="must end in the shape of actual"):
        pinball(np.ones((3, 1)), np.ones((3, 2)), [0.1, 0.9])


def test_more_noise_is_more_loss_and_points_are_not_judged(market):
    world = market(dates=1000)
    forecasts = world.distributed({"a": world.student(noise=0.5), "b": world.student()})
    assert PINBALL.of(forecasts, "b").mean() < PINBALL.of(forecasts, "a").mean()
    assert PINBALL.models(forecasts) == ["a", "b"]
    np.testing.assert_array_equal(PINBALL.scale(forecasts), CRPS.scale(forecasts))
