"""gatecast's side of walk, wide and grow."""

from __future__ import annotations

# isort: off
from sides import prepared  # noqa: F401  (first: before JAX)

# isort: on
import time
from typing import Any

import jax
import numpy as np
import pandas as pd

import gatecast as gc
from gatecast.models.networks import RecurrentNetwork, make_dataset
from gatecast.nn.population import Member, train
from gatecast.nn.program import Dataset
from gatecast.problem.folds import Fold, cut_folds, future_fold
from gatecast.problem.problem import Problem, make_problem
from gatecast.problem.scaling import fit_scale

VERSIONS = {"gatecast": gc.__version__, "jax": jax.__version__}


def _problem(lookback: int, source: str = "sample:sp500") -> Problem:
    return make_problem(gc.load(source), lookback=lookback, horizon=1)


def walk(walk: dict[str, Any]) -> dict[str, Any]:
    """All networks of the comparison, trained and their test sessions forecast."""
    problem = _problem(walk["lookback"])
    folds = cut_folds(problem, folds=walk["folds"])
    training = gc.Training(
        epochs=walk["epochs"], batch_size=walk["batch"], patience=walk["patience"], clip_norm=None
    )
    began, models = time.perf_counter(), {}
    for name, (cell, both) in walk["models"].items():
        network = gc.Network(cell=cell, hidden_size=walk["hidden"], bidirectional=both)
        start = time.perf_counter()
        fitted = RecurrentNetwork(network, training, seeds=walk["seeds"]).fit(problem, folds)
        for fold, ensemble in zip(folds, fitted, strict=True):
            ensemble.predict(problem, fold.test)
        steps = _steps(fitted[0].population.history, folds, walk["batch"])
        models[name] = {"seconds": time.perf_counter() - start, "steps": steps}
    return {"seconds": time.perf_counter() - began, "models": models, "versions": VERSIONS}


def export(walk: dict[str, Any], file: str) -> dict[str, Any]:
    """The same folds, scaled for both stages, for the PyTorch loops; and the rows for the libraries."""
    problem = _problem(walk["lookback"])
    folds = cut_folds(problem, folds=walk["folds"])
    features = np.nan_to_num(problem.features)  # the first row has no return
    arrays: dict[str, Any] = {"rows": features}
    arrays["target"] = np.nan_to_num(problem.targets[:, 0]).astype(np.float32)
    arrays["test"] = np.array([fold.test[0] for fold in folds])
    for number, fold in enumerate(folds):
        for stage, part in (("search", fold.train), ("refit", fold.train_validation)):
            scaled = make_dataset(gc.Network(), problem, [fit_scale(problem, part)])
            arrays[f"{number}/{stage}/x"] = (features - scaled.x_offset[0, 0]) / scaled.x_scale[0, 0]
            arrays[f"{number}/{stage}/y"] = arrays["target"] / scaled.y_scale[0, 0, 0]
        for name in ("train", "validation", "train_validation", "test"):
            arrays[f"{number}/{name}"] = getattr(fold, name)
    np.savez(file, **arrays)
    return {"sessions": len(problem.features), "features": problem.features.shape[1]}


def _steps(history: pd.DataFrame, folds: list[Fold], batch: int) -> int:
    """Of all members and phases together."""
    parts = {"search": "train", "refit": "train_validation"}
    epochs = history.groupby(["stage", "fold"])["epoch"].size()
    return int(
        sum(
            -(-len(getattr(folds[fold], parts[stage])) // batch) * count
            for (stage, fold), count in epochs.items()
        )
    )


def wide(data: str, lookback: int, batch: int) -> dict[str, Any]:
    """One epoch of a pooled GRU; the first one, compilation included, as a user meets it."""
    began = time.perf_counter()
    problem = _problem(lookback, data)
    fold = future_fold(problem)
    loaded = time.perf_counter() - began
    training = gc.Training(epochs=1, batch_size=batch, patience=None, clip_norm=None)
    began = time.perf_counter()
    RecurrentNetwork(gc.Network(cell="gru"), training, seeds=1, refit=False).fit(problem, [fold])
    return {
        "load_s": loaded,
        "train_s": time.perf_counter() - began,
        "symbols": len(problem.symbols),
        "origins": len(fold.train),
        "laid_out_mb": len(fold.train) * lookback * problem.features.shape[1] * 4 / 2**20,
        "versions": VERSIONS,
    }


def grow(
    members: int, sessions: int, lookback: int, features: int, hidden: int, batch: int
) -> dict[str, Any]:
    """One epoch of `members` networks over random rows: the first call, and another."""
    rng = np.random.default_rng(0)
    shape = (1, 1, features)
    dataset = Dataset(
        features=rng.standard_normal((sessions, features), dtype=np.float32),
        targets=rng.standard_normal((sessions, 1), dtype=np.float32),
        symbol=np.zeros(sessions, np.int32),
        x_offset=np.zeros(shape, np.float32),
        x_scale=np.ones(shape, np.float32),
        y_offset=np.zeros((1, 1, 1), np.float32),
        y_scale=np.ones((1, 1, 1), np.float32),
    )
    network = gc.Network(hidden_size=hidden)
    training = gc.Training(epochs=1, batch_size=batch, patience=None, clip_norm=None)
    origins, none = np.arange(lookback - 1, sessions), np.zeros(0, np.int64)
    population = [Member(seed, 0, network.tag, 0, origins, none, 1) for seed in range(members)]
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        train(network, training, dataset, population, lookback=lookback)
        seconds.append(time.perf_counter() - began)
    steps = -(-len(origins) // batch)
    return {
        "first_s": seconds[0],
        "second_s": seconds[1],
        "us": 1e6 * seconds[1] / (steps * members),
        "versions": VERSIONS,
    }
