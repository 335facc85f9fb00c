"""A baseline as a model: `fit` keeps the fold, `predict` calls the function, which fits and forecasts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gatecast._typing import Integers
from gatecast.distributions import Distribution
from gatecast.models.model import Forecast
from gatecast.problem.folds import Fold
from gatecast.problem.problem import Problem
from gatecast.profiling import stage

ForecastFunction = Callable[[Problem, Fold], Distribution]


@dataclass(frozen=True)
class Baseline:
    """A function of (problem, fold) that forecasts the fold's test origins."""

    function: ForecastFunction

    def fit(self, problem: Problem, folds: Sequence[Fold]) -> list[FittedBaseline]:
        """The baseline beside each fold."""
        return [FittedBaseline(self.function, fold) for fold in folds]


@dataclass(frozen=True)
class FittedBaseline:
    """A baseline that knows the training and validation rows of a fold."""

    function: ForecastFunction
    fold: Fold

    def predict(self, problem: Problem, origins: Integers) -> Forecast:
        """The forecasts of `origins` (N,)."""
        with stage("baselines"):
            return Forecast(self.function(problem, replace(self.fold, test=origins)))
