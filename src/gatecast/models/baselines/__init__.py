"""The rivals of every network: the same rows, the same folds.

Each is a function of `(problem, fold)`: those of `BASELINES` give the prices (N, h) of the fold's N test
origins, those of `RANGE_BASELINES` the distribution of their log returns. What it fits, it fits per symbol
on the known rows of the fold; what it reads at an origin ends there.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gatecast.distributions import Distribution
from gatecast.models.baselines.garch import garch_t, gjr_garch_t
from gatecast.models.baselines.har import har
from gatecast.models.baselines.lhar import lhar
from gatecast.models.baselines.naive import drift, last_close, naive, seasonal_naive
from gatecast.models.baselines.statistical import ar, ewma
from gatecast.models.baselines.volatility import ewma_t, historical
from gatecast.problem.folds import Fold
from gatecast.problem.problem import Problem

Baseline = Callable[[Problem, Fold], NDArray[np.float64]]
RangeBaseline = Callable[[Problem, Fold], Distribution]

BASELINES: dict[str, Baseline] = {
    "naive": naive,
    "drift": drift,
    "ewma": ewma,
    "ar": ar,
    "seasonal-naive": seasonal_naive,
    "last-close": last_close,
}

RANGE_BASELINES: dict[str, RangeBaseline] = {
    "ewma-t": ewma_t,
    "garch-t": garch_t,
    "gjr-garch-t": gjr_garch_t,
    "har": har,
    "lhar": lhar,
    "historical": historical,
}
