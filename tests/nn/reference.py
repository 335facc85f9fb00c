"""Recurrent layers and their gradients in NumPy, by hand: for shapes that the golden numbers do not have.

`test_recurrent.py` holds them to PyTorch's numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Results(NamedTuple):
    """Outputs (B, T, H), final states, and gradients by x, the start states and the weights."""

    outputs: Array
    final: tuple[Array, ...]
    by_x: Array
    by_start: tuple[Array, ...]
    by_weights: dict[str, Array]


def layer(
    cell: str,
    x: Array,
    start: tuple[Array, ...],
    weights: Mapping[str, Array],
    by_outputs: Array,
    by_final: tuple[Array, ...],
) -> Results:
    """One layer, forwards; by_…: gradients of a scalar by what the layer returns."""
    step, back = CELLS[cell]
    state, tape = start, []
    outputs = np.zeros_like(by_outputs)
    for t in range(x.shape[1]):
        from_x = x[:, t] @ weights["weight_ih"].T + weights["bias_ih"]
        from_h = state[0] @ weights["weight_hh"].T + weights["bias_hh"]
        before, (state, residuals) = state[0], step(from_x, from_h, state)
        tape.append((t, before, residuals))
        outputs[:, t] = state[0]
    by_x, by_state = np.zeros_like(x), by_final
    by_weights = {name: np.zeros_like(value) for name, value in weights.items()}
    for t, before, residuals in tape[::-1]:
        d_x, d_h, (direct, *rest) = back(residuals, (by_state[0] + by_outputs[:, t], *by_state[1:]))
        by_weights["weight_ih"] += d_x.T @ x[:, t]
        by_weights["bias_ih"] += d_x.sum(0)
        by_weights["weight_hh"] += d_h.T @ before
        by_weights["bias_hh"] += d_h.sum(0)
        by_x[:, t] = d_x @ weights["weight_ih"]
        by_state = (direct + d_h @ weights["weight_hh"], *rest)
    return Results(outputs, state, by_x, by_state, by_weights)


def _sigmoid(p: Array) -> Array:
    return 0.5 + 0.5 * np.tanh(0.5 * p)


def _rnn_step(from_x, from_h, state):
    h = np.tanh(from_x + from_h)
    return (h,), h


def _rnn_back(h, by_state):
    d = by_state[0] * (1 - h**2)
    return d, d, (np.zeros_like(h),)


def _lstm_step(from_x, from_h, state):
    i, f, g, o = np.split(from_x + from_h, 4, axis=1)
    i, f, g, o = _sigmoid(i), _sigmoid(f), np.tanh(g), _sigmoid(o)
    c = f * state[1] + i * g
    return (o * np.tanh(c), c), (i, f, g, o, state[1], np.tanh(c))


def _lstm_back(residuals, by_state):
    (i, f, g, o, before, out), (dh, dc) = residuals, by_state
    dc = dc + dh * o * (1 - out**2)
    gates = dc * g * i * (1 - i), dc * before * f * (1 - f), dc * i * (1 - g**2), dh * out * o * (1 - o)
    d = np.concatenate(gates, axis=1)
    return d, d, (np.zeros_like(dh), dc * f)


def _gru_step(from_x, from_h, state):
    (x_r, x_z, x_n), (h_r, h_z, h_n) = np.split(from_x, 3, axis=1), np.split(from_h, 3, axis=1)
    r, z = _sigmoid(x_r + h_r), _sigmoid(x_z + h_z)
    n = np.tanh(x_n + r * h_n)
    return ((1 - z) * n + z * state[0],), (r, z, n, h_n, state[0])


def _gru_back(residuals, by_state):
    (r, z, n, h_n, before), (dh,) = residuals, by_state
    dn = dh * (1 - z) * (1 - n**2)
    dr, dz = dn * h_n * r * (1 - r), dh * (before - n) * z * (1 - z)
    return np.concatenate([dr, dz, dn], 1), np.concatenate([dr, dz, dn * r], 1), (dh * z,)


CELLS = {
    "rnn": (_rnn_step, _rnn_back),
    "lstm": (_lstm_step, _lstm_back),
    "gru": (_gru_step, _gru_back),
}
