"""California's house prices from eight numbers of a district: an LSTM where there is no time."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

import gatecast as gc
from gatecast._typing import Floats
from gatecast.errors import DataError
from gatecast.formatting import listed, number
from gatecast.language import marked, say
from gatecast.recipes.arithmetic import Scaler, minmax, rmse, standard
from gatecast.recipes.cross_validation import cross_validated_errors, linear_regression, mean, network_model
from gatecast.recipes.errors import printed
from gatecast.recipes.frames import forecasts_frame, require
from gatecast.recipes.pictures import errors_picture
from gatecast.recipes.side import Side
from gatecast.recipes.tutorial import Answer, Difference, Prepared, Trained, Tutorial

TARGET = "median_house_value"
INPUTS = (
    "longitude", "latitude", "housing_median_age", "total_rooms", "total_bedrooms", "population",
    "households", "median_income",
)  # fmt: skip
TRAIN_SHARE = 0.7
FOLDS = 5
SEEDS = 3
DRAWN = 120  # rows of the picture
SCALERS: dict[str, Callable[[Floats], Scaler]] = {"minmax": minmax, "standard": standard}
NETWORK = gc.Network(
    hidden_size=2, state_activation="relu", mlp=(256, 256, 128), activation="relu"
)  # sequence length 1


def inputs_and_prices(frame: pd.DataFrame) -> tuple[Floats, Floats]:
    """The eight inputs (N, 8) and the median house value (N,)."""
    require(frame, [*INPUTS, TARGET], 100)
    return frame[list(INPUTS)].to_numpy(dtype=np.float64), frame[TARGET].to_numpy(dtype=np.float64)


class California(Tutorial):
    """A recurrent network where there is no time."""

    name = "california"
    title = marked("California: a recurrent network where there is no time")
    does = marked(
        "A lecture note trains an LSTM on the California housing table: eight numbers of a district, its "
        "median house price, the first 70 % of the rows for training, the rest as test. MinMaxScaler and "
        "StandardScaler are to be compared. It draws forecast and price over each other, as the test."
    )
    found = marked(
        "california_housing_train.csv (17,000 rows) lies in the folder sample_data of every Google Colab "
        "notebook, and in the GitHub repository devdio/flyai_datasets."
    )
    target = TARGET
    decimals = 0

    def read(self, source: str, start: str | None = None, end: str | None = None) -> pd.DataFrame:
        """The table as it stands; a row's number is its index."""
        if not source.lower().endswith((".csv", ".txt", ".tsv")):
            raise DataError(
                say("this is no CSV file"), file=source, remedy=say("Give california_housing_train.csv")
            )
        try:
            return pd.read_csv(source)
        except (OSError, ValueError) as error:
            raise DataError(say("cannot be read: {error}", error=error), file=source) from None

    def prepare(self, frame: pd.DataFrame, scaler: Callable[[Floats], Scaler] = minmax) -> Prepared:
        """The first 70 % and the rest, each scaled by itself: one scaler object is fitted four times."""
        x, price = inputs_and_prices(frame)
        split = int(TRAIN_SHARE * len(price))
        parts = slice(split), slice(split, None)
        return Prepared(
            frame.index,
            price,
            X=np.concatenate([scaler(x[part]).forward(x[part]) for part in parts])[:, None],
            y=np.concatenate([scaler(price[part]).forward(price[part]) for part in parts]),
            scaler=scaler(price[split:]),  # as the fourth fit leaves it
            rows=np.arange(len(price)),
            split=split,
            drawn=slice(split - DRAWN, split),
            claimed=slice(split),
        )

    def preparations(self, frame: pd.DataFrame) -> Mapping[str, Prepared]:
        """One network for each of the scalers."""
        return {name: self.prepare(frame, scaler) for name, scaler in SCALERS.items()}

    networks = dict.fromkeys(SCALERS, NETWORK)
    training = gc.Training(epochs=1000, batch_size=None, learning_rate=1e-3, patience=None, clip_norm=None)
    audited, audited_epochs = "minmax", 3

    def shown(self, frame: pd.DataFrame, networks: Mapping[str, Trained]) -> Side:
        """What the tutorial draws with either scaler, and the test error that it never computes."""
        prepared = networks["minmax"].prepared
        split, parts = prepared.split, (prepared.price[: prepared.split], prepared.actual)
        train, test = parts
        of_mean = rmse(np.full(len(test), train.mean()), test)
        errors = {name: errors_of(frame, SCALERS[name], network) for name, network in networks.items()}
        seen, seen_wrong, unseen, unseen_right = (
            [self.amount(error[name]) for error in errors.values()] for name in errors["minmax"]
        )
        return Side(
            facts={
                "rows": len(frame),
                "train_rows": split,
                "test_rows": len(test),
                "x_train": list(prepared.X[:split].shape),
                "target_means": [float(part.mean()) for part in parts],
                "target_ranges": [[float(part.min()), float(part.max())] for part in parts],
                "mean_test_rmse": of_mean,
                **errors,
            },
            sentences=(
                say(
                    "What it draws as the test are the rows it was trained on: an RMSE of {seen} (MinMax).",
                    seen=seen[0],
                ),
                say(
                    "On the {rows:,} rows it never saw, the real test, it is {minmax} (StandardScaler: "
                    "{standard}). The mean price of the training rows has {mean} there.",
                    rows=len(test),
                    minmax=unseen[0],
                    standard=unseen[1],
                    mean=self.amount(of_mean),
                ),
                say(
                    "The test's inputs are scaled by the test's own extremes, so equal numbers mean other "
                    "houses. In the scale of the training the test error is {minmax} (StandardScaler: "
                    "{standard}).",
                    minmax=unseen_right[0],
                    standard=unseen_right[1],
                ),
                say(
                    "With forecasts rescaled by the test's scaler, the training error is {minmax} with "
                    "MinMax instead of {right}, and {standard} with StandardScaler instead of "
                    "{standard_right}.",
                    minmax=seen_wrong[0],
                    right=seen[0],
                    standard=seen_wrong[1],
                    standard_right=seen[1],
                ),
                say(
                    "The rows are sorted from east to west: the “last 30 %” are other places, not a later "
                    "time."
                ),
            ),
            numbers={
                say("RMSE it draws"): say("{error}, on training rows", error=seen[0]),
                say("RMSE on rows never seen"): unseen[0],
                say("over that of the mean"): number(errors["minmax"]["test_rmse"] / of_mean, 2),
            },
            pictures=self.picture(
                networks,
                lambda: (
                    say("What the tutorial draws as its test: rows it was trained on"),
                    say("the last {n} of them; rescaled by the scaler of the real test", n=DRAWN),
                ),
            ),
        )

    differences = (
        Difference(
            marked(
                "An LSTM reads “sequences” of one row: the same row's eight inputs answer for its price. As "
                "a forecast in time that would be the same day's data."
            ),
            marked(
                "The table has no time. A district's description is known before its price, and is used as "
                "such; the LSTM is a plain network here."
            ),
            "same-day",
        ),
        Difference(
            marked("What is drawn as the test are the training rows."),
            marked("Every row is forecast by networks that never saw it."),
            "training-rows",
        ),
        Difference(
            marked(
                "One scaler object is fitted four times, so forecasts are rescaled by the test's prices. "
                "With MinMax that is harmless by luck: both parts hold the lowest and the highest price."
            ),
            marked("Each fold's scalers are fitted on its own training rows, inputs and price apart."),
            "future-rows",
        ),
        Difference(
            marked("The rows are sorted by longitude; the last 30 % are the west."),
            marked(
                "Folds at random and folds by region, side by side, because they ask different questions."
            ),
        ),
        Difference(
            marked("Nothing to compare with."),
            marked("The mean, and linear regression."),
        ),
    )

    corrected_training = gc.Training(epochs=20, batch_size=256, learning_rate=1e-3, patience=5)

    def corrected(self, frame: pd.DataFrame, epochs: int, seed: int) -> Side:
        """Five folds at random and five by region; every fold has its own scalers and early stopping."""
        x, price = inputs_and_prices(frame)
        from_east = np.argsort(-x[:, INPUTS.index("longitude")], kind="stable")
        at_random = np.random.default_rng(seed).permutation(len(price))
        ways = {
            marked("at random"): np.array_split(at_random, FOLDS),
            marked("by region"): np.array_split(from_east, FOLDS),
        }
        training = self.corrected_training.changed(epochs=epochs)
        network = network_model(NETWORK, training, seeds=SEEDS, seed=seed)
        models = {marked("mean"): mean, marked("linear regression"): linear_regression, "lstm": network}
        errors = cross_validated_errors(x, price, ways, models)
        groups = {way: {error.name: error for error in errors if error.group == way} for way in ways}
        lstm, regression, constant = (
            [self.amount(group[name].rmse) for group in groups.values()] for name in reversed(models)
        )
        return Side(
            facts={
                way.replace(" ", "_"): {name: error.rmse for name, error in group.items()}
                for way, group in groups.items()
            },
            sentences=(
                say(
                    "All {rows:,} rows are forecast once, in {folds} folds, {seeds} seeds each. With folds "
                    "at random the network has an RMSE of {lstm}, linear regression {regression}, the mean "
                    "{mean}.",
                    rows=len(frame),
                    folds=FOLDS,
                    seeds=SEEDS,
                    lstm=lstm[0],
                    regression=regression[0],
                    mean=constant[0],
                ),
                say(
                    "With folds by region (blocks of longitude) they have {lstm}, {regression} and {mean}: a "
                    "region never seen is another question than a district among its neighbours. The "
                    "tutorial asks that one.",
                    lstm=lstm[1],
                    regression=regression[1],
                    mean=constant[1],
                ),
                say(
                    "With a sequence of length 1 the LSTM never uses its state: it is a plain network, here "
                    "as well."
                ),
            ),
            numbers={
                say("RMSE on rows never seen"): say(
                    "{random} at random and {region} by region", random=lstm[0], region=lstm[1]
                ),
                say("over that of the mean"): listed(
                    [number(group["lstm"].ratio, 2) for group in groups.values()]
                ),
            },
            pictures={
                "corrected": lambda: errors_picture(
                    [error for error in errors if error.name != "mean"],
                    reference=say("the mean"),
                    title=say("Linear regression, and the tutorial's network"),
                )
            },
            table=printed(errors, self.unit, self.decimals, say("over that of the mean")),
        )

    def corrected_pipeline(self, frame: pd.DataFrame) -> Answer:
        """On a table `in_advance`: the last 30 % of the rows, by what the first 70 % teach.

        The audit reads rows as time, and folds would train on later rows: this is the tutorial's own split.
        """
        x, price = inputs_and_prices(frame)
        x, price = x[:-1], price[1:]
        split = int(TRAIN_SHARE * len(price))
        training = self.corrected_training.changed(epochs=self.audited_epochs)
        forecast = network_model(NETWORK, training)(x[:split], price[:split], x[split:])[0]
        actual, rows = price[split:], np.arange(split, len(price)) + 1
        return {
            "forecasts": forecasts_frame(frame.index, rows, forecast=forecast, y=actual),
            "scores": {"rmse": rmse(forecast, actual)},
            "trained_until": frame.index[split],
        }


