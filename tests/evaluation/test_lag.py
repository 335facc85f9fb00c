from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from gatecast.evaluation.hac import newey_west_lags
from gatecast.evaluation.lag import CONSTANT, Lag, lags, signal


def with_past(world, sessions=60):
    """The history with as many earlier sessions in front."""
    index = pd.DatetimeIndex(world.days[0] - np.arange(sessions, 0, -1))
    return {
        name: pd.concat([pd.Series(50 + np.arange(sessions) % 7.0, index=index), series])
        for name, series in world.history.items()
    }


@pytest.mark.parametrize("horizon", [1, 3])
@pytest.mark.parametrize("symbols", [1, 3])
def test_naive(market, horizon, symbols):
    world = market(symbols=symbols, dates=80, horizon=horizon)
    found = lags(world.forecasts({}), with_past(world))["naive"]
    assert (found.lag, found.copy) == (horizon, 1)
    assert np.isnan(found.slope) and found.reason == "the change it forecasts never varies"


@pytest.mark.parametrize("late", [1, 2, 7])
def test_a_shifted_price_is_found(market, late):
    world = market(dates=120, horizon=2, symbols=2)
    history = with_past(world)
    forecasts = world.forecasts({"late": 0.0})
    old = np.concatenate(
        [series.shift(late).reindex(pd.DatetimeIndex(world.days[:120])) for series in history.values()]
    )
    noise = 1 + 0.0005 * world.rng.normal(size=240)
    forecasts.forecast["late"][:, 1] = old * noise
    assert lags(forecasts, history)["late"].lag == late + 2


def test_knowing_the_day_is_lag_0(market):
    world = market(dates=100)
    found = lags(world.forecasts({"oracle": 0.9 * world.moves}), with_past(world))["oracle"]
    assert found.lag == 0 and found.copy == pytest.approx(0.1)
    assert found.slope == pytest.approx(1 / 0.9) and found.p < 1e-6


def test_a_forecast_off_in_level_has_no_lag(market):
    world = market(dates=100)
    found = lags(world.forecasts({"off": -0.9 + 0.001 * world.moves}), with_past(world))["off"]
    assert found.lag is None and found.copy < -10


def test_copy_by_hand(market):
    world = market(dates=50, symbols=2)
    move = 0.002 * world.rng.normal(size=world.shape)
    found = lags(world.forecasts({"gru": move}), with_past(world))["gru"]
    assert found.copy == pytest.approx(1 - np.sqrt((move**2).mean() / (world.moves**2).mean()))


@pytest.mark.parametrize("horizon", [1, 5])
def test_signal_equals_statsmodels_for_one_symbol(horizon):
    rng = np.random.default_rng(0)
    x, noise = rng.normal(0.2, 1, (2, 150))
    y, date = 0.3 * x + noise * (1 + np.abs(x)), np.arange(150)
    fit = sm.OLS(y, sm.add_constant(x)).fit(
        cov_type="HAC", cov_kwds={"maxlags": newey_west_lags(150, horizon)}
    )
    assert signal(x, y, date, horizon) == pytest.approx((fit.params[1], fit.tvalues[1]), rel=1e-10)


def test_copies_of_a_symbol_add_nothing():
    rng = np.random.default_rng(0)
    x, noise = rng.normal(size=(2, 100))
    y, date = 0.3 * x + noise, np.arange(100)
    once = signal(x, y, date, 1)
    thirty = signal(np.tile(x, 30), np.tile(y, 30), np.tile(date, 30), 1)
    rows = signal(np.tile(x, 30), np.tile(y, 30), np.arange(3000), 1)
    assert thirty == pytest.approx(once)
    assert rows[1] > 4 * once[1]


@pytest.mark.parametrize(("known", "least", "most"), [(0.0, 0.90, 0.99), (0.3, 0.0, 0.05)])
def test_no_evidence_is_said_where_nothing_is_known_and_seldom_where_something_is(market, known, least, most):
    said = []
    for seed in range(60):
        world = market(dates=300, seed=seed)
        move = known * world.moves + 0.003 * world.rng.normal(size=world.shape)
        found = lags(world.forecasts({"gru": move}), world.history)["gru"].sentence
        share = np.sqrt(np.mean(move**2) / np.mean(world.moves**2))
        assert f" {share:.0%} as large".replace("%", " %") in found
        said.append(NO_EVIDENCE in found)
    assert least <= np.mean(said) <= most


def test_signal_keeps_its_size_with_correlated_symbols():
    rejected = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        x, y = np.sqrt(0.7) * rng.normal(size=(2, 1, 250)) + np.sqrt(0.3) * rng.normal(size=(2, 30, 250))
        rejected += abs(signal(x.ravel(), y.ravel(), np.tile(np.arange(250), 30), 1)[1]) > 1.97
    assert 0.02 <= rejected / 300 <= 0.10


