"""California's house prices from eight numbers of a district: an LSTM where there is no time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import altair as alt
import numpy as np
import pandas as pd

import gatecast as gc
from gatecast._typing import Floats, Integers
from gatecast.api.windows import Fit
from gatecast.data.sources import CSV_ENDINGS
from gatecast.errors import DataError
from gatecast.recipes.common import (
    Difference,
    Forecasts,
    Recipe,
    Scaler,
    Side,
    forecasts_frame,
    minmax,
    require,
    rmse,
    standard,
)
from gatecast.recipes.pictures import errors_picture, lines_picture
from gatecast.report.tables import number
from gatecast.settings.network import Network
from gatecast.settings.training import Training

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
NETWORK = Network(
    cell="lstm", hidden_size=2, state_activation="relu", mlp=(256, 256, 128), activation="relu"
)  # sequence length 1


class Arrays(NamedTuple):
    """What the tutorial prepares, scaled: X (N, 1, 8), y (N,). `left`: the scaler after its fourth fit;
    x_test_right: the test's inputs in the scale of the training."""

    x_train: Floats
    y_train: Floats
    x_test: Floats
    x_test_right: Floats
    y_test: Floats
    left: Scaler
    right: Scaler
    split: int


def read(source: str) -> pd.DataFrame:
    """The table as it stands; a row's number is its index."""
    if not source.lower().endswith(tuple(CSV_ENDINGS)):
        raise DataError("this is no CSV file", file=source, remedy="Give california_housing_train.csv")
    try:
        return pd.read_csv(source)
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be read: {error}", file=source) from None


def prepare(frame: pd.DataFrame, fit: Callable[[Floats], Scaler]) -> Arrays:
    """The first 70 % and the rest, each part scaled by itself: one scaler object is fitted four times."""
    require(frame, [*INPUTS, TARGET], 100)
    x, y = frame[list(INPUTS)].to_numpy(dtype=np.float64), frame[TARGET].to_numpy(dtype=np.float64)
    split = int(TRAIN_SHARE * len(y))
    of_x_train, of_y_train, of_x_test, of_y_test = (
        fit(part) for part in (x[:split], y[:split], x[split:], y[split:])
    )
    return Arrays(
        of_x_train.forward(x[:split])[:, None],
        of_y_train.forward(y[:split]),
        of_x_test.forward(x[split:])[:, None],
        of_x_train.forward(x[split:])[:, None],
        of_y_test.forward(y[split:]),
        left=of_y_test,
        right=of_y_train,
        split=split,
    )


def train(arrays: Arrays, epochs: int, seed: int) -> Fit:
    """All rows in one batch, as the tutorial trains."""
    training = Training(epochs=epochs, batch_size=None, patience=None, clip_norm=None)
    return gc.fit_windows(NETWORK, training, arrays.x_train, arrays.y_train, seed=seed)


def as_written(frame: pd.DataFrame, epochs: int, seed: int) -> Side:
    """The tutorial with either scaler: what it draws, and the test error that it never computes."""
    parts = {name: prepare(frame, fit) for name, fit in SCALERS.items()}
    split = parts["minmax"].split
    value = frame[TARGET].to_numpy(dtype=np.float64)
    price, tested = value[:split], value[split:]
    mean = rmse(np.full(len(tested), price.mean()), tested)
    errors: dict[str, dict[str, float]] = {}
    lines = {"price": price[-DRAWN:]}
    for name, arrays in parts.items():
        network = train(arrays, epochs, seed)
        seen, unseen = network.predict(arrays.x_train), network.predict(arrays.x_test)
        unseen_right = network.predict(arrays.x_test_right)
        lines[f"forecast, {name}"] = arrays.left.back(seen)[-DRAWN:]
        errors[name] = {
            "train_rmse": rmse(arrays.right.back(seen), price),
            "train_rmse_turned_back_wrongly": rmse(arrays.left.back(seen), price),
            "test_rmse": rmse(arrays.right.back(unseen), tested),
            "test_rmse_scaled_as_training": rmse(arrays.right.back(unseen_right), tested),
        }
    facts = {
        "rows": len(frame),
        "train_rows": len(price),
        "test_rows": len(tested),
        "x_train": list(parts["minmax"].x_train.shape),
        "target_means": [float(price.mean()), float(tested.mean())],
        "target_ranges": [[float(part.min()), float(part.max())] for part in (price, tested)],
        "mean_test_rmse": mean,
        **errors,
    }
    own, own_right, right, wrong = (
        [_dollars(error[name]) for error in errors.values()]
        for name in (
            "test_rmse",
            "test_rmse_scaled_as_training",
            "train_rmse",
            "train_rmse_turned_back_wrongly",
        )
    )
    says = (
        f"What it draws as the test are the rows it was trained on: an RMSE of {right[0]} (MinMax).",
        f"On the {len(tested):,} rows it never saw, the real test, it is {own[0]} (StandardScaler: "
        f"{own[1]}). The mean price of the training rows has {_dollars(mean)} there.",
        f"The test's inputs are scaled by the test's own extremes, so equal numbers mean other houses. In "
        f"the scale of the training the test error is {own_right[0]} (StandardScaler: {own_right[1]}).",
        f"Turned back with the test's scale, the training error is {wrong[0]} with MinMax instead of "
        f"{right[0]}, and {wrong[1]} with StandardScaler instead of {right[1]}.",
        "The rows are sorted from east to west: the “last 30 %” are other places, not a later time.",
    )
    picture = lines_picture(
        frame.index[split - DRAWN : split],
        lines,
        "What the tutorial draws as its test: rows it was trained on",
        f"the last {DRAWN} of them; turned back with the scale of the real test",
        unit="dollars",
    )
    numbers = {
        "RMSE it draws": f"{right[0]}, on training rows",
        "RMSE on rows never seen": own[0],
        "over that of the mean": number(errors["minmax"]["test_rmse"] / mean, 2),
    }
    return Side(facts, says, numbers, {"as-written": picture})


