"""har and lhar on the samples: nothing in them was chosen by looking at these years."""

from functools import cache

import numpy as np
import pytest

import gatecast as gc
from gatecast.distributions import concatenated
from gatecast.problem.folds import cut_folds
from gatecast.problem.problem import make_problem

from ...baselines import DISTRIBUTION_BASELINES  # isort: skip


@pytest.fixture(scope="module")
def indices():
    """S&P 500 and Nasdaq, tested on 2014 to 2018: forecasts by name, actual returns (N, 1), symbols (N,)."""
    problem = make_problem(gc.load(["sample:sp500", "sample:nasdaq"]), lookback=20, horizon=1)
    folds = cut_folds(problem, folds=5)
    origins = np.concatenate([fold.test for fold in folds])

    @cache
    def of_every_fold(name):
        return concatenated([DISTRIBUTION_BASELINES[name](problem, fold) for fold in folds])

    return of_every_fold, problem.actual_returns(origins), problem.symbol[origins]


@pytest.mark.filterwarnings("ignore::gatecast.errors.DataWarning")
@pytest.mark.parametrize("name", ["har", "lhar"])
def test_intervals_hold_as_often_as_they_say(indices, name):
    of_every_fold, actual, owner = indices
    off_centre = np.abs(of_every_fold(name).cdf(actual)[:, 0] - 0.5)
    for symbol in (0, 1):
        assert (owner == symbol).sum() == 1258
        for level, points in [(0.5, 0.05), (0.8, 0.03), (0.95, 0.015)]:
            held = (off_centre[owner == symbol] < level / 2).mean()
            assert held == pytest.approx(level, abs=points), symbol


@pytest.mark.filterwarnings("ignore::gatecast.errors.DataWarning")
def test_lhar_is_the_stronger_rival(indices):
    of_every_fold, actual, owner = indices
    lhar, gjr = (of_every_fold(name).crps(actual)[:, 0] for name in ("lhar", "gjr-garch-t"))
    for symbol in (0, 1):
        assert lhar[owner == symbol].mean() < gjr[owner == symbol].mean()
