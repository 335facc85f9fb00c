"""The table of scores: every metric by a plain loop or a library, and a reason where one is undefined."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest
import scoringrules
from scipy import stats

from gatecast.distributions import LEVELS, Quantiles
from gatecast.evaluation.coverage import christoffersen, independence, kupiec
from gatecast.evaluation.losses import SQUARED_ERROR
from gatecast.evaluation.metrics import CALIBRATION_TESTS, DISTRIBUTION_METRICS, METRICS, POINT_METRICS
from gatecast.evaluation.scores import COLUMNS, scores, unscored, wide
from gatecast.evaluation.significance import significance
from gatecast.forecasts import DistributionForecast

POINT = [metric.name for metric in POINT_METRICS]
TESTS = [metric.name for metric in CALIBRATION_TESTS]


def pick(table, column="value", **where):
    """Metric → value (or std, reason) of the one row with this model, symbol and step."""
    rows = wide(table, column)
    for key, value in where.items():
        rows = rows[rows[key] == value]
    assert len(rows) == 1
    return rows.iloc[0]


def reason(table, metric, **where):
    return pick(table, "reason", **where)[metric]


@pytest.fixture
def world(market):
    return market(symbols=2, dates=40, horizon=3)


def test_one_row_per_model_symbol_step_and_metric(world):
    table = scores(world.distributed({"gru": world.student(seeds=4, noise=0.2), "ewma-t": world.student()}))
    assert tuple(table.columns) == COLUMNS
    assert not table.duplicated(["model", "symbol", "step", "metric"]).any()
    assert set(table["symbol"]) == {"S0", "S1", "all"} and set(table["step"]) == {"1", "2", "3", "all"}
    of = table.groupby("model", sort=False)["metric"].unique()
    assert set(of["naive"]) == set(POINT) and set(of["gru"]) == set(of["ewma-t"]) == set(METRICS)
    assert len(table) == 3 * 4 * (len(POINT) + 2 * len(METRICS))
    undefined = table["value"].isna()
    assert (table.loc[undefined, "reason"] != "").all() and (table.loc[~undefined, "reason"] == "").all()


def test_every_score_by_a_plain_loop(world):
    n, h = world.shape
    scale = np.where(world.parts["symbol"] == 0, 0.7, 1.9) + world.parts["fold"]
    members = world.rng.normal(0, 0.01, (5, n, h))
    forecasts = world.forecasts({}, {"gru": members}, naive_mae=scale, naive_mse=scale / 1e4)
    table = scores(forecasts)

    def expected(values, rows, steps):
        found = {name: [] for name in ("e", "ape", "sape", "q", "r", "s", "s0", "hit", "log")}
        for i in rows:
            for k in steps:
                y, f, a = forecasts.actual[i, k], values[i, k], forecasts.anchor[i]
                found["e"].append(y - f)
                found["ape"].append(abs(y - f) / y)
                found["sape"].append(2 * abs(y - f) / (y + f))
                found["q"].append(abs(y - f) / scale[i])
                found["r"].append((y - f) / a)
                found["s"].append((y - f) / a / scale[i] ** 0.5)
                found["s0"].append((y - a) / a / scale[i] ** 0.5)
                found["hit"].append((y > a) == (f > a))
                found["log"].append(abs(np.log(f / y)))
        mean = {name: float(np.mean(v)) for name, v in found.items()}
        square = {name: float(np.mean(np.square(found[name]))) for name in ("e", "r", "s", "s0")}
        return {
            "mae": np.mean(np.abs(found["e"])),
            "rmse": square["e"] ** 0.5,
            "mape": mean["ape"],
            "smape": mean["sape"],
            "mase": mean["q"],
            "skill": 1 - square["s"] / square["s0"],
            "directional_accuracy": mean["hit"],
            "mae_return": np.mean(np.abs(found["r"])),
            "rmse_return": square["r"] ** 0.5,
            "crps": 100 * mean["log"],
        }

    for step, steps in {"1": [0], "3": [2], "all": [0, 1, 2]}.items():
        own = {}
        for i, symbol in enumerate(forecasts.symbols):
            rows = np.flatnonzero(forecasts.symbol == i)
            where = {"model": "gru", "symbol": symbol, "step": step}
            row, std = pick(table, **where), pick(table, "std", **where)
            own[symbol] = expected(forecasts.forecast["gru"], rows, steps)
            assert (pick(table, "reason", **where)[POINT] == "").all()
            np.testing.assert_allclose([row[name] for name in POINT], [own[symbol][name] for name in POINT])
            seeds = [expected(member, rows, steps) for member in forecasts.seeds["gru"]]
            for name in POINT:
                np.testing.assert_allclose(
                    std[name], np.std([seed[name] for seed in seeds], ddof=1), rtol=1e-9
                )
        row = pick(table, model="gru", symbol="all", step=step)
        every = expected(forecasts.forecast["gru"], range(n), steps)
        assert np.isnan(row.mae) and np.isnan(row.rmse)
        for name in ("mape", "smape", "mase"):
            assert row[name] == pytest.approx((own["S0"][name] + own["S1"][name]) / 2)
        for name in ("directional_accuracy", "mae_return", "rmse_return", "skill", "crps"):
            assert row[name] == pytest.approx(every[name])
        why = pick(table, "reason", model="gru", symbol="all", step=step)
        assert why["mae"] == why["rmse"] == "in price, so per symbol only"
        assert (why[[name for name in POINT if name not in ("mae", "rmse")]] == "").all()


def test_the_skill_is_that_of_the_tests_of_significance_with_ragged_symbols(market):
    world = market(symbols=3, dates=40, horizon=2)
    keep = ~((world.parts["symbol"] == 1) & (np.arange(120) % 40 < 15))
    scale = 1e-4 * (1 + world.parts["symbol"] + world.parts["fold"])
    world.parts = {
        k: v if k == "symbols" else v[keep] for k, v in (world.parts | {"naive_mse": scale}).items()
    }
    forecasts = world.forecasts({"drift": 0.003})
    row = pick(scores(forecasts), model="drift", symbol="all", step="all")
    assert row.skill == pytest.approx(
        significance(forecasts, SQUARED_ERROR, seed=0).models["drift"].skill.value
    )


def test_naive(world):
    table, where = scores(world.forecasts({})), {"model": "naive", "symbol": "S0", "step": "all"}
    row = pick(table, **where)
    assert row.skill == 0
    assert np.isnan(row.directional_accuracy)
    assert reason(table, "directional_accuracy", **where) == "it forecasts no change"
    assert table["std"].isna().all()


def test_one_symbol_has_no_row_for_all(market):
    table = scores(market(dates=5).forecasts({"drift": 0.01}))
    assert set(table.symbol) == {"S0"} and set(table.step) == {"all"}


def test_one_origin(market):
    world = market(dates=1, folds=1)
    table = scores(world.forecasts({}, {"gru": np.full((1, 1, 1), 0.01)}))
    assert np.isfinite(pick(table, model="gru", step="all")[POINT].astype(float)).all()
    assert table["std"].isna().all()  # one seed


def test_constant_prices(market):
    world = market(dates=10)
    still = {"actual": np.full((10, 1), 50.0), "anchor": np.full(10, 50.0)}
    nothing = {"naive_mae": np.zeros(10), "naive_mse": np.zeros(10)}
    table = scores(world.forecasts({"drift": 0.01}, **still, **nothing))
    row = pick(table, model="drift", step="all")
    assert row.mae == pytest.approx(0.5)
    why = pick(table, "reason", model="drift", step="all")[POINT]
    assert dict(why[why != ""]) == {
        "skill": "naive makes no error",
        "mase": "naive makes no error in training",
        "directional_accuracy": "the price never moves",
    }


def test_a_constant_symbol_has_no_say_in_the_mean(world):
    scale = np.where(world.parts["symbol"] == 0, 0.0, 1.0)
    table = scores(world.forecasts({"drift": 0.001}, naive_mae=scale, naive_mse=scale / 1e4))
    both = pick(table, model="drift", symbol="all", step="1")
    other = pick(table, model="drift", symbol="S1", step="1")
    assert both.mase == other.mase and np.isfinite(both.mase)
    assert both.skill == other.skill


@pytest.mark.parametrize("broken", [np.nan, np.inf, 1e200])
def test_a_broken_forecast_is_nan_with_a_reason_and_stays_in_the_mean(world, broken):
    move = np.where(world.parts["symbol"] == 0, broken, 0.001)[:, None]
    table = scores(world.forecasts({"rnn": move}))
    row = pick(table, model="rnn", symbol="all", step="all")
    why = "an error is too large to square" if broken == 1e200 else "a forecast is not a finite number"
    assert np.isnan(row.skill) and reason(table, "skill", model="rnn", symbol="all", step="all") == why
    assert np.isnan(row.mase) == (broken != 1e200)
    assert np.isfinite(pick(table, model="rnn", symbol="S1", step="all").skill)


def test_negative_forecasts_are_scored(market):
    table, where = scores(market(dates=20).forecasts({"wild": -3.0})), {"model": "wild", "step": "all"}
    assert pick(table, **where).mae_return == pytest.approx(3, rel=0.01)
    why = pick(table, "reason", **where)[POINT]
    assert dict(why[why != ""]) == {"crps": "a price or a forecast is not above 0"}


@pytest.fixture
def forecasts(market):
    world = market(symbols=2, dates=120, horizon=3)
    return world.distributed({"gru": world.student(seeds=4, noise=0.2), "ewma-t": world.student(df=5.0)})


def row_of(table, model, symbol, step, column="value"):
    return pick(table, column, model=model, symbol=symbol, step=step)


def test_scores_of_distributions_by_hand(forecasts):
    known, y = forecasts.distributions["ewma-t"], forecasts.actual_return
    row = row_of(scores(forecasts), "ewma-t", "S1", "2")
    scale = 0.01 * np.sqrt(2)
    z = y[120:, 1] / scale
    t = stats.t(5)
    crps = scoringrules.crps_t(100 * y[120:, 1], 5, 0, 100 * scale)
    assert row["crps"] == pytest.approx(np.mean(crps), rel=1e-9)
    assert row["log_score"] == pytest.approx(-np.mean(t.logpdf(z) - np.log(100 * scale)), rel=1e-9)
    quantiles = known.quantiles[120:, 1]
    losses = [
        scoringrules.quantile_score(y[120:, 1], quantiles[:, i], level) for i, level in enumerate(LEVELS)
    ]
    assert row["pinball"] == pytest.approx(100 * np.mean(losses), rel=1e-12)
    for coverage in (0.5, 0.8, 0.95):
        edge = t.ppf((1 + coverage) / 2)
        assert row[f"coverage_{100 * coverage:.0f}"] == pytest.approx(np.mean(np.abs(z) <= edge))
        assert row[f"width_{100 * coverage:.0f}"] == pytest.approx(200 * scale * edge)
    for level in (0.01, 0.05):
        assert row[f"var_{100 * level:.0f}"] == pytest.approx(np.mean(z < t.ppf(level)))


def test_all_is_the_plain_mean_of_symbols_and_steps(forecasts):
    table = wide(scores(forecasts))
    parts = table[(table["model"] == "gru") & (table["symbol"] != "all") & (table["step"] != "all")]
    row = row_of(scores(forecasts), "gru", "all", "all")
    for name in ("crps", "log_score", "pinball", "coverage_80", "width_95", "var_5"):
        assert row[name] == pytest.approx(parts[name].mean())


def test_std_is_that_of_the_seeds(forecasts):
    seeds, table = forecasts.distributions["gru"].seeds, scores(forecasts)
    one, all_steps = (row_of(table, "gru", *where, "std") for where in (("S0", "3"), ("all", "all")))
    assert one["crps"] == pytest.approx(seeds[:, :120, 2].mean(1).std(ddof=1))
    assert all_steps["crps"] == pytest.approx(seeds.mean((1, 2)).std(ddof=1))
    assert np.isnan(one["pinball"]) and table.loc[table["model"] == "ewma-t", "std"].isna().all()


def test_tests_are_given_where_forecasts_are_independent(forecasts):
    table = scores(forecasts)
    tests = table[table["metric"].isin(TESTS)]
    tested = (tests["symbol"] != "all") & (tests["step"] == "1")
    assert tests.loc[tested, "value"].notna().all() and (tests.loc[tested, "reason"] == "").all()
    assert tests.loc[~tested, "value"].isna().all()
    assert (tests.loc[~tested, "reason"].str.contains("at step 1 only")).all()
    y = forecasts.actual_return[:120, 0] / 0.01
    row = row_of(table, "ewma-t", "S0", "1")
    hits = y < stats.t(5).ppf(0.05)
    assert row["kupiec_p_5"] == kupiec(int(hits.sum()), 120, 0.05).p
    assert row["independence_p_5"] == independence(hits).p
    assert row["christoffersen_p_5"] == christoffersen(hits, 0.05).p
    outside = int((np.abs(y) > stats.t(5).ppf(0.9)).sum())
    assert row["coverage_80_p"] == pytest.approx(kupiec(outside, 120, 0.2).p)


def test_one_step_ahead_all_steps_are_the_only_step(market):
    world = market(dates=150)
    table = scores(world.distributed({"ewma-t": world.student()}))
    assert set(table["step"]) == {"all"}
    assert row_of(table, "ewma-t", "S0", "all")[TESTS].notna().all()


def test_the_order_of_the_rows_does_not_matter(market):
    world = market(symbols=2, dates=120)
    forecasts = world.distributed({"ewma-t": world.student()})
    mixed = np.random.default_rng(0).permutation(240)
    rows = {
        name: getattr(forecasts, name)[mixed]
        for name in ("symbol", "fold", "origin", "time", "anchor", "actual", "naive_mae", "naive_mse")
    }
    known = forecasts.distributions["ewma-t"]
    mixed_known = dataclasses.replace(
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
        distributions={"ewma-t": mixed_known},
    )
    mine, theirs = scores(forecasts), scores(again)
    assert np.allclose(mine["value"], theirs["value"], rtol=1e-9, equal_nan=True)
    assert list(mine["reason"]) == list(theirs["reason"])


def test_quantiles_alone_have_no_log_score_and_say_so(market):
    world = market(dates=60)
    y = np.log1p(world.moves)
    values = np.broadcast_to(0.01 * stats.norm.ppf(LEVELS), (*world.shape, len(LEVELS)))
    known = DistributionForecast.of(Quantiles(np.array(LEVELS), values), y)
    table, where = scores(world.distributed({"past": known})), {"model": "past", "step": "all"}
    row = pick(table, **where)
    assert np.isnan(row["log_score"]) and np.isfinite(row["crps"])
    assert reason(table, "log_score", **where) == "the quantiles alone give no density"


def test_a_broken_distribution_is_named(market):
    world = market(dates=60)
    known = world.student()
    broken = dataclasses.replace(
        known,
        crps=np.where(np.arange(60)[:, None] == 7, np.nan, known.crps),
        quantiles=np.where(np.arange(60)[:, None, None] == 7, np.nan, known.quantiles),
        pit=np.where(np.arange(60)[:, None] == 7, np.nan, known.pit),
    )
    table = scores(world.distributed({"rnn": broken}))
    row, why = row_of(table, "rnn", "S0", "all"), row_of(table, "rnn", "S0", "all", "reason")
    spoiled = ["crps", "pinball", "coverage_80", "width_50", "kupiec_p_1", "coverage_80_p", "pit_p"]
    assert row[spoiled].isna().all() and why[spoiled].str.contains("not a finite number").all()


def test_one_origin_and_constant_prices(market):
    world = market(dates=1)
    table = scores(world.distributed({"ewma-t": world.student()}))
    assert np.isfinite(row_of(table, "ewma-t", "S0", "all")["crps"])
    assert "needs two forecasts" in row_of(table, "ewma-t", "S0", "all", "reason")["independence_p_1"]
    world = market(dates=40)
    still = np.zeros(world.shape)
    known = dataclasses.replace(world.student(), pit=np.full(world.shape, 0.5))
    table = scores(world.distributed({"ewma-t": known}, actual=world.parts["anchor"][:, None] + still))
    row = row_of(table, "ewma-t", "S0", "all")
    assert (row["coverage_95"], row["var_5"]) == (1, 0) and np.isnan(row["pit_p"])
    assert "same on every date" in row_of(table, "ewma-t", "S0", "all", "reason")["pit_p"]


def test_what_did_not_train_has_no_scores_and_the_table_says_why(market):
    world = market(dates=60)
    table = scores(world.forecasts({"drift": 1e-4}, {"flat": np.full((2, *world.shape), 2e-4)}))
    blank, others = unscored(table, {"flat": "…"}), table["model"] != "flat"
    assert blank[others].equals(table[others])
    assert blank.loc[~others, ["value", "std"]].isna().all(axis=None)
    assert (blank.loc[~others, "reason"] == "it did not train").all()
    assert unscored(table, {}) is table


def test_metrics_are_named_once_and_range_is_no_interval():
    every = (*POINT_METRICS, *DISTRIBUTION_METRICS, *CALIBRATION_TESTS)
    assert len(METRICS) == len(every) and len({(m.heading, m.unit) for m in every}) == len(every)
    assert not any("range" in metric.title for metric in every)


def test_many_origins_take_little_time(market):
    world = market(symbols=2, dates=1258)
    forecasts = world.distributed({f"m{i}": world.student() for i in range(12)})
    start = time.process_time()
    scores(forecasts)
    assert time.process_time() - start < 2
