from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gatecast.evaluation import metrics
from gatecast.evaluation.metrics import SCORES, SPREADS, scores
from gatecast.evaluation.significance import significance

Y = np.array([3.0, -0.5, 2.0, 7.0])
F = np.array([2.5, 0.0, 2.0, 8.0])


def test_published_examples():
    # scikit-learn's user guide, "Regression metrics", same y_true and y_pred.
    assert metrics.mae(Y, F) == 0.5
    assert metrics.rmse(Y, F) == pytest.approx(np.sqrt(0.375), rel=1e-15)
    assert metrics.mape(Y, F) == pytest.approx(0.3273809523809524, rel=1e-15)


def test_mase_of_sktime():
    # sktime's docstring of mean_absolute_scaled_error: 0.18333333333333335.
    train = np.array([5, 0.5, 4, 6, 3, 5, 2])
    scale = np.abs(np.diff(train)).mean()
    y, forecast = np.array([3, -0.5, 2, 7, 2]), np.array([2.5, 0.0, 2, 8, 1.25])
    assert metrics.mase(y, forecast, scale) == pytest.approx(0.18333333333333335, rel=1e-15)
    assert metrics.mase(y, forecast, np.full(5, scale)) == metrics.mase(y, forecast, scale)


def test_small_numbers_by_hand():
    y, f, anchor = np.array([110.0, 90.0, 100.0]), np.array([105.0, 95.0, 130.0]), np.full(3, 100.0)
    assert metrics.smape(y, f) == pytest.approx((2 * 5 / 215 + 2 * 5 / 185 + 2 * 30 / 230) / 3)
    assert metrics.r2(y, f, anchor) == pytest.approx(1 - (25 + 25 + 900) / 200)
    assert metrics.directional_accuracy(y, f, anchor) == 1.0  # the third price did not move
    assert metrics.directional_accuracy(y, [105.0, 100.0, 100.0], anchor) == 0.5  # no side is a miss


def test_undefined_scores_are_nan():
    flat, zero = np.full(3, 100.0), np.zeros(3)
    assert np.isnan(metrics.mape([1.0, 0.0], [1.0, 1.0]))
    assert np.isnan(metrics.mase(Y, F, 0.0))
    assert np.isnan(metrics.r2(flat, flat + 1, flat))
    assert np.isnan(metrics.directional_accuracy(flat, flat + 1, flat))
    assert np.isnan(metrics.directional_accuracy(flat + 1, flat, flat))
    assert metrics.smape(zero, zero) == 0.0


@pytest.mark.parametrize("call", [metrics.mae, metrics.rmse, metrics.mape, metrics.smape])
def test_accidental_broadcasting_is_refused(call):
    for y, f in [(np.ones(4), np.ones((4, 1))), (np.ones((4, 1)), np.ones(4)), (np.ones(4), np.ones(1))]:
        with pytest.raises(ValueError, match=r"must end in the shape of y"):
            call(y, f)
    with pytest.raises(ValueError, match="anchor has shape"):
        metrics.directional_accuracy(np.ones((4, 2)), np.ones((4, 2)), np.ones(2))
    with pytest.raises(ValueError, match="empty"):
        call([], [])


values = arrays(np.float64, (6, 3), elements=st.floats(0.01, 1e6))


@given(values, values, st.integers(0, 1))
def test_leading_axes_and_axis_are_loops(y, f, axis):
    stacked = np.stack([f, y, f + 1])
    anchor = np.full_like(y, 5.0)
    for call, extra in [
        (metrics.mae, ()),
        (metrics.rmse, ()),
        (metrics.mape, ()),
        (metrics.smape, ()),
        (metrics.mase, (2.0,)),
        (metrics.r2, (anchor,)),
        (metrics.directional_accuracy, (anchor,)),
    ]:
        whole = call(y, stacked, *extra, axis=axis)
        assert whole.shape == (3, y.shape[1 - axis])
        for member in range(3):
            for place in range(y.shape[1 - axis]):
                pick = (slice(None), place) if axis == 0 else (place, slice(None))
                one = call(
                    y[pick], stacked[member][pick], *(np.broadcast_to(e, y.shape)[pick] for e in extra)
                )
                np.testing.assert_allclose(whole[member, place], one, rtol=1e-12)
        assert np.ndim(call(y, f, *extra)) == 0


@given(values, values, st.floats(0.01, 100))
@example(
    np.full((2, 3), 0.01), np.full((2, 3), np.nextafter(0.01, 1)), 0.01171875
)  # an error of one rounding
def test_units(y, f, unit):
    """Price scores follow the currency; the others do not know it. A price's last bits are noise."""
    anchor = np.full_like(y, 7.0)
    rounding = 4 * np.finfo(float).eps
    price = rounding * np.abs(y).max()
    for ours, expected, noise in (
        (metrics.rmse(unit * y, unit * f), unit * metrics.rmse(y, f), unit * price),
        (metrics.mape(unit * y, unit * f), metrics.mape(y, f), rounding),
        (metrics.smape(unit * y, unit * f), metrics.smape(f, y), rounding),
        (metrics.mase(unit * y, unit * f, unit), metrics.mase(y, f, 1.0), price),
    ):
        np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=noise)
    np.testing.assert_allclose(metrics.r2(y, anchor, anchor), np.nan if (y == 7).all() else 0.0, atol=1e-12)
    assert 0 <= metrics.smape(y, f) <= 2 and metrics.mae(y, f) <= metrics.rmse(y, f) * (1 + 1e-12)


