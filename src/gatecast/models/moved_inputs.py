"""Forecasts of trained networks that are given one input of other origins, for permutation importance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gatecast._typing import Floats, Integers
from gatecast.models.model import Forecast
from gatecast.models.networks import FoldEnsemble, combined, make_dataset
from gatecast.nn.program import Dataset
from gatecast.problem.problem import Problem


def block_order(count: int, apart: int, draw: np.random.Generator) -> Integers:
    """(count,) whose input each of `count` consecutive origins gets: blocks of them, in another order.

    Blocks have `apart` origins, or a few more, so that what follows each other still does; and every origin
    gets the input of one at least `apart` before or after it.

    Parameters
    ----------
    count
        At least 2 · apart.
    """
    blocks = np.array_split(np.arange(count), count // apart)
    while True:  # one order at least will do: every block a place on, the last one first
        order = np.concatenate([blocks[place] for place in draw.permutation(len(blocks))])
        if np.abs(order - np.arange(count)).min() >= apart:
            return order


def moved_forecasts(
    ensembles: Sequence[FoldEnsemble],
    problem: Problem,
    origins: Sequence[Integers],
    sources: Sequence[Integers],
    column: int | None,
) -> list[Forecast]:
    """What the networks of each fold forecast from its origins if one input were that of other origins.

    Parameters
    ----------
    origins, sources
        Of each fold (N,): rows that are forecast, and the rows whose windows they get the input from.
    column
        Of the problem's features; None: nothing is moved.
    """
    population = ensembles[0].population
    rows = make_dataset(population.network, problem, population.scales)
    given = _windows(
        rows, np.concatenate(origins), np.concatenate(sources), column, problem.lookback, problem.horizon
    )
    lengths = [len(part) for part in origins]
    ends = np.split((np.arange(sum(lengths)) + 1) * problem.lookback - 1, np.cumsum(lengths)[:-1])
    outputs = population.outputs_of(given, [one.fold for one in ensembles], ends)
    return [
        combined(population.network, of_fold, one.combination, problem, rows_of_fold)
        for one, of_fold, rows_of_fold in zip(ensembles, outputs, origins, strict=True)
    ]


def _windows(
    rows: Dataset, origins: Integers, sources: Integers, column: int | None, lookback: int, horizon: int
) -> Dataset:
    """The windows that end at `origins` (N,) laid out one after the other, one input taken from `sources`."""
    back, ahead = np.arange(1 - lookback, 1), np.arange(1 - lookback, horizon + 1)
    features = np.asarray(rows.features)
    laid: Floats = features[origins[:, None] + back]
    if column is not None:
        laid[:, :, column] = features[sources[:, None] + back, column]
    count = len(origins)
    given = rows._replace(
        features=laid.reshape(count * lookback, -1),
        targets=np.zeros((count * lookback, horizon), np.float32),
        symbol=np.repeat(np.asarray(rows.symbol)[origins], lookback),
    )
    if rows.known is None or rows.known_row is None:
        return given
    known, places = np.asarray(rows.known), np.asarray(rows.known_row)
    bars: Floats = known[places[origins][:, None] + ahead]
    first = features.shape[1] - known.shape[1]  # what is known in advance are the last of the features
    if column is not None and column >= first:
        bars[:, :, column - first] = known[places[sources][:, None] + ahead, column - first]
    starts = np.arange(count, dtype=np.int32)[:, None] * (lookback + horizon)
    return given._replace(
        known=bars.reshape(count * (lookback + horizon), -1),
        known_row=(starts + np.arange(lookback, dtype=np.int32)).ravel(),
    )
