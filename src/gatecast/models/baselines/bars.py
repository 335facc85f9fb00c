"""The variance of each bar of one symbol: what `har` and `lhar` read."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from gatecast._typing import Floats, Integers
from gatecast.errors import FitWarning
from gatecast.language import say
from gatecast.models.baselines.fitting import FEWEST, Span, sample_spans, too_little
from gatecast.problem.folds import Fold
from gatecast.problem.problem import Problem

MONTH = 22  # bars
FEWEST_TARGETS = 50  # k-bar returns in the sample, for a fit at step k
RECENT = 250  # bars: whether a symbol has ranges is seen from the last year of the sample
HALF_LIFE = 500  # bars: how soon a fit of level and tails forgets, for the level of volatility drifts
STANDING = 0.2  # of a fit's weight at most: a price that often stands still would send the scale to nothing
APART = 10.0  # from the EWMA volatility at most, either way: a bar that stood still, or a misprinted high


def has_ranges(problem: Problem, begin: int, end: int) -> bool:
    """Whether the variances of the bars begin … end of the sample can be estimated from their ranges.

    Half of the last 250 and 100 in all are needed.
    """
    ranged = np.isfinite(problem.range_variance[begin : end + 1])
    return bool(ranged.sum() >= FEWEST and ranged[-RECENT:].mean() >= 0.5)


def bar_variance(span: Span) -> tuple[Floats, NDArray[np.bool_]]:
    """(rows,) the variance of each bar up to the last origin, and whether its range was used.

    With s² the EWMA of squared returns at the bar's close: the variance estimated from the range, divided by
    the median of its ratio to s² over the sample; for a bar without a range (r² + s²) / 2, for r² alone is a
    poor measure of the variance, and its log none at all where r is near 0. So all are on one scale, that of
    squared returns. Where the symbol has no ranges (see `has_ranges`) none is used. Between s² / 100 and
    100 s². Integers are those of the problem; those before the symbol's first return mean nothing.
    """
    problem, begin, end = span.problem, span.begin, span.end
    stop = int(span.origins[-1]) + 1
    usual = problem.volatility[:stop] ** 2
    variance = (np.nan_to_num(problem.returns[:stop]) ** 2 + usual) / 2
    ranged = np.zeros(stop, dtype=bool)
    if has_ranges(problem, begin, end):
        of_range = problem.range_variance[:stop] / usual
        ranged = np.isfinite(of_range)
        ratio = np.median(of_range[begin : end + 1][ranged[begin : end + 1]])
        variance = np.where(ranged, of_range / ratio * usual, variance)
    return np.clip(variance, usual / APART**2, usual * APART**2), ranged


def sample_rows(span: Span) -> Integers:
    """The rows of the sample with a return after them, one after the other.

    Without those that have fewer than MONTH bars before them, where enough others are left.
    """
    settled = max(span.begin, int(span.problem.first[span.begin]) + MONTH)
    enough = span.end - settled - span.problem.horizon + 1 >= FEWEST_TARGETS
    return np.arange(settled if enough else span.begin, span.end)


def too_few(span: Span) -> str:
    """Why no model of volatility can be fitted to the sample; empty where one can."""
    horizon, trouble = span.problem.horizon, too_little(span.returns, span.rounding)
    count = span.end - span.begin - horizon + 1
    if not trouble and count < FEWEST_TARGETS:
        trouble = f"{count} in-sample returns over {horizon} bars are too few ({FEWEST_TARGETS} are needed)"
    return trouble


def weights(moves: Floats, half_life: float = np.inf) -> Floats:
    """(n,) the weights of returns in a fit, 1 in all.

    A return of `half_life` bars before the last counts half; those that are exactly zero count a fifth of
    all at most: a continuous distribution describes the moves, and has no place for bars without one.
    """
    weight = 0.5 ** (np.arange(len(moves))[::-1] / half_life)
    still = moves == 0
    share = weight[still].sum() / weight.sum()
    if STANDING < share < 1:
        weight[still] *= STANDING / (1 - STANDING) * (1 - share) / share
    return weight / weight.sum()


def mean_over(values: Floats, rows: Integers, first: int, memories: tuple[int, ...]) -> list[Floats]:
    """The means of `values` over the last m bars up to `rows` (N,), (N,) for each m of memories, rising.

    Of as many bars as there are from row `first` on. Bar by bar: the last bit of another sum may depend on
    the number of rows.
    """
    total, means = np.zeros(len(rows)), []
    for back in range(memories[-1]):
        total = total + np.where(rows - back >= first, values[np.maximum(rows - back, first)], 0.0)
        if back + 1 in memories:
            means.append(total / np.minimum(back + 1, rows - first + 1))
    return means


def combined(constant: float, slopes: list[float], inputs: list[Floats]) -> Floats:
    """(N,) the constant plus each slope times its input (N,).

    Term by term: the last bit of a matrix product depends on the number of rows.
    """
    total = np.full(len(inputs[0]), constant)
    for slope, x in zip(slopes, inputs, strict=True):
        total = total + slope * x
    return total


def warn_without_range(problem: Problem, fold: Fold, model: str) -> None:
    """Once for all symbols that are long enough to be fitted."""
    without = [
        problem.symbols[symbol]
        for symbol, begin, end in zip(*sample_spans(problem, fold), strict=True)
        if end - begin + 1 >= FEWEST and not has_ranges(problem, begin, end)
    ]
    if without:
        warnings.warn(
            say(
                "{model}: no range (high and low) of {without}; returns alone are used instead",
                model=model,
                without=", ".join(without),
            ),
            FitWarning,
            stacklevel=3,
        )
