"""Forecasts of all models: points and ranges belong together, whatever is calibrated."""

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast.distributions import LEVELS
from gatecast.forecasts import PER_CENT
from gatecast.models.baselines import RANGE_BASELINES
from gatecast.models.calibration import Calibration
from gatecast.models.ensembles import joined
from gatecast.models.walk_forward import learned, tell
from gatecast.nn.outputs import distributions
from gatecast.problem.folds import walk_forward
from gatecast.problem.problem import make_problem

from ..conftest import walk_frame  # isort: skip

TINY = {"cell": "rnn", "hidden_size": 2}
NETWORKS = {
    "student": gc.Network(output="student_t", **TINY),
    "quantile": gc.Network(output="quantiles", **TINY),
    "point": gc.Network(**TINY),
}
QUICK = gc.Training(epochs=3, batch_size=32, learning_rate=0.02)
BASES = ("naive", "ar", "historical", "ewma-t", "har")
SHAPE = {"horizon": 2, "lookback": 4}
MEDIAN = LEVELS.index(0.5)


@pytest.fixture(scope="module")
def prices() -> gc.Prices:
    table = pd.concat([walk_frame("A", 260, 0), walk_frame("B", 220, 1, "2015-02-26")], ignore_index=True)
    return gc.Prices.from_frame(table, calendar="daily")


@pytest.fixture(scope="module")
def told(prices: gc.Prices) -> dict[str, gc.Result]:
    """The same comparison with each calibration."""
    how = {**SHAPE, "folds": 2, "seeds": 2, "training": QUICK}
    return {
        method: gc.compare(prices, [*BASES, NETWORKS], calibration=method, **how)
        for method in ("none", "conformal", "adaptive")
    }


def calibrated(method: str, problem, fold, rehearsal, test):
    """What is made of the test's forecasts with the validation's."""
    calibration = Calibration.fit(problem, fold.validation, rehearsal, online=method == "adaptive")
    return calibration.apply(problem, fold.test, test)


@pytest.fixture(scope="module")
def road(prices: gc.Prices) -> SimpleNamespace:
    problem = make_problem(prices, **SHAPE, ranged=True)
    folds = walk_forward(problem, folds=2)
    return SimpleNamespace(problem=problem, folds=folds, rows=np.concatenate([f.test for f in folds]))


def test_without_calibration_only_some_tell_a_range(told) -> None:
    assert set(told["none"].outcome.distributions) == {"historical", "ewma-t", "har", "student", "quantile"}
    for method in ("conformal", "adaptive"):
        assert set(told[method].outcome.distributions) == {*BASES, *NETWORKS}


@pytest.mark.parametrize("method", ["none", "conformal", "adaptive"])
def test_quantiles_rise_and_the_point_of_a_range_is_its_median(told, method: str) -> None:
    outcome = told[method].outcome
    for name, known in outcome.distributions.items():
        assert known.quantiles.shape == (*outcome.actual.shape, len(LEVELS))
        assert (np.diff(known.quantiles, axis=-1) >= 0).all(), name
        if name not in ("naive", "ar", "point"):
            median = outcome.anchor[:, None] * np.exp(known.quantiles[..., MEDIAN])
            np.testing.assert_allclose(outcome.forecast[name], median, rtol=1e-12, err_msg=name)


@pytest.mark.parametrize("name", ["historical", "ewma-t", "har"])
def test_a_baseline_is_asked_fold_by_fold(told, road, name: str) -> None:
    expected = np.concatenate([RANGE_BASELINES[name](road.problem, f).quantile(LEVELS) for f in road.folds])
    np.testing.assert_array_equal(told["none"].outcome.distributions[name].quantiles, expected)


