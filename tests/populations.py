"""Trained populations of networks, and what they put out for the test origins of their folds."""

from collections.abc import Sequence

import numpy as np

import gatecast as gc
from gatecast.models.networks import FittedNetwork, RecurrentNetwork, ensembles_of
from gatecast.problem.folds import Fold
from gatecast.problem.problem import Problem


def trained(
    network: gc.Network, training: gc.Training, problem: Problem, folds: Sequence[Fold], **how: object
) -> FittedNetwork:
    return RecurrentNetwork(network, training, **how).fit(problem, folds)[0].population


def population_of(result: gc.Result, name: str) -> FittedNetwork:
    return ensembles_of(result.fitted[name])[0].population


def outputs_of(population: FittedNetwork, problem: Problem, folds: Sequence[Fold]) -> list[np.ndarray]:
    return population.outputs(problem, list(range(len(folds))), [fold.test for fold in folds])