def pipeline(frame: pd.DataFrame, epochs: int = 3, seed: int = 1) -> Forecasts:
    """The tutorial as written with MinMax, for the audit: a row is a session, numbered from 0.

    With the first seed the relu behind the two states is shut for most rows, which then read nothing.
    """
    arrays = prepare(frame, minmax)
    rows = np.arange(1, arrays.split)
    made = arrays.left.back(train(arrays, epochs, seed).predict(arrays.x_train))[rows]
    price = arrays.right.back(arrays.y_train)[rows]
    return {
        "forecasts": forecasts_frame(frame.index, rows, forecast=made, y=price),
        "scores": {"rmse": rmse(made, price)},
        "trained_until": frame.index[arrays.split - 1],
    }


class Validated(NamedTuple):
    """A cross-validation: RMSE of each model over all rows, and of each seed of the network."""

    rmse: dict[str, float]
    seeds: list[float]


def corrected(frame: pd.DataFrame, epochs: int, seed: int) -> Side:
    """Five folds at random and five by region; every fold has its own scalers and its own early stopping."""
    require(frame, [*INPUTS, TARGET], 100)
    order = np.random.default_rng(seed).permutation(len(frame))
    from_east = np.argsort(-frame["longitude"].to_numpy(), kind="stable")
    random = cross_validated(frame, np.array_split(order, FOLDS), epochs, seed)
    region = cross_validated(frame, np.array_split(from_east, FOLDS), epochs, seed)
    both = {"at random": random, "by region": region}
    says = (
        f"All {len(frame):,} rows are forecast once, in {FOLDS} folds, {SEEDS} seeds each. With folds at "
        f"random the network has an RMSE of {_dollars(random.rmse['lstm'])}, linear regression "
        f"{_dollars(random.rmse['linear regression'])}, the mean {_dollars(random.rmse['mean'])}.",
        f"With folds by region (blocks of longitude) they have {_dollars(region.rmse['lstm'])}, "
        f"{_dollars(region.rmse['linear regression'])} and {_dollars(region.rmse['mean'])}: a region "
        "never seen is another question than a district among its neighbours. The tutorial asks that one.",
        "With a sequence of length 1 the LSTM never uses its state: it is a plain network, here as well.",
    )
    return Side(
        facts={name.replace(" ", "_"): one.rmse for name, one in both.items()},
        says=says,
        numbers={
            "RMSE on rows never seen": " and ".join(
                f"{_dollars(one.rmse['lstm'])} {name}" for name, one in both.items()
            ),
            "over that of the mean": " and ".join(
                number(one.rmse["lstm"] / one.rmse["mean"], 2) for one in both.values()
            ),
        },
        pictures={"corrected": _picture(both)},
        table=pd.DataFrame(
            [
                {
                    "model": f"{model}, folds {name}",
                    "RMSE, dollars": number(error, 0),
                    "over that of the mean": number(error / one.rmse["mean"], 3),
                }
                for name, one in both.items()
                for model, error in one.rmse.items()
            ]
        ),
    )


def cross_validated(frame: pd.DataFrame, folds: list[Integers], epochs: int, seed: int) -> Validated:
    """Every row forecast by models that were fitted on the other folds."""
    x, y = frame[list(INPUTS)].to_numpy(dtype=np.float64), frame[TARGET].to_numpy(dtype=np.float64)
    mean, linear, networks = np.empty(len(y)), np.empty(len(y)), np.empty((SEEDS, len(y)))
    for test in folds:
        known = np.delete(np.arange(len(y)), test)
        mean[test] = y[known].mean()
        linear[test] = linear_regression(x[known], y[known], x[test])
        networks[:, test] = network_forecasts(x[known], y[known], x[test], epochs, seed)
    made = {"mean": mean, "linear regression": linear, "lstm": networks.mean(axis=0)}
    return Validated({name: rmse(one, y) for name, one in made.items()}, [rmse(one, y) for one in networks])


