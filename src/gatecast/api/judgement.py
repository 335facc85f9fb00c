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
from gatecast.formatting import count, listed, some
from gatecast.judging.beside import (
    FEWEST_BEFORE,
    LOOKBACK,
    GivenForecasts,
    naive_losses,
    yearly_folds,
)
from gatecast.judging.given import Given, read_given
from gatecast.judging.matching import Match, after, match
from gatecast.models.baseline import Baseline
from gatecast.models.model import Model
from gatecast.problem.folds import MIN_TRAINING_ORIGINS, Fold
from gatecast.problem.moves import LOG_RETURN
from gatecast.problem.problem import Problem, first_not_positive, make_problem
from gatecast.problem.targets import move_of
from gatecast.settings.frequency import noun
from gatecast.settings.judged import Judged
from gatecast.settings.names import DISTRIBUTION_RIVALS, POINT_RIVALS, WITH_DISTRIBUTION
from gatecast.settings.reading import Reading


def judge(forecasts: Any, prices: Any, *, column: str = "close", trained_until: str | None = None) -> Result:
    """The verdict on forecasts that were made elsewhere, beside baselines computed for the same bars.

    What the table may look like: the guide "Forecasts made elsewhere". Naive, drift, ewma and ar, beside
    distributions naive, historical, ewma-t, gjr-garch-t and lhar, forecast from the same origins, fitted anew
    at the first origin of every calendar year.

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
        [f"{low}, and a price of zero or below has no log return: differences are judged"] if low else []
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
            f"all {count(len(kept), 'origin')} forecast bars up to {trained_until}, the last day of "
            "training: the models may have seen them",
            remedy="Give forecasts of later bars",
        )
    if kept.all():
        return kept, []
    days, bar = len(np.unique(problem.session[found.origins])), noun(problem.frequency)
    left = len(np.unique(problem.session[found.origins[kept]]))
    models = listed(list(found.models)) if len(found.models) <= 3 else count(len(found.models), "model")
    return kept, [
        f"Only {left:,} of {days:,} test {bar}s are judged: {models} may have seen the bars up to "
        f"{trained_until} in training, and forecasts from {count(int((~kept).sum()), 'origin')} are left out"
    ]


def _folds(problem: Problem, origins: Any, file: str) -> tuple[list[Fold], list[str]]:
    folds = yearly_folds(problem, origins)
    if not folds:
        raise DataError(
            "before the first forecast there are too few bars to fit a baseline on "
            f"({LOOKBACK + MIN_TRAINING_ORIGINS} and the steps of a forecast are the least)",
            file=file,
            remedy="Give prices that begin earlier",
        )
    if dropped := len(origins) - sum(len(fold.test) for fold in folds):
        tested = np.concatenate([fold.test for fold in folds])
        lost = np.setdiff1d(origins, tested)
        names = [problem.symbols[s] for s in np.unique(problem.symbol[lost])]
        return folds, [
            f"{count(dropped, 'origin')} of {some(names, most=5)} are left out: at the first forecast of the "
            f"year fewer than {MIN_TRAINING_ORIGINS} windows were known to fit a baseline on"
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
        f"There are fewer than {FEWEST_BEFORE} bars before the first forecast of {some(names, most=5)}: its "
        "losses are scaled by those of naive in the test itself"
    ]


def _naive(outcome: Forecasts, names: Sequence[str], baselines: Sequence[str]) -> list[str]:
    """Which given forecasts are naive itself."""
    same = [
        name
        for name in names
        if name not in baselines and np.array_equal(outcome.forecast[name], outcome.forecast["naive"])
    ]
    return [
        f"The forecasts of {name} are naive: they are the last price at every origin and step"
        for name in same
    ]


def _of_quantiles(found: Match) -> list[str]:
    """Which distributions are known by few quantiles."""
    of_count: dict[int, list[str]] = {}
    for name, one in found.models.items():
        if isinstance(one.distribution, Quantiles) and len(one.distribution.levels) < len(FINE_LEVELS):
            of_count.setdefault(len(one.distribution.levels), []).append(name)
    return [
        f"Known by {number} quantiles alone: {listed(names)}; CRPS and PIT are those of straight lines "
        "between them and exponential tails beyond, and there is no log score"
        for number, names in of_count.items()
    ]
