"""The cells of `gatecast.nn.cells` as whole layers with backward passes by hand, in JAX alone.

Where there is no kernel in C (no compiler, or a GPU) this gives the same numbers, twice as soon as JAX's own
derivative of the steps. What pays: the batch is the last axis, so that gates are slices of whole rows and
every loop runs over neighbours in memory; one product per time step gives all gates, [W b U] [x; 1; h]; one
tanh serves all gates, sigmoid(p) = tanh(p / 2) / 2 + 1 / 2, the halves being put into the weights once; the
residuals are the gates' derivatives, with which a step of the backward pass is a few multiplications; and the
gradient of all weights is one product over all time steps. It is held to PyTorch's numbers in
tests/nn/test_recurrent.py.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from gatecast.nn import cells
from gatecast.nn.cells import Cell, LayerWeights, State, Values, zero_state

Turned = tuple[Float[Array, "hidden batch"], ...]
Residuals = tuple[Float[Array, "... batch"], ...]


class FastCell(NamedTuple):
    """A cell with R blocks of rows in its product; all arrays are batch-last, p is (R, H, B).

    weights: (W_ih, b_ih, W_hh, b_hh) → [W b U] (R · H, F + 1 + H), halved where a sigmoid comes.
    step: (p, state) → the next state and the residuals of the backward pass, the first (R, H, B):
    the slopes by which a gradient becomes that of p; others (H, B).
    backward: (residuals, gradient of the next state) → gradients of p and, but for the product's part, of
    the state.
    """

    weights: Callable[[Array, Array, Array, Array | None], Array]
    step: Callable[[Array, Turned], tuple[Turned, Residuals]]
    backward: Callable[[Residuals, Turned], tuple[Array, Turned]]


def _rnn_weights(
    weight_ih: Float[Array, "gates features"],
    bias_ih: Float[Array, " gates"],
    weight_hh: Float[Array, "gates hidden"],
    bias_hh: Float[Array, " gates"] | None,
) -> Float[Array, "rows reads"]:
    return _side_by_side(weight_ih, bias_ih if bias_hh is None else bias_ih + bias_hh, weight_hh)


def _rnn_step(p: Float[Array, "blocks hidden batch"], state: Turned) -> tuple[Turned, Residuals]:
    h = jnp.tanh(p[0])
    return (h,), (1 - h * h,)


def _rnn_backward(
    residuals: Residuals, gradient: Turned
) -> tuple[Float[Array, "blocks hidden batch"], Turned]:
    (slope,), (dh,) = residuals, gradient
    return slope * dh, (jnp.zeros_like(dh),)


def _lstm_weights(
    weight_ih: Float[Array, "gates features"],
    bias_ih: Float[Array, " gates"],
    weight_hh: Float[Array, "gates hidden"],
    bias_hh: Float[Array, " gates"] | None,
) -> Float[Array, "rows reads"]:
    return _scaled(_rnn_weights(weight_ih, bias_ih, weight_hh, bias_hh), (0.5, 0.5, 1.0, 0.5))


def _lstm_step(p: Float[Array, "blocks hidden batch"], state: Turned) -> tuple[Turned, Residuals]:
    """Residuals: factors of dc in the blocks i, f, g and of dh in o; f; and the part of dh that reaches c."""
    _, c = state
    a = jnp.tanh(p)
    i, f, g, o = _sigmoid(a[0]), _sigmoid(a[1]), a[2], _sigmoid(a[3])
    new = f * c + i * g
    out = jnp.tanh(new)
    slope = _blocks(0.5, 0.5, 1.0, 0.5) * (1 - a * a) * _blocks(g, c, i, out)
    return (o * out, new), (slope, f, o * (1 - out * out))


def _lstm_backward(
    residuals: Residuals, gradient: Turned
) -> tuple[Float[Array, "blocks hidden batch"], Turned]:
    (slope, f, reach), (dh, dc) = residuals, gradient
    dc = dc + dh * reach
    return slope * _blocks(dc, dc, dc, dh), (jnp.zeros_like(dh), dc * f)


def _gru_weights(
    weight_ih: Float[Array, "gates features"],
    bias_ih: Float[Array, " gates"],
    weight_hh: Float[Array, "gates hidden"],
    bias_hh: Float[Array, " gates"] | None,
) -> Float[Array, "rows reads"]:
    """Blocks r, z, what n gets from x, what n gets from h: r stands between the last two."""
    size = weight_hh.shape[1]
    if bias_hh is None:
        bias_hh = jnp.zeros_like(bias_ih)
    gates = slice(None, 2 * size)
    new = slice(2 * size, None)
    both = _side_by_side(weight_ih[gates], bias_ih[gates] + bias_hh[gates], weight_hh[gates])
    from_x = _side_by_side(weight_ih[new], bias_ih[new], jnp.zeros_like(weight_hh[new]))
    from_h = _side_by_side(jnp.zeros_like(weight_ih[new]), bias_hh[new], weight_hh[new])
    return _scaled(jnp.concatenate([both, from_x, from_h]), (0.5, 0.5, 1.0, 1.0))


def _gru_step(p: Float[Array, "blocks hidden batch"], state: Turned) -> tuple[Turned, Residuals]:
    """Residuals: factors of dh in every block; z."""
    (h,) = state
    r, z = _sigmoid(jnp.tanh(p[0])), _sigmoid(jnp.tanh(p[1]))
    n = jnp.tanh(p[2] + r * p[3])
    dn = (1 - z) * (1 - n * n)
    slope = _blocks(2 * dn * p[3] * r * (1 - r), 2 * (h - n) * z * (1 - z), dn, dn * r)
    return (n + z * (h - n),), (slope, z)


def _gru_backward(
    residuals: Residuals, gradient: Turned
) -> tuple[Float[Array, "blocks hidden batch"], Turned]:
    (slope, z), (dh,) = residuals, gradient
    return slope * dh, (dh * z,)


FAST_CELLS: dict[Callable[..., Values], FastCell] = {
    cells.rnn_step: FastCell(_rnn_weights, _rnn_step, _rnn_backward),
    cells.lstm_step: FastCell(_lstm_weights, _lstm_step, _lstm_backward),
    cells.gru_step: FastCell(_gru_weights, _gru_step, _gru_backward),
}


def layer(
    cell: Cell,
    x: Float[Array, "batch time features"],
    state: State | None,
    weights: LayerWeights,
    *,
    reverse: bool,
) -> tuple[Float[Array, "batch time hidden"], State]:
    """The outputs and the final state of one layer in one direction"""
    fast_cell, state = FAST_CELLS[cell.step], state or zero_state(cell, x, weights)
    turned = jnp.transpose(x, (2, 1, 0))
    ones = jnp.concatenate([turned, jnp.ones((1, *turned.shape[1:]), x.dtype)])
    outputs, final = _run(
        fast_cell, reverse, fast_cell.weights(*weights), ones, tuple(part.T for part in state)
    )
    return jnp.transpose(outputs, (2, 1, 0)), tuple(part.T for part in final)


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _run(
    cell: FastCell,
    reverse: bool,
    weights: Float[Array, "rows reads"],
    x: Float[Array, "inputs time batch"],
    state: Turned,
) -> tuple[Float[Array, "hidden time batch"], Turned]:
    """The outputs and the final state; rows: R · H, reads: F + 1 + H, inputs: F and a row of ones."""
    size = state[0].shape[0]
    _, length, batch = x.shape

    def step(n: Array, carry: tuple[Array, Turned]) -> tuple[Array, Turned]:
        outputs, state = carry
        t = length - 1 - n if reverse else n
        p = weights @ jnp.concatenate([_at(x, t), state[0]])
        state, _ = cell.step(p.reshape(-1, size, batch), state)
        return _put(outputs, state[0], t), state

    return jax.lax.fori_loop(0, length, step, (jnp.zeros((size, length, batch), x.dtype), state))


def _forward(
    cell: FastCell,
    reverse: bool,
    weights: Float[Array, "rows reads"],
    x: Float[Array, "inputs time batch"],
    state: Turned,
) -> tuple[tuple[Float[Array, "hidden time batch"], Turned], tuple[Array, Array, Residuals]]:
    """As `_run`, with the weights, what each time step's product reads (reads, time, batch) and residuals."""
    size = state[0].shape[0]
    above, length, batch = x.shape
    rows = weights.shape[0]
    shapes = jax.eval_shape(lambda: cell.step(jnp.zeros((rows // size, size, batch)), state)[1])
    residuals = tuple(jnp.zeros((part.size // batch, length, batch), x.dtype) for part in shapes)
    read = jnp.concatenate([x, jnp.zeros((size, length, batch), x.dtype)])

    def step(
        n: Array, carry: tuple[Array, Residuals, Array, Turned]
    ) -> tuple[Array, Residuals, Array, Turned]:
        read, residuals, outputs, state = carry
        t = length - 1 - n if reverse else n
        read = _put(read, state[0], t, row=above)
        p = weights @ _at(read, t)
        state, new = cell.step(p.reshape(-1, size, batch), state)
        residuals = tuple(
            _put(whole, part.reshape(-1, batch), t) for whole, part in zip(residuals, new, strict=True)
        )
        return read, residuals, _put(outputs, state[0], t), state

    outputs = jnp.zeros((size, length, batch), x.dtype)
    read, residuals, outputs, state = jax.lax.fori_loop(0, length, step, (read, residuals, outputs, state))
    return (outputs, state), (weights, read, residuals)


def _backward(
    cell: FastCell,
    reverse: bool,
    forward: tuple[Float[Array, "rows reads"], Float[Array, "reads time batch"], Residuals],
    gradient: tuple[Float[Array, "hidden time batch"], Turned],
) -> tuple[Float[Array, "rows reads"], Float[Array, "inputs time batch"], Turned]:
    weights, read, residuals = forward
    by_output, by_state = gradient
    size, length, batch = by_output.shape
    above = read.shape[0] - size
    towards_x, towards_h = weights.T[:above], weights.T[above:]

    def step(n: Array, carry: tuple[Array, Turned]) -> tuple[Array, Turned]:
        by_p, (dh, *rest) = carry
        t = n if reverse else length - 1 - n
        slope, *others = (_at(part, t) for part in residuals)
        here = (slope.reshape(-1, size, batch), *others)
        dp, (direct, *rest) = cell.backward(here, (dh + _at(by_output, t), *rest))
        dp = dp.reshape(-1, batch)
        return _put(by_p, dp, t), (direct + towards_h @ dp, *rest)

    by_p = jnp.zeros((weights.shape[0], length, batch), read.dtype)
    by_p, by_start = jax.lax.fori_loop(0, length, step, (by_p, by_state))
    flat = by_p.reshape(-1, length * batch)
    by_weights = (read.reshape(-1, length * batch) @ flat.T).T
    return by_weights, (towards_x @ flat).reshape(above, length, batch), by_start


_run.defvjp(_forward, _backward)


def _at(whole: Float[Array, "rows time batch"], t: Int[Array, ""]) -> Float[Array, "rows batch"]:
    """The time step t of `whole`."""
    size, _, batch = whole.shape
    part = jax.lax.dynamic_slice(whole, (0, t, 0), (size, 1, batch), allow_negative_indices=False)
    return part.reshape(size, batch)


def _put(
    whole: Float[Array, "rows time batch"], part: Float[Array, "some batch"], t: Int[Array, ""], row: int = 0
) -> Float[Array, "rows time batch"]:
    """`whole` with `part` at time step t, from `row` on."""
    return jax.lax.dynamic_update_slice(whole, part[:, None], (row, t, 0), allow_negative_indices=False)


def _side_by_side(
    weight_ih: Float[Array, "gates features"],
    bias: Float[Array, " gates"],
    weight_hh: Float[Array, "gates hidden"],
) -> Float[Array, "gates reads"]:
    return jnp.concatenate([weight_ih, bias[:, None], weight_hh], axis=1)


def _scaled(weights: Float[Array, "rows reads"], factors: tuple[float, ...]) -> Float[Array, "rows reads"]:
    """Weights with every block of rows times its factor."""
    size = weights.shape[0] // len(factors)
    return weights * jnp.repeat(jnp.array(factors, weights.dtype), size)[:, None]


def _sigmoid(tanh_of_half: Float[Array, "hidden batch"]) -> Float[Array, "hidden batch"]:
    return 0.5 * tanh_of_half + 0.5


def _blocks(*parts: Float[Array, "hidden batch"] | float) -> Float[Array, "blocks hidden batch"]:
    """Parts, or numbers, as blocks; XLA selects faster than it joins."""
    block = jnp.arange(len(parts))[:, None, None]
    whole = parts[-1]
    for index, part in reversed(list(enumerate(parts[:-1]))):
        whole = jnp.where(block == index, part, whole)
    return jnp.asarray(whole)
