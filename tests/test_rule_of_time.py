"""The rule of time, whole road: later prices never change an earlier forecast, not by one bit.

Every price and volume after a date is multiplied by its own random factor and every model of the registry
walks forward again, with each calibration. The broken twins at the end are models like any other, handed in;
the same check must fail for each of them.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import QuantileRegressor, Ridge

import gatecast as gc
from gatecast.api.models import model_of
from gatecast.distributions import FINE_LEVELS, Point, Quantiles, StudentT
from gatecast.forecasts import PARAMETERS, Forecasts
from gatecast.judging.beside import yearly_folds
from gatecast.models.baseline import Baseline
from gatecast.models.baselines.volatility import ewma_t
from gatecast.models.calibration import STEP_SIZE, Calibrated, Calibration
from gatecast.models.ensembles import better_combination, joined
from gatecast.models.foreign import chronos, darts, kronos, neuralforecast, statsforecast, timesfm, tirex
from gatecast.models.foreign.functions import Histories
from gatecast.models.foreign.given import foreign_model
from gatecast.models.model import Forecast, Model
from gatecast.models.walk_forward import walk_forward
from gatecast.nn import population
from gatecast.problem import features
from gatecast.problem.folds import Fold, cut_folds
from gatecast.problem.problem import Problem, make_problem
from gatecast.problem.scaling import fit_scale
from gatecast.progress import Bar
from gatecast.settings.experiment import Experiment
from gatecast.settings.names import (
    BASELINES,
    DISTRIBUTION_RIVALS,
    NETWORKS,
    POINT_RIVALS,
    WITH_DISTRIBUTION,
    resolve_models,
)

from .conftest import walk_frame  # isort: skip
from .models.foreign import stand_ins

pytestmark = pytest.mark.filterwarnings("ignore::gatecast.errors.FitWarning")  # prices gone wild

FAST = ("gru",)  # walks beside the baselines; the other networks are looked at alone
LONG_FITS = ("garch-t", "gjr-garch-t", "lhar")  # fast in other tests
SHAPES = [
    (symbols, horizon, target, "none")
    for symbols in ("single", "pooled")
    for horizon in (1, 5)
    for target in ("return", "close")
]
FAST_SHAPES = [SHAPES[i] for i in (3, 5)]  # every level once; the others run with GATECAST_TESTS=full
DISTRIBUTIONS = {
    "student": gc.Network(cell="gru", hidden_size=3, output="student_t"),
    "quantile": gc.Network(cell="gru", hidden_size=3, output="quantiles"),
    "point": gc.Network(cell="gru", hidden_size=3),
}
CALIBRATED_SHAPES = [  # the first is fast
    ("pooled", 2, "return", "adaptive"),
    ("pooled", 3, "return", "none"),
    ("pooled", 1, "return", "conformal"),
    ("single", 3, "return", "conformal"),
    ("single", 1, "return", "none"),
]
QUICK = gc.Training(epochs=2, batch_size=32)
# trained until the seeds disagree: else hardly any price decides how they are combined
LONG = gc.Training(epochs=10, batch_size=32, learning_rate=0.05, patience=None)


def frame_of(symbols: str, clustered: bool = False) -> pd.DataFrame:
    """One walk, or two that start and end at different times, of which one pauses.

    clustered: with calm and wild weeks, without which a GARCH is a constant, whatever it reads.
    """
    frame = walk_frame("A", 220, 0)
    if symbols == "pooled":
        other = walk_frame("B", 178, 1, start="2015-02-26").drop(index=[30, 31, 100, 150])
        frame = pd.concat([frame, other], ignore_index=True)
    if not clustered:
        return frame
    wild = 0.01 * np.exp(np.sin(np.arange(len(frame)) / 8))
    close = 100 * np.exp((wild * np.random.default_rng(5).standard_t(5, len(frame))).cumsum())
    ratio = close / frame["close"]
    return frame.assign(**{name: frame[name] * ratio for name in ("open", "high", "low", "close")})


def changed_after(frame: pd.DataFrame, date: np.datetime64) -> pd.DataFrame:
    frame = frame.copy()
    later = (frame["date"] > date).to_numpy()
    columns = ["open", "high", "low", "close", "volume"]
    factors = np.random.default_rng(7).uniform(0.3, 3.0, (later.sum(), len(columns)))
    frame.loc[later, columns] = frame.loc[later, columns].to_numpy() * factors
    return frame


def cuts(frame: pd.DataFrame) -> list[np.datetime64]:
    """The first test origin, where a missing embargo shows, and a day inside the second fold."""
    sessions = np.unique(frame["date"].to_numpy()).astype("datetime64[D]")
    tested = round(0.25 * len(sessions))
    return [sessions[len(sessions) - 1 - tested], sessions[len(sessions) - tested // 4]]


def walked(
    models: Mapping[str, Model],
    frame: pd.DataFrame,
    *,
    horizon: int = 1,
    target: str = "return",
    distributions: bool = False,
    folds: Callable[[Problem], list[Fold]] | None = None,
    means: Mapping[str, tuple[str, ...]] | None = None,
) -> Forecasts:
    """The forecasts of `models` for two folds of the prices."""
    prices = gc.Prices.from_frame(frame, calendar="daily")
    problem = make_problem(
        prices, lookback=5, horizon=horizon, target=target, volatility_features=distributions
    )
    with Bar() as bar:
        cut = cut_folds(problem, folds=2) if folds is None else folds(problem)
        return walk_forward(models, problem, cut, bar, means)[0]


def registered(names: tuple[str, ...], horizon: int, target: str, method: str, **settings) -> Mapping:
    """Models as `compare` makes them."""
    asked = [{name: DISTRIBUTIONS[name]} if name in DISTRIBUTIONS else name for name in names]
    resolved = resolve_models(asked, gc.Network(hidden_size=3))
    models, networks = resolved.models, resolved.networks
    experiment = Experiment(
        models=models, networks=networks, horizon=horizon, target=target, calibration=method, **settings
    )
    return {name: model_of(experiment, name) for name in models}


@cache
def base_and_changed(names: tuple[str, ...], shape: tuple, **settings):
    """The forecasts, and for each cut those of the prices changed after it."""
    symbols, horizon, target, method = shape
    wild = any(name in DISTRIBUTIONS for name in names)
    # with two seeds their combination is chosen; with one there is a Student t to see
    seeds = 1 if not wild or (method == "none" and horizon == 1) else 2
    how = {"seeds": seeds, "training": LONG if wild else QUICK, **settings}
    models = registered(names, horizon, target, method, **how)
    frame = frame_of(symbols, clustered=wild)
    run = partial(walked, models, horizon=horizon, target=target, distributions=wild)
    return run(frame), [(cut, run(changed_after(frame, cut))) for cut in cuts(frame)]


def is_blind(base: Forecasts, changed: Forecasts, cut: np.datetime64, model: str) -> bool:
    """Whether forecasts, members and distributions of origins up to `cut` are equal bit for bit.

    And the scores that can be known then. Some later forecast must have moved: else nothing was tested.
    """
    early, late = base.origin <= cut, base.origin > cut
    np.testing.assert_array_equal(base.origin[early], changed.origin[changed.origin <= cut])
    pairs = [(base.forecast[model], changed.forecast[model])]
    pairs += list(zip(base.seeds.get(model, ()), changed.seeds.get(model, ()), strict=True))
    one, other = base.distributions.get(model), changed.distributions.get(model)
    known = (base.time <= cut).all(axis=1)
    scores: list[tuple[np.ndarray, np.ndarray]] = []
    same = [(one is None) == (other is None)]
    if one is not None:
        pairs.append((one.quantiles, other.quantiles))
        for name in PARAMETERS:
            mine, theirs = getattr(one, name), getattr(other, name)
            pairs += [] if mine is None or theirs is None else [(mine, theirs)]  # None: some fold has none
        scores = [(getattr(one, name), getattr(other, name)) for name in ("crps", "log_score", "pit")]
        scores += list(zip(one.seeds, other.seeds, strict=True))
    same += [np.array_equal(mine[early], theirs[early]) for mine, theirs in pairs]
    same += [np.array_equal(mine[known], theirs[known], equal_nan=True) for mine, theirs in scores]
    moved = any(not np.array_equal(mine[late], theirs[late]) for mine, theirs in pairs)
    assert early.any() and moved, "the test perturbs nothing"
    return all(same)


def left_out(shape: tuple) -> tuple[str, ...]:
    """Models without a distribution; in the fast shape what is slow: networks but one, and GARCH, which is
    fast beside given forecasts and on the bars of a day.
    """
    if shape == CALIBRATED_SHAPES[0]:
        return ("point", "quantile", "garch-t", "gjr-garch-t")
    return ("naive", "point") if shape[-1] == "none" else ()


def cases():
    """(models that walk together, the one that is looked at, shape)."""
    quick = tuple(name for name in BASELINES if name not in LONG_FITS)
    for model in (*BASELINES, *NETWORKS):
        for shape in SHAPES:
            at_length = shape not in FAST_SHAPES
            network, long = model in NETWORKS and model not in FAST, model in LONG_FITS and not at_length
            marks = [pytest.mark.slow] if at_length or network or long else []
            marks += [pytest.mark.full] if at_length or long else []
            together = (model,) if network or long else (*(BASELINES if at_length else quick), *FAST)
            yield pytest.param(together, model, shape, marks=marks)
    for shape in CALIBRATED_SHAPES:
        together = tuple(
            name for name in ("naive", *WITH_DISTRIBUTION, *DISTRIBUTIONS) if name not in left_out(shape)
        )
        for model in together:
            slow = [pytest.mark.slow] if shape != CALIBRATED_SHAPES[0] else []
            slow += [pytest.mark.full] if shape in CALIBRATED_SHAPES[3:] else []
            yield pytest.param(together, model, shape, marks=slow)


@pytest.mark.parametrize(("together", "model", "shape"), list(cases()))
def test_later_prices_never_change_an_earlier_forecast(together, model, shape):
    base, runs = base_and_changed(together, shape)
    for cut, changed in runs:
        assert is_blind(base, changed, cut, model), cut
    if (
        shape == CALIBRATED_SHAPES[-1]
        and together[0] == "historical"
        and model not in ("quantile", "historical", "lhar")
    ):
        assert base.distributions[model].scale is not None


def over_new_year(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(date=frame["date"] + pd.Timedelta(days=126))


def by_year(problem: Problem) -> list[Fold]:
    """The folds of `judge`, given forecasts of the last 100 sessions: half of them in the next year."""
    origins = np.flatnonzero(~np.isnat(problem.due) & (problem.session >= problem.sessions[-100]))
    return yearly_folds(problem, origins)


def blind_by_year(
    names: tuple[str, ...], folds: Callable[[Problem], list[Fold]], horizon: int
) -> dict[str, bool]:
    """Baseline → whether it is blind at the first origin of the second year, and after it."""
    models = registered(names, horizon, "return", "none")
    frame = over_new_year(frame_of("pooled", clustered=True))
    run = partial(walked, models, horizon=horizon, folds=folds)
    base = run(frame)
    _, second = base.test_starts
    cuts = [second, base.origin[base.fold == 1][5]]
    changed = [(cut, run(changed_after(frame, cut))) for cut in cuts]
    return {name: all(is_blind(base, one, cut, name) for cut, one in changed) for name in models}


@pytest.mark.parametrize("horizon", [1, pytest.param(5, marks=pytest.mark.slow)])
def test_the_baselines_beside_given_forecasts_obey_too(horizon):
    assert all(blind_by_year((*POINT_RIVALS, *DISTRIBUTION_RIVALS), by_year, horizon).values())


def test_networks_trained_side_by_side_as_on_a_gpu_obey_too(monkeypatch):
    monkeypatch.setattr(population, "_side_by_side", lambda *shapes: 2)
    shape = ("pooled", 1, "return", "none")
    base, runs = base_and_changed.__wrapped__(("gru",), shape, seeds=2)
    assert all(is_blind(base, changed, cut, "gru") for cut, changed in runs)


def as_spreads(frame: pd.DataFrame) -> pd.DataFrame:
    """The walks as differences from where they began, half of them below zero."""
    names = ["open", "high", "low", "close"]
    return frame.assign(**{name: frame[name] - frame["close"].median() for name in names})


def blind_spreads(models: Mapping[str, Model], distributions: bool = False) -> dict[str, bool]:
    """Model → whether it is blind, of spreads."""
    frame = as_spreads(frame_of("pooled", clustered=True))
    run = partial(walked, models, horizon=2, target="difference", distributions=distributions)
    base, cut = run(frame), cuts(frame)[0]
    changed = run(changed_after(frame, cut))
    return {name: is_blind(base, changed, cut, name) for name in models}


@pytest.mark.parametrize(
    "names",
    [
        ("seasonal-naive", "ar", "historical", "har"),
        pytest.param((*BASELINES, "gru"), marks=pytest.mark.slow),
        pytest.param(("student",), marks=[pytest.mark.slow, pytest.mark.full]),
    ],
)
def test_differences_obey_too(names):
    settings = {"seeds": 1, "training": QUICK}
    models = registered(names, 2, "difference", "none", **settings)
    blind = blind_spreads(models, distributions="student" in names)
    assert all(blind.values()), blind


@pytest.mark.parametrize("broken", [False, True])
def test_a_level_over_the_whole_sample_is_caught(monkeypatch, broken):
    if broken:
        monkeypatch.setattr(features, "_level", lambda price, volatility, first: price - price.mean())
    assert blind_spreads({"scaled": Scaled(training_rows)})["scaled"] is not broken


def test_separate_networks_per_symbol_obey_too():
    base, runs = base_and_changed(("gru",), ("pooled", 1, "return", "none"), pooled=False)
    assert all(is_blind(base, changed, cut, "gru") for cut, changed in runs)


# Broken twins, and clean models of the same make.


@dataclass(frozen=True)
class Peeking:
    """A model that is given a problem in which rows know what comes after them."""

    model: Model
    peek: Callable[[Problem], Problem]

    def fit(self, problem, folds):
        fitted = self.model.fit(self.peek(problem), folds)
        return [replace(self, model=one) for one in fitted]

    def predict(self, problem, origins):
        return self.model.predict(self.peek(problem), origins)


@dataclass(frozen=True)
class Scaled:
    """The sum of the scaled features, small; `rows`: fold → the origins that the scaler is fitted on."""

    rows: Callable[[Problem, Fold], np.ndarray]
    scale: object = None

    def fit(self, problem, folds):
        return [replace(self, scale=fit_scale(problem, self.rows(problem, fold))) for fold in folds]

    def predict(self, problem, origins):
        symbol, scale = problem.symbol[origins], self.scale
        x = (problem.features[origins] - scale.x_offset[symbol]) / scale.x_scale[symbol]
        return Forecast(Point(np.repeat(1e-3 * x.sum(axis=1, keepdims=True), problem.horizon, axis=1)))


@dataclass(frozen=True)
class Ensemble:
    """Two seeds, apart, whose combination is chosen on validation, or (broken) on the test itself."""

    honest: bool
    validation: np.ndarray | None = None

    def fit(self, problem, folds):
        return [replace(self, validation=fold.validation) for fold in folds]

    def _seeds(self, problem, origins):
        shape = (len(origins), problem.horizon)
        now = 1e-3 * problem.returns[origins, None]
        scale, df = np.full(shape, 0.01), np.full(shape, 5.0)
        return [StudentT(now + side * scale, scale, df) for side in (-4, 4)]

    def predict(self, problem, origins):
        chosen_on = self.validation if self.honest else origins
        kind = better_combination(self._seeds(problem, chosen_on), problem.actual_returns(chosen_on))
        seeds = self._seeds(problem, origins)
        return Forecast(joined(seeds, kind), tuple(seeds))


@dataclass(frozen=True)
class CalibratedOnTheTest:
    """The PITs learned from are those of the rows that are forecast."""

    model: Model

    def fit(self, problem, folds):
        return [replace(self, model=one) for one in self.model.fit(problem, folds)]

    def predict(self, problem, origins):
        predicted = self.model.predict(problem, origins).distribution
        return Forecast(Calibration.fit(problem, origins, predicted).apply(problem, origins, predicted))


@dataclass(frozen=True)
class OnlineOneRowEarly(CalibratedOnTheTest):
    """Levels that move with step k of an origin k - 1 rows later, when its target is still to come."""

    def predict(self, problem, origins):
        distribution = self.model.predict(problem, origins).distribution
        pit = distribution.cdf(problem.actual_returns(origins))
        levels = np.empty((*pit.shape, len(FINE_LEVELS)))
        for symbol in np.unique(problem.symbol[origins]):
            now = np.tile(FINE_LEVELS, (problem.horizon, 1))
            rows = np.flatnonzero(problem.symbol[origins] == symbol)
            used = np.zeros(problem.horizon, dtype=int)
            for place, row in enumerate(rows):
                for step in range(problem.horizon):
                    while used[step] < place and origins[rows[used[step]]] + step <= origins[row]:
                        above = pit[rows[used[step]], step] > now[step]
                        now[step] = now[step] + STEP_SIZE * np.where(above, FINE_LEVELS, FINE_LEVELS - 1)
                        used[step] += 1
                levels[row] = now
        within = np.clip(np.sort(levels, axis=-1), 1e-4, 1 - 1e-4)
        return Forecast(Quantiles(FINE_LEVELS, distribution.quantile(within)))


def one_row_late(name: str) -> Callable[[Problem], Problem]:
    """Rows know `name` of the next row of the table."""

    def peek(problem: Problem) -> Problem:
        values = getattr(problem, name)
        return replace(problem, **{name: np.concatenate([values[1:], values[-1:]])})

    return peek


def std_of(rows: Callable[[Problem, Fold], np.ndarray]) -> Model:
    """A Student t whose scale is the standard deviation of the returns of some rows."""

    def forecast(problem, fold):
        shape = (len(fold.test), problem.horizon)
        scale = np.nanstd(problem.returns[rows(problem, fold)])
        return StudentT(np.zeros(shape), np.full(shape, scale), np.full(shape, 5.0))

    return Baseline(forecast)


def training_rows(problem: Problem, fold: Fold) -> np.ndarray:
    return fold.train


def all_rows(problem: Problem, fold: Fold) -> np.ndarray:
    return np.flatnonzero(problem.ready & ~np.isnat(problem.due))


def no_embargo(problem: Problem) -> list[Fold]:
    """Validation runs on to the test: its last targets lie inside it."""
    whole = cut_folds(problem, folds=2)
    session = problem.session
    return [
        replace(
            fold,
            validation=np.flatnonzero(
                problem.ready
                & (session >= session[fold.validation].min())
                & (session < session[fold.test].min())
            ),
        )
        for fold in whole
    ]


def by_year_without_embargo(problem: Problem) -> list[Fold]:
    """What is fitted at the first origin of a year reads targets that are not known yet."""
    session = problem.session
    return [
        replace(fold, train=np.flatnonzero(~np.isnat(problem.due) & (session <= session[fold.test].min())))
        for fold in by_year(problem)
    ]


def by_row_number(problem: Problem) -> list[Fold]:
    """Each symbol cut at a share of its own rows: one symbol's training is another's future."""
    parts = {"train": [], "validation": [], "test": []}
    for symbol in range(len(problem.symbols)):
        rows = np.flatnonzero((problem.symbol == symbol) & problem.ready & ~np.isnat(problem.due))
        tested, held = round(0.25 * len(rows)), round(0.1 * len(rows))
        parts["train"].append(rows[: -tested - held - 1])
        parts["validation"].append(rows[-tested - held : -tested - 1])
        parts["test"].append(rows[-tested:])
    return [Fold(0, *(np.sort(np.concatenate(part)) for part in parts.values()))]


def mean_target(problem: Problem, fold: Fold) -> Point:
    """The mean target of all symbols' training and validation rows."""
    mean = np.nanmean(problem.actual_returns(fold.train_validation), axis=0)
    return Point(mean + 1e-3 * problem.returns[fold.test, None])