@pytest.mark.parametrize("method", ["conformal", "adaptive"])
@pytest.mark.parametrize("name", ["historical", "ewma-t"])
def test_calibration_learns_from_a_rehearsal(told, road, name: str, method: str) -> None:
    """What the baseline says of validation when it knows the training rows alone."""
    baseline, problem = RANGE_BASELINES[name], road.problem
    expected = [
        calibrated(method, problem, fold, baseline(problem, fold.rehearsal), baseline(problem, fold))
        for fold in road.folds
    ]
    quantiles = np.concatenate([one.quantile(LEVELS) for one in expected])
    np.testing.assert_array_equal(told[method].outcome.distributions[name].quantiles, quantiles)
    assert (quantiles != told["none"].outcome.distributions[name].quantiles).any()


@pytest.mark.parametrize("name", ["naive", "ar", "point"])
def test_a_calibrated_point_is_the_point_it_was(told, name: str) -> None:
    for method in ("conformal", "adaptive"):
        np.testing.assert_array_equal(
            told[method].outcome.forecast[name], told["none"].outcome.forecast[name]
        )
    seeds = [told[method].outcome.seeds.get("point") for method in ("none", "conformal")]
    np.testing.assert_array_equal(*seeds)


def test_the_rehearsal_of_a_network_is_told_by_weights_that_had_not_seen_it(told, road) -> None:
    """Of a point: the range is made of the errors of the outputs kept before the refit."""
    result, problem = told["conformal"], road.problem
    fitted = result.networks["point"]
    parts = []
    for fold, outputs, now in zip(
        road.folds, fitted.rehearsal, fitted.forecast(problem, road.folds), strict=True
    ):
        assert outputs.shape == (2, len(fold.validation), 2)
        before, point = (
            problem.to_price(targets.mean(axis=0), origins)
            for targets, origins in ((outputs, fold.validation), (now, fold.test))
        )
        parts.append(calibrated("conformal", problem, fold, before, point).quantile(LEVELS))
    np.testing.assert_array_equal(result.outcome.distributions["point"].quantiles, np.concatenate(parts))


@pytest.mark.parametrize("name", ["student", "quantile"])
def test_a_range_network_is_its_ensemble_and_each_seed_is_scored(told, road, name: str) -> None:
    outcome, came = told["none"].outcome, road.problem.later_returns(road.rows)
    fitted, known = told["none"].networks[name], outcome.distributions[name]
    lessons = learned("none", fitted, road.problem, road.folds)
    for place, (fold, lesson, outputs) in enumerate(
        zip(road.folds, lessons, fitted.forecast(road.problem, road.folds), strict=True)
    ):
        own = self_of(road, place)
        seeds = distributions(fitted.network, outputs, road.problem.unit(fold.test))
        whole = joined(seeds, lesson.kind)
        assert len(seeds) == 2
        np.testing.assert_array_equal(known.quantiles[own], whole.quantile(LEVELS))
        np.testing.assert_allclose(known.crps[own], PER_CENT * whole.crps(came[own]), rtol=1e-12)
        for seed, alone in enumerate(seeds):
            expected = PER_CENT * alone.crps(came[own])
            np.testing.assert_allclose(known.seeds[seed, own], expected, rtol=1e-12)
            median = alone.quantile([0.5])[..., 0]
            price = road.problem.anchor[road.rows[own], None] * np.exp(median)
            np.testing.assert_allclose(outcome.seeds[name][seed, own], price, rtol=1e-12)


def self_of(road: SimpleNamespace, place: int) -> slice:
    """The rows of one fold."""
    start = sum(len(fold.test) for fold in road.folds[:place])
    return slice(start, start + len(road.folds[place].test))


