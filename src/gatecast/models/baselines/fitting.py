"""What the baselines share: what one symbol's fit may read, and the Student t of standardised returns."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from gatecast._typing import Floats, Integers
from gatecast.distributions import FINE_LEVELS, Distribution, Quantiles, concatenated
from gatecast.errors import FitWarning
from gatecast.problem.folds import Fold
from gatecast.problem.moves import ROUNDING
from gatecast.problem.problem import Problem

Kind = TypeVar("Kind", bound=Distribution)

DF = (2.1, 100.0)  # heavier has no variance to speak of, lighter is a normal
FEWEST = 100  # in-sample returns for a model of their volatility; fewer, and its parameters say nothing
STEPS = 100  # of Newton's method, at most
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
        """(n,) the moves of the sample: log returns, or differences."""
        return self.problem.returns[self.begin : self.end + 1]

    def ahead(self, origins: Integers, step: int) -> Floats:
        """The actual moves from `origins` to `step` bars later."""
        price = self.problem.anchor
        return self.problem.move.of(price[origins + step], price[origins])

    @property
    def rounding(self) -> float:
        """Returns of the sample that are nearer together than this differ by rounding."""
        return self.problem.move.rounding(self.problem.anchor[self.begin : self.end + 1])

    def warn(self, what: str) -> None:
        """Say that something else is used, and for which symbol and fold."""
        name = self.problem.symbols[self.symbol]
        warnings.warn(f"{self.model}: {name} fold {self.fold.number}: {what}", FitWarning, stacklevel=2)


def sample_spans(problem: Problem, fold: Fold) -> tuple[Integers, Integers, Integers]:
    """(symbols of the fold, first row, last row), (S,) each: per symbol, the returns in the sample.

    They run from the oldest window of `fold.train_validation` to its last target, which is dated before the
    first test session. A return at row i needs row i - 1: the symbol's first row has none and is left out.
    """
    origins = fold.train_validation
    present, starts, counts = np.unique(problem.symbol[origins], return_index=True, return_counts=True)
    oldest, newest = origins[starts], origins[starts + counts - 1]
    begin = np.maximum(oldest - problem.lookback, problem.first[oldest]) + 1
    return present, begin, newest + problem.horizon


def per_symbol(problem: Problem, fold: Fold, model: str, forecast: Callable[[Span], Kind]) -> Kind:
    """`forecast` of every symbol, their test origins one after the other as they are in the fold."""
    present, begins, ends = sample_spans(problem, fold)
    edges = np.searchsorted(problem.symbol[fold.test], np.append(present, len(problem.symbols)))
    spans = [
        Span(problem, fold, int(symbol), int(begin), int(end), fold.test[start:stop], model)
        for symbol, begin, end, (start, stop) in zip(present, begins, ends, pairwise(edges), strict=True)
    ]
    return cast(Kind, concatenated([forecast(span) for span in spans if len(span.origins)]))


def too_little(returns: Floats, rounding: float = ROUNDING) -> str:
    """Why no model of volatility can be fitted to returns (n,); empty where one can."""
    if len(returns) < FEWEST:
        return f"{len(returns)} in-sample returns are too few ({FEWEST} are needed)"
    return "constant returns" if np.ptp(returns) <= rounding else ""


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

    def step(at: Floats, slope: Floats, curve: Floats) -> Floats:
        free = ~(((at <= low) & (slope > 0)) | ((at >= high) & (slope < 0)))
        return _newton_step(slope * free, curve, free)

    start = np.array([0.0, np.log(6.0)])
    at = damped_newton(lambda at: _student_loss(squared, weight, at), step, start, low, high, enough=1e-9)
    return typical * float(np.exp(at[0])), float(np.exp(at[1]))


def damped_newton(
    loss_at: Callable[[Floats], tuple[float, Floats, Floats]],
    step_at: Callable[[Floats, Floats, Floats], Floats],
    start: Floats,
    low: Floats,
    high: Floats,
    *,
    enough: float,
) -> Floats:
    """The parameters where a loss is lowest, by steps kept within the bounds and halved until they gain.

    Parameters
    ----------
    loss_at
        Parameters → loss, its gradient, its Hessian or what stands for that.
    step_at
        Parameters, gradient, Hessian → the step to try.
    enough
        The smallest step that matters.
    """
    at = start
    loss, slope, curve = loss_at(at)
    for _ in range(STEPS):
        step = step_at(at, slope, curve)
        while np.abs(step).max() > enough:
            there = np.clip(at + step, low, high)
            new = loss_at(there)
            if new[0] < loss:
                break
            step = step / 2
        else:
            break
        at, (loss, slope, curve) = there, new
    return at


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
