"""Folds x seeds → a trained population, and its forecasts."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from gatecast._typing import Floats, Integers
from gatecast.nn.population import Member, Progress, Trained, history, predict, train
from gatecast.nn.program import Dataset
from gatecast.problem.folds import Fold
from gatecast.problem.problem import Problem
from gatecast.problem.scaling import Scale, fit_scale
from gatecast.settings.experiment import Network, Training


@dataclass(frozen=True)
class FittedNetwork:
    """A network's population after training.

    members and trained run in parallel: fold by fold, seed by seed and, for separate networks per symbol,
    symbol by symbol (`owner`: index of the symbol, None where one network serves all). scales: per fold,
    those of the weights kept. history: one row per member and epoch, with the stage ("search" for the
    epoch on validation, "refit" on train and validation), losses in scaled target units, and `kept`.
    rehearsal: per fold, the outputs for its validation origins by the weights before the refit, which were
    not trained on them: what calibration and the choice of an ensemble may learn from; empty where nobody
    asked.
    """

    network: Network
    training: Training
    lookback: int
    members: tuple[Member, ...]
    owner: tuple[int | None, ...]
    trained: tuple[Trained, ...]
    scales: tuple[Scale, ...]
    history: pd.DataFrame
    rehearsal: tuple[Floats, ...] = ()

    def forecast(self, problem: Problem, folds: Sequence[Fold]) -> list[Floats]:
        """Outputs (S, N, h), of ranges (S, N, h, P), of each fold's test origins, one per seed."""
        return self._outputs(problem, [fold.test for fold in folds])

    def _outputs(self, problem: Problem, origins: Sequence[Integers]) -> list[Floats]:
        rows = make_rows(self.network, problem, self.scales)
        jobs, places = [], []
        for member, owner, trained in zip(self.members, self.owner, self.trained, strict=True):
            asked = origins[member.fold]
            mine = np.ones(len(asked), bool) if owner is None else problem.symbol[asked] == owner
            if mine.any():
                jobs.append((trained.params, member.scale, asked[mine]))
                places.append((member.fold, member.seed, mine))
        seeds = sorted({member.seed for member in self.members})
        answers = predict(self.network, rows, jobs, lookback=self.lookback)
        outputs = [np.full((len(seeds), len(asked), *answers[0].shape[1:]), np.nan) for asked in origins]
        for (fold, seed, mine), answer in zip(places, answers, strict=True):
            outputs[fold][seeds.index(seed), mine] = answer
        return outputs


def fit_network(
    network: Network,
    training: Training,
    problem: Problem,
    folds: Sequence[Fold],
    *,
    scaler: str = "standard",
    seeds: int = 5,
    seed: int = 0,
    refit: bool = True,
    pooled: bool = True,
    rehearse: bool = False,
    progress: Progress | None = None,
) -> FittedNetwork:
    """Train `network` on every fold with every seed.

    The epoch is chosen on validation; with `refit` the network is then trained once more from the same
    start on train and validation together, for that many epochs, with scales fitted on both.
    pooled: one network for all symbols; else one per symbol. rehearse: also forecast the validation origins
    before the refit, for calibration; ranges always do, to choose how seeds are joined. progress: told of
    both stages as one job.
    """
    members, owner = _members(network, training, problem, folds, seeds, seed, pooled)
    stage = partial(train, network, training, lookback=problem.lookback, room=_room(members))
    scales = [fit_scale(problem, fold.train, scaler) for fold in folds]
    trained = stage(make_rows(network, problem, scales), members, progress=_stage(progress, 0, 1 + refit))
    fitted = FittedNetwork(
        network=network,
        training=training,
        lookback=problem.lookback,
        members=tuple(members),
        owner=tuple(owner),
        trained=tuple(trained),
        scales=tuple(scales),
        history=_history("search", members, owner, trained, problem),
    )
    if rehearse or network.output != "point":
        outputs = fitted._outputs(problem, [fold.validation for fold in folds])
        fitted = replace(fitted, rehearsal=tuple(outputs))
    if refit:
        members = [
            replace(
                member,
                train=np.union1d(member.train, member.validation),
                validation=member.validation[:0],
                epochs=max(result.best_epoch, 1),
            )
            for member, result in zip(members, trained, strict=True)
        ]
        scales = [fit_scale(problem, fold.known, scaler) for fold in folds]
        trained = stage(make_rows(network, problem, scales), members, progress=_stage(progress, 1, 2))
        fitted = replace(
            fitted,
            members=tuple(members),
            trained=tuple(trained),
            scales=tuple(scales),
            history=pd.concat(
                [fitted.history, _history("refit", members, owner, trained, problem)], ignore_index=True
            ),
        )
    return fitted


def make_rows(network: Network, problem: Problem, scales: Sequence[Scale]) -> Dataset:
    """A problem and its scales as the engine's arrays; targets of ranges are in units of the known spread."""
    targets = problem.targets
    if network.output != "point":
        targets = targets / problem.unit(np.arange(len(targets)))
        scales = [
            replace(scale, y_offset=scale.y_offset * 0, y_scale=scale.y_scale * 0 + 1) for scale in scales
        ]
    stacked = (
        np.stack([getattr(scale, name) for scale in scales]).astype(np.float32)
        for name in ("x_offset", "x_scale", "y_offset", "y_scale")
    )
    targets = np.nan_to_num(targets, nan=0.0).astype(np.float32)
    return Dataset(problem.features, targets, problem.symbol.astype(np.int32), *stacked)


def _members(
    network: Network,
    training: Training,
    problem: Problem,
    folds: Sequence[Fold],
    seeds: int,
    first_seed: int,
    pooled: bool,
) -> tuple[list[Member], list[int | None]]:
    members, owners = [], []
    for scale, fold in enumerate(folds):
        alone = [None] if pooled else [int(s) for s in np.unique(problem.symbol[fold.train])]
        for seed in range(first_seed, first_seed + seeds):
            for owner in alone:
                train_part, validation = (
                    part if owner is None else part[problem.symbol[part] == owner]
                    for part in (fold.train, fold.validation)
                )
                name = "" if owner is None else problem.symbols[owner]
                members.append(
                    Member(
                        seed=seed,
                        fold=fold.number,
                        tag=network.tag ^ zlib.crc32(name.encode()),
                        scale=scale,
                        train=train_part,
                        validation=validation,
                        epochs=training.epochs,
                    )
                )
                owners.append(owner)
    return members, owners


def _room(members: Sequence[Member]) -> tuple[int, int]:
    """What both stages fit into: train and validation together, and validation."""
    known = max(len(member.train) + len(member.validation) for member in members)
    return known, max(len(member.validation) for member in members)


def _stage(progress: Progress | None, number: int, stages: int) -> Progress | None:
    """Progress of one stage as that of the whole: members count once per stage."""
    if progress is None:
        return None

    def shown(done: int, members: int, epochs: int) -> None:
        progress(number * members + done, stages * members, epochs)

    return shown


def _history(
    stage: str,
    members: Sequence[Member],
    owners: Sequence[int | None],
    trained: Sequence[Trained],
    problem: Problem,
) -> pd.DataFrame:
    told = history(members, trained)
    names = [None if owner is None else problem.symbols[owner] for owner in owners]
    symbols = np.repeat(np.array(names, dtype=object), [len(result.loss) for result in trained])
    told.insert(0, "stage", stage)
    told.insert(3, "symbol", symbols)
    return told
