"""Networks as a model: folds x seeds → a trained population, and its forecasts."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gatecast._typing import Floats, Integers
from gatecast.distributions import Point
from gatecast.formatting import brief
from gatecast.kept import Keeper
from gatecast.language import marked, say
from gatecast.models.calibration import CalibratedFit
from gatecast.models.ensembles import Combination, better_combination, joined, mean_of_seeds
from gatecast.models.model import Fitted, Forecast
from gatecast.nn.inside import trace
from gatecast.nn.outputs import distributions
from gatecast.nn.population import Member, Progress, Trained, history, predict, train, training_rows
from gatecast.nn.program import Dataset, window
from gatecast.problem.folds import Fold
from gatecast.problem.problem import Problem
from gatecast.problem.scaling import Scale, fit_scale
from gatecast.profiling import stage
from gatecast.progress import report
from gatecast.settings.network import Network
from gatecast.settings.training import USUAL_BATCH, Training

Phase = Literal["search", "refit"]
Job = tuple[Trained, int, Integers]  # who forecasts, the place of its scale, and the origins (N,)
# How seeds become one, in words.
COMBINED = {"parameter mean": marked("parameter mean"), "mixture": marked("mixture")}


@dataclass(frozen=True)
class FittedNetwork:
    """A population of one network after training: every fold with every seed.

    Parameters
    ----------
    members, trained
        In parallel: fold by fold, seed by seed and, for separate networks per symbol, symbol by symbol.
    owner
        Of each member, the index of its symbol; None where one network serves all.
    scales
        Per fold, those of the weights kept.
    history
        One row per member and epoch: stage ("search" for the epoch on validation, "refit" on train and
        validation), fold, seed, symbol, epoch, losses in scaled target units, `kept`.
    known
        How many of the features, the last ones, are known in advance.
    """

    network: Network
    training: Training
    lookback: int
    members: tuple[Member, ...]
    owner: tuple[int | None, ...]
    trained: tuple[Trained, ...]
    scales: tuple[Scale, ...]
    history: pd.DataFrame
    known: int = 0

    __repr__ = brief

    def outputs(self, problem: Problem, folds: Sequence[int], origins: Sequence[Integers]) -> list[Floats]:
        """Outputs (S, N, h), of distributions (S, N, h, P), of some folds' origins (N,), one per seed.

        folds: places in the walk-forward, one for each of `origins`.
        """
        return self.outputs_of(make_dataset(self.network, problem, self.scales), folds, origins)

    def outputs_of(self, rows: Dataset, folds: Sequence[int], origins: Sequence[Integers]) -> list[Floats]:
        """The same, from rows of features and no problem."""
        symbol = np.asarray(rows.symbol)
        jobs, places = [], []
        for member, owner, trained in zip(self.members, self.owner, self.trained, strict=True):
            if member.scale not in folds:
                continue
            place = folds.index(member.scale)
            asked = origins[place]
            mine = np.ones(len(asked), bool) if owner is None else symbol[asked] == owner
            if mine.any():
                jobs.append((trained, member.scale, asked[mine]))
                places.append((place, member.seed, mine))
        seeds = sorted({member.seed for member in self.members})
        answers = self._predicted(rows, jobs)
        outputs = [np.full((len(seeds), len(asked), *answers[0].shape[1:]), np.nan) for asked in origins]
        for (place, seed, mine), answer in zip(places, answers, strict=True):
            outputs[place][seeds.index(seed), mine] = answer
        return outputs

    def windows(self, problem: Problem, fold: int, origins: Integers) -> NDArray[np.float32]:
        """(N, lookback, features) what the networks of a fold read at `origins` (N,), scaled."""
        rows = jax.device_put(make_dataset(self.network, problem, self.scales))
        return np.asarray(window(rows, fold, jnp.asarray(origins), self.lookback))

    def trace(
        self, problem: Problem, fold: int, origins: Integers, seed: int
    ) -> dict[str, NDArray[np.float32]]:
        """Every gate and state at `origins` (N,), (N, lookback, hidden_size): see `gatecast.nn.inside`."""
        windows = self.windows(problem, fold, origins)
        found: dict[str, NDArray[np.float32]] = {}
        for member, owner, trained in zip(self.members, self.owner, self.trained, strict=True):
            mine = np.ones(len(origins), bool) if owner is None else problem.symbol[origins] == owner
            if (member.scale, member.seed) != (fold, seed) or not mine.any():
                continue
            for name, values in trace(self.network, trained.params, windows[mine]).items():
                blank = np.full((len(origins), *values.shape[1:]), np.nan, np.float32)
                found.setdefault(name, blank)[mine] = values
        return found

    def _predicted(self, rows: Dataset, jobs: Sequence[Job]) -> Sequence[Floats]:
        """The outputs of each job."""
        weights = [(trained.params, scale, origins) for trained, scale, origins in jobs]
        return predict(self.network, rows, weights, lookback=self.lookback)


@dataclass(frozen=True)
class FoldEnsemble:
    """The networks of one fold as one forecast.

    Parameters
    ----------
    population, fold
        Whose networks, and which fold's: a place in the walk-forward.
    combination
        How the seeds' distributions become one, chosen on validation; see `gatecast.models.ensembles`.
    validation
        The forecasts of the validation origins by the weights before the refit; None where nobody asked.
    left_out
        Symbols that the fold was not fitted on; see `Fold`.
    """

    population: FittedNetwork
    fold: int
    combination: Combination = "parameter mean"
    validation: Forecast | None = None
    left_out: tuple[str, ...] = ()

    __repr__ = brief

    def predict(self, problem: Problem, origins: Integers) -> Forecast:
        """The seeds' forecasts of `origins` (N,), and their combination."""
        with stage("forecasting"):
            (outputs,) = self.population.outputs(problem, [self.fold], [origins])
            return combined(self.population.network, outputs, self.combination, problem, origins)


