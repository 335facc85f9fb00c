"""What a regressor is given: scaled windows and targets as plain arrays, and its answers as moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from gatecast._typing import Floats, Integers
from gatecast.errors import SettingError
from gatecast.language import say
from gatecast.problem.problem import Problem
from gatecast.problem.scaling import Scale, fit_scale

Inputs = Literal["windows", "last"]


def check_inputs(inputs: object) -> None:
    """Raise SettingError for what is none of `Inputs`."""
    if inputs not in get_args(Inputs):
        raise SettingError(
            say("must be {expected}", expected=" or ".join(map(repr, get_args(Inputs)))),
            setting="inputs",
            value=inputs,
        )


def require_returns(name: str, problem: Problem) -> None:
    """Raise SettingError where a model of distributions, which are of the move, has another target."""
    if problem.target == "close":
        raise SettingError(
            say(
                'model "{name}" forecasts a distribution of the return or the difference: choose '
                'target "return" or "difference"',
                name=name,
            )
        )


@dataclass(frozen=True)
class Scaled:
    """A problem as a network of the same experiment reads it, with scales fitted on some of its origins.

    Parameters
    ----------
    scale
        Fitted on the rows that a model is trained on.
    in_volatility
        Whether targets are moves in units of volatility · sqrt(k), as those of distributions are.
    """

    scale: Scale
    in_volatility: bool = False

    @classmethod
    def fit(cls, problem: Problem, origins: Integers, scaler: str, *, in_volatility: bool = False) -> Scaled:
        """Scales fitted on the windows and targets of `origins`."""
        return cls(fit_scale(problem, origins, scaler), in_volatility)

    def windows(self, problem: Problem, origins: Integers) -> Floats:
        """(N, T, F) the scaled features of the bars that end at `origins` (N,), the oldest first."""
        rows = origins[:, None] + np.arange(1 - problem.lookback, 1)
        symbol = problem.symbol[origins]
        offset, scale = self.scale.x_offset[symbol], self.scale.x_scale[symbol]
        return (problem.features[rows] - offset[:, None]) / scale[:, None]

    def flat(self, problem: Problem, origins: Integers, inputs: Inputs) -> Floats:
        """(N, T · F), the oldest bar first, or (N, F), the last bar alone.

        Behind them stands what is known in advance of the h bars ahead, bar after bar.
        """
        if inputs == "windows":
            read = self.windows(problem, origins).reshape(len(origins), -1)
        else:
            symbol = problem.symbol[origins]
            read = (problem.features[origins] - self.scale.x_offset[symbol]) / self.scale.x_scale[symbol]
        return np.concatenate([read, self.ahead(problem, origins)], axis=1) if problem.known_names else read

    def ahead(self, problem: Problem, origins: Integers) -> Floats:
        """(N, h · K) the K inputs known in advance at each of the h bars ahead, scaled as the features."""
        count, symbol = len(problem.known_names), problem.symbol[origins]
        rows = problem.known_row[origins, None] + np.arange(1, problem.horizon + 1)
        offset, scale = (part[symbol, None, -count:] for part in (self.scale.x_offset, self.scale.x_scale))
        return ((problem.known[rows] - offset) / scale).reshape(len(origins), -1)

    def targets(self, problem: Problem, origins: Integers) -> Floats:
        """(N, h) the scaled targets of `origins`."""
        if self.in_volatility:
            return problem.moves[origins] / problem.unit(origins)
        targets = problem.targets[origins]
        symbol = problem.symbol[origins]
        return (targets - self.scale.y_offset[symbol]) / self.scale.y_scale[symbol]

    def returns(self, problem: Problem, origins: Integers, outputs: Floats) -> Floats:
        """(…, N, h) moves from the origin, of scaled outputs of that shape."""
        if self.in_volatility:
            return outputs * problem.unit(origins) + problem.neutral(origins)
        symbol = problem.symbol[origins]
        unscaled = outputs * self.scale.y_scale[symbol] + self.scale.y_offset[symbol]
        return problem.to_return(unscaled, origins)
