"""What is asked of a module of PyTorch: how it is made, and how it is trained."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from gatecast.errors import SettingError
from gatecast.language import say
from gatecast.settings.network import Network
from gatecast.settings.training import LOSSES, Training

NUMBERS = (
    "epochs",
    "batch_size",
    "steps_per_epoch",
    "shuffle",
    "learning_rate",
    "weight_decay",
    "patience",
    "clip_norm",
)
NAMES = ("optimizer", "loss")  # or functions


@dataclass(frozen=True)
class TorchModel:
    """A module of PyTorch and how it is trained; the settings are those of `Training`, with its defaults.

    The module is made anew for every fold and seed. It reads windows (B, T, F) of scaled features, the oldest
    bar first, and returns, in float32,

    - output "point": (B, h), log returns divided by their standard deviation in training (target "close": the
      scaled price); zeros are naive's forecast;
    - output "student_t": (B, h, 3): location · 10, the logarithm of the scale, and the raw df, of which
      df = 2.1 + 3 softplus(raw), of the log return in units of volatility · sqrt(k) at step k;
    - output "quantiles": (B, h, 17): the median · 10, and the logarithms of the 16 distances from each
      quantile to the next, relative to those of Student's t with 5 degrees of freedom, in the same units.
      The 17 levels are `gatecast.distributions.LEVELS`.

    Zeros are naive's point with the EWMA's interval. Columns that are known in advance reach a module up to
    the origin only. The epoch is chosen on validation; then the module is trained once more on train and
    validation together, from the same start, for as many epochs.

    Parameters
    ----------
    make_module
        (features, horizon) → torch.nn.Module, with fresh weights.
    epochs, batch_size, steps_per_epoch, shuffle, learning_rate, weight_decay, patience, clip_norm
        As of `Training`.
    optimizer
        "adam", "adamw", "sgd" or "rmsprop"; or parameters → torch.optim.Optimizer.
    loss
        A name, as of `Training`; or (output, target) → a tensor, whose mean is minimised. Of distributions
        the output is what the numbers above stand for: location, scale, df, or the quantiles.
    output
        What the module's numbers are.
    device
        Where it is trained, as PyTorch names it.
    """

    make_module: Callable[[int, int], Any]
    epochs: int = 50
    batch_size: int | Literal["auto"] | None = "auto"
    steps_per_epoch: int | Literal["auto"] | None = "auto"
    shuffle: bool = True
    optimizer: str | Callable[..., Any] = "adam"
    learning_rate: float = 2e-3
    weight_decay: float = 0.0
    loss: str | Callable[..., Any] = "auto"
    patience: int | None = 5
    clip_norm: float | None = 1.0
    output: Literal["point", "student_t", "quantiles"] = "point"
    device: str = "cpu"

    def __post_init__(self) -> None:
        module = hasattr(self.make_module, "parameters") and not inspect.isclass(self.make_module)
        if module or not callable(self.make_module):
            raise SettingError(
                say("must be a function of (features, horizon) that returns a new torch.nn.Module"),
                setting="make_module",
                value=self.make_module,
            )
        for name in NAMES:
            if not isinstance(getattr(self, name), str) and not callable(getattr(self, name)):
                raise SettingError(
                    say("must be a name or a function"), setting=name, value=getattr(self, name)
                )
        Network(output=self.output)
        losses = ("auto", *LOSSES[self.output])
        if self.training.loss not in losses:
            raise SettingError(
                say(
                    'must be {losses}, or a function, for output "{output}"',
                    losses=", ".join(losses),
                    output=self.output,
                ),
                setting="loss",
                value=self.loss,
            )

    @property
    def training(self) -> Training:
        """The settings as those of a network, checked; what is a function is left at its default."""
        asked: dict[str, Any] = {name: getattr(self, name) for name in NUMBERS}
        asked |= {name: value for name in NAMES if isinstance(value := getattr(self, name), str)}
        return Training(**asked)
