"""The distributions without a recursion of their own: scaled volatility, and past returns.

What all baselines with a distribution share is here too: the part of the prices that belongs to one symbol,
and the Student t fitted to standardised returns.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from gatecast._typing import Floats, Integers
from gatecast.distributions import FINE_LEVELS, Distribution, Quantiles, StudentT, concatenated
from gatecast.errors import FitWarning
from gatecast.models.baselines.sample import sample_spans
from gatecast.problem.folds import Fold
from gatecast.problem.problem import Problem

Kind = TypeVar("Kind", bound=Distribution)

DF = (2.1, 100.0)  # heavier has no variance to speak of, lighter is a normal
FEWEST = 100  # in-sample returns for a model of their volatility; fewer, and its parameters say nothing
CONSTANT = 1e-12  # returns nearer together than this differ by rounding
SETTLED = 20  # returns that an EWMA has seen before its scale means something
PAST = 250  # sessions of historical simulation: a year
FEWEST_PAST = 20
TIE_BREAK = 0.1  # scale of a fit in typical |z|, at least: most returns zero would send it to nothing


@dataclass(frozen=True)
class Span:
    """One symbol in one fold: what may be read to fit, and what is forecast.

    begin, end: the rows of the sample's first and last return; origins (N,): the test origins.
    """

    problem: Problem
    fold: Fold
    symbol: int
    begin: int
    end: int
    origins: Integers
    model: str

    @property
    def returns(self) -> Floats:
        """(n,) the log returns of the sample."""
        return self.problem.returns[self.begin : self.end + 1]

    def ahead(self, origins: Integers, step: int) -> Floats:
        """The actual log returns from `origins` to `step` bars later."""
        price = self.problem.anchor
        return np.log(price[origins + step] / price[origins])

    def warn(self, what: str) -> None:
        """Say that something else is used, and for which symbol and fold."""
        name = self.problem.symbols[self.symbol]
        warnings.warn(f"{self.model}: {name} fold {self.fold.number}: {what}", FitWarning, stacklevel=2)


def per_symbol(problem: Problem, fold: Fold, model: str, forecast: Callable[[Span], Kind]) -> Kind:
    """`forecast` of every symbol, their test origins one after the other as they are in the fold."""
    present, begins, ends = sample_spans(problem, fold)
    edges = np.searchsorted(problem.symbol[fold.test], np.append(present, len(problem.symbols)))
    spans = [
        Span(problem, fold, int(symbol), int(begin), int(end), fold.test[start:stop], model)
        for symbol, begin, end, (start, stop) in zip(present, begins, ends, pairwise(edges), strict=True)
    ]
    return cast(Kind, concatenated([forecast(span) for span in spans if len(span.origins)]))


def too_little(returns: Floats) -> str:
    """Why no model of volatility can be fitted to returns (n,); empty where one can."""
    if len(returns) < FEWEST:
        return f"{len(returns)} in-sample returns are too few ({FEWEST} are needed)"
    return "constant returns" if np.ptp(returns) <= CONSTANT else ""


def ewma_t(problem: Problem, fold: Fold) -> StudentT:
    """Student t around zero, scale c(k) · s · √k at step k; N test origins x h steps, log return.

    s is the EWMA (0.94) volatility at the origin: RiskMetrics, Technical Document (4th
    ed., 1996), section 5.2, where returns are normal. c(k) and df(k) are fitted per symbol and step, by
    maximum likelihood on the sample's k-session returns divided by the volatility at their origin · √k; they
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

    volatility(origins (n,), k): (n,) the forecast of a session's volatility over the next k sessions.
    begin: the first origin to fit on.
    """
    shape = len(span.origins), span.problem.horizon
    scale, df = np.empty(shape), np.empty(shape)
    for step in range(1, span.problem.horizon + 1):
        sample = np.arange(begin, span.end - step + 1)
        z = span.ahead(sample, step) / (volatility(sample, step) * np.sqrt(step))
        factor, df[:, step - 1] = fit_student(z)
        scale[:, step - 1] = factor * volatility(span.origins, step) * np.sqrt(step)
    return StudentT(np.zeros(shape), scale, df)


def fit_student(z: Floats, weight: Floats | None = None) -> tuple[float, float]:
    """(scale, df) of a Student t around zero with the highest likelihood of z (n,); df in 2.1 … 100.

    weight (n,): of each z; None: all count alike.
    z that are all zero, or none, give (1, 100). The scale is at least a tenth and at most ten
    times the median |z| of those that are not zero. Newton's method on (log scale, log df), each step
    kept within the bounds and halved until it gains.
    """
    size = np.abs(z[z != 0])
    if not len(size):
        return 1.0, DF[1]
    typical = float(np.median(size))
    squared = (z / typical) ** 2
    weight = np.ones(len(z)) if weight is None else weight
    weight = weight / weight.sum()
    low, high = np.log([TIE_BREAK, DF[0]]), np.log([1 / TIE_BREAK, DF[1]])
    at = np.array([0.0, np.log(6.0)])
    loss, slope, curve = _student_loss(squared, weight, at)
    for _ in range(100):
        free = ~(((at <= low) & (slope > 0)) | ((at >= high) & (slope < 0)))
        step = _newton_step(slope * free, curve, free)
        while np.abs(step).max() > 1e-9:
            there = np.clip(at + step, low, high)
            new = _student_loss(squared, weight, there)
            if new[0] < loss:
                break
            step = step / 2
        else:
            break
        at, (loss, slope, curve) = there, new
    return typical * float(np.exp(at[0])), float(np.exp(at[1]))


def _student_loss(squared: Floats, weight: Floats, at: Floats) -> tuple[float, Floats, Floats]:
    """Negative log likelihood of z² (n,) at (log scale, log df), its gradient and its Hessian.

    weight (n,): of each, 1 in all.
    """
    from scipy.special import betaln, polygamma, psi

    df = float(np.exp(at[1]))
    w = squared * (np.exp(-2 * at[0]) / df)
    pull = w / (1 + w)
    tail, first, second = (float(weight @ part) for part in (np.log1p(w), pull, pull * (1 - pull)))
    by_df = 0.5 * (psi(df / 2) - psi(df / 2 + 0.5))  # of log B(1/2, df/2)
    by_df_twice = 0.25 * (polygamma(1, df / 2) - polygamma(1, df / 2 + 0.5))
    loss = (df + 1) / 2 * tail + at[0] + at[1] / 2 + betaln(0.5, df / 2)
    slope = np.array([1 - (df + 1) * first, (df * tail + 1 - (df + 1) * first) / 2 + df * by_df])
    mixed = (df + 1) * second - df * first
    by_log_df = df * tail / 2 - df * first + (df + 1) / 2 * second + df * by_df + df**2 * by_df_twice
    return float(loss), slope, np.array([[2 * (df + 1) * second, mixed], [mixed, by_log_df]])


def _newton_step(slope: Floats, curve: Floats, free: NDArray[np.bool_]) -> Floats:
    """(2,) at most 1 long in each direction; along the gradient where the Hessian is not convex."""
    (a, b), (_, d) = curve
    if not free.all():
        b = 0.0
    if a > 0 and d > 0 and a * d > b * b:
        step = np.array([b * slope[1] - d * slope[0], b * slope[0] - a * slope[1]]) / (a * d - b * b)
    else:
        step = -slope / np.maximum(np.abs([a, d]), 1e-3)
    return np.clip(step, -1, 1)


def as_quantiles(distribution: Distribution) -> Quantiles:
    """The same known by its quantiles alone, at FINE_LEVELS."""
    return Quantiles(FINE_LEVELS, distribution.quantile(FINE_LEVELS))


def historical(problem: Problem, fold: Fold) -> Quantiles:
    """Historical simulation: the quantiles of past k-session returns; N test origins x h steps, log return.

    Step k of origin i takes the overlapping k-session log returns that end in the 250 sessions up to i, or
    in as many as there are. Quantiles are those of Hazen (1914), number 5 of Hyndman and Fan (1996): the
    n returns stand at the levels (j - 1/2) / n. Nothing is fitted.

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
        past = np.log(price[np.maximum(end, first)] / price[np.maximum(end - step, first)])
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
            f"{short.sum()} origins have fewer than {FEWEST_PAST} past returns over {problem.horizon} "
            "sessions; ewma-t is used for them instead"
        )
        values[short] = as_quantiles(ewma_of(span).take(np.flatnonzero(short))).values
    return Quantiles(FINE_LEVELS, values)
