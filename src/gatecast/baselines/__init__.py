"""The rivals of every network: the same rows, the same folds.

Each is a function `forecast(problem, fold)` that gives the prices (N, h) of the fold's N test origins. What
it fits, it fits per symbol on the known rows of the fold; what it reads at an origin ends there.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gatecast.baselines.naive import drift, last_close, naive, seasonal_naive
from gatecast.baselines.statistical import ar, ewma
from gatecast.problem.folds import Fold
from gatecast.problem.problem import Problem

Baseline = Callable[[Problem, Fold], NDArray[np.float64]]

BASELINES: dict[str, Baseline] = {
    "naive": naive,
    "drift": drift,
    "ewma": ewma,
    "ar": ar,
    "seasonal-naive": seasonal_naive,
    "last-close": last_close,
}
