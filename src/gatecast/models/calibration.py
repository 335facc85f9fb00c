"""Calibration: intervals that held too often or too seldom on validation are made narrower or wider.

The scores that are conformal here are PITs: a distribution says F(y) is uniform, and what it was instead is
learned. Any model has a range in this way, a point forecast included.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gatecast._typing import Floats, Integers
from gatecast.distributions import FINE_LEVELS, Distribution, Quantiles
from gatecast.problem.problem import Problem

STEP_SIZE = 0.005  # of the online correction, as in Gibbs and Candès (2021), section 4
NEUTRAL_DF = 5.0
LEAST_LEVEL = 1e-4  # beyond it a quantile says more about the tail's formula than about the data


@dataclass(frozen=True)
class Calibration:
    """What validation taught, for S symbols, h steps and the L levels of FINE_LEVELS.

    levels     (S, h, L) the working levels: where FINE_LEVELS lie on the PIT's axis
    residuals  (S, h, L) of a point forecast: the quantiles of its errors in log return, in units of the
               volatility known at the origin (spread · sqrt(k)); None for a distribution
    online     whether the levels move on with every target that comes
    """

    levels: Floats
    residuals: Floats | None = None
    online: bool = False

    @classmethod
    def fit(
        cls, problem: Problem, origins: Integers, told: Distribution | Floats, *, online: bool = False
    ) -> Calibration:
        """Split-conformal: learn from origins that the model was not fitted on, whose targets are known.

        told: the model's distribution of these origins, or its point forecasts (N, h) in price. Per symbol
        and step level p becomes the p-th quantile of the PITs, at i / (n + 1) for the i-th of n, and 0 and 1
        at the ends: so a new PIT, exchangeable with them, lies below it with probability p (Vovk et al.
        2005; on PITs: Chernozhukov, Wüthrich and Zhu 2021). A point's range are the quantiles of its
        normalised errors in the same way (Lei et al. 2018, section 5.2). A symbol without such origins keeps
        its distribution as it is, or gets that of Student's t around its point.

        online: adaptive conformal inference (Gibbs and Candès 2021, eq. 2, for each level by itself). With
        each target that comes every level p moves by 0.005 p up when the PIT was above its working level, by
        0.005 (1 - p) down when not: first through the targets of `origins`, from the oldest to the newest,
        so that the latest count most; then, in `apply`, through those that came since.
        """
        same = np.tile(FINE_LEVELS, (len(problem.symbols), problem.horizon, 1))
        came = problem.later_returns(origins)
        if isinstance(told, np.ndarray):
            errors = (came - _returns(told, problem, origins)) / problem.unit(origins)
            neutral = np.broadcast_to(_neutral_quantiles(), same.shape)
            learned = cls(same, _quantiles(errors, problem, origins, neutral, ends=()), online)
        else:
            levels = _quantiles(told.cdf(came), problem, origins, same, ends=(0.0, 1.0))
            learned = cls(_inside(levels), None, online)
        return learned._moved_on(problem, origins, told) if online else learned

    def apply(self, problem: Problem, origins: Integers, told: Distribution | Floats) -> Quantiles:
        """What was told of `origins`, a distribution or point forecasts, as a calibrated distribution.

        Online, at an origin only targets are used that were known at its close: those of step k of origins
        k rows before and earlier.
        """
        distribution = self._distribution(told, problem, origins)
        levels = self.levels[problem.symbol[origins]]
        if self.online:
            pit = distribution.cdf(problem.later_returns(origins))
            for symbol in np.unique(problem.symbol[origins]):
                mine = np.flatnonzero(problem.symbol[origins] == symbol)
                levels[mine] = _online(self.levels[symbol], origins[mine], pit[mine])
        return Quantiles(FINE_LEVELS, distribution.quantile(_inside(np.sort(levels, axis=-1))))

    def _moved_on(self, problem: Problem, origins: Integers, told: Distribution | Floats) -> Calibration:
        """The same when all targets of `origins`, which are known, have come."""
        pit = self._distribution(told, problem, origins).cdf(problem.later_returns(origins))
        levels, horizon = self.levels.copy(), problem.horizon
        for symbol in np.unique(problem.symbol[origins]):
            mine = problem.symbol[origins] == symbol
            own, nothing = origins[mine], np.full((1, horizon), np.nan)
            afterwards = np.append(own, own[-1] + horizon), np.concatenate([pit[mine], nothing])
            levels[symbol] = _online(levels[symbol], *afterwards)[-1]
        return replace(self, levels=levels)

    def _distribution(self, told: Distribution | Floats, problem: Problem, origins: Integers) -> Distribution:
        """What is calibrated: of points (N, h) in price their errors on validation, in today's volatility."""
        if not isinstance(told, np.ndarray):
            return told
        assert self.residuals is not None
        errors = self.residuals[problem.symbol[origins]] * problem.unit(origins)[..., None]
        return Quantiles(FINE_LEVELS, _returns(told, problem, origins)[..., None] + errors)


def _quantiles(
    values: Floats, problem: Problem, origins: Integers, otherwise: Floats, *, ends: tuple[float, ...]
) -> Floats:
    """(S, h, L) quantiles of values (N, h) per symbol; `otherwise` for symbols that have none.

    ends: the values at levels 0 and 1; without them the smallest and the largest go on.
    """
    found = otherwise.copy()
    owner = problem.symbol[origins]
    for symbol in np.unique(owner):
        own = np.sort(values[owner == symbol], axis=0)
        place = np.arange(1, len(own) + 1) / (len(own) + 1)
        if ends:
            place, own = np.array([0.0, *place, 1.0]), np.pad(own, ((1, 1), (0, 0)))
            own[0], own[-1] = ends
        for step in range(values.shape[1]):
            found[symbol, step] = np.interp(FINE_LEVELS, place, own[:, step])
    return found


def _returns(point: Floats, problem: Problem, origins: Integers) -> Floats:
    """Prices (N, h) as log returns from the origin; a price that is not above 0 as one near it."""
    anchor = problem.anchor[origins, None]
    return np.log(np.maximum(point, 1e-3 * anchor) / anchor)


def _neutral_quantiles() -> Floats:
    """(L,) those of Student's t with 5 degrees of freedom and variance 1."""
    from scipy.special import stdtrit

    return stdtrit(NEUTRAL_DF, FINE_LEVELS) * np.sqrt((NEUTRAL_DF - 2) / NEUTRAL_DF)


def _online(start: Floats, origins: Integers, pit: Floats) -> Floats:
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
