"""The next close of the KOSPI from five sessions: RNN, GRU and LSTM on one picture."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

import gatecast as gc
from gatecast.formatting import number
from gatecast.language import marked, say
from gatecast.recipes.arithmetic import minmax, rmse
from gatecast.recipes.frames import require
from gatecast.recipes.side import Side
from gatecast.recipes.tutorial import Difference, Prepared, PriceTutorial, Trained

INPUTS = ["Open", "High", "Low", "Volume"]
LENGTH = 5
BATCH = 20
NETWORK = gc.Network(hidden_size=8, num_layers=2, head="flatten")  # all 5 states, 40 numbers → Linear


def inputs(table: pd.DataFrame) -> pd.DataFrame:
    """The tutorial's inputs."""
    return table[["open", "high", "low", "volume"]]


class Kospi(PriceTutorial):
    """Four networks, compared by eye."""

    name = "kospi"
    title = marked("KOSPI: four networks, compared by eye")
    does = marked(
        "Korean lecture notes compare a plain RNN in two forms, a GRU and an LSTM on the KOSPI index: five "
        "sessions of open, high, low and volume, two layers of 8, the next close. Their result is one "
        "picture with all lines in it."
    )
    found = marked("Yahoo's ^KS11, 2019-01-30 to 2020-10-30.")
    yahoo, start, end = "^KS11", "2019-01-30", "2020-10-30"
    unit = marked("index points")

    def prepare(self, frame: pd.DataFrame) -> Prepared:
        """Windows of five sessions and the next close, scaled by the extremes of *all* rows."""
        require(frame, [*INPUTS, "Close"], 4 * LENGTH)
        values, close = frame[INPUTS].to_numpy(dtype=np.float64), frame["Close"].to_numpy(dtype=np.float64)
        scaler = minmax(close)
        windows = sliding_window_view(minmax(values).forward(values)[:-1], LENGTH, axis=0).swapaxes(1, 2)
        split = len(windows) // 2
        return Prepared(
            frame.index,
            close,
            X=windows,
            y=scaler.forward(close)[LENGTH:],
            scaler=scaler,
            rows=np.arange(LENGTH, len(close)),
            split=split,
            drawn=slice(None),
            claimed=slice(split, None),
        )

    networks = {
        "rnn last": NETWORK.changed(cell="rnn", head="last", output_activation="sigmoid"),  # many to one
        "rnn flat": NETWORK.changed(cell="rnn", output_activation="sigmoid"),  # called many to many
        "gru flat": NETWORK.changed(cell="gru"),
        "lstm flat": NETWORK,
    }
    training = gc.Training(
        epochs=200, batch_size=BATCH, shuffle=False, learning_rate=1e-3, patience=None, clip_norm=None
    )
    audited, audited_epochs = "gru flat", 5

    def shown(self, frame: pd.DataFrame, networks: Mapping[str, Trained]) -> Side:
        """Four networks on one picture, training and test apart: the tutorial's performance comparison."""
        prepared = networks["gru flat"].prepared
        split, actual = prepared.split, prepared.actual
        naive = rmse(prepared.naive, actual)
        known = prepared.price[: prepared.rows[split]]
        errors = {name: network.errors[0] for name, network in networks.items()}
        best = min(errors, key=errors.__getitem__)
        return Side(
            facts={
                "rows": len(prepared.price),
                "x": list(prepared.X.shape),
                "x_first": prepared.X[0, 0].tolist(),
                "y_first": float(prepared.y[0]),
                "flattened": LENGTH * NETWORK.hidden_size,
                "train_windows": split,
                "test_windows": len(actual),
                "train_last": prepared.date(split - 1),
                "test_first": prepared.date(split),
                "test_last": prepared.date(-1),
                "train_range": [float(known.min()), float(known.max())],
                "test_range": [float(actual.min()), float(actual.max())],
                "rmse": errors,
                "naive_rmse": naive,
            },
            sentences=(
                say(
                    "On the test half the RMSE goes from {least} ({best}) to {most}; yesterday's close, "
                    "without any network, has {naive}.",
                    least=self.amount(errors[best]),
                    best=best,
                    most=self.amount(max(errors.values())),
                    naive=self.amount(naive),
                ),
                say(
                    "The training half goes from {low} to {high}, the test half from {test_low} to "
                    "{test_high}. A sigmoid cannot leave the limits that its scaler was fitted on: it "
                    "reaches these prices because the scaler was fitted on the test as well.",
                    low=number(known.min(), 0),
                    high=number(known.max(), 0),
                    test_low=number(actual.min(), 0),
                    test_high=number(actual.max(), 0),
                ),
                say(
                    "“Many to many” flattens all five states (40 numbers) into one value: it is many to one."
                ),
            ),
            numbers=self.against_naive({best: errors[best]}, prepared),
            pictures=self.picture(
                networks,
                lambda: (
                    say("The performance comparison of the notes: four lines and no number"),
                    say(
                        "dashed: the training ends; test RMSE of 'tomorrow = today': {naive}",
                        naive=self.amount(naive),
                    ),
                ),
            ),
        )

    differences = (
        Difference(
            marked(
                "MinMax scaling by the extremes of all rows: a sigmoid then reaches every price of the test."
            ),
            marked(
                "Each fold's scaler is fitted on its own training rows; a sigmoid cannot forecast what lies "
                "outside."
            ),
            "future-rows",
        ),
        Difference(
            marked("“Performance comparison” is a picture."),
            marked("RMSE, naive beside it, and a test whether the difference is luck."),
        ),
        Difference(
            marked("One seed."),
            marked("Three seeds, and a new training for every fold."),
        ),
    )
    note = marked(
        "The notes do not show their inputs, scaling, batches or split: those here are of the public course "
        "that the code belongs to (open, high, low and volume; MinMax; batches of 20, Adam with 0.001, 200 "
        "epochs; half the rows for training). Their slide "
        "`torch.nn.RNN(input_size, num_layers, hidden_size)` has two arguments swapped: the second is "
        "`hidden_size`, the third `num_layers`."
    )

    symbol = "^KS11"
    corrected_training = gc.Training(epochs=200, batch_size=BATCH, learning_rate=1e-3, patience=20)
    comparison = {
        "features": inputs,
        "replace_features": True,
        "scaler": "minmax",
        "lookback": LENGTH,
        "folds": 3,
        "seeds": 3,
    }

    def models(self, target: str) -> Mapping[str, gc.Network]:
        """The tutorial's networks; a change needs no sigmoid."""
        if target == "close":
            return self.networks
        return {name: network.changed(output_activation="linear") for name, network in self.networks.items()}


TUTORIAL = Kospi()
pipeline, corrected_pipeline = TUTORIAL.pipeline, TUTORIAL.corrected_pipeline
