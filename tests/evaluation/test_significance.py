from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from statsmodels.tsa.stattools import diebold_mariano_test

from gatecast.evaluation.losses import ABSOLUTE_ERROR, CRPS, PINBALL, SQUARED_ERROR, OwnLoss
from gatecast.evaluation.multiple import spa as superior_ability
from gatecast.evaluation.significance import (
    diebold_mariano,
    loss_differential,
    losses_by_date,
    significance,
    skill,
    skill_by_step,
)


def by_hand(d, count):
    """The statistic by plain loops over the formula of Lazarus, Lewis, Stock and Watson (2018)."""
    n, variance = len(d), 0.0
    for j in range(1, count + 1):
        average = sum(np.sqrt(2) * np.cos(np.pi * j * (t + 0.5) / n) * d[t] for t in range(n)) / np.sqrt(n)
        variance += average**2 / count
    return d.mean() / np.sqrt(variance / n)


@pytest.mark.parametrize(
    ("n", "horizon", "pooled", "count"),
    [
        (171, 1, False, 12),
        (171, 20, False, 4),
        (774, 1, False, 34),
        (774, 1, True, 16),
        (1258, 20, False, 31),
    ],
)
def test_equals_the_formula_by_hand(n, horizon, pooled, count):
    d = np.random.default_rng(n).normal(0.1, 1, n)
    found = diebold_mariano(d, horizon, pooled=pooled)
    assert found.cosines == count
    assert found.statistic == pytest.approx(by_hand(d, count))
    assert found.p_better == pytest.approx(stats.t.sf(found.statistic, count))
    assert found.p == pytest.approx(2 * min(found.p_better, found.p_worse))


def test_agrees_with_statsmodels_at_horizon_1():
    """Losses without a memory: another variance, the same question."""
    y, a, b = np.random.default_rng(1).normal(size=(3, 2000))
    theirs = diebold_mariano_test(y, a, b, lags=0, harvey_adj=True, horizon=1)
    ours = diebold_mariano((y - a) ** 2 - (y - b) ** 2, 1)
    assert ours.statistic == pytest.approx(theirs.statistic, abs=0.25)


@given(st.integers(0, 10**6), st.floats(-0.3, 0.3))
def test_the_interval_excludes_zero_exactly_where_the_one_sided_test_rejects(seed, gain):
    rng = np.random.default_rng(seed)
    naive = rng.chisquare(1, 120) + 0.5
    loss = naive * (1 - gain) + rng.normal(0, 0.5, 120)
    test, found = diebold_mariano(naive - loss, 1), skill(naive, loss, 1)
    assert (test.p_better < 0.05) == (found.low > 0)
    assert (test.p_worse < 0.05) == (found.high < 0)
    assert found.low <= found.value <= found.high


differences = arrays(np.float64, st.integers(6, 60), elements=st.floats(-10, 10))


