"""The walk-forward: every model is trained on every fold and forecasts its test origins.

Every comparison goes this way, networks and baselines alike. `gatecast.Forecaster` makes one fold of its own,
whose test is the future, and calls the same `fit` and `predict` itself.

A model whose forecasts have no `members` counts as a baseline: it is not in `Forecasts.seeds`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gatecast._typing import Floats
from gatecast.distributions import Distribution, Point
from gatecast.forecasts import DistributionForecast, Forecasts
from gatecast.models.ensembles import mean_of_models
from gatecast.models.kept_forecasts import KeptForecasts, contiguous, forecasts_of
from gatecast.models.model import Fitted, Forecast, Model, median
from gatecast.problem.folds import Fold
from gatecast.problem.moves import Move
from gatecast.problem.problem import Problem
from gatecast.profiling import stage
from gatecast.progress import Bar


def walk_forward(
    models: Mapping[str, Model],
    problem: Problem,
    folds: Sequence[Fold],
    bar: Bar,
    means: Mapping[str, Sequence[str]] | None = None,
    kept: Mapping[str, KeptForecasts] | None = None,
) -> tuple[Forecasts, dict[str, Sequence[Fitted]]]:
    """The forecasts of every model for every test origin, and the fitted models, one per fold.

    means: combinations → of which models; kept: models → where their forecasts are kept; what is found there
    is not computed again, and these models are not among the fitted ones.
    """
    fitted: dict[str, Sequence[Fitted]] = {}
    forecasts: dict[str, list[Forecast]] = {}
    for number, (name, model) in enumerate(models.items()):
        with bar.part(number, len(models), name):
            if kept and name in kept:
                forecasts[name] = forecasts_of(model, problem, folds, kept[name])
                continue
            fitted[name] = model.fit(problem, folds)
            forecasts[name] = [
                contiguous(one.predict(problem, fold.test))
                for one, fold in zip(fitted[name], folds, strict=True)
            ]
    with stage("forecasting"):
        for name, parts in (means or {}).items():
            forecasts[name] = [
                mean_of_models(of_fold) for of_fold in zip(*(forecasts[part] for part in parts), strict=True)
            ]
        return _collected(problem, folds, forecasts), fitted


def _collected(
    problem: Problem, folds: Sequence[Fold], forecasts: Mapping[str, Sequence[Forecast]]
) -> Forecasts:
    """Every model's forecasts of every test origin, once, beside the actual prices."""
    origins = np.concatenate([fold.test for fold in folds])
    number = np.concatenate([np.full(len(fold.test), fold.number) for fold in folds])
    naive_mae, naive_mse = _naive_losses(problem, folds)
    symbol = problem.symbol[origins]

    def prices(parts: Sequence[Floats]) -> Floats:
        return problem.to_price(np.concatenate(parts, axis=-2), origins)

    return Forecasts(
        symbols=problem.symbols,
        symbol=symbol,
        fold=number,
        origin=problem.session[origins],
        time=problem.dates(origins),
        anchor=problem.anchor[origins],
        actual=problem.actual(origins),
        naive_mae=naive_mae[number, symbol],
        naive_mse=naive_mse[number, symbol],
        forecast={name: prices([one.median for one in parts]) for name, parts in forecasts.items()},
        seeds={
            name: prices([np.stack([median(member) for member in one.members]) for one in parts])
            for name, parts in forecasts.items()
            if parts[0].members
        },
        distributions={
            name: DistributionForecast.joined(
                [
                    _scored(one, problem.actual_returns(fold.test), problem.move)
                    for one, fold in zip(parts, folds, strict=True)
                ]
            )
            for name, parts in forecasts.items()
            if not isinstance(parts[0].distribution, Point)
        },
        frequency=problem.frequency,
        season=problem.anchored,
        move=problem.move,
    )


def _scored(forecast: Forecast, actual: Floats, move: Move) -> DistributionForecast:
    members: list[Distribution] = [one for one in forecast.members if not isinstance(one, Point)]
    crps = [move.factor * member.crps(actual) for member in members]
    return DistributionForecast.of(forecast.distribution, actual, np.stack(crps) if crps else None, move)


def _naive_losses(problem: Problem, folds: Sequence[Fold]) -> tuple[Floats, Floats]:
    """(folds, symbols): mean absolute error (price) and squared change in training, of the benchmark.

    That is naive, or seasonal naive: what an output of zero stands for.
    """
    absolute = np.full((len(folds), len(problem.symbols)), np.nan)
    squared = absolute.copy()
    for place, fold in enumerate(folds):
        anchor = problem.anchor[fold.train]
        base = problem.move.base(anchor)
        error = problem.actual(fold.train) - problem.to_price(problem.neutral(fold.train), fold.train)
        owner = problem.symbol[fold.train]
        count = np.bincount(owner, minlength=len(problem.symbols))
        present = count > 0
        for losses, loss in ((absolute, np.abs(error)), (squared, (error / base[:, None]) ** 2)):
            total = np.bincount(owner, weights=loss.mean(axis=1), minlength=len(problem.symbols))
            losses[place, present] = total[present] / count[present]
    return absolute, squared
