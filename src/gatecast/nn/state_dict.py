"""The weights of a network under PyTorch's names, for the `load_state_dict` of its layers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gatecast.errors import SettingError, did_you_mean
from gatecast.settings.network import Network

Weights = Mapping[str, NDArray[np.float32]]
RECURRENT = "recurrent"


def layers(network: Network) -> tuple[str, ...]:
    """The names of what can be loaded on its own: "recurrent", "mlp.0", …, "out", and "df" of a Student t."""
    hidden = tuple(f"mlp.{index}" for index in range(len(network.mlp)))
    return (RECURRENT, *hidden, "out", *(["df"] if network.output == "student_t" else []))


def state_dict(network: Network, weights: Weights, layer: str = RECURRENT) -> dict[str, NDArray[np.float32]]:
    """Copies of one layer's weights, as PyTorch names, orders and shapes them.

    "recurrent" is all of a torch.nn.RNN, LSTM or GRU (weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, …,
    …_reverse); the layers of the head are each a torch.nn.Linear (weight, bias); "df" is one vector. A single
    bias, as Keras has it, is bias_ih, beside a bias_hh of zeros.

    Raises
    ------
    SettingError
        No such layer; a GRU with reset_after=False, which PyTorch does not have.
    """
    if layer not in layers(network):
        near = did_you_mean(str(layer), layers(network))
        raise SettingError(
            f"this network has {', '.join(layers(network))}.{near}", setting="layer", value=layer
        )
    if layer == "df":
        return {"df": weights["df"].copy()}
    if layer != RECURRENT:
        return {name: weights[f"{layer}.{name}"].copy() for name in ("weight", "bias")}
    if network.cell == "gru" and not network.reset_after:
        raise SettingError(
            "PyTorch has no GRU that resets the state before the product (reset_after=False): torch.nn.GRU "
            "would take these weights and compute something else. Train with reset_after=True"
        )
    state: dict[str, NDArray[np.float32]] = {}
    for layer_number in range(network.num_layers):
        for suffix in ("", "_reverse")[: 2 if network.bidirectional else 1]:
            place = f"_l{layer_number}{suffix}"
            state |= {
                name + place: weights[name + place].copy() for name in ("weight_ih", "weight_hh", "bias_ih")
            }
            bias = weights.get("bias_hh" + place)
            state["bias_hh" + place] = (
                np.zeros_like(state["bias_ih" + place]) if bias is None else bias.copy()
            )
    return state