@given(differences, st.integers(1, 5), st.floats(1e-3, 1e3))
def test_antisymmetric_and_without_unit(d, horizon, unit):
    found, mirrored, scaled = (diebold_mariano(x, horizon) for x in (d, -d, unit * d))
    assert found.reason == mirrored.reason
    np.testing.assert_allclose(mirrored.statistic, -found.statistic, rtol=1e-9)
    np.testing.assert_allclose(mirrored.p_better, found.p_worse, rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(mirrored.p, found.p, rtol=1e-9, atol=1e-300)
    if not found.reason and not scaled.reason:
        np.testing.assert_allclose(scaled.statistic, found.statistic, rtol=1e-6)


@pytest.mark.parametrize(
    ("d", "horizon", "reason"),
    [
        (np.zeros(30), 1, "its losses are those of the benchmark"),
        (np.full(30, 0.1), 1, "the difference in loss is the same on every date"),
        (np.r_[np.nan, np.ones(29)], 1, "its loss is not a finite number on some date"),
        (np.arange(5.0), 5, "only 5 dates for a horizon of 5"),
        (np.arange(1.0), 1, "only 1 dates for a horizon of 1"),
    ],
)
def test_no_test_has_a_reason(d, horizon, reason):
    found = diebold_mariano(d, horizon)
    assert found.reason == reason
    assert np.isnan([found.statistic, found.p, found.p_better, found.p_worse]).all()


def test_wrong_input_is_refused():
    for d, horizon in [(np.ones((5, 1)), 1), (np.ones(5), 0)]:
        with pytest.raises(ValueError, match="differential must be"):
            diebold_mariano(d, horizon)


def test_losses_by_a_plain_loop_with_ragged_symbols(market):
    world = market(symbols=3, dates=30, horizon=2)
    keep = ~((world.parts["symbol"] == 1) & (np.arange(90) % 30 < 10))
    scale = 1e-4 * (1 + world.parts["symbol"] + world.parts["fold"])
    scale[world.parts["symbol"] == 2] = 0  # a price that never moved in training has no say
    world.parts = {
        k: v if k == "symbols" else v[keep] for k, v in (world.parts | {"naive_mse": scale}).items()
    }
    forecasts = world.forecasts({"drift": 0.003})
    for step, steps in [(None, [0, 1]), (2, [1])]:
        losses = losses_by_date(forecasts, SQUARED_ERROR, step=step)
        assert list(losses.columns) == ["naive", "drift"] and len(losses) == 30
        for name in losses:
            for date, loss in losses[name].items():
                error = (forecasts.actual - forecasts.forecast[name]) / forecasts.anchor[:, None]
                terms = [
                    np.mean([error[i, k] ** 2 for k in steps]) / forecasts.naive_mse[i]
                    for i in range(len(forecasts.anchor))
                    if forecasts.origin[i] == date.to_datetime64() and forecasts.symbol[i] != 2
                ]
                assert len(terms) == (1 if date.day_of_year <= 10 else 2)
                assert loss == pytest.approx(np.mean(terms))
    differential = loss_differential(forecasts, SQUARED_ERROR, "drift", "naive", step=2)
    assert np.array_equal(differential, losses["naive"] - losses["drift"])


def test_one_symbol_is_the_plain_squared_error(market):
    world = market(dates=40)
    losses = losses_by_date(world.forecasts({"drift": 0.01}), SQUARED_ERROR)
    np.testing.assert_allclose(losses["drift"], (world.moves[:, 0] - 0.01) ** 2 / 1e-4)


def test_the_skill_interval_covers_the_truth():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(1000):
        naive = rng.chisquare(1, 200)
        found = skill(naive, 0.9 * naive + 0.2 * rng.chisquare(1, 200), 1)  # 1 - 1.1
        hits += found.low <= -0.1 <= found.high
    assert 870 <= hits <= 930


def test_skill_by_step(market):
    world = market(dates=100, horizon=3)
    forecasts = world.forecasts({"half": 0.5 * world.moves * [1, 0, -1]})
    table = skill_by_step(forecasts, SQUARED_ERROR, "naive").set_index("step")
    assert list(table.skill) == pytest.approx([0.75, 0.0, -1.25])
    assert (table.low <= table.skill).all() and (table.skill <= table.high).all()


def pair_of_equals(market, seed, symbols=10, dates=250):
    """Two forecasts of correlated symbols, wrong in different ways and equally good."""
    world = market(symbols=symbols, dates=dates, seed=seed, common=0.7)
    daily = world.rng.normal(size=(2, 1, dates)) * np.sqrt(0.7)
    noise = 0.004 * (daily + np.sqrt(0.3) * world.rng.normal(size=(2, symbols, dates)))
    a, b = noise.reshape(2, -1, 1)
    return world.forecasts({"a": a, "b": b})


def test_under_the_null_one_loss_per_date_keeps_its_size_and_stacked_rows_do_not(market):
    pooled = stacked = 0
    for seed in range(500):
        forecasts = pair_of_equals(market, seed)
        pooled += diebold_mariano(loss_differential(forecasts, SQUARED_ERROR, "a", "b"), 1).p < 0.05
        y, anchor = forecasts.actual[:, 0], forecasts.anchor
        rows = ((y - forecasts.forecast["b"][:, 0]) / anchor) ** 2 - (
            (y - forecasts.forecast["a"][:, 0]) / anchor
        ) ** 2
        stacked += diebold_mariano(rows, 1).p < 0.05
    print(f"rejected at 5 %: {pooled / 500:.1%} per date, {stacked / 500:.1%} stacked")
    assert 0.03 <= pooled / 500 <= 0.08
    assert stacked / 500 > 0.3


def test_overlapping_forecasts_keep_their_size(market):
    rejected = 0
    for seed in range(300):
        world = market(dates=400, horizon=5, seed=seed)
        noise = world.rng.normal(size=(2, 404))
        a, b = 0.005 * np.stack([noise[:, k : k + 400] for k in range(5)]).sum(0)[..., None]
        forecasts = world.forecasts({"a": a, "b": b})
        rejected += diebold_mariano(loss_differential(forecasts, SQUARED_ERROR, "a", "b"), 5).p < 0.05
    assert 0.02 <= rejected / 300 <= 0.09


def test_significance_of_a_good_and_a_bad_model(market):
    world = market(dates=300, symbols=2, common=0.5)
    forecasts = world.forecasts({"good": 0.2 * world.moves, "bad": -0.2 * world.moves, "zero": 0.0})
    found = significance(forecasts, SQUARED_ERROR, seed=0, reps=200)
    assert list(found.models) == ["good", "bad", "zero"] and found.dates == 300
    assert found.models["good"].skill.value == pytest.approx(1 - 0.8**2)
    assert found.models["good"].diebold_mariano.p_better < 1e-6
    assert found.models["bad"].diebold_mariano.p_worse < 1e-6
    assert found.models["zero"].diebold_mariano.reason == "its losses are those of the benchmark"
    assert found.models["zero"].skill.value == 0
    assert found.spa.p < 0.05 and "zero" not in found.spa.models
    assert found.confidence_set.members == ("good",)
    assert found.models["good"].direction.accuracy == 1 and found.models["good"].direction.p < 1e-6
    table = found.frame.set_index("model")
    assert table.loc["good", "dm_p"] == found.models["good"].diebold_mariano.p
    assert found.as_dict()["models"]["good"]["skill"]["value"] == found.models["good"].skill.value


def test_the_same_seed_gives_the_same_numbers(market):
    world = market(dates=80)
    forecasts = world.forecasts(
        {"a": world.rng.normal(0, 0.003, (80, 1)), "b": world.rng.normal(0, 0.003, (80, 1))}
    )
    first, again = (significance(forecasts, SQUARED_ERROR, seed=3, reps=200) for _ in range(2))
    assert first.spa == again.spa and first.confidence_set == again.confidence_set
    assert significance(forecasts, SQUARED_ERROR, seed=4, reps=200).confidence_set != first.confidence_set


@pytest.mark.parametrize("broken", [np.nan, np.inf, 1e150, 1e200])
def test_a_broken_model_hides_nobody(market, broken):
    world = market(dates=100)
    rnn = np.where(np.arange(100) == 50, broken, 0.0)[:, None]
    found = significance(
        world.forecasts({"rnn": rnn, "good": 0.5 * world.moves}), SQUARED_ERROR, seed=0, reps=200
    )
    assert found.spa.p < 0.05 and "naive" not in found.confidence_set.members
    assert "rnn" not in found.confidence_set.members


def test_prices_that_never_move(market):
    world = market(dates=40)
    still = {"actual": np.full((40, 1), 9.0), "anchor": np.full(40, 9.0)}
    found = significance(world.forecasts({"drift": 0.01}, **still), SQUARED_ERROR, seed=0, reps=200)
    assert found.models["drift"].diebold_mariano.reason == "the difference in loss is the same on every date"
    assert np.isnan(found.models["drift"].skill.value)
    unscaled = world.forecasts({"drift": 0.01}, **still, naive_mse=np.zeros(40))
    nothing = significance(unscaled, SQUARED_ERROR, seed=0)
    assert nothing.dates == 0 and nothing.spa.reason.startswith("only 0 origin dates")


def test_naive_alone(market):
    found = significance(market(dates=40).forecasts({}), SQUARED_ERROR, seed=0)
    assert (
        found.models == {}
        and found.spa.reason == "no model has usable losses that differ from those of naive"
    )
    assert found.confidence_set.members == ("naive",) and found.frame.empty


# every loss -----------------------------------------------------------------------------------------------

OWN = OwnLoss(lambda actual, predicted: np.abs(actual - predicted) ** 1.5, name="error to the power of 1.5")
LOSSES = [SQUARED_ERROR, ABSOLUTE_ERROR, OWN, CRPS, PINBALL]
every_loss = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.key)


