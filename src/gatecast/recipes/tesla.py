"""Tesla's close from its last ten closes: two LSTM(50) in the style of Keras."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

import gatecast as gc
from gatecast._typing import Floats
from gatecast.api.result import Result
from gatecast.recipes.common import (
    Difference,
    Forecasts,
    Recipe,
    Scaler,
    Side,
    as_prices,
    dated,
    forecasts_frame,
    minmax,
    require,
    rmse,
)
from gatecast.recipes.judging import from_result, judged
from gatecast.recipes.pictures import lines_picture
from gatecast.report.tables import number
from gatecast.settings.network import Network
from gatecast.settings.training import Training

PAST_SET = 10
TRAIN_SHARE = 0.8
NETWORK = Network(
    cell="lstm", hidden_size=50, num_layers=2, mlp=(25,), activation="linear", init="keras"
)  # LSTM(50), LSTM(50), Dense(25), Dense(1)


class Arrays(NamedTuple):
    """What the tutorial prepares: N closes, the first `split` of them for training."""

    close: Floats
    scaler: Scaler
    split: int
    x_train: Floats
    y_train: Floats
    x_test: Floats


def prepare(frame: pd.DataFrame) -> Arrays:
    """The closes as windows of ten, scaled by the lowest and highest of *all* of them, the test's as well."""
    require(frame, ["Close"], 3 * PAST_SET)
    close = frame["Close"].to_numpy(dtype=np.float64)
    scaler = minmax(close)
    scaled = scaler.forward(close)
    split = math.ceil(TRAIN_SHARE * len(close))
    windows = sliding_window_view(scaled[:-1], PAST_SET)[..., None]  # window n is followed by close n + 10
    first_test = split - PAST_SET
    return Arrays(close, scaler, split, windows[:first_test], scaled[PAST_SET:split], windows[first_test:])


def forecast(arrays: Arrays, epochs: int, seed: int) -> Floats:
    """Train as the tutorial does, one window at a time, and forecast the test rows in dollars."""
    fit = gc.fit_windows(NETWORK, _training(epochs), arrays.x_train, arrays.y_train, seed=seed)
    return arrays.scaler.back(fit.predict(arrays.x_test))


def wrong_rmse(forecast: Floats, actual: Floats) -> float:
    """The tutorial's formula, sqrt(mean(error) ** 2): the mean error without its sign."""
    return float(np.sqrt(np.mean(forecast - actual) ** 2))


