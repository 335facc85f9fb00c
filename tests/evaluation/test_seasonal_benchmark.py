"""Skill, tests and power where the benchmark is seasonal naive."""

from dataclasses import replace

import numpy as np
import pytest

from gatecast.evaluation.losses import ABSOLUTE_ERROR, SQUARED_ERROR
from gatecast.evaluation.power import relative_variance
from gatecast.evaluation.scores import scores
from gatecast.evaluation.significance import losses_by_date, significance
from gatecast.evaluation.verdict import verdict
from gatecast.forecasts import Forecasts

SEASON, DATES, HORIZON = 3, 300, 6


@pytest.fixture(scope="module")
def shocks():
    """(dates + h,) the part of each bar that its place a season before does not have."""
    return 0.01 * np.random.default_rng(0).normal(size=DATES + HORIZON)


@pytest.fixture
def seasonal(market, shocks):
    """Forecasts of a market whose bars are those of a season before, and a shock; anchors are 1.

    known: the share of each shock that the model "gru" knows.
    """

    def make(known):
        world = market(dates=DATES, horizon=HORIZON)
        bars = np.arange(DATES)[:, None] + np.arange(HORIZON)
        later = np.stack([shocks[bars[:, k::-SEASON]].sum(axis=1) for k in range(HORIZON)], axis=1)
        season = np.tile(np.sin(2 * np.pi * np.arange(HORIZON) / SEASON), (DATES, 1))
        actual, reference = 2 + season + later, 2 + season
        forecast = {
            "naive": np.ones_like(actual),
            "seasonal-naive": reference,
            "gru": reference + known * later,
        }
        return replace(
            world.forecasts({}),
            anchor=np.ones(DATES),
            actual=actual,
            naive_mse=np.full(DATES, 1e-4 * np.mean(np.arange(HORIZON) // SEASON + 1)),
            naive_mae=np.full(DATES, 0.01),
            forecast=forecast,
            seeds={"gru": forecast["gru"][None]},
            distributions={},
            season=SEASON,
        )

    return make


@pytest.mark.parametrize(("known", "skill"), [(0.0, 0.0), (0.5, 0.75), (1.0, 1.0)])
def test_skill_is_the_loss_saved_against_seasonal_naive(seasonal, known, skill):
    forecasts = seasonal(known)
    table = scores(forecasts)
    own = table[(table["model"] == "gru") & (table["metric"] == "skill") & (table["step"] == "all")]["value"]
    assert own.item() == pytest.approx(skill, abs=1e-9)
    tests = significance(forecasts, SQUARED_ERROR, seed=0, reps=200)
    assert tests.benchmark == "seasonal-naive" and tests.tried == ("naive", "gru")
    if known:
        assert tests.models["gru"].skill.value == pytest.approx(skill, abs=1e-9)
    assert losses_by_date(forecasts, SQUARED_ERROR)["seasonal-naive"].mean() == pytest.approx(1, rel=0.2)


def test_the_verdict_names_it(seasonal):
    forecasts = seasonal(0.5)
    tests = {"squared_error": significance(forecasts, SQUARED_ERROR, seed=0, reps=200)}
    found = verdict(forecasts, tests, {}, seeds=1, folds=1)
    assert found.kind == "beats seasonal-naive"
    assert found.kinds == {"gru": "beats seasonal-naive", "naive": "worse than seasonal-naive"}
    assert "beats seasonal-naive, the forecast 'as 3 bars ago'" in found.text
    assert "and seasonal-naive is not in the 90 % model confidence set" in found.text
    assert "Significantly worse than seasonal-naive: naive" in found.text and "tomorrow" not in found.text


@pytest.mark.parametrize("loss", [SQUARED_ERROR, ABSOLUTE_ERROR])
def test_the_detectable_skill_is_that_of_knowing_the_change_over_a_season(seasonal, shocks, loss):
    """The variance of the mean differential, beside that of signals drawn by lot.

    A signal of a bar is the shock of another bar nearby with a random sign, and counts at every step of its
    place in the season from that bar on.
    """
    forecasts = seasonal(0.0)
    base = losses_by_date(forecasts, loss)["seasonal-naive"]
    found = relative_variance(forecasts, base, loss.slope(forecasts), loss.scale(forecasts))
    rng, bars = np.random.default_rng(1), np.arange(DATES)[:, None] + np.arange(HORIZON)
    at, drawn = np.arange(len(shocks)), []
    for _ in range(1500):
        away = rng.integers(1, 16, len(at)) * rng.choice([-1, 1], len(at))
        away = np.where((at + away < 0) | (at + away >= len(at)), -away, away)
        signal = shocks[at + away] * rng.choice([-1, 1], len(at))
        g = np.stack([signal[bars[:, k::-SEASON]].sum(axis=1) for k in range(HORIZON)], axis=1)
        drawn.append(np.mean(loss.slope(forecasts) * g / loss.scale(forecasts)[:, None]))
    assert found == pytest.approx(np.mean(np.square(drawn)) / base.mean() ** 2, rel=0.15)


def test_the_season_comes_back_from_the_table(seasonal):
    forecasts = seasonal(0.5)
    again = Forecasts.from_frame(forecasts.frame, forecasts.scales, season=SEASON)
    assert again.benchmark == "seasonal-naive"
    np.testing.assert_array_equal(again.reference, forecasts.reference)