def distributed(world, **noise):
    """gru (a network) and baselines: points off by a part of the move, distributions by a noise in scale."""
    known = {name: world.student(noise=off, seeds=2 * (name == "gru")) for name, off in noise.items()}
    forecasts = world.distributed(known)
    move = world.forecasts({name: (1 - off) * world.moves for name, off in noise.items()})
    for name in noise:
        forecasts.forecast[name] = move.forecast[name]
    return forecasts


@every_loss
def test_models_are_tested_against_the_benchmark_and_networks_against_every_baseline(market, loss):
    """naive forecasts no change; of the baselines with a distribution garch-t is the best."""
    world = market(symbols=2, dates=200)
    forecasts = distributed(world, **{"gru": 0.05, "ewma-t": 0.5, "garch-t": 0.2})
    found = significance(forecasts, loss, seed=0, reps=300)
    benchmark = "naive" if loss.point else "garch-t"
    assert found.benchmark == benchmark and found.networks == ("gru",)
    assert found.baselines == ("garch-t", "ewma-t", *(["naive"] if loss.point else []))
    assert set(found.models) == {"gru", "ewma-t", "garch-t", "naive"} & set(loss.models(forecasts)) - {
        benchmark
    }
    assert set(found.tried) == (set(found.models) if loss.point else {"gru"}) == set(found.spa.models)
    assert set(found.confidence_set.p) == set(loss.models(forecasts))
    pairs = found.pair_frame
    wanted = {("gru", name) for name in found.baselines}
    wanted |= {(name, benchmark) for name in found.baselines if name != benchmark}
    assert set(zip(pairs["model"], pairs["benchmark"], strict=True)) == wanted
    symbols = {"all"} if loss.point else {"all", "S0", "S1"}  # of points there may be ten thousand
    assert set(pairs["symbol"]) == symbols and len(pairs) == len(symbols) * len(wanted)
    losses = losses_by_date(forecasts, loss, symbol=None if loss.point else "S1")
    row = pairs.set_index(["model", "benchmark", "symbol"]).loc[
        ("gru", "ewma-t", "all" if loss.point else "S1")
    ]
    pooled = loss.point
    expected = diebold_mariano(losses["ewma-t"] - losses["gru"], 1, pooled=pooled)
    assert (row["dm"], row["dm_p"]) == (expected.statistic, expected.p)
    assert row["skill"] == pytest.approx(1 - losses["gru"].mean() / losses["ewma-t"].mean())
    assert row["low"] == skill(losses["ewma-t"].to_numpy(), losses["gru"].to_numpy(), 1, pooled=pooled).low
    assert found.pair("gru").benchmark == benchmark and found.pair("gru").symbol == "all"
    assert found.models["gru"].skill == found.pair("gru").skill and found.pair(benchmark) is None
    assert all((model.direction is not None) == loss.point for model in found.models.values())


