"""The pinball loss of the quantiles of the move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gatecast._typing import Floats
from gatecast.distributions import LEVELS
from gatecast.evaluation.losses.base import DistributionLoss
from gatecast.evaluation.shapes import paired
from gatecast.forecasts import Forecasts
from gatecast.language import marked

STRETCH = 0.1  # in log scale: small against 1, and large against the distance between actual returns


def pinball(actual: ArrayLike, quantiles: ArrayLike, levels: ArrayLike) -> Floats:
    """The mean over levels (Q,) of (level - 1{y < q}) (y - q), quantiles (…, Q) and actual y (…).

    Koenker and Bassett (1978), Regression Quantiles. Half the CRPS is its integral over all levels.
    """
    quantiles, levels = np.asarray(quantiles, dtype=np.float64), np.asarray(levels, dtype=np.float64)
    if quantiles.shape[-1:] != levels.shape:
        raise ValueError(
            f"quantiles have shape {quantiles.shape}; the last axis must be levels {levels.shape}"
        )
    actual, _ = paired(actual, quantiles[..., 0])
    miss = actual[..., None] - quantiles
    return np.mean((levels - (miss < 0)) * miss, axis=-1)


@dataclass(frozen=True)
class Pinball(DistributionLoss):
    """The mean pinball loss over the 17 LEVELS of the move x its factor, scaled as the CRPS."""

    key: str = "pinball"
    name: str = marked("pinball loss")

    def of(self, forecasts: Forecasts, model: str) -> Floats:
        """(N, h) the pinball loss, move x its factor."""
        return self._stretched(forecasts, model, 1.0)

    def shock_and_gain(self, forecasts: Forecasts, benchmark: str) -> tuple[Floats, Floats]:
        """(N, h) each: first and second difference of the loss with stretched and shrunk quantiles.

        The quantiles q become m + exp(± τ) (q - m), m their median.
        """
        wide, own, narrow = (
            self._stretched(forecasts, benchmark, np.exp(sign * STRETCH)) for sign in (1, 0, -1)
        )
        return (narrow - wide) / (2 * STRETCH), (narrow - 2 * own + wide) / (2 * STRETCH**2)

    def _stretched(self, forecasts: Forecasts, model: str, factor: float) -> Floats:
        known = forecasts.distributions[model]
        median = known.median[..., None]
        quantiles = known.quantiles if factor == 1 else median + factor * (known.quantiles - median)
        return forecasts.move.factor * pinball(forecasts.actual_return, quantiles, LEVELS)


PINBALL = Pinball()
