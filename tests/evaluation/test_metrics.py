from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gatecast.evaluation import metrics

from ..conftest import FULL  # isort: skip

Y = np.array([3.0, -0.5, 2.0, 7.0])
F = np.array([2.5, 0.0, 2.0, 8.0])


def test_published_examples():
    # scikit-learn's user guide, "Regression metrics", same y_true and y_pred.
    assert metrics.mae(Y, F) == 0.5
    assert metrics.rmse(Y, F) == pytest.approx(np.sqrt(0.375), rel=1e-15)
    assert metrics.mape(Y, F) == pytest.approx(0.3273809523809524, rel=1e-15)


def test_mase_of_sktime():
    # sktime's docstring of mean_absolute_scaled_error: 0.18333333333333335.
    train = np.array([5, 0.5, 4, 6, 3, 5, 2])
    scale = np.abs(np.diff(train)).mean()
    y, forecast = np.array([3, -0.5, 2, 7, 2]), np.array([2.5, 0.0, 2, 8, 1.25])
    assert metrics.mase(y, forecast, scale) == pytest.approx(0.18333333333333335, rel=1e-15)
    assert metrics.mase(y, forecast, np.full(5, scale)) == metrics.mase(y, forecast, scale)


def test_small_numbers_by_hand():
    y, f, anchor = np.array([110.0, 90.0, 100.0]), np.array([105.0, 95.0, 130.0]), np.full(3, 100.0)
    assert metrics.smape(y, f) == pytest.approx((2 * 5 / 215 + 2 * 5 / 185 + 2 * 30 / 230) / 3)
    assert metrics.r2(y, f, anchor) == pytest.approx(1 - (25 + 25 + 900) / 200)
    assert metrics.directional_accuracy(y, f, anchor) == 1.0  # the third price did not move
    assert metrics.directional_accuracy(y, [105.0, 100.0, 100.0], anchor) == 0.5  # no side is a miss


def test_undefined_scores_are_nan():
    flat, zero = np.full(3, 100.0), np.zeros(3)
    assert np.isnan(metrics.mape([1.0, 0.0], [1.0, 1.0]))
    assert np.isnan(metrics.mase(Y, F, 0.0))
    assert np.isnan(metrics.r2(flat, flat + 1, flat))
    assert np.isnan(metrics.directional_accuracy(flat, flat + 1, flat))
    assert np.isnan(metrics.directional_accuracy(flat + 1, flat, flat))
    assert metrics.smape(zero, zero) == 0.0


@pytest.mark.parametrize("call", [metrics.mae, metrics.rmse, metrics.mape, metrics.smape])
def test_accidental_broadcasting_is_refused(call):
    for y, f in [(np.ones(4), np.ones((4, 1))), (np.ones((4, 1)), np.ones(4)), (np.ones(4), np.ones(1))]:
        with pytest.raises(ValueError, match=r"must end in the shape of actual"):
            call(y, f)
    with pytest.raises(ValueError, match="anchor has shape"):
        metrics.directional_accuracy(np.ones((4, 2)), np.ones((4, 2)), np.ones(2))
    with pytest.raises(ValueError, match="empty"):
        call([], [])


values = arrays(np.float64, (6, 3), elements=st.floats(0.01, 1e6))


@settings(max_examples=100 if FULL else 20)
@given(values, values, st.integers(0, 1))
def test_leading_axes_and_axis_are_loops(y, f, axis):
    stacked = np.stack([f, y, f + 1])
    anchor = np.full_like(y, 5.0)
    for call, extra in [
        (metrics.mae, ()),
        (metrics.rmse, ()),
        (metrics.mape, ()),
        (metrics.smape, ()),
        (metrics.mase, (2.0,)),
        (metrics.r2, (anchor,)),
        (metrics.directional_accuracy, (anchor,)),
    ]:
        whole = call(y, stacked, *extra, axis=axis)
        assert whole.shape == (3, y.shape[1 - axis])
        for member in range(3):
            for place in range(y.shape[1 - axis]):
                pick = (slice(None), place) if axis == 0 else (place, slice(None))
                one = call(
                    y[pick], stacked[member][pick], *(np.broadcast_to(e, y.shape)[pick] for e in extra)
                )
                np.testing.assert_allclose(whole[member, place], one, rtol=1e-12)
        assert np.ndim(call(y, f, *extra)) == 0


@given(values, values, st.floats(0.01, 100))
@example(
    np.full((2, 3), 0.01), np.full((2, 3), np.nextafter(0.01, 1)), 0.01171875
)  # an error of one rounding
def test_units(y, f, unit):
    """Price scores follow the currency; the others do not know it. A price's last bits are noise."""
    anchor = np.full_like(y, 7.0)
    rounding = 4 * np.finfo(float).eps
    price = rounding * np.abs(y).max()
    for ours, expected, noise in (
        (metrics.rmse(unit * y, unit * f), unit * metrics.rmse(y, f), unit * price),
        (metrics.mape(unit * y, unit * f), metrics.mape(y, f), rounding),
        (metrics.smape(unit * y, unit * f), metrics.smape(f, y), rounding),
        (metrics.mase(unit * y, unit * f, unit), metrics.mase(y, f, 1.0), price),
    ):
        np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=noise)
    np.testing.assert_allclose(metrics.r2(y, anchor, anchor), np.nan if (y == 7).all() else 0.0, atol=1e-12)
    assert 0 <= metrics.smape(y, f) <= 2 and metrics.mae(y, f) <= metrics.rmse(y, f) * (1 + 1e-12)
