"""Regressors of scikit-learn's interface, held to a walk-forward written out by hand."""

from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import Ridge, SGDRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import gatecast as gc
from gatecast.distributions import LEVELS
from gatecast.errors import SettingError
from gatecast.models.foreign.estimators import Estimator, EstimatorModel, Quantile
from gatecast.problem.folds import cut_folds
from gatecast.problem.problem import Problem, make_problem

from ...conftest import walk_frame  # isort: skip

SMALL = {"lookback": 5, "folds": 3, "seeds": 2}


@pytest.fixture(scope="module")
def prices() -> gc.Prices:
    table = pd.concat([walk_frame("A", 260, 0), walk_frame("B", 220, 1)], ignore_index=True)
    return gc.Prices.from_frame(table, calendar="daily")


def ridge_by_hand(problem: Problem, alpha: float, *, last: bool, refit: bool, pooled: bool) -> np.ndarray:
    """Prices (N, h) that ridge regression forecasts, in plain NumPy."""
    forecasts = []
    for fold in cut_folds(problem, folds=3):
        known = np.sort(np.concatenate([fold.train, fold.validation])) if refit else fold.train
        found = np.empty((len(fold.test), problem.horizon))
        rows = np.zeros(len(problem.symbol), dtype=bool)
        for origin in known:
            rows[origin - problem.lookback + 1 : origin + 1] = True
        scales = {}
        for symbol in np.unique(problem.symbol[known]):
            own = problem.features[rows & (problem.symbol == symbol)].astype(np.float64)
            targets = problem.targets[known[problem.symbol[known] == symbol]]
            scales[symbol] = own.mean(axis=0), own.std(axis=0), targets.std(axis=0)

        def window(origin, scales=scales):
            mean, std, _ = scales[problem.symbol[origin]]
            start = origin if last else origin - problem.lookback + 1
            return ((problem.features[start : origin + 1] - mean) / std).ravel()

        for group in [np.unique(problem.symbol)] if pooled else [[s] for s in np.unique(problem.symbol)]:
            trained = [origin for origin in known if problem.symbol[origin] in group]
            x = np.array([window(origin) for origin in trained])
            y = np.array([problem.targets[origin] / scales[problem.symbol[origin]][2] for origin in trained])
            centre, level = x.mean(axis=0), y.mean(axis=0)
            weights = np.linalg.solve(
                (x - centre).T @ (x - centre) + alpha * np.eye(x.shape[1]), (x - centre).T @ (y - level)
            )
            for place, origin in enumerate(fold.test):
                if problem.symbol[origin] in group:
                    scaled = (window(origin) - centre) @ weights + level
                    change = scaled * scales[problem.symbol[origin]][2]
                    found[place] = problem.anchor[origin] * np.exp(change)
        forecasts.append(found)
    return np.concatenate(forecasts)


@pytest.mark.parametrize("horizon", [1, 3])
@pytest.mark.parametrize(
    ("inputs", "refit", "pooled"), [("windows", True, True), ("last", False, True), ("windows", True, False)]
)
def test_ridge_is_that_of_a_walk_forward_by_hand(prices, horizon, inputs, refit, pooled):
    result = gc.compare(
        prices,
        [{"ridge": Estimator(Ridge(alpha=3.0), inputs)}],
        horizon=horizon,
        refit=refit,
        pooled=pooled,
        **SMALL,
    )
    problem = make_problem(prices, lookback=5, horizon=horizon)
    expected = ridge_by_hand(problem, 3.0, last=inputs == "last", refit=refit, pooled=pooled)
    np.testing.assert_allclose(result.outcome.forecast["ridge"], expected, rtol=1e-9)


class OneStep(RegressorMixin, BaseEstimator):
    """Least squares that refuses several targets at once, as boosted trees do."""

    def fit(self, X, y):
        assert y.ndim == 1
        self.weights_ = np.linalg.lstsq(X, y, rcond=None)[0]
        return self

    def predict(self, X):
        return X @ self.weights_


