"""Layers against PyTorch's golden numbers: the reference cells, the C kernel and the JAX path each."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gatecast.nn import fast, kernel
from gatecast.nn.cells import cell_of
from gatecast.nn.network import exact_products
from gatecast.nn.recurrent import recurrent
from gatecast.nn.recurrent import textbook as step_by_step

from ..conftest import FULL  # isort: skip
from . import reference

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "recurrent.npz")
CELLS = ["rnn", "lstm", "gru"]
FORMS = ["one", "one-window", "one-step", "both", "two", "two-both"]
QUICK = {  # forms of every cell; the slow tests have all others
    ("textbook", "float64"): ["one"],
    ("textbook", "float32"): [],
    ("jax", "float64"): ["both"],
    ("jax", "float32"): ["one"],
    ("kernel", "float64"): ["two-both"],
    ("kernel", "float32"): ["one", "one-window", "one-step", "both"],
}


def _marks(engine: str, dtype: str, form: str, quick: list[str]) -> list[pytest.MarkDecorator]:
    """Fast, slow (the engines that users have, in single precision), or run in full only."""
    if form in quick:
        return []
    users = engine != "textbook" and dtype == "float32"
    return [pytest.mark.slow] if users else [pytest.mark.slow, pytest.mark.full]


CASES = [
    pytest.param(engine, dtype, cell, form, marks=_marks(engine, dtype, form, quick))
    for (engine, dtype), quick in QUICK.items()
    for cell in [*CELLS, "gru_reset_before"][: 4 if engine == "textbook" else 3]
    for form in FORMS
]


def golden(case: str) -> dict[str, np.ndarray]:
    """A case's arrays by name."""
    names = [name for name in GOLDEN.files if name.startswith(f"{case}/")]
    return {name.removeprefix(f"{case}/"): GOLDEN[name] for name in names}


def single(case: str) -> dict[str, jax.Array]:
    """A case's arrays in JAX and single precision."""
    return jax.device_put({name: value.astype("float32") for name, value in golden(case).items()})


def part(arrays: dict[str, Any], prefix: str) -> dict[str, Any]:
    """The arrays whose name begins with prefix/, without it."""
    return {name.split("/", 1)[1]: value for name, value in arrays.items() if name.startswith(f"{prefix}/")}


def use(engine: str, monkeypatch) -> None:
    """Run layers by this engine; a compiler is taken for granted."""
    if engine == "jax":
        monkeypatch.setattr(kernel, "serves", lambda cell, dtype: False)
    elif engine == "kernel" and jax.default_backend() != "cpu":
        pytest.skip("the kernel is for processors")
    elif engine == "kernel":
        assert kernel.serves(cell_of("lstm"), np.dtype("float32"))


def layers(cell: str, form: str, params, x, start=None, *, textbook: bool = False, **options):
    return recurrent(
        params,
        cell_of(cell.removesuffix("_reset_before"), not cell.endswith("reset_before")),
        x,
        num_layers=1 + form.startswith("two"),
        bidirectional=form.endswith(("both", "step")),
        state=start,
        run=step_by_step if textbook else None,
        **options,
    )


def largest_difference(engine: str, cell: str, form: str, dtype: str) -> float:
    """Over results and gradients by weights, inputs and start states: difference over largest entry."""
    arrays = {name: value.astype(dtype) for name, value in golden(f"{cell}/{form}").items()}

    def results(inputs):
        start = tuple(part(inputs, "start").values()) or None
        outputs, finals = layers(
            cell, form, part(inputs, "params"), inputs["x"], start, textbook=engine == "textbook"
        )
        return {"outputs": outputs} | {f"final/{index}": value for index, value in enumerate(finals)}

    @jax.jit
    def results_and_gradients(inputs, weights):
        values, pull = jax.vjp(results, inputs)
        (gradients,) = pull(weights)
        return values | {f"grad/{name}": value for name, value in gradients.items()}

    inputs = {name: value for name, value in arrays.items() if name.startswith(("params/", "start/"))}
    with exact_products():
        ours = results_and_gradients(inputs | {"x": arrays["x"]}, part(arrays, "weight"))
    assert len(ours) >= 7 and all(value.dtype == dtype for value in ours.values())
    return max(
        float(np.abs(value - arrays[name]).max() / np.abs(arrays[name]).max()) for name, value in ours.items()
    )


@pytest.mark.parametrize(("engine", "dtype", "cell", "form"), CASES)
def test_results_and_gradients_equal_pytorchs(engine, dtype, cell, form, monkeypatch):
    use(engine, monkeypatch)
    with jax.enable_x64(dtype == "float64"):
        difference = largest_difference(engine, cell, form, dtype)
    assert difference < (1e-10 if dtype == "float64" else 1e-5)


@pytest.mark.slow
def test_the_engines_as_users_have_them():
    """The same in a process that compiles with all optimisations, which the other tests leave out."""
    cells, count = ("", 15) if FULL else (" and lstm", 5)
    which = f"equal_pytorchs and float32 and not textbook{cells}"
    these = [__file__, "-k", which, "-m", "not slow", "-n0", "-q"]
    answer = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *these],
        capture_output=True,
        text=True,
        env={**os.environ, "JAX_DISABLE_MOST_OPTIMIZATIONS": "0", "XLA_FLAGS": ""},
    )
    assert answer.returncode == 0 and f"{count} passed" in answer.stdout, answer.stdout[-3000:]


