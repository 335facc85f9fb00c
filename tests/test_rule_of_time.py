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
from gatecast.experiment import BASELINES
from gatecast.nn import fitting, population
from gatecast.problem.folds import Fold, walk_forward
from gatecast.problem.scaling import fit_scale

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


true_window = population._window


@pytest.mark.parametrize(
    ("place", "name", "broken", "symbols", "horizon"),
    [
        (fitting, "fit_scale", scaler_of_all_rows, "single", 1),
        (population, "_window", window_one_row_late, "single", 1),
        ("gatecast.comparison", "walk_forward", no_embargo, "single", 5),
        ("gatecast.comparison", "walk_forward", by_row_number, "pooled", 1),
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