class Whole(OneStep):
    """The same for several targets, without scikit-learn's tags."""

    def fit(self, X, y):
        self.weights_ = np.linalg.lstsq(X, y, rcond=None)[0]
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def test_one_regressor_per_step_where_it_takes_one_target(prices):
    result = gc.compare(prices, [{"one": OneStep(), "whole": Whole()}], horizon=3, **SMALL)
    forecast = result.outcome.forecast
    np.testing.assert_allclose(forecast["one"], forecast["whole"], rtol=1e-9)
    assert {name: len(seeds) for name, seeds in result.outcome.seeds.items()} == {"one": 1, "whole": 1}


def test_every_random_state_is_the_seed_and_the_object_given_stays_as_it_was(prices):
    given = make_pipeline(StandardScaler(), SGDRegressor(max_iter=5, tol=None))
    result = gc.compare(prices, [{"sgd": given}], seed=7, **SMALL)
    one, other = result.outcome.seeds["sgd"]
    assert not np.array_equal(one, other)
    alone = gc.compare(prices, [{"sgd": given}], **{**SMALL, "seeds": 1, "seed": 8})
    np.testing.assert_array_equal(alone.outcome.seeds["sgd"][0], other)
    returns = np.log(result.outcome.seeds["sgd"] / result.outcome.anchor[:, None])
    mean = np.log(result.outcome.forecast["sgd"] / result.outcome.anchor[:, None])
    np.testing.assert_allclose(mean, returns.mean(axis=0), atol=1e-12)
    assert given[-1].random_state is None
    assert not hasattr(given[-1], "coef_")


class Level(BaseEstimator):
    """The quantile of the training targets, whatever X is."""

    def __init__(self, level=0.5):
        self.level = level

    def fit(self, X, y):
        self.value_ = np.quantile(y, self.level)
        return self

    def predict(self, X):
        return np.full(len(X), self.value_)

    def predict_quantiles(self, X, levels):
        return np.tile(np.quantile([-1.0, 1.0], levels), (len(X), 1))


def test_quantile_regressors_are_one_distribution_beside_baselines_that_have_one(prices):
    levels = (0.1, 0.5, 0.9)
    result = gc.compare(prices, [{"q": Quantile(Level, levels), "own": Level()}], horizon=2, **SMALL)
    known = result.outcome.distributions["q"]
    problem = make_problem(prices, lookback=5, horizon=2)
    fold = cut_folds(problem, folds=3)[0]
    rows = fold.train_validation
    units = np.quantile(problem.actual_returns(rows) / problem.unit(rows), levels, axis=0).T
    expected = units * problem.unit(fold.test)[..., None]
    at = [LEVELS.index(level) for level in levels]
    np.testing.assert_allclose(known.quantiles[: len(fold.test)][..., at], expected, atol=1e-12)
    assert {"historical", "ewma-t", "gjr-garch-t", "lhar"} <= set(result.outcome.distributions)
    assert result.experiment.models == tuple(result.outcome.forecast)
    upper = result.outcome.distributions["own"].quantiles[: len(fold.test), :, LEVELS.index(0.75)]
    np.testing.assert_allclose(upper, 0.5 * problem.unit(fold.test), atol=1e-12)


class Recorded(OneStep):
    """Keeps what it was last asked to predict."""

    asked: ClassVar[list[np.ndarray]] = []

    def predict(self, X):
        self.asked.append(X)
        return super().predict(X)


def test_what_is_known_in_advance_of_the_bars_ahead_stands_behind_the_window(prices):
    """Scaled as the same column of the window: a bar's value is that of the windows that end there."""
    gc.compare(
        prices, [{"mine": Estimator(Recorded(), "last")}], horizon=2, future=("days_to_month_end",), **SMALL
    )
    (x, *_) = Recorded.asked
    own, ahead = x[:, -3], x[:, -2:]
    assert x.shape[1] == 4 + 1 + 2
    np.testing.assert_allclose(ahead[:20, 0], own[1:21], atol=1e-6)
    np.testing.assert_allclose(ahead[:20, 1], own[2:22], atol=1e-6)


