"""Forecasts that were made elsewhere → the verdict that a comparison gets."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from gatecast._typing import Bools
from gatecast.api.comparison import provenance_of, walked
from gatecast.api.models import baseline_function
from gatecast.api.result import Result
from gatecast.data.prices import Prices, iso
from gatecast.data.sources import prices_of
from gatecast.distributions import FINE_LEVELS, Point, Quantiles
from gatecast.errors import DataError, DataWarning
from gatecast.forecasts import Forecasts
from gatecast.formatting import listed, some
from gatecast.judging.beside import (
    FEWEST_BEFORE,
    LOOKBACK,
    GivenForecasts,
    naive_losses,
    yearly_folds,
)
from gatecast.judging.given import Given, read_given
from gatecast.judging.matching import Match, after, match
from gatecast.language import plural, say
from gatecast.models.baseline import Baseline
from gatecast.models.model import Model
from gatecast.problem.folds import MIN_TRAINING_ORIGINS, Fold
from gatecast.problem.moves import LOG_RETURN
from gatecast.problem.problem import Problem, first_not_positive, make_problem
from gatecast.problem.targets import move_of
from gatecast.settings.frequency import count_tested
from gatecast.settings.judged import Judged
from gatecast.settings.names import DISTRIBUTION_RIVALS, POINT_RIVALS, WITH_DISTRIBUTION
from gatecast.settings.reading import Reading


def judge(forecasts: Any, prices: Any, *, column: str = "close", trained_until: str | None = None) -> Result:
    """The verdict on forecasts that were made elsewhere, beside baselines computed for the same bars.

    What the table may look like: the guide "Forecasts made elsewhere". Naive, drift, ewma and ar, beside
    distributions naive, historical, ewma-t, gjr-garch-t and lhar, forecast from the same origins, fitted anew
    for the forecasts of every calendar year.

    Parameters
    ----------
    forecasts
        A file or DataFrame of prices that were forecast: gatecast's own forecasts.parquet; Nixtla's long or
        wide form (unique_id, ds, cutoff, a column per model, "-lo-80", "-hi-80", "-median"); quantiles (q10,
        0.1, p10); samples (a column of lists, or one row per sample); a column of models; or only dates and
        forecasts, each then made at the bar before.
    prices
        What `gatecast.load` gives or takes.
    column
        The price that is forecast.
    trained_until
        The last day that the models were trained on, "2024-12-31": the bars up to it may have been seen, and
        only later ones are judged.

    Warns
    -----
    DataWarning
        What does not match and is left out, and what was assumed.

    Raises
    ------
    DataError
        A table that cannot be used; names file, row, column and value.
    """
    asked = Judged(column=column, trained_until=iso(trained_until, "trained_until"))
    return run(asked, forecasts, prices_of(prices))


def run(asked: Judged, forecasts: Any, prices: Prices) -> Result:
    """The verdict that `asked` is of; its models and horizon are found in the table."""
    low = first_not_positive(prices, asked.column)
    move = move_of("return", positive=low is None)
    given = read_given(forecasts, asked.column, prices.calendar, prices.frequency, move)
    file = given.source[0]
    target = "return" if given.move.name == LOG_RETURN.name else "difference"
    bars = make_problem(
        prices, lookback=LOOKBACK, horizon=1, column=asked.column, target=target, across_sessions=True
    )
    of_target = (
        [say("{low}, and a price of zero or below has no log return: differences are judged", low=low)]
        if low
        else []
    )
    found = match(given, bars, file)
    problem = replace(bars, horizon=found.horizon)
    kept, seen = _unseen(found, problem, asked.trained_until)
    folds, left_out = _folds(problem, found.origins[kept], file)
    rivals = _rivals(given, found, asked.column)
    models: dict[str, Model] = {name: Baseline(baseline_function(name)) for name in rivals}
    models |= {name: GivenForecasts(found.origins, matched) for name, matched in found.models.items()}
    outcome, _, fits = walked(models, problem, folds)
    outcome, scaled = _scaled(outcome, found, problem, folds)
    baselines = (*rivals, *given.baselines)
    names = (*baselines, *(name for name in found.models if name not in baselines))
    outcome = judged_as_given(outcome, [name for name in names if name not in baselines])
    said = (*of_target, *given.notes, *found.notes, *seen, *left_out, *scaled)
    for text in said:
        warnings.warn(f"{file}: {text}.", DataWarning, stacklevel=3)
    read = {name: getattr(asked, name) for name in (*Reading.model_fields, "column", "trained_until", "seed")}
    return Result(
        experiment=Judged(
            **read,
            source=prices.source,
            forecasts=given.source,
            models=names,
            baselines=baselines,
            horizon=found.horizon,
        ),
        provenance=provenance_of(prices),
        prices=prices,
        outcome=outcome,
        training=pd.DataFrame(),
        warnings=(
            *(oddity.text for oddity in prices.oddities),
            *fits,
            *(f"{file}: {text}." for text in said),
        ),
        notes=(*seen, *_naive(outcome, names, baselines), *_of_quantiles(found)),
        fitted={},
    )


def judged_as_given(outcome: Forecasts, names: Sequence[str]) -> Forecasts:
    """The same, its models `names` those that are judged; they have no seeds."""
    none = np.empty((0, *outcome.actual.shape))
    return replace(outcome, seeds=dict.fromkeys(names, none))


def _unseen(found: Match, problem: Problem, trained_until: str | None) -> tuple[Bools, list[str]]:
    """Which origins (N,) forecast bars that no model can have been trained on, and what is said of it."""
    if trained_until is None:
        return np.ones(len(found.origins), dtype=bool), []
    kept = after(found.origins, problem, trained_until)
    if not kept.any():
        raise DataError(
            say(
                "all {origins} forecast bars up to {trained_until}, the last day of training: "
                "the models may have seen them",
                origins=plural("{n:,} origin", "{n:,} origins", len(kept)),
                trained_until=trained_until,
            ),
            remedy=say("Give forecasts of later bars"),
        )
    if kept.all():
        return kept, []
    days = len(np.unique(problem.session[found.origins]))
    left = len(np.unique(problem.session[found.origins[kept]]))
    models = (
        listed(list(found.models))
        if len(found.models) <= 3
        else plural("{n:,} model", "{n:,} models", len(found.models))
    )
    return kept, [
        say(
            "Only {left:,} of {tested} are judged: {models} may have seen the bars up to "
            "{trained_until} in training, and forecasts from {origins} are left out",
            left=left,
            tested=count_tested(days, problem.frequency),
            models=models,
            trained_until=trained_until,
            origins=plural("{n:,} origin", "{n:,} origins", int((~kept).sum())),
        )
    ]


def _folds(problem: Problem, origins: Any, file: str) -> tuple[list[Fold], list[str]]:
    folds = yearly_folds(problem, origins)
    if not folds:
        raise DataError(
            say(
                "before the first forecast there are too few bars to fit a baseline on "
                "({lookback} and the steps of a forecast are the least)",
                lookback=LOOKBACK + MIN_TRAINING_ORIGINS,
            ),
            file=file,
            remedy=say("Give prices that begin earlier"),
        )
    if dropped := len(origins) - sum(len(fold.test) for fold in folds):
        tested = np.concatenate([fold.test for fold in folds])
        lost = np.setdiff1d(origins, tested)
        names = [problem.symbols[s] for s in np.unique(problem.symbol[lost])]
        return folds, [
            say(
                "{origins} of {names} are left out: at the first forecast of the year fewer than "
                "{min_training_origins} windows were known to fit a baseline on",
                origins=plural("{n:,} origin", "{n:,} origins", dropped),
                names=some(names, most=5),
                min_training_origins=MIN_TRAINING_ORIGINS,
            )
        ]
    return folds, []


def _rivals(given: Given, found: Match, column: str) -> tuple[str, ...]:
    """The baselines that are computed: those of `compare`, but for what gatecast's own table has."""
    wild = any(not isinstance(one.distribution, Point) for one in found.models.values())
    names = ["naive", *DISTRIBUTION_RIVALS] if wild else [*POINT_RIVALS]
    if column != "close":
        names.append("last-close")
    own = given.baselines
    if own and (not wild or set(own) & set(WITH_DISTRIBUTION)):
        names = ["naive"]
    return tuple(name for name in names if name not in own)


