"""What the KOSPI's notes prepare, on the file they had."""

import numpy as np
import pytest

from gatecast.recipes.frames import read_prices
from gatecast.recipes.kospi import TUTORIAL

pytestmark = pytest.mark.filterwarnings("ignore::gatecast.errors.DataWarning")


def test_what_they_prepare(real):
    prepared = TUTORIAL.prepare(read_prices(real("kospi")))
    assert prepared.X.shape == (426, 5, 4)
    assert prepared.split == 213
    assert prepared.X.min() == 0
    assert prepared.y.max() == 1
    known = prepared.price[: prepared.split + 5]
    assert prepared.actual.max() > known.max()
    assert prepared.actual.min() < known.min(), "what an honest sigmoid could not forecast"
    assert prepared.scaler.inverse(prepared.y[0]) == pytest.approx(prepared.price[5])
    np.testing.assert_allclose(prepared.X[1, 0], prepared.X[0, 1])


def test_a_change_needs_no_sigmoid():
    outputs = {
        target: {network.output_activation for network in TUTORIAL.models(target).values()}
        for target in ("close", "return")
    }
    assert outputs == {"close": {"sigmoid", "linear"}, "return": {"linear"}}
