"""Network: the settings of a recurrent network."""

from __future__ import annotations

import json
import zlib
from typing import Annotated, Literal

from pydantic import Field, model_validator

from gatecast.language import marked
from gatecast.settings.base import Checked

Activation = Literal["relu", "tanh", "sigmoid", "linear"]


class Network(Checked):
    """A recurrent network: cell, layers, head. Names and defaults are PyTorch's where it has them.

    A window (B, T, F) goes through `num_layers` recurrent layers (both ways if `bidirectional`); the head
    takes the last state of each direction ("last") or all T states ("flatten"), applies
    `state_activation`, puts beside it what is known in advance of the bars ahead, and applies the hidden
    layers `mlp` with `activation` after each, a linear layer to the h steps and `output_activation`.

    output: "point"; "student_t" (location, scale and degrees of freedom of the log return) or "quantiles"
    (17 of them, never crossing), both anchored at naive and the EWMA volatility (gatecast.nn.outputs).
    dropout: probability, between recurrent layers, as in torch.nn.LSTM.
    reset_after: GRU in the form of PyTorch and cuDNN (True) or of Cho et al. 2014 (False).
    init: weights as PyTorch (uniform ± 1/sqrt(hidden_size), two biases per layer), Keras (Glorot uniform
    inputs, orthogonal recurrence, LSTM forget bias 1) or "glorot" (both Glorot uniform); biases are zero
    and single in the last two.
    """

    cell: Literal["rnn", "lstm", "gru"] = Field(default="lstm", description=marked("rnn, lstm or gru"))
    hidden_size: int = Field(default=16, ge=1, le=4096, description=marked("units per layer and direction"))
    num_layers: int = Field(default=1, ge=1, le=16, description=marked("recurrent layers"))
    bidirectional: bool = Field(default=False, description=marked("also run backwards over the window"))
    dropout: float = Field(
        default=0.0, ge=0.0, lt=1.0, description=marked("probability, between recurrent layers")
    )
    head: Literal["last", "flatten"] = Field(
        default="last", description=marked("read the last state, or flatten all")
    )
    mlp: tuple[Annotated[int, Field(ge=1, le=4096)], ...] = Field(
        default=(), description=marked("sizes of hidden layers after the state, as 64,32")
    )
    activation: Activation = Field(default="relu", description=marked("after each hidden layer"))
    state_activation: Activation = Field(
        default="linear", description=marked("on the state, before the hidden layers")
    )
    output_activation: Activation = Field(default="linear", description=marked("on the output"))
    reset_after: bool = Field(default=True, description=marked("GRU in PyTorch's form; else the textbook's"))
    init: Literal["pytorch", "keras", "glorot"] = Field(
        default="pytorch", description=marked("pytorch, keras or glorot")
    )
    output: Literal["point", "student_t", "quantiles"] = Field(
        default="point",
        description=marked("what is forecast: point, or a distribution: student_t or quantiles"),
    )

    @model_validator(mode="after")
    def _dropout_acts(self) -> Network:
        if self.dropout > 0 and self.num_layers == 1:
            raise ValueError("dropout acts between layers: give num_layers=2 or more, or dropout=0")
        if self.output != "point" and self.output_activation != "linear":
            raise ValueError(f'output "{self.output}" needs output_activation "linear"')
        return self

    @property
    def tag(self) -> int:
        """A number that stands for these settings in random keys; the same in every process."""
        return zlib.crc32(json.dumps(self.model_dump(), sort_keys=True).encode())