@pytest.mark.parametrize("dates", [1, 2])
def test_too_few_dates_for_a_signal(market, dates):
    world = market(dates=dates, folds=1)
    found = lags(world.forecasts({"gru": 0.1 * world.rng.normal(size=world.shape)}), with_past(world))["gru"]
    assert np.isnan(found.t) and found.lag is not None
    assert f"cannot be tested: only {dates} origin dates; a slope needs 3." in found.sentence


@pytest.mark.parametrize("broken", [np.nan, np.inf, 1e200])
def test_broken_forecasts(market, broken):
    world = market(dates=30)
    found = lags(world.forecasts({"rnn": broken}), with_past(world))["rnn"]
    assert found.lag is None and np.isnan(found.copy) and "finite" in found.reason
    assert found.sentence.startswith(
        "rnn cannot be compared with the last price: a forecast is not a finite number"
    )


def test_prices_that_never_move(market):
    world = market(dates=30)
    forecasts = world.forecasts({"gru": 0.01}, actual=np.full((30, 1), 5.0), anchor=np.full(30, 5.0))
    found = lags(forecasts, {"S0": pd.Series(5.0, index=world.history["S0"].index)})
    assert found["naive"].reason == found["gru"].reason == "the price never moves"


def test_no_past_no_lag(market):
    """The first origin of the data has no 20 sessions before it: lag unknown, the rest known."""
    world = market(dates=10)
    found = lags(world.forecasts({"gru": 0.3 * world.moves}), world.history)["gru"]
    assert found.lag is None and found.slope == pytest.approx(1 / 0.3)


def test_an_origin_without_a_price_is_an_error(market):
    world = market(dates=10)
    with pytest.raises(KeyError, match="S0 has no price in history on 2020-01-05"):
        lags(world.forecasts({}), {"S0": world.history["S0"].drop("2020-01-05")})


CHANGES, AS_LARGE = "the changes it forecasts are", "as large as the actual ones (root mean square)."
NO_EVIDENCE = "There is no evidence that the change it forecasts is related to the actual change"
GRU = Lag("gru", horizon=1, lag=1, copy=0.97, slope=0.1, t=0.4, p=0.69)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {},
            f"gru nearly repeats the last price: {CHANGES} 3 % {AS_LARGE} "
            f"{NO_EVIDENCE} (slope 0.10, t = 0.4).",
        ),
        (
            {"horizon": 5, "lag": 5, "t": 1.5, "p": 0.13},
            f"gru nearly repeats the last price: {CHANGES} 3 % {AS_LARGE} "
            f"{NO_EVIDENCE} (slope 0.10, t = 1.5).",
        ),
        (
            {"copy": 0.999, "slope": -0.001, "t": -0.01},
            f"gru nearly repeats the last price: {CHANGES} less than 1 % {AS_LARGE} "
            f"{NO_EVIDENCE} (slope 0.00, t = 0.0).",
        ),
        (
            {"copy": 0.6, "slope": 0.8, "t": 2.9, "p": 0.004},
            f"gru stays close to the last price: {CHANGES} 40 % {AS_LARGE} "
            "The change it forecasts goes with the actual change (slope 0.80, t = 2.9).",
        ),
        (
            {"copy": -1.0},
            f"gru does not copy the last price: {CHANGES} 200 % {AS_LARGE} "
            f"{NO_EVIDENCE} (slope 0.10, t = 0.4).",
        ),
        (
            {"copy": 0.2, "slope": -0.8, "t": -2.9, "p": 0.004},
            f"gru does not copy the last price: {CHANGES} 80 % {AS_LARGE} "
            "The change it forecasts points the wrong way (slope -0.80, t = -2.9).",
        ),
        (
            {"lag": 3},
            "gru lags behind: its forecast for a day is nearest to the price 3 sessions before that day. "
            f"{NO_EVIDENCE} (slope 0.10, t = 0.4).",
        ),
        (
            {"slope": np.nan, "t": np.nan, "p": np.nan, "reason": CONSTANT},
            f"gru nearly repeats the last price: {CHANGES} 3 % {AS_LARGE} "
            "The change it forecasts never varies, so it says nothing about a single day.",
        ),
        (
            {"slope": np.nan, "t": np.nan, "p": np.nan, "reason": "only 2 origin dates; a slope needs 3"},
            f"gru nearly repeats the last price: {CHANGES} 3 % {AS_LARGE} Whether the change it forecasts is "
            "related to the actual change cannot be tested: only 2 origin dates; a slope needs 3.",
        ),
        (
            {"model": "naive", "copy": 1.0, "t": np.nan},
            "naive repeats the last price: it never forecasts a change.",
        ),
    ],
)
def test_sentences(change, sentence):
    lag = dataclasses.replace(GRU, **change)
    assert lag.sentence == sentence == " ".join(lag.sentences)
    assert lag.as_dict()["sentence"] == sentence and lag.as_dict()["model"] == lag.model


def test_a_change_that_points_the_right_way_but_is_far_too_large_is_not_praised():
    lag = Lag("wild", horizon=1, lag=1, copy=-9.0, slope=0.01, t=2.5, p=0.01)
    assert "points the right way but is 100 times too large" in lag.sentence
    assert "goes with" not in lag.sentence
