"""Forecasts of all models: points and distributions belong together, whatever is calibrated."""

import re
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast.distributions import LEVELS, Point
from gatecast.forecasts import PER_CENT
from gatecast.models.calibration import Calibrated, Calibration
from gatecast.models.ensembles import joined
from gatecast.models.model import Forecast
from gatecast.models.networks import FoldEnsemble, RecurrentNetwork, chosen_combination, combined
from gatecast.models.walk_forward import walk_forward
from gatecast.nn.outputs import distributions
from gatecast.problem.folds import cut_folds
from gatecast.problem.problem import make_problem
from gatecast.progress import Bar

from ..conftest import walk_frame  # isort: skip

from ..baselines import DISTRIBUTION_BASELINES  # isort: skip


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
def results(prices: gc.Prices) -> dict[str, gc.Result]:
    """The same comparison with each calibration."""
    how = {**SHAPE, "folds": 2, "seeds": 2, "training": QUICK}
    return {
        method: gc.compare(prices, [*BASES, NETWORKS], calibration=method, **how)
        for method in ("none", "conformal", "adaptive")
    }


def calibrated(method: str, problem, fold, validation, test):
    """What is made of the test's forecasts with the validation's."""
    calibration = Calibration.fit(problem, fold.validation, validation, online=method == "adaptive")
    return calibration.apply(problem, fold.test, test)


@pytest.fixture(scope="module")
def road(prices: gc.Prices) -> SimpleNamespace:
    problem = make_problem(prices, **SHAPE, volatility_features=True)
    folds = cut_folds(problem, folds=2)
    return SimpleNamespace(problem=problem, folds=folds, rows=np.concatenate([f.test for f in folds]))


def test_without_calibration_only_some_have_a_distribution(results) -> None:
    assert set(results["none"].outcome.distributions) == {
        "historical",
        "ewma-t",
        "har",
        "student",
        "quantile",
    }
    for method in ("conformal", "adaptive"):
        assert set(results[method].outcome.distributions) == {*BASES, *NETWORKS}


@pytest.mark.parametrize("method", ["none", "conformal", "adaptive"])
def test_quantiles_rise_and_the_point_of_a_distribution_is_its_median(results, method: str) -> None:
    outcome = results[method].outcome
    for name, known in outcome.distributions.items():
        assert known.quantiles.shape == (*outcome.actual.shape, len(LEVELS))
        assert (np.diff(known.quantiles, axis=-1) >= 0).all(), name
        if name not in ("naive", "ar", "point"):
            median = outcome.anchor[:, None] * np.exp(known.quantiles[..., MEDIAN])
            np.testing.assert_allclose(outcome.forecast[name], median, rtol=1e-12, err_msg=name)


@pytest.mark.parametrize("name", ["historical", "ewma-t", "har"])
def test_a_baseline_is_asked_fold_by_fold(results, road, name: str) -> None:
    expected = np.concatenate(
        [DISTRIBUTION_BASELINES[name](road.problem, f).quantile(LEVELS) for f in road.folds]
    )
    np.testing.assert_array_equal(results["none"].outcome.distributions[name].quantiles, expected)


@pytest.mark.parametrize("method", ["conformal", "adaptive"])
@pytest.mark.parametrize("name", ["historical", "ewma-t"])
def test_calibration_learns_from_validation(results, road, name: str, method: str) -> None:
    """What the baseline says of validation when it knows the training rows alone."""
    baseline, problem = DISTRIBUTION_BASELINES[name], road.problem
    expected = [
        calibrated(method, problem, fold, baseline(problem, fold.validation_fold), baseline(problem, fold))
        for fold in road.folds
    ]
    quantiles = np.concatenate([one.quantile(LEVELS) for one in expected])
    np.testing.assert_array_equal(results[method].outcome.distributions[name].quantiles, quantiles)
    assert (quantiles != results["none"].outcome.distributions[name].quantiles).any()


@pytest.mark.parametrize("name", ["naive", "ar", "point"])
def test_a_calibrated_point_is_the_point_it_was(results, name: str) -> None:
    for method in ("conformal", "adaptive"):
        np.testing.assert_array_equal(
            results[method].outcome.forecast[name], results["none"].outcome.forecast[name]
        )
    seeds = [results[method].outcome.seeds.get("point") for method in ("none", "conformal")]
    np.testing.assert_array_equal(*seeds)