HAR, LHAR, GRU = (
    registered((name,), horizon, "return", "none", training=QUICK, seeds=1)[name]
    for name, horizon in (("har", 3), ("lhar", 3), ("gru", 1))
)
CLEAN = {
    "scaler": (Scaled(training_rows), {}),
    "mean": (Baseline(mean_target), {"horizon": 5}),
    "std": (std_of(training_rows), {}),
    "EWMA": (Baseline(ewma_t), {"horizon": 3}),
    "HAR": (HAR, {"horizon": 3}),
    "lhar": (LHAR, {"horizon": 3}),
    "conformal": (Calibrated(Baseline(ewma_t), "conformal"), {"horizon": 3}),
    "adaptive": (Calibrated(Baseline(ewma_t), "adaptive"), {"horizon": 3}),
    "ensemble": (Ensemble(honest=True), {"horizon": 3}),
}
BROKEN = {
    "scaler of all rows": (Scaled(all_rows), {}),
    "features one row late": (Peeking(Scaled(training_rows), one_row_late("features")), {}),
    "a network's window one row late": (Peeking(GRU, one_row_late("features")), {"distributions": False}),
    "no embargo": (Baseline(mean_target), {"horizon": 5, "folds": no_embargo}),
    "folds by row number": (Baseline(mean_target), {"folds": by_row_number}),
    "volatility of all rows": (std_of(all_rows), {}),
    "EWMA with the next return": (Peeking(Baseline(ewma_t), one_row_late("volatility")), {"horizon": 3}),
    "HAR on the next range": (Peeking(HAR, one_row_late("range_variance")), {"horizon": 3}),
    "lhar on the next range": (Peeking(LHAR, one_row_late("range_variance")), {"horizon": 3}),
    "calibrated on the test": (CalibratedOnTheTest(Baseline(ewma_t)), {"horizon": 3}),
    "online one row early": (OnlineOneRowEarly(Baseline(ewma_t)), {"horizon": 3}),
    "ensemble chosen on the test": (Ensemble(honest=False), {"horizon": 3}),
}


