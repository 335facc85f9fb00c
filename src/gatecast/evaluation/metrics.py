"""Metrics: how far a point forecast is from the actual price, and what is printed of every metric.

Every function takes `(actual, predicted, …)`. `actual` has any shape; `predicted` ends in the same shape and
may have more axes in front (models, seeds), which stay. `axis` (of actual) says what is averaged; without it,
all of it. A shape that would only fit by broadcasting, such as (N,) against (N, 1), is refused. A metric that
is not defined is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gatecast._typing import Floats
from gatecast.evaluation.coverage import COVERAGES, VAR_LEVELS
from gatecast.evaluation.losses.absolute_error import absolute_error
from gatecast.evaluation.losses.squared_error import squared_error
from gatecast.evaluation.shapes import alike, paired
from gatecast.language import marked, say
from gatecast.problem.moves import LOG_RETURN, Move

Score = Any  # a float where nothing is left of the shape, else an array


@dataclass(frozen=True)
class Metric:
    """A column of the tables of scores.

    title, unit  of its header, in English; `heading` and `unit_shown` are what is read
    decimals     shown, after multiplication by `factor`, which takes a score to the unit
    higher       whether higher is better; None where neither is
    level        of an interval or a tail, in per cent, which the title may name
    """

    name: str
    title: str
    unit: str
    decimals: int
    factor: float = 1.0
    higher: bool | None = False
    level: str = ""

    @property
    def heading(self) -> str:
        """The title in the language in use."""
        return say(self.title, level=self.level)

    @property
    def unit_shown(self) -> str:
        """The unit in the language in use."""
        return say(self.unit)


INTERVALS = tuple(f"{100 * coverage:.0f}" for coverage in COVERAGES)
TAILS = tuple(f"{100 * level:.0f}" for level in VAR_LEVELS)

POINT_METRICS = (
    Metric("skill", marked("skill"), "%", 2, 100, higher=True),
    Metric("rmse", "RMSE", "price", 0),
    Metric("mae", "MAE", "price", 0),
    Metric("mase", "MASE", marked("naive in training = 1"), 3),
    Metric("directional_accuracy", marked("direction"), marked("% right"), 1, 100, higher=True),
    Metric("mape", "MAPE", "%", 3, 100),
    Metric("smape", "sMAPE", "%", 3, 100),
    Metric("rmse_return", marked("RMSE of return"), "%", 3, 100),
    Metric("mae_return", marked("MAE of return"), "%", 3, 100),
    Metric("crps", "CRPS", LOG_RETURN.unit, 4),
)
DISTRIBUTION_METRICS = (
    Metric("log_score", marked("log score"), LOG_RETURN.unit, 4),
    Metric("pinball", marked("pinball loss"), LOG_RETURN.unit, 4),
    *(
        Metric(f"coverage_{name}", marked("{level} % held"), "%", 1, 100, higher=None, level=name)
        for name in INTERVALS
    ),
    *(
        Metric(f"width_{name}", marked("{level} % width"), LOG_RETURN.unit, 2, higher=None, level=name)
        for name in INTERVALS
    ),
    *(
        Metric(f"var_{name}", marked("VaR {level} %"), marked("% below"), 2, 100, higher=None, level=name)
        for name in TAILS
    ),
)
CALIBRATION_TESTS = (
    *(Metric(f"coverage_{name}_p", marked(
"{level} %, Kupiec"
), "p", 3, higher=None, level=name) for name in INTERVALS),
    *(Metric(f"kupiec_p_{name}", marked(
"VaR {level} %, Kupiec"
), "p", 3, higher=None, level=name) for name in TAILS),
    *(Metric(f"independence_p_{name}", marked(
"VaR {level} %, independence"
), "p", 3, higher=None, level=name) for name in TAILS),
    *(Metric(f"christoffersen_p_{name}", marked(
"VaR {level} %, both"
), "p", 3, higher=None, level=name) for name in TAILS),
    Metric("pit_p", marked("PIT, Berkowitz"), "p", 3, higher=None),
    Metric("pit_flat_p", marked("PIT, flat histogram"), "p", 3, higher=None),
)  # fmt: skip
METRICS = {metric.name: metric for metric in (*POINT_METRICS, *DISTRIBUTION_METRICS, *CALIBRATION_TESTS)}
PRICE = marked("price")
OF_LEVEL = ("mape", "smape")  # shares of a price, which must be above 0


def metrics_of(move: Move) -> dict[str, Metric]:
    """Name → metric, in the units that scores of such moves have."""
    if move.name == LOG_RETURN.name:
        return METRICS
    of_difference = {
        "rmse_return": replace(
            METRICS["rmse_return"], title=marked("RMSE of difference"), unit=PRICE, factor=1.0
        ),
        "mae_return": replace(
            METRICS["mae_return"], title=marked("MAE of difference"), unit=PRICE, factor=1.0
        ),
        **{
            name: replace(metric, unit=PRICE)
            for name, metric in METRICS.items()
            if metric.unit == LOG_RETURN.unit and name != "log_score"
        },
        "log_score": replace(METRICS["log_score"], unit=marked("difference in price")),
    }
    return METRICS | of_difference


def in_price(move: Move) -> list[str]:
    """The metrics that are in price, or change with its unit: of several symbols there is no mean of them."""
    return [name for name, metric in metrics_of(move).items() if PRICE in metric.unit]


# A forecast far off or not finite scores inf or NaN; that is an answer, not a warning.
quiet = np.errstate(over="ignore", invalid="ignore")


@quiet
def mae(actual: ArrayLike, predicted: ArrayLike, *, axis: int | None = None) -> Score:
    """Mean absolute error, in the unit of actual."""
    return _mean(absolute_error(actual, predicted), actual, axis)


@quiet
def rmse(actual: ArrayLike, predicted: ArrayLike, *, axis: int | None = None) -> Score:
    """Root of the mean squared error, in the unit of actual."""
    return _plain(np.sqrt(_mse(actual, predicted, axis)))


@quiet
def mape(actual: ArrayLike, predicted: ArrayLike, *, axis: int | None = None) -> Score:
    """Mean absolute error as a fraction of |actual|: 0.02 is 2 %. NaN where one of them is 0."""
    return _mean(absolute_error(actual, predicted) / _nonzero(np.abs(np.asarray(actual))), actual, axis)


@quiet
def smape(actual: ArrayLike, predicted: ArrayLike, *, axis: int | None = None) -> Score:
    """Symmetric MAPE, the mean of 2 |y - f| / (|y| + |f|): a fraction between 0 and 2; 0 where both are 0.

    The form of the M3 competition (Makridakis and Hibon 2000).
    """
    actual, predicted = paired(actual, predicted)
    size = np.abs(actual) + np.abs(predicted)
    return _mean(2 * np.abs(predicted - actual) / np.where(size == 0, 1.0, size), actual, axis)


@quiet
def mase(actual: ArrayLike, predicted: ArrayLike, scale: ArrayLike, *, axis: int | None = None) -> Score:
    """Mean absolute scaled error: the mean of |actual - predicted| / scale. NaN where a scale is 0.

    scale  naive's mean absolute error in training, in the unit of actual: one number, or one for each
    Below 1: better than naive was in training. Hyndman and Koehler (2006), eq. 3.
    """
    error = absolute_error(actual, predicted)
    return _mean(error / _nonzero(alike(scale, np.asarray(actual), "scale")), actual, axis)


@quiet
def r2(actual: ArrayLike, predicted: ArrayLike, naive: ArrayLike, *, axis: int | None = None) -> Score:
    """R2 out of sample against naive: 1 - MSE / MSE of naive. NaN where naive makes no error.

    Above 0: better than naive. Campbell and Thompson (2008), eq. 1, with naive in the mean's place.
    """
    base = _mse(actual, alike(naive, np.asarray(actual), "naive"), axis)
    return _plain(1 - _mse(actual, predicted, axis) / _nonzero(np.asarray(base)))


@quiet
def directional_accuracy(
    actual: ArrayLike, predicted: ArrayLike, anchor: ArrayLike, *, axis: int | None = None
) -> Score:
    """Share of the moves of actual from the anchor whose sign was forecast; a fraction.

    Left out: an actual value equal to its anchor (no side was right). A forecast equal to its anchor misses.
    NaN where no actual value moves, or where the forecast never does: it takes no side.
    """
    actual, predicted = paired(actual, predicted)
    anchor = alike(anchor, actual, "anchor")
    moved, side = np.sign(actual - anchor), np.sign(predicted - anchor)
    axes = _axes(actual, axis)
    hits = ((moved == side) & (moved != 0)).sum(axes)
    taken = (side != 0).any(axes) & np.isfinite(side).all(axes)
    return _plain(hits / np.where(taken, _nonzero(np.asarray((moved != 0).sum(axes))), np.nan))


def _mse(actual: ArrayLike, predicted: ArrayLike, axis: int | None) -> Score:
    return _mean(squared_error(actual, predicted), actual, axis)


def _nonzero(values: Floats) -> Floats:
    """Zeros become NaN: a denominator that warns nobody."""
    return np.where(values == 0, np.nan, values)


def _axes(actual: Floats, axis: int | None) -> tuple[int, ...]:
    """Axes of actual counted from the end, so that they hold for a forecast with more axes in front."""
    return tuple(range(-actual.ndim, 0)) if axis is None else (axis % actual.ndim - actual.ndim,)


def _mean(values: Floats, actual: ArrayLike, axis: int | None) -> Score:
    return _plain(values.mean(_axes(np.asarray(actual), axis)))


def _plain(score: Any) -> Score:
    return float(score) if np.ndim(score) == 0 else score
