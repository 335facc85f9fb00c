"""The variance of a mean whose terms are correlated in time, of hits and slopes; of losses: `longrun`."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

Kernel = Literal["rectangular", "bartlett"]


def long_run_variance(x: ArrayLike, lags: int, kernel: Kernel) -> float:
    """Long-run variance of a series: its variance plus twice its weighted autocovariances up to `lags`.

    x (n,). The variance of the mean of x is this divided by n. All autocovariances are divided by n.
    "rectangular": weights 1; exact for terms that overlap by `lags` steps (Hansen and Hodrick 1980), but
    it can come out at or below zero. "bartlett": weights 1 - k / (lags + 1); never negative
    (Newey and West 1987).
    """
    x = np.asarray(x, dtype=np.float64)
    centred = x - x.mean()
    variance = float(centred @ centred)
    for lag in range(1, min(lags, len(x) - 1) + 1):
        weight = 1.0 if kernel == "rectangular" else 1.0 - lag / (lags + 1)
        variance += 2.0 * weight * float(centred[lag:] @ centred[:-lag])
    return variance / len(x)


def newey_west_lags(n: int, horizon: int = 1) -> int:
    """Lags for a Bartlett kernel: 4 (n / 100)^(2/9) (Newey and West 1994), and horizon - 1 at least."""
    return min(n - 1, max(horizon - 1, int(4 * (n / 100) ** (2 / 9))))
