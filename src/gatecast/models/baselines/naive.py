"""The forecasts that need no fit, or one number."""

from __future__ import annotations

import numpy as np

from gatecast._typing import Integers
from gatecast.distributions import Point
from gatecast.models.baselines.fitting import sample_spans
from gatecast.problem.folds import Fold
from gatecast.problem.problem import Problem
from gatecast.problem.seasons import known_places


def naive(problem: Problem, fold: Fold) -> Point:
    """Tomorrow = today: no return at any step; (N, h) for the N test origins.

    Hyndman & Athanasopoulos, Forecasting: Principles and Practice (3rd ed.), section 5.2.
    """
    return Point(np.zeros((len(fold.test), problem.horizon)))


def last_close(problem: Problem, fold: Fold) -> Point:
    """The close at the origin, whatever column is forecast; (N, h). Naive where that is the close."""
    close, anchor = problem.close[fold.test], problem.anchor[fold.test]
    return Point(np.repeat(problem.move.of(close, anchor)[:, None], problem.horizon, axis=1))


def drift(problem: Problem, fold: Fold) -> Point:
    """A random walk with drift: k times the mean move of the sample at step k; (N, h).

    The mean is per symbol, over train and validation (a baseline has no other use for validation): by
    telescoping, the move from the sample's first price to its last, divided by the bars between.
    Hyndman & Athanasopoulos (3rd ed.), section 5.2, on log prices where moves are log returns.
    """
    present, begin, end = sample_spans(problem, fold)
    mean = np.full(len(problem.symbols), np.nan)
    mean[present] = problem.move.of(problem.anchor[end], problem.anchor[begin - 1]) / (end - begin + 1)
    return Point(np.arange(1, problem.horizon + 1) * mean[problem.symbol[fold.test], None])


def seasonal_naive(problem: Problem, fold: Fold, season: int | None = None) -> Point:
    """The last known price of the same place in the season; (N, h).

    Step k of origin i is the price at row i + k - m ⌈k / m⌉. season: m; None: that of the problem. One that
    is not known is a week: 7 bars for a symbol that trades at weekends, else 5. Where a symbol has no whole
    season before the origin it is naive. Hyndman & Athanasopoulos (3rd ed.), section 5.2.
    """
    season = season or problem.season
    if season > 0 and season == problem.anchored:
        return Point(problem.neutral(fold.test))
    own = np.full(len(problem.symbols), season) if season > 0 else _season(problem, fold)
    same_place = known_places(fold.test, own[problem.symbol[fold.test]], problem.horizon)
    same_place = np.where(same_place >= problem.first[fold.test, None], same_place, fold.test[:, None])
    return Point(problem.move.of(problem.anchor[same_place], problem.anchor[fold.test, None]))


def _season(problem: Problem, fold: Fold) -> Integers:
    """(symbols,) 7 where more than a tenth of the sample's origins are Saturdays, and of Sundays; else 5.

    Both: an exchange that trades from Sunday to Thursday has a week of 5 sessions as well.
    """
    origins, symbols = fold.train_validation, len(problem.symbols)
    weekday = (problem.session[origins].astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    owner = problem.symbol[origins]
    saturdays, sundays = (np.bincount(owner[weekday == day], minlength=symbols) for day in (5, 6))
    tenth = 0.1 * np.bincount(owner, minlength=symbols)
    return np.where(np.minimum(saturdays, sundays) > tenth, 7, 5)
