from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gatecast.evaluation.untrained import untrained


def training(losses, name="gru"):
    """Two trainings of three epochs; one row of losses each."""
    rows = [
        {"model": name, "stage": "search", "fold": 0, "seed": seed, "epoch": epoch + 1, "loss": loss}
        for seed, own in enumerate(losses)
        for epoch, loss in enumerate(own)
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def forecasts(market):
    world = market(dates=60)
    noise = 1e-3 * world.rng.normal(size=(1, *world.shape))
    return world.forecasts(
        {"drift": 1e-4}, {"gru": noise, "flat": np.full_like(noise, 2e-4), "zero": 0 * noise}
    )


def test_a_network_whose_first_loss_is_not_finite_did_not_train(forecasts):
    found = untrained(forecasts, training([[np.nan, np.nan, np.nan], [1.0, 0.9, 0.8]]))
    assert found["gru"] == "1 of its 2 trainings diverged in the first epoch"


def test_a_network_that_diverges_later_has_trained(forecasts):
    assert "gru" not in untrained(forecasts, training([[1.0, np.inf, np.nan], [1.0, 0.9, 0.8]]))


def test_a_network_whose_forecasts_are_no_prices_any_more_did_not_train(market):
    world = market(dates=60)
    noise = 1e-3 * world.rng.normal(size=(2, *world.shape))
    far, one = noise.copy(), noise.copy()
    far[1] += np.exp(30.0)
    one[0, 5] = np.exp(60.0)
    found = untrained(world.forecasts({}, {"far": far, "one": one, "poor": 50 * noise}), pd.DataFrame())
    assert found == dict.fromkeys(("far", "one"), "it diverged: its forecasts lie far beyond any price")


def test_a_network_with_one_answer_did_not_train_and_a_baseline_with_one_is_as_it_should_be(forecasts):
    assert untrained(forecasts, pd.DataFrame()) == {"flat": "it forecasts the same at every origin"}


def test_what_did_not_train_is_left_out(forecasts):
    rest = forecasts.without({"flat", "gru"})
    assert list(rest.forecast) == ["naive", "zero", "drift"] and list(rest.seeds) == ["zero"]
