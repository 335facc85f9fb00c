"""The next close of the KOSPI from five sessions: RNN, GRU and LSTM on one picture."""

from __future__ import annotations

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

INPUTS = ["Open", "High", "Low", "Volume"]
LENGTH = 5
BATCH = 20
NETWORK = Network(hidden_size=8, num_layers=2, head="flatten")  # all 5 states, 40 numbers → Linear
NETWORKS = {
    "rnn last": NETWORK.changed(cell="rnn", head="last", output_activation="sigmoid"),  # many to one
    "rnn flat": NETWORK.changed(cell="rnn", output_activation="sigmoid"),  # called many to many
    "gru flat": NETWORK.changed(cell="gru"),
    "lstm flat": NETWORK,
}


class Arrays(NamedTuple):
    """What the tutorial prepares: windows (N, 5, 4) and the close after each, the first half for training."""

    close: Floats
    X: Floats
    y: Floats
    scaler: Scaler  # of the close
    split: int


def prepare(frame: pd.DataFrame) -> Arrays:
    """Windows of five sessions and the next close, scaled by the extremes of *all* rows."""
    require(frame, [*INPUTS, "Close"], 4 * LENGTH)
    values, close = frame[INPUTS].to_numpy(dtype=np.float64), frame["Close"].to_numpy(dtype=np.float64)
    scaler = minmax(close)
    windows = sliding_window_view(minmax(values).forward(values)[:-1], LENGTH, axis=0).swapaxes(1, 2)
    return Arrays(close, windows, scaler.forward(close)[LENGTH:], scaler, len(windows) // 2)


def forecast(arrays: Arrays, name: str, epochs: int, seed: int) -> Floats:
    """Train as the course does; the close after every window (N,), those of the training as well."""
    training = Training(epochs=epochs, batch_size=BATCH, shuffle=False, patience=None, clip_norm=None)
    X, y = arrays.X[: arrays.split], arrays.y[: arrays.split]
    fit = gc.fit_windows(NETWORKS[name], training, X, y, seed=seed)
    return arrays.scaler.back(fit.predict(arrays.X))


def as_written(frame: pd.DataFrame, epochs: int, seed: int) -> Side:
    """Four networks on one picture, training and test apart: the tutorial's performance comparison."""
    arrays = prepare(frame)
    made = {name: forecast(arrays, name, epochs, seed) for name in NETWORKS}
    split, test = arrays.split, slice(arrays.split, None)
    actual, naive = arrays.close[LENGTH:], arrays.close[LENGTH - 1 : -1]
    errors = {name: rmse(one[test], actual[test]) for name, one in made.items()}
    of_naive = rmse(naive[test], actual[test])
    dates = frame.index[LENGTH:]
    highest, lowest = actual[test].max(), actual[test].min()
    known = arrays.close[: split + LENGTH]
    facts = {
        "rows": len(frame),
        "x": list(arrays.X.shape),
        "x_first": arrays.X[0, 0].tolist(),
        "y_first": float(arrays.y[0]),
        "flattened": LENGTH * NETWORK.hidden_size,
        "train_windows": split,
        "test_windows": len(arrays.X) - split,
        "train_last": f"{dates[split - 1]:%Y-%m-%d}",
        "test_first": f"{dates[split]:%Y-%m-%d}",
        "test_last": f"{dates[-1]:%Y-%m-%d}",
        "train_range": [float(known.min()), float(known.max())],
        "test_range": [float(lowest), float(highest)],
        "rmse": errors,
        "naive_rmse": of_naive,
    }
    best = min(errors, key=errors.__getitem__)
    says = (
        f"On the test half the RMSE goes from {_points(errors[best])} ({best}) to "
        f"{_points(max(errors.values()))}; yesterday's close, without any network, has {_points(of_naive)}.",
        f"The training half goes from {number(known.min(), 0)} to {number(known.max(), 0)}, the test half "
        f"from {number(lowest, 0)} to {number(highest, 0)}. A sigmoid cannot leave the range that the scaler "
        "saw: it gets there because the scaler was shown the test.",
        "“Many to many” flattens all five states (40 numbers) into one value: it is many to one.",
    )
    picture = lines_picture(
        dates,
        {"close": actual} | made,
        "The performance comparison of the notes: four lines and no number",
        f"dashed: the training ends; test RMSE of 'tomorrow = today': {_points(of_naive)}",
        unit="index points",
        split=dates[split],
    )
    numbers = {
        "RMSE": f"{_points(errors[best])} ({best})",
        "RMSE of naive, the same sessions": _points(of_naive),
        "RMSE over naive's": number(errors[best] / of_naive, 2),
    }
    return Side(facts, says, numbers, {"as-written": picture})


def pipeline(frame: pd.DataFrame, epochs: int = 5, seed: int = 0) -> Forecasts:
    """The tutorial's GRU as written, for the audit."""
    frame = dated(frame)
    arrays = prepare(frame)
    made = forecast(arrays, "gru flat", epochs, seed)[arrays.split :]
    rows = np.arange(arrays.split, len(arrays.X)) + LENGTH
    actual = arrays.close[rows]
    return {
        "forecasts": forecasts_frame(frame.index, rows, forecast=made, y=actual),
        "scores": {"rmse": rmse(made, actual)},
        "trained_until": frame.index[rows[0] - 1],
    }


def corrected(frame: pd.DataFrame, epochs: int, seed: int) -> Side:
    """The same networks on the same half, walk-forward, beside naive."""
    asked = {
        "the price": compared(frame, "close", epochs, seeds=3, folds=3, seed=seed),
        "the change": compared(frame, "return", epochs, seeds=3, folds=3, seed=seed),
    }
    return judged(asked, unit="index points", decimals=2)


def corrected_pipeline(frame: pd.DataFrame, epochs: int = 2, seed: int = 0) -> Forecasts:
    """The corrected road, for the audit."""
    frame = dated(frame)
    return from_result(compared(frame, "return", epochs, seeds=1, folds=2, seed=seed), "gru flat")


def compared(frame: pd.DataFrame, target: str, epochs: int, *, seeds: int, folds: int, seed: int) -> Result:
    """The tutorial's networks, asked for the next close or its change; a change needs no sigmoid."""
    networks = {
        name: network if target == "close" else network.changed(output_activation="linear")
        for name, network in NETWORKS.items()
    }
    return gc.compare(
        as_prices(frame, "^KS11"),
        networks,
        features=inputs,
        target=target,
        scaler="minmax",
        lookback=LENGTH,
        training=Training(epochs=epochs, batch_size=BATCH, patience=20),
        test_start=f"{frame.index[prepare(frame).split + LENGTH]:%Y-%m-%d}",
        folds=folds,
        seeds=seeds,
        seed=seed,
    )


def inputs(table: pd.DataFrame) -> pd.DataFrame:
    """The tutorial's inputs."""
    return table[["open", "high", "low", "volume"]]


def _points(value: float) -> str:
    return f"{number(value, 2)} points"


RECIPE = Recipe(
    name="kospi",
    title="KOSPI: four networks, compared by eye",
    does=(
        "Korean lecture notes compare a plain RNN in two forms, a GRU and an LSTM on the KOSPI index: five "
        "sessions of open, high, low and volume, two layers of 8, the next close. Their result is one "
        "picture with all lines in it."
    ),
    found="Yahoo's ^KS11, 2019-01-30 to 2020-10-30.",
    target="Close",
    epochs=200,
    corrected_epochs=200,
    as_written=as_written,
    corrected=corrected,
    pipeline=pipeline,
    corrected_pipeline=corrected_pipeline,
    differences=(
        Difference(
            "MinMax scaling by the extremes of all rows: a sigmoid then reaches every price of the test.",
            "Each fold's scaler is fitted on its own training rows; what lies outside, a sigmoid cannot say.",
            "future-rows",
        ),
        Difference(
            "“Performance comparison” is a picture.",
            "RMSE, naive beside it, and a test whether the difference is luck.",
        ),
        Difference("One seed.", "Three seeds, and a new training for every fold."),
    ),
    note=(
        "The notes do not show their inputs, scaling, batches or split: those here are of the public course "
        "that the code belongs to (open, high, low and volume; MinMax; batches of 20, Adam with 0.001, 200 "
        "epochs; half the rows for training). Their slide "
        "`torch.nn.RNN(input_size, num_layers, hidden_size)` has two arguments swapped: the second is "
        "`hidden_size`, the third `num_layers`."
    ),
    yahoo="^KS11",
    start="2019-01-30",
    end="2020-10-30",
)
