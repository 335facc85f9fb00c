from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gatecast.evaluation.hac import long_run_variance, newey_west_lags

series = arrays(np.float64, st.integers(2, 40), elements=st.floats(-100, 100))


@given(series, st.integers(0, 50))
def test_rectangular_is_the_sum_of_autocovariances(x, lags):
    n, centred = len(x), x - x.mean()
    expected = sum(
        centred[i] * centred[j] for i in range(n) for j in range(n) if abs(i - j) <= lags
    )  # fmt: skip
    np.testing.assert_allclose(long_run_variance(x, lags, "rectangular"), expected / n, atol=1e-6)


@pytest.mark.parametrize("lags", [0, 1, 4, 12])
def test_bartlett_equals_statsmodels(lags):
    x = np.random.default_rng(0).normal(size=80).cumsum()
    fit = sm.OLS(x, np.ones_like(x)).fit(cov_type="HAC", cov_kwds={"maxlags": lags})
    assert long_run_variance(x, lags, "bartlett") / 80 == pytest.approx(float(fit.bse[0]) ** 2, rel=1e-12)


@given(series, st.integers(0, 50))
def test_bartlett_is_never_negative(x, lags):
    assert long_run_variance(x, lags, "bartlett") >= -1e-9


def test_lags():
    assert newey_west_lags(100) == 4 and newey_west_lags(1258) == 7
    assert newey_west_lags(100, horizon=20) == 19
    assert newey_west_lags(3, horizon=20) == 2