def test_broken_twin_a_residual_that_is_wrong_is_found(monkeypatch):
    use("jax", monkeypatch)
    step = cell_of("lstm").step
    right = fast.FAST_CELLS[step]

    def wrong(residuals, gradient):
        dp, state = right.backward(residuals, gradient)
        return dp.at[1].multiply(1.001), state

    monkeypatch.setitem(fast.FAST_CELLS, step, right._replace(backward=wrong))
    assert largest_difference("jax", "lstm", "one", "float32") > 1e-5


@pytest.mark.parametrize("cell", CELLS)
def test_the_reference_in_numpy_equals_pytorch(cell):
    arrays = golden(f"{cell}/one-window")
    weights = {name.removesuffix("_l0"): value for name, value in part(arrays, "params").items()}
    start, final, by_final, by_start = (
        tuple(value[0] for value in part(arrays, name).values())
        for name in ("start", "final", "weight/final", "grad/start")
    )
    ours = reference.layer(cell, arrays["x"], start, weights, arrays["weight/outputs"], by_final)
    by_weights = {f"grad/params/{name}_l0": value for name, value in ours.by_weights.items()}
    expected = {name: arrays[name] for name in by_weights}
    for a, b in zip(
        jax.tree.leaves((*ours[:4], by_weights)),
        jax.tree.leaves((arrays["outputs"], final, arrays["grad/x"], by_start, expected)),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("engine", ["kernel", "jax"])
def test_weights_after_twenty_steps_of_adam_equal_pytorchs(engine, cell, monkeypatch):
    use(engine, monkeypatch)
    arrays, optimizer = single(f"{cell}/trained"), optax.adam(0.01)

    @jax.jit
    def trained(params, x, y):
        def step(carry, batch):
            params, state = carry

            def loss(params):
                return jnp.mean((layers(cell, "one", params, batch[0])[1][0][0] - batch[1]) ** 2)

            update, state = optimizer.update(jax.grad(loss)(params), state)
            return (optax.apply_updates(params, update), state), None

        return jax.lax.scan(step, (params, optimizer.init(params)), (x, y))[0][0]

    with exact_products():
        ours = trained(part(arrays, "before"), arrays["x"], arrays["y"])
    for name, expected in part(arrays, "after").items():
        np.testing.assert_allclose(ours[name], expected, rtol=0, atol=1e-4, err_msg=name)


@pytest.mark.parametrize(
    ("engine", "cell"),
    [("kernel", "lstm"), ("jax", "lstm"), ("textbook", "lstm"), ("textbook", "gru_reset_before")],
)
def test_one_bias_is_a_second_of_zero(engine, cell, monkeypatch):
    use(engine, monkeypatch)
    arrays = single(f"{cell}/one")
    two = part(arrays, "params") | {"bias_hh_l0": jnp.zeros_like(arrays["params/bias_hh_l0"])}
    one = {name: value for name, value in two.items() if name != "bias_hh_l0"}

    @jax.jit
    def outputs_and_gradients(params):
        def outputs(params):
            return layers(cell, "one", params, arrays["x"], textbook=engine == "textbook")[0]

        values, pull = jax.vjp(outputs, params)
        return values, pull(arrays["weight/outputs"])[0]

    (ours, by_one), (expected, by_two) = outputs_and_gradients(one), outputs_and_gradients(two)
    np.testing.assert_allclose(ours, expected, atol=1e-6)
    for name, value in by_one.items():
        np.testing.assert_allclose(value, by_two[name], atol=1e-5, err_msg=name)


def test_dropout_is_the_same_in_every_engine(monkeypatch):
    arrays, key = single("lstm/two"), jax.random.key(1)

    def outputs(textbook):
        run = partial(layers, "lstm", "two", dropout=0.4, textbook=textbook)
        return jax.jit(lambda params, x, key: run(params, x, key=key)[0])(
            part(arrays, "params"), arrays["x"], key
        )

    expected, by_kernel = outputs(True), outputs(False)
    use("jax", monkeypatch)
    np.testing.assert_allclose(by_kernel, expected, atol=1e-6)
    np.testing.assert_allclose(outputs(False), expected, atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_equals_live_pytorch(cell):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    module = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell](
        3, 7, num_layers=2, bidirectional=True, batch_first=True
    )
    params = {name: jnp.asarray(value.detach().numpy()) for name, value in module.named_parameters()}
    x = np.random.default_rng(0).standard_normal((4, 6, 3)).astype(np.float32)
    ours, _ = layers(cell, "two-both", params, jnp.asarray(x))
    np.testing.assert_allclose(ours, module(torch.as_tensor(x))[0].detach().numpy(), atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_a_window_in_two_parts_equals_the_window_at_once(cell):
    arrays = single(f"{cell}/two")
    run, x = jax.jit(partial(layers, cell, "two", part(arrays, "params"))), arrays["x"]
    whole, final = run(x)
    first, middle = run(x[:, :2])
    second, end = run(x[:, 2:], middle)
    np.testing.assert_allclose(jnp.concatenate([first, second], axis=1), whole, atol=1e-6)
    for ours, expected in zip(end, final, strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-6)


def test_dropout_acts_between_layers_only_and_keeps_the_mean():
    arrays = single("gru/two")

    @partial(jax.jit, static_argnums=0)
    def out(form, key):
        return layers("gru", form, part(arrays, "params"), arrays["x"], dropout=0.5, key=key)[0]

    np.testing.assert_array_equal(out("one", jax.random.key(0)), out("one", None))
    plain = np.asarray(out("two", None))
    assert not np.allclose(out("two", jax.random.key(0)), plain)
    draws = jax.jit(jax.vmap(partial(out, "two")))(jax.random.split(jax.random.key(0), 400))
    assert np.abs(np.asarray(draws).mean(0) - plain).max() < 0.1
