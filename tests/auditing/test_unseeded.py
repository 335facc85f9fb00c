"""Pipelines of scikit-learn models without a seed: every leak is found, and nothing else is said of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import gatecast as gc

pytest.importorskip("sklearn", reason="scikit-learn is part of .[dev]")
from sklearn.ensemble import (
    BaggingRegressor,
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.linear_model import SGDRegressor
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

QUICK_AND_FULL = [True, pytest.param(False, marks=[pytest.mark.slow, pytest.mark.full])]
LAGS = 5
SPLIT = 140  # rows up to here are trained on


@pytest.fixture(scope="module")
def prices(walk: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    return walk("A", 240, 4).drop(columns="symbol").rename(columns=str.title)


def lagged(values: Any) -> np.ndarray:
    """(n, LAGS) the value of each row and those before it; NaN where there is none."""
    return np.column_stack([pd.Series(values).shift(lag) for lag in range(LAGS)])


def answer(df: pd.DataFrame, origins: np.ndarray, forecast: np.ndarray) -> pd.DataFrame:
    """One step ahead of each origin, a row number."""
    day = df["Date"].to_numpy()
    return pd.DataFrame({"origin": day[origins], "date": day[origins + 1], "forecast": forecast})


def returns_of_tomorrow(df: pd.DataFrame, x: np.ndarray, model: Any) -> pd.DataFrame:
    """A model of the next return in percent, trained on the rows before SPLIT."""
    close = df["Close"].to_numpy()
    y = 100 * np.diff(np.log(close))
    train, test = np.arange(LAGS, SPLIT - 1), np.arange(SPLIT, len(df) - 1)
    model.fit(x[train], y[train])
    return answer(df, test, close[test] * np.exp(model.predict(x[test]) / 100))


def returns(df: pd.DataFrame) -> np.ndarray:
    return 100 * np.log(df["Close"]).diff().fillna(0).to_numpy()


def network() -> MLPRegressor:
    return MLPRegressor(hidden_layer_sizes=(8,), max_iter=15)


# five that leak ------------------------------------------------------------------------------------------


def network_on_prices_scaled_by_all_rows(df):
    scaler = MinMaxScaler().fit(df[["Close"]])
    scaled = scaler.transform(df[["Close"]])[:, 0]
    x, train, test = lagged(scaled), np.arange(LAGS, SPLIT - 1), np.arange(SPLIT, len(df) - 1)
    model = network().fit(x[train], scaled[train + 1])
    return answer(df, test, scaler.inverse_transform(model.predict(x[test])[:, None])[:, 0])


def forest_of_a_random_split(df):
    x, close = lagged(returns(df)), df["Close"].to_numpy()
    rows = np.arange(LAGS, len(df) - 1)
    train, test = train_test_split(rows, test_size=0.3, random_state=1)
    model = RandomForestRegressor(8).fit(x[train], returns(df)[train + 1])
    test = np.sort(test)
    return answer(df, test, close[test] * np.exp(model.predict(x[test]) / 100))


def trees_with_the_high_of_the_day(df):
    high = np.log(df["High"].shift(-1) / df["Close"]).fillna(0)
    x = np.column_stack([lagged(returns(df)), 100 * high])
    return returns_of_tomorrow(df, x, ExtraTreesRegressor(8))


def boosting_on_features_selected_on_all_rows(df):
    many = np.column_stack([lagged(returns(df)), *(returns(df) * np.roll(returns(df), k) for k in range(40))])
    rows = np.arange(LAGS, len(df) - 1)
    best = SelectKBest(f_regression, k=4).fit(many[rows], returns(df)[rows + 1])
    model = GradientBoostingRegressor(n_estimators=15, subsample=0.5)
    return returns_of_tomorrow(df, np.nan_to_num(many)[:, best.get_support()], model)


def bagging_on_centred_means(df):
    smooth = np.log(df["Close"]).rolling(7, center=True, min_periods=1).mean()
    return returns_of_tomorrow(
        df, lagged(100 * (smooth - np.log(df["Close"]))), BaggingRegressor(n_estimators=6)
    )


LEAKY = {
    network_on_prices_scaled_by_all_rows: {"future-rows"},
    forest_of_a_random_split: {"future-rows"},
    trees_with_the_high_of_the_day: {"same-day"},
    boosting_on_features_selected_on_all_rows: {"future-rows"},
    bagging_on_centred_means: {"future-rows", "answer"},
}


# five that do not ----------------------------------------------------------------------------------------


def scaled_network(df):
    return returns_of_tomorrow(df, lagged(returns(df)), make_pipeline(StandardScaler(), network()))


def refitted_forest(df):
    x, y, close = lagged(returns(df)), returns(df), df["Close"].to_numpy()
    parts = []
    for start in range(SPLIT, len(df) - 1, 25):
        train, test = np.arange(LAGS, start), np.arange(start, min(start + 25, len(df) - 1))
        model = RandomForestRegressor(3).fit(x[train], y[train + 1])
        parts.append(answer(df, test, close[test] * np.exp(model.predict(x[test]) / 100)))
    return pd.concat(parts)


def trees_of_three_steps(df):
    x, close, day = lagged(returns(df)), df["Close"].to_numpy(), df["Date"].to_numpy()
    parts = []
    for step in (1, 2, 3):
        train, test = np.arange(LAGS, SPLIT - step), np.arange(SPLIT, len(df) - step)
        model = ExtraTreesRegressor(3).fit(x[train], np.log(close[train + step] / close[train]))
        forecast = close[test] * np.exp(model.predict(x[test]))
        parts.append(pd.DataFrame({"origin": day[test], "date": day[test + step], "forecast": forecast}))
    return pd.concat(parts)


def stochastic_gradient_descent(df):
    return returns_of_tomorrow(df, lagged(returns(df)), make_pipeline(StandardScaler(), SGDRegressor()))


def ensemble_of_networks_refitted_until_they_converge(df):
    """The next member draws other numbers where later rows let one before it stop earlier."""
    x, y, close = lagged(returns(df)), returns(df), df["Close"].to_numpy()
    test = np.arange(SPLIT, len(df) - 1)
    members = []
    for _ in range(2):
        member = []
        for start in (SPLIT, SPLIT + 50):
            rows = np.arange(start, min(start + 50, len(df) - 1))
            model = MLPRegressor(hidden_layer_sizes=(4,), max_iter=40, n_iter_no_change=2, tol=0.02)
            model.fit(x[LAGS : start - 1], y[LAGS + 1 : start])
            member.append(close[rows] * np.exp(model.predict(x[rows]) / 100))
        members.append(np.concatenate(member))
    return answer(df, test, np.mean(members, axis=0))


CLEAN = [
    scaled_network,
    refitted_forest,
    trees_of_three_steps,
    stochastic_gradient_descent,
    ensemble_of_networks_refitted_until_they_converge,
]


def some(pipelines: Iterable[Any], *names: Any) -> list[Any]:
    """The pipelines; those that are not named run in full only."""
    later = [pytest.mark.slow, pytest.mark.full]
    return [pytest.param(one, marks=() if one in names else later) for one in pipelines]


@pytest.mark.parametrize("quick", QUICK_AND_FULL)
@pytest.mark.parametrize(
    "pipeline", some(LEAKY, network_on_prices_scaled_by_all_rows, forest_of_a_random_split)
)
def test_every_leak_is_found(pipeline, quick, prices):
    report = gc.audit(pipeline, prices, quick=quick)
    assert {finding.kind for finding in report.faults} == LEAKY[pipeline], report


@pytest.mark.parametrize("quick", QUICK_AND_FULL)
@pytest.mark.parametrize("pipeline", some(CLEAN, trees_of_three_steps, stochastic_gradient_descent))
def test_nothing_is_found_where_nothing_leaks(pipeline, quick, prices):
    report = gc.audit(pipeline, prices, quick=quick)
    assert not report.faults and not report.failed, report