def pick(table, **where):
    for key, value in where.items():
        table = table[table[key] == value]
    assert len(table) == 1
    return table.iloc[0]


@pytest.fixture
def world(market):
    return market(symbols=2, dates=40, horizon=3)


def test_every_score_by_a_plain_loop(world):
    n, h = world.shape
    scale = np.where(world.parts["symbol"] == 0, 0.7, 1.9) + world.parts["fold"]
    members = world.rng.normal(0, 0.01, (5, n, h))
    forecasts = world.forecasts({}, {"gru": members}, naive_mae=scale, naive_mse=scale / 1e4)
    table = scores(forecasts)
    assert list(table.columns) == [
        "model", "symbol", "step", "n", *SCORES, *(f"{name}_spread" for name in SPREADS), "reason"
    ]  # fmt: skip
    assert len(table) == 2 * 3 * 4

    def expected(values, rows, steps):
        found = {name: [] for name in ("e", "ape", "sape", "q", "r", "s", "s0", "hit")}
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
        }

    for step, steps in {"1": [0], "3": [2], "all": [0, 1, 2]}.items():
        own = {}
        for i, symbol in enumerate(forecasts.symbols):
            rows = np.flatnonzero(forecasts.symbol == i)
            row = pick(table, model="gru", symbol=symbol, step=step)
            own[symbol] = expected(forecasts.forecast["gru"], rows, steps)
            assert row.n == 40 * len(steps) and row.reason == ""
            np.testing.assert_allclose([row[name] for name in SCORES], [own[symbol][s] for s in SCORES])
            seeds = [expected(member, rows, steps) for member in forecasts.seeds["gru"]]
            for name in SPREADS:
                spread = np.std([seed[name] for seed in seeds], ddof=1)
                np.testing.assert_allclose(row[f"{name}_spread"], spread, rtol=1e-9)
        row = pick(table, model="gru", symbol="all", step=step)
        every = expected(forecasts.forecast["gru"], range(n), steps)
        assert np.isnan(row.mae) and np.isnan(row.rmse) and row.n == 80 * len(steps)
        for name in ("mape", "smape", "mase"):
            assert row[name] == pytest.approx((own["S0"][name] + own["S1"][name]) / 2)
        for name in ("directional_accuracy", "mae_return", "rmse_return", "skill"):
            assert row[name] == pytest.approx(every[name])
        assert row.reason == "mae: in price, so per symbol only; rmse: in price, so per symbol only"


def test_the_skill_is_that_of_the_tests_of_significance_with_ragged_symbols(market):
    world = market(symbols=3, dates=40, horizon=2)
    keep = ~((world.parts["symbol"] == 1) & (np.arange(120) % 40 < 15))
    scale = 1e-4 * (1 + world.parts["symbol"] + world.parts["fold"])
    world.parts = {
        k: v if k == "symbols" else v[keep] for k, v in (world.parts | {"naive_mse": scale}).items()
    }
    forecasts = world.forecasts({"drift": 0.003})
    row = pick(scores(forecasts), model="drift", symbol="all", step="all")
    assert row.skill == pytest.approx(significance(forecasts, seed=0).models["drift"].skill.value)


def test_naive(world):
    row = pick(scores(world.forecasts({})), model="naive", symbol="S0", step="all")
    assert row.skill == 0
    assert np.isnan(row.directional_accuracy)
    assert row.reason == "directional_accuracy: it forecasts no change"
    assert row.filter(like="_spread").isna().all()


def test_one_symbol_has_no_row_for_all(market):
    table = scores(market(dates=5).forecasts({"drift": 0.01}))
    assert set(table.symbol) == {"S0"} and list(table.step) == ["all"] * 2


def test_one_origin(market):
    world = market(dates=1, folds=1)
    row = pick(scores(world.forecasts({}, {"gru": np.full((1, 1, 1), 0.01)})), model="gru", step="all")
    assert np.isfinite([row[name] for name in SCORES]).all()
    assert np.isnan(row.rmse_spread)  # one seed


def test_constant_prices(market):
    world = market(dates=10)
    still = {"actual": np.full((10, 1), 50.0), "anchor": np.full(10, 50.0)}
    nothing = {"naive_mae": np.zeros(10), "naive_mse": np.zeros(10)}
    table = scores(world.forecasts({"drift": 0.01}, **still, **nothing))
    row = pick(table, model="drift", step="all")
    assert row.mae == pytest.approx(0.5)
    assert row.reason == (
        "skill: naive makes no error; mase: naive makes no error in training; "
        "directional_accuracy: the price never moves"
    )


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
    assert np.isnan(row.skill) and f"skill: {why}" in row.reason
    assert np.isnan(row.mase) == (broken != 1e200)
    assert np.isfinite(pick(table, model="rnn", symbol="S1", step="all").skill)


def test_negative_forecasts_are_scored(market):
    row = pick(scores(market(dates=20).forecasts({"wild": -3.0})), model="wild", step="all")
    assert row.mae_return == pytest.approx(3, rel=0.01) and row.reason == ""