def test_the_choice_of_each_fold_follows_its_own_validation(told, road) -> None:
    """Seeds made to disagree: what came on one fold's validation decides that fold and no other."""
    problem, fitted = road.problem, told["none"].networks["student"]
    rng = np.random.default_rng(3)
    rehearsal, anchor = [], problem.anchor.copy()
    for fold, apart in zip(road.folds, (True, False), strict=True):
        came = problem.later_returns(fold.validation) / problem.unit(fold.validation)
        outputs = np.empty((2, *came.shape, 3))
        side = rng.choice([-1.0, 1.0], came.shape)
        # a camp stands where the return came, the other as far beyond zero, or both around it
        outputs[..., 0] = [came, came - 8 * side] if apart else [came - 4, came + 4]
        outputs[..., 1:] = [0.3, 30.0]
        rehearsal.append(outputs)
    made = replace(fitted, rehearsal=tuple(rehearsal))
    later = problem.session > problem.session[road.folds[1].test].min()
    changed = replace(
        problem, anchor=np.where(later, 3 * anchor, anchor)
    )  # the test's own prices choose nothing
    for one in (problem, changed):
        kinds = [lesson.kind for lesson in learned("none", made, one, road.folds)]
        assert kinds == ["mixture", "parameter mean"]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("method", ["none", "conformal", "adaptive"])
def test_what_is_said_of_an_origin_does_not_depend_on_those_after_it(told, road, name, method) -> None:
    """Bit for bit: the first origins alone, and all of them."""
    problem, fitted = road.problem, told[method].networks[name]
    lesson, _ = learned(method, fitted, problem, road.folds)
    fold, last = road.folds
    early = fold.test[problem.session[fold.test] <= problem.session[fold.test[7]]]
    told_of = {}
    for origins in (fold.test, early):
        outputs, _ = fitted.forecast(problem, [replace(fold, test=origins), last])
        told_of[len(origins)] = tell(fitted.network, outputs, lesson, problem, origins)
    whole, part = told_of.values()
    same = np.isin(fold.test, early)
    np.testing.assert_array_equal(part.point, whole.point[same])
    np.testing.assert_array_equal(part.seeds, whole.seeds[:, same])
    if whole.distribution is not None:
        quantiles = [one.distribution.quantile(LEVELS) for one in (part, whole)]
        np.testing.assert_array_equal(quantiles[0], quantiles[1][same])


def test_the_result_says_how_the_seeds_were_joined(told) -> None:
    notes = told["none"].notes
    (student,) = (note for note in notes if "student" in note)
    form = r"the seeds of student are joined by (parameter mean|mixture) in \d( and .* in \d)? of 2 folds, "
    assert re.fullmatch(form + "chosen on validation", student)
    assert "the seeds of quantile are joined by the mean of each quantile" in notes
    assert not any("point" in note for note in notes)


def test_one_seed_is_joined_with_nobody(prices: gc.Prices) -> None:
    student = {"student": NETWORKS["student"]}
    result = gc.compare(prices, ["ewma-t", student], **SHAPE, folds=2, seeds=1, training=QUICK)
    assert result.notes == ()
    known = result.outcome.distributions["student"]
    assert known.scale is not None and (known.scale > 0).all() and (known.df > 2).all()
    np.testing.assert_allclose(known.seeds[0], known.crps, rtol=1e-12)
    np.testing.assert_allclose(result.outcome.seeds["student"][0], result.outcome.forecast["student"])


@pytest.mark.parametrize("calibration", ["none", "conformal"])
def test_ranges_beside_a_price_level_are_prices(prices: gc.Prices, calibration: str) -> None:
    """The target of networks is the close; what range baselines say is still a return."""
    result = gc.compare(prices, BASES, target="close", calibration=calibration, **SHAPE, folds=2)
    outcome = result.outcome
    for name in ("historical", "ewma-t", "har"):
        change = outcome.forecast[name] / outcome.anchor[:, None]
        assert ((change > 0.9) & (change < 1.1)).all()
        frame = result.forecasts[result.forecasts["model"] == name]
        np.testing.assert_allclose(frame["forecast"], frame["q50"], rtol=1e-12)


def test_the_scores_of_distributions_are_on_the_table(told) -> None:
    for method, models in (("none", told["none"].outcome.distributions), ("conformal", {*BASES, *NETWORKS})):
        table = told[method].scores
        pinball = table[table["metric"] == "pinball"]
        assert set(pinball["model"]) == set(models)
        assert np.isfinite(pinball["value"]).all()