class Failing(OneStep):
    def fit(self, X, y):
        raise ZeroDivisionError("no luck")


class NotFinite(OneStep):
    def predict(self, X):
        return np.where(np.arange(len(X)) == 3, np.nan, 0.0)


class Short(OneStep):
    def predict(self, X):
        return np.zeros(len(X) - 1)


class OfFolds:
    """A model as those of the package, whose fit is handed all rows."""

    def fit(self, problem, folds):
        raise AssertionError("it must not be called")

    def predict(self, problem, origins):
        raise AssertionError("it must not be called")


@pytest.mark.parametrize(
    ("regressor", "message"),
    [
        (OfFolds(), 'model "mine" is fitted to a problem and its folds, which hold the test as well'),
        (Failing(), r'model "mine": fit failed \(ZeroDivisionError: no luck\) on \(\d+, 20\) and \(\d+,\)'),
        (NotFinite(), 'model "mine": predict returned a number that is not finite, the first for row 3 of X'),
        (Short(), r'model "mine": predict returned \(\d+,\) for X of \(\d+, 20\), not \(\d+, 1\)'),
    ],
)
def test_what_goes_wrong_in_it_is_said(prices, regressor, message):
    with pytest.raises(SettingError, match=message):
        gc.compare(prices, [{"mine": regressor}], **SMALL)


def test_levels_that_are_none():
    for levels in ((0.5,), (0.9, 0.1), (0.0, 0.5)):
        with pytest.raises(SettingError, match=r"levels = .*: must be at least two numbers between 0 and 1"):
            Quantile(Level, levels)


def test_a_distribution_needs_the_target_return(prices):
    with pytest.raises(SettingError, match='choose target "return"'):
        gc.compare(prices, [{"q": Quantile(Level)}], target="close", **SMALL)


def test_threads_change_nothing(prices, monkeypatch):
    problem = make_problem(prices, lookback=5, horizon=1)
    folds = cut_folds(problem, folds=3)
    model = EstimatorModel("ridge", Estimator(Ridge()))

    def forecasts() -> np.ndarray:
        fitted = zip(model.fit(problem, folds), folds, strict=True)
        return np.concatenate([one.predict(problem, fold.test).median for one, fold in fitted])

    side_by_side = forecasts()
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    np.testing.assert_allclose(side_by_side, forecasts(), rtol=1e-9, atol=1e-12)


class Opaque:
    def fit(self, x, y): ...

    def predict(self, x): ...


def test_what_a_model_is_is_told_by_its_parameters_and_not_where_it_shows_none():
    def identity(regressor, **settings):
        return EstimatorModel("mine", Estimator(regressor), **settings).identity

    assert identity(Ridge()) == identity(Ridge(alpha=1.0)) != identity(Ridge(alpha=2.0))
    assert identity(Ridge()) != identity(Ridge(), seeds=2)
    assert identity(Opaque()) is None


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Estimator(Ridge(), "windwos"), "inputs = 'windwos': must be 'windows' or 'last'"),
        (lambda: Quantile(lambda level: Ridge(), inputs=None), "inputs = None: must be 'windows' or 'last'"),
        (lambda: Quantile(5), "make = 5: must be callable"),
        (lambda: Quantile(lambda level: Ridge(), levels="x"), "levels = 'x': must be at least two numbers"),
        (lambda: gc.Function(len, processes="2"), "processes = '2': must be a whole number of at least 1"),
        (lambda: gc.Function(len, trained_until=0), "trained_until = 0: is not a date"),
        (lambda: gc.TorchModel(len, loss=None), "loss = None: must be a name or a function"),
    ],
)
def test_a_setting_of_a_wrong_kind_is_refused_when_it_is_made(make, says):
    with pytest.raises(SettingError) as refused:
        make()
    assert says in str(refused.value)
