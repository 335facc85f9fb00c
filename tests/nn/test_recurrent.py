"""Cells and layers against PyTorch: golden numbers everywhere, live where it is installed."""

from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gatecast.nn.cells import cell_of
from gatecast.nn.recurrent import recurrent

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "recurrent.npz")
CASES = [
    pytest.param(case, marks=[] if case.endswith(("1-one", "2-both")) else pytest.mark.slow)
    for case in sorted({name.split("/")[0] for name in GOLDEN.files})
]


def case_arrays(case: str) -> dict[str, np.ndarray]:
    return {
        name.removeprefix(f"{case}/"): GOLDEN[name] for name in GOLDEN.files if name.startswith(f"{case}/")
    }


def run(case: str, params, x):
    cell, layers, both = case.split("-")
    return recurrent(
        params,
        cell_of(cell.removesuffix("_reset_before"), not cell.endswith("reset_before")),
        x,
        num_layers=int(layers),
        bidirectional=both == "both",
    )


def outputs_and_gradients(case: str, dtype: str) -> tuple[dict, dict]:
    """Ours and PyTorch's: outputs, final states, and gradients of the same scalar by weights and input."""
    arrays = case_arrays(case)
    cast = {name: jnp.asarray(value, dtype) for name, value in arrays.items()}
    params = {n.removeprefix("params/"): v for n, v in cast.items() if n.startswith("params/")}

    def loss(params, x):
        outputs, finals = run(case, params, x)
        return jnp.sum(cast["weight"] * outputs) + sum(jnp.sum(part**2) for part in finals)

    outputs, finals = jax.jit(partial(run, case))(params, cast["x"])
    by_params, by_x = jax.jit(jax.grad(loss, argnums=(0, 1)))(params, cast["x"])
    ours = {"outputs": outputs, "grad/x": by_x}
    ours |= {f"grad/{name}": value for name, value in by_params.items()}
    ours |= {f"final/{index}": part for index, part in enumerate(finals)}
    return ours, {name: arrays[name] for name in ours}


@pytest.mark.parametrize("case", CASES)
def test_equals_pytorch_in_float64(case):
    with jax.enable_x64(True):
        ours, theirs = outputs_and_gradients(case, "float64")
    assert len(ours) >= 7
    for name, expected in theirs.items():
        np.testing.assert_allclose(ours[name], expected, rtol=0, atol=1e-10, err_msg=name)


@pytest.mark.parametrize("case", CASES)
def test_equals_pytorch_in_float32(case):
    ours, theirs = outputs_and_gradients(case, "float32")
    for name, expected in theirs.items():
        assert np.abs(ours[name] - expected).max() <= 1e-5 * np.abs(expected).max(), name


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_equals_live_pytorch(cell):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    module = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell](
        3, 7, num_layers=2, bidirectional=True, batch_first=True
    )
    params = {name: jnp.asarray(value.detach().numpy()) for name, value in module.named_parameters()}
    x = np.random.default_rng(0).standard_normal((4, 6, 3)).astype(np.float32)
    ours, _ = recurrent(params, cell_of(cell), jnp.asarray(x), num_layers=2, bidirectional=True)
    np.testing.assert_allclose(ours, module(torch.as_tensor(x))[0].detach().numpy(), atol=1e-6)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_window_in_two_parts_equals_the_window_at_once(cell):
    arrays = case_arrays(f"{cell}-2-one")
    params = {n.removeprefix("params/"): jnp.asarray(v) for n, v in arrays.items() if n.startswith("params/")}
    x = jnp.asarray(arrays["x"])
    whole, final = recurrent(params, cell_of(cell), x, num_layers=2)
    first, middle = recurrent(params, cell_of(cell), x[:, :2], num_layers=2)
    second, end = recurrent(params, cell_of(cell), x[:, 2:], num_layers=2, state=middle)
    np.testing.assert_allclose(jnp.concatenate([first, second], axis=1), whole, atol=1e-6)
    for ours, expected in zip(end, final, strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-6)


def test_dropout_acts_between_layers_only_and_keeps_the_mean():
    arrays = case_arrays("gru-2-one")
    params = {n.removeprefix("params/"): jnp.asarray(v) for n, v in arrays.items() if n.startswith("params/")}
    x = jnp.asarray(arrays["x"])

    def out(layers, key):
        return recurrent(params, cell_of("gru"), x, num_layers=layers, dropout=0.5, key=key)[0]

    assert jnp.array_equal(out(1, jax.random.key(0)), out(1, None))
    assert not jnp.allclose(out(2, jax.random.key(0)), out(2, None))
    draws = jax.vmap(lambda key: out(2, key))(jax.random.split(jax.random.key(0), 400))
    assert jnp.abs(draws.mean(0) - out(2, None)).max() < 0.1