@dataclass(frozen=True)
class RecurrentNetwork:
    """A network that is trained on every fold with every seed, as one population.

    The epoch is chosen on validation; with `refit` the network is then trained once more from the same start
    on train and validation together, for that many epochs, with scales fitted on both.

    Parameters
    ----------
    pooled
        One network for all symbols; else one per symbol.
    keep_validation
        Also forecast the validation origins before the refit, for calibration. Networks of distributions
        always do, to choose how seeds are combined.
    keeper
        Keeps the members that are trained; those that it knows are not trained again.
    """

    network: Network
    training: Training
    scaler: str = "standard"
    seeds: int = 5
    seed: int = 0
    refit: bool = True
    pooled: bool = True
    keep_validation: bool = False
    keeper: Keeper | None = None

    def fit(self, problem: Problem, folds: Sequence[Fold]) -> list[FoldEnsemble]:
        """The trained networks, one ensemble per fold."""
        with stage("training"):
            members, owner = self._members(problem, folds)
            room = _room(members)
            scales = [fit_scale(problem, fold.train, self.scaler) for fold in folds]
            searched = self._trained("search", problem, members, owner, scales, room)
            ensembles = self._ensembles(searched, problem, folds)
            if not self.refit:
                return ensembles
            again = [
                replace(
                    member,
                    train=np.union1d(member.train, member.validation),
                    validation=member.validation[:0],
                    epochs=max(result.best_epoch, 1),
                )
                for member, result in zip(members, searched.trained, strict=True)
            ]
            scales = [fit_scale(problem, fold.train_validation, self.scaler) for fold in folds]
            refitted = self._trained("refit", problem, again, owner, scales, room)
            history = pd.concat([searched.history, refitted.history], ignore_index=True)
            refitted = replace(refitted, history=history)
            return [replace(ensemble, population=refitted) for ensemble in ensembles]

    def _trained(
        self,
        phase: Phase,
        problem: Problem,
        members: Sequence[Member],
        owner: Sequence[int | None],
        scales: Sequence[Scale],
        room: tuple[int, int],
    ) -> FittedNetwork:
        dataset = make_dataset(self.network, problem, scales)
        trained = self._train(phase, dataset, members, problem.lookback, room)
        return self._population(
            network=self.network,
            training=self.training,
            lookback=problem.lookback,
            members=tuple(members),
            owner=tuple(owner),
            trained=tuple(trained),
            scales=tuple(scales),
            history=_history(phase, members, owner, trained, problem),
            known=len(problem.known_names),
        )

    def _train(
        self, phase: Phase, dataset: Dataset, members: Sequence[Member], lookback: int, room: tuple[int, int]
    ) -> Sequence[Trained]:
        """The members after training."""
        report(self._phases.index(phase) / len(self._phases), say("compiling …"))
        return train(
            self.network,
            self.training,
            dataset,
            members,
            lookback=lookback,
            room=room,
            progress=self._progress(phase),
            keeper=self.keeper and self.keeper.part(phase),
        )

    def trainings(self, problem: Problem, folds: Sequence[Fold]) -> int:
        """How many members `fit` trains: a member counts once in each phase."""
        return len(self._members(problem, folds)[0]) * len(self._phases)

    def _population(self, **found: Any) -> FittedNetwork:
        return FittedNetwork(**found)

    @property
    def _phases(self) -> tuple[Phase, ...]:
        return ("search", "refit") if self.refit else ("search",)

    def _progress(self, phase: Phase) -> Progress:
        """What shows the progress of a phase; both are one job, in which a member counts once in each."""

        def shown(done: int, count: int, epochs: int) -> None:
            total, over = len(self._phases) * count, self._phases.index(phase) * count + done
            report(
                over / total,
                say("{over} of {total} trained, {epochs} epochs", over=over, total=total, epochs=epochs),
            )

        return shown

    def _ensembles(
        self, searched: FittedNetwork, problem: Problem, folds: Sequence[Fold]
    ) -> list[FoldEnsemble]:
        """With what the validation origins, which `searched` was not trained on, show of each fold."""
        if not self.keep_validation and self.network.output == "point":
            return [FoldEnsemble(searched, place, left_out=fold.left_out) for place, fold in enumerate(folds)]
        origins = [fold.validation for fold in folds]
        ensembles = []
        for place, outputs in enumerate(searched.outputs(problem, list(range(len(folds))), origins)):
            combination = chosen_combination(self.network, outputs, problem, origins[place])
            validation = combined(self.network, outputs, combination, problem, origins[place])
            ensembles.append(FoldEnsemble(searched, place, combination, validation, folds[place].left_out))
        return ensembles

    def _members(self, problem: Problem, folds: Sequence[Fold]) -> tuple[list[Member], list[int | None]]:
        members, owners = [], []
        for scale, fold in enumerate(folds):
            alone = [None] if self.pooled else [int(s) for s in np.unique(problem.symbol[fold.train])]
            for seed in range(self.seed, self.seed + self.seeds):
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
                            tag=self.network.tag ^ zlib.crc32(name.encode()),
                            scale=scale,
                            train=train_part,
                            validation=validation,
                            epochs=self.training.epochs,
                        )
                    )
                    owners.append(owner)
        return members, owners


