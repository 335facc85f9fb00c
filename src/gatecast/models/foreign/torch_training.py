"""Training of modules of PyTorch: a member after the other, each from its first weights to its best epoch.

The members, their epochs and what is kept are those of `gatecast.nn.program`. Everything random comes from
PyTorch's own generator, which is seeded for a member and then put back as it was. All threads share it:
members trained side by side would draw each other's numbers.
"""

from __future__ import annotations

import contextlib
import copy
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gatecast._typing import Floats, Integers
from gatecast.errors import FitWarning, SettingError
from gatecast.formatting import brief
from gatecast.language import say
from gatecast.models.foreign.torch_outputs import LOSSES, NUMBERS, Loss, outputs
from gatecast.models.foreign.torch_settings import TorchModel
from gatecast.nn.population import Member, Progress, Trained, scaled_back, training_rows
from gatecast.nn.program import CHUNK, Dataset
from gatecast.settings.training import LOSSES as NAMES
from gatecast.settings.training import Pace

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
    "rmsprop": torch.optim.RMSprop,
}


@dataclass(frozen=True)
class TrainedModule(Trained):
    """A member after training; module: with the weights of its best epoch, to be used, not trained."""

    module: torch.nn.Module

    __repr__ = brief


class Rows:
    """A dataset as tensors: the windows and targets of origins are gathered when they are asked for."""

    def __init__(self, dataset: Dataset, lookback: int, device: str) -> None:
        def tensor(values: Any) -> Tensor:
            return torch.as_tensor(np.asarray(values), device=device)

        self.features, self.targets = tensor(dataset.features), tensor(dataset.targets)
        self.symbol = tensor(dataset.symbol)
        self.x_offset, self.x_scale = tensor(dataset.x_offset), tensor(dataset.x_scale)
        self.y_offset, self.y_scale = tensor(dataset.y_offset), tensor(dataset.y_scale)
        self.before = torch.arange(1 - lookback, 1, device=device)

    def windows(self, scale: int, origins: Tensor) -> Tensor:
        """(B, T, F) the scaled windows that end at `origins` (B,)."""
        symbol = self.symbol[origins]
        offset, divisor = self.x_offset[scale, symbol], self.x_scale[scale, symbol]
        return (self.features[origins[:, None] + self.before] - offset[:, None]) / divisor[:, None]

    def scaled_targets(self, scale: int, origins: Tensor) -> Tensor:
        """(B, h) the scaled targets of `origins` (B,)."""
        symbol = self.symbol[origins]
        return (self.targets[origins] - self.y_offset[scale, symbol]) / self.y_scale[scale, symbol]


