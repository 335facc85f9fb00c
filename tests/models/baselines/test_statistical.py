import re
import warnings

import numpy as np
import pandas as pd
import pytest
from statsmodels.tsa.ar_model import AutoReg, ar_select_order

from gatecast.errors import FitWarning
from gatecast.models.baselines.statistical import DECAY
from gatecast.problem.folds import Fold, cut_folds

from ...baselines import BASELINES  # isort: skip

ar = BASELINES["ar"]
ewma = BASELINES["ewma"]


def prices_from(returns):
    return 100 * np.exp(np.cumsum(returns))


def simulated_ar2(sessions, seed=0):
    """Returns with mean 0.001, lag coefficients 0.5 and -0.3."""
    shocks = np.random.default_rng(seed).normal(0, 0.01, sessions)
    returns = np.zeros(sessions)
    for t in range(2, sessions):
        returns[t] = 0.0008 + 0.5 * returns[t - 1] - 0.3 * returns[t - 2] + shocks[t]
    return returns


def one_fold(problem):
    (fold,) = cut_folds(problem, folds=1)
    return fold


def test_ewma_by_hand(make, ragged):
    frame = ragged()
    problem = make(frame, horizon=3)
    fold = one_fold(problem)
    forecast = ewma(problem, fold)
    for n, origin in enumerate(fold.test):
        past = np.log(problem.anchor[problem.first[origin] : origin + 1])
        returns = np.diff(past)[::-1]  # the newest first
        weights = 0.94 ** np.arange(len(returns))
        mean = (weights * returns).sum() / weights.sum()
        np.testing.assert_allclose(
            forecast[n], problem.anchor[origin] * np.exp(mean * np.arange(1, 4)), rtol=1e-12
        )
    assert DECAY == 0.94


def test_ewma_follows_the_column(make, ragged):
    problem = make(ragged(), column="open")
    fold = one_fold(problem)
    assert (ewma(problem, fold) != ewma(make(ragged()), fold)).any()


def test_ar_recovers_the_coefficients_of_an_ar2(make, frame):
    """Its one-step forecasts are those of the true equation, up to the error of the estimate."""
    returns = simulated_ar2(6000)
    problem = make(frame({"A": prices_from(returns)}))
    fold = one_fold(problem)
    forecast = np.log(ar(problem, fold)[:, 0] / problem.anchor[fold.test])
    known = np.stack([np.ones(len(fold.test)), returns[fold.test], returns[fold.test - 1]], axis=1)
    constant, first, second = np.linalg.lstsq(known, forecast, rcond=None)[0]
    assert constant == pytest.approx(0.0008, abs=0.0005)
    assert first == pytest.approx(0.5, abs=0.05)
    assert second == pytest.approx(-0.3, abs=0.05)


@pytest.mark.parametrize("origin", [240, 290])
@pytest.mark.parametrize("column", ["close", "open"])
def test_ar_is_what_statsmodels_predicts(make, frame, column, origin):
    """Order and coefficients from the known rows; its own forecast from a series that ends at the origin."""
    table = frame({"A": prices_from(simulated_ar2(300))})
    problem = make(table, horizon=6, lookback=5, column=column)
    fold = Fold(0, np.arange(5, 150), np.arange(160, 200), np.array([origin]))
    returns = np.diff(np.log(table[column].to_numpy()))  # returns[i] is that of row i + 1
    known = returns[: 199 + 6]
    fitted = ar_select_order(known, 10, ic="aic").model.fit()
    assert len(fitted.params) > 2
    upto = AutoReg(returns[:origin], lags=len(fitted.params) - 1)
    expected = upto.predict(fitted.params, start=origin, end=origin + 5)
    np.testing.assert_allclose(
        ar(problem, fold)[0], problem.anchor[origin] * np.exp(np.cumsum(expected)), rtol=1e-12
    )


def test_ar_takes_the_order_with_the_smallest_aic(make, frame):
    """By hand: least squares of every order on the same rows, n log(RSS / n) + 2 (p + 2)."""
    returns = simulated_ar2(400, seed=3)
    problem = make(frame({"A": prices_from(returns)}))
    fold = one_fold(problem)
    known = np.diff(np.log(problem.anchor))[: fold.train_validation[-1] + 1]

    def regress(order, skip):
        rows = np.arange(skip, len(known))
        lags = [known[rows - lag] for lag in range(1, order + 1)]
        x = np.stack([np.ones(len(rows)), *lags], axis=1)
        beta = np.linalg.lstsq(x, known[rows], rcond=None)[0]
        return beta, len(rows) * np.log(np.mean((known[rows] - x @ beta) ** 2)) + 2 * (order + 2)

    order = min(range(11), key=lambda p: regress(p, skip=10)[1])
    beta, _ = regress(order, skip=order)
    past = np.stack([np.diff(np.log(problem.anchor))[fold.test - lag] for lag in range(1, order + 1)], axis=1)
    expected = problem.anchor[fold.test] * np.exp(beta[0] + past @ beta[1:])
    np.testing.assert_allclose(ar(problem, fold)[:, 0], expected, rtol=1e-10)


