"""The rule of time, whole road: later prices never change an earlier forecast, not by one bit.

Every price and volume after a date is multiplied by its own random factor and everything is run again.
The broken twins at the end must fail the same check.
"""

from dataclasses import replace
from functools import cache, partial

import jax
import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast.forecasts import PARAMETERS
from gatecast.models import calibration
from gatecast.models import networks as fitting
from gatecast.models import walk_forward as forecasting
from gatecast.models.baselines import RANGE_BASELINES
from gatecast.models.baselines.volatility import Span
from gatecast.models.calibration import Calibration
from gatecast.models.ensembles import better_kind
from gatecast.nn import population, program
from gatecast.nn.outputs import distributions
from gatecast.problem import problem as problems
from gatecast.problem.folds import Fold, walk_forward
from gatecast.problem.scaling import fit_scale
from gatecast.settings.names import BASELINES

from .conftest import walk_frame  # isort: skip

pytestmark = pytest.mark.filterwarnings("ignore::gatecast.errors.FitWarning")  # prices gone wild

NETWORKS = ("rnn", "lstm", "gru", "birnn", "bilstm", "bigru")
FAST = ("gru", "bilstm")
SHAPES = [
    (symbols, horizon, target)
    for symbols in ("single", "pooled")
    for horizon in (1, 5)
    for target in ("return", "close")
]
FAST_SHAPES = [SHAPES[i] for i in (0, 3, 5, 6)]  # every two levels meet once; the other half is slow
TINY = gc.Network(hidden_size=3)
QUICK = gc.Training(epochs=2, batch_size=32)


def frame_of(symbols: str) -> pd.DataFrame:
    if symbols == "single":
        return walk_frame("A", 220, 0)
    ragged = [
        walk_frame("A", 220, 0),
        walk_frame("B", 180, 1, start="2015-02-26"),
        walk_frame("C", 220, 2).drop(index=[50, 51, 120, 185]),
    ]
    return pd.concat(ragged, ignore_index=True)


def changed_after(frame: pd.DataFrame, date: np.datetime64) -> pd.DataFrame:
    frame = frame.copy()
    later = (frame["date"] > date).to_numpy()
    columns = ["open", "high", "low", "close", "volume"]
    factors = np.random.default_rng(7).uniform(0.3, 3.0, (later.sum(), len(columns)))
    frame.loc[later, columns] = frame.loc[later, columns].to_numpy() * factors
    return frame


def forecasts(frame: pd.DataFrame, models, horizon: int, target: str, network=TINY, **settings):
    prices = gc.Prices.from_frame(frame, calendar="daily")
    how = {"folds": 2, "seeds": 1, "lookback": 5, "network": network, "training": QUICK, **settings}
    return gc.compare(prices, list(models), horizon=horizon, target=target, **how).outcome


