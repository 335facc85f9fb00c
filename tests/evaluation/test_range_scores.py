from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest
import scoringrules
from scipy import stats

from gatecast.distributions import LEVELS, Quantiles
from gatecast.evaluation.coverage import came, christoffersen, independence, kupiec
from gatecast.evaluation.range_scores import COLUMNS, TESTS, pinball, range_scores
from gatecast.forecasts import DistributionForecast


def row_of(table, model, symbol, step):
    return table.set_index(["model", "symbol", "step"]).loc[(model, symbol, step)]


@pytest.fixture
def world(market):
    return market(symbols=2, dates=120, horizon=3)


@pytest.fixture
def forecasts(world):
    return world.ranged({"gru": world.known(seeds=4, noise=0.2), "ewma-t": world.known(df=5.0)})


def test_one_row_per_model_symbol_and_step(forecasts):
    table = range_scores(forecasts)
    assert tuple(table.columns) == COLUMNS
    assert len(table) == 2 * 3 * 4
    assert not table.duplicated(["model", "symbol", "step"]).any()
    assert set(table["symbol"]) == {"S0", "S1", "all"} and set(table["step"]) == {"1", "2", "3", "all"}
    assert row_of(table, "gru", "S1", "2")["n"] == 120
    assert row_of(table, "gru", "all", "all")["n"] == 720


def test_pinball_equals_scoringrules(forecasts):
    known, y = forecasts.distributions["ewma-t"], came(forecasts)
    theirs = [
        scoringrules.quantile_score(y, known.quantiles[..., i], level) for i, level in enumerate(LEVELS)
    ]
    assert np.allclose(pinball(known, y), 100 * np.mean(theirs, axis=0), rtol=1e-12, atol=0)


def test_scores_by_hand(forecasts):
    known, y = forecasts.distributions["ewma-t"], came(forecasts)
    row = row_of(range_scores(forecasts), "ewma-t", "S1", "2")
    scale = 0.01 * np.sqrt(2)
    z = y[120:, 1] / scale
    t = stats.t(5)
    crps = scoringrules.crps_t(100 * y[120:, 1], 5, 0, 100 * scale)
    assert row["crps"] == pytest.approx(np.mean(crps), rel=1e-9)
    assert row["log_score"] == pytest.approx(-np.mean(t.logpdf(z) - np.log(100 * scale)), rel=1e-9)
    assert row["pinball"] == pytest.approx(pinball(known, y)[120:, 1].mean())
    for coverage in (0.5, 0.8, 0.95):
        edge = t.ppf((1 + coverage) / 2)
        assert row[f"coverage_{100 * coverage:.0f}"] == pytest.approx(np.mean(np.abs(z) <= edge))
        assert row[f"width_{100 * coverage:.0f}"] == pytest.approx(200 * scale * edge)
    for level in (0.01, 0.05):
        assert row[f"var_{100 * level:.0f}"] == pytest.approx(np.mean(z < t.ppf(level)))
    assert np.isnan(row["crps_spread"])


def test_all_is_the_plain_mean_of_symbols_and_steps(forecasts):
    table = range_scores(forecasts)
    parts = table[(table["model"] == "gru") & (table["symbol"] != "all") & (table["step"] != "all")]
    row = row_of(table, "gru", "all", "all")
    for name in ("crps", "log_score", "pinball", "coverage_80", "width_95", "var_5"):
        assert row[name] == pytest.approx(parts[name].mean())


def test_spread_is_that_of_the_seeds(forecasts):
    seeds = forecasts.distributions["gru"].seeds
    table = range_scores(forecasts)
    assert row_of(table, "gru", "S0", "3")["crps_spread"] == pytest.approx(
        seeds[:, :120, 2].mean(1).std(ddof=1)
    )
    assert row_of(table, "gru", "all", "all")["crps_spread"] == pytest.approx(seeds.mean((1, 2)).std(ddof=1))


def test_tests_are_given_where_forecasts_are_independent(forecasts):
    table = range_scores(forecasts)
    tested = (table["symbol"] != "all") & (table["step"] == "1")
    assert table.loc[tested, [name for name in TESTS if name != "pit_p"]].notna().all(axis=None)
    assert table.loc[~tested, list(TESTS)].isna().all(axis=None)
    assert (table.loc[~tested, "reason"].str.contains("at step 1 only")).all()
    assert (table.loc[tested, "reason"] == "").all()
    y = came(forecasts)[:120, 0] / 0.01
    row = row_of(table, "ewma-t", "S0", "1")
    hits = y < stats.t(5).ppf(0.05)
    assert row["kupiec_p_5"] == kupiec(int(hits.sum()), 120, 0.05).p
    assert row["independence_p_5"] == independence(hits).p
    assert row["christoffersen_p_5"] == christoffersen(hits, 0.05).p
    outside = int((np.abs(y) > stats.t(5).ppf(0.9)).sum())
    assert row["coverage_80_p"] == pytest.approx(kupiec(outside, 120, 0.2).p)


