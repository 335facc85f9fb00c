"""The absolute error of the price, by naive's in training: the loss of the MASE."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gatecast._typing import Floats
from gatecast.evaluation.losses.base import PointLoss, positive
from gatecast.evaluation.shapes import paired
from gatecast.forecasts import Forecasts
from gatecast.language import marked


@np.errstate(over="ignore", invalid="ignore")
def absolute_error(actual: ArrayLike, predicted: ArrayLike) -> Floats:
    """|actual - predicted|, in the shape of `predicted` and the unit of both."""
    actual, predicted = paired(actual, predicted)
    return np.abs(predicted - actual)


@dataclass(frozen=True)
class AbsoluteError(PointLoss):
    """The absolute error in price, by that of naive in training (Hyndman and Koehler 2006, eq. 3)."""

    key: str = "absolute_error"
    name: str = marked("absolute error")

    def of_price(self, forecasts: Forecasts, predicted: Floats) -> Floats:
        """(N, h) the absolute error of predicted prices (N, h), in price."""
        return absolute_error(forecasts.actual, predicted)

    def scale(self, forecasts: Forecasts) -> Floats:
        """(N,) naive's mean absolute error in training, in price."""
        return positive(forecasts.naive_mae)

    def slope(self, forecasts: Forecasts) -> Floats:
        """(N, h) the base, with the sign of the benchmark's error."""
        return np.sign(forecasts.actual - forecasts.reference) * forecasts.base[:, None]

    def skill_at(self, odds: float) -> float:
        """The k with k² = odds (1 - (1 - k)²).

        An oracle that knows a share s of the variance leaves sqrt(1 - s) of the error where the rest has the
        shape of the whole: its skill is k = 1 - sqrt(1 - s), and its differential varies with s.
        """
        return 2 * odds / (1 + odds)


ABSOLUTE_ERROR = AbsoluteError()
