"""HAR: the next bar's volatility from the variance of the last 1, 5 and 22 bars, whatever their length."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gatecast._typing import Floats, Integers
from gatecast.distributions import StudentT
from gatecast.language import say
from gatecast.models.baselines.bars import (
    FEWEST_TARGETS,
    HALF_LIFE,
    bar_variance,
    combined,
    mean_over,
    sample_rows,
    too_few,
    warn_without_range,
    weights,
)
from gatecast.models.baselines.fitting import Span, fit_student, per_symbol
from gatecast.models.baselines.volatility import ewma_of
from gatecast.problem.folds import Fold
from gatecast.problem.problem import Problem

MEMORIES = (1, 5, 22)  # bars: of days a day, a week, a month


def har(problem: Problem, fold: Fold) -> StudentT:
    """HAR on realised variances, Student t around zero; N test origins x h steps.

    A bar's variance comes from its range and the return before its open (`gatecast.problem.volatility`,
    `range_variance`), else by returns (`bar_variance`). The log of its mean over the next k bars is regressed
    on the logs of its last value and of its means over 5 and 22 bars: Corsi (2009), eq. 8, in logs as in
    Andersen, Bollerslev and Diebold (2007), eq. 12; one regression per symbol and step, least squares on
    the rows of the sample whose own and whose next k bars have a range.

    The scale at step k is c(k) · HAR's volatility · √k; c(k) and df(k) are fitted on the sample's returns by
    maximum likelihood, a return of 500 bars ago counting half.

    Warns
        FitWarning: symbols without ranges; fewer than 100 in-sample returns or constant ones, where the
            `ewma-t` of the same returns is used instead.
    """
    warn_without_range(problem, fold, "har")
    return per_symbol(problem, fold, "har", _forecast)


def _forecast(span: Span) -> StudentT:
    if trouble := too_few(span):
        span.warn(say("{trouble}; ewma-t is used instead", trouble=trouble))
        return ewma_of(span)
    variance, ranged = bar_variance(span)
    sample = sample_rows(span)
    inputs, asked = (_inputs(variance, span, rows) for rows in (sample, span.origins))
    shape = len(span.origins), span.problem.horizon
    scale, df = np.empty(shape), np.empty(shape)
    for step in range(1, span.problem.horizon + 1):
        fitted = sample[sample <= span.end - step]
        x = np.stack([np.ones(len(fitted)), *(one[: len(fitted)] for one in inputs)], axis=1)
        y, whole = _target(variance, ranged, fitted, step)
        constant, *slopes = np.linalg.lstsq(x[whole], y[whole])[0].tolist()
        volatility = np.exp(x @ np.array([constant, *slopes]) / 2) * np.sqrt(step)
        moves = span.ahead(fitted, step)
        factor, df[:, step - 1] = fit_student(moves / volatility, weights(moves, HALF_LIFE))
        scale[:, step - 1] = factor * np.sqrt(step) * np.exp(combined(constant, slopes, asked) / 2)
    return StudentT(np.zeros(shape), scale, df)


def _inputs(variance: Floats, span: Span, rows: Integers) -> list[Floats]:
    """The logs of the mean variance over each memory, (N,) each."""
    first = int(span.problem.first[span.begin]) + 1
    return [np.log(mean) for mean in mean_over(variance, rows, first, MEMORIES)]


def _target(
    variance: Floats, ranged: NDArray[np.bool_], rows: Integers, step: int
) -> tuple[Floats, NDArray[np.bool_]]:
    """(N,) the log mean variance of the next `step` bars, and which rows are fitted on.

    Those whose own and whose next bars have a range; all where these are fewer than 50.
    """
    total, whole = np.zeros(len(rows)), ranged[rows]
    for ahead in range(1, step + 1):
        total = total + variance[rows + ahead]
        whole = whole & ranged[rows + ahead]
    return np.log(total / step), whole if whole.sum() >= FEWEST_TARGETS else np.ones_like(whole)
