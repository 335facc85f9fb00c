"""The season of an experiment: given, or found on the training rows of its first fold."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gatecast.api.models import bare_problem
from gatecast.data.prices import Prices
from gatecast.errors import SettingError
from gatecast.language import plural, say
from gatecast.problem.folds import Fold
from gatecast.problem.problem import Problem
from gatecast.problem.seasons import THREE, found_season, season_candidates
from gatecast.settings.experiment import SEASON_CHANGE, Experiment
from gatecast.settings.frequency import DAILY
from gatecast.settings.names import SEASONAL_NAIVE


def with_season(
    experiment: Experiment, prices: Prices, first_fold: Callable[[Problem], Fold]
) -> tuple[Experiment, tuple[str, ...]]:
    """The experiment whose season is settled, where anything needs it, and a note on how it was found.

    Parameters
    ----------
    first_fold
        A problem → its first fold, on whose training rows a season is looked for.

    Raises
    ------
    SettingError
        The targets, or what is known in advance, are of a season, and the training rows show none.
    """
    asked = experiment.anchor == "season" or SEASON_CHANGE in experiment.future
    if experiment.seasons or not (asked or SEASONAL_NAIVE in experiment.models):
        return experiment, ()
    problem = bare_problem(experiment, prices)
    train = first_fold(problem).train
    owner = problem.symbol[train]
    last = train[np.append(np.flatnonzero(np.diff(owner)), len(owner) - 1)] + problem.horizon
    series = [problem.anchor[problem.first[row] : row + 1] for row in last]
    longest = max(len(own) for own in series)
    candidates = season_candidates(prices.frequency, prices.times, longest // THREE)
    season = found_season(series, candidates)
    if season:
        note = say(
            "The season is {bars}, as found on the training rows of the first fold",
            bars=plural("{n:,} bar", "{n:,} bars", season),
        )
        return experiment.changed(season=season), (note,)
    if asked:
        looked = (
            say(" of {seasons} bars", seasons=", ".join(map(str, candidates)))
            if 0 < len(candidates) < THREE
            else ""
        )
        raise SettingError(
            say(
                "the training rows of the first fold show no season{looked}: give its number of "
                'bars (season=24), or measure targets from the last price (anchor="last")',
                looked=looked,
            ),
            setting="season",
            value=experiment.season,
        )
    if prices.frequency == DAILY:
        return experiment, ()  # the week that every symbol has
    usual = candidates[0] if 0 < len(candidates) < THREE else 1
    return experiment.changed(season=usual), (
        say(
            "The training rows of the first fold show no season; {seasonal_naive} repeats "
            "the price {bars} before",
            seasonal_naive=SEASONAL_NAIVE,
            bars=plural("{n:,} bar", "{n:,} bars", usual),
        ),
    )
