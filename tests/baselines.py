"""The baselines by their names; those that forecast points with their forecasts in price."""

from collections.abc import Callable

import numpy as np

from gatecast.api.models import baseline_function
from gatecast.models.baseline import ForecastFunction
from gatecast.problem.folds import Fold
from gatecast.problem.problem import Problem
from gatecast.settings.names import BASELINES as NAMES


def in_price(function: ForecastFunction) -> Callable[[Problem, Fold], np.ndarray]:
    return lambda problem, fold: problem.to_price(function(problem, fold).location, fold.test)


FUNCTIONS = {name: baseline_function(name) for name in NAMES}
BASELINES = {name: in_price(FUNCTIONS[name]) for name, one in NAMES.items() if not one.distribution}
DISTRIBUTION_BASELINES = {name: FUNCTIONS[name] for name, one in NAMES.items() if one.distribution}
