"""Ensembles of ranges: the seeds' distributions as one, by the way that was better on validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatecast.distributions import Distribution, Mixture, Quantiles, StudentT
from gatecast.nn.fitting import FittedNetwork
from gatecast.nn.outputs import distributions
from gatecast.problem.folds import Fold
from gatecast.problem.problem import Problem

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ensemble:
    """What a network's seeds say of one fold.

    kind: "parameter mean" or "mixture"; validation, test: the ensemble's distribution of the fold's
    validation origins (by the weights that had not seen them) and of its test origins; seeds: each seed's of
    the test origins.
    """

    kind: str
    validation: Distribution
    test: Distribution
    seeds: tuple[Distribution, ...]


def ensembles(fitted: FittedNetwork, problem: Problem, folds: Sequence[Fold]) -> list[Ensemble]:
    """The seeds of a fitted range network as one, fold by fold.

    Student t's are joined by their parameters' means or as a mixture, whichever had the lower mean CRPS on
    the fold's validation origins; quantiles always by their means.
    """
    found = []
    tested = fitted.forecast(problem, folds)
    for fold, rehearsal, outputs in zip(folds, fitted.rehearsal, tested, strict=True):
        known = distributions(fitted.network, rehearsal, problem.unit(fold.validation))
        seeds = distributions(fitted.network, outputs, problem.unit(fold.test))
        kind = better_kind(known, problem.later_returns(fold.validation))
        found.append(Ensemble(kind, joined(known, kind), joined(seeds, kind), tuple(seeds)))
    return found


def better_kind(seeds: Sequence[StudentT] | Sequence[Quantiles], came: Floats) -> str:
    """The way of joining the seeds that has the lower mean CRPS on log returns that came, (N, h)."""
    if len(seeds) == 1 or not isinstance(seeds[0], StudentT):
        return "parameter mean"
    return min(("parameter mean", "mixture"), key=lambda kind: float(np.mean(joined(seeds, kind).crps(came))))


def joined(seeds: Sequence[StudentT] | Sequence[Quantiles], kind: str) -> Distribution:
    """One distribution from those of all seeds.

    "parameter mean": of Student t's the mean location, the geometric mean scale and the mean df; of
    quantiles the mean of each (Vincentization; Ratcliff 1979). "mixture": equal parts of Student t's, a
    linear opinion pool (Stone 1961).
    """
    students = [seed for seed in seeds if isinstance(seed, StudentT)]
    if kind == "mixture":
        return Mixture(tuple(students))
    if students:
        location, scale, df = (
            np.stack([getattr(seed, name) for seed in students]) for name in ("location", "scale", "df")
        )
        return StudentT(location.mean(axis=0), np.exp(np.log(scale).mean(axis=0)), df.mean(axis=0))
    quantiles = [seed for seed in seeds if isinstance(seed, Quantiles)]
    return Quantiles(quantiles[0].levels, np.mean([seed.values for seed in quantiles], axis=0))