def errors_of(frame: pd.DataFrame, scaler: Callable[[Floats], Scaler], network: Trained) -> dict[str, float]:
    """RMSE on the training rows, right and as drawn; on the test, in its own scale and in training's."""
    x, _ = inputs_and_prices(frame)
    prepared, fit = network.prepared, network.fit
    split, price, actual = prepared.split, prepared.price[: prepared.split], prepared.actual
    right, seen = scaler(price), fit.predict(prepared.X[:split])
    in_scale_of_training = scaler(x[:split]).forward(x[split:])[:, None]
    return {
        "train_rmse": rmse(right.inverse(seen), price),
        "train_rmse_turned_back_wrongly": rmse(prepared.scaler.inverse(seen), price),
        "test_rmse": rmse(right.inverse(fit.predict(prepared.X[split:])), actual),
        "test_rmse_scaled_as_training": rmse(right.inverse(fit.predict(in_scale_of_training)), actual),
    }


def in_advance(frame: pd.DataFrame) -> pd.DataFrame:
    """For the audit of the corrected road: what describes a district is known before its price.

    Each row's inputs are moved to the row before, where they are known at the origin.
    """
    moved = frame[list(INPUTS)].shift(-1)
    return frame.assign(**moved)[: len(frame) - 1]


TUTORIAL = California()
pipeline, corrected_pipeline = TUTORIAL.pipeline, TUTORIAL.corrected_pipeline