@every_loss
def test_the_truth_is_found_better_than_noise(market, loss):
    world = market(dates=500)
    found = significance(distributed(world, **{"gru": 0.0, "ewma-t": 0.5}), loss, seed=0, reps=300)
    assert found.spa.p < 0.01 and found.confidence_set.members == ("gru",)
    assert found.models["gru"].diebold_mariano.p_better < 0.001 and found.models["gru"].skill.low > 0


@pytest.mark.parametrize("symbols", [1, 10])
@pytest.mark.parametrize(
    "loss",
    [
        pytest.param(CRPS, id="crps"),
        pytest.param(PINBALL, id="pinball", marks=[pytest.mark.slow, pytest.mark.full]),
    ],
)
def test_a_true_null_is_seldom_rejected(market, symbols, loss):
    better = spa = 0
    for seed in range(40):
        world = market(symbols=symbols, dates=80, common=0.9, seed=seed)
        known = {"gru": world.student(seeds=1, noise=0.3), "ewma-t": world.student(noise=0.3)}
        losses = losses_by_date(world.distributed(known), loss)
        test = diebold_mariano(losses["ewma-t"] - losses["gru"], 1, pooled=symbols > 1)
        better += test.p_better < 0.05
        how = {"pooled": symbols > 1, "seed": seed, "reps": 100}
        spa += superior_ability(losses, "ewma-t", **how).p < 0.05
    assert better <= 7 and spa <= 7


