"""Scaling: arrays that belong to a fold and are fitted on its training rows, nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from gatecast.formatting import brief
from gatecast.problem.problem import Problem

SCALERS = ("standard", "minmax", "none")


@dataclass(frozen=True)
class Scale:
    """x ↦ (x - offset) / scale, per symbol.

    x_offset, x_scale are of the features, y_offset, y_scale of the targets.
    A symbol without training rows has the mean of those that have some (see `fit_scale`).
    """

    x_offset: Float64[np.ndarray, "symbols features"]
    x_scale: Float64[np.ndarray, "symbols features"]
    y_offset: Float64[np.ndarray, "symbols horizon"]
    y_scale: Float64[np.ndarray, "symbols horizon"]

    __repr__ = brief


def fit_scale(problem: Problem, train: Int64[np.ndarray, " train"], scaler: str = "standard") -> Scale:
    """Fit on the windows and targets of `train`, the origins of a fold's `train` or `train_validation`.

    "standard": mean and standard deviation; "minmax": to 0 … 1; "none". Features that never change keep
    scale 1. Targets "return" and "difference" are only divided by their training standard deviation per step,
    never centred, whatever the scaler: an output of zero stays naive. Targets "close" take the scaler, one
    offset and scale for all steps. A symbol without rows in `train` gets, column by column, the mean
    offset and the mean scale of the symbols whose values in that column vary. Static features, which do not
    vary within a symbol, are scaled over the symbols with rows in `train`.
    """
    symbols = len(problem.symbols)
    rows = _window_rows(problem, train)
    x_offset, x_scale = _fit(problem.features[rows].astype(np.float64), problem.symbol[rows], symbols, scaler)
    if problem.static_names:
        static = [problem.names.index(name) for name in problem.static_names]
        one_each = train[np.unique(problem.symbol[train], return_index=True)[1]]
        values = problem.features[one_each][:, static].astype(np.float64)
        x_offset[:, static], x_scale[:, static] = _fit(values, np.zeros_like(one_each), 1, scaler)
    targets, owner = problem.targets[train], problem.symbol[train]
    if problem.target != "close":
        y_offset = np.zeros((symbols, problem.horizon))
        y_scale = _fit(targets, owner, symbols, "standard")[1]
    else:
        flat = targets.reshape(-1, 1)
        offset, scale = _fit(flat, np.repeat(owner, problem.horizon), symbols, scaler)
        y_offset = np.repeat(offset, problem.horizon, axis=1)
        y_scale = np.repeat(scale, problem.horizon, axis=1)
    return Scale(x_offset, x_scale, y_offset, y_scale)


def _window_rows(problem: Problem, origins: Int64[np.ndarray, " origins"]) -> Int64[np.ndarray, " rows"]:
    """Every row that some window of `origins` holds, once."""
    change = np.zeros(len(problem.session) + 1, dtype=np.int64)
    np.add.at(change, origins - problem.lookback + 1, 1)
    np.add.at(change, origins + 1, -1)
    return np.flatnonzero(np.cumsum(change[:-1]) > 0)


def _fit(
    values: Float64[np.ndarray, "rows columns"], owner: Int64[np.ndarray, " rows"], symbols: int, scaler: str
) -> tuple[Float64[np.ndarray, "{symbols} columns"], Float64[np.ndarray, "{symbols} columns"]]:
    """Offset and scale of the values, whose rows are sorted by `owner`."""
    offset, scale = np.zeros((symbols, values.shape[1])), np.ones((symbols, values.shape[1]))
    absent = np.ones(symbols, dtype=bool)
    if scaler == "none" or not len(values):
        return offset, scale
    present, starts, counts = np.unique(owner, return_index=True, return_counts=True)
    if scaler == "standard":
        mean = np.add.reduceat(values, starts) / counts[:, None]
        deviation = values - np.repeat(mean, counts, axis=0)
        offset[present] = mean
        scale[present] = np.sqrt(np.add.reduceat(deviation**2, starts) / counts[:, None])
    else:
        low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
        offset[present], scale[present] = low, high - low
    absent[present] = False
    constant = (scale <= 1e-12 * np.maximum(np.abs(offset), 1e-300)) | (scale == 0)
    scale[constant] = 1.0
    own = ~constant & ~absent[:, None]
    for numbers, neutral in ((offset, 0.0), (scale, 1.0)):
        total, count = np.sum(numbers, axis=0, where=own), own.sum(axis=0)
        numbers[absent] = np.where(count > 0, total / np.maximum(count, 1), neutral)
    return offset, scale
