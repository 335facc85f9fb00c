"""Where the cause of a leak is known: how far ahead it looks, and what the remedy names."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast.auditing import Finding

IN_FULL = [pytest.mark.slow, pytest.mark.full]
FIRST, TRAIN = 110, 100  # the first origin, and the rows of training


@pytest.fixture(scope="module")
def prices(walk: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    return walk("A", 260, 2).drop(columns="symbol").rename(columns=str.title)


def one_step(
    df: pd.DataFrame, forecast: np.ndarray | pd.Series, rows: np.ndarray | None = None
) -> pd.DataFrame:
    """forecast[i] is made at the close of row i for row i + 1."""
    made, day = np.asarray(forecast), df["Date"].to_numpy()
    rows = np.arange(FIRST, len(df) - 1) if rows is None else rows
    return pd.DataFrame({"origin": day[rows], "date": day[rows + 1], "forecast": made[rows]})


def later_rows(
    pipeline: Callable[[pd.DataFrame], pd.DataFrame], prices: pd.DataFrame, quick: bool = True
) -> Finding:
    findings = {finding.kind: finding for finding in gc.audit(pipeline, prices, quick=quick).faults}
    return findings["future-rows"]


# only forecasts near the change --------------------------------------------------------------------------


@pytest.mark.parametrize("bars", [2, 6, pytest.param(30, marks=IN_FULL)])
def test_a_reach_of_some_bars_is_found_exactly(bars, prices):
    finding = later_rows(lambda df: one_step(df, df["Close"].shift(-bars).ffill()), prices, quick=bars < 30)
    assert f"within {bars} bars before the first changed row" in finding.text
    assert f"the pipeline looks {bars} bars ahead of the origin" in finding.text
    assert "centred window" in finding.remedy and "scaler" not in finding.remedy


def week_labelled_with_its_start(df):
    weeks = df.set_index("Date")["Volume"].resample("W-SUN", label="left", closed="right").sum()
    known = weeks.reindex(pd.DatetimeIndex(df["Date"]), method="ffill").to_numpy()
    return one_step(df, df["Close"] + 1e-7 * np.nan_to_num(known))


def gaps_filled_backwards(df):
    return one_step(df, df["Close"] + 1e-6 * df["Volume"].where(df.index % 6 == 0).bfill().ffill())


def refitted_on_the_whole_block(df):
    close, made = df["Close"].to_numpy(), np.zeros(len(df))
    for start in range(0, len(df), 15):
        block = slice(start, start + 15)
        made[block] = close[block] * (1 + 0.1 * np.diff(np.log(close[: start + 15])).mean())
    return one_step(df, made)


@pytest.mark.parametrize(
    ("pipeline", "most"),
    [
        pytest.param(week_labelled_with_its_start, 5, marks=IN_FULL),
        (gaps_filled_backwards, 6),
        pytest.param(refitted_on_the_whole_block, 15, marks=IN_FULL),
    ],
)
def test_blocks_and_gaps_look_ahead_as_far_as_they_go_on(pipeline, most, prices):
    finding = later_rows(pipeline, prices)
    (reach,) = [bars for bars in range(1, 40) if f"looks up to {bars} bar" in finding.text]
    assert 1 <= reach <= most
    assert "labelled with its start, gaps filled backwards" in finding.remedy
    assert "scaler" not in finding.remedy


# all forecasts -------------------------------------------------------------------------------------------


def squashed(df, low, high):
    return one_step(df, low + (high - low) * np.tanh((df["Close"] - low) / (high - low)))


def extremes(df):
    return squashed(df, df["Close"].min(), df["Close"].max())


def mean_and_deviation(df):
    return squashed(df, df["Close"].mean(), df["Close"].mean() + df["Close"].std())


def momentum_on_all_rows(df):
    returns = df["Close"].pct_change()
    slope = returns.cov(returns.shift(1)) / returns.var()
    return one_step(df, df["Close"] * (1 + slope * returns))


def means_of_weekdays(df):
    returns = df["Close"].pct_change().fillna(0)
    by_day = returns.groupby(df["Date"].dt.day_of_week).transform("mean")
    return one_step(df, df["Close"] * (1 + by_day.shift(-1).fillna(0)))


def window_chosen_on_all_rows(df):
    jumps = df["Close"].diff().abs().max() > 30
    return one_step(df, df["Close"].rolling(2 if jumps else 5).mean())


def random_split(df):
    returns = df["Close"].pct_change().fillna(0).to_numpy()
    order = np.random.permutation(np.arange(5, len(df) - 1))  # noqa: NPY002
    test, train = np.sort(order[:70]), order[70:]
    slope = np.polyfit(returns[train], returns[train + 1], 1)
    return one_step(df, df["Close"].to_numpy() * (1 + np.polyval(slope, returns)), test)


@pytest.mark.parametrize(
    ("pipeline", "cause", "not_the_cause"),
    [
        (extremes, "the minimum and the maximum of a scaler", "random split"),
        pytest.param(
            mean_and_deviation, "the mean and the deviation of a scaler", "random split", marks=IN_FULL
        ),
        (momentum_on_all_rows, "Several causes fit, and the audit cannot tell them apart", "in this order"),
        (means_of_weekdays, "target encoding", "in this order"),
        (window_chosen_on_all_rows, "a choice made by looking at later rows", "shuffled split"),
        (random_split, "a random split", "target encoding"),
    ],
)
def test_what_is_fitted_on_all_rows_moves_all_forecasts(pipeline, cause, not_the_cause, prices):
    finding = later_rows(pipeline, prices, quick=pipeline is not mean_and_deviation)
    assert "all rows." in finding.text and "moved, the oldest of them made" in finding.text
    assert cause in finding.remedy
    assert not_the_cause not in finding.remedy


def test_the_count_of_forecasts_that_moved_is_true(prices):
    """Changed after the last cut, at 95 % of the origins: every forecast due by then moves."""
    finding = later_rows(extremes, prices)
    origins = np.arange(FIRST, 259)
    cut = origins[round(0.95 * (len(origins) - 1))]
    due = int((origins + 1 <= cut).sum())
    assert f"all {due} forecasts" in finding.text and finding.count == due
    assert f"made {cut + 1 - FIRST} bars before the first changed row" in finding.text


def test_rows_of_training_that_are_shown_without_saying_so(prices):
    def pipeline(df):
        close = df["Close"].to_numpy()
        slope = np.polyfit(close[:TRAIN], close[1 : TRAIN + 1], 1)
        return one_step(df, np.polyval(slope, close), np.arange(10, len(df) - 1))

    finding = later_rows(pipeline, prices)
    assert "later rows. Changes of the rows after" in finding.text and "all rows." not in finding.text
    assert "return trained_until" in finding.remedy


# the row of the date -------------------------------------------------------------------------------------


def test_the_open_is_known_at_the_open(prices):
    def pipeline(df):
        return one_step(df, df["Close"] + 0.5 * (df["Open"].shift(-1) - df["Close"]).fillna(0))

    (finding,) = gc.audit(pipeline, prices[["Date", "Open", "Close"]], quick=True).faults
    assert finding.kind == "same-day" and "(Open)" in finding.text
    assert "Open of that bar is known once it opens, but not at the close of the bar before" in finding.text
    assert "when it is over" not in finding.text


def test_when_a_column_of_another_name_is_known_is_left_open(prices):
    frame = prices.assign(Holiday=np.random.default_rng(0).integers(0, 9, len(prices)).astype(float))
    pipeline = lambda df: one_step(df, df["Close"] + 0.5 * df["Holiday"].shift(-1).fillna(0))  # noqa: E731
    (finding,) = gc.audit(pipeline, frame, quick=True).faults
    assert "(Holiday)" in finding.text and "When Holiday becomes known the audit cannot tell" in finding.text
    assert "when it is over" not in finding.text


def nearest_of_training(df):
    """Forecasts of all rows, half of which are their own nearest row of training: as after a random split."""
    returns = df["Close"].pct_change().fillna(0).to_numpy()
    rows = np.arange(5, len(df) - 1)
    train = rows[rows % 2 == 0]
    nearest = train[np.abs(returns[rows][:, None] - returns[train]).argmin(axis=1)]
    made = df["Close"].to_numpy().copy()
    made[rows] *= 1 + returns[nearest + 1]
    return one_step(df, made, rows)


def test_a_row_that_is_trained_on_is_not_taken_for_a_column_of_that_day(prices):
    report = gc.audit(nearest_of_training, prices, quick=True)
    assert "same-day" not in {finding.kind for finding in report.faults}
    (answer,) = [finding for finding in report.faults if finding.kind == "answer"]
    assert "trained on" in answer.remedy
