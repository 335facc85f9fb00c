"""Training: how a network is trained."""

from __future__ import annotations

import math
from typing import Annotated, Literal, NamedTuple

from pydantic import BeforeValidator, Field

from gatecast.language import marked
from gatecast.settings.base import Checked, none_of

LOSSES = {"point": ("mse", "mae", "huber"), "student_t": ("nll", "crps"), "quantiles": ("pinball",)}

# What "auto" stands for; docs/en/contributing/many-rows.md says how it was found.
USUAL_BATCH = 128  # of few rows; the learning rate is meant for it
LARGEST_BATCH = 512
STEPS_PER_PASS = 200  # the batch doubles until a pass over the training rows has no more
ROWS_PER_EPOCH = 25_600  # at most


class Pace(NamedTuple):
    """What a `Training` means for a number of training rows.

    batch: rows per step; None: all. learning_rate: of that batch. steps_per_epoch: at most; None: a pass.
    """

    batch: int | None
    learning_rate: float
    steps_per_epoch: int | None


class Training(Checked):
    """How a network is trained. None for batch_size: all rows; for patience or clip_norm: off.

    batch_size: "auto" is 128 up to 25,600 training rows, 256 up to 51,200, then 512; learning_rate is that of
    a batch of 128 and grows with the batch's root. steps_per_epoch: a pass over the rows is cut into
    epochs of at most so many steps, with a validation after each; "auto" is 25,600 rows where batch_size is
    "auto", and else None: an epoch is a pass. See the guide "Networks".

    loss: "auto" is the mean squared error of the scaled targets for points, the negative log likelihood
    ("nll") for student_t, which also takes "crps", and the pinball loss for quantiles. weight_decay: L2 in
    "adam" and "sgd" (as in PyTorch), decoupled in "adamw".
    """

    epochs: int = Field(
        default=50,
        ge=1,
        le=1_000_000,
        description=marked("passes over the training origins, or parts of one (steps_per_epoch), at most"),
    )
    batch_size: Annotated[Annotated[int, Field(ge=1)] | Literal["auto"] | None, BeforeValidator(none_of)] = (
        Field(
            default="auto",
            description=marked(
                "origins per step; auto: 128, up to 512 from 25,600 training rows on, the learning "
                "rate with its square root; none: all"
            ),
        )
    )
    steps_per_epoch: Annotated[
        Annotated[int, Field(ge=1)] | Literal["auto"] | None, BeforeValidator(none_of)
    ] = Field(
        default="auto",
        description=marked(
            "steps between two validations, at most; auto: those of 25,600 origins where batch_size "
            "is auto, else none; none: a pass over all training origins"
        ),
    )
    shuffle: bool = Field(default=True, description=marked("shuffle the training origins in every pass"))
    optimizer: Literal["adam", "adamw", "sgd", "rmsprop"] = Field(
        default="adam", description=marked("adam, adamw, sgd or rmsprop")
    )
    learning_rate: float = Field(default=2e-3, gt=0, description=marked("step size of the optimizer"))
    weight_decay: float = Field(default=0.0, ge=0, description=marked("L2; decoupled in adamw"))
    loss: Literal["auto", "mse", "mae", "huber", "nll", "crps", "pinball"] = Field(
        default="auto",
        description=marked("mse, mae, huber for points; nll, crps for student_t; pinball for quantiles"),
    )
    patience: Annotated[int | None, Field(ge=1), BeforeValidator(none_of)] = Field(
        default=5, description=marked("epochs without a better validation loss before stopping; none: off")
    )
    clip_norm: Annotated[float | None, Field(gt=0), BeforeValidator(none_of)] = Field(
        default=1.0, description=marked("largest norm of a gradient; none: off")
    )

    def pace(self, rows: int) -> Pace:
        """What these settings mean for so many training rows, those of validation included."""
        rate, batch, steps = self.learning_rate, self.batch_size, self.steps_per_epoch
        automatic = batch == "auto"
        if batch == "auto":
            batch = _batch_of(rows)
            rate *= math.sqrt(batch / USUAL_BATCH)
        if steps == "auto":
            steps = ROWS_PER_EPOCH // batch if automatic and batch else None
        return Pace(batch, rate, steps)


def _batch_of(rows: int) -> int:
    """The usual batch, doubled until a pass over the rows is short or the batch the largest."""
    batch = USUAL_BATCH
    while batch < LARGEST_BATCH and rows > batch * STEPS_PER_PASS:
        batch *= 2
    return batch
