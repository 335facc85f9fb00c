from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from gatecast.evaluation.range_significance import crps_by_date, range_significance
from gatecast.evaluation.significance import diebold_mariano, skill


def judge(forecasts):
    return range_significance(forecasts, seed=0, reps=300)


def test_one_loss_per_date_scaled_by_symbol(market):
    world = market(symbols=2, dates=30, horizon=2)
    scale = np.repeat([1e-4, 4e-4], 30)
    forecasts = world.ranged({"ewma-t": world.known()}, naive_mse=scale)
    crps = forecasts.distributions["ewma-t"].crps
    losses = crps_by_date(forecasts)
    assert losses.shape == (30, 1)
    expected = (crps[4].mean() / 1.0 + crps[34].mean() / 2.0) / 2
    assert losses["ewma-t"].iloc[4] == pytest.approx(expected)
    assert crps_by_date(forecasts, step=2)["ewma-t"].iloc[4] == pytest.approx(
        (crps[4, 1] + crps[34, 1] / 2) / 2
    )
    one = crps_by_date(forecasts, symbol="S1")["ewma-t"]
    assert one.iloc[4] == pytest.approx(crps[34].mean() / 2)


def test_a_symbol_that_never_moved_has_no_say(market):
    world = market(symbols=2, dates=30)
    forecasts = world.ranged({"ewma-t": world.known()}, naive_mse=np.repeat([1e-4, 0.0], 30))
    alone = crps_by_date(forecasts)["ewma-t"]
    assert np.allclose(alone, forecasts.distributions["ewma-t"].crps[:30, 0])
    found = judge(forecasts)
    assert found.benchmark == "ewma-t" and not found.frame.to_numpy().size


def test_pairs_are_tested_against_every_baseline_and_on_every_symbol(market):
    world = market(symbols=2, dates=200)
    forecasts = world.ranged(
        {
            "gru": world.known(seeds=2),
            "ewma-t": world.known(noise=0.5),
            "garch-t": world.known(noise=0.2),
        }
    )
    found = judge(forecasts)
    assert found.benchmark == "garch-t" == found.baselines[0] and found.networks == ("gru",)
    frame = found.frame
    assert set(zip(frame["model"], frame["benchmark"], strict=True)) == {
        ("gru", "garch-t"), ("gru", "ewma-t"), ("ewma-t", "garch-t"),
    }  # fmt: skip
    assert set(frame["symbol"]) == {"all", "S0", "S1"} and len(frame) == 9
    losses = crps_by_date(forecasts, symbol="S1")
    row = frame.set_index(["model", "benchmark", "symbol"]).loc[("gru", "ewma-t", "S1")]
    expected = diebold_mariano(losses["ewma-t"] - losses["gru"], 1)
    assert (row["dm"], row["dm_p"]) == (expected.statistic, expected.p)
    assert row["skill"] == pytest.approx(1 - losses["gru"].mean() / losses["ewma-t"].mean())
    assert row["low"] == skill(losses["ewma-t"].to_numpy(), losses["gru"].to_numpy(), 1).low
    assert found.pair("gru").benchmark == "garch-t" and found.pair("gru").symbol == "all"
    assert found.pair("garch-t") is None
    assert found.spa.models == ("gru",)
    assert set(found.confidence_set.p) == {"gru", "ewma-t", "garch-t"}


def test_the_truth_is_found_better_than_noise(market):
    world = market(dates=500)
    forecasts = world.ranged({"gru": world.known(seeds=1), "ewma-t": world.known(noise=0.5)})
    found = judge(forecasts)
    assert found.spa.p < 0.01 and found.confidence_set.members == ("gru",)
    assert found.pair("gru").diebold_mariano.p_better < 0.001
    assert found.pair("gru").skill.low > 0


@pytest.mark.parametrize("symbols", [1, 10])
def test_a_true_null_is_seldom_rejected(market, symbols):
    better = spa = 0
    for seed in range(40):
        world = market(symbols=symbols, dates=80, common=0.9, seed=seed)
        forecasts = world.ranged({"gru": world.known(seeds=1, noise=0.3), "ewma-t": world.known(noise=0.3)})
        found = range_significance(forecasts, seed=seed, reps=100)
        better += found.pair("gru").diebold_mariano.p_better < 0.05
        spa += found.spa.p < 0.05
    assert better <= 7 and spa <= 7


def test_no_ranges_no_networks_no_baselines(market):
    world = market(dates=60)
    assert judge(world.forecasts({"drift": 0.001})) is None
    baselines = judge(world.ranged({"ewma-t": world.known(), "past": world.known(noise=0.3)}))
    assert baselines.networks == () and baselines.benchmark in ("ewma-t", "past")
    assert np.isnan(baselines.spa.p) and baselines.spa.reason == "no network has a range"
    assert len(baselines.pairs) == 1
    networks = judge(world.ranged({"gru": world.known(seeds=1)}))
    assert networks.benchmark is None and networks.pairs == ()
    assert networks.spa.reason == "no baseline has a range to compare with"
    assert networks.frame.empty and np.isnan(networks.detectable)


def test_a_broken_baseline_is_no_benchmark(market):
    world = market(dates=60)
    good = world.known(wrong=2.0)
    broken = dataclasses.replace(good, crps=np.where(np.arange(60)[:, None] == 3, np.nan, good.crps * 0.1))
    found = judge(world.ranged({"gru": world.known(seeds=1), "har": broken, "ewma-t": good}))
    assert found.benchmark == "ewma-t" and found.baselines == ("ewma-t", "har")
    assert "finite" in found.pair("gru", "har").diebold_mariano.reason
    assert found.pair("gru").diebold_mariano.p < 0.05


@pytest.mark.parametrize(("dates", "horizon"), [(1, 1), (19, 1), (60, 20)])
def test_too_few_dates_have_a_reason(market, dates, horizon):
    world = market(dates=dates, horizon=horizon, folds=1)
    found = judge(world.ranged({"gru": world.known(seeds=1), "ewma-t": world.known(noise=0.1)}))
    assert np.isnan(found.pair("gru").diebold_mariano.p) and "the tests need" in found.spa.reason
    assert found.frame["reason"].str.contains("the tests need").all()


def test_plain_data(market):
    world = market(dates=60)
    found = judge(world.ranged({"gru": world.known(seeds=1), "ewma-t": world.known(noise=0.1)})).as_dict()
    assert found["pairs"][0]["skill"].keys() == {"value", "low", "high"}
    assert found["benchmark"] == "ewma-t"
