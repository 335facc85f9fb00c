"""Training: how a network is trained."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from gatecast.settings.base import Checked, none_of

LOSSES = {"point": ("mse", "mae", "huber"), "student_t": ("nll", "crps"), "quantiles": ("pinball",)}


class Training(Checked):
    """How a network is trained. None for batch_size: all rows; for patience or clip_norm: off.

    loss: "auto" is the mean squared error of the scaled targets for points, the negative log likelihood
    ("nll") for student_t, which also takes "crps", and the pinball loss for quantiles. weight_decay: L2 in
    "adam" and "sgd" (as in PyTorch), decoupled in "adamw".
    """

    epochs: int = Field(
        default=50, ge=1, le=1_000_000, description="passes over the training origins, at most"
    )
    batch_size: Annotated[int | None, Field(ge=1), BeforeValidator(none_of)] = Field(
        default=128, description="origins per step; none: all"
    )
    shuffle: bool = Field(default=True, description="shuffle the training origins in every epoch")
    optimizer: Literal["adam", "adamw", "sgd", "rmsprop"] = Field(
        default="adam", description="adam, adamw, sgd or rmsprop"
    )
    learning_rate: float = Field(default=2e-3, gt=0, description="step size of the optimizer")
    weight_decay: float = Field(default=0.0, ge=0, description="L2; decoupled in adamw")
    loss: Literal["auto", "mse", "mae", "huber", "nll", "crps", "pinball"] = Field(
        default="auto",
        description="mse, mae, huber for points; nll, crps for student_t; pinball for quantiles",
    )
    patience: Annotated[int | None, Field(ge=1), BeforeValidator(none_of)] = Field(
        default=5, description="epochs without a better validation loss before stopping; none: off"
    )
    clip_norm: Annotated[float | None, Field(gt=0), BeforeValidator(none_of)] = Field(
        default=1.0, description="largest norm of a gradient; none: off"
    )
