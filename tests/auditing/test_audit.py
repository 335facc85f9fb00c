"""Every kind of finding, in pipelines as a stranger would bring them: no more and no less than is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import gatecast as gc

from ..conftest import FULL  # isort: skip

pytestmark = pytest.mark.usefixtures("chance_of_its_own")

FIRST = 100  # the first row that is forecast
CUT = 200  # rows of training, where there is one
QUICK_AND_FULL = [True, pytest.param(False, marks=pytest.mark.slow)]
IN_FULL = [pytest.mark.slow, pytest.mark.full]


@pytest.fixture(scope="module")
def prices(walk: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    frame = walk("A", 300, 0).drop(columns="symbol").set_index("date").rename(columns=str.title)
    return frame.rename_axis("Date")


def found(pipeline: Any, prices: Any, quick: bool | None = None) -> dict[str, Any]:
    """Kind → finding of the faults; every rerun must have ended well.

    Quick, but for those of THOROUGH, and of NIGHTLY where the tests run in full.
    """
    if quick is None:
        quick = pipeline not in (THOROUGH | NIGHTLY if FULL else THOROUGH)
    report = gc.audit(pipeline, prices, quick=quick)
    assert not report.failed, report.failed
    assert len(report.tried) <= (12 if quick else 35)
    return {finding.kind: finding for finding in report.findings if finding.severity == "fault"}


def table(df: pd.DataFrame, forecast: Any, first: int = FIRST, steps: int = 1, **more: Any) -> pd.DataFrame:
    """The forecast made `steps` rows before each row, for every row from `first` on."""
    rows = np.arange(first, len(df))
    columns = {name: np.asarray(values)[rows] for name, values in more.items()}
    return pd.DataFrame(
        {"origin": df.index[rows - steps], "date": df.index[rows], "forecast": np.asarray(forecast)[rows]}
        | columns
    )


def several(df: pd.DataFrame, forecast: Callable[[np.ndarray, int, int], float], h: int = 5) -> pd.DataFrame:
    """forecast(close, origin, step) for every origin and step."""
    close = df["Close"].to_numpy()
    return pd.DataFrame(
        [
            (df.index[i], df.index[i + k], forecast(close, i, k))
            for i in range(FIRST, len(df) - h)
            for k in range(1, h + 1)
        ],
        columns=["origin", "date", "forecast"],
    )


# future-rows ---------------------------------------------------------------------------------------------


def squashed_by_extremes_of_all_rows(df):
    low, high = df["Close"].min(), df["Close"].max()
    scaled = ((df["Close"] - low) / (high - low)).shift(1)
    return table(df, low + (high - low) * np.tanh(scaled))


def regression_on_all_rows(df):
    returns = df["Close"].pct_change()
    slope = returns.cov(returns.shift(1)) / returns.var()
    return table(df, df["Close"].shift(1) * (1 + slope * returns.shift(1)))


def filled_backwards(df):
    rare = df["Volume"].where(df["Volume"].rank() % 7 == 0).bfill().ffill()
    return table(df, df["Close"].shift(1) + 1e-7 * rare.shift(1))


def order_of_all_rows(df):
    trend = np.corrcoef(np.arange(len(df)), df["Close"].rank())[0, 1]
    return table(df, df["Close"].shift(1) + trend * df["Close"].diff().shift(1))


def scaler_of_daily_ranges(df):
    ratio = df["High"] / df["Low"]
    return table(df, df["Close"].shift(1) * (1 + 0.01 * np.tanh(ratio / ratio.max()).shift(1)))


@pytest.mark.parametrize(
    "pipeline",
    [
        pytest.param(squashed_by_extremes_of_all_rows, marks=IN_FULL),
        regression_on_all_rows,
        pytest.param(filled_backwards, marks=IN_FULL),
        pytest.param(order_of_all_rows, marks=IN_FULL),
        pytest.param(scaler_of_daily_ranges, marks=IN_FULL),
    ],
)
def test_what_is_fitted_on_all_rows_is_found(pipeline, prices):
    faults = found(pipeline, prices)
    assert set(faults) == {"future-rows"}
    assert faults["future-rows"].first == "2015-05-21"  # the first forecast
    assert faults["future-rows"].count > 150


def test_a_filter_that_looks_two_days_past_the_date_is_both(prices):
    faults = found(lambda df: table(df, df["Close"].rolling(7, center=True).mean().shift(1).ffill()), prices)
    assert set(faults) == {"future-rows", "answer"}


# same-day, answer, between -------------------------------------------------------------------------------


def middle_of_the_day(df):
    return table(df, (df["High"] + df["Low"]) / 2)


def volume_of_the_day(df):
    return table(df, df["Close"].shift(1) * (1 + 0.01 * np.log(df["Volume"] / df["Volume"].shift(1))))


@pytest.mark.parametrize(
    ("pipeline", "columns"),
    [(middle_of_the_day, "High, Low"), pytest.param(volume_of_the_day, "Volume", marks=IN_FULL)],
)
def test_columns_of_the_same_day_are_named(pipeline, columns, prices):
    faults = found(pipeline, prices)
    assert set(faults) == {"same-day"}
    assert f"of that date ({columns})" in faults["same-day"].text


def test_a_quick_audit_names_columns_that_it_could_not_part(prices):
    wide = prices.assign(**{f"Extra {i}": prices["Volume"] * (i + 1) for i in range(10)})
    text = found(middle_of_the_day, wide, quick=True)["same-day"].text
    assert "one or more of" in text and "High" in text


def rolling_mean_with_its_own_day(df):
    return table(df, df["Close"].rolling(5).mean())


def momentum_with_its_own_day(df):
    return table(df, df["Close"].shift(1) * (1 + 0.1 * df["Close"].pct_change()))


def rolling_scaler_with_its_own_day(df):
    mean, deviation = df["Close"].rolling(20).mean(), df["Close"].rolling(20).std()
    scaled = (df["Close"].shift(1) - mean) / deviation
    return table(df, mean + deviation * np.tanh(scaled))


@pytest.mark.parametrize(
    "pipeline",
    [
        rolling_mean_with_its_own_day,
        pytest.param(momentum_with_its_own_day, marks=IN_FULL),
        pytest.param(rolling_scaler_with_its_own_day, marks=IN_FULL),
    ],
)
@pytest.mark.parametrize("quick", QUICK_AND_FULL)
def test_the_answer_among_the_inputs_is_found(pipeline, quick, prices):
    assert set(found(pipeline, prices, quick=quick)) == {"answer"}


def steps_from_actual_prices(df):
    return several(df, lambda close, i, k: close[i + k - 1])


def mean_on_the_way(df):
    return several(df, lambda close, i, k: close[i - 3 : i + k].mean())


@pytest.mark.parametrize("pipeline", [steps_from_actual_prices, pytest.param(mean_on_the_way, marks=IN_FULL)])
def test_prices_on_the_way_are_found(pipeline, prices):
    assert set(found(pipeline, prices)) == {"between"}


# stale-input ---------------------------------------------------------------------------------------------


def one_shift_too_many(df):
    return table(df, df["Close"].shift(2))


def moving_average_of_last_week(df):
    return table(df, df["Close"].rolling(5).mean().shift(4))


@pytest.mark.parametrize(
    ("pipeline", "sessions"),
    [(one_shift_too_many, 1), pytest.param(moving_average_of_last_week, 3, marks=IN_FULL)],
)
def test_an_old_input_is_found(pipeline, sessions, prices):
    faults = found(pipeline, prices)
    assert set(faults) == {"stale-input"}
    assert faults["stale-input"].size == sessions


def test_steps_read_from_earlier_states_are_found(prices):
    smooth = lambda df: df["Close"].ewm(alpha=0.5).mean().to_numpy()  # noqa: E731

    def pipeline(df):
        states = smooth(df)
        return several(df, lambda _, i, k: states[i - (5 - k)])

    finding = found(pipeline, prices)["stale-input"]
    assert "steps 1, 2, 3, 4)" in finding.text
    assert finding.size == 4


# shift ---------------------------------------------------------------------------------------------------


def truth_of_the_next_day(df):
    smooth = df["Close"].rolling(3).mean().shift(1)
    return table(df, smooth, y=df["Close"].shift(-1))


def scaled_truth_two_days_late(df):
    low, high = df["Close"].min(), df["Close"].max()
    smooth = df["Close"].ewm(alpha=0.3).mean().shift(1)
    return table(df, smooth, y=(df["Close"].shift(-2) - low) / (high - low))


@pytest.mark.parametrize(
    ("pipeline", "later"),
    [pytest.param(truth_of_the_next_day, 1, marks=IN_FULL), (scaled_truth_two_days_late, 2)],
)
def test_a_truth_of_another_day_is_found(pipeline, later, prices):
    faults = found(pipeline, prices)
    assert set(faults) == {"shift"}
    assert faults["shift"].size == later


def test_a_forecast_that_fits_a_later_day_is_found(prices):
    noise = np.random.default_rng(1).normal(0, 0.3, 300)
    faults = found(lambda df: table(df, df["Close"].shift(-2).ffill() + noise), prices)
    assert set(faults) == {"future-rows", "shift"}
    assert faults["shift"].size == 2


def test_a_truth_of_no_day_is_found(prices):
    noise = np.random.default_rng(1).normal(100, 10, 300)
    faults = found(lambda df: table(df, df["Close"].shift(1), y=noise), prices)
    assert "nor on any within 10 sessions" in faults["shift"].text


# scale ---------------------------------------------------------------------------------------------------


def left_between_0_and_1(df):
    train = df["Close"].iloc[:FIRST]
    return table(df, ((df["Close"] - train.min()) / (train.max() - train.min())).shift(1))


def returns_instead_of_prices(df):
    return table(df, df["Close"].pct_change().rolling(5).mean().shift(1))


def turned_back_with_the_range_of_the_day(df):
    train = df["Close"].iloc[:FIRST]
    scaled = (df["Close"] - train.min()) / (train.max() - train.min())
    return table(df, train.min() + (df["High"] - df["Low"]).iloc[:FIRST].max() * scaled.shift(1))


@pytest.mark.parametrize(
    "pipeline",
    [
        pytest.param(left_between_0_and_1, marks=IN_FULL),
        pytest.param(returns_instead_of_prices, marks=IN_FULL),
        turned_back_with_the_range_of_the_day,
    ],
)
def test_a_wrong_scale_is_found(pipeline, prices):
    assert set(found(pipeline, prices)) == {"scale"}


def test_a_truth_in_other_units_is_found(prices):
    faults = found(lambda df: table(df, df["Close"].shift(1), y=df["Close"] / 1000), prices)
    assert set(faults) == {"scale"}
    assert faults["scale"].size == pytest.approx(1e-3)


# training-rows -------------------------------------------------------------------------------------------


def regression_drawn_over_its_own_training(df):
    x, y = df["Close"].shift(1).iloc[1:CUT], df["Close"].iloc[1:CUT]
    slope, constant = np.polyfit(x, y, 1)
    return {
        "forecasts": table(df, slope * df["Close"].shift(1) + constant),
        "trained_until": df.index[CUT - 1],
    }


def network_drawn_over_its_own_training(df):
    change = df["Close"].pct_change().fillna(0).to_numpy()
    weights = np.random.default_rng(0).normal(size=(2, 8))
    hidden = np.tanh(50 * np.column_stack([np.roll(change, 1), np.roll(change, 2)]) @ weights)
    output = np.linalg.lstsq(hidden[3:CUT], change[3:CUT])[0]
    forecasts = table(df, df["Close"].shift(1) * (1 + hidden @ output))
    return {"forecasts": forecasts, "trained_until": str(df.index[CUT - 1].date())}


def nearest_day_of_training(df):
    change = df["Close"].pct_change().to_numpy()
    nearest = np.abs(change[:, None] - change[None, 1 : CUT - 1]).argmin(axis=1) + 1
    forecast = df["Close"].to_numpy() * (1 + change[nearest + 1])
    return {"forecasts": table(df, np.roll(forecast, 1)), "trained_until": df.index[CUT - 1]}


@pytest.mark.slow
@pytest.mark.full
def test_a_day_of_training_that_is_its_own_nearest_knows_its_answer_and_only_that(prices):
    assert set(found(nearest_day_of_training, prices)) == {"answer"}


@pytest.mark.parametrize(
    "pipeline",
    [
        regression_drawn_over_its_own_training,
        pytest.param(network_drawn_over_its_own_training, marks=IN_FULL),
    ],
)
@pytest.mark.parametrize("quick", QUICK_AND_FULL)
def test_forecasts_of_training_rows_are_found(pipeline, quick, prices):
    faults = found(pipeline, prices, quick=quick)
    assert set(faults) == {"training-rows"}
    assert faults["training-rows"].first < "2015-06"


@pytest.mark.slow
@pytest.mark.full
def test_a_row_of_training_that_moves_the_whole_line_is_not_its_own_answer(walk):
    trending = walk("A", 300, 20).drop(columns="symbol").rename(columns=str.title).set_index("Date")
    assert set(found(regression_drawn_over_its_own_training, trending)) == {"training-rows"}


def test_the_same_regression_is_clean_where_nothing_in_training_is_forecast(prices):
    def pipeline(df):
        answer = regression_drawn_over_its_own_training(df)
        return answer | {"forecasts": answer["forecasts"][answer["forecasts"]["origin"] >= df.index[CUT - 1]]}

    assert not found(pipeline, prices)


@pytest.mark.slow
@pytest.mark.full
def test_training_and_a_scaler_on_all_rows_and_the_same_day_are_distinguished(prices):
    def pipeline(df):
        scaled = (df[["Open", "High", "Low"]] - df.min()[:3]) / (df.max()[:3] - df.min()[:3])
        x = np.column_stack([np.tanh(scaled), np.ones(len(df))])
        weights = np.linalg.lstsq(x[:CUT], df["Close"].to_numpy()[:CUT])[0]
        return {"forecasts": table(df, x @ weights), "trained_until": df.index[CUT - 1]}

    faults = found(pipeline, prices, quick=False)
    assert set(faults) == {"future-rows", "same-day", "training-rows"}
    assert "(Open, High, Low)" in faults["same-day"].text


# metric --------------------------------------------------------------------------------------------------


def scored(score: Callable[[np.ndarray, np.ndarray], dict[str, float]]) -> Callable[[pd.DataFrame], Any]:
    """A clean pipeline with these scores."""

    def pipeline(df):
        forecasts = table(df, df["Close"].ewm(alpha=0.3).mean().shift(1), y=df["Close"])
        f, y = forecasts["forecast"].to_numpy(), forecasts["y"].to_numpy()
        return {"forecasts": forecasts, "scores": score(f, y)}

    return pipeline


def rmse(f, y):
    return float(np.sqrt(np.mean((f - y) ** 2)))


def test_wrong_scores_are_found_and_their_forms_named(prices):
    wrong = {
        "rmse": (lambda f, y: np.sqrt(np.mean(f - y) ** 2), "|mean error|"),
        "RMSE": (lambda f, y: rmse(f, y) / (y.max() - y.min()), "in scaled units (from 0 to 1"),
        "test_mse": (lambda f, y: np.mean((f - y) ** 2) / y.var(), "in scaled units (mean 0, deviation 1"),
        "mae": (lambda f, y: np.abs(f - y).mean() + y.min(), "turned back with the scaler's offset"),
        "test_rmse": (lambda f, y: np.mean((f - y) ** 2), "the MSE"),
        "mse": (lambda f, y: np.mean((f[:, None] - y) ** 2), "every pair"),
        "test_mae": (lambda f, y: 17.0, "None of the usual wrong forms"),
    }
    faults = found(scored(lambda f, y: {name: score(f, y) for name, (score, _) in wrong.items()}), prices)
    assert set(faults) == {"metric"}
    given = re.split(r"(?<=\.) (?=\w+ is given as )", faults["metric"].text)
    assert [text.split()[0] for text in given] == list(wrong)
    assert [form for (_, form), text in zip(wrong.values(), given, strict=True) if form not in text] == []


def test_right_scores_are_no_finding(prices):
    def score(f, y):
        return {"rmse": round(rmse(f, y), 4), "mae": np.abs(f - y).mean(), "sharpe": 99.0}

    assert not found(scored(score), prices)


def test_a_mape_that_is_a_fraction_is_a_note(prices):
    report = gc.audit(scored(lambda f, y: {"mape": np.abs(1 - f / y).mean()}), prices, quick=True)
    (finding,) = [finding for finding in report.findings if finding.kind == "metric"]
    assert finding.severity == "note" and "fraction" in finding.text


# order ---------------------------------------------------------------------------------------------------


def with_predict(predict: Callable[[pd.DataFrame, list[Any]], np.ndarray]) -> Callable[[pd.DataFrame], Any]:
    def pipeline(df):
        def forecasts(origins):
            rows = df.index.get_indexer(origins)
            values = predict(df, rows)
            return pd.DataFrame({"origin": origins, "date": df.index[rows + 1], "forecast": values})

        return {"forecasts": forecasts(list(df.index[FIRST:-1])), "predict": forecasts}

    return pipeline


def state_carried_on(df, rows):
    state, values = 0.0, []
    for close in df["Close"].to_numpy()[rows]:
        state = 0.9 * state + 0.1 * close
        values.append(0.5 * close + 0.5 * state)
    return np.array(values)


def masked_by_place_in_the_batch(df, rows):
    close, before = df["Close"].to_numpy()[rows], df["Close"].to_numpy()[rows - 1]
    return np.where(np.arange(len(rows)) % 35 < 7, before, close)


@pytest.mark.parametrize(
    "predict", [state_carried_on, pytest.param(masked_by_place_in_the_batch, marks=IN_FULL)]
)
def test_a_forecast_that_depends_on_its_neighbours_is_found(predict, prices):
    assert set(found(with_predict(predict), prices)) == {"order"}


def test_a_predict_without_memory_is_clean(prices):
    assert not found(with_predict(lambda df, rows: df["Close"].to_numpy()[rows] * 1.001), prices)


# deaf, chance, repeats-yesterday -------------------------------------------------------------------------


def test_a_pipeline_that_reads_nothing_or_other_data_is_deaf(prices):
    kept = prices.copy()
    assert set(found(lambda df: table(df, np.full(len(df), 100.0)), prices)) == {"deaf"}
    assert set(found(lambda df: table(kept, kept["Close"].shift(1)), prices)) == {"deaf"}


def network_without_seed(df):
    x = df["Close"].pct_change().rolling(3).sum().shift(1).fillna(0)
    hidden = np.tanh(np.outer(x, np.random.default_rng().normal(size=8)))
    return table(df, df["Close"].shift(1) * (1 + 0.01 * hidden.mean(axis=1)))


def bootstrap_without_seed(df):
    drawn = np.random.default_rng().choice(df["Close"].pct_change().dropna().iloc[: FIRST - 1], len(df))
    return table(df, df["Close"].shift(1) * (1 + drawn))


@pytest.mark.parametrize(
    "pipeline", [network_without_seed, pytest.param(bootstrap_without_seed, marks=IN_FULL)]
)
@pytest.mark.parametrize("quick", QUICK_AND_FULL)
def test_chance_is_a_note_and_nothing_else(pipeline, quick, prices):
    report = gc.audit(pipeline, prices, quick=quick)
    assert report.clean
    assert report.findings[0].kind == "chance" and report.findings[0].severity == "note"


def test_a_leak_is_found_through_chance(prices):
    def pipeline(df):
        low, high = df["Close"].min(), df["Close"].max()
        scaled = np.tanh((df["Close"] - low) / (high - low)).shift(1)
        return table(df, low + (high - low) * scaled + np.random.default_rng().normal(0, 0.05, len(df)))

    assert set(found(pipeline, prices)) == {"future-rows"}


@pytest.mark.parametrize("share", [1.0, 0.9])
def test_repeating_yesterday_is_a_note(share, prices):
    def pipeline(df):
        last = df["Close"].shift(1)
        return table(df, share * last + (1 - share) * df["Close"].rolling(3).mean().shift(1))

    report = gc.audit(pipeline, prices, quick=True)
    assert [(finding.kind, finding.severity) for finding in report.findings] == [
        ("repeats-yesterday", "note")
    ]
    assert report.clean


THOROUGH = {middle_of_the_day, nearest_day_of_training}  # what a quick audit cannot tell apart
NIGHTLY = {  # one of each other kind
    squashed_by_extremes_of_all_rows,
    steps_from_actual_prices,
    one_shift_too_many,
    truth_of_the_next_day,
    left_between_0_and_1,
}
