from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from gatecast.errors import RunError
from gatecast.evaluation.scores import scores
from gatecast.forecasts import COLUMNS, SCALES, Forecasts

from .markets import reread  # isort: skip


@pytest.fixture
def forecasts(market):
    world = market(symbols=3, dates=30, horizon=2, folds=3)
    n, h = world.shape
    scale = 1 + world.parts["fold"] + 10 * world.parts["symbol"]
    return world.forecasts(
        {"drift": np.full((n, h), 0.001)},
        {"gru": world.rng.normal(0, 0.01, (4, n, h)), "lstm": world.rng.normal(0, 0.01, (4, n, h))},
        naive_mae=0.5 * scale,
        naive_mse=1e-4 * scale,
    )


def test_frame_has_every_forecast_once(forecasts):
    frame = forecasts.frame
    assert list(frame.columns) == [*COLUMNS, *SCALES]
    assert len(frame) == 90 * 2 * (4 + 2 * 4)
    assert not frame.duplicated(["model", "seed", "symbol", "origin", "step"]).any()
    row = frame[(frame.model == "gru") & (frame.seed == 2) & (frame.symbol == "S1") & (frame.step == 2)].iloc[
        7
    ]
    assert row.forecast == forecasts.seeds["gru"][2, 37, 1]
    assert row.actual == forecasts.actual[37, 1] and row.time == forecasts.time[37, 1]


@pytest.mark.parametrize("shuffled", [False, True])
def test_scores_come_back_from_parquet(forecasts, tmp_path, shuffled):
    again = reread(forecasts, tmp_path, shuffled=shuffled)
    keys = ["model", "symbol", "step", "metric"]
    pd.testing.assert_frame_equal(
        scores(again).sort_values(keys, ignore_index=True),
        scores(forecasts).sort_values(keys, ignore_index=True),
        check_exact=not shuffled,
    )


def test_round_trip_keeps_every_array(forecasts):
    again = Forecasts.from_frame(forecasts.frame, forecasts.scales)
    for field in dataclasses.fields(Forecasts):
        mine, theirs = getattr(forecasts, field.name), getattr(again, field.name)
        if isinstance(mine, dict):
            assert list(mine) == list(theirs)
            assert all(np.array_equal(mine[key], theirs[key]) for key in mine)
        elif not isinstance(mine, np.ndarray):
            assert mine == theirs
        else:
            assert np.array_equal(mine, theirs) and mine.dtype == theirs.dtype


def test_quantile_columns_do_no_harm(forecasts):
    frame = forecasts.frame.assign(q05=1.0)
    assert np.array_equal(Forecasts.from_frame(frame, forecasts.scales).actual, forecasts.actual)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: f[f.model != "naive"], 'No forecasts of "naive"'),
        (lambda f: f.drop(index=f.index[f.model == "drift"][3]), '"drift" does not have every origin'),
        (lambda f: pd.concat([f, f[f.model == "drift"].head(1)]), '"drift" does not have every origin'),
        (lambda f: f.drop(index=f.index[(f.model == "gru") & (f.seed == 1)][3]), '"gru" does not have every'),
    ],
)
def test_a_damaged_table_is_refused(forecasts, spoil, message):
    with pytest.raises(RunError, match=message):
        Forecasts.from_frame(spoil(forecasts.frame), forecasts.scales)


def test_missing_scales_are_refused(forecasts):
    with pytest.raises(RunError, match="scales lack"):
        Forecasts.from_frame(forecasts.frame.drop(columns=[*SCALES]), forecasts.scales.iloc[1:])


def test_frames_of_earlier_versions_have_no_scales(forecasts):
    again = Forecasts.from_frame(forecasts.frame.drop(columns=[*SCALES]), forecasts.scales)
    np.testing.assert_array_equal(again.naive_mse, forecasts.naive_mse)


@pytest.mark.parametrize("name", ["anchor", "fold", "naive_mse"])
def test_wrong_shapes_are_refused(forecasts, name):
    with pytest.raises(ValueError, match=f"{name} has shape"):
        dataclasses.replace(forecasts, **{name: getattr(forecasts, name)[:-1]})


def test_seeds_need_their_ensemble(forecasts):
    with pytest.raises(ValueError, match="seeds of rnn"):
        dataclasses.replace(forecasts, seeds={"rnn": forecasts.seeds["gru"]})


def test_members_are_the_ensemble_and_its_seeds(forecasts):
    assert forecasts.members("gru").shape == (5, 90, 2) and forecasts.members("drift").shape == (1, 90, 2)
    assert np.array_equal(forecasts.members("gru")[0], forecasts.forecast["gru"])
    assert np.array_equal(forecasts.members("gru")[1:], forecasts.seeds["gru"])


def test_actual_returns_are_undefined_where_a_price_is_not_above_0(forecasts):
    expected = np.log(forecasts.actual / forecasts.anchor[:, None])
    np.testing.assert_allclose(forecasts.actual_return, expected)
    dead = dataclasses.replace(forecasts, actual=np.zeros_like(forecasts.actual))
    assert np.isnan(dead.actual_return).all()


def test_the_crps_of_a_point_is_its_absolute_error(forecasts):
    ensemble, seeds = forecasts.crps("gru")
    error = 100 * np.abs(np.log(forecasts.members("gru") / forecasts.actual))
    np.testing.assert_allclose(np.concatenate([ensemble[None], seeds]), error)
    assert forecasts.crps("drift")[1].shape == (0, 90, 2)