@every_loss
@pytest.mark.parametrize(("dates", "horizon"), [(1, 1), (19, 1), (45, 6), (60, 20)])
def test_too_few_dates_have_a_reason(market, loss, dates, horizon):
    world = market(dates=dates, horizon=horizon, folds=1)
    found = significance(distributed(world, **{"gru": 0.1, "ewma-t": 0.3}), loss, seed=0)
    why = (
        f"only {dates} origin dates; the tests need 20" if dates < 20 else f"{dates} dates at {horizon} steps"
    )
    assert found.spa.reason.startswith(why) and np.isnan(found.detectable)
    assert found.confidence_set.members == () and (found.frame["reason"] == found.spa.reason).all()
    assert (found.pair_frame["reason"] == found.spa.reason).all()


@every_loss
def test_the_same_in_plain_data(market, loss):
    world = market(dates=60)
    found = significance(distributed(world, **{"gru": 0.1, "ewma-t": 0.3}), loss, seed=0, reps=100)
    plain = found.as_dict()
    assert plain["loss"] == loss.key and plain["pairs"][0]["skill"].keys() == {"value", "low", "high"}
    json.dumps(plain)


def test_no_distributions_no_networks_no_baselines(market):
    world = market(dates=60)
    assert CRPS.models(world.forecasts({"drift": 0.001})) == []
    both = world.distributed({"ewma-t": world.student(), "past": world.student(noise=0.3)})
    baselines = significance(both, CRPS, seed=0, reps=100)
    assert baselines.networks == () and baselines.benchmark == baselines.baselines[0]
    assert np.isnan(baselines.spa.p) and baselines.spa.reason.startswith("no model has usable losses")
    assert len(baselines.pairs) == 1
    networks = significance(world.distributed({"gru": world.student(seeds=1)}), CRPS, seed=0, reps=100)
    assert networks.benchmark is None and networks.pairs == () and networks.models == {}
    assert networks.spa.reason == "no baseline has a CRPS to compare with"
    assert networks.frame.empty and np.isnan(networks.detectable)


def test_a_broken_baseline_is_no_benchmark(market):
    world = market(dates=60)
    good = world.student(wrong=2.0)
    broken = dataclasses.replace(good, crps=np.where(np.arange(60)[:, None] == 3, np.nan, good.crps * 0.1))
    known = {"gru": world.student(seeds=1), "har": broken, "ewma-t": good}
    found = significance(world.distributed(known), CRPS, seed=0, reps=100)
    assert found.benchmark == "ewma-t" and found.baselines == ("ewma-t", "har")
    assert "finite" in found.pair("gru", "har").diebold_mariano.reason
    assert found.pair("gru").diebold_mariano.p < 0.05


@every_loss
def test_a_symbol_that_never_moved_has_no_say(market, loss):
    world = market(symbols=2, dates=30)
    scales = {"naive_mse": np.repeat([1e-4, 0.0], 30), "naive_mae": np.repeat([1.0, 0.0], 30)}
    forecasts = dataclasses.replace(distributed(world, **{"gru": 0.1, "ewma-t": 0.3}), **scales)
    for name, losses in losses_by_date(forecasts, loss).items():
        own = loss.of(forecasts, name)[:30, 0] / loss.scale(forecasts)[:30]
        np.testing.assert_allclose(losses, own)


@every_loss
def test_one_loss_per_date_scaled_by_symbol(market, loss):
    world = market(symbols=2, dates=30, horizon=2)
    scales = {"naive_mse": np.repeat([1e-4, 4e-4], 30), "naive_mae": np.repeat([1.0, 2.0], 30)}
    forecasts = dataclasses.replace(distributed(world, **{"gru": 0.1, "ewma-t": 0.3}), **scales)
    own, scale = loss.of(forecasts, "ewma-t"), loss.scale(forecasts)
    expected = (own[4].mean() / scale[4] + own[34].mean() / scale[34]) / 2
    assert losses_by_date(forecasts, loss)["ewma-t"].iloc[4] == pytest.approx(expected)
    second = losses_by_date(forecasts, loss, step=2)["ewma-t"].iloc[4]
    assert second == pytest.approx((own[4, 1] / scale[4] + own[34, 1] / scale[34]) / 2)
    alone = losses_by_date(forecasts, loss, symbol="S1")["ewma-t"].iloc[4]
    assert alone == pytest.approx(own[34].mean() / scale[34])
