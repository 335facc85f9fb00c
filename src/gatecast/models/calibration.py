"""Calibration: intervals that held too often or too seldom on validation are made narrower or wider.

The scores that are conformal here are PITs: if a distribution F is right, F(y) is uniform, and how it differs
is learned. Any model has a distribution in this way, a point forecast included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from gatecast._typing import Floats, Integers
from gatecast.distributions import FINE_LEVELS, Distribution, Point, Quantiles
from gatecast.models.model import Fitted, Forecast, Model, Validated
from gatecast.problem.folds import Fold
from gatecast.problem.problem import Problem

STEP_SIZE = 0.005  # of the online correction, as in Gibbs and Candès (2021), section 4
NEUTRAL_DF = 5.0
LEAST_LEVEL = 1e-4  # beyond it a quantile says more about the tail's formula than about the data


@dataclass(frozen=True)
class Calibration:
    """What validation shows about forecasts, for S symbols, h steps and the L levels of FINE_LEVELS.

    levels     (S, h, L) the working levels: where FINE_LEVELS lie on the PIT's axis
    residuals  (S, h, L) of a point forecast: the quantiles of its errors, as moves, in units of the
               volatility known at the origin (volatility · sqrt(k)); None for a distribution
    online     whether the levels move on with every target that becomes known
    """

    levels: Floats
    residuals: Floats | None = None
    online: bool = False

    @classmethod
    def fit(
        cls, problem: Problem, origins: Integers, predicted: Distribution, *, online: bool = False
    ) -> Calibration:
        """Split-conformal: learned from origins that the model was not fitted on, whose targets are known.

        Per symbol and step level p becomes the p-th quantile of the PITs, at i / (n + 1) for the i-th of n,
        and 0 and 1 at the ends: so a new PIT, exchangeable with them, lies below it with probability p (Vovk
        et al. 2005; on PITs: Chernozhukov, Wüthrich and Zhu 2021). The distribution of a `Point` are the
        quantiles of its normalised errors in the same way (Lei et al. 2018, section 5.2). A symbol without
        such origins keeps its distribution as it is, or gets that of Student's t around its point.

        online: adaptive conformal inference (Gibbs and Candès 2021, eq. 2, for each level by itself). With
        each actual return every level p moves by 0.005 p up when the PIT was above its working level, by
        0.005 (1 - p) down when not: first through the targets of `origins`, from the oldest to the newest,
        so that the latest count most; then, in `apply`, through the later ones.
        """
        same = np.tile(FINE_LEVELS, (len(problem.symbols), problem.horizon, 1))
        actual = problem.actual_returns(origins)
        if isinstance(predicted, Point):
            errors = (actual - predicted.location) / problem.unit(origins)
            neutral = np.broadcast_to(_neutral_quantiles(), same.shape)
            learned = cls(same, _quantiles(errors, problem, origins, neutral, ends=()), online)
        else:
            levels = _quantiles(predicted.cdf(actual), problem, origins, same, ends=(0.0, 1.0))
            learned = cls(_inside(levels), None, online)
        return learned._moved_on(problem, origins, predicted) if online else learned

    def apply(self, problem: Problem, origins: Integers, predicted: Distribution) -> Quantiles:
        """The distributions predicted for `origins`, calibrated.

        Online, at an origin only targets are used that were known at its close: those of step k of origins
        k rows before and earlier.
        """
        distribution = self._distribution(predicted, problem, origins)
        levels = self.levels[problem.symbol[origins]]
        if self.online:
            pit = distribution.cdf(problem.actual_returns(origins))
            for symbol in np.unique(problem.symbol[origins]):
                mine = np.flatnonzero(problem.symbol[origins] == symbol)
                levels[mine] = _online(self.levels[symbol], origins[mine], pit[mine])
        return Quantiles(FINE_LEVELS, distribution.quantile(_inside(np.sort(levels, axis=-1))))

    def _moved_on(self, problem: Problem, origins: Integers, predicted: Distribution) -> Calibration:
        """The same after all targets of `origins`, which are known."""
        pit = self._distribution(predicted, problem, origins).cdf(problem.actual_returns(origins))
        levels, horizon = self.levels.copy(), problem.horizon
        for symbol in np.unique(problem.symbol[origins]):
            mine = problem.symbol[origins] == symbol
            own, nothing = origins[mine], np.full((1, horizon), np.nan)
            afterwards = np.append(own, own[-1] + horizon), np.concatenate([pit[mine], nothing])
            levels[symbol] = _online(levels[symbol], *afterwards)[-1]
        return replace(self, levels=levels)

    def _distribution(self, predicted: Distribution, problem: Problem, origins: Integers) -> Distribution:
        """What is calibrated: of points their errors on validation, in the volatility of the origin."""
        if not isinstance(predicted, Point):
            return predicted
        assert self.residuals is not None
        errors = self.residuals[problem.symbol[origins]] * problem.unit(origins)[..., None]
        return Quantiles(FINE_LEVELS, predicted.location[..., None] + errors)


@dataclass(frozen=True)
class Calibrated:
    """A model whose distributions are calibrated on validation: "conformal", or "adaptive" (also online)."""

    model: Model
    method: Literal["conformal", "adaptive"]

    def fit(self, problem: Problem, folds: Sequence[Fold]) -> list[CalibratedFit]:
        """The fitted models, each with what its fold's validation shows."""
        fitted = self.model.fit(problem, folds)
        calibrated = []
        for one, fold, forecast in zip(fitted, folds, self._validation(fitted, problem, folds), strict=True):
            online = self.method == "adaptive"
            learned = Calibration.fit(problem, fold.validation, forecast.distribution, online=online)
            calibrated.append(CalibratedFit(one, learned, problem.session[fold.test].min()))
        return calibrated

    def _validation(
        self, fitted: Sequence[Fitted], problem: Problem, folds: Sequence[Fold]
    ) -> list[Forecast]:
        """The forecasts of each fold's validation origins by what was fitted on its training rows alone."""
        kept = [one.validation if isinstance(one, Validated) else None for one in fitted]
        if all(kept):
            return [forecast for forecast in kept if forecast is not None]
        folds = [fold.validation_fold for fold in folds]
        again = self.model.fit(problem, folds)
        return [one.predict(problem, fold.test) for one, fold in zip(again, folds, strict=True)]