class Trainer:
    """What trains and asks the modules of one model.

    Parameters
    ----------
    asked
        How they are made and trained.
    name
        Of the model, for messages.
    dataset, lookback
        What all members read.
    """

    def __init__(self, asked: TorchModel, name: str, dataset: Dataset, lookback: int) -> None:
        self.asked, self.name, self.dataset = asked, name, dataset
        self.rows = Rows(dataset, lookback, asked.device)
        self.horizon = dataset.targets.shape[1]

    def train(self, members: Sequence[Member], progress: Progress) -> list[TrainedModule]:
        """All members, trained; each has the weights of its best validation epoch.

        Warns
            FitWarning: a member whose loss was never finite; its first weights are kept.
        """
        trained: list[TrainedModule] = []
        epochs, pace = 0, self.asked.training.pace(training_rows(members))
        with one_thread():
            for member in members:
                progress(len(trained), len(members), epochs)
                with own_random_numbers(member):
                    trained.append(self._fit(member, pace))
                epochs += len(trained[-1].loss)
        progress(len(trained), len(members), epochs)
        if lost := sum(one.best_epoch == 0 for one in trained):
            warnings.warn(
                say(
                    '{lost} of {count} modules of model "{name}" diverged in their first epoch and '
                    "keep their first weights; try a smaller learning_rate or clip_norm=1",
                    lost=lost,
                    count=len(trained),
                    name=self.name,
                ),
                FitWarning,
                stacklevel=2,
            )
        return trained

    def predict(self, trained: TrainedModule, scale: int, origins: Integers) -> Floats:
        """The outputs of `origins` (N,), scaled back: (N, h), of distributions (N, h, P).

        Always in whole chunks: what is forecast from an origin must not depend, by a single bit, on how many
        others are asked for.
        """
        padded = np.concatenate([origins, np.repeat(origins[:1], -len(origins) % CHUNK)])
        with one_thread(), torch.no_grad():
            module = trained.module.eval()
            parts = [self._output(module, scale, part)[0] for part in self._tensor(padded).split(CHUNK)]
        scaled = torch.cat(parts).cpu().numpy().astype(np.float64)
        return scaled_back(self.dataset, scale, origins, scaled)

    def _fit(self, member: Member, pace: Pace) -> TrainedModule:
        asked = self.asked
        module = self._made()
        optimizer = self._optimizer(module, pace.learning_rate)
        train, validation = self._tensor(member.train), self._tensor(member.validation)
        best, best_loss, best_epoch = copy.deepcopy(module.state_dict()), math.inf, 0
        losses: list[float] = []
        validated: list[float] = []
        for epoch, batches in zip(range(1, member.epochs + 1), self._epochs(train, pace), strict=False):
            losses.append(self._epoch(module, optimizer, member.scale, batches))
            validated.append(self._validate(module, member.scale, validation))
            score = validated[-1] if len(validation) else -epoch
            if score < best_loss and math.isfinite(losses[-1]):
                best, best_loss, best_epoch = copy.deepcopy(module.state_dict()), score, epoch
            if len(validation) and asked.patience is not None and epoch - best_epoch >= asked.patience:
                break
        module.load_state_dict(best)
        return TrainedModule(
            params={},
            best_epoch=best_epoch,
            loss=np.array(losses, dtype=np.float32),
            validation_loss=np.array(validated, dtype=np.float32),
            module=module,
        )

    def _epochs(self, origins: Tensor, pace: Pace) -> Iterator[Sequence[Tensor]]:
        """The batches of one epoch after the other, without end; a pass visits every training origin once."""
        while True:
            order = origins
            if self.asked.shuffle:
                order = origins[torch.randperm(len(origins)).to(origins.device)]
            batches = order.split(pace.batch or len(order))
            epochs = math.ceil(len(batches) / (pace.steps_per_epoch or len(batches)))
            length = math.ceil(len(batches) / epochs)
            yield from (batches[start : start + length] for start in range(0, len(batches), length))

    def _epoch(
        self,
        module: torch.nn.Module,
        optimizer: torch.optim.Optimizer,
        scale: int,
        batches: Sequence[Tensor],
    ) -> float:
        """The mean loss over the origins of an epoch."""
        module.train()
        total = 0.0
        for batch in batches:
            output, target = self._output(module, scale, batch)
            loss = self._loss(output, target)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            if self.asked.clip_norm is not None:
                torch.nn.utils.clip_grad_norm_(module.parameters(), self.asked.clip_norm)
            optimizer.step()
            total += loss.item() * len(batch)
        return total / sum(map(len, batches))

    def _validate(self, module: torch.nn.Module, scale: int, origins: Tensor) -> float:
        """The mean loss over the validation origins; NaN where there are none."""
        if not len(origins):
            return math.nan
        module.eval()
        total = 0.0
        with torch.no_grad():
            for batch in origins.split(CHUNK):
                total += self._loss(*self._output(module, scale, batch)).item() * len(batch)
        return total / len(origins)

    def _made(self) -> torch.nn.Module:
        features = self.dataset.features.shape[1]
        with self._said("make_module", f"({features}, {self.horizon})"):
            module = self.asked.make_module(features, self.horizon)
        if not isinstance(module, torch.nn.Module):
            raise SettingError(
                say(
                    'model "{name}": make_module must return a torch.nn.Module, not {name_2}',
                    name=self.name,
                    name_2=type(module).__name__,
                )
            )
        return module.to(self.asked.device)

    def _optimizer(self, module: torch.nn.Module, learning_rate: float) -> torch.optim.Optimizer:
        asked = self.asked
        if not isinstance(asked.optimizer, str):
            with self._said("optimizer", "the module's parameters"):
                made: torch.optim.Optimizer = asked.optimizer(module.parameters())
            return made
        smoothing = {"alpha": 0.99} if asked.optimizer == "rmsprop" else {}
        return OPTIMIZERS[asked.optimizer](
            module.parameters(), lr=learning_rate, weight_decay=asked.weight_decay, **smoothing
        )

    def _output(self, module: torch.nn.Module, scale: int, origins: Tensor) -> tuple[Tensor, Tensor]:
        """The outputs of a batch of origins, and their scaled targets."""
        windows = self.rows.windows(scale, origins)
        with self._said("the module", f"windows of {tuple(windows.shape)}"):
            raw = module(windows)
        numbers = NUMBERS[self.asked.output]
        wanted = (len(origins), self.horizon, numbers)[: 2 if numbers == 1 else 3]
        got = tuple(raw.shape) if isinstance(raw, Tensor) else type(raw).__name__
        if not isinstance(raw, Tensor) or raw.shape[:1] != wanted[:1] or raw.numel() != math.prod(wanted):
            raise SettingError(
                say(
                    'model "{name}": the module returned {got} for windows of {shape}, not {wanted}, '
                    'as output "{output}" needs',
                    name=self.name,
                    got=got,
                    shape=tuple(windows.shape),
                    wanted=wanted,
                    output=self.asked.output,
                )
            )
        return outputs(self.asked.output, raw.reshape(wanted)), self.rows.scaled_targets(scale, origins)

    def _loss(self, output: Tensor, target: Tensor) -> Tensor:
        """The mean loss of a batch."""
        asked = self.asked.loss
        if isinstance(asked, str):
            loss: Loss = LOSSES[NAMES[self.asked.output][0] if asked == "auto" else asked]
            return loss(output, target)
        with self._said("loss", f"outputs of {tuple(output.shape)} and targets of {tuple(target.shape)}"):
            return asked(output, target).mean()

    @contextlib.contextmanager
    def _said(self, what: str, given: str) -> Iterator[None]:
        """What fails in the user's code is an error of the model."""
        try:
            yield
        except Exception as error:
            raise SettingError(
                say(
                    'model "{name}": {what} failed ({name_2}: {error}) on {given}',
                    name=self.name,
                    what=what,
                    name_2=type(error).__name__,
                    error=error,
                    given=given,
                )
            ) from error

    def _tensor(self, origins: Integers) -> Tensor:
        return torch.as_tensor(np.asarray(origins, dtype=np.int64), device=self.asked.device)


@contextlib.contextmanager
def own_random_numbers(member: Member) -> Iterator[None]:
    """Random numbers of a member's own, whoever is trained beside it; PyTorch's are put back afterwards."""
    words = np.random.SeedSequence([member.seed, member.fold, member.tag]).generate_state(2, np.uint32)
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(int(words[0]) << 31 | int(words[1]) >> 1)
        yield


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """One thread for PyTorch: sums of several add up in an order that depends on the machine's cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