def as_written(frame: pd.DataFrame, epochs: int, seed: int) -> Side:
    """The tutorial with its scaler fitted on the test and its wrong formula."""
    arrays = prepare(frame)
    actual, naive = arrays.close[arrays.split :], arrays.close[arrays.split - 1 : -1]
    made = forecast(arrays, epochs, seed)
    error = made - actual
    tenth = max(len(error) // 10, 1)
    printed, real, of_naive = wrong_rmse(made, actual), rmse(made, actual), rmse(naive, actual)
    dates = frame.index[arrays.split :]
    facts = {
        "rows": len(arrays.close),
        "train_rows": arrays.split,
        "scaled_first": arrays.scaler.forward(arrays.close)[:3].tolist(),
        "x_train": list(arrays.x_train.shape),
        "x_test": list(arrays.x_test.shape),
        "test_first": f"{dates[0]:%Y-%m-%d}",
        "test_first_close": float(actual[0]),
        "printed_rmse": printed,
        "mean_error": float(error.mean()),
        "rmse": real,
        "naive_rmse": of_naive,
    }
    says = (
        f"It prints an “RMSE” of {printed:.2f} dollars. Its formula, sqrt(mean(error)**2), is the mean error "
        f"without its sign; the RMSE of the same forecasts is {real:.2f} dollars.",
        f"The first {tenth} forecasts are {_off(error[:tenth])}, the last {tenth} {_off(error[-tenth:])}: "
        "errors of different sign cancel in a mean.",
        f"'Tomorrow = today', without any network, has an RMSE of {of_naive:.2f} dollars on these rows.",
    )
    picture = lines_picture(
        dates,
        {"close": actual, "forecast": made},
        f"The forecast the tutorial shows, with an “RMSE” of {printed:.2f}",
        f"its real RMSE is {real:.2f} dollars, that of 'tomorrow = today' {of_naive:.2f}",
        unit="dollars",
    )
    numbers = {
        "RMSE it prints": f"{printed:.2f} dollars",
        "RMSE": f"{real:.2f} dollars",
        "RMSE of naive, the same sessions": f"{of_naive:.2f} dollars",
        "RMSE over naive's": number(real / of_naive, 2),
    }
    return Side(facts, says, numbers, {"as-written": picture})


def pipeline(frame: pd.DataFrame, epochs: int = 1, seed: int = 0) -> Forecasts:
    """The tutorial as written, for the audit."""
    frame = dated(frame)
    arrays = prepare(frame)
    actual, made = arrays.close[arrays.split :], forecast(arrays, epochs, seed)
    rows = np.arange(arrays.split, len(arrays.close))
    return {
        "forecasts": forecasts_frame(frame.index, rows, forecast=made, y=actual),
        "scores": {"rmse": wrong_rmse(made, actual)},
        "trained_until": frame.index[arrays.split - 1],
    }


def corrected(frame: pd.DataFrame, epochs: int, seed: int) -> Side:
    """The same network on the same sessions, trained before each of them only, beside naive."""
    asked = {
        "the price": compared(frame, "close", epochs, seeds=3, folds=3, seed=seed),
        "the change": compared(frame, "return", epochs, seeds=3, folds=3, seed=seed),
    }
    return judged(asked, unit="dollars", decimals=2)


def corrected_pipeline(frame: pd.DataFrame, epochs: int = 1, seed: int = 0) -> Forecasts:
    """The corrected road, for the audit."""
    frame = dated(frame)
    result = compared(frame, "return", epochs, seeds=1, folds=2, seed=seed)
    return from_result(result, "lstm")


def compared(frame: pd.DataFrame, target: str, epochs: int, *, seeds: int, folds: int, seed: int) -> Result:
    """The tutorial's network, asked for the next close or its change, on the tutorial's test rows."""
    split = math.ceil(TRAIN_SHARE * len(frame))
    return gc.compare(
        as_prices(frame, "TSLA"),
        {"lstm": NETWORK},
        features=closes,
        target=target,
        scaler="minmax",
        lookback=PAST_SET,
        training=_training(epochs),
        test_start=f"{frame.index[split]:%Y-%m-%d}",
        folds=folds,
        seeds=seeds,
        seed=seed,
    )


def closes(table: pd.DataFrame) -> pd.DataFrame:
    """The tutorial's one input."""
    return table[["close"]]


def _training(epochs: int) -> Training:
    """One window at a time, with the optimizer's defaults."""
    return Training(epochs=epochs, batch_size=1, patience=None, clip_norm=None)


def _off(error: Floats) -> str:
    mean = error.mean()
    return f"{abs(mean):.2f} dollars too {'high' if mean > 0 else 'low'} on average"


RECIPE = Recipe(
    name="tesla",
    title="Tesla: two LSTM layers, and an RMSE that is none",
    does=(
        "A widely copied Keras tutorial forecasts Tesla's close from the ten closes before it: MinMax "
        "scaling, two LSTM layers of 50, batches of one window, three epochs. It prints an “RMSE” of 1.1457 "
        "dollars and draws two lines that look alike."
    ),
    found="Yahoo's TSLA, 2010-06-29 to 2020-07-31.",
    target="Close",
    epochs=3,
    corrected_epochs=3,
    as_written=as_written,
    corrected=corrected,
    pipeline=pipeline,
    corrected_pipeline=corrected_pipeline,
    differences=(
        Difference(
            "The scaler is fitted on all rows: the training is told how high the price will go.",
            "Each fold's scaler is fitted on its own training rows.",
            "future-rows",
        ),
        Difference(
            "sqrt(mean(error)**2): errors of different sign cancel before they are squared.",
            "sqrt(mean(error**2)).",
            "metric",
        ),
        Difference(
            "Two lines drawn over each other; yesterday's price would look the same.",
            "Beside it stands naive, and a test whether the difference is luck.",
        ),
        Difference(
            "One network, one seed, trained once for two years of forecasts.",
            "Three seeds, and a new training for every fold.",
        ),
    ),
    yahoo="TSLA",
    start="2010-06-29",
    end="2020-07-31",
)
