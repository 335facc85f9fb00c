"""Outputs and losses in PyTorch, held to those of our networks."""

import jax.numpy as jnp
import numpy as np
import pytest

import gatecast as gc
from gatecast.distributions import LEVELS, StudentT
from gatecast.nn import losses, outputs

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'gatecast[torch]'")
from gatecast.models.foreign import torch_outputs  # noqa: E402

RAW = {
    kind: np.random.default_rng(0).normal(size=(6, 2, numbers)).astype(np.float32)
    for kind, numbers in (("student_t", 3), ("quantiles", len(LEVELS)))
}


def of(kind: str) -> "torch.Tensor":
    return torch_outputs.outputs(kind, torch.as_tensor(RAW[kind]))


def test_outputs_are_those_of_our_networks():
    raw = RAW["quantiles"]
    network = gc.Network(output="quantiles")
    ours = outputs.output(network, {}, jnp.asarray(raw.reshape(6, -1)))
    np.testing.assert_allclose(of("quantiles"), ours, rtol=1e-5, atol=1e-6)
    raw = RAW["student_t"]
    network = gc.Network(output="student_t")
    for row in range(6):
        params = {"df": jnp.asarray(raw[row, :, 2])}
        ours = outputs.output(network, params, jnp.asarray(raw[row : row + 1, :, :2].reshape(1, -1)))
        np.testing.assert_allclose(of("student_t")[row : row + 1], ours, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "kind"), [("mse", "point"), ("mae", "point"), ("huber", "point"), ("pinball", "quantiles"),
                       ("nll", "student_t"), ("crps", "student_t")],
)  # fmt: skip
def test_losses_are_those_of_our_networks(name, kind):
    target = np.random.default_rng(1).normal(size=(6, 2)).astype(np.float32) * 2
    output = RAW["student_t"][..., 0] if kind == "point" else of(kind).numpy()
    ours = losses.ROW_LOSSES[name](jnp.asarray(output), jnp.asarray(target)).mean()
    theirs = torch_outputs.LOSSES[name](torch.as_tensor(output), torch.as_tensor(target))
    np.testing.assert_allclose(theirs, ours, rtol=1e-5)
    if name == "crps":
        location, scale, df = np.moveaxis(output.astype(np.float64), -1, 0)
        np.testing.assert_allclose(theirs, StudentT(location, scale, df).crps(target).mean(), rtol=1e-4)