def combined(
    network: Network, outputs: Floats, combination: Combination, problem: Problem, origins: Integers
) -> Forecast:
    """What a network forecasts for `origins` (N,), given its seeds' outputs (S, N, h) or (S, N, h, P)."""
    if network.output == "point":
        seeds = problem.to_return(outputs, origins)
        whole = problem.to_return(mean_of_seeds(outputs), origins)
        return Forecast(Point(whole), tuple(Point(seed) for seed in seeds))
    members = distributions(
        network, outputs, problem.unit(origins), problem.farthest(origins), problem.neutral(origins)
    )
    return Forecast(joined(members, combination), tuple(members))


def chosen_combination(
    network: Network, outputs: Floats, problem: Problem, validation: Integers
) -> Combination:
    """The way of combining the seeds that has the lower CRPS on the validation origins (N,)."""
    if network.output == "point":
        return "parameter mean"
    unit, farthest = problem.unit(validation), problem.farthest(validation)
    seeds = distributions(network, outputs, unit, farthest, problem.neutral(validation))
    return better_combination(seeds, problem.actual_returns(validation))


def ensembles_of(fitted: Sequence[Fitted]) -> list[FoldEnsemble]:
    """The ensembles of a network's folds, whether or not their distributions are calibrated."""
    bare = [one.fitted if isinstance(one, CalibratedFit) else one for one in fitted]
    return [one for one in bare if isinstance(one, FoldEnsemble)]


