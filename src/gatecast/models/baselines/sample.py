"""The sample that a baseline is fitted on: a fold's training and validation windows and targets."""

from __future__ import annotations

import numpy as np

from gatecast._typing import Integers
from gatecast.problem.folds import Fold
from gatecast.problem.problem import Problem


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