def test_one_step_ahead_all_steps_are_the_only_step(market):
    world = market(dates=150)
    table = range_scores(world.ranged({"ewma-t": world.known()}))
    assert list(table["step"]) == ["all"]
    assert row_of(table, "ewma-t", "S0", "all")[list(TESTS)].notna().all()


def test_the_order_of_the_rows_does_not_matter(market):
    world = market(symbols=2, dates=120)
    forecasts = world.ranged({"ewma-t": world.known()})
    mixed = np.random.default_rng(0).permutation(240)
    rows = {
        name: getattr(forecasts, name)[mixed]
        for name in ("symbol", "fold", "origin", "time", "anchor", "actual", "naive_mae", "naive_mse")
    }
    known = forecasts.distributions["ewma-t"]
    mixed_range = dataclasses.replace(
        known,
        **{
            name: getattr(known, name)[mixed]
            for name in ("quantiles", "crps", "log_score", "pit", "location", "scale", "df")
        },
        seeds=known.seeds[:, mixed],
    )
    again = dataclasses.replace(
        forecasts,
        **rows,
        forecast={name: values[mixed] for name, values in forecasts.forecast.items()},
        distributions={"ewma-t": mixed_range},
    )
    mine, theirs = range_scores(forecasts), range_scores(again)
    for name in ("coverage_80", "christoffersen_p_5", "pit_p", "crps"):
        assert np.allclose(mine[name], theirs[name], rtol=1e-9, equal_nan=True), name


def test_quantiles_alone_have_no_log_score_and_say_so(market):
    world = market(dates=60)
    y = np.log1p(world.moves)
    values = np.broadcast_to(0.01 * stats.norm.ppf(LEVELS), (*world.shape, len(LEVELS)))
    table = range_scores(
        world.ranged({"past": DistributionForecast.of(Quantiles(np.array(LEVELS), values), y)})
    )
    assert table["log_score"].isna().all() and table["crps"].notna().all()
    assert table["reason"].str.startswith("log_score: the quantiles alone give no density").all()


def test_a_broken_range_is_named(market):
    world = market(dates=60)
    known = world.known()
    broken = dataclasses.replace(
        known,
        crps=np.where(np.arange(60)[:, None] == 7, np.nan, known.crps),
        quantiles=np.where(np.arange(60)[:, None, None] == 7, np.nan, known.quantiles),
        pit=np.where(np.arange(60)[:, None] == 7, np.nan, known.pit),
    )
    row = row_of(range_scores(world.ranged({"rnn": broken})), "rnn", "S0", "all")
    assert row[["crps", "coverage_80", "width_50", "kupiec_p_1", "coverage_80_p", "pit_p"]].isna().all()
    assert "crps, pinball, coverage_50" in row["reason"] and "kupiec_p_1" in row["reason"]


def test_one_origin_and_constant_prices(market):
    world = market(dates=1)
    row = row_of(range_scores(world.ranged({"ewma-t": world.known()})), "ewma-t", "S0", "all")
    assert row["n"] == 1 and np.isfinite(row["crps"]) and "needs two forecasts" in row["reason"]
    world = market(dates=40)
    still = np.zeros(world.shape)
    known = dataclasses.replace(world.known(), pit=np.full(world.shape, 0.5))
    table = range_scores(world.ranged({"ewma-t": known}, actual=world.parts["anchor"][:, None] + still))
    assert (table["coverage_95"] == 1).all() and (table["var_5"] == 0).all()
    assert table["pit_p"].isna().all() and table["reason"].str.contains("same on every date").all()


def test_without_ranges_the_table_is_empty(market):
    world = market(dates=30)
    table = range_scores(world.forecasts({"drift": 0.001}))
    assert table.empty and tuple(table.columns) == COLUMNS


def test_many_origins_take_little_time(market):
    world = market(symbols=2, dates=1258)
    forecasts = world.ranged({f"m{i}": world.known() for i in range(12)})
    start = time.process_time()
    range_scores(forecasts)
    assert time.process_time() - start < 2
