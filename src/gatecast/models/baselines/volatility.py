"""The distributions without a recursion of their own: scaled volatility, and past returns."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gatecast._typing import Floats, Integers
from gatecast.distributions import FINE_LEVELS, Quantiles, StudentT
from gatecast.language import say
from gatecast.models.baselines.fitting import Span, as_quantiles, fit_student, per_symbol
from gatecast.problem.folds import Fold
from gatecast.problem.problem import Problem
from gatecast.settings.frequency import session_noun

SETTLED = 20  # returns that an EWMA has seen before its scale means something
PAST = 250  # bars of historical simulation: of days a year
FEWEST_PAST = 20


def ewma_t(problem: Problem, fold: Fold) -> StudentT:
    """Student t around zero, scale c(k) · s · √k at step k; N test origins x h steps.

    s is the EWMA (0.94) volatility at the origin: RiskMetrics, Technical Document (4th
    ed., 1996), section 5.2, where returns are normal. c(k) and df(k) are fitted per symbol and step, by
    maximum likelihood on the sample's k-bar returns divided by the volatility at their origin · √k; they
    overlap, which costs precision and does not bias: sums of returns have lighter tails than one return,
    and a variance that falls back to its mean does not grow with √k.
    """
    return per_symbol(problem, fold, "ewma-t", ewma_of)


def ewma_of(span: Span) -> StudentT:
    """`ewma_t` of one symbol."""
    volatility = span.problem.volatility
    settled = max(span.begin, int(span.problem.first[span.begin]) + SETTLED)
    begin = settled if span.end - settled >= SETTLED + span.problem.horizon else span.begin
    return scaled_t(span, begin, lambda origins, step: volatility[origins])


def scaled_t(span: Span, begin: int, volatility: Callable[[Integers, int], Floats]) -> StudentT:
    """Student t around zero, its scale c(k) · volatility · √k; c(k) and df(k) fitted on the sample.

    volatility(origins (n,), k): (n,) the forecast of a bar's volatility over the next k bars.
    begin: the first origin to fit on.
    """
    shape = len(span.origins), span.problem.horizon
    scale, df = np.empty(shape), np.empty(shape)

    def root(origins: Integers, step: int) -> Floats:
        """√k, or what stands for it where the time of day tells."""
        return np.sqrt(span.problem.bars_ahead(origins)[:, step - 1])

    for step in range(1, span.problem.horizon + 1):
        sample = np.arange(begin, span.end - step + 1)
        z = span.ahead(sample, step) / (volatility(sample, step) * root(sample, step))
        factor, df[:, step - 1] = fit_student(z)
        scale[:, step - 1] = factor * volatility(span.origins, step) * root(span.origins, step)
    return StudentT(np.zeros(shape), scale, df)


def historical(problem: Problem, fold: Fold) -> Quantiles:
    """Historical simulation: the quantiles of past k-bar returns; N test origins x h steps.

    Step k of origin i takes the overlapping k-bar returns (log returns, or differences) that end in the 250
    bars up to i, or in as many as there are. Quantiles are those of Hazen (1914), number 5 of Hyndman and Fan
    (1996): the n returns stand at the levels (j - 1/2) / n. Nothing is fitted.

    Warns
        FitWarning: origins with fewer than 20 such returns; `ewma_t` is used there.
    """
    return per_symbol(problem, fold, "historical", _historical_of)


def _historical_of(span: Span) -> Quantiles:
    problem, origins = span.problem, span.origins
    price, first = problem.anchor, int(problem.first[span.begin])
    end = origins[:, None] - np.arange(PAST)
    values = np.empty((len(origins), problem.horizon, len(FINE_LEVELS)))
    for step in range(1, problem.horizon + 1):
        there = end - step >= first
        past = problem.move.of(price[np.maximum(end, first)], price[np.maximum(end - step, first)])
        past = np.sort(np.where(there, past, np.inf), axis=1)
        count = there.sum(axis=1, keepdims=True)
        place = np.clip(count * FINE_LEVELS - 0.5, 0, np.maximum(count - 1, 0))
        below = place.astype(np.int64)
        above = np.minimum(below + 1, np.maximum(count - 1, 0))
        lower, upper = np.take_along_axis(past, below, axis=1), np.take_along_axis(past, above, axis=1)
        with np.errstate(invalid="ignore"):  # no return at all: replaced below
            values[:, step - 1] = lower + (place - below) * (upper - lower)
    short = count[:, 0] < FEWEST_PAST  # the last step has the fewest
    if short.any():
        span.warn(
            say(
                "{sum} origins have fewer than {fewest_past} past returns over {horizon} "
                "{session_noun}s; ewma-t is used for them instead",
                sum=short.sum(),
                fewest_past=FEWEST_PAST,
                horizon=problem.horizon,
                session_noun=session_noun(problem.frequency),
            )
        )
        values[short] = as_quantiles(ewma_of(span).take(np.flatnonzero(short))).values
    return Quantiles(FINE_LEVELS, values)
