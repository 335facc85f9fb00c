"""What California's note prints, on the file it had; its scaler, and its table for the audit."""

import numpy as np
import pytest

from gatecast.recipes.arithmetic import minmax, standard
from gatecast.recipes.california import TUTORIAL, in_advance


def scalers(prepared, scaler):
    """Those of the price: of the training, and the one after its fourth fit."""
    return scaler(prepared.price[: prepared.split]), prepared.scaler


def test_what_it_prepares(real):
    frame = TUTORIAL.read(real("california"))
    prepared = TUTORIAL.prepare(frame, standard)
    assert len(frame) == 17_000
    assert prepared.X[: prepared.split].shape == (11_900, 1, 8)
    assert prepared.X[prepared.split :].shape == (5_100, 1, 8)
    means = [float(scaler.offset) for scaler in scalers(prepared, standard)]
    assert means == pytest.approx([198_473, 227_899], abs=0.5)
    right, left = scalers(TUTORIAL.prepare(frame), minmax)
    assert (left.offset, left.scale) == (right.offset, right.scale), "harmless by luck"
    assert frame["longitude"].is_monotonic_decreasing, "sorted from east to west"


@pytest.mark.slow
@pytest.mark.full
def test_what_it_prints(facts_of):
    found = facts_of("california")
    assert (found["rows"], found["train_rows"], found["test_rows"]) == (17_000, 11_900, 5_100)
    assert found["x_train"] == [11_900, 1, 8]
    assert found["target_ranges"] == [[14_999, 500_001], [14_999, 500_001]]
    assert found["target_means"] == pytest.approx([198_473, 227_899], abs=0.5)
    right, wrong = (
        [found[name][error] for name in ("minmax", "standard")]
        for error in ("train_rmse", "train_rmse_turned_back_wrongly")
    )
    assert right[0] == pytest.approx(wrong[0]), "harmless by luck"
    assert abs(right[1] - wrong[1]) > 1000
    assert all(found[name]["test_rmse"] > 50_000 for name in ("minmax", "standard"))


def test_it_fits_one_scaler_four_times(stand_in):
    frame = TUTORIAL.read(stand_in("california"))
    prepared = TUTORIAL.prepare(frame, standard)
    value = frame["median_house_value"].to_numpy()
    assert prepared.split == 280
    assert [float(scaler.offset) for scaler in scalers(prepared, standard)] == pytest.approx(
        [value[:280].mean(), value[280:].mean()]
    )
    for part in (prepared.X[:280], prepared.X[280:]):
        np.testing.assert_allclose(part.mean(axis=0), 0, atol=1e-12)


def test_in_advance_moves_every_description_to_the_row_before(stand_in):
    frame = TUTORIAL.read(stand_in("california"))
    moved = in_advance(frame)
    assert len(moved) == len(frame) - 1
    np.testing.assert_array_equal(moved["median_income"], frame["median_income"][1:])
    np.testing.assert_array_equal(moved["median_house_value"], frame["median_house_value"][:-1])
