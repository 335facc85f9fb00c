"""Samsung's close from the same day's prices: LSTM and GRU with sequences of one day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

import gatecast as gc
from gatecast.language import marked, say
from gatecast.recipes.arithmetic import minmax, rmse, standard
from gatecast.recipes.frames import require
from gatecast.recipes.side import Side
from gatecast.recipes.tutorial import Difference, Prepared, PriceTutorial, Trained

FIRST, LAST = "2022-01-01", "2022-05-30"  # Yahoo leaves out the end that is asked for, 2022-05-31
SPLIT = "2022-05-01"  # where the tutorial draws its dashed line
SINCE = "2015-01-01"
NETWORK = gc.Network(hidden_size=2, state_activation="relu", mlp=(128,), activation="relu")


def inputs(table: pd.DataFrame) -> pd.DataFrame:
    """The tutorial's inputs, without the adjusted close."""
    return table[["open", "high", "low", "volume"]]


def download(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that the tutorial downloads; the corrected side also learns from those before."""
    window = frame.loc[FIRST:LAST]
    require(window, ["Open", "High", "Low", "Close", "Volume"], 30)
    return window


class Samsung(PriceTutorial):
    """The same day's prices answer for the close."""

    name = "samsung"
    title = marked("Samsung: the same day's prices answer for its close")
    does = marked(
        "A Korean blog post forecasts Samsung Electronics in the first five months of 2022 with an LSTM and "
        "a GRU: all columns but Close as inputs, each day alone as a sequence of length 1, 1,000 epochs. It "
        "draws forecast and close, concludes that the GRU is much better, and announces a bidirectional "
        "LSTM (here as well)."
    )
    found = marked("Yahoo's 005930.KS.")
    yahoo = "005930.KS"
    unit, decimals = marked("won"), 0

    def prepare(self, frame: pd.DataFrame) -> Prepared:
        """All columns but Close, of the *same* day; both scalers are fitted on *all* rows."""
        window = download(frame)
        values = window.drop(columns="Close").to_numpy(dtype=np.float64)
        close = window["Close"].to_numpy(dtype=np.float64)
        scaler = minmax(close)
        return Prepared(
            window.index,
            close,
            X=standard(values).forward(values)[:, None],
            y=scaler.forward(close),
            scaler=scaler,
            rows=np.arange(len(close)),
            split=int((window.index < pd.Timestamp(SPLIT)).sum()),
            drawn=slice(None),
        )

    networks = {
        "lstm": NETWORK,
        "gru": NETWORK.changed(cell="gru"),
        "bilstm": NETWORK.changed(bidirectional=True),  # announced as next
    }
    training = gc.Training(epochs=1000, batch_size=None, learning_rate=1e-4, patience=None, clip_norm=None)
    seeds = 10
    audited, audited_epochs = "lstm", 20

    def shown(self, frame: pd.DataFrame, networks: Mapping[str, Trained]) -> Side:
        """LSTM and GRU drawn over training and test together, and what other seeds would have concluded."""
        prepared = networks["lstm"].prepared
        split, naive = prepared.split, rmse(prepared.naive, prepared.actual)
        errors = {name: network.errors for name, network in networks.items()}
        lstm, gru = errors["lstm"], errors["gru"]
        better = sum(one < other for one, other in zip(gru, lstm, strict=True))
        return Side(
            facts={
                "rows": len(prepared.price),
                "inputs": frame.columns.drop("Close").tolist(),
                "first": prepared.date(0),
                "last": prepared.date(-1),
                "train_rows": split,
                "train_last": prepared.date(split - 1),
                "test_rows": len(prepared.actual),
                "test_first": prepared.date(split),
                "x": list(prepared.X.shape),
                "x_first": prepared.X[0, 0].tolist(),
                "y_first": float(prepared.y[0]),
                "loss": {name: first_losses(network)[99::100] for name, network in networks.items()},
                "rmse": {name: error[0] for name, error in errors.items()},
                "rmse_by_seed": errors,
                "gru_better_than_lstm": better,
                "naive_rmse": naive,
            },
            sentences=(
                say(
                    "With the first seed the RMSE on the {n} test sessions is {lstm} for the LSTM and {gru} "
                    "for the GRU; yesterday's close, without any network, has {naive}.",
                    n=len(prepared.actual),
                    lstm=self.amount(lstm[0]),
                    gru=self.amount(gru[0]),
                    naive=self.amount(naive),
                ),
                say(
                    "“GRU is much better” rests on one seed. Of {seeds} seeds the GRU is better in {better}; "
                    "the LSTM's error goes from {least} to {most}.",
                    seeds=self.seeds,
                    better=better,
                    least=self.amount(min(lstm)),
                    most=self.amount(max(lstm)),
                ),
                *adjusted_close(download(frame)),
                say(
                    "The dashed line is where the training ends: left of it the networks forecast rows that "
                    "they were trained on."
                ),
            ),
            numbers=self.against_naive({"lstm": lstm[0], "gru": gru[0]}, prepared),
            pictures=self.picture(
                networks,
                lambda: (
                    say("The forecast the tutorial draws: training and test in one line"),
                    say(
                        "dashed: the training ends; each day's forecast reads the same day's open, high "
                        "and low"
                    ),
                ),
            ),
        )

    differences = (
        Difference(
            marked("The forecast for a day reads that day's open, high, low, volume and adjusted close."),
            marked("The inputs are those of the day before, known when the forecast is made."),
            "same-day",
        ),
        Difference(
            marked("Both scalers are fitted on all rows, the test included."),
            marked("Each fold's scalers are fitted on its own training rows."),
            "future-rows",
        ),
        Difference(
            marked("Training and test are drawn as one forecast."),
            marked("Only sessions after the training are forecast and scored."),
            "training-rows",
        ),
        Difference(
            marked("“GRU is much better”: one seed, 19 sessions, by eye."),
            marked(
                "Three seeds, the same 19 sessions and all since 2015, naive, and a test of the difference."
            ),
        ),
        Difference(
            marked("The text's input_size=4 does not fit the five columns of the download."),
            marked("Open, high, low and volume."),
        ),
    )

    symbol = "005930.KS"
    corrected_training = gc.Training(epochs=50, batch_size=64, learning_rate=1e-3, patience=5)
    comparison = {
        "features": inputs,
        "replace_features": True,
        "scaler": "standard",
        "lookback": 1,
        "folds": 3,
        "seeds": 3,
    }

    def corrected(self, frame: pd.DataFrame, epochs: int, seed: int, **settings: Any) -> Side:
        """The next close from the day before: in the tutorial's 19 sessions, and in all since 2015."""
        few = super().corrected(frame.loc[:LAST], epochs, seed, folds=1, **settings)
        many = super().corrected(frame, epochs, seed, test_start=SINCE, **settings)
        return Side(
            facts={"may_2022": few.facts, "since_2015": many.facts},
            sentences=few.sentences + many.sentences,
            numbers=few.numbers
            | {say("{label}, since 2015", label=label): value for label, value in many.numbers.items()},
            pictures={
                "corrected-may-2022": few.pictures["corrected"],
                "corrected-since-2015": many.pictures["corrected"],
            },
            table=many.table,
        )


def first_losses(network: Trained) -> list[float]:
    """The training loss of the first seed, epoch by epoch."""
    history = network.fit.history
    return history.loc[history["seed"] == history["seed"].min(), "loss"].tolist()


def adjusted_close(window: pd.DataFrame) -> tuple[str, ...]:
    """What there is to say where the download has an adjusted close."""
    if "Adj Close" not in window.columns:
        return ()
    ratio = window["Adj Close"] / window["Close"]
    return (
        say(
            "Among the inputs is Adj Close, which is Close times {least:.3f} to {most:.3f}: the "
            "answer itself.",
            least=ratio.min(),
            most=ratio.max(),
        ),
    )


TUTORIAL = Samsung()
pipeline, corrected_pipeline = TUTORIAL.pipeline, TUTORIAL.corrected_pipeline
