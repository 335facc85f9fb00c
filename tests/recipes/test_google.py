"""What Google's tutorial prints, on the file it had; the shift, the offset and the order in its batches."""

import numpy as np
import pytest

from gatecast.recipes.frames import read_prices
from gatecast.recipes.google import TUTORIAL, inverse_of_an_error

pytestmark = pytest.mark.filterwarnings("ignore::gatecast.errors.DataWarning")


def test_what_it_prints(facts_of):
    found = facts_of("google", epochs=2)
    assert found["rows"] == 1258
    assert found["x_first"] == pytest.approx([0.08581368, 0.11558367], abs=5e-9)
    assert found["y_first"] == pytest.approx(0.09701243, abs=5e-9)
    assert found["y_last"] == pytest.approx(0.93688146, abs=5e-9)
    assert (found["pairs"], found["train_pairs"], found["test_pairs"]) == (1250, 875, 375)
    assert found["x"] == [1250, 7, 2]
    assert found["last_test_batch"] == 25
    assert found["mae_as_printed"] - found["mae"] == pytest.approx(279.12)
    assert found["mae_from_zero_states"] != found["mae"], "the states left behind matter"
    assert found["loop_to_scan"] < 1e-6
    assert found["scan_to_engine"] < 1e-6


def test_it_is_two_days_ahead_and_its_0_0756_are_40_63_dollars(real):
    prepared = TUTORIAL.prepare(read_prices(real("google")))
    scaler, opens = prepared.scaler, prepared.price
    assert scaler.inverse(prepared.X[0, -1, 0]) == pytest.approx(opens[6])
    assert scaler.inverse(prepared.y[0]) == pytest.approx(opens[8])
    assert 0.0756 * scaler.scale == pytest.approx(40.63, abs=0.03)
    assert inverse_of_an_error(0.0756, scaler) == pytest.approx(319.75, abs=0.03)


def test_the_seed_decides(stand_in):
    frame = read_prices(stand_in("google"))
    first, again, other = (TUTORIAL.as_written(frame, 1, seed).facts for seed in (0, 0, 1))
    assert first == again
    assert first["rmse"] != other["rmse"]


def test_forecasts_depend_on_their_place_in_the_batch(stand_in):
    answer = TUTORIAL.pipeline(read_prices(stand_in("google")))
    whole = answer["forecasts"]
    alone = answer["predict"](whole["origin"].iloc[[5]])
    assert alone["date"].item() == whole["date"].iloc[5]
    assert alone["forecast"].item() != whole["forecast"].iloc[5]
    again = answer["predict"](whole["origin"])
    np.testing.assert_array_equal(again["forecast"], whole["forecast"])