def verdicts(model: Model, how: dict) -> Iterator[bool]:
    """Whether the model is blind at each of many dates, one after the other."""
    frame = frame_of("pooled", clustered=True)
    run = partial(walked, {"model": model}, **{"distributions": True} | how)
    base = run(frame)
    days = np.unique(base.origin)
    dates = days[[0, len(days) // 4, len(days) // 2, 3 * len(days) // 4]]
    for cut in dates:
        yield is_blind(base, run(changed_after(frame, cut)), cut, "model")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow, pytest.mark.full] if name == "lhar" else [])
        for name in CLEAN  # at night: LHAR reads the ranges that HAR reads
    ],
)
def test_a_clean_twin_passes(name):
    assert all(verdicts(*CLEAN[name]))


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_twin_is_caught(name):
    assert not all(verdicts(*BROKEN[name]))


def test_a_year_without_an_embargo_is_caught():
    blind = blind_by_year(("naive", "drift", "ewma-t"), by_year_without_embargo, 5)
    assert blind == {"naive": True, "drift": False, "ewma-t": False}


# Models of the user's own.


def last_three(history, horizon):
    return np.full(horizon, history["close"].tail(3).mean())


def drawn(history, horizon):
    """Paths from the mean and the deviation of the history's returns."""
    returns = np.diff(np.log(history["close"]))
    steps = np.random.default_rng(0).normal(returns.mean(), returns.std(), (40, horizon))
    return history["close"].iloc[-1] * np.exp(steps.cumsum(axis=1))


