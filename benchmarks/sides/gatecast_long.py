"""gatecast's side of walk, wide and grow."""

from __future__ import annotations

# isort: off
from sides import prepared  # noqa: F401  (first: before JAX)

# isort: on
import time
from typing import Any

import jax
import numpy as np

import gatecast as gc
from gatecast.models.networks import FittedNetwork, fit_network, make_rows
from gatecast.nn.population import Member, train
from gatecast.nn.program import Dataset
from gatecast.problem.folds import future_fold, walk_forward
from gatecast.problem.problem import Problem, make_problem
from gatecast.problem.scaling import fit_scale

VERSIONS = {"gatecast": gc.__version__, "jax": jax.__version__}


def _problem(lookback: int, source: str = "sample:sp500") -> Problem:
    return make_problem(gc.load(source), lookback=lookback, horizon=1)


def walk(walk: dict[str, Any]) -> dict[str, Any]:
    """All networks of the comparison, trained and their test sessions forecast."""
    problem = _problem(walk["lookback"])
    folds = walk_forward(problem, folds=walk["folds"])
    training = gc.Training(
        epochs=walk["epochs"], batch_size=walk["batch"], patience=walk["patience"], clip_norm=None
    )
    began, models = time.perf_counter(), {}
    for name, (cell, both) in walk["models"].items():
        network = gc.Network(cell=cell, hidden_size=walk["hidden"], bidirectional=both)
        start = time.perf_counter()
        fitted = fit_network(network, training, problem, folds, seeds=walk["seeds"])
        fitted.forecast(problem, folds)
        steps = _steps(fitted, folds, walk["batch"])
        models[name] = {"seconds": time.perf_counter() - start, "steps": steps}
    return {"seconds": time.perf_counter() - began, "models": models, "versions": VERSIONS}


def export(walk: dict[str, Any], file: str) -> dict[str, Any]:
    """The same folds, scaled for both stages, for the PyTorch loops; and the rows for the libraries."""
    problem = _problem(walk["lookback"])
    folds = walk_forward(problem, folds=walk["folds"])
    arrays: dict[str, Any] = {"rows": problem.features}
    arrays["target"] = np.nan_to_num(problem.targets[:, 0]).astype(np.float32)
    arrays["test"] = np.array([fold.test[0] for fold in folds])
    for number, fold in enumerate(folds):
        for stage, part in (("search", fold.train), ("refit", fold.train_validation)):
            rows = make_rows(gc.Network(), problem, [fit_scale(problem, part)])
            arrays[f"{number}/{stage}/x"] = (problem.features - rows.x_offset[0, 0]) / rows.x_scale[0, 0]
            arrays[f"{number}/{stage}/y"] = arrays["target"] / rows.y_scale[0, 0, 0]
        for name in ("train", "validation", "known", "test"):
            arrays[f"{number}/{name}"] = getattr(fold, name)
    np.savez(file, **arrays)
    return {"sessions": len(problem.features), "features": problem.features.shape[1]}


def _steps(fitted: FittedNetwork, folds: list[Any], batch: int) -> int:
    parts = {"search": "train", "refit": "known"}
    epochs = fitted.history.groupby(["stage", "fold"])["epoch"].size()
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
    fit_network(gc.Network(cell="gru"), training, problem, [fold], seeds=1, refit=False)
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
