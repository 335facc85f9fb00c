"""Distributions survive the table of forecasts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from gatecast.distributions import LEVELS, Quantiles
from gatecast.evaluation.losses import CRPS
from gatecast.evaluation.scores import scores
from gatecast.evaluation.significance import significance
from gatecast.forecasts import DISTRIBUTION_COLUMNS, DistributionForecast, Forecasts
from gatecast.problem.moves import DIFFERENCE, LOG_RETURN

from .markets import reread  # isort: skip


@pytest.fixture
def forecasts(market):
    world = market(symbols=2, dates=40, horizon=2, folds=2)
    y = np.log1p(world.moves)
    values = np.broadcast_to(np.linspace(-0.03, 0.03, len(LEVELS)), (*world.shape, len(LEVELS)))
    known = {
        "gru": world.student(seeds=3, noise=0.1),
        "ewma-t": world.student(df=5.0),
        "past": DistributionForecast.of(Quantiles(np.array(LEVELS), values), y),
    }
    return world.distributed(known)


@pytest.mark.parametrize("move", [LOG_RETURN, DIFFERENCE])
def test_the_file_is_written_in_parts_and_holds_the_frame(forecasts, tmp_path, move):
    known = replace(forecasts, move=move)
    known.to_parquet(tmp_path / "parts.parquet")
    known.frame.to_parquet(tmp_path / "whole.parquet", index=False)
    parts, whole = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("parts", "whole"))
    pd.testing.assert_frame_equal(parts, whole)
    assert pq.ParquetFile(tmp_path / "parts.parquet").num_row_groups == len(known.forecast) + 3  # gru's seeds


@pytest.mark.parametrize("shuffled", [False, True])
def test_distributions_come_back_from_parquet(forecasts, tmp_path, shuffled):
    again = reread(forecasts, tmp_path, shuffled=shuffled)
    assert set(again.distributions) == {"gru", "ewma-t", "past"}
    place = pd.MultiIndex.from_arrays([again.symbol, again.origin]).get_indexer(
        pd.MultiIndex.from_arrays([forecasts.symbol, forecasts.origin])
    )
    for name, mine in forecasts.distributions.items():
        theirs = again.distributions[name]
        for field in ("crps", "log_score", "pit"):
            assert np.array_equal(getattr(theirs, field)[place], getattr(mine, field), equal_nan=True)
        assert np.allclose(theirs.quantiles[place], mine.quantiles, rtol=0, atol=1e-14)
        assert np.array_equal(theirs.seeds[:, place], mine.seeds)
        for field in ("location", "scale", "df"):
            if getattr(mine, field) is None:
                assert getattr(theirs, field) is None
            else:
                assert np.array_equal(getattr(theirs, field)[place], getattr(mine, field))


def test_judgement_is_that_of_the_forecasts_before(forecasts):
    again = Forecasts.from_frame(forecasts.frame, forecasts.scales)
    pd.testing.assert_frame_equal(scores(again), scores(forecasts), rtol=1e-11)
    mine, theirs = (significance(each, CRPS, seed=0, reps=100) for each in (forecasts, again))
    pd.testing.assert_frame_equal(theirs.pair_frame, mine.pair_frame, check_exact=True)
    assert theirs == mine


def test_columns_are_prices_in_order(forecasts):
    frame = forecasts.frame
    assert set(DISTRIBUTION_COLUMNS) < set(frame.columns)
    quantiles = frame.loc[frame["model"] == "ewma-t", [c for c in DISTRIBUTION_COLUMNS if c.startswith("q")]]
    assert len(quantiles.columns) == 17 and (quantiles.diff(axis=1).iloc[:, 1:] > 0).all(axis=None)
    row = frame[(frame["model"] == "ewma-t") & (frame["step"] == 2)].iloc[3]
    assert row["q50"] == pytest.approx(forecasts.anchor[3]) and pd.isna(row["seed"])
    naive = frame[frame["model"] == "naive"]
    assert naive[list(DISTRIBUTION_COLUMNS)].isna().all(axis=None)
    seed = frame[(frame["model"] == "gru") & (frame["seed"] == 1)]
    assert seed["crps"].notna().all() and seed["q50"].isna().all()


def test_intervals_and_median(forecasts):
    known = forecasts.distributions["ewma-t"]
    low, high = known.interval(0.95)
    assert np.array_equal(low, known.quantiles[..., LEVELS.index(0.025)])
    assert np.array_equal(high, known.quantiles[..., LEVELS.index(0.975)])
    assert np.allclose(known.median, 0)


def test_a_distribution_of_another_shape_is_refused(forecasts, market):
    world = market(symbols=2, dates=40, horizon=1)
    with pytest.raises(ValueError, match="distribution of ewma-t has shape"):
        world.distributed({"ewma-t": forecasts.distributions["ewma-t"]})
