"""The squared error of the return, or of the difference, which decides whether a model beats naive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gatecast._typing import Floats
from gatecast.evaluation.losses.base import PointLoss, positive
from gatecast.evaluation.shapes import alike, paired
from gatecast.forecasts import Forecasts
from gatecast.language import marked


@np.errstate(over="ignore", invalid="ignore")
def squared_error(actual: ArrayLike, predicted: ArrayLike, unit: ArrayLike = 1.0) -> Floats:
    """((actual - predicted) / unit)², in the shape of `predicted`; unit: one number, or one per actual."""
    actual, predicted = paired(actual, predicted)
    return np.square((actual - predicted) / alike(unit, actual, "unit"))


@dataclass(frozen=True)
class SquaredError(PointLoss):
    """The squared error as a fraction of the anchor, or in price, by that of naive in training."""

    key: str = "squared_error"
    name: str = marked("squared error")

    def of_price(self, forecasts: Forecasts, predicted: Floats) -> Floats:
        """(N, h) the squared error of predicted prices (N, h), divided by the squared base."""
        actual, base = forecasts.actual, forecasts.base
        unit = np.where(base == 0, np.nan, base)
        return squared_error(actual, predicted, np.broadcast_to(unit[:, None], actual.shape))

    def scale(self, forecasts: Forecasts) -> Floats:
        """(N,) naive's mean squared error in training; NaN too where the anchor is 0."""
        return np.where(forecasts.base != 0, positive(forecasts.naive_mse), np.nan)

    def slope(self, forecasts: Forecasts) -> Floats:
        """(N, h) twice the error of the benchmark, divided by the base."""
        return 2 * (forecasts.changes(forecasts.actual) - forecasts.changes(forecasts.reference))

    def skill_at(self, odds: float) -> float:
        """The share s of the variance that the oracle knows, with s / (1 - s) = odds."""
        return odds / (1 + odds)


SQUARED_ERROR = SquaredError()
