"""Samsung's close from the same day's prices: LSTM and GRU with sequences of one day."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

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
    standard,
)
from gatecast.recipes.judging import from_result, judged
from gatecast.recipes.pictures import lines_picture
from gatecast.report.tables import number
from gatecast.settings.network import Network
from gatecast.settings.training import Training

FIRST, LAST = "2022-01-01", "2022-05-30"  # Yahoo leaves out the end that is asked for, 2022-05-31
SPLIT = "2022-05-01"  # where the tutorial draws its dashed line
SINCE = "2015-01-01"
SEEDS = 10
NETWORK = Network(hidden_size=2, state_activation="relu", mlp=(128,), activation="relu")
NETWORKS = {
    "lstm": NETWORK,
    "gru": NETWORK.changed(cell="gru"),
    "bilstm": NETWORK.changed(bidirectional=True),  # announced as next
}


class Arrays(NamedTuple):
    """What the tutorial prepares: days alone, X (N, 1, F), the first `split` for training."""

    dates: pd.DatetimeIndex
    columns: tuple[str, ...]
    close: Floats
    X: Floats
    y: Floats
    scaler: Scaler  # of the close
    split: int


def download(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that the tutorial downloads; `corrected` also learns from those before."""
    window = frame.loc[FIRST:LAST]
    require(window, ["Open", "High", "Low", "Close", "Volume"], 30)
    return window


def prepare(frame: pd.DataFrame) -> Arrays:
    """All columns but Close, of the *same* day; both scalers are fitted on *all* rows."""
    window = download(frame)
    inputs = window.drop(columns="Close")
    close = window["Close"].to_numpy(dtype=np.float64)
    values, scaler = inputs.to_numpy(dtype=np.float64), minmax(close)
    return Arrays(
        pd.DatetimeIndex(window.index),
        tuple(map(str, inputs.columns)),
        close,
        standard(values).forward(values)[:, None],
        scaler.forward(close),
        scaler,
        int((window.index < pd.Timestamp(SPLIT)).sum()),
    )


def forecasts(
    arrays: Arrays, name: str, epochs: int, seed: int, seeds: int = 1
) -> tuple[Floats, list[float]]:
    """Train as the tutorial does: each seed's closes of all rows (seeds, N), and the first's losses."""
    training = Training(epochs=epochs, batch_size=None, learning_rate=1e-4, patience=None, clip_norm=None)
    X, y = arrays.X[: arrays.split], arrays.y[: arrays.split]
    fit = gc.fit_windows(NETWORKS[name], training, X, y, seeds=seeds, seed=seed)
    made = [replace(fit, trained=(one,)).predict(arrays.X) for one in fit.trained]
    loss = fit.history.loc[fit.history["seed"] == seed, "loss"]
    return arrays.scaler.back(np.stack(made)), loss.tolist()


def as_written(frame: pd.DataFrame, epochs: int, seed: int) -> Side:
    """LSTM and GRU drawn over training and test together, and what other seeds would have concluded."""
    arrays = prepare(frame)
    trained = {name: forecasts(arrays, name, epochs, seed, SEEDS) for name in NETWORKS}
    test = slice(arrays.split, None)
    errors = {
        name: [rmse(one[test], arrays.close[test]) for one in made] for name, (made, _) in trained.items()
    }
    naive = rmse(arrays.close[arrays.split - 1 : -1], arrays.close[test])
    better = sum(gru < lstm for gru, lstm in zip(errors["gru"], errors["lstm"], strict=True))
    facts = {
        "rows": len(arrays.close),
        "inputs": list(arrays.columns),
        "first": f"{arrays.dates[0]:%Y-%m-%d}",
        "last": f"{arrays.dates[-1]:%Y-%m-%d}",
        "train_rows": arrays.split,
        "train_last": f"{arrays.dates[arrays.split - 1]:%Y-%m-%d}",
        "test_rows": len(arrays.close) - arrays.split,
        "test_first": f"{arrays.dates[arrays.split]:%Y-%m-%d}",
        "x": list(arrays.X.shape),
        "x_first": arrays.X[0, 0].tolist(),
        "y_first": float(arrays.y[0]),
        "loss": {name: loss[99::100] for name, (_, loss) in trained.items()},
        "rmse": {name: errors[name][0] for name in NETWORKS},
        "rmse_by_seed": errors,
        "gru_better_than_lstm": better,
        "naive_rmse": naive,
    }
    lstm, gru = errors["lstm"][0], errors["gru"][0]
    says = (
        f"With the first seed the RMSE on the {facts['test_rows']} test sessions is {_won(lstm)} for the "
        f"LSTM and {_won(gru)} for the GRU; yesterday's close, without any network, has {_won(naive)}.",
        f"“GRU is much better” rests on one seed. Of {SEEDS} seeds the GRU is better in {better}; the LSTM's "
        f"error goes from {_won(min(errors['lstm']))} to {_won(max(errors['lstm']))}.",
        *_answer(download(frame)),
        "The dashed line is where the training ends; left of it the networks were told the answer.",
    )
    picture = lines_picture(
        arrays.dates,
        {"close": arrays.close} | {f"{name} forecast": made[0] for name, (made, _) in trained.items()},
        "The forecast the tutorial draws: training and test in one line",
        "dashed: the training ends; each day's forecast reads the same day's open, high and low",
        unit="won",
        split=pd.Timestamp(SPLIT),
    )
    numbers = {
        "RMSE": f"{_won(lstm)} (LSTM), {_won(gru)} (GRU)",
        "RMSE of naive, the same sessions": _won(naive),
        "RMSE over naive's": f"{number(lstm / naive, 2)} (LSTM), {number(gru / naive, 2)} (GRU)",
    }
    return Side(facts, says, numbers, {"as-written": picture})


