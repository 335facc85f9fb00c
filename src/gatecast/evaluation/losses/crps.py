"""The continuous ranked probability score of the move, which decides on distributions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gatecast._typing import Floats
from gatecast.evaluation.losses.base import DistributionLoss
from gatecast.forecasts import Forecasts


@dataclass(frozen=True)
class ContinuousRankedProbabilityScore(DistributionLoss):
    """The CRPS of the move x its factor, by the root of naive's mean squared error in training."""

    key: str = "crps"
    name: str = "CRPS"

    def of(self, forecasts: Forecasts, model: str) -> Floats:
        """(N, h) the CRPS, move x its factor; that of a point forecast is its absolute error."""
        return forecasts.crps(model)[0]

    def shock_and_gain(self, forecasts: Forecasts, benchmark: str) -> tuple[Floats, Floats]:
        """(N, h) each: (2 F(y) - 1) (y - m) - CRPS and (y - m)² f(y), F, f and median m the benchmark's."""
        known = forecasts.distributions[benchmark]
        away = forecasts.move.factor * (forecasts.actual_return - known.median)
        return (2 * known.pit - 1) * away - known.crps, away**2 * np.exp(-known.log_score)


CRPS = ContinuousRankedProbabilityScore()
