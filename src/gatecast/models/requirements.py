"""Memory that a comparison would need, before it begins; needs neither JAX nor prices."""

from __future__ import annotations

import os
from itertools import pairwise

from gatecast.memory import GIB, NUMBER, require
from gatecast.settings.experiment import Experiment
from gatecast.settings.network import Network

GATES = {"rnn": 1, "lstm": 4, "gru": 3}
MOST_OUTPUTS = 17  # per step: quantiles
MOST_OF_ONE = 7  # inputs of what is known in advance under one name: the days of the week
SINGLE = 4  # bytes of a float32
OPTIMIZER = 6  # vectors of all weights in training: weights, best, gradient, two moments, one spare
KEPT_PER_STEP = 3  # values kept per unit, gate and step for the backward pass
FORECAST_ROW = 400  # bytes of a row of forecasts.parquet in memory: keys, prices, 17 quantiles, scores
DISTRIBUTION_ROW = 4000  # the same where a distribution is scored: many quantiles, more than once
LIBRARIES = GIB // 2  # what is imported and compiled on the way


def require_comparison(experiment: Experiment, *, rows: int, symbols: int, columns: int) -> None:
    """Raise InputError if a comparison (or one forecast) of these prices needs more memory than there is.

    rows, columns  of all symbols together, and numbers per row

    Raises
        InputError: it names the part of it, and what to make smaller.
    """
    known = MOST_OF_ONE * len(experiment.future)
    features = max(columns, 5) + known
    members = experiment.seeds * experiment.folds * (1 if experiment.pooled else symbols)
    side_by_side = min(members, os.cpu_count() or 1)
    for name, network in experiment.networks.items():
        batch = min(experiment.training_of(name).pace(rows).batch or rows, rows)
        require(
            LIBRARIES
            + side_by_side
            * _training(network, features, experiment.lookback, experiment.horizon, batch, known),
            f"training {name} (hidden_size={network.hidden_size}, num_layers={network.num_layers}, "
            f"lookback={experiment.lookback}, horizon={experiment.horizon}, batch of {batch:,})",
            "Take fewer units or layers, a shorter lookback or a smaller batch_size",
        )
    weights = sum(
        SINGLE * _weights(network, features, experiment.lookback, experiment.horizon, known)
        for network in experiment.networks.values()
    )
    require(
        2 * weights * members,
        f"keeping {members:,} trained networks of each of {len(experiment.networks)} models",
        "Take fewer seeds, folds or models, or smaller networks",
    )
    origins = experiment.test_size * rows if experiment.test_start is None else rows
    models = len(experiment.networks) * (experiment.seeds + 1) + len(experiment.baselines)
    per_origin = FORECAST_ROW * models + DISTRIBUTION_ROW * experiment.distribution_count
    require(
        LIBRARIES
        + (features + 10 + experiment.horizon) * NUMBER * rows
        + per_origin * origins * experiment.horizon,
        f"forecasts of {models:,} models and seeds for {origins:,.0f} origins and {experiment.horizon} steps",
        "Take fewer models, seeds, steps or symbols, or a later start",
    )


def _training(network: Network, features: int, lookback: int, horizon: int, batch: int, known: int) -> float:
    """Bytes of one network in training; known: how many of the features are known in advance."""
    directions = 2 if network.bidirectional else 1
    kept = GATES[network.cell] + KEPT_PER_STEP
    steps = batch * lookback * network.hidden_size * directions * network.num_layers * kept
    weights = OPTIMIZER * _weights(network, features, lookback, horizon, known)
    return SINGLE * (weights + steps + batch * (lookback * features + horizon * known))


def _weights(network: Network, features: int, lookback: int, horizon: int, known: int = 0) -> int:
    """At most how many weights a network has (`gatecast.nn.network.shapes`, which needs JAX, counts them)."""
    size, directions = network.hidden_size, 2 if network.bidirectional else 1
    first, later = (inputs + size + 2 for inputs in (features, directions * size))
    layers = first + (network.num_layers - 1) * later
    states = directions * size * (lookback if network.head == "flatten" else 1) + horizon * known
    widths = [states, *network.mlp, MOST_OUTPUTS * horizon]
    head = sum((width + 1) * out for width, out in pairwise(widths))
    return GATES[network.cell] * size * directions * layers + head
