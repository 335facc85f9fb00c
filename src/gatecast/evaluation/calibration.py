"""Calibration: ranges that held too often or too seldom on validation are told again, narrower or wider.

The scores that are conformal here are PITs: a distribution says F(y) is uniform, and what it was instead is
learned. Any model has a range in this way, a point forecast included (`around`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatecast.distributions import FINE_LEVELS, Distribution, Quantiles, StudentT
from gatecast.problem.folds import Fold
from gatecast.problem.problem import Problem, Rows

Floats = NDArray[np.float64]

STEP_SIZE = 0.005  # of the online correction, as in Gibbs and Candès (2021), section 4
NEUTRAL_DF = 5.0
LEAST_LEVEL = 1e-4  # beyond it a quantile says more about the tail's formula than about the data


@dataclass(frozen=True)
class Calibration:
    """The working levels (S, h, L) of S symbols and h steps: where FINE_LEVELS lie on the PIT's axis."""

    levels: Floats

    @classmethod
    def fit(cls, problem: Problem, origins: Rows, distribution: Distribution) -> Calibration:
        """Split-conformal: learn from origins that the model was not fitted on, whose targets are known.

        Per symbol and step the level p works as the p-th quantile of the PITs, at i / (n + 1) for the i-th
        of n, and 0 and 1 at the ends: so a new PIT, exchangeable with them, lies below it with probability
        p (Vovk et al. 2005; on PITs: Chernozhukov, Wüthrich and Zhu 2021). A symbol without such origins
        keeps its levels as they are.
        """
        pit = distribution.cdf(problem.later_returns(origins))
        levels = np.tile(FINE_LEVELS, (len(problem.symbols), problem.horizon, 1))
        for symbol in np.unique(problem.symbol[origins]):
            own = np.sort(pit[problem.symbol[origins] == symbol], axis=0)
            place = np.linspace(0, 1, len(own) + 2)
            for step in range(problem.horizon):
                levels[symbol, step] = np.interp(FINE_LEVELS, place, [0.0, *own[:, step], 1.0])
        return cls(_inside(levels))

    def apply(
        self, problem: Problem, origins: Rows, distribution: Distribution, *, online: bool = False
    ) -> Quantiles:
        """The distribution of `origins` told again at the working levels.

        online: every level p moves on with each target that has come since (adaptive conformal inference,
        Gibbs and Candès 2021, eq. 2, for each level by itself): by 0.005 p up when the PIT was above its
        working level, by 0.005 (1 - p) down when not. At an origin only targets are used that were known at
        its close: those of step k of origins k rows before and earlier.
        """
        levels = self.levels[problem.symbol[origins]]
        if online:
            pit = distribution.cdf(problem.later_returns(origins))
            for symbol in np.unique(problem.symbol[origins]):
                mine = np.flatnonzero(problem.symbol[origins] == symbol)
                levels[mine] = _online(self.levels[symbol], origins[mine], pit[mine])
        return Quantiles(FINE_LEVELS, distribution.quantile(_inside(np.sort(levels, axis=-1))))


def around(point: Floats, problem: Problem, origins: Rows) -> StudentT:
    """A neutral range around point forecasts (N, h) in price: Student's t with 5 degrees of freedom.

    Its standard deviation is the EWMA volatility at the origin times the root of the steps.
    """
    anchor = problem.anchor[origins, None]
    location = np.log(np.maximum(point, 1e-3 * anchor) / anchor)
    scale = problem.unit(origins) * np.sqrt((NEUTRAL_DF - 2) / NEUTRAL_DF)
    return StudentT(location, scale, np.full_like(scale, NEUTRAL_DF))


def calibrated(
    method: str, problem: Problem, fold: Fold, rehearsal: Distribution, test: Distribution
) -> Distribution:
    """A fold's distribution of its test origins, calibrated on its validation origins.

    method: "none", "conformal" or "adaptive" (conformal, then online). rehearsal: the distribution of the
    validation origins by a model that was not fitted on them.
    """
    if method == "none":
        return test
    calibration = Calibration.fit(problem, fold.validation, rehearsal)
    return calibration.apply(problem, fold.test, test, online=method == "adaptive")


def _online(start: Floats, origins: Rows, pit: Floats) -> Floats:
    """(N, h, L) working levels at each of one symbol's origins (N,), in time order, from start (h, L)."""
    count, horizon = pit.shape
    levels, now = np.empty((count, *start.shape)), start.copy()
    told = np.zeros(horizon, dtype=int)  # per step: origins whose target has been used
    for place, origin in enumerate(origins):
        for step in range(horizon):
            while told[step] < place and origins[told[step]] + step + 1 <= origin:
                past = told[step]
                # what was said at that origin is judged, not what would be said now
                above = pit[past, step] > levels[past, step]
                now[step] += STEP_SIZE * np.where(above, FINE_LEVELS, FINE_LEVELS - 1)
                told[step] += 1
        levels[place] = now
    return levels


def _inside(levels: Floats) -> Floats:
    return np.clip(levels, LEAST_LEVEL, 1 - LEAST_LEVEL)
