"""What a model is: fitted to the folds of a problem, it forecasts distributions of moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from gatecast._typing import Floats, Integers
from gatecast.distributions import Distribution, Point
from gatecast.problem.folds import Fold
from gatecast.problem.problem import Problem


@dataclass(frozen=True)
class Forecast:
    """The forecasts of N origins, h steps each, as moves from the origin: log returns, or differences.

    Parameters
    ----------
    distribution
        (N, h), `Point` where the model has no distribution.
    members
        Of each member of an ensemble, (N, h) each; empty where the model is none.
    point
        (N, h), where the point forecast is not the median of the distribution.
    """

    distribution: Distribution
    members: tuple[Distribution, ...] = ()
    point: Floats | None = None

    @property
    def median(self) -> Floats:
        """(N, h) the point forecast."""
        return median(self.distribution) if self.point is None else self.point


class Fitted(Protocol):
    """A model after `Model.fit`, for one fold."""

    def predict(self, problem: Problem, origins: Integers) -> Forecast:
        """The forecasts of `origins` (N,), rows of `problem`, which may go on after the fit."""


class Model(Protocol):
    """What `walk_forward` trains and asks for forecasts."""

    def fit(self, problem: Problem, folds: Sequence[Fold]) -> Sequence[Fitted]:
        """One fitted model per fold, each on the fold's training and validation rows alone."""


@runtime_checkable
class Validated(Protocol):
    """A fitted model that has forecast its validation origins before they were trained on."""

    @property
    def validation(self) -> Forecast:
        """The forecasts of the fold's validation origins by what was fitted on its training rows alone."""


def median(distribution: Distribution) -> Floats:
    """(N, h) moves."""
    if isinstance(distribution, Point):
        return distribution.location
    return distribution.quantile([0.5])[..., 0]