def cuts(frame: pd.DataFrame) -> list[np.datetime64]:
    """The first test origin, where a missing embargo shows, and a day inside the second fold."""
    sessions = np.unique(frame["date"].to_numpy()).astype("datetime64[D]")
    tested = round(0.25 * len(sessions))
    return [sessions[len(sessions) - 1 - tested], sessions[len(sessions) - tested // 4]]


@cache
def base_and_changed(symbols: str, horizon: int, target: str, models: tuple[str, ...]):
    frame = frame_of(symbols)
    run = partial(forecasts, models=models, horizon=horizon, target=target)
    return run(frame), [(cut, run(changed_after(frame, cut))) for cut in cuts(frame)]


def blind_to_the_future(base, changed, cut, model: str) -> bool:
    """Forecasts with origins up to `cut` are equal bit for bit."""
    known = base.origin <= cut
    same_rows = np.array_equal(base.origin[known], changed.origin[changed.origin <= cut])
    seeds = base.seeds.get(model, base.forecast[model][None])[:, known]
    others = changed.seeds.get(model, changed.forecast[model][None])[:, changed.origin <= cut]
    assert known.any()
    return same_rows and np.array_equal(seeds, others)


def sees_the_present(base, changed, cut, model: str) -> bool:
    return not np.array_equal(
        base.forecast[model][base.origin > cut], changed.forecast[model][changed.origin > cut]
    )


def parameters():
    for model in (*BASELINES, *NETWORKS):
        for shape in SHAPES:
            slow = (model in NETWORKS and model not in FAST) or shape not in FAST_SHAPES
            yield pytest.param(model, *shape, marks=[pytest.mark.slow] if slow else [])


@pytest.mark.parametrize(("model", "symbols", "horizon", "target"), list(parameters()))
def test_later_prices_never_change_an_earlier_forecast(model, symbols, horizon, target):
    slow = model in NETWORKS and model not in FAST
    models = (model,) if slow else (*BASELINES, *FAST)
    base, runs = base_and_changed(symbols, horizon, target, models)
    for cut, changed in runs:
        assert blind_to_the_future(base, changed, cut, model), cut
        assert sees_the_present(base, changed, cut, model), cut


def test_networks_trained_side_by_side_as_on_a_gpu_obey_too(monkeypatch):
    monkeypatch.setattr(population, "_side_by_side", lambda *shapes: 2)
    frame = frame_of("pooled")
    run = partial(forecasts, models=["gru"], horizon=1, target="return", seeds=2)
    base, cut = run(frame), cuts(frame)[1]
    assert blind_to_the_future(base, run(changed_after(frame, cut)), cut, "gru")


@pytest.mark.parametrize("pooled", [True, False])
def test_separate_networks_per_symbol_obey_too(pooled):
    frame = frame_of("pooled")
    run = partial(forecasts, models=["gru"], horizon=1, target="return", pooled=pooled)
    base, cut = run(frame), cuts(frame)[1]
    assert blind_to_the_future(base, run(changed_after(frame, cut)), cut, "gru")


def scaler_of_all_rows(problem, train, scaler="standard"):
    """The tutorials' fault: fit on every row there is."""
    return fit_scale(problem, np.flatnonzero(problem.ready & ~np.isnat(problem.due)), scaler)


def window_one_row_late(rows, scale, origins, lookback):
    later = jax.numpy.minimum(origins + 1, len(rows.symbol) - 1)
    return true_window(rows, scale, later, lookback)


def no_embargo(problem, **settings):
    """Train and validation run on to the test: the last targets lie inside it."""
    whole = walk_forward(problem, **settings)
    ready = np.flatnonzero(problem.ready & ~np.isnat(problem.due))
    return [
        replace(fold, validation=ready[(ready > fold.validation.max() - 30) & (ready < fold.test.min())])
        for fold in whole
    ]


def by_row_number(problem, *, folds, test_size, validation_size, **_):
    """Each symbol cut at a share of its own rows: one symbol's training is another's future."""
    parts = {"train": [], "validation": [], "test": []}
    for symbol in range(len(problem.symbols)):
        rows = np.flatnonzero((problem.symbol == symbol) & problem.ready & ~np.isnat(problem.due))
        tested = round(test_size * len(rows))
        held = round(validation_size * (len(rows) - tested))
        parts["train"].append(rows[: -tested - held - 1])
        parts["validation"].append(rows[-tested - held : -tested - 1])
        parts["test"].append(rows[-tested:])
    return [Fold(0, *(np.sort(np.concatenate(part)) for part in parts.values()))]


true_window = program.window


@pytest.mark.parametrize(
    ("place", "name", "broken", "symbols", "horizon"),
    [
        (fitting, "fit_scale", scaler_of_all_rows, "single", 1),
        (program, "window", window_one_row_late, "single", 1),
        ("gatecast.api.comparison", "walk_forward", no_embargo, "single", 5),
        ("gatecast.api.comparison", "walk_forward", by_row_number, "pooled", 1),
    ],
    ids=["scaler of all rows", "window one row late", "no embargo", "folds by row number"],
)
def test_a_broken_twin_is_caught(monkeypatch, place, name, broken, symbols, horizon):
    import importlib

    jax.clear_caches()
    monkeypatch.setattr(importlib.import_module(place) if isinstance(place, str) else place, name, broken)
    frame = frame_of(symbols)
    run = partial(forecasts, models=["gru"], horizon=horizon, target="return")
    base = run(frame)
    first, middle = base.origin.min(), np.sort(base.origin)[len(base.origin) // 2]
    blind = [blind_to_the_future(base, run(changed_after(frame, cut)), cut, "gru") for cut in (first, middle)]
    jax.clear_caches()
    assert not all(blind)


# Ranges: quantiles, parameters, their calibration and the choice of an ensemble obey the same rule.

RANGED = {
    "student": gc.Network(cell="gru", hidden_size=3, output="student_t"),
    "quantile": gc.Network(cell="gru", hidden_size=3, output="quantiles"),
    "point": gc.Network(cell="gru", hidden_size=3),
}
RANGE_SHAPES = [  # the first is fast
    ("pooled", 3, "adaptive"),
    ("pooled", 3, "none"),
    ("pooled", 1, "conformal"),
    ("single", 3, "conformal"),
    ("single", 1, "none"),
]


def clustered(symbols: str) -> pd.DataFrame:
    """The frame with calm and wild weeks: without them a GARCH is a constant, whatever it reads."""
    frame = frame_of(symbols)
    rng = np.random.default_rng(5)
    wild = 0.01 * np.exp(np.sin(np.arange(len(frame)) / 8))
    close = 100 * np.exp((wild * rng.standard_t(5, len(frame))).cumsum())
    ratio = close / frame["close"]
    names = ["open", "high", "low", "close"]
    return frame.assign(**{name: frame[name] * ratio for name in names})


def ranges(frame: pd.DataFrame, models, horizon: int, method: str, **settings):
    """With two seeds how they are joined is chosen; with one there is a Student t to be told.

    Trained until the seeds disagree: else hardly any price decides how they are joined.
    """
    seeds = 1 if method == "none" and horizon == 1 else 2
    long = gc.Training(epochs=10, batch_size=32, learning_rate=0.05, patience=None)
    how = {"calibration": method, "seeds": seeds, "network": None, "training": long, **settings}
    return forecasts(frame, models, horizon, "return", **how)


@cache
def ranges_and_changed(symbols: str, horizon: int, method: str):
    frame = clustered(symbols)
    networks = {name: RANGED[name] for name in RANGED if name not in left_out(symbols, horizon, method)}
    run = partial(ranges, models=("naive", *RANGE_BASELINES, networks), horizon=horizon, method=method)
    return run(frame), [(cut, run(changed_after(frame, cut))) for cut in cuts(frame)]


def range_is_blind(base, changed, cut, model: str) -> bool:
    """Quantiles and parameters of origins up to `cut` are equal bit for bit, and some later ones moved."""
    one, other = base.distributions[model], changed.distributions[model]
    early, late = base.origin <= cut, base.origin > cut
    np.testing.assert_array_equal(base.origin, changed.origin)
    assert not np.array_equal(one.quantiles[late], other.quantiles[late]), "the test perturbs nothing"
    same = [np.array_equal(one.quantiles[early], other.quantiles[early])]
    for name in PARAMETERS:
        mine, theirs = getattr(one, name), getattr(other, name)
        if mine is None or theirs is None:
            same.append(mine is theirs)  # a mixture has none: which it is may not move either
        else:
            same.append(np.array_equal(mine[early], theirs[early]))
    due = (base.date <= cut).all(axis=1)  # scores that can be known
    for name in ("crps", "log_score", "pit"):
        mine, theirs = getattr(one, name), getattr(other, name)
        same.append(np.array_equal(mine[due], theirs[due], equal_nan=True))
    same.append(np.array_equal(one.seeds[:, due], other.seeds[:, due]))
    return all(same)


def left_out(*shape) -> tuple[str, ...]:
    """Models without a range; in the fast shape all networks but one: they are slow to compile."""
    if shape == RANGE_SHAPES[0]:
        return ("point", "quantile")
    return ("naive", "point") if shape[-1] == "none" else ()


def range_parameters():
    for model in ("naive", *RANGE_BASELINES, *RANGED):
        for shape in RANGE_SHAPES:
            if model not in left_out(*shape):
                slow = [pytest.mark.slow] if shape != RANGE_SHAPES[0] else []
                yield pytest.param(model, *shape, marks=slow)


@pytest.mark.parametrize(("model", "symbols", "horizon", "method"), list(range_parameters()))
def test_later_prices_never_change_an_earlier_range(model, symbols, horizon, method):
    base, runs = ranges_and_changed(symbols, horizon, method)
    for cut, changed in runs:
        assert blind_to_the_future(base, changed, cut, model), cut
        assert range_is_blind(base, changed, cut, model), cut
    if method == "none" and horizon == 1 and model not in ("quantile", "historical", "lhar"):
        assert base.distributions[model].scale is not None


def calibrated_on_the_test(calibration, problem, origins, told):
    """The PITs learned from are those of the rows that are forecast."""
    return true_apply(Calibration.fit(problem, origins, told), problem, origins, told)


true_apply = Calibration.apply


def online_one_row_early(start, origins, pit):
    """Step k of an origin is used k - 1 rows later, when its target is still to come."""
    levels, now = np.empty((len(pit), *start.shape)), start.copy()
    told = np.zeros(pit.shape[1], dtype=int)
    for place, origin in enumerate(origins):
        for step in range(pit.shape[1]):
            while told[step] < place and origins[told[step]] + step <= origin:
                above = pit[told[step], step] > levels[told[step], step]
                now[step] += 0.005 * np.where(above, calibration.FINE_LEVELS, calibration.FINE_LEVELS - 1)
                told[step] += 1
        levels[place] = now
    return levels


def joined_as_was_better_on_the_test(network, outputs, lesson, problem, origins):
    """The way of joining the seeds that did better on the very origins that are forecast."""
    seeds = distributions(network, outputs, problem.unit(origins))
    kind = better_kind(seeds, problem.actual_returns(origins))
    return true_tell(network, outputs, replace(lesson, kind=kind), problem, origins)


true_tell = forecasting.tell


def returns_of_all_rows(span):
    """A GARCH is fitted to every return of its symbol."""
    return span.problem.returns[span.begin : span.problem.last[span.begin] + 1]


def spread_with_the_next_return(returns, first, decay=0.94):
    spread = true_spread(returns, first, decay)
    return np.append(spread[1:], spread[-1])


def range_of_the_next_bar(table, first):
    variance = true_range_variance(table, first)
    return np.append(variance[1:], variance[-1])


true_spread = problems.ewma_volatility
true_range_variance = problems.range_variance


@pytest.mark.parametrize(
    ("place", "name", "broken", "model", "method"),
    [
        (Calibration, "apply", calibrated_on_the_test, "naive", "conformal"),
        (Calibration, "apply", calibrated_on_the_test, "har", "adaptive"),
        (calibration, "_online", online_one_row_early, "naive", "adaptive"),
        (forecasting, "tell", joined_as_was_better_on_the_test, "student", "none"),
        (Span, "returns", property(returns_of_all_rows), "garch-t", "none"),
        (problems, "ewma_volatility", spread_with_the_next_return, "ewma-t", "none"),
        (problems, "ewma_volatility", spread_with_the_next_return, "student", "none"),
        (problems, "range_variance", range_of_the_next_bar, "har", "none"),
        (problems, "range_variance", range_of_the_next_bar, "lhar", "none"),
    ],
    ids=[
        "calibrated on the test", "calibrated on the test, another model", "online one row early",
        "ensemble chosen on the test", "GARCH of all rows", "EWMA with the next return",
        "a network's EWMA with the next return", "HAR on the next range", "lhar on the next range",
    ],
)  # fmt: skip
def test_a_range_that_breaks_the_rule_is_caught(monkeypatch, place, name, broken, model, method):
    assert all(range_is_blind(*pair, model) for pair in clean_runs_of(model, method)), "the road is clean"
    monkeypatch.setattr(place, name, broken)
    assert not all(range_is_blind(*pair, model) for pair in runs_of(model, method))


def runs_of(model, method):
    """(base, changed after the cut, cut) in the middle of the second fold; of a network for three seeds."""
    frame = clustered("pooled")
    cut = cuts(frame)[1]
    models = ({model: RANGED[model]} if model in RANGED else model,)
    run = partial(ranges, models=models, horizon=3, method=method)
    seeds = range(3) if model in RANGED else range(1)
    return [(run(frame, seed=seed), run(changed_after(frame, cut), seed=seed), cut) for seed in seeds]


clean_runs_of = cache(runs_of)
