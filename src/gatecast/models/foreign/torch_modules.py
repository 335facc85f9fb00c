"""Modules of PyTorch as models, trained in the way of gatecast's own networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gatecast._typing import Floats
from gatecast.formatting import brief
from gatecast.models.foreign.imports import imported
from gatecast.models.foreign.torch_settings import TorchModel
from gatecast.models.foreign.windows import require_returns
from gatecast.models.networks import (
    FittedNetwork,
    FoldEnsemble,
    Job,
    Phase,
    RecurrentNetwork,
)
from gatecast.nn.population import Member, Trained
from gatecast.nn.program import Dataset
from gatecast.problem.folds import Fold
from gatecast.problem.problem import Problem
from gatecast.profiling import stage
from gatecast.settings.network import Network


@dataclass(frozen=True, kw_only=True)
class TorchModuleModel(RecurrentNetwork):
    """Modules of PyTorch, trained on every fold with every seed, on the road of `RecurrentNetwork`.

    Parameters
    ----------
    name
        For messages.
    asked
        What is trained.
    network
        Says what the output is; nothing else of it counts.
    """

    name: str
    asked: TorchModel

    @classmethod
    def of(cls, name: str, asked: TorchModel, **settings: Any) -> TorchModuleModel:
        """The model; settings: as of `RecurrentNetwork`."""
        return cls(Network(output=asked.output), asked.training, name=name, asked=asked, **settings)

    def fit(self, problem: Problem, folds: Sequence[Fold]) -> list[FoldEnsemble]:
        """The trained modules, one ensemble per fold."""
        imported("torch", "gatecast[torch]", f'model "{self.name}"')
        if self.asked.output != "point":
            require_returns(self.name, problem)
        return super().fit(problem, folds)

    def _train(
        self, phase: Phase, dataset: Dataset, members: Sequence[Member], lookback: int, room: tuple[int, int]
    ) -> Sequence[Trained]:
        from gatecast.models.foreign.torch_training import Trainer

        with stage(f"model {self.name}"):
            return Trainer(self.asked, self.name, dataset, lookback).train(members, self._progress(phase))

    def _population(self, **found: Any) -> FittedModules:
        return FittedModules(**found, model=self)


@dataclass(frozen=True, kw_only=True)
class FittedModules(FittedNetwork):
    """The modules of every fold and seed after training."""

    model: TorchModuleModel

    __repr__ = brief

    def _predicted(self, rows: Dataset, jobs: Sequence[Job]) -> Sequence[Floats]:
        from gatecast.models.foreign.torch_training import TrainedModule, Trainer

        model = self.model
        trainer = Trainer(model.asked, model.name, rows, self.lookback)
        with stage(f"model {model.name}"):
            return [
                trainer.predict(trained, scale, origins)
                for trained, scale, origins in jobs
                if isinstance(trained, TrainedModule)
            ]
