"""An LSTM written out by hand, once as a Python loop and once as a scan, on the weights of a fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from numpy.typing import ArrayLike

State = tuple[jax.Array, jax.Array]
Weights = Mapping[str, ArrayLike]


def cell(weights: Weights, state: State, x: jax.Array) -> State:
    """The new h and c, (B, H) each, after one session x (B, F): four gates, then the state."""
    h, c = state
    w, u, b = (jnp.asarray(weights[f"{name}_l0"]) for name in ("weight_ih", "weight_hh", "bias_ih"))
    i, f, g, o = jnp.split(x @ w.T + h @ u.T + b, 4, axis=1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def loop_lstm(weights: Weights, X: ArrayLike, state: State) -> tuple[jax.Array, State]:
    """Outputs (B,) and the last state of X (B, T, F), through the cell in a Python loop."""
    x = jnp.asarray(X, jnp.float32)
    for t in range(x.shape[1]):
        state = cell(weights, state, x[:, t])
    return dense(weights, state[0]), state


def scan_lstm(weights: Weights, X: ArrayLike, state: State) -> tuple[jax.Array, State]:
    """The same with jax.lax.scan, which compiles the cell once for any number of sessions."""
    sessions = jnp.swapaxes(jnp.asarray(X, jnp.float32), 0, 1)
    (_, state), _ = jax.lax.scan(step, (dict(weights), state), sessions)
    return dense(weights, state[0]), state


def step(carry: tuple[Any, State], x: jax.Array) -> tuple[tuple[Any, State], None]:
    """The cell as a scan takes it, the weights carried along."""
    weights, state = carry
    return (weights, cell(weights, state, x)), None


def dense(weights: Weights, h: jax.Array) -> jax.Array:
    """Dense(1) on h (B, H) → (B,)."""
    return (h @ jnp.asarray(weights["out.weight"]).T + jnp.asarray(weights["out.bias"]))[:, 0]


def zero_state(weights: Weights, rows: int) -> State:
    """The state (rows, H) in which a network starts."""
    hidden_size = jnp.asarray(weights["weight_hh_l0"]).shape[1]
    return (jnp.zeros((rows, hidden_size)),) * 2
