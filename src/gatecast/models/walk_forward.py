"""Forecasts: baselines fitted, networks trained, seeds joined, distributions calibrated.

The one road: a walk-forward test goes along it with many folds, `gatecast.Forecaster` with one whose test
is the future.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gatecast._typing import Floats, Integers
from gatecast.distributions import Distribution
from gatecast.forecasts import PER_CENT, DistributionForecast, Forecasts
from gatecast.models.baselines import BASELINES, RANGE_BASELINES
from gatecast.models.calibration import Calibration
from gatecast.models.ensembles import Kind, better_kind, joined, mean_of_seeds
from gatecast.models.networks import FittedNetwork, fit_network
from gatecast.nn.outputs import distributions
from gatecast.nn.population import Progress
from gatecast.problem.folds import Fold
from gatecast.problem.problem import Problem
from gatecast.profiling import stage
from gatecast.progress import Bar
from gatecast.settings.experiment import Experiment, Network


@dataclass(frozen=True)
class Told:
    """What one model said of N origins.

    point (N, h) and seeds (S, N, h) in price; distribution of the log return, where it has one, and that of
    each seed.
    """

    point: Floats
    seeds: Floats | None = None
    distribution: Distribution | None = None
    of_seeds: tuple[Distribution, ...] = ()


@dataclass(frozen=True)
class Lesson:
    """What a fold's validation origins taught about a network, beside its weights.

    kind: how its seeds are joined (`gatecast.models.ensembles.joined`). calibration: None where nobody asked.
    """

    kind: Kind = "parameter mean"
    calibration: Calibration | None = None


def forecast_all(
    experiment: Experiment, problem: Problem, folds: Sequence[Fold], bar: Bar
) -> tuple[Forecasts, dict[str, FittedNetwork], tuple[str, ...]]:
    """Forecasts of all models, the networks trained, and how their seeds were joined (sentences)."""
    told: dict[str, list[Told]] = {}
    fitted: dict[str, FittedNetwork] = {}
    notes: list[str] = []
    method, count = experiment.calibration, len(experiment.networks)
    for name in experiment.baselines:
        bar.show(0, count, name)
        with stage("baselines"):
            told[name] = [_calibrated_baseline(method, name, problem, fold) for fold in folds]
    for name in experiment.networks:
        with stage("training"):
            fitted[name] = trained(experiment, name, problem, folds, _progress(bar, name, len(fitted), count))
    bar.show(1, 1, "forecasting")
    with stage("forecasting"):
        for name, network in fitted.items():
            lessons = learned(method, network, problem, folds)
            told[name] = [
                tell(network.network, outputs, lesson, problem, fold.test)
                for outputs, lesson, fold in zip(
                    network.forecast(problem, folds), lessons, folds, strict=True
                )
            ]
            notes.append(_joining(name, network, Counter(lesson.kind for lesson in lessons)))
        outcome = _outcome(problem, folds, told)
    return outcome, fitted, tuple(note for note in notes if note)


def trained(
    experiment: Experiment, name: str, problem: Problem, folds: Sequence[Fold], progress: Progress
) -> FittedNetwork:
    """One of the experiment's networks, trained on every fold with every seed."""
    return fit_network(
        experiment.networks[name],
        experiment.training,
        problem,
        folds,
        scaler=experiment.scaler,
        seeds=experiment.seeds,
        seed=experiment.seed,
        refit=experiment.refit,
        pooled=experiment.pooled,
        rehearse=experiment.calibration != "none",
        progress=progress,
    )


def learned(method: str, fitted: FittedNetwork, problem: Problem, folds: Sequence[Fold]) -> list[Lesson]:
    """One lesson per fold, from the rehearsal: what weights that had not seen validation said of it.

    method: "none", "conformal" or "adaptive" (conformal, and online).
    """
    if not fitted.rehearsal:
        return [Lesson() for _ in folds]
    return [
        _lesson(method, fitted.network, outputs, problem, fold)
        for outputs, fold in zip(fitted.rehearsal, folds, strict=True)
    ]


def _lesson(method: str, network: Network, outputs: Floats, problem: Problem, fold: Fold) -> Lesson:
    lesson = Lesson()
    if network.output != "point":
        seeds = distributions(network, outputs, problem.unit(fold.validation))
        lesson = Lesson(better_kind(seeds, problem.later_returns(fold.validation)))
    rehearsed = tell(network, outputs, lesson, problem, fold.validation)
    return replace(lesson, calibration=_calibration(method, problem, fold.validation, rehearsed))


def tell(network: Network, outputs: Floats, lesson: Lesson, problem: Problem, origins: Integers) -> Told:
    """What a network says of `origins`, given the outputs (S, N, h) or (S, N, h, P) of its seeds for them.

    With an adaptive calibration `origins` are all that were forecast since the validation, in time order:
    what came of each, as far as it was known, moves those after it.
    """
    if network.output == "point":
        point = problem.to_price(mean_of_seeds(outputs), origins)
        return _calibrated(Told(point, problem.to_price(outputs, origins)), lesson, problem, origins)
    seeds = distributions(network, outputs, problem.unit(origins))
    whole = joined(seeds, lesson.kind)
    medians = np.stack([_median_price(seed, problem, origins) for seed in seeds])
    told = Told(_median_price(whole, problem, origins), medians, whole, tuple(seeds))
    return _calibrated(told, lesson, problem, origins)