@pytest.fixture(scope="module")
def ensembles(road) -> dict[str, list[FoldEnsemble]]:
    """The networks of the comparison, trained once more, with the forecasts of their validation origins."""
    how = {"seeds": 2, "keep_validation": True}
    return {
        name: RecurrentNetwork(network, QUICK, **how).fit(road.problem, road.folds)
        for name, network in NETWORKS.items()
    }


def test_validation_is_forecast_by_weights_that_were_not_trained_on_it(results, road, ensembles) -> None:
    """Of a point: the distribution is made of the errors of the forecasts made before the refit."""
    problem, parts = road.problem, []
    for fold, ensemble in zip(road.folds, ensembles["point"], strict=True):
        before, now = ensemble.validation, ensemble.predict(problem, fold.test)
        again = ensemble.predict(problem, fold.validation)  # by the weights after it
        assert (before.distribution.location != again.distribution.location).any()
        both = before.distribution, now.distribution
        parts.append(calibrated("conformal", problem, fold, *both).quantile(LEVELS))
    quantiles = results["conformal"].outcome.distributions["point"].quantiles
    np.testing.assert_array_equal(quantiles, np.concatenate(parts))


@pytest.mark.parametrize("name", ["student", "quantile"])
def test_a_distribution_is_that_of_the_ensemble_and_each_seed_is_scored(
    results, road, ensembles, name
) -> None:
    outcome, actual = results["none"].outcome, road.problem.actual_returns(road.rows)
    known = outcome.distributions[name]
    for place, (fold, ensemble) in enumerate(zip(road.folds, ensembles[name], strict=True)):
        own = self_of(road, place)
        (outputs,) = ensemble.population.outputs(road.problem, [place], [fold.test])
        seeds = distributions(NETWORKS[name], outputs, road.problem.unit(fold.test))
        whole = joined(seeds, ensemble.combination)
        assert len(seeds) == 2
        np.testing.assert_array_equal(known.quantiles[own], whole.quantile(LEVELS))
        np.testing.assert_allclose(known.crps[own], PER_CENT * whole.crps(actual[own]), rtol=1e-12)
        for seed, alone in enumerate(seeds):
            expected = PER_CENT * alone.crps(actual[own])
            np.testing.assert_allclose(known.seeds[seed, own], expected, rtol=1e-12)
            median = alone.quantile([0.5])[..., 0]
            price = road.problem.anchor[road.rows[own], None] * np.exp(median)
            np.testing.assert_allclose(outcome.seeds[name][seed, own], price, rtol=1e-12)


def self_of(road: SimpleNamespace, place: int) -> slice:
    """The rows of one fold."""
    start = sum(len(fold.test) for fold in road.folds[:place])
    return slice(start, start + len(road.folds[place].test))


@pytest.mark.parametrize(("apart", "kind"), [(True, "mixture"), (False, "parameter mean")])
def test_the_combination_is_the_better_one_on_validation(road, apart: bool, kind: str) -> None:
    """Seeds made to disagree: the actual returns of the fold's validation decide, later prices do not."""
    problem, fold = road.problem, road.folds[0]
    rng = np.random.default_rng(3)
    actual = problem.actual_returns(fold.validation) / problem.unit(fold.validation)
    outputs = np.empty((2, *actual.shape, 3))
    side = rng.choice([-1.0, 1.0], actual.shape)
    # a camp stands where the return is, the other as far beyond zero, or both around it
    outputs[..., 0] = [actual, actual - 8 * side] if apart else [actual - 4, actual + 4]
    outputs[..., 1:] = [0.3, 30.0]
    later = problem.session > problem.session[fold.test].min()
    changed = replace(problem, anchor=np.where(later, 3 * problem.anchor, problem.anchor))
    for one in (problem, changed):
        assert chosen_combination(NETWORKS["student"], outputs, one, fold.validation) == kind
    forecast = combined(NETWORKS["student"], outputs, kind, problem, fold.validation)
    assert (type(forecast.distribution).__name__ == "Mixture") == (kind == "mixture")


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("method", ["none", "conformal", "adaptive"])
def test_a_forecast_does_not_depend_on_later_origins(road, name, method) -> None:
    """Bit for bit: the first origins alone, and all of them."""
    problem, model = road.problem, RecurrentNetwork(NETWORKS[name], QUICK, seeds=2, keep_validation=True)
    fitted, _ = (model if method == "none" else Calibrated(model, method)).fit(problem, road.folds)
    origins = road.folds[0].test
    early = origins[problem.session[origins] <= problem.session[origins[7]]]
    whole, part = fitted.predict(problem, origins), fitted.predict(problem, early)
    same = np.isin(origins, early)
    np.testing.assert_array_equal(part.median, whole.median[same])
    for one, other in zip(part.members, whole.members, strict=True):
        np.testing.assert_array_equal(one.quantile(LEVELS), other.quantile(LEVELS)[same])
    quantiles = [one.distribution.quantile(LEVELS) for one in (part, whole)]
    np.testing.assert_array_equal(quantiles[0], quantiles[1][same])


