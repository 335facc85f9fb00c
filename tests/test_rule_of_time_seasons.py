"""The rule of time where targets are measured from the last known season, and folds are cut by position."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast.api.models import model_of
from gatecast.models.walk_forward import walk_forward
from gatecast.problem import problem as problems
from gatecast.problem.folds import cut_folds, cut_folds_by_position
from gatecast.problem.problem import make_problem
from gatecast.progress import Bar
from gatecast.settings.experiment import Experiment

from .conftest import walk_frame  # isort: skip
from .test_rule_of_time import changed_after, cuts, is_blind

SEASON, HORIZON = 3, 7  # three seasons, the last of them not whole
NETWORKS = {
    "point": gc.Network(cell="rnn", hidden_size=3),
    "student": gc.Network(cell="rnn", hidden_size=3, output="student_t"),
}
MODELS = ("naive", "seasonal-naive", *NETWORKS)
BY_POSITION = ("seasonal-naive", "point")


def frame_of() -> pd.DataFrame:
    late = walk_frame("B", 126, 1, start="2015-02-26")
    return pd.concat([walk_frame("A", 146, 0), late], ignore_index=True)


def walked(frame, cut=cut_folds, names=MODELS):
    experiment = Experiment(
        models=MODELS,
        networks=NETWORKS,
        training=gc.Training(epochs=2, batch_size=64),  # four batches however the folds are cut
        seeds=1,
        horizon=HORIZON,
        anchor="season",
        season=SEASON,
        future="season_change",
        calibration="conformal",
    )
    problem = make_problem(
        gc.Prices.from_frame(frame, calendar="daily"),
        lookback=4,
        horizon=HORIZON,
        future=experiment.future,
        seasons=experiment.seasons,
        anchored=experiment.anchored,
    )
    models = {name: model_of(experiment, name) for name in names}
    with Bar() as bar:
        return walk_forward(models, problem, cut(problem, folds=2), bar)[0]


@cache
def base_and_changed():
    frame = frame_of()
    return walked(frame), [(cut, walked(changed_after(frame, cut))) for cut in cuts(frame)]


@pytest.mark.parametrize("model", MODELS)
def test_later_prices_never_change_a_seasonal_forecast(model):
    base, runs = base_and_changed()
    assert base.benchmark == "seasonal-naive"
    assert all(is_blind(base, changed, cut, model) for cut, changed in runs)


def one_season_back(price, first, season, horizon):
    """The broken twin: steps beyond one season are measured from the bar a season before, in the future."""
    rows = np.arange(len(price))
    places = rows[:, None] + np.arange(1, horizon + 1) - season
    shift = np.log(price[np.clip(places, 0, len(price) - 1)] / price[:, None])
    shift[rows - first < season] = np.nan
    return shift


def test_a_season_before_the_step_is_caught_beyond_one_season(monkeypatch):
    monkeypatch.setattr(problems, "seasonal_shift", one_season_back)
    frame = frame_of()
    cut = cuts(frame)[1]
    base, changed = walked(frame), walked(changed_after(frame, cut))
    early = base.origin <= cut
    for model in ("seasonal-naive", *NETWORKS):
        mine, theirs = base.forecast[model][early], changed.forecast[model][early]
        assert np.array_equal(mine[:, :SEASON], theirs[:, :SEASON]) or model in NETWORKS
        assert not np.array_equal(mine[:, SEASON:], theirs[:, SEASON:])


def without_embargo(problem, **cut):
    """Another broken twin: the folds of a horizon of one bar, whose targets reach into the test."""
    folds = cut_folds_by_position(replace(problem, horizon=1), **cut)
    return [replace(fold, test=fold.test[~np.isnat(problem.due[fold.test])]) for fold in folds]


def early_forecasts_by_position(cut):
    """The forecasts of each symbol's first test origin, and those after every later price has changed."""
    frame = frame_of()
    base = walked(frame, cut, BY_POSITION)
    first = {symbol: base.origin[base.symbol == symbol].min() for symbol in (0, 1)}
    found = []
    for symbol, name in enumerate("AB"):
        own = frame[frame["symbol"] == name]
        others = frame[frame["symbol"] != name]
        other = pd.concat([changed_after(own, first[symbol]), others]).sort_values(["symbol", "date"])
        changed = walked(other, cut, BY_POSITION)
        row = np.flatnonzero((base.symbol == symbol) & (base.origin == first[symbol]))[0]
        found.append((base.forecast["point"][row], changed.forecast["point"][row]))
    return found


def test_by_position_later_prices_of_a_symbol_never_change_its_earlier_forecast():
    assert all(
        np.array_equal(mine, theirs) for mine, theirs in early_forecasts_by_position(cut_folds_by_position)
    )


def test_targets_that_reach_into_the_test_are_caught_by_position():
    assert not all(np.array_equal(*pair) for pair in early_forecasts_by_position(without_embargo))
