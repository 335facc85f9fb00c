"""What the evaluation needs of a loss, and what losses of points and of distributions have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pandas as pd

from gatecast._typing import Floats
from gatecast.evaluation.power import relative_variance, volatility_relative_variance
from gatecast.forecasts import Forecasts


class Loss(ABC):
    """A loss; small is good.

    key, name  "squared_error", "squared error"
    point      whether it judges a price that is forecast; else a distribution
    """

    key: str
    name: str
    point: ClassVar[bool]

    @abstractmethod
    def models(self, forecasts: Forecasts) -> list[str]:
        """The models that can be scored, in the order of the tests."""

    @abstractmethod
    def of(self, forecasts: Forecasts, model: str) -> Floats:
        """(N, h) the loss of every origin and step."""

    @abstractmethod
    def scale(self, forecasts: Forecasts) -> Floats:
        """(N,) what the loss of an origin is divided by: naive's in the training of its symbol and fold.

        NaN where that is 0: a symbol whose price never moved in training has no say.
        """

    @abstractmethod
    def benchmark(self, forecasts: Forecasts, baselines: Sequence[str]) -> str | None:
        """The model that others are judged against; None without one.

        baselines  those whose losses are finite numbers, the lowest mean loss first
        """

    @abstractmethod
    def tried(self, models: Sequence[str], networks: Sequence[str], benchmark: str | None) -> list[str]:
        """The models that are tested jointly.

        models, networks  as in `models`; those that are networks, the lowest mean loss first
        """

    @abstractmethod
    def detectable(
        self, forecasts: Forecasts, losses: pd.DataFrame, benchmark: str, noncentrality: float
    ) -> float:
        """The smallest skill, a fraction, that the tests find four times in five; NaN if unknown.

        losses         dates x models, of this loss
        noncentrality  see `gatecast.evaluation.power.needed`
        """


class PointLoss(Loss):
    """A loss of a price that is forecast: every model is judged, against naive (or seasonal naive)."""

    point = True

    @abstractmethod
    def of_price(self, forecasts: Forecasts, predicted: Floats) -> Floats:
        """(N, h) the loss of predicted prices (N, h)."""

    @abstractmethod
    def slope(self, forecasts: Forecasts) -> Floats | None:
        """(N, h) the first-order fall of the benchmark's loss per unit of a signal added to its forecast.

        The signal is a change divided by `Forecasts.base`: a fraction of the anchor, or a difference. None
        where the detectable skill is unknown.
        """

    @abstractmethod
    def skill_at(self, odds: float) -> float:
        """The skill of the oracle that is found four times in five.

        odds  noncentrality² x variance of the mean of slope times signal, by the square of naive's mean loss
        """

    def models(self, forecasts: Forecasts) -> list[str]:
        """Naive first, then all others in their order."""
        return ["naive", *(name for name in forecasts.forecast if name != "naive")]

    def of(self, forecasts: Forecasts, model: str) -> Floats:
        """(N, h) the loss of every origin and step; naive's forecast is the anchor."""
        if model == "naive":
            return self.of_price(
                forecasts, np.broadcast_to(forecasts.anchor[:, None], forecasts.actual.shape)
            )
        return self.of_price(forecasts, forecasts.forecast[model])

    def benchmark(self, forecasts: Forecasts, baselines: Sequence[str]) -> str | None:
        """What an output of zero stands for: naive, or seasonal naive."""
        return forecasts.benchmark

    def tried(self, models: Sequence[str], networks: Sequence[str], benchmark: str | None) -> list[str]:
        """All models but the benchmark."""
        return [name for name in models if name != benchmark]

    def detectable(
        self, forecasts: Forecasts, losses: pd.DataFrame, benchmark: str, noncentrality: float
    ) -> float:
        """The skill against the benchmark of an oracle that knows a share of the variance of every return."""
        slope = self.slope(forecasts)
        if slope is None:
            return float("nan")
        variance = relative_variance(forecasts, losses[benchmark], slope, self.scale(forecasts))
        return float(self.skill_at(noncentrality**2 * variance))


class DistributionLoss(Loss):
    """A loss of a distribution of the move: networks are judged, against the best baseline."""

    point = False

    def models(self, forecasts: Forecasts) -> list[str]:
        """Those that forecast a distribution; a point has no width to be judged."""
        return list(forecasts.distributions)

    def scale(self, forecasts: Forecasts) -> Floats:
        """(N,) the root of naive's mean squared error in training, in per cent, or in price."""
        return forecasts.move.factor * np.sqrt(positive(forecasts.naive_mse))

    def benchmark(self, forecasts: Forecasts, baselines: Sequence[str]) -> str | None:
        """The baseline with the lowest mean loss."""
        return next(iter(baselines), None)

    def tried(self, models: Sequence[str], networks: Sequence[str], benchmark: str | None) -> list[str]:
        """The networks."""
        return list(networks)

    def detectable(
        self, forecasts: Forecasts, losses: pd.DataFrame, benchmark: str, noncentrality: float
    ) -> float:
        """The skill against the benchmark of an oracle that knows more of the coming volatility."""
        relative = self.relative_variance(forecasts, benchmark)
        return float(np.minimum(noncentrality**2 * relative, 1.0))

    @abstractmethod
    def shock_and_gain(self, forecasts: Forecasts, benchmark: str) -> tuple[Floats, Floats]:
        """(N, h) each: how the loss of the benchmark falls with a shock to the volatility that it knows.

        To first and second order, see `gatecast.evaluation.power.volatility_relative_variance`.
        """

    def relative_variance(self, forecasts: Forecasts, benchmark: str) -> float:
        """The detectable skill by noncentrality²; NaN where it is unknown."""
        shock, gain = self.shock_and_gain(forecasts, benchmark)
        return volatility_relative_variance(
            forecasts, self.of(forecasts, benchmark), shock, gain, self.scale(forecasts)
        )


def positive(values: Floats) -> Floats:
    """The values, NaN where they are not above 0."""
    return np.where(values > 0, values, np.nan)
