"""What is known of the volatility at an origin: the yardstick of every range forecast."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DECAY = 0.94  # RiskMetrics' daily decay
LEAST = 1e-6  # of a day's log return: prices that stand still have no spread to divide by


def log_returns(price: Floats, first: NDArray[np.int64]) -> Floats:
    """(rows,) log returns; NaN at each symbol's first row.

    price (rows,); first (rows,): the first row of each row's symbol.
    """
    returns = np.diff(np.log(price), prepend=np.nan)
    returns[first] = np.nan
    return returns


def ewma_volatility(returns: Floats, first: NDArray[np.int64], decay: float = DECAY) -> Floats:
    """(rows,) daily volatility in log return, known at each row's close.

    returns: (rows,) log returns, or another measure of a session's move on their scale.

    s(i)² = Σ_j decay^j r(i-j)² / Σ_j decay^j over all returns of the symbol up to row i; RiskMetrics,
    Technical Document (4th ed., 1996), section 5.2. At least LEAST, also where no return is known.
    """
    squared = pd.Series(returns**2).groupby(first, sort=False).ewm(alpha=1 - decay).mean()
    return np.maximum(np.sqrt(np.nan_to_num(squared.to_numpy(), nan=0.0)), LEAST)
