"""A look inside a network: its gates and states bar by bar, and what every input does to its outputs.

Both follow the textbook's equations (`gatecast.nn.cells`), step by step and differentiated by JAX, whatever
runs the network elsewhere.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from gatecast.nn.cells import Cell, LayerWeights, State, cell_of
from gatecast.nn.network import apply, exact_products
from gatecast.nn.recurrent import Params, recurrent, textbook, traced
from gatecast.settings.network import Network

AnyArray = Any  # of NumPy on the host, of JAX on the device
ORDER = ("input", "reset", "forget", "update", "candidate", "output", "cell", "hidden")


def trace(
    network: Network, params: Mapping[str, Any], x: Float[AnyArray, "batch time features"]
) -> dict[str, Float[Array, "batch time hidden"]]:
    """Every gate and state of the windows x, by its name and place: "forget_l0", "hidden_l1_reverse".

    LSTM: input, forget, candidate, output, cell, hidden. GRU: reset, update, candidate, hidden. RNN: hidden.
    Places are those of PyTorch's names of weights; a backward layer's values stand at the bar that it reads.
    """
    layers = zip(places(network), _traced(network, dict(params), x), strict=True)
    return {f"{name}{place}": values[name] for place, values in layers for name in ORDER if name in values}


@partial(jax.jit, static_argnums=0)
def _traced(
    network: Network, params: Params, x: Float[Array, "batch time features"]
) -> list[dict[str, Float[Array, "batch time hidden"]]]:
    """The values of every layer and direction; out of a compiled function, in the order of the alphabet."""
    found: list[dict[str, Array]] = []

    def run(
        cell: Cell, x: Array, state: State | None, weights: LayerWeights, *, reverse: bool
    ) -> tuple[Array, State]:
        values, final = traced(cell, x, state, weights, reverse=reverse)
        found.append(values)
        return values["hidden"], final

    with exact_products():
        recurrent(
            params,
            cell_of(network.cell, network.reset_after),
            x,
            num_layers=network.num_layers,
            bidirectional=network.bidirectional,
            run=run,
        )
    return found


@partial(jax.jit, static_argnums=(0, 3))
def gradient_times_input(
    network: Network, params: Params, x: Float[Array, "batch time features"], step: int
) -> Float[Array, "batch time features"]:
    """The output at one step (from 0) of a network of points, by every input, times that input."""

    def output(x: Array) -> Array:
        return jnp.sum(apply(network, params, x, run=textbook)[0][:, step])

    with exact_products():
        return jax.grad(output)(x) * x


def places(network: Network) -> list[str]:
    """Where a network's layers stand, as PyTorch names their weights: "_l0", "_l0_reverse", "_l1", …"""
    suffixes = ("", "_reverse") if network.bidirectional else ("",)
    return [f"_l{layer}{suffix}" for layer in range(network.num_layers) for suffix in suffixes]
