"""Tesla's close from its last ten closes: two LSTM(50) in the style of Keras."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

import gatecast as gc
from gatecast._typing import Floats
from gatecast.language import marked, say
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
    if mean > 0:
        return say("{off:.2f} dollars too high on average", off=mean)
    return say("{off:.2f} dollars too low on average", off=-mean)


class Tesla(PriceTutorial):
    """Two LSTM layers, and an RMSE that is none."""

    name = "tesla"
    title = marked("Tesla: two LSTM layers, and an RMSE that is none")
    does = marked(
        "A widely copied Keras tutorial forecasts Tesla's close from the ten closes before it: MinMax "
        "scaling, two LSTM layers of 50, batches of one window, three epochs. It prints an “RMSE” of 1.1457 "
        "dollars and draws two lines that look alike."
    )
    found = marked("Yahoo's TSLA, 2010-06-29 to 2020-07-31.")
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
                say(
                    "It prints an “RMSE” of {printed:.2f} dollars. Its formula, sqrt(mean(error)**2), is the "
                    "mean error without its sign; the RMSE of the same forecasts is {right:.2f} dollars.",
                    printed=printed,
                    right=right,
                ),
                say(
                    "The first {tenth} forecasts are {first}, the last {tenth} {last}: errors of different "
                    "sign cancel in a mean.",
                    tenth=tenth,
                    first=too_high_or_low(error[:tenth]),
                    last=too_high_or_low(error[-tenth:]),
                ),
                say(
                    "'Tomorrow = today', without any network, has an RMSE of {naive:.2f} dollars on these "
                    "rows.",
                    naive=naive,
                ),
            ),
            numbers={say("RMSE it prints"): self.amount(printed)}
            | self.against_naive({"lstm": right}, prepared),
            pictures=self.picture(
                networks,
                lambda: (
                    say("The forecast the tutorial shows, with an “RMSE” of {printed:.2f}", printed=printed),
                    say(
                        "its real RMSE is {right:.2f} dollars, that of 'tomorrow = today' {naive:.2f}",
                        right=right,
                        naive=naive,
                    ),
                ),
            ),
        )

    def scores(self, prepared: Prepared, forecast: Floats, actual: Floats) -> dict[str, float]:
        """The “RMSE” that the tutorial prints."""
        return {"rmse": wrong_rmse(forecast, actual)}

    differences = (
        Difference(
            marked("The scaler is fitted on all rows: the training reads how high the price will go."),
            marked("Each fold's scaler is fitted on its own training rows."),
            "future-rows",
        ),
        Difference(
            marked("sqrt(mean(error)**2): errors of different sign cancel before they are squared."),
            marked("sqrt(mean(error**2))."),
            "metric",
        ),
        Difference(
            marked("Two lines drawn over each other; yesterday's price would look the same."),
            marked("Beside it stands naive, and a test whether the difference is luck."),
        ),
        Difference(
            marked("One network, one seed, trained once for two years of forecasts."),
            marked("Three seeds, and a new training for every fold."),
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
