"""The layers with backward passes by hand, in C and in JAX, equal the textbook's, differentiated by JAX."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gatecast.nn import fast, kernel
from gatecast.nn.cells import cell_of
from gatecast.nn.network import exact_products, init_params, shapes
from gatecast.nn.recurrent import recurrent
from gatecast.settings.experiment import Network

ENGINES = ["kernel", "jax"]
CELLS = ["rnn", "lstm", "gru"]


@pytest.fixture(params=ENGINES)
def engine(request, monkeypatch) -> str:
    """What runs a layer that is not the textbook's; a compiler is taken for granted here."""
    if request.param == "jax":
        monkeypatch.setattr(kernel, "serves", lambda cell, dtype: False)
    elif jax.default_backend() != "cpu":
        pytest.skip("the kernel is for processors")
    else:
        assert kernel.serves(cell_of("lstm"), np.dtype("float32"))
    return request.param


def run(net: Network, textbook: bool, params, x, state, key=None):
    return recurrent(
        params,
        cell_of(net.cell, net.reset_after),
        x,
        num_layers=net.num_layers,
        bidirectional=net.bidirectional,
        dropout=net.dropout,
        key=key,
        state=state,
        textbook=textbook,
    )


def everything(net: Network, dtype: str, *, sessions: int, batch: int, given: bool, head: str, key=None):
    """Outputs, final states and gradients by weights, inputs and first states: by hand and the textbook's."""
    features, rng = 3, np.random.default_rng(0)
    named = shapes(net, features=features, lookback=sessions, horizon=1)
    params = {
        name: rng.uniform(-0.8, 0.8, shape).astype(dtype)
        for name, shape in named.items()
        if name.startswith(("weight_", "bias_"))
    }
    x = rng.standard_normal((batch, sessions, features)).astype(dtype)
    places, size = net.num_layers * (1 + net.bidirectional), net.hidden_size
    states = cell_of(net.cell).states
    state = tuple(rng.standard_normal((places, batch, size)).astype(dtype) for _ in range(states))
    weight = rng.standard_normal((batch, sessions, size * (1 + net.bidirectional))).astype(dtype)

    def loss(textbook, params, x, state):
        outputs, final = run(net, textbook, params, x, state if given else None, key)
        read = jnp.sum(weight * outputs) if head == "flatten" else jnp.sum(weight[:, -1] * outputs[:, -1])
        return read + sum(jnp.sum(part**2) for part in final), (outputs, final)

    by = jax.value_and_grad(loss, argnums=(1, 2, 3), has_aux=True)
    with exact_products():
        return jax.jit(lambda *given: (by(False, *given), by(True, *given)))(params, x, state)


def largest_difference(ours, expected) -> float:
    """Over all arrays: the largest difference over the largest entry."""

    def difference(a, b):
        return np.abs(np.asarray(a) - np.asarray(b)).max() / max(np.abs(b).max(), 1e-3)

    return max(jax.tree.leaves(jax.tree.map(difference, ours, expected)))


SHAPES = {
    "usual": {"sessions": 6, "batch": 7, "given": False, "head": "last"},
    "all-outputs": {"sessions": 6, "batch": 7, "given": True, "head": "flatten"},
    "one-session": {"sessions": 1, "batch": 3, "given": True, "head": "flatten"},
    "one-row": {"sessions": 21, "batch": 1, "given": True, "head": "last"},
}


CASES = [
    (cell, 1 + two, two, shape)
    for cell in CELLS
    for two, shape in ((True, "all-outputs"), (False, "usual"), (False, "one-row"), (True, "one-session"))
]


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(("cell", "layers", "both", "shape"), CASES)
def test_equals_the_textbook(cell, layers, both, shape):
    net = Network(cell=cell, hidden_size=5, num_layers=layers, bidirectional=both)
    with jax.enable_x64(True):
        assert largest_difference(*everything(net, "float64", **SHAPES[shape])) < 1e-10
    assert largest_difference(*everything(net, "float32", **SHAPES[shape])) < 1e-5


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_equals_the_textbook_with_one_bias_and_dropout(cell):
    net = Network(cell=cell, hidden_size=4, num_layers=2, dropout=0.4, init="keras")
    with jax.enable_x64(True):
        pair = everything(net, "float64", **SHAPES["all-outputs"], key=jax.random.key(1))
        assert largest_difference(*pair) < 1e-10


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("cell", CELLS)
def test_weights_after_twenty_steps_equal_the_textbooks(cell):
    net, rng = Network(cell=cell, hidden_size=8), np.random.default_rng(0)
    params = init_params(net, jax.random.key(0), features=3, lookback=10, horizon=1)
    x, y = (jnp.asarray(rng.standard_normal(shape), "float32") for shape in ((20, 16, 10, 3), (20, 16, 8)))
    optimizer = optax.adam(0.01)

    @partial(jax.jit, static_argnums=0)
    def trained(textbook, params):
        def step(carry, batch):
            params, state = carry

            def loss(params):
                return jnp.mean((run(net, textbook, params, batch[0], None)[1][0][0] - batch[1]) ** 2)

            update, state = optimizer.update(jax.grad(loss)(params), state)
            return (optax.apply_updates(params, update), state), None

        return jax.lax.scan(step, (params, optimizer.init(params)), (x, y))[0][0]

    with exact_products():
        ours, expected = trained(False, params), trained(True, params)
    for name in params:
        np.testing.assert_allclose(ours[name], expected[name], rtol=0, atol=1e-4, err_msg=name)


def test_broken_twin_a_kept_slope_that_is_wrong_is_found(monkeypatch):
    cell = cell_of("lstm")
    right = fast.FAST_CELLS[cell.step]

    def wrong(kept, gradient):
        dp, state = right.backward(kept, gradient)
        return dp.at[1].multiply(1.001), state

    monkeypatch.setattr(kernel, "serves", lambda cell, dtype: False)
    monkeypatch.setitem(fast.FAST_CELLS, cell.step, right._replace(backward=wrong))
    pair = everything(Network(cell="lstm", hidden_size=5), "float32", **SHAPES["usual"])
    assert largest_difference(*pair) > 1e-5