@dataclass(frozen=True)
class Yesterday:
    """A model of a user's: the last return once more, without a calibration of its own."""

    def fit(self, problem, folds):
        return [self for _ in folds]

    def predict(self, problem, origins):
        return Forecast(Point(np.repeat(problem.returns[origins, None], problem.horizon, axis=1)))


@pytest.mark.parametrize("method", ["none", "conformal", "adaptive"])
def test_any_model_walks_forward(road, method) -> None:
    model = Yesterday() if method == "none" else Calibrated(Yesterday(), method)
    with Bar() as bar:
        forecasts, fitted = walk_forward({"mine": model}, road.problem, road.folds, bar)
    expected = road.problem.anchor[road.rows] * np.exp(road.problem.returns[road.rows])
    np.testing.assert_allclose(forecasts.forecast["mine"][:, 1], expected, rtol=1e-12)
    assert (set(forecasts.distributions) == {"mine"}) == (method != "none")
    assert len(fitted["mine"]) == len(road.folds) and not forecasts.seeds


def test_the_result_says_how_the_seeds_were_combined(results) -> None:
    notes = results["none"].notes
    (student,) = (note for note in notes if "student" in note)
    form = r"the seeds of student are combined by (parameter mean|mixture) in \d( and .* in \d)? of 2 folds, "
    assert re.fullmatch(form + "chosen on validation", student)
    assert "the seeds of quantile are combined by the mean of each quantile" in notes
    assert not any("point" in note for note in notes)


def test_one_seed_is_combined_with_nobody(prices: gc.Prices) -> None:
    student = {"student": NETWORKS["student"]}
    result = gc.compare(prices, ["ewma-t", student], **SHAPE, folds=2, seeds=1, training=QUICK)
    assert result.notes == ()
    known = result.outcome.distributions["student"]
    assert known.scale is not None and (known.scale > 0).all() and (known.df > 2).all()
    np.testing.assert_allclose(known.seeds[0], known.crps, rtol=1e-12)
    np.testing.assert_allclose(result.outcome.seeds["student"][0], result.outcome.forecast["student"])


@pytest.mark.parametrize("calibration", ["none", "conformal"])
def test_distributions_beside_a_price_level_are_prices(prices: gc.Prices, calibration: str) -> None:
    """The target of networks is the close; what baselines with a distribution forecast is still a return."""
    result = gc.compare(prices, BASES, target="close", calibration=calibration, **SHAPE, folds=2)
    outcome = result.outcome
    for name in ("historical", "ewma-t", "har"):
        change = outcome.forecast[name] / outcome.anchor[:, None]
        assert ((change > 0.9) & (change < 1.1)).all()
        frame = result.forecasts[result.forecasts["model"] == name]
        np.testing.assert_allclose(frame["forecast"], frame["q50"], rtol=1e-12)


def test_the_scores_of_distributions_are_on_the_table(results) -> None:
    for method, models in (
        ("none", results["none"].outcome.distributions),
        ("conformal", {*BASES, *NETWORKS}),
    ):
        table = results[method].scores
        pinball = table[table["metric"] == "pinball"]
        assert set(pinball["model"]) == set(models)
        assert np.isfinite(pinball["value"]).all()
