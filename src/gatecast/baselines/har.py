"""HAR: tomorrow's volatility from the range of the last day, week and month."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from gatecast.baselines.known import known_spans
from gatecast.baselines.volatility import Span, ewma_of, per_symbol, scaled_t, too_little
from gatecast.distributions import StudentT
from gatecast.errors import FitWarning
from gatecast.problem.folds import Fold
from gatecast.problem.problem import Problem, Rows

Floats = NDArray[np.float64]

MEMORIES = (1, 5, 22)  # a day, a week, a month of sessions
LEAST_SHARE = 0.1  # of the EWMA volatility: the logarithm of a session that stood still is no number


def har(problem: Problem, fold: Fold) -> StudentT:
    """HAR on the daily range, Student t around zero; N test origins x h steps, in log return.

    A session's variance is Parkinson's (1980), log(high / low)² / (4 log 2). The log of its mean over the
    next k sessions is regressed on the logs of its last value and of its means over 5 and 22 sessions: Corsi
    (2009), eq. 8, in logs as in Andersen, Bollerslev and Diebold (2007), eq. 12; one regression per symbol
    and step, least squares on known rows. The scale at step k is c(k) · HAR's volatility · √k; c(k), which
    also makes up for the hours without trading, and df(k) are fitted on the returns of the same rows by
    maximum likelihood.

    A session without a range takes its squared return.

    Warns
        FitWarning: symbols without any known range; fewer than 100 known returns or constant ones, where
            the `ewma-t` of the same returns is used instead.
    """
    _warn_without_range(problem, fold)
    variance = session_variance(problem)

    def forecast(span: Span) -> StudentT:
        if trouble := too_little(span.returns):
            span.warn(f"{trouble}; ewma-t is used instead")
            return ewma_of(span)
        begin = span.begin + max(MEMORIES) - 1
        volatility = forecast_volatility(
            variance, np.arange(begin, span.origins[-1] + 1), span.end, problem.horizon
        )
        return scaled_t(span, begin, lambda origins, step: volatility[origins - begin, step - 1])

    return per_symbol(problem, fold, "har", forecast)


def session_variance(problem: Problem) -> Floats:
    """(rows,) variance of each session, in log return: of its range, or its squared return without one.

    At least a hundredth of the EWMA variance of the same close.
    """
    ranged = np.nan_to_num(problem.log_range) ** 2 / (4 * np.log(2))
    variance = np.where(ranged > 0, ranged, np.nan_to_num(problem.returns) ** 2)
    return np.maximum(variance, (LEAST_SHARE * problem.spread) ** 2)


def forecast_volatility(variance: Floats, origins: Rows, end: int, horizon: int) -> Floats:
    """(N, h) root of the mean variance per session forecast for the next k sessions, k = 1 … h.

    origins (N,): rows one after the other; the regressions are fitted on those whose target is known at
    row `end`.
    """
    inputs = _inputs(variance, origins)
    x = np.stack([np.ones(len(origins)), *inputs], axis=1)
    ahead = np.zeros(end - int(origins[0]) + 1)
    volatility = np.empty((len(origins), horizon))
    for step in range(1, horizon + 1):
        known = len(ahead) - 1
        ahead = ahead[:known] + variance[origins[:known] + step]
        coefficients = np.linalg.lstsq(x[:known], np.log(ahead / step))[0]
        volatility[:, step - 1] = np.exp(_combined(coefficients.tolist(), inputs) / 2)
    return volatility


def _inputs(variance: Floats, origins: Rows) -> list[Floats]:
    """The logs of the mean variance over each memory, (N,) each."""
    total, inputs = np.zeros(len(origins)), []
    for back in range(max(MEMORIES)):
        total = total + variance[origins - back]
        if back + 1 in MEMORIES:
            inputs.append(np.log(total / (back + 1)))
    return inputs


def _combined(coefficients: list[float], inputs: list[Floats]) -> Floats:
    """(N,) log variance. Term by term: the last bit of a matrix product depends on the number of rows."""
    constant, *slopes = coefficients
    forecast = np.full(len(inputs[0]), constant)
    for slope, x in zip(slopes, inputs, strict=True):
        forecast = forecast + slope * x
    return forecast


def _warn_without_range(problem: Problem, fold: Fold) -> None:
    """Once for all symbols."""
    without = [
        problem.symbols[symbol]
        for symbol, begin, end in zip(*known_spans(problem, fold), strict=True)
        if not (problem.log_range[begin : end + 1] > 0).any()
    ]
    if without:
        warnings.warn(
            f"har: no daily range (high and low) of {', '.join(without)}; squared returns are used instead",
            FitWarning,
            stacklevel=3,
        )