def _calibrated_baseline(method: str, name: str, problem: Problem, fold: Fold) -> Told:
    told = _baseline(name, problem, fold)
    if method == "none":
        return told
    rehearsed = _baseline(name, problem, fold.rehearsal)
    lesson = Lesson(calibration=_calibration(method, problem, fold.validation, rehearsed))
    return _calibrated(told, lesson, problem, fold.test)


def _baseline(name: str, problem: Problem, fold: Fold) -> Told:
    if name in BASELINES:
        return Told(BASELINES[name](problem, fold))
    distribution = RANGE_BASELINES[name](problem, fold)
    return Told(_median_price(distribution, problem, fold.test), distribution=distribution)


def _calibration(method: str, problem: Problem, validation: Integers, rehearsed: Told) -> Calibration | None:
    if method == "none":
        return None
    online = method == "adaptive"
    return Calibration.fit(problem, validation, _to_calibrate(rehearsed), online=online)


def _calibrated(told: Told, lesson: Lesson, problem: Problem, origins: Integers) -> Told:
    """A distribution calibrated, and its median the point; a point stays, and gets a distribution."""
    if lesson.calibration is None:
        return told
    distribution = lesson.calibration.apply(problem, origins, _to_calibrate(told))
    if told.distribution is None:
        return replace(told, distribution=distribution)
    return replace(told, point=_median_price(distribution, problem, origins), distribution=distribution)


def _to_calibrate(told: Told) -> Distribution | Floats:
    """What is calibrated: the distribution, or the points where there is none."""
    return told.point if told.distribution is None else told.distribution


def _progress(bar: Bar, name: str, done_before: int, count: int) -> Progress:
    def progress(done: int, members: int, epochs: int) -> None:
        bar.show(done_before + done / members, count, name, f"{done} of {members} trained, {epochs} epochs")

    return progress


def _joining(name: str, network: FittedNetwork, kinds: Counter[str]) -> str:
    """How the seeds of a network of distributions became one; empty for points, or where there is one."""
    if network.network.output == "point" or len({member.seed for member in network.members}) == 1:
        return ""
    if network.network.output == "quantiles":
        return f"the seeds of {name} are joined by the mean of each quantile"
    words = " and ".join(f"{kind} in {count}" for kind, count in kinds.most_common())
    return f"the seeds of {name} are joined by {words} of {kinds.total()} folds, chosen on validation"


def _median_price(distribution: Distribution, problem: Problem, origins: Integers) -> Floats:
    return problem.anchor[origins, None] * np.exp(distribution.quantile([0.5])[..., 0])


def _outcome(problem: Problem, folds: Sequence[Fold], told: dict[str, list[Told]]) -> Forecasts:
    """Every model's forecasts of every test origin, once, beside what came."""
    origins = np.concatenate([fold.test for fold in folds])
    number = np.concatenate([np.full(len(fold.test), fold.number) for fold in folds])
    naive_mae, naive_mse = _naive_losses(problem, folds)
    symbol = problem.symbol[origins]
    seeds = {name: [one.seeds for one in parts if one.seeds is not None] for name, parts in told.items()}
    return Forecasts(
        symbols=problem.symbols,
        symbol=symbol,
        fold=number,
        origin=problem.session[origins],
        time=problem.dates(origins),
        anchor=problem.anchor[origins],
        actual=problem.later(origins),
        naive_mae=naive_mae[number, symbol],
        naive_mse=naive_mse[number, symbol],
        forecast={name: np.concatenate([one.point for one in parts]) for name, parts in told.items()},
        seeds={name: np.concatenate(parts, axis=1) for name, parts in seeds.items() if parts},
        distributions={
            name: DistributionForecast.joined(
                [_scored(one, problem, fold) for one, fold in zip(parts, folds, strict=True)]
            )
            for name, parts in told.items()
            if parts[0].distribution is not None
        },
    )


def _scored(told: Told, problem: Problem, fold: Fold) -> DistributionForecast:
    assert told.distribution is not None
    came = problem.later_returns(fold.test)
    crps = [PER_CENT * seed.crps(came) for seed in told.of_seeds]
    return DistributionForecast.of(told.distribution, came, np.stack(crps) if crps else None)


def _naive_losses(problem: Problem, folds: Sequence[Fold]) -> tuple[Floats, Floats]:
    """(folds, symbols): naive's mean absolute error (price) and squared relative error in training."""
    absolute = np.full((len(folds), len(problem.symbols)), np.nan)
    squared = absolute.copy()
    for place, fold in enumerate(folds):
        anchor = problem.anchor[fold.train]
        error = problem.later(fold.train) - anchor[:, None]
        owner = problem.symbol[fold.train]
        count = np.bincount(owner, minlength=len(problem.symbols))
        present = count > 0
        for losses, loss in ((absolute, np.abs(error)), (squared, (error / anchor[:, None]) ** 2)):
            total = np.bincount(owner, weights=loss.mean(axis=1), minlength=len(problem.symbols))
            losses[place, present] = total[present] / count[present]
    return absolute, squared
