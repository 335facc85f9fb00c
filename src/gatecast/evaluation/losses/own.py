"""A loss that a user brings as a function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gatecast._typing import Floats
from gatecast.evaluation.losses.base import PointLoss, positive
from gatecast.forecasts import Forecasts
from gatecast.language import marked


@dataclass(frozen=True)
class OwnLoss(PointLoss):
    """A loss of a point forecast, `function(actual, predicted)`; both (N, h), as the loss it returns.

    They are changes from the anchor in units of naive's root mean squared change in the training of that
    symbol and fold, so that no symbol outweighs another and the loss needs no unit of its own. The function
    must be small where the forecast is good and above 0 on average for naive, which predicts 0.
    """

    function: Callable[[Floats, Floats], Floats]
    name: str = marked("own loss")
    key: str = "own"

    def of_price(self, forecasts: Forecasts, predicted: Floats) -> Floats:
        """(N, h) the loss of predicted prices (N, h)."""
        anchor = np.where(forecasts.base == 0, np.nan, forecasts.anchor)[:, None]
        unit = forecasts.base[:, None] * np.sqrt(positive(forecasts.naive_mse))[:, None]
        actual, change = (forecasts.actual - anchor) / unit, (predicted - anchor) / unit
        loss = np.asarray(self.function(actual, change), dtype=np.float64)
        if loss.shape != actual.shape:
            raise ValueError(
                f"{self.name} of shape {loss.shape} for forecasts of {actual.shape}: need one each"
            )
        return loss

    def scale(self, forecasts: Forecasts) -> Floats:
        """(N,) 1, for the function is given scaled changes; NaN where they cannot be scaled."""
        return np.where((forecasts.naive_mse > 0) & (forecasts.base != 0), 1.0, np.nan)

    def slope(self, forecasts: Forecasts) -> None:
        """Unknown, and with it the detectable skill."""

    def skill_at(self, odds: float) -> float:
        """NaN: what an oracle would have gained is unknown."""
        return float("nan")
