"""Tesla's close from its last ten closes: two LSTM(50) in the style of Keras."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

import gatecast as gc
from gatecast._typing import Floats
from gatecast.recipes.arithmetic import minmax, rmse
from gatecast.recipes.frames import require
from gatecast.recipes.side import Side
from gatecast.recipes.tutorial import Difference, Prepared, PriceTutorial, Trained

PAST_SET = 10
TRAIN_SHARE = 0.8


def inputs(table: pd.DataFrame) -> pd.DataFrame:
    """The tutorial's one input."""
    return table[["close"]]


def wrong_rmse(forecast: Floats, actual: Floats) -> float:
    """The tutorial's formula, sqrt(mean(error) ** 2): the mean error without its sign."""
    return float(np.sqrt(np.mean(forecast - actual) ** 2))


def too_high_or_low(error: Floats) -> str:
    """How far the forecasts are off on average, and to which side."""
    mean = error.mean()
    return f"{abs(mean):.2f} dollars too {'high' if mean > 0 else 'low'} on average"


class Tesla(PriceTutorial):
    """Two LSTM layers, and an RMSE that is none."""

    name = "tesla"
    title = "Tesla: two LSTM layers, and an RMSE that is none"
    does = (
        "A widely copied Keras tutorial forecasts Tesla's close from the ten closes before it: MinMax "
        "scaling, two LSTM layers of 50, batches of one window, three epochs. It prints an “RMSE” of 1.1457 "
        "dollars and draws two lines that look alike."
    )
    found = "Yahoo's TSLA, 2010-06-29 to 2020-07-31."
    yahoo, start, end = "TSLA", "2010-06-29", "2020-07-31"

    def prepare(self, frame: pd.DataFrame) -> Prepared:
        """Windows of ten closes, scaled by the extremes of *all* rows, the test's as well."""
        require(frame, ["Close"], 3 * PAST_SET)
        close = frame["Close"].to_numpy(dtype=np.float64)
        scaler = minmax(close)
        scaled = scaler.forward(close)
        split = math.ceil(TRAIN_SHARE * len(close)) - PAST_SET
        return Prepared(
            frame.index,
            close,
            X=sliding_window_view(scaled[:-1], PAST_SET)[..., None],  # window n is followed by close n + 10
            y=scaled[PAST_SET:],
            scaler=scaler,
            rows=np.arange(PAST_SET, len(close)),
            split=split,
            drawn=slice(split, None),
        )

    networks = {
        "lstm": gc.Network(hidden_size=50, num_layers=2, mlp=(25,), activation="linear", init="keras")
    }  # LSTM(50), LSTM(50), Dense(25), Dense(1)
    training = gc.Training(epochs=3, batch_size=1, learning_rate=1e-3, patience=None, clip_norm=None)
    audited, audited_epochs = "lstm", 1

    def shown(self, frame: pd.DataFrame, networks: Mapping[str, Trained]) -> Side:
        """Two lines and its “RMSE”, beside the RMSE and that of naive."""
        lstm = networks["lstm"]
        prepared, forecast = lstm.prepared, lstm.tested[0]
        actual, right = prepared.actual, lstm.errors[0]
        naive = rmse(prepared.naive, actual)
        error, printed = forecast - actual, wrong_rmse(forecast, actual)
        tenth = max(len(error) // 10, 1)
        return Side(
            facts={
                "rows": len(prepared.price),
                "train_rows": prepared.split + PAST_SET,
                "scaled_first": prepared.scaler.forward(prepared.price)[:3].tolist(),
                "x_train": list(prepared.X[: prepared.split].shape),
                "x_test": list(prepared.X[prepared.split :].shape),
                "test_first": prepared.date(prepared.split),
                "test_first_close": float(actual[0]),
                "printed_rmse": printed,
                "mean_error": float(error.mean()),
                "rmse": right,
                "naive_rmse": naive,
            },
            sentences=(
                f"It prints an “RMSE” of {printed:.2f} dollars. Its formula, sqrt(mean(error)**2), is the "
                f"mean error without its sign; the RMSE of the same forecasts is {right:.2f} dollars.",
                f"The first {tenth} forecasts are {too_high_or_low(error[:tenth])}, the last {tenth} "
                f"{too_high_or_low(error[-tenth:])}: errors of different sign cancel in a mean.",
                f"'Tomorrow = today', without any network, has an RMSE of {naive:.2f} dollars on these rows.",
            ),
            numbers={"RMSE it prints": self.amount(printed)} | self.against_naive({"lstm": right}, prepared),
            pictures=self.picture(
                networks,
                f"The forecast the tutorial shows, with an “RMSE” of {printed:.2f}",
                f"its real RMSE is {right:.2f} dollars, that of 'tomorrow = today' {naive:.2f}",
            ),
        )

    def scores(self, prepared: Prepared, forecast: Floats, actual: Floats) -> dict[str, float]:
        """The “RMSE” that the tutorial prints."""
        return {"rmse": wrong_rmse(forecast, actual)}

    differences = (
        Difference(
            "The scaler is fitted on all rows: the training reads how high the price will go.",
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
    )

    symbol = "TSLA"
    corrected_training = training
    comparison = {
        "features": inputs,
        "replace_features": True,
        "scaler": "minmax",
        "lookback": PAST_SET,
        "folds": 3,
        "seeds": 3,
    }


TUTORIAL = Tesla()
pipeline, corrected_pipeline = TUTORIAL.pipeline, TUTORIAL.corrected_pipeline
