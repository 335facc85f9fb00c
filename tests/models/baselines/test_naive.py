import numpy as np
import pandas as pd
import pytest

from gatecast.problem.folds import Fold, cut_folds, future_fold

from ...baselines import BASELINES  # isort: skip

drift = BASELINES["drift"]
last_close = BASELINES["last-close"]
naive = BASELINES["naive"]
seasonal_naive = BASELINES["seasonal-naive"]


TARGETS = pytest.mark.parametrize("target", ["return", "close"])


@TARGETS
@pytest.mark.parametrize("horizon", [1, 5, 12])
@pytest.mark.parametrize("name", [name for name in BASELINES if name != "ar"])
def test_one_price_per_test_origin_and_step(make, ragged, name, horizon, target):
    """Also where the horizon is longer than the lookback."""
    problem = make(ragged(), horizon=horizon, target=target)
    for fold in cut_folds(problem, folds=2):
        forecast = BASELINES[name](problem, fold)
        assert forecast.shape == (len(fold.test), horizon)
        assert forecast.dtype == np.float64
        assert (np.isfinite(forecast) & (forecast > 0)).all()


@TARGETS
@pytest.mark.parametrize("column", ["close", "open"])
def test_naive_is_the_anchor_exactly(make, ragged, target, column):
    frame = ragged()
    problem = make(frame, horizon=3, target=target, column=column)
    (fold,) = cut_folds(problem, folds=1)
    by_hand = np.array([[frame[column][row]] * 3 for row in fold.test])
    np.testing.assert_array_equal(naive(problem, fold), by_hand)


def test_the_last_close_is_the_close_whatever_the_column(make, ragged):
    frame = ragged()
    problem = make(frame, horizon=3, column="open")
    (fold,) = cut_folds(problem, folds=1)
    by_hand = np.array([[frame["close"][row]] * 3 for row in fold.test])
    np.testing.assert_allclose(last_close(problem, fold), by_hand, rtol=1e-15)
    assert (naive(problem, fold) != by_hand).any()


@TARGETS
@pytest.mark.parametrize("window", ["expanding", "sliding"])
def test_drift_by_hand(make, ragged, window, target):
    frame = ragged()
    problem = make(frame, horizon=4, lookback=5, target=target)
    for fold in cut_folds(problem, folds=3, test_size=0.4, window=window):
        forecast = drift(problem, fold)
        returns = frame.groupby("symbol")["close"].transform(lambda close: np.log(close).diff())
        for symbol in range(3):
            known = fold.train_validation[problem.symbol[fold.train_validation] == symbol]
            seen = returns.loc[known[0] - 4 : known[-1] + 4]  # both ends are in
            mean = seen.mean()  # without the first row's NaN
            for n in np.flatnonzero(problem.symbol[fold.test] == symbol):
                by_hand = frame["close"][fold.test[n]] * np.exp(mean * np.array([1, 2, 3, 4]))
                np.testing.assert_allclose(forecast[n], by_hand, rtol=1e-12)


def test_drift_continues_a_constant_growth(make, frame):
    problem = make(frame({"A": 100 * 1.001 ** np.arange(200)}), horizon=3)
    (fold,) = cut_folds(problem, folds=1)
    np.testing.assert_allclose(drift(problem, fold), problem.actual(fold.test), rtol=1e-12)


@pytest.mark.parametrize(
    ("freq", "start", "season"),
    [
        ("B", "2000-01-03", 5),
        ("D", "2000-01-03", 7),
        ("C", "2000-01-02", 5),
    ],
    ids=["exchange", "every day", "Sunday to Thursday"],
)
def test_seasonal_naive_by_hand(make, frame, random_walk, freq, start, season):
    week = pd.offsets.CustomBusinessDay(weekmask="Sun Mon Tue Wed Thu") if freq == "C" else freq
    table = frame({"A": random_walk(), "B": random_walk(seed=1)}, freq=week, start=start)
    problem = make(table, horizon=2 * season + 1)
    (fold,) = cut_folds(problem, folds=1)
    forecast = seasonal_naive(problem, fold)
    for n, origin in enumerate(fold.test):
        last_season = table["close"].to_numpy()[origin - season + 1 : origin + 1]
        np.testing.assert_allclose(forecast[n], np.resize(last_season, 2 * season + 1), rtol=1e-15)


def test_seasonal_naive_repeats_a_season(make, frame):
    problem = make(frame({"A": 100 + np.arange(210) % 5}), horizon=7)
    (fold,) = cut_folds(problem, folds=1)
    np.testing.assert_allclose(seasonal_naive(problem, fold), problem.actual(fold.test), rtol=1e-15)


def test_each_symbol_has_its_own_season(make, frame, random_walk):
    coin = frame({"COIN": random_walk(420)}, freq="D")
    stock = frame({"STOCK": random_walk(300, seed=1)})
    problem = make(pd.concat([coin, stock], ignore_index=True))
    (fold,) = cut_folds(problem, folds=1)
    season = np.where(problem.symbol[fold.test] == 0, 7, 5)
    np.testing.assert_allclose(
        seasonal_naive(problem, fold)[:, 0], problem.anchor[fold.test + 1 - season], rtol=1e-15
    )


def test_the_future_is_forecast_the_same_way(make, ragged):
    problem = make(ragged(), horizon=3)
    fold = future_fold(problem)
    for name in ("naive", "drift", "ewma", "ar", "seasonal-naive"):
        forecast = BASELINES[name](problem, fold)
        assert forecast.shape == (3, 3)
        np.testing.assert_allclose(
            forecast, np.repeat(problem.anchor[problem.last[fold.test], None], 3, 1), rtol=0.1
        )


def test_a_fold_without_validation_will_do(make, frame, random_walk):
    problem = make(frame({"A": random_walk(100)}))
    fold = Fold(0, np.arange(5, 60), np.array([], dtype=np.int64), np.arange(70, 90))
    mean = np.log(problem.anchor[60] / problem.anchor[0]) / 60
    np.testing.assert_allclose(drift(problem, fold)[:, 0], problem.anchor[70:90] * np.exp(mean), rtol=1e-12)
