"""Recurrent layers: a cell run over a window, forwards, backwards, stacked."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from gatecast.nn import fast, kernel
from gatecast.nn.cells import Cell, LayerWeights, State, Values, zero_state

Params = dict[str, Float[Array, "..."]]
States = tuple[Float[Array, "layers batch hidden"], ...]
Layer = Callable[..., tuple[Array, State]]


def recurrent(
    params: Params,
    cell: Cell,
    x: Float[Array, "batch time features"],
    *,
    num_layers: int = 1,
    bidirectional: bool = False,
    dropout: float = 0.0,
    key: Key[Array, ""] | None = None,
    state: States | None = None,
    run: Layer | None = None,
) -> tuple[Float[Array, "batch time outputs"], States]:
    """The outputs and final states of all layers that read x.

    params carry torch.nn.LSTM's names: weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, …_l1,
    …_reverse. state: as returned, layer by layer and within a layer direction by direction; None is
    zero. dropout acts between layers where a key is given. run: what runs one layer in one direction; None:
    the fastest here. `textbook` is step by step and differentiated by JAX; `gatecast.nn.kernel` and
    `gatecast.nn.fast` equal it and are compared with it.

    The outputs are those of the last layer, D·H wide with D directions, each direction's output at its time.
    A backward direction's final state belongs to the first time step.
    """
    directions = ("", "_reverse") if bidirectional else ("",)
    run = run or _fastest(cell, x.dtype)
    outputs, finals = x, []
    for layer in range(num_layers):
        if layer > 0 and dropout > 0 and key is not None:
            outputs = _dropout(outputs, dropout, jax.random.fold_in(key, layer))
        both = []
        for direction, suffix in enumerate(directions):
            place = layer * len(directions) + direction
            initial = None if state is None else tuple(part[place] for part in state)
            name = f"_l{layer}{suffix}"
            weights = LayerWeights(
                params["weight_ih" + name],
                params["bias_ih" + name],
                params["weight_hh" + name],
                params.get("bias_hh" + name),
            )
            out, final = run(cell, outputs, initial, weights, reverse=bool(suffix))
            both.append(out)
            finals.append(final)
        outputs = both[0] if len(both) == 1 else jnp.concatenate(both, axis=-1)
    return outputs, tuple(jnp.stack(part) for part in zip(*finals, strict=True))


def _fastest(cell: Cell, dtype: jnp.dtype) -> Layer:
    """The function that runs a layer here; all have the same arguments and results."""
    if kernel.serves(cell, dtype):
        return kernel.layer
    return fast.layer if cell.step in fast.FAST_CELLS else textbook


def textbook(
    cell: Cell,
    x: Float[Array, "batch time features"],
    state: State | None,
    weights: LayerWeights,
    *,
    reverse: bool,
) -> tuple[Float[Array, "batch time hidden"], State]:
    """The outputs and the final state of one layer in one direction."""
    return _scanned(cell, x, state, weights, lambda values: values["hidden"], reverse=reverse)


def traced(
    cell: Cell,
    x: Float[Array, "batch time features"],
    state: State | None,
    weights: LayerWeights,
    *,
    reverse: bool,
) -> tuple[dict[str, Float[Array, "batch time hidden"]], State]:
    """As `textbook`, with every gate and state of every time by its name for the outputs."""
    return _scanned(cell, x, state, weights, lambda values: values, reverse=reverse)


def _scanned(
    cell: Cell,
    x: Float[Array, "batch time features"],
    state: State | None,
    weights: LayerWeights,
    shown: Callable[[Values], Any],
    *,
    reverse: bool,
) -> tuple[Any, State]:
    """What is shown of the values of every time, (batch, time, hidden) each, and the final state."""
    inputs = jnp.transpose(x, (1, 0, 2)) @ weights.weight_ih.T + weights.bias_ih

    def step(carry: State, x_t: Array) -> tuple[State, Any]:
        values = cell.step(weights.weight_hh, weights.bias_hh, carry, x_t)
        return tuple(values[name] for name in cell.states), shown(values)

    final, found = jax.lax.scan(step, state or zero_state(cell, x, weights), inputs, reverse=reverse)
    return jax.tree.map(lambda part: jnp.transpose(part, (1, 0, 2)), found), final


def _dropout(
    x: Float[Array, "batch time features"], rate: float, key: Key[Array, ""]
) -> Float[Array, "batch time features"]:
    keep = jax.random.bernoulli(key, 1 - rate, x.shape)
    return jnp.where(keep, x / (1 - rate), 0.0)