def combination_note(name: str, ensembles: Sequence[FoldEnsemble]) -> str:
    """How the seeds of a network of distributions became one; empty for points, or where there is one."""
    population = ensembles[0].population
    if population.network.output == "point" or len({member.seed for member in population.members}) == 1:
        return ""
    if population.network.output == "quantiles":
        return say("the seeds of {name} are combined by the mean of each quantile", name=name)
    kinds = Counter(ensemble.combination for ensemble in ensembles)
    words = [
        say("{kind} in {count}", kind=say(COMBINED[kind]), count=count) for kind, count in kinds.most_common()
    ]
    return say(
        "the seeds of {name} are combined by {words} of {folds} folds, chosen on validation",
        name=name,
        words=say(" and ").join(words),
        folds=kinds.total(),
    )


def make_dataset(network: Network, problem: Problem, scales: Sequence[Scale]) -> Dataset:
    """A problem and its scales as arrays; targets of distributions in units of the volatility."""
    targets = problem.targets
    if network.output != "point":
        targets = problem.moves / problem.unit(np.arange(len(targets)))
        scales = [
            replace(scale, y_offset=scale.y_offset * 0, y_scale=scale.y_scale * 0 + 1) for scale in scales
        ]
    stacked = (
        np.stack([getattr(scale, name) for scale in scales]).astype(np.float32)
        for name in ("x_offset", "x_scale", "y_offset", "y_scale")
    )
    targets = np.nan_to_num(targets, nan=0.0).astype(np.float32)
    features = np.nan_to_num(problem.features, nan=0.0)
    symbol = problem.symbol.astype(np.int32)
    dataset = Dataset(features, targets, symbol, *stacked)
    if not problem.known_names:
        return dataset
    known, known_row = np.nan_to_num(problem.known, nan=0.0), problem.known_row.astype(np.int32)
    return dataset._replace(known=known, known_row=known_row)


def pace_notes(ensembles: Mapping[str, Sequence[FoldEnsemble]]) -> list[str]:
    """How networks were trained whose batch is not the usual one because they had many rows."""
    said: dict[str, list[str]] = {}
    for name, (first, *_) in ensembles.items():
        training, members = first.population.training, first.population.members
        rows = training_rows(members)
        pace = training.pace(rows)
        if training.batch_size == "auto" and pace.batch != USUAL_BATCH:
            how = say(
                "{rows:,} training rows: batches of {batch:,}, learning_rate {learning_rate:.2g}",
                rows=rows,
                batch=pace.batch,
                learning_rate=pace.learning_rate,
            )
            if pace.steps_per_epoch is not None:
                how += say(
                    ", a validation after at most {steps_per_epoch:,} steps",
                    steps_per_epoch=pace.steps_per_epoch,
                )
            said.setdefault(how, []).append(name)
    return [f"{', '.join(names)}: {how}" for how, names in said.items()]


def _room(members: Sequence[Member]) -> tuple[int, int]:
    """What both stages fit into, so that they share one program: train and validation, and validation."""
    both = max(len(member.train) + len(member.validation) for member in members)
    return both, max(len(member.validation) for member in members)


def _history(
    stage: str,
    members: Sequence[Member],
    owners: Sequence[int | None],
    trained: Sequence[Trained],
    problem: Problem,
) -> pd.DataFrame:
    """One row per member and epoch; see `FittedNetwork`."""
    losses = history(members, trained)
    names = [None if owner is None else problem.symbols[owner] for owner in owners]
    symbols = np.repeat(np.array(names, dtype=object), [len(result.loss) for result in trained])
    losses.insert(0, "stage", stage)
    losses.insert(3, "symbol", symbols)
    return losses
