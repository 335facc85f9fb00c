"""The cells of `gatecast.nn.cells` as whole layers with backward passes by hand, in JAX alone.

Where there is no kernel in C (no compiler, or a GPU) this gives the same numbers, twice as soon as JAX's own
derivative of the steps. What pays: the batch is the last axis, so that gates are slices of whole rows and
every loop runs over neighbours in memory; one product per session gives all gates, [W b U] [x; 1; h]; one
tanh serves all gates, sigmoid(p) = tanh(p / 2) / 2 + 1 / 2, the halves being put into the weights once; the
forward pass keeps the gates' derivatives, with which a step backwards is a few multiplications; and the
gradient of all weights is one product over all sessions. tests/nn/test_fast.py holds it to the textbook's
equations.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gatecast.nn import cells
from gatecast.nn.cells import Cell, State, Weights, zero_state

Kept = tuple[jax.Array, ...]


class Kind(NamedTuple):
    """A cell with R blocks of rows in its product; all arrays are batch-last, p is (R, H, B).

    weights: (W_ih, b_ih, W_hh, b_hh) → [W b U] (R · H, F + 1 + H), halved where a sigmoid comes.
    step: (p, state) → the next state and what the way back needs, the first (R, H, B):
    the slopes by which a gradient becomes that of p; others (H, B).
    back: (kept, gradient of the next state) → gradients of p and, apart from the product, of the state.
    """

    weights: Callable[[jax.Array, jax.Array, jax.Array, jax.Array | None], jax.Array]
    step: Callable[[jax.Array, State], tuple[State, Kept]]
    back: Callable[[Kept, State], tuple[jax.Array, State]]


def _rnn_weights(
    weight_ih: jax.Array, bias_ih: jax.Array, weight_hh: jax.Array, bias_hh: jax.Array | None
) -> jax.Array:
    return _side_by_side(weight_ih, bias_ih if bias_hh is None else bias_ih + bias_hh, weight_hh)


def _rnn_step(p: jax.Array, state: State) -> tuple[State, Kept]:
    h = jnp.tanh(p[0])
    return (h,), (1 - h * h,)


def _rnn_back(kept: Kept, gradient: State) -> tuple[jax.Array, State]:
    (slope,), (dh,) = kept, gradient
    return slope * dh, (jnp.zeros_like(dh),)


def _lstm_weights(
    weight_ih: jax.Array, bias_ih: jax.Array, weight_hh: jax.Array, bias_hh: jax.Array | None
) -> jax.Array:
    return _scaled(_rnn_weights(weight_ih, bias_ih, weight_hh, bias_hh), (0.5, 0.5, 1.0, 0.5))


def _lstm_step(p: jax.Array, state: State) -> tuple[State, Kept]:
    """Kept: what multiplies dc in the blocks i, f, g and dh in o; f; and the part of dh that reaches c."""
    _, c = state
    a = jnp.tanh(p)
    i, f, g, o = _sigmoid(a[0]), _sigmoid(a[1]), a[2], _sigmoid(a[3])
    new = f * c + i * g
    out = jnp.tanh(new)
    slope = _blocks(0.5, 0.5, 1.0, 0.5) * (1 - a * a) * _blocks(g, c, i, out)
    return (o * out, new), (slope, f, o * (1 - out * out))


def _lstm_back(kept: Kept, gradient: State) -> tuple[jax.Array, State]:
    (slope, f, reach), (dh, dc) = kept, gradient
    dc = dc + dh * reach
    return slope * _blocks(dc, dc, dc, dh), (jnp.zeros_like(dh), dc * f)


def _gru_weights(
    weight_ih: jax.Array, bias_ih: jax.Array, weight_hh: jax.Array, bias_hh: jax.Array | None
) -> jax.Array:
    """Blocks r, z, what n gets from x, what n gets from h: r comes between the last two."""
    size = weight_hh.shape[1]
    if bias_hh is None:
        bias_hh = jnp.zeros_like(bias_ih)
    gates = slice(None, 2 * size)
    new = slice(2 * size, None)
    both = _side_by_side(weight_ih[gates], bias_ih[gates] + bias_hh[gates], weight_hh[gates])
    from_x = _side_by_side(weight_ih[new], bias_ih[new], jnp.zeros_like(weight_hh[new]))
    from_h = _side_by_side(jnp.zeros_like(weight_ih[new]), bias_hh[new], weight_hh[new])
    return _scaled(jnp.concatenate([both, from_x, from_h]), (0.5, 0.5, 1.0, 1.0))


def _gru_step(p: jax.Array, state: State) -> tuple[State, Kept]:
    """Kept: what multiplies dh in every block; z."""
    (h,) = state
    r, z = _sigmoid(jnp.tanh(p[0])), _sigmoid(jnp.tanh(p[1]))
    n = jnp.tanh(p[2] + r * p[3])
    dn = (1 - z) * (1 - n * n)
    slope = _blocks(2 * dn * p[3] * r * (1 - r), 2 * (h - n) * z * (1 - z), dn, dn * r)
    return (n + z * (h - n),), (slope, z)


def _gru_back(kept: Kept, gradient: State) -> tuple[jax.Array, State]:
    (slope, z), (dh,) = kept, gradient
    return slope * dh, (dh * z,)


KINDS: dict[Callable[..., State], Kind] = {
    cells.rnn_step: Kind(_rnn_weights, _rnn_step, _rnn_back),
    cells.lstm_step: Kind(_lstm_weights, _lstm_step, _lstm_back),
    cells.gru_step: Kind(_gru_weights, _gru_step, _gru_back),
}


def layer(
    cell: Cell,
    x: jax.Array,
    state: State | None,
    weights: Weights,
    *,
    reverse: bool,
) -> tuple[jax.Array, State]:
    """One layer, one direction: x (B, T, F), state each (B, H) → outputs (B, T, H) and the final state."""
    kind, state = KINDS[cell.step], state or zero_state(cell, x, weights)
    turned = jnp.transpose(x, (2, 1, 0))
    ones = jnp.concatenate([turned, jnp.ones((1, *turned.shape[1:]), x.dtype)])
    outputs, final = _run(kind, reverse, kind.weights(*weights), ones, tuple(part.T for part in state))
    return jnp.transpose(outputs, (2, 1, 0)), tuple(part.T for part in final)


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _run(
    kind: Kind, reverse: bool, weights: jax.Array, x: jax.Array, state: State
) -> tuple[jax.Array, State]:
    """weights (R · H, F + 1 + H), x with a row of ones (F + 1, T, B), state each (H, B)."""
    size = state[0].shape[0]
    _, length, batch = x.shape

    def session(n: jax.Array, carry: tuple[jax.Array, State]) -> tuple[jax.Array, State]:
        outputs, state = carry
        t = length - 1 - n if reverse else n
        p = weights @ jnp.concatenate([_at(x, t), state[0]])
        state, _ = kind.step(p.reshape(-1, size, batch), state)
        return _put(outputs, state[0], t), state

    return jax.lax.fori_loop(0, length, session, (jnp.zeros((size, length, batch), x.dtype), state))


def _forward(
    kind: Kind, reverse: bool, weights: jax.Array, x: jax.Array, state: State
) -> tuple[tuple[jax.Array, State], tuple[jax.Array, jax.Array, Kept]]:
    """As `_run`; kept besides the weights: read (F + 1 + H, T, B), what every session's product reads."""
    size = state[0].shape[0]
    above, length, batch = x.shape
    rows = weights.shape[0]
    shapes = jax.eval_shape(lambda: kind.step(jnp.zeros((rows // size, size, batch)), state)[1])
    kept = tuple(jnp.zeros((part.size // batch, length, batch), x.dtype) for part in shapes)
    read = jnp.concatenate([x, jnp.zeros((size, length, batch), x.dtype)])

    def session(
        n: jax.Array, carry: tuple[jax.Array, Kept, jax.Array, State]
    ) -> tuple[jax.Array, Kept, jax.Array, State]:
        read, kept, outputs, state = carry
        t = length - 1 - n if reverse else n
        read = _put(read, state[0], t, row=above)
        p = weights @ _at(read, t)
        state, new = kind.step(p.reshape(-1, size, batch), state)
        kept = tuple(_put(whole, part.reshape(-1, batch), t) for whole, part in zip(kept, new, strict=True))
        return read, kept, _put(outputs, state[0], t), state

    outputs = jnp.zeros((size, length, batch), x.dtype)
    read, kept, outputs, state = jax.lax.fori_loop(0, length, session, (read, kept, outputs, state))
    return (outputs, state), (weights, read, kept)


def _backward(
    kind: Kind,
    reverse: bool,
    known: tuple[jax.Array, jax.Array, Kept],
    gradient: tuple[jax.Array, State],
) -> tuple[jax.Array, jax.Array, State]:
    weights, read, kept = known
    by_output, by_state = gradient
    size, length, batch = by_output.shape
    above = read.shape[0] - size
    towards_x, towards_h = weights.T[:above], weights.T[above:]

    def session(n: jax.Array, carry: tuple[jax.Array, State]) -> tuple[jax.Array, State]:
        by_p, (dh, *rest) = carry
        t = n if reverse else length - 1 - n
        slope, *others = (_at(part, t) for part in kept)
        here = (slope.reshape(-1, size, batch), *others)
        dp, (direct, *rest) = kind.back(here, (dh + _at(by_output, t), *rest))
        dp = dp.reshape(-1, batch)
        return _put(by_p, dp, t), (direct + towards_h @ dp, *rest)

    by_p = jnp.zeros((weights.shape[0], length, batch), read.dtype)
    by_p, by_start = jax.lax.fori_loop(0, length, session, (by_p, by_state))
    flat = by_p.reshape(-1, length * batch)
    by_weights = (read.reshape(-1, length * batch) @ flat.T).T
    return by_weights, (towards_x @ flat).reshape(above, length, batch), by_start


_run.defvjp(_forward, _backward)


def _at(whole: jax.Array, t: jax.Array) -> jax.Array:
    """Session t of (N, T, B): (N, B)."""
    size, _, batch = whole.shape
    part = jax.lax.dynamic_slice(whole, (0, t, 0), (size, 1, batch), allow_negative_indices=False)
    return part.reshape(size, batch)


def _put(whole: jax.Array, part: jax.Array, t: jax.Array, row: int = 0) -> jax.Array:
    """`whole` (M, T, B) with `part` (N, B) at session t, from `row` on."""
    return jax.lax.dynamic_update_slice(whole, part[:, None], (row, t, 0), allow_negative_indices=False)


def _side_by_side(weight_ih: jax.Array, bias: jax.Array, weight_hh: jax.Array) -> jax.Array:
    return jnp.concatenate([weight_ih, bias[:, None], weight_hh], axis=1)


def _scaled(weights: jax.Array, factors: tuple[float, ...]) -> jax.Array:
    """Weights (R · H, …) with every block times its factor."""
    size = weights.shape[0] // len(factors)
    return weights * jnp.repeat(jnp.array(factors, weights.dtype), size)[:, None]


def _sigmoid(tanh_of_half: jax.Array) -> jax.Array:
    return 0.5 * tanh_of_half + 0.5


def _blocks(*parts: jax.Array | float) -> jax.Array:
    """Parts (H, B), or numbers, as blocks (R, H, B); XLA selects faster than it joins."""
    block = jnp.arange(len(parts))[:, None, None]
    whole = parts[-1]
    for index, part in reversed(list(enumerate(parts[:-1]))):
        whole = jnp.where(block == index, part, whole)
    return jnp.asarray(whole)