class Fitted:
    """The mean return of all the histories that it is fitted on."""

    def fit(self, histories, horizon):
        mean = np.mean([np.diff(np.log(history["close"])).mean() for history in histories])
        return lambda history, horizon: history["close"].iloc[-1] * np.exp(mean * np.arange(1, 1 + horizon))

    def __call__(self, history, horizon):
        raise AssertionError("the fitted one is called")


class PerStep(Ridge):
    """One clone for each step."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = False
        return tags


def linear(features, horizon):
    import torch

    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(5 * features, horizon))


FOREIGN = {
    "ridge": Ridge(),
    "last": gc.Estimator(Ridge(), "last"),
    "step": PerStep(),
    "quantile": gc.Quantile(lambda level: QuantileRegressor(quantile=level, alpha=0.01), (0.1, 0.5, 0.9)),
    "function": last_three,
    "batched": gc.Function(lambda histories, horizon: [last_three(one, horizon) for one in histories], True),
    "samples": drawn,
    "fitted": Fitted(),
}
ADAPTERS = {
    "chronos": chronos.Chronos2(),
    "tirex": tirex.TiRex(),
    "timesfm": timesfm.TimesFM(),
    "kronos": kronos.Kronos(paths=20),
    "arima": statsforecast.AutoARIMA(),
    "theta": statsforecast.Theta(refit=True),
    "darts": darts.Darts(),
    "neuralforecast": neuralforecast.NeuralForecast(),
}


def foreign(given: Mapping[str, object], **settings) -> Callable[[], dict[str, Model]]:
    """What makes them as `compare` does: anew for every run, for functions keep what they answered."""
    experiment = Experiment(models=("naive",), horizon=3, seeds=2, **settings)
    return lambda: {name: foreign_model(name, one, experiment) for name, one in given.items()}


def blind_at_cuts(
    make: Callable[[], Mapping[str, Model]], means: Mapping[str, tuple[str, ...]] | None = None
) -> set[str]:
    """The models that are blind at both cuts."""
    frame = frame_of("pooled", clustered=True)

    def run(frame: pd.DataFrame) -> Forecasts:
        return walked(make(), frame, horizon=3, means=means)

    base, changed = run(frame), [(cut, run(changed_after(frame, cut))) for cut in cuts(frame)]
    return {name for name in base.forecast if all(is_blind(base, one, cut, name) for cut, one in changed)}


def test_models_of_the_users_own_obey():
    means = {"mean": ("ridge", "function"), "range": ("quantile", "samples", "last")}
    assert blind_at_cuts(foreign(FOREIGN), means) == {*FOREIGN, *means}


def test_separate_and_calibrated_regressors_obey():
    make = foreign({"ridge": Ridge(), "last": FOREIGN["last"]}, pooled=False, refit=False)
    assert blind_at_cuts(make) == {"ridge", "last"}
    assert blind_at_cuts(lambda: {"ridge": Calibrated(make()["ridge"], "adaptive")}) == {"ridge"}


@pytest.mark.parametrize("pooled", [True, False])
def test_modules_of_pytorch_obey(pooled):
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'gatecast[torch]'")
    assert blind_at_cuts(foreign({"mine": gc.TorchModel(linear, epochs=2)}, pooled=pooled)) == {"mine"}


def test_adapters_of_libraries_obey(monkeypatch):
    for name, module in stand_ins.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    assert blind_at_cuts(foreign(ADAPTERS)) == set(ADAPTERS)


def test_a_function_that_is_given_one_row_too_many_is_caught(monkeypatch):
    up_to = Histories.up_to

    def one_more(self: Histories, row: int) -> pd.DataFrame:
        return up_to(self, min(row + 1, int(self.problem.last[row])))

    monkeypatch.setattr(Histories, "up_to", one_more)
    given = {name: FOREIGN[name] for name in ("function", "batched", "samples")}
    assert blind_at_cuts(foreign(given)) == set()


def test_a_function_that_is_fitted_on_the_test_is_caught(monkeypatch):
    def to_the_end(self: Histories, session: np.datetime64) -> list[int]:
        return [int(row) for row in np.unique(self.problem.last)]

    monkeypatch.setattr(Histories, "before", to_the_end)
    assert blind_at_cuts(foreign({"fitted": Fitted()})) == set()


def test_a_regressor_whose_windows_end_one_row_late_is_caught():
    make = foreign({"ridge": Ridge(), "last": FOREIGN["last"]})
    peek = one_row_late("features")
    assert blind_at_cuts(lambda: {name: Peeking(one, peek) for name, one in make().items()}) == set()