def test_ar_of_several_symbols_is_that_of_each_alone(make, ragged):
    frame = ragged()
    problem = make(frame, horizon=3)
    fold = one_fold(problem)
    together = ar(problem, fold)
    for number, symbol in enumerate("ABC"):
        mine = np.flatnonzero(problem.symbol == number)
        alone = make(frame[frame["symbol"] == symbol].reset_index(drop=True), horizon=3)
        parts = [
            rows[problem.symbol[rows] == number] - mine[0]
            for rows in (fold.train, fold.validation, fold.test)
        ]
        np.testing.assert_array_equal(
            ar(alone, Fold(0, *parts)), together[problem.symbol[fold.test] == number]
        )


def test_ar_is_fitted_on_the_sliding_window_only(make, frame, random_walk):
    table = frame({"A": random_walk(400)})
    fold = cut_folds(make(table), window="sliding")[-1]
    changed = table.copy()
    changed.loc[: fold.train[0] - 7, ["open", "close"]] *= 3
    np.testing.assert_array_equal(ar(make(table), fold), ar(make(changed), fold))


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.filterwarnings("ignore::gatecast.errors.FitWarning")
def test_constant_prices_are_forecast_to_stay(make, frame, name):
    problem = make(frame({"A": np.full(200, 12.5)}), horizon=4)
    np.testing.assert_allclose(BASELINES[name](problem, one_fold(problem)), 12.5, rtol=1e-15)


@pytest.mark.parametrize("name", [name for name in BASELINES if name != "ar"])
def test_only_ar_has_a_fit_that_can_fail(make, frame, name):
    problem = make(frame({"A": np.full(200, 12.5)}), horizon=4)
    BASELINES[name](problem, one_fold(problem))  # a warning would be an error


def test_constant_returns_are_said_and_named(make, frame, random_walk):
    table = frame(
        {"FLAT": np.full(200, 12.5), "GROWS": 100 * 1.001 ** np.arange(200), "MOVES": random_walk(200)}
    )
    problem = make(table, horizon=2)
    fold = cut_folds(problem, folds=3)[2]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        forecast = ar(problem, fold)
    assert [(w.category, str(w.message)) for w in caught] == [
        (FitWarning, "ar: FLAT fold 2: constant returns; AR(0) with mean zero is used instead"),
        (FitWarning, "ar: GROWS fold 2: constant returns; AR(0) with mean 0.001 is used instead"),
    ]
    grows = problem.symbol[fold.test] == 1
    np.testing.assert_allclose(forecast[grows], problem.actual(fold.test[grows]), rtol=1e-12)


def test_too_few_rows_for_a_lag_are_said(make, frame, random_walk):
    table = frame({"LONG": random_walk(100), "SHORT": random_walk(100, seed=1)})
    short = (table["symbol"] == "SHORT") & (table["date"] < table["date"][60])
    problem = make(table[~short].reset_index(drop=True), lookback=2)
    origins = np.arange(100, 140)
    fold = Fold(4, np.concatenate([np.arange(10, 70), origins[2:7]]), np.array([75]), np.array([80, 120]))
    with pytest.warns(
        FitWarning, match=r"^ar: SHORT fold 4: 7 in-sample returns are too few for a lag; AR\(0\) "
    ):
        forecast = ar(problem, fold)
    mean = np.log(problem.anchor[107] / problem.anchor[100]) / 7
    assert forecast[1, 0] == pytest.approx(problem.anchor[120] * np.exp(mean), rel=1e-12)


def test_an_explosive_fit_is_not_used(make, frame):
    returns = 1e-6 * 1.1 ** np.arange(100) + np.random.default_rng(0).normal(0, 1e-5, 100)
    problem = make(frame({"A": prices_from(returns)}), horizon=5)
    fold = Fold(0, np.arange(5, 60), np.arange(61, 70), np.arange(80, 90))
    with pytest.warns(
        FitWarning, match=r"^ar: A fold 0: AR\(\d\) is not stationary \(root 1\.\d+\); AR\(0\)"
    ):
        forecast = ar(problem, fold)
    np.testing.assert_allclose(forecast, BASELINES["drift"](problem, fold), rtol=1e-12)


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (np.linalg.LinAlgError("SVD did not converge"), "SVD did not converge"),
        (RuntimeWarning("divide by zero encountered in log"), "divide by zero encountered in log"),
    ],
)
def test_a_fit_that_fails_is_said_and_named(make, frame, random_walk, monkeypatch, trouble, said):
    def fails(*_, **__):
        raise trouble

    monkeypatch.setattr(np.linalg, "qr", fails)
    problem = make(frame({"A": random_walk(200)}))
    fold = one_fold(problem)
    expected = re.escape(f"ar: A fold 0: the fit failed ({said}); AR(0) with mean ")
    with pytest.warns(FitWarning, match=expected):
        forecast = ar(problem, fold)
    drift = BASELINES["drift"](problem, fold)
    np.testing.assert_allclose(forecast, drift, rtol=1e-12)


def test_two_thousand_symbols(make, frame, random_walk):
    """The baselines without a fit per symbol; seconds, where a loop over symbols would take minutes."""
    walks = random_walk(2_000 * 60).reshape(2_000, 60)
    dates = pd.date_range("2000-01-03", periods=60, freq="B")
    table = pd.DataFrame(
        {
            "symbol": np.repeat([f"S{n:05}" for n in range(2_000)], 60),
            "date": np.tile(dates, 2_000),
            "close": walks.ravel(),
        }
    )
    problem = make(table, horizon=2)
    fold = one_fold(problem)
    for name in ("naive", "drift", "ewma", "seasonal-naive"):
        assert BASELINES[name](problem, fold).shape == (len(fold.test), 2)
