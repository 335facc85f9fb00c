"""Pipelines that know nothing too early: the audit must leave them in peace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import gatecast as gc

pytestmark = pytest.mark.usefixtures("chance_of_its_own")

FIRST = 120


@pytest.fixture(scope="module")
def prices(walk: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    return walk("A", 300, 3).drop(columns="symbol").rename(columns=str.title)


def one_step(df: pd.DataFrame, forecast: Any) -> pd.DataFrame:
    """forecast[i] is made at the close of row i for row i + 1."""
    made, day = np.asarray(forecast), df["Date"].to_numpy()
    rows = np.arange(FIRST, len(df) - 1)
    return pd.DataFrame({"origin": day[rows], "date": day[rows + 1], "forecast": made[rows]})


def naive(df):
    return one_step(df, df["Close"])


def drift(df):
    close = df["Close"]
    return one_step(df, close + (close - close.iloc[0]) / np.arange(1, len(df) + 1))


def seasonal_naive(df):
    return one_step(df, df["Close"].shift(4))


def rolling_scaler(df):
    window = df["Close"].rolling(20)
    scaled = (df["Close"] - window.min()) / (window.max() - window.min())
    return one_step(df, window.min() + (window.max() - window.min()) * np.sqrt(scaled))


def expanding_mean(df):
    return one_step(df, df["Close"].expanding().mean())


def exponential_average(df):
    return one_step(df, df["Close"].ewm(alpha=0.3, adjust=False).mean())


def walk_forward_regression(df):
    close = df["Close"].to_numpy()
    x = np.column_stack([np.ones(len(df)), close, np.roll(close, 1)])
    forecast = np.full(len(df), np.nan)
    for i in range(FIRST, len(df)):
        weights = np.linalg.lstsq(x[1:i], close[2 : i + 1])[0]
        forecast[i] = x[i] @ weights
    return one_step(df, forecast)


def scaler_of_all_rows_under_least_squares(df):
    columns = df[["Open", "High", "Low", "Close", "Volume"]]
    x = ((columns - columns.mean()) / columns.std()).to_numpy()
    x = np.column_stack([np.ones(len(df)), x])
    low, high = df["Close"].min(), df["Close"].max()
    y = ((df["Close"] - low) / (high - low)).to_numpy()
    weights = np.linalg.lstsq(x[: FIRST - 1], y[1:FIRST])[0]
    return {
        "forecasts": one_step(df, low + (high - low) * (x @ weights)),
        "trained_until": df["Date"].iloc[FIRST - 1],
    }


def garch_mean(df):
    """Fitted by random search with a fixed seed: mean return, weighted by the variance of each day."""
    returns = df["Close"].pct_change().to_numpy()[1:]
    known = returns[: FIRST - 1]
    rng = np.random.default_rng(7)
    best, mean = np.inf, 0.0
    for alpha, beta in rng.uniform([0.01, 0.5], [0.2, 0.79], size=(20, 2)):
        variance = np.full(len(known), known.var())
        for t in range(1, len(known)):
            variance[t] = (
                known.var() * (1 - alpha - beta) + alpha * known[t - 1] ** 2 + beta * variance[t - 1]
            )
        loss = np.mean(np.log(variance) + known**2 / variance)
        if loss < best:
            best, mean = loss, np.average(known, weights=1 / variance)
    return one_step(df, df["Close"] * (1 + mean))


def network_trained_before_the_test(df):
    x = df["Close"].pct_change().fillna(0).to_numpy()
    rng = np.random.default_rng(0)
    hidden = np.tanh(50 * np.column_stack([x, np.roll(x, 1)]) @ rng.normal(size=(2, 16)))
    weights = np.linalg.lstsq(hidden[1 : FIRST - 1], x[2:FIRST])[0]
    return {
        "forecasts": one_step(df, df["Close"] * (1 + 0.3 * hidden @ weights)),
        "trained_until": str(df["Date"].iloc[FIRST - 1].date()),
    }


def five_steps(df):
    close, day = df["Close"].to_numpy(), df["Date"]
    trend = pd.Series(close).diff().rolling(10).mean().to_numpy()
    return pd.DataFrame(
        [
            (day[i], day[i + k], close[i] + k * trend[i])
            for i in range(FIRST, len(df) - 5)
            for k in range(1, 6)
        ],
        columns=["origin", "date", "forecast"],
    )


def five_steps_once_a_week(df):
    answer = five_steps(df)
    rows = answer["origin"].map({day: i for i, day in enumerate(df["Date"])})
    return answer[rows % 5 == 0]


def seasonal_naive_of_five_steps(df):
    close, day = df["Close"].to_numpy(), df["Date"]
    return pd.DataFrame(
        [(day[i], day[i + k], close[i + k - 5]) for i in range(FIRST, len(df) - 5) for k in range(1, 6)],
        columns=["origin", "date", "forecast"],
    )


def tomorrow_only(df):
    last = df["Date"].iloc[-1]
    return pd.DataFrame(
        {"origin": [last], "date": [last + pd.offsets.BDay()], "forecast": [df["Close"].tail(5).mean()]}
    )


def refitted_every_month(df):
    close, forecast = df["Close"].to_numpy(), np.full(len(df), np.nan)
    for start in range(FIRST, len(df), 20):
        slope, constant = np.polyfit(close[: start - 1], close[1:start], 1)
        forecast[start : start + 20] = slope * close[start : start + 20] + constant
    return {"forecasts": one_step(df, forecast), "trained_until": df["Date"].iloc[FIRST - 1]}


def only_after_busy_days(df):
    answer = one_step(df, df["Close"].rolling(3).mean())
    busy = df["Volume"] > df["Volume"].rolling(20).median()
    return answer[answer["origin"].isin(df["Date"][busy])]


def random_walk_with_own_draws(df):
    return one_step(df, df["Close"] * (1 + np.random.default_rng().normal(0, 0.01, len(df))))


CLEAN = [
    naive,
    drift,
    seasonal_naive,
    rolling_scaler,
    expanding_mean,
    exponential_average,
    walk_forward_regression,
    scaler_of_all_rows_under_least_squares,
    garch_mean,
    network_trained_before_the_test,
    five_steps,
    five_steps_once_a_week,
    seasonal_naive_of_five_steps,
    tomorrow_only,
    refitted_every_month,
    only_after_busy_days,
    random_walk_with_own_draws,
]
NOTES = {"chance", "repeats-yesterday", "stale-input"}


FULL = {walk_forward_regression, random_walk_with_own_draws}  # refitted at each origin; with chance
NIGHTLY = {naive, network_trained_before_the_test, five_steps_once_a_week}  # in a quick audit at any time


@pytest.fixture(scope="module")
def other_prices(walk: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    return walk("B", 260, 11).drop(columns="symbol").rename(columns=str.title)


def marks(pipeline):
    if pipeline in FULL:
        return []
    return [pytest.mark.slow, pytest.mark.full] if pipeline in NIGHTLY else [pytest.mark.slow]


@pytest.mark.parametrize("pipeline", [pytest.param(one, marks=marks(one)) for one in CLEAN])
def test_a_clean_pipeline_has_no_fault(pipeline, prices):
    report = gc.audit(pipeline, prices)
    assert report.clean, report
    assert {finding.kind for finding in report.findings} <= NOTES


@pytest.mark.parametrize(
    "pipeline",
    [
        pytest.param(one, marks=[] if one in NIGHTLY else [pytest.mark.slow, pytest.mark.full])
        for one in CLEAN
    ],
)
def test_nor_in_a_quick_audit_of_other_prices(pipeline, other_prices):
    report = gc.audit(pipeline, other_prices, quick=True, seed=5)
    assert report.clean, report
    assert {finding.kind for finding in report.findings} <= NOTES


@pytest.fixture(scope="module")
def three(walk) -> pd.DataFrame:
    return pd.concat([walk("A", 220, 0), walk("B", 200, 1, start="2015-02-02"), walk("C", 220, 2)])


def average(df):
    parts = []
    for symbol, own in df.groupby("symbol"):
        made = own["close"].ewm(alpha=0.5).mean().to_numpy()[60:-1]
        day = own["date"].to_numpy()
        parts.append(
            pd.DataFrame({"symbol": symbol, "origin": day[60:-1], "date": day[61:], "forecast": made})
        )
    return pd.concat(parts)


@pytest.mark.slow
@pytest.mark.full
def test_several_symbols_in_a_full_audit(three):
    assert gc.audit(average, three).clean


def test_several_symbols(three):
    prices = gc.Prices.from_frame(three, calendar="daily")
    assert gc.audit(lambda df: average(df.rename(columns={"session": "date"})), prices, quick=True).clean

    def with_others_of_the_day(df):
        answer = average(df)
        market = df.groupby("date")["close"].mean()
        return answer.assign(forecast=answer["forecast"] + 0.1 * answer["date"].map(market))

    kinds = {finding.kind for finding in gc.audit(with_others_of_the_day, three, quick=True).faults}
    assert kinds == {"answer"}


def test_a_table_without_dates():
    rng = np.random.default_rng(0)
    house = pd.DataFrame(
        {"rooms": rng.uniform(1, 9, 400), "longitude": np.sort(rng.uniform(-124, -114, 400))}
    )
    house["value"] = 1e4 * house["rooms"] + 1e3 * rng.normal(size=400)

    def mean_so_far(df):
        made = df["value"].expanding().mean().to_numpy()
        rows = np.arange(50, len(df))
        return pd.DataFrame({"origin": rows - 1, "date": rows, "forecast": made[rows - 1]})

    def regression(df):
        answer = mean_so_far(df)
        slope, constant = np.polyfit(df["rooms"][:50], df["value"][:50], 1)
        return answer.assign(forecast=slope * df["rooms"].to_numpy()[50:] + constant)

    assert gc.audit(mean_so_far, house, column="value", quick=True).clean
    (finding,) = gc.audit(regression, house, column="value", quick=True).findings
    assert finding.kind == "same-day" and "(rooms)" in finding.text and finding.first.startswith("row ")


def test_mean_reverting_prices_may_have_a_small_slope():
    rng = np.random.default_rng(0)
    close = [100.0]
    for shock in rng.normal(0, 1, 399):
        close.append(100 + 0.3 * (close[-1] - 100) + shock)
    frame = pd.DataFrame({"Date": pd.bdate_range("2015-01-01", periods=400), "Close": close})
    assert gc.audit(lambda df: one_step(df, 100 + 0.3 * (df["Close"] - 100)), frame, quick=True).clean
