"""Every model's forecasts for every test origin: baselines are fitted, networks trained, seeds joined."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gatecast.baselines import BASELINES, RANGE_BASELINES
from gatecast.distributions import Distribution
from gatecast.evaluation.calibration import calibrated
from gatecast.evaluation.forecasts import Forecasts
from gatecast.evaluation.ranges import PER_CENT, Range
from gatecast.experiment import Experiment
from gatecast.nn.ensemble import ensembles
from gatecast.nn.fitting import FittedNetwork, fit_network
from gatecast.problem.folds import Fold
from gatecast.problem.problem import Problem
from gatecast.profiling import stage
from gatecast.progress import Bar

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Told:
    """What one model said of one fold's N test origins, or of its validation origins.

    point (N, h) and seeds (S, N, h) in price; distribution of the log return, where it has one, and that of
    each seed.
    """

    point: Floats
    seeds: Floats | None = None
    distribution: Distribution | None = None
    of_seeds: tuple[Distribution, ...] = ()


def forecast_all(
    experiment: Experiment, problem: Problem, folds: Sequence[Fold], bar: Bar
) -> tuple[Forecasts, dict[str, FittedNetwork], tuple[str, ...]]:
    """Forecasts of all models, the networks trained, and how their seeds were joined (sentences)."""
    told: dict[str, list[Told]] = {}
    fitted: dict[str, FittedNetwork] = {}
    notes: list[str] = []
    method = experiment.calibration
    for name in experiment.baselines:
        bar.show(0, len(experiment.networks), name)
        with stage("baselines"):
            tested = [_baseline(name, problem, fold) for fold in folds]
            rehearsed = (
                [] if method == "none" else [_baseline(name, problem, fold.rehearsal) for fold in folds]
            )
            told[name] = _calibrated(method, problem, folds, rehearsed, tested)
    for name in experiment.networks:
        with stage("training"):
            fitted[name] = _trained(experiment, name, len(fitted), problem, folds, bar)
    bar.show(1, 1, "forecasting")
    with stage("forecasting"):
        for name, network in fitted.items():
            if network.network.output == "point":
                rehearsed, tested = _points(network, problem, folds)
            else:
                rehearsed, tested, note = _ranges(name, network, problem, folds)
                notes.append(note)
            told[name] = _calibrated(method, problem, folds, rehearsed, tested)
        outcome = _outcome(problem, folds, told)
    return outcome, fitted, tuple(note for note in notes if note)


def _baseline(name: str, problem: Problem, fold: Fold) -> Told:
    if name in BASELINES:
        return Told(BASELINES[name](problem, fold))
    distribution = RANGE_BASELINES[name](problem, fold)
    return Told(_median_price(distribution, problem, fold), distribution=distribution)


def _calibrated(
    method: str,
    problem: Problem,
    folds: Sequence[Fold],
    rehearsed: Sequence[Told],
    tested: Sequence[Told],
) -> list[Told]:
    """The test's ranges, told again as the validation's were wrong; a point stays and gets one."""
    if method == "none":
        return list(tested)
    told = []
    for fold, before, now in zip(folds, rehearsed, tested, strict=True):
        if before.distribution is None or now.distribution is None:
            distribution = calibrated(method, problem, fold, before.point, now.point)
            told.append(replace(now, distribution=distribution))
        else:
            distribution = calibrated(method, problem, fold, before.distribution, now.distribution)
            point = _median_price(distribution, problem, fold)
            told.append(replace(now, point=point, distribution=distribution))
    return told


def _trained(
    experiment: Experiment, name: str, done_before: int, problem: Problem, folds: Sequence[Fold], bar: Bar
) -> FittedNetwork:
    count = len(experiment.networks)

    def progress(done: int, members: int, epochs: int) -> None:
        bar.show(done_before + done / members, count, name, f"{done} of {members} trained, {epochs} epochs")

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


def _points(network: FittedNetwork, problem: Problem, folds: Sequence[Fold]) -> tuple[list[Told], list[Told]]:
    """What a network of points says of each fold's validation and test origins."""

    def told(targets: Floats, fold: Fold) -> Told:
        seeds = problem.to_price(targets, fold.test)
        return Told(problem.to_price(targets.mean(axis=0), fold.test), seeds)

    return (
        [told(one, fold.rehearsal) for one, fold in zip(network.rehearsal, folds, strict=False)],
        [told(one, fold) for one, fold in zip(network.forecast(problem, folds), folds, strict=True)],
    )


def _ranges(
    name: str, network: FittedNetwork, problem: Problem, folds: Sequence[Fold]
) -> tuple[list[Told], list[Told], str]:
    """The same of a network of ranges, and how its seeds were joined."""
    rehearsed, tested, kinds = [], [], Counter[str]()
    for one, fold in zip(ensembles(network, problem, folds), folds, strict=True):
        point = _median_price(one.validation, problem, fold.rehearsal)
        rehearsed.append(Told(point, distribution=one.validation))
        seeds = np.stack([_median_price(seed, problem, fold) for seed in one.seeds])
        tested.append(Told(_median_price(one.test, problem, fold), seeds, one.test, one.seeds))
        kinds[one.kind] += 1
    return rehearsed, tested, _joining(name, network, kinds)


def _joining(name: str, network: FittedNetwork, kinds: Counter[str]) -> str:
    """How the seeds of a network of ranges became one; empty where there is one only."""
    if len({member.seed for member in network.members}) == 1:
        return ""
    if network.network.output == "quantiles":
        return f"the seeds of {name} are joined by the mean of each quantile"
    words = " and ".join(f"{kind} in {count}" for kind, count in kinds.most_common())
    return f"the seeds of {name} are joined by {words} of {kinds.total()} folds, chosen on validation"


def _median_price(distribution: Distribution, problem: Problem, fold: Fold) -> Floats:
    return problem.anchor[fold.test, None] * np.exp(distribution.quantile([0.5])[..., 0])


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
        date=problem.dates(origins),
        anchor=problem.anchor[origins],
        y=problem.later(origins),
        naive_mae=naive_mae[number, symbol],
        naive_mse=naive_mse[number, symbol],
        forecast={name: np.concatenate([one.point for one in parts]) for name, parts in told.items()},
        seeds={name: np.concatenate(parts, axis=1) for name, parts in seeds.items() if parts},
        ranges={
            name: Range.joined([_scored(one, problem, fold) for one, fold in zip(parts, folds, strict=True)])
            for name, parts in told.items()
            if parts[0].distribution is not None
        },
    )


def _scored(told: Told, problem: Problem, fold: Fold) -> Range:
    assert told.distribution is not None
    came = problem.later_returns(fold.test)
    crps = [PER_CENT * seed.crps(came) for seed in told.of_seeds]
    return Range.of(told.distribution, came, np.stack(crps) if crps else None)


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
