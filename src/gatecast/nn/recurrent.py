"""Recurrent layers: a cell run over a window, forwards, backwards, stacked."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from gatecast.nn import fast
from gatecast.nn.cells import Cell, State

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
    which `gatecast.nn.fast` equals and is compared with.

    Returns the outputs of the last layer (B, T, D·H), each direction's output at its session, and the
    final states. A backward direction's final state belongs to the first session.
    """
    directions = ("", "_reverse") if bidirectional else ("",)
    outputs = jnp.transpose(x, (2, 1, 0))
    finals = []
    for layer in range(num_layers):
        if layer > 0 and dropout > 0 and key is not None:
            outputs = _dropout(outputs, dropout, jax.random.fold_in(key, layer))
        both = []
        for direction, suffix in enumerate(directions):
            place = layer * len(directions) + direction
            size = params[f"weight_hh_l{layer}{suffix}"].shape[1]
            zero = jnp.zeros((size, x.shape[0]), x.dtype)
            initial = (zero,) * cell.states if state is None else tuple(part[place].T for part in state)
            run = _layer if textbook or cell.step not in fast.KINDS else _fast_layer
            out, final = run(params, f"_l{layer}{suffix}", cell, outputs, initial, reverse=bool(suffix))
            both.append(out)
            finals.append(final)
        outputs = both[0] if len(both) == 1 else jnp.concatenate(both)
    return jnp.transpose(outputs, (2, 1, 0)), tuple(
        jnp.stack([one.T for one in part]) for part in zip(*finals, strict=True)
    )


def _fast_layer(
    params: Params, suffix: str, cell: Cell, x: jax.Array, state: State, *, reverse: bool
) -> tuple[jax.Array, State]:
    """As `_layer`, by `gatecast.nn.fast`."""
    return fast.layer(
        fast.KINDS[cell.step],
        x,
        state,
        params["weight_ih" + suffix],
        params["bias_ih" + suffix],
        params["weight_hh" + suffix],
        params.get("bias_hh" + suffix),
        reverse=reverse,
    )


def _layer(
    params: Params, suffix: str, cell: Cell, x: jax.Array, state: State, *, reverse: bool
) -> tuple[jax.Array, State]:
    """One layer, one direction: x (F, T, B), state each (H, B) → outputs (H, T, B) and the final state."""
    weight_ih, weight_hh = params["weight_ih" + suffix], params["weight_hh" + suffix]
    inputs = jnp.transpose(x, (1, 2, 0)) @ weight_ih.T + params["bias_ih" + suffix]
    bias_hh = params.get("bias_hh" + suffix)

    def step(carry: State, x_t: jax.Array) -> tuple[State, jax.Array]:
        carry = cell.step(weight_hh, bias_hh, carry, x_t)
        return carry, carry[0]

    final, outputs = jax.lax.scan(step, tuple(part.T for part in state), inputs, reverse=reverse)
    return jnp.transpose(outputs, (2, 0, 1)), tuple(part.T for part in final)


def _dropout(x: jax.Array, rate: float, key: jax.Array) -> jax.Array:
    keep = jax.random.bernoulli(key, 1 - rate, x.shape)
    return jnp.where(keep, x / (1 - rate), 0.0)