def _scaled(
    outcome: Forecasts, found: Match, problem: Problem, folds: Sequence[Fold]
) -> tuple[Forecasts, list[str]]:
    """The outcome with the scale of its losses, and what is said of it."""
    origins = np.concatenate([fold.test for fold in folds])
    at = np.searchsorted(found.origins, origins)
    scale, mae = found.scale[at], found.mae[at]
    if np.isfinite(scale).all() and np.isfinite(mae).all():
        return replace(outcome, naive_mse=scale, naive_mae=mae), []
    absolute, squared, in_test = naive_losses(problem, origins)
    outcome = replace(outcome, naive_mae=absolute, naive_mse=squared)
    if not in_test.any():
        return outcome, []
    names = [problem.symbols[s] for s in np.unique(problem.symbol[origins[in_test]])]
    return outcome, [
        say(
            "There are fewer than {fewest_before} bars before the first forecast of {names}: "
            "its losses are scaled by those of naive in the test itself",
            fewest_before=FEWEST_BEFORE,
            names=some(names, most=5),
        )
    ]


def _naive(outcome: Forecasts, names: Sequence[str], baselines: Sequence[str]) -> list[str]:
    """Which given forecasts are naive itself."""
    same = [
        name
        for name in names
        if name not in baselines and np.array_equal(outcome.forecast[name], outcome.forecast["naive"])
    ]
    return [
        say("The forecasts of {name} are naive: they are the last price at every origin and step", name=name)
        for name in same
    ]


def _of_quantiles(found: Match) -> list[str]:
    """Which distributions are known by few quantiles."""
    of_count: dict[int, list[str]] = {}
    for name, one in found.models.items():
        if isinstance(one.distribution, Quantiles) and len(one.distribution.levels) < len(FINE_LEVELS):
            of_count.setdefault(len(one.distribution.levels), []).append(name)
    return [
        say(
            "Known by {number} quantiles alone: {names}; CRPS and PIT are those of straight "
            "lines between them and exponential tails beyond, and there is no log score",
            number=number,
            names=listed(names),
        )
        for number, names in of_count.items()
    ]
