"""What Tesla's tutorial prints, on the file it had; and its formula."""

import numpy as np
import pytest

from gatecast.recipes.frames import read_prices
from gatecast.recipes.tesla import TUTORIAL, wrong_rmse

pytestmark = pytest.mark.filterwarnings("ignore::gatecast.errors.DataWarning")


@pytest.mark.slow
@pytest.mark.full
def test_what_it_prints(facts_of):
    found = facts_of("tesla")
    assert found["rows"] == 2541
    assert found["train_rows"] == 2033
    assert found["x_train"] == [2023, 10, 1]
    assert found["x_test"] == [508, 10, 1]
    assert found["scaled_first"] == pytest.approx([0.00497173, 0.00493486, 0.00378564], abs=5e-9)
    assert (found["test_first"], found["test_first_close"]) == ("2018-07-26", 61.330002)
    assert found["printed_rmse"] == pytest.approx(abs(found["mean_error"]))
    assert found["rmse"] > 1.5 * found["printed_rmse"], "errors of both signs cancel in what it prints"
    assert found["naive_rmse"] == pytest.approx(5.506536, abs=1e-6)


def test_a_window_ends_where_its_target_begins(real):
    prepared = TUTORIAL.prepare(read_prices(real("tesla")))
    scaled = prepared.scaler.forward(prepared.price)
    np.testing.assert_allclose(prepared.X[prepared.split, :, 0], scaled[2023:2033])
    assert prepared.y[0] == prepared.X[1, -1, 0]


def test_its_formula_is_the_mean_error():
    assert wrong_rmse(np.array([3.0, 1.0, 5.0]), np.array([1.0, 4.0, 3.0])) == pytest.approx(1 / 3)
