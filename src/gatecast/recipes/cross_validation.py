"""A cross-validation of networks and simple models where the rows of a table have no order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

import gatecast as gc
from gatecast._typing import Floats, Integers
from gatecast.recipes.arithmetic import standard
from gatecast.recipes.errors import ModelError, model_error

Model = Callable[[Floats, Floats, Floats], Floats]  # x (N, F), y (N,), new x (n, F) → forecasts (seeds, n)
Folds = Sequence[Integers]  # the rows of each test


def mean(x: Floats, y: Floats, new: Floats) -> Floats:
    """The mean of y for every row."""
    return np.full((1, len(new)), y.mean())


def linear_regression(x: Floats, y: Floats, new: Floats) -> Floats:
    """Least squares with an intercept."""
    weights, *_ = np.linalg.lstsq(np.column_stack([x, np.ones(len(x))]), y, rcond=None)
    return (np.column_stack([new, np.ones(len(new))]) @ weights)[None]


def network_model(network: gc.Network, training: gc.Training, *, seeds: int = 1, seed: int = 0) -> Model:
    """A network on windows of one row; a seventh of the rows it is fitted on, at random, ends its training.

    Its scalers are fitted on x and y only.
    """

    def forecasts(x: Floats, y: Floats, new: Floats) -> Floats:
        of_x, of_y = standard(x), standard(y)
        X, target = of_x.forward(x)[:, None], of_y.forward(y)
        held, kept = np.split(np.random.default_rng(seed).permutation(len(y)), [len(y) // 7])
        validation = X[held], target[held]
        fit = gc.fit_windows(
            network, training, X[kept], target[kept], validation=validation, seeds=seeds, seed=seed
        )
        windows = of_x.forward(new)[:, None]
        return of_y.inverse(np.stack([replace(fit, trained=(one,)).predict(windows) for one in fit.trained]))

    return forecasts


def cross_validated(x: Floats, y: Floats, folds: Folds, model: Model) -> Floats:
    """Forecasts (seeds, N) of every row by models that were fitted on the other folds."""
    parts = [model(np.delete(x, test, axis=0), np.delete(y, test), x[test]) for test in folds]
    return np.concatenate(parts, axis=1)[:, np.argsort(np.concatenate(folds))]


def cross_validated_errors(
    x: Floats, y: Floats, ways: Mapping[str, Folds], models: Mapping[str, Model]
) -> list[ModelError]:
    """Every model's error over all rows, for each way to fold them; the first model is the reference."""
    errors = []
    for way, folds in ways.items():
        forecasts = {name: cross_validated(x, y, folds, model) for name, model in models.items()}
        reference = next(iter(forecasts.values())).mean(axis=0)
        for name, made in forecasts.items():
            seeds = made if len(made) > 1 else ()
            errors.append(model_error(name, way, made.mean(axis=0), seeds, y, reference))
    return errors