def linear_regression(x: Floats, y: Floats, new: Floats) -> Floats:
    """Least squares with an intercept."""
    weights, *_ = np.linalg.lstsq(np.column_stack([x, np.ones(len(x))]), y, rcond=None)
    return np.column_stack([new, np.ones(len(new))]) @ weights


def network_forecasts(
    x: Floats, y: Floats, new: Floats, epochs: int, seed: int, seeds: int = SEEDS
) -> Floats:
    """The tutorial's network, fitted on x and y: forecasts of `new`, (seeds, N), in dollars.

    The scalers see x and y only; a seventh of them, at random, tells when to stop.
    """
    of_x, of_y = standard(x), standard(y)
    X, target = of_x.forward(x)[:, None], of_y.forward(y)
    order = np.random.default_rng(seed).permutation(len(y))
    held, kept = np.split(order, [len(y) // 7])
    training = Training(epochs=epochs, batch_size=256, patience=5)
    fit = gc.fit_windows(
        NETWORK, training, X[kept], target[kept], validation=(X[held], target[held]), seeds=seeds, seed=seed
    )
    windows = of_x.forward(new)[:, None]
    return np.stack([of_y.back(replace(fit, trained=(one,)).predict(windows)) for one in fit.trained])


def in_advance(frame: pd.DataFrame) -> pd.DataFrame:
    """For the audit of the corrected road: what describes a district is known before its price.

    Each row's inputs are moved to the row before, where they are known at the origin.
    """
    moved = frame[list(INPUTS)].shift(-1)
    return frame.assign(**moved)[: len(frame) - 1]


def corrected_pipeline(frame: pd.DataFrame, epochs: int = 3, seed: int = 0) -> Forecasts:
    """The corrected road on a table `in_advance`: the last 30 % of the rows, by what the first 70 % teach.

    The audit reads rows as time, and folds would train on later rows: this is the tutorial's own split.
    """
    require(frame, [*INPUTS, TARGET], 100)
    x, y = frame[list(INPUTS)].to_numpy(dtype=np.float64)[:-1], frame[TARGET].to_numpy(dtype=np.float64)[1:]
    split = int(TRAIN_SHARE * len(y))
    made = network_forecasts(x[:split], y[:split], x[split:], epochs, seed, seeds=1)[0]
    rows = np.arange(split, len(y)) + 1
    return {
        "forecasts": forecasts_frame(frame.index, rows, forecast=made, y=y[split:]),
        "scores": {"rmse": rmse(made, y[split:])},
        "trained_until": frame.index[split],
    }


def _picture(both: dict[str, Validated]) -> alt.LayerChart:
    errors = pd.DataFrame(
        [
            {
                "model": f"{model}, {name}",
                "network": model == "lstm",
                "ratio": error / one.rmse["mean"],
                "low": min(one.seeds) / one.rmse["mean"] if model == "lstm" else np.nan,
                "high": max(one.seeds) / one.rmse["mean"] if model == "lstm" else np.nan,
            }
            for name, one in both.items()
            for model, error in one.rmse.items()
            if model != "mean"
        ]
    )
    return errors_picture(errors, reference="the mean", title="Linear regression, and the tutorial's network")


def _dollars(value: float) -> str:
    return f"{number(value, 0)} dollars"


RECIPE = Recipe(
    name="california",
    title="California: a recurrent network where there is no time",
    does=(
        "A lecture note trains an LSTM on the California housing table: eight numbers of a district, its "
        "median house price, the first 70 % of the rows for training, the rest as test. MinMaxScaler and "
        "StandardScaler are to be compared. It draws forecast and price over each other, as the test."
    ),
    found=(
        "california_housing_train.csv (17,000 rows) lies in the folder sample_data of every Google Colab "
        "notebook, and in the GitHub repository devdio/flyai_datasets."
    ),
    target=TARGET,
    epochs=1000,
    corrected_epochs=20,
    as_written=as_written,
    corrected=corrected,
    pipeline=pipeline,
    corrected_pipeline=corrected_pipeline,
    differences=(
        Difference(
            "An LSTM reads “sequences” of one row: the same row's eight inputs answer for its price. As a "
            "forecast in time that would be the same day's data.",
            "The table has no time. A district's description is known before its price, and is used as such; "
            "the LSTM is a plain network here.",
            "same-day",
        ),
        Difference(
            "What is drawn as the test are the training rows.",
            "Every row is forecast by networks that never saw it.",
            "training-rows",
        ),
        Difference(
            "One scaler object is fitted four times, so forecasts are turned back with the test's scale. "
            "With MinMax that is harmless by luck: both parts hold the lowest and the highest price.",
            "Each fold's scalers are fitted on its own training rows, inputs and price apart.",
            "future-rows",
        ),
        Difference(
            "The rows are sorted by longitude; the last 30 % are the west.",
            "Folds at random and folds by region, side by side, because they ask different questions.",
        ),
        Difference("Nothing to compare with.", "The mean, and linear regression."),
    ),
    read=read,
)
