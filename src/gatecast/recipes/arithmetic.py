"""The arithmetic of the tutorials: scikit-learn's scalers, and two errors."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gatecast._typing import Floats


class Scaler(NamedTuple):
    """x ↦ (x - offset) / scale, column by column; as honest as the rows it was fitted on."""

    offset: Any
    scale: Any

    def forward(self, x: Floats) -> Floats:
        """Values in scaled units."""
        return (x - self.offset) / self.scale

    def inverse(self, x: Floats) -> Floats:
        """Values in the units of the data."""
        return x * self.scale + self.offset


def minmax(x: Floats) -> Scaler:
    """The scaler to 0 … 1 fitted on x, as scikit-learn's MinMaxScaler."""
    extent = np.ptp(x, axis=0)
    return Scaler(x.min(axis=0), np.where(extent > 0, extent, 1.0))


def standard(x: Floats) -> Scaler:
    """The scaler to mean 0 and standard deviation 1 fitted on x, as scikit-learn's StandardScaler."""
    std = x.std(axis=0)
    return Scaler(x.mean(axis=0), np.where(std > 0, std, 1.0))


def rmse(forecast: Floats, actual: Floats) -> float:
    """Root of the mean squared error."""
    return float(np.sqrt(np.mean((forecast - actual) ** 2)))


def mae(forecast: Floats, actual: Floats) -> float:
    """Mean absolute error."""
    return float(np.mean(np.abs(forecast - actual)))