@dataclass(frozen=True)
class CalibratedFit:
    """A fitted model with its calibration; since: the session of the first origin it may forecast."""

    fitted: Fitted
    calibration: Calibration
    since: np.datetime64

    def predict(self, problem: Problem, origins: Integers) -> Forecast:
        """The forecasts of `origins` with calibrated distributions; a point forecast stays as it is."""
        every = self._until(problem, origins) if self.calibration.online else origins
        raw = self.fitted.predict(problem, every)
        calibrated = self.calibration.apply(problem, every, raw.distribution)
        asked = np.searchsorted(every, origins)
        return Forecast(
            calibrated.take(asked),
            tuple(member.take(asked) for member in raw.members),
            raw.distribution.take(asked).location if isinstance(raw.distribution, Point) else None,
        )

    def _until(self, problem: Problem, origins: Integers) -> Integers:
        """`origins` and all those of their symbols since the fit: their actual returns move the levels."""
        symbol, session = problem.symbol[origins], problem.session
        lasts = np.full(len(problem.symbols), np.datetime64("NaT", "D"))
        for one in np.unique(symbol):
            lasts[one] = session[origins[symbol == one]].max()
        between = (session >= self.since) & (session <= lasts[problem.symbol])
        return np.union1d(origins, np.flatnonzero(between & problem.ready))


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


def _neutral_quantiles() -> Floats:
    """(L,) those of Student's t with 5 degrees of freedom and variance 1."""
    from scipy.special import stdtrit

    return stdtrit(NEUTRAL_DF, FINE_LEVELS) * np.sqrt((NEUTRAL_DF - 2) / NEUTRAL_DF)


def _online(start: Floats, origins: Integers, pit: Floats) -> Floats:
    """(N, h, L) working levels at each of one symbol's origins (N,), in time order, from start (h, L)."""
    count, horizon = pit.shape
    levels, now = np.empty((count, *start.shape)), start.copy()
    used = np.zeros(horizon, dtype=int)  # per step: origins whose target has been used
    for place, origin in enumerate(origins):
        for step in range(horizon):
            while used[step] < place and origins[used[step]] + step + 1 <= origin:
                past = used[step]
                # the levels at that origin are judged, not those of now
                above = pit[past, step] > levels[past, step]
                now[step] += STEP_SIZE * np.where(above, FINE_LEVELS, FINE_LEVELS - 1)
                used[step] += 1
        levels[place] = now
    return levels


def _inside(levels: Floats) -> Floats:
    return np.clip(levels, LEAST_LEVEL, 1 - LEAST_LEVEL)
