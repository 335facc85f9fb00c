"""Recurrent cells: the textbook's equations, one time step each.

Weights have PyTorch's shapes and gate order. An axis "gates" has G·H entries: G gates of H hidden units, one
after the other. A step gets x = W_ih x_t + b_ih of its time, computed for all times before the recurrence.

Their fast twins, with backward passes by hand: `kernel/cells.h` (C) and `fast.py` (JAX).
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

State = tuple[Float[Array, "batch hidden"], ...]
Values = dict[str, Float[Array, "batch hidden"]]


class Cell(NamedTuple):
    """gates: G; states: names of what is carried along, the hidden state first; step: one time step further.

    A step gives all that the equations name: gates, candidate and the new state.
    """

    gates: int
    states: tuple[str, ...]
    step: Callable[[Array, Array | None, State, Array], Values]


class LayerWeights(NamedTuple):
    """The weights of one layer and direction."""

    weight_ih: Float[Array, "gates features"]
    bias_ih: Float[Array, " gates"]
    weight_hh: Float[Array, "gates hidden"]
    bias_hh: Float[Array, " gates"] | None


def zero_state(cell: Cell, x: Float[Array, "batch ..."], weights: LayerWeights) -> State:
    """The state that a layer starts from where none is given."""
    return (jnp.zeros((x.shape[0], weights.weight_hh.shape[1]), x.dtype),) * len(cell.states)


def rnn_step(
    weight_hh: Float[Array, "gates hidden"],
    bias_hh: Float[Array, " gates"] | None,
    state: State,
    x: Float[Array, "batch gates"],
) -> Values:
    """h' = tanh(x + W_hh h + b_hh) (Elman 1990)."""
    (h,) = state
    return {"hidden": jnp.tanh(x + _linear(h, weight_hh, bias_hh))}


def lstm_step(
    weight_hh: Float[Array, "gates hidden"],
    bias_hh: Float[Array, " gates"] | None,
    state: State,
    x: Float[Array, "batch gates"],
) -> Values:
    """Gates i, f, g, o; c' = f c + i g; h' = o tanh(c') (Gers, Schmidhuber and Cummins 2000)."""
    h, c = state
    i, f, g, o = jnp.split(x + _linear(h, weight_hh, bias_hh), 4, axis=-1)
    i, f, g, o = jax.nn.sigmoid(i), jax.nn.sigmoid(f), jnp.tanh(g), jax.nn.sigmoid(o)
    c = f * c + i * g
    return {"input": i, "forget": f, "candidate": g, "output": o, "cell": c, "hidden": o * jnp.tanh(c)}


def gru_step(
    weight_hh: Float[Array, "gates hidden"],
    bias_hh: Float[Array, " gates"] | None,
    state: State,
    x: Float[Array, "batch gates"],
) -> Values:
    """Gates r, z, n (PyTorch's and cuDNN's form of Cho et al. 2014).

    r = sigmoid(x_r + W_hr h + b_hr); z = sigmoid(x_z + W_hz h + b_hz);
    n = tanh(x_n + r (W_hn h + b_hn)); h' = (1 - z) n + z h = n + z (h - n). x_r is W_ir x + b_ir, and so on.
    """
    (h,) = state
    x_r, x_z, x_n = jnp.split(x, 3, axis=-1)
    h_r, h_z, h_n = jnp.split(_linear(h, weight_hh, bias_hh), 3, axis=-1)
    r, z = jax.nn.sigmoid(x_r + h_r), jax.nn.sigmoid(x_z + h_z)
    n = jnp.tanh(x_n + r * h_n)
    return {"reset": r, "update": z, "candidate": n, "hidden": n + z * (h - n)}


def gru_reset_before_step(
    weight_hh: Float[Array, "gates hidden"],
    bias_hh: Float[Array, " gates"] | None,
    state: State,
    x: Float[Array, "batch gates"],
) -> Values:
    """As `gru_step`, but n = tanh(x_n + W_hn (r h) + b_hn) (Cho et al. 2014)."""
    (h,) = state
    size = h.shape[-1]
    gates, new = weight_hh[: 2 * size], weight_hh[2 * size :]
    bias_gates = None if bias_hh is None else bias_hh[: 2 * size]
    bias_new = None if bias_hh is None else bias_hh[2 * size :]
    r, z = jnp.split(jax.nn.sigmoid(x[:, : 2 * size] + _linear(h, gates, bias_gates)), 2, axis=-1)
    n = jnp.tanh(x[:, 2 * size :] + _linear(r * h, new, bias_new))
    return {"reset": r, "update": z, "candidate": n, "hidden": n + z * (h - n)}


def cell_of(name: str, reset_after: bool = True) -> Cell:
    """The cell that a Network names."""
    if name == "gru":
        return Cell(3, ("hidden",), gru_step if reset_after else gru_reset_before_step)
    return {"rnn": Cell(1, ("hidden",), rnn_step), "lstm": Cell(4, ("hidden", "cell"), lstm_step)}[name]


def _linear(
    h: Float[Array, "batch hidden"], weight: Float[Array, "out hidden"], bias: Float[Array, " out"] | None
) -> Float[Array, "batch out"]:
    product = h @ weight.T
    return product if bias is None else product + bias
