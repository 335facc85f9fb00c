"""Ensembles: the forecasts of seeds as one, of distributions by what was better on validation; and means."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, get_args

import numpy as np

from gatecast._typing import Floats
from gatecast.distributions import FINE_LEVELS, Distribution, Mixture, Point, Quantiles, StudentT
from gatecast.models.model import Forecast

Combination = Literal["parameter mean", "mixture"]
COMBINATIONS: tuple[Combination, ...] = get_args(Combination)


def mean_of_seeds(parts: Iterable[Floats]) -> Floats:
    """The mean of arrays of one shape, one per seed.

    Added one after the other: `numpy.mean` may add in another order where there is one origin only, and the
    last bit would depend on how many are forecast at once.
    """
    total, *others = parts
    for part in others:
        total = total + part
    return total / (1 + len(others))


def better_combination(seeds: Sequence[StudentT] | Sequence[Quantiles], actual: Floats) -> Combination:
    """The combination of the seeds that has the lower mean CRPS, given the actual moves (N, h)."""
    if len(seeds) == 1 or not isinstance(seeds[0], StudentT):
        return "parameter mean"
    return min(COMBINATIONS, key=lambda kind: float(np.mean(joined(seeds, kind).crps(actual))))


def joined(seeds: Sequence[StudentT] | Sequence[Quantiles], combination: Combination) -> Distribution:
    """One distribution from those of all seeds.

    "parameter mean": of Student t's the mean location, the geometric mean scale and the mean df; of
    quantiles the mean of each (Vincentization; Ratcliff 1979). "mixture": equal parts of Student t's, a
    linear opinion pool (Stone 1961).
    """
    students = [seed for seed in seeds if isinstance(seed, StudentT)]
    if combination == "mixture":
        return Mixture(tuple(students))
    if students:
        log_scale = mean_of_seeds(np.log(seed.scale) for seed in students)
        location, df = (
            mean_of_seeds(getattr(seed, name) for seed in students) for name in ("location", "df")
        )
        return StudentT(location, np.exp(log_scale), df)
    quantiles = [seed for seed in seeds if isinstance(seed, Quantiles)]
    return Quantiles(quantiles[0].levels, mean_of_seeds(seed.values for seed in quantiles))


def mean_of_models(forecasts: Sequence[Forecast]) -> Forecast:
    """The equal-weight mean of several models' forecasts of the same origins.

    Of two or more distributions the mean of each quantile (Vincentization; Ratcliff 1979), and models that
    forecast a point are left out; else the mean of the points, of a distribution its median.
    """
    known = [one.distribution for one in forecasts if not isinstance(one.distribution, Point)]
    mean: Distribution
    if len(known) > 1:
        mean = Quantiles(FINE_LEVELS, mean_of_seeds(one.quantile(FINE_LEVELS) for one in known))
    else:
        mean = Point(mean_of_seeds(one.median for one in forecasts))
    return Forecast(mean, (mean,))
