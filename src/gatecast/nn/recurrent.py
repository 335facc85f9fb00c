"""Recurrent layers: a cell run over a window, forwards, backwards, stacked."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from gatecast.nn import fast, kernel
from gatecast.nn.cells import Cell, State, Weights, zero_state

Params = dict[str, jax.Array]


def recurrent(
    params: Params,
    cell: Cell,
    x: jax.Array,
    *,
    num_layers: int = 1,
    bidirectional: bool = False,
    dropout: float = 0.0,
    key: jax.Array | None = None,
    state: State | None = None,
    textbook: bool = False,
) -> tuple[jax.Array, State]:
    """Run x (B, T, F) through all layers.

    params carry torch.nn.LSTM's names: weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, …_l1,
    …_reverse. state: as returned, each (num_layers · D, B, H) with D directions, layer by layer; None is
    zero. dropout acts between layers where a key is given. textbook: step by step and differentiated by JAX,
    which `gatecast.nn.kernel` and `gatecast.nn.fast` equal and are compared with.

    Returns the outputs of the last layer (B, T, D·H), each direction's output at its session, and the
    final states. A backward direction's final state belongs to the first session.
    """
    directions = ("", "_reverse") if bidirectional else ("",)
    run = _textbook if textbook else _fastest(cell, x.dtype)
    outputs, finals = x, []
    for layer in range(num_layers):
        if layer > 0 and dropout > 0 and key is not None:
            outputs = _dropout(outputs, dropout, jax.random.fold_in(key, layer))
        both = []
        for direction, suffix in enumerate(directions):
            place = layer * len(directions) + direction
            initial = None if state is None else tuple(part[place] for part in state)
            name = f"_l{layer}{suffix}"
            weights = Weights(
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


def _fastest(cell: Cell, dtype: jnp.dtype) -> Callable[..., tuple[jax.Array, State]]:
    """How a layer is run here; all take the same and say the same."""
    if kernel.serves(cell, dtype):
        return kernel.layer
    return fast.layer if cell.step in fast.KINDS else _textbook


def _textbook(
    cell: Cell,
    x: jax.Array,
    state: State | None,
    weights: Weights,
    *,
    reverse: bool,
) -> tuple[jax.Array, State]:
    """One layer, one direction: x (B, T, F), state each (B, H) → outputs (B, T, H) and the final state."""
    state = state or zero_state(cell, x, weights)
    inputs = jnp.transpose(x, (1, 0, 2)) @ weights.weight_ih.T + weights.bias_ih

    def step(carry: State, x_t: jax.Array) -> tuple[State, jax.Array]:
        carry = cell.step(weights.weight_hh, weights.bias_hh, carry, x_t)
        return carry, carry[0]

    final, outputs = jax.lax.scan(step, state, inputs, reverse=reverse)
    return jnp.transpose(outputs, (1, 0, 2)), final


def _dropout(x: jax.Array, rate: float, key: jax.Array) -> jax.Array:
    keep = jax.random.bernoulli(key, 1 - rate, x.shape)
    return jnp.where(keep, x / (1 - rate), 0.0)