def pipeline(frame: pd.DataFrame, epochs: int = 20, seed: int = 1) -> Forecasts:
    """The tutorial's LSTM as written, for the audit: training and test together, as it is drawn."""
    frame = dated(frame)
    arrays = prepare(frame)
    made = forecasts(arrays, "lstm", epochs, seed)[0][0]
    rows = np.arange(1, len(made))
    return {
        "forecasts": forecasts_frame(arrays.dates, rows, forecast=made[1:], y=arrays.close[1:]),
        "scores": {"rmse": rmse(made[1:], arrays.close[1:])},
        "trained_until": arrays.dates[arrays.split - 1],
    }


def corrected(frame: pd.DataFrame, epochs: int, seed: int) -> Side:
    """The next close from the inputs of the day before: the tutorial's 19 sessions, and all since 2015."""
    spring = frame.loc[:LAST]
    few = judged(
        {
            "the price": compared(spring, "close", epochs, SPLIT, seeds=3, folds=1, seed=seed),
            "the change": compared(spring, "return", epochs, SPLIT, seeds=3, folds=1, seed=seed),
        },
        unit="won",
        decimals=0,
    )
    many = judged(
        {
            "the price": compared(frame, "close", epochs, SINCE, seeds=3, folds=3, seed=seed),
            "the change": compared(frame, "return", epochs, SINCE, seeds=3, folds=3, seed=seed),
        },
        unit="won",
        decimals=0,
    )
    return Side(
        facts={"may_2022": few.facts, "since_2015": many.facts},
        says=few.says + many.says,
        numbers=few.numbers | {f"{label}, since 2015": value for label, value in many.numbers.items()},
        pictures={
            "corrected-may-2022": few.pictures["corrected"],
            "corrected-since-2015": many.pictures["corrected"],
        },
        table=many.table,
    )


def corrected_pipeline(frame: pd.DataFrame, epochs: int = 2, seed: int = 0) -> Forecasts:
    """The corrected road, for the audit."""
    frame = dated(frame)
    result = compared(frame, "return", epochs, f"{frame.index[-60]:%Y-%m-%d}", seeds=1, folds=1, seed=seed)
    return from_result(result, "lstm")


def compared(
    frame: pd.DataFrame, target: str, epochs: int, test_start: str, *, seeds: int, folds: int, seed: int
) -> Result:
    """The tutorial's networks, asked for the next close or its change."""
    return gc.compare(
        as_prices(frame, "005930.KS"),
        NETWORKS,
        features=inputs,
        target=target,
        scaler="standard",
        lookback=1,
        training=Training(epochs=epochs, batch_size=64, learning_rate=1e-3, patience=5),
        test_start=test_start,
        folds=folds,
        seeds=seeds,
        seed=seed,
    )


def inputs(table: pd.DataFrame) -> pd.DataFrame:
    """The tutorial's inputs, without the adjusted close."""
    return table[["open", "high", "low", "volume"]]


def _answer(window: pd.DataFrame) -> tuple[str, ...]:
    """What there is to say where the download has an adjusted close."""
    if "Adj Close" not in window.columns:
        return ()
    ratio = window["Adj Close"] / window["Close"]
    return (
        f"Among the inputs is Adj Close, which is Close times {ratio.min():.3f} to {ratio.max():.3f}: the "
        "answer itself.",
    )


def _won(value: float) -> str:
    return f"{number(value, 0)} won"


RECIPE = Recipe(
    name="samsung",
    title="Samsung: the same day's prices answer for its close",
    does=(
        "A Korean blog post forecasts Samsung Electronics in the first five months of 2022 with an LSTM and "
        "a GRU: all columns but Close as inputs, each day alone as a sequence of length 1, 1,000 epochs. It "
        "draws forecast and close, concludes that the GRU is much better, and announces a bidirectional "
        "LSTM (here as well)."
    ),
    found="Yahoo's 005930.KS.",
    target="Close",
    epochs=1000,
    corrected_epochs=50,
    as_written=as_written,
    corrected=corrected,
    pipeline=pipeline,
    corrected_pipeline=corrected_pipeline,
    differences=(
        Difference(
            "The forecast for a day reads that day's open, high, low, volume and adjusted close.",
            "The inputs are those of the day before, known when the forecast is made.",
            "same-day",
        ),
        Difference(
            "Both scalers are fitted on all rows, the test included.",
            "Each fold's scalers are fitted on its own training rows.",
            "future-rows",
        ),
        Difference(
            "Training and test are drawn as one forecast.",
            "Only sessions after the training are forecast and scored.",
            "training-rows",
        ),
        Difference(
            "“GRU is much better”: one seed, 19 sessions, by eye.",
            "Three seeds, the same 19 sessions and all since 2015, naive, and a test of the difference.",
        ),
        Difference(
            "The text's input_size=4 does not fit the five columns of the download.",
            "Open, high, low and volume.",
        ),
    ),
    yahoo="005930.KS",
)
