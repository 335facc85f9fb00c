"""Given forecasts as models beside the baselines: folds of one calendar year, and the scale of losses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gatecast._typing import Bools, Floats, Integers
from gatecast.judging.matching import Matched
from gatecast.models.model import Forecast
from gatecast.problem.folds import MIN_TRAINING_ORIGINS, Fold
from gatecast.problem.problem import Problem

LOOKBACK = 20  # bars before the first origin that a baseline is fitted on
FEWEST_BEFORE = 60  # bars before a symbol's first origin, for a scale of its losses


@dataclass(frozen=True)
class GivenForecasts:
    """A model trained elsewhere: what it forecasts at `origins` (N,), rows of the problem, rising."""

    origins: Integers
    matched: Matched

    def fit(self, problem: Problem, folds: Sequence[Fold]) -> list[GivenForecasts]:
        """Itself, for every fold."""
        return [self for _ in folds]

    def predict(self, problem: Problem, origins: Integers) -> Forecast:
        """The forecasts of some of its origins."""
        at = np.searchsorted(self.origins, origins)
        return Forecast(self.matched.distribution.take(at), point=self.matched.point[at])


def yearly_folds(problem: Problem, origins: Integers) -> list[Fold]:
    """One fold per calendar year of the first bar forecast; baselines are fitted anew at its first origin.

    The forecast of 31 December for 2 January is one of the new year, as whoever counts test days takes it.

        0 | train ................. |e| 2021 |
        1 | train .......................... |e| 2022 |

    An embargo (e): the last target of every training origin is dated before the first origin of the fold, of
    any symbol. Symbols with fewer than MIN_TRAINING_ORIGINS training origins are left out of the year.
    """
    years = problem.dates(origins)[:, 0].astype("datetime64[Y]")
    settled = np.arange(len(problem.symbol)) - problem.first >= LOOKBACK - 1
    folds: list[Fold] = []
    for year in np.unique(years):
        test = origins[years == year]
        known = np.flatnonzero(settled & (problem.due < problem.session[test].min()))
        counts = np.bincount(problem.symbol[known], minlength=len(problem.symbols))
        short = np.flatnonzero(counts < MIN_TRAINING_ORIGINS)
        left_out = tuple(problem.symbols[s] for s in short if s in problem.symbol[test])
        test = test[~np.isin(problem.symbol[test], short)]
        if len(test):
            train = known[~np.isin(problem.symbol[known], short)]
            folds.append(Fold(len(folds), train, train[:0], test, left_out))
    return folds


def naive_losses(problem: Problem, origins: Integers) -> tuple[Floats, Floats, Bools]:
    """(N,) naive's mean absolute error (price) and squared change, by which losses are scaled.

    Over the bars whose targets were known at the symbol's first origin; where there are fewer than
    FEWEST_BEFORE of them, over its origins themselves: (N,) where that is so.
    """
    absolute, squared = np.empty(len(origins)), np.empty(len(origins))
    in_test = np.zeros(len(origins), dtype=bool)
    for symbol in np.unique(problem.symbol[origins]):
        own = problem.symbol[origins] == symbol
        start = origins[own][0]
        rows = np.arange(problem.first[start], start - problem.horizon + 1)
        if len(rows) < FEWEST_BEFORE:
            rows, in_test[own] = origins[own], True
        error = problem.actual(rows) - problem.anchor[rows, None]
        absolute[own] = np.abs(error).mean()
        squared[own] = np.square(error / problem.move.base(problem.anchor[rows, None])).mean()
    return absolute, squared, in_test
