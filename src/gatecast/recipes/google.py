"""Google's open from seven sessions of Open and High - Low: an LSTM cell written out by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

import gatecast as gc
from gatecast._typing import Floats
from gatecast.language import marked, say
from gatecast.recipes.arithmetic import Scaler, mae, minmax, rmse
from gatecast.recipes.frames import require
from gatecast.recipes.handwritten import loop_lstm, scan_lstm, zero_state
from gatecast.recipes.side import Side
from gatecast.recipes.tutorial import Answer, Difference, Prepared, PriceTutorial, Trained

if TYPE_CHECKING:
    from gatecast.api.windows import Fit

WINDOW = 7
TRAIN_SHARE = 0.7
BATCH = 35
NETWORK = gc.Network(hidden_size=4, init="glorot")  # LSTM(4), Dense(1)


def inputs(table: pd.DataFrame) -> pd.DataFrame:
    """The tutorial's inputs; Open, High and Low are on one scale in its file, the close is not."""
    return pd.DataFrame({"open": table["open"], "range": table["high"] - table["low"]})


def inverse_of_an_error(scaled_mae: float, scaler: Scaler) -> float:
    """An error treated like a price: the tutorial adds the offset."""
    return float(scaler.inverse(np.array(scaled_mae)))


class Google(PriceTutorial):
    """An LSTM from scratch, two days ahead by accident."""

    name = "google"
    title = marked("Google: an LSTM from scratch, two days ahead by accident")
    does = marked(
        "A blog post writes the LSTM cell out by hand, once as a Python loop and once as a scan, and "
        "forecasts Google's opening price from seven sessions of Open and High - Low. It trains for 7,000 "
        "epochs, reports a mean absolute error of 0.0756, “turned back” to 319.75 dollars, and ends by "
        "asking for early stopping and dropout."
    )
    found = marked(
        "Google_Stock_Price_Train.csv (1,258 rows, 2012 to 2016) is in many public copies, such as the "
        "GitHub repository stispe/LSTM-test."
    )
    target = "Open"

    def prepare(self, frame: pd.DataFrame) -> Prepared:
        """Windows of seven sessions, both scalers fitted on *all* rows, and a target shifted twice."""
        require(frame, ["Open", "High", "Low"], 2 * BATCH)
        table = inputs(frame.rename(columns=str.lower)).to_numpy(dtype=np.float64)
        opens = table[:, 0]
        target = opens[1:]  # the first shift: the next open
        scaler = minmax(target)
        windows = sliding_window_view(minmax(table).forward(table[:-1]), WINDOW, axis=0).swapaxes(1, 2)[:-1]
        split = int(TRAIN_SHARE * len(windows))
        return Prepared(
            frame.index,
            opens,
            X=windows,
            y=scaler.forward(target)[WINDOW:],  # the second shift: y at i + 7, after X at i … i + 6
            scaler=scaler,
            rows=np.arange(len(windows)) + WINDOW + 1,
            split=split,
            drawn=slice(split, None),
            horizon=2,
        )

    networks = {"lstm": NETWORK}
    training = gc.Training(
        epochs=7000, batch_size=BATCH, shuffle=False, learning_rate=0.01, patience=None, clip_norm=None
    )
    audited, audited_epochs = "lstm", 20

    def outputs(self, prepared: Prepared, fit: Fit, X: Floats) -> Floats:
        """Every batch of 35 starts from the states left by training's last: its place matters to a window."""
        weights = fit.trained[0].params
        last = prepared.X[: prepared.split][-BATCH:]
        _, (h, c) = scan_lstm(weights, last, zero_state(weights, len(last)))
        batches = [X[start : start + BATCH] for start in range(0, len(X), BATCH)]
        outputs = [scan_lstm(weights, batch, (h[: len(batch)], c[: len(batch)]))[0] for batch in batches]
        return np.concatenate(outputs).astype(np.float64)[None]

    def shown(self, frame: pd.DataFrame, networks: Mapping[str, Trained]) -> Side:
        """Its error with the offset added, and what it is; the loop, the scan and the engine side by side."""
        lstm = networks["lstm"]
        prepared, scaler, actual = lstm.prepared, lstm.prepared.scaler, lstm.prepared.actual
        weights, X, y = lstm.fit.trained[0].params, prepared.X[prepared.split :], prepared.y[prepared.split :]
        [forecast] = lstm.tested
        start = zero_state(weights, len(X[:BATCH]))
        loop, scan = (np.asarray(lstm_of(weights, X[:BATCH], start)[0]) for lstm_of in (loop_lstm, scan_lstm))
        engine = lstm.fit.predict(X)
        loop_to_scan = float(np.abs(loop - scan).max())
        scan_to_engine = float(np.abs(scan - engine[:BATCH]).max())
        scaled, right, naive = (
            mae(scaler.forward(forecast), y),
            mae(forecast, actual),
            mae(prepared.naive, actual),
        )
        wrong = inverse_of_an_error(scaled, scaler)
        return Side(
            facts={
                "rows": len(prepared.price),
                "x_first": prepared.X[0, 0].tolist(),
                "y_first": float(scaler.forward(prepared.price[1])),
                "y_last": float(y[-1]),
                "pairs": len(prepared.X),
                "x": list(prepared.X.shape),
                "train_pairs": prepared.split,
                "test_pairs": len(X),
                "last_test_batch": (len(X) - 1) % BATCH + 1,
                "test_first": prepared.date(prepared.split),
                "test_last": prepared.date(-1),
                "scaled_mae": scaled,
                "mae_as_printed": wrong,
                "mae": right,
                "mae_from_zero_states": mae(scaler.inverse(engine), actual),
                "naive_mae": naive,
                "rmse": lstm.errors[0],
                "naive_rmse": rmse(prepared.naive, actual),
                "loop_to_scan": loop_to_scan,
                "scan_to_engine": scan_to_engine,
            },
            sentences=(
                say(
                    "Its mean absolute error is {scaled:.4f} in scaled units. An error has no offset: it is "
                    "{right:.2f} dollars. The tutorial adds the lowest price and reports {wrong:.2f} "
                    "dollars.",
                    scaled=scaled,
                    right=right,
                    wrong=wrong,
                ),
                say(
                    "'The open in two sessions is today's', without any network, is off by {naive:.2f} "
                    "dollars.",
                    naive=naive,
                ),
                say("y is shifted twice, so the forecast drawn for tomorrow is compared with the day after."),
                say(
                    "Its Python loop and its scan agree to {scan}, with gatecast's own cell to {engine}.",
                    scan=order_of(loop_to_scan),
                    engine=order_of(scan_to_engine),
                ),
            ),
            numbers={
                say("mean absolute error it reports"): say("{error:.2f} dollars", error=wrong),
                say("mean absolute error"): say("{error:.2f} dollars", error=right),
                say("mean absolute error of naive"): say("{error:.2f} dollars", error=naive),
                **self.against_naive({say("lstm, two sessions ahead"): lstm.errors[0]}, prepared),
            },
            pictures=self.picture(
                networks,
                lambda: (
                    say(
                        "The forecast is off by {right:.2f} dollars; the tutorial reports {wrong:.2f}",
                        right=right,
                        wrong=wrong,
                    ),
                    say(
                        "'the open in two sessions is today's' is off by {naive:.2f} dollars",
                        naive=naive,
                    ),
                ),
            ),
        )

    def answer(self, prepared: Prepared, fit: Fit) -> Answer:
        """The tutorial's forecasts, and how it makes those of some origins alone."""

        def predict(origins: Any) -> pd.DataFrame:
            rows = prepared.index.get_indexer(pd.Index(origins))
            return self.claims(prepared, fit, rows + prepared.horizon - prepared.rows[0])

        return super().answer(prepared, fit) | {"predict": predict}

    def scores(self, prepared: Prepared, forecast: Floats, actual: Floats) -> dict[str, float]:
        """The error with its offset."""
        scaler = prepared.scaler
        return {"mae": inverse_of_an_error(mae(scaler.forward(forecast), scaler.forward(actual)), scaler)}

    differences = (
        Difference(
            marked("Both scalers are fitted on all rows, the test's lowest and highest price included."),
            marked("Each fold's scalers are fitted on its own training rows."),
            "future-rows",
        ),
        Difference(
            marked(
                "y is taken at i + 7 although it is already the next open: two sessions ahead, drawn as one."
            ),
            marked("The target is the open of the session after the window."),
            "shift",
        ),
        Difference(
            marked("The mean absolute error is rescaled like a price, with the offset added."),
            marked("An error is multiplied by the scale, and nothing is added."),
            "metric",
        ),
        Difference(
            marked(
                "The test starts from the states of training's last batch, so a forecast depends on its "
                "place in its batch."
            ),
            marked("Every window starts from zero, as in training."),
            "order",
        ),
        Difference(
            marked("7,000 epochs without a look at other data."),
            marked("Early stopping on validation sessions, and a second network with dropout."),
        ),
    )
    note = marked(
        "For an opening price the last close is the better naive: the open of tomorrow begins where today "
        "ended. It cannot be used in this file before 2014-03-27, because until then Close is the price "
        "before the 2:1 split, twice that of Open, High and Low. Naive here is the last open."
    )

    symbol = "GOOG"
    corrected_training = gc.Training(epochs=100, batch_size=BATCH, learning_rate=0.01, patience=10)
    comparison = {
        "column": "open", "features": inputs, "replace_features": True, "scaler": "minmax",
        "lookback": WINDOW, "folds": 3, "seeds": 5,
    }  # fmt: skip

    def models(self, target: str) -> Mapping[str, gc.Network]:
        """The tutorial's network, and one with the dropout that it asks for."""
        return {"lstm": NETWORK, "lstm with dropout": NETWORK.changed(num_layers=2, dropout=0.2)}


def order_of(difference: float) -> str:
    """A difference with one digit."""
    return f"{difference:.0e}" if difference > 0 else say("the last bit")


TUTORIAL = Google()
pipeline, corrected_pipeline = TUTORIAL.pipeline, TUTORIAL.corrected_pipeline
