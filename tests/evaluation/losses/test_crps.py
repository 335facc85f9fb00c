from __future__ import annotations

import numpy as np
import scoringrules

from gatecast.evaluation.losses import CRPS


def test_it_is_that_of_the_log_return_in_per_cent(market):
    world = market(dates=30, horizon=2)
    forecasts = world.distributed({"ewma-t": world.student(df=5.0)})
    scale = 0.01 * np.sqrt([1, 2])
    expected = 100 * scoringrules.crps_t(forecasts.actual_return, 5.0, 0.0, scale)
    np.testing.assert_allclose(CRPS.of(forecasts, "ewma-t"), expected, rtol=1e-9)
    assert CRPS.models(forecasts) == ["ewma-t"]
    np.testing.assert_allclose(CRPS.scale(forecasts), 1.0)  # naive's root mean squared error, 1 %


def test_that_of_a_point_is_its_absolute_error(market):
    forecasts = market(dates=30).forecasts({"drift": 0.01})
    expected = 100 * np.abs(np.log(forecasts.forecast["drift"] / forecasts.actual))
    np.testing.assert_allclose(CRPS.of(forecasts, "drift"), expected)


def test_the_benchmark_is_the_best_baseline(market):
    forecasts = market(dates=30).forecasts({})
    assert CRPS.benchmark(forecasts, ["lhar", "ewma-t"]) == "lhar" and CRPS.benchmark(forecasts, []) is None
    assert CRPS.tried(["ewma-t", "gru", "lstm"], ["lstm", "gru"], "ewma-t") == ["lstm", "gru"]
