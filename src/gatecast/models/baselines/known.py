"""What a baseline may be fitted on: the rows of a fold's training and validation windows and targets."""

from __future__ import annotations

import numpy as np

from gatecast._typing import Integers
from gatecast.problem.folds import Fold
from gatecast.problem.problem import Problem


def known_spans(problem: Problem, fold: Fold) -> tuple[Integers, Integers, Integers]:
    """(symbols of the fold, first row, last row), (S,) each: per symbol, the returns that were known.

    They run from the oldest window of `fold.train_validation` to its last target, which is dated before the
    first test session. A return at row i needs row i - 1: the symbol's first row has none and is left out.
    """
    known = fold.train_validation
    present, starts, counts = np.unique(problem.symbol[known], return_index=True, return_counts=True)
    oldest, newest = known[starts], known[starts + counts - 1]
    begin = np.maximum(oldest - problem.lookback, problem.first[oldest]) + 1
    return present, begin, newest + problem.horizon
