"""Weights as PyTorch names them: by their names and shapes, and in PyTorch itself where it is installed."""

import jax
import numpy as np
import pytest

import gatecast as gc
from gatecast.errors import SettingError
from gatecast.nn.state_dict import layers, state_dict

from .programs import applied, drawn  # isort: skip

GATES = {"rnn": 1, "lstm": 4, "gru": 3}
FEATURES, LOOKBACK, HORIZON = 5, 4, 2
NETWORKS = [
    gc.Network(cell="rnn", hidden_size=3),
    gc.Network(cell="lstm", hidden_size=3, num_layers=2, mlp=(7, 6), init="keras"),
    gc.Network(cell="gru", hidden_size=3, bidirectional=True, num_layers=2, init="keras"),
    gc.Network(cell="lstm", hidden_size=3, bidirectional=True, init="glorot", output="student_t"),
    gc.Network(cell="gru", hidden_size=3, head="flatten", mlp=(4,), output="quantiles"),
]


def weights_of(network: gc.Network) -> dict[str, np.ndarray]:
    start = drawn(network, jax.random.key(0), features=FEATURES, lookback=LOOKBACK, horizon=HORIZON)
    rng = np.random.default_rng(0)
    return {
        name: (np.asarray(value) + 0.1 * rng.normal(size=value.shape)).astype(np.float32)
        for name, value in start.items()
    }


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.cell)
def test_recurrent_weights_have_the_names_order_and_shapes_of_pytorch(network):
    weights = weights_of(network)
    found = state_dict(network, weights)
    directions, rows = 1 + network.bidirectional, GATES[network.cell] * network.hidden_size
    expected = {}
    for layer in range(network.num_layers):
        for suffix in ("", "_reverse")[:directions]:
            width = FEATURES if layer == 0 else directions * network.hidden_size
            for name, shape in (
                ("weight_ih", (rows, width)),
                ("weight_hh", (rows, network.hidden_size)),
                ("bias_ih", (rows,)),
                ("bias_hh", (rows,)),
            ):
                expected[f"{name}_l{layer}{suffix}"] = shape
    assert [(name, value.shape) for name, value in found.items()] == list(expected.items())
    for name, value in found.items():
        assert value.dtype == np.float32
        np.testing.assert_array_equal(value, weights.get(name, np.zeros(value.shape)))


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.cell)
def test_every_weight_is_in_one_layer(network):
    weights = weights_of(network)
    named = {}
    for layer in layers(network):
        prefix = "" if layer in ("recurrent", "df") else f"{layer}."
        named |= {prefix + name: value for name, value in state_dict(network, weights, layer).items()}
    assert weights.keys() <= named.keys()
    assert all(name.startswith("bias_hh") and not named[name].any() for name in named.keys() - weights.keys())
    for name, value in weights.items():
        np.testing.assert_array_equal(named[name], value)
        assert not np.shares_memory(named[name], value)  # who changes one changes no other


def test_a_linear_layer_has_a_weight_and_a_bias():
    network = NETWORKS[1]
    shapes = {
        layer: {name: value.shape for name, value in state_dict(network, weights_of(network), layer).items()}
        for layer in layers(network)[1:]
    }
    assert shapes == {
        "mlp.0": {"weight": (7, 3), "bias": (7,)},
        "mlp.1": {"weight": (6, 7), "bias": (6,)},
        "out": {"weight": (HORIZON, 6), "bias": (HORIZON,)},
    }


def test_a_gru_that_pytorch_does_not_have_is_refused():
    network = gc.Network(cell="gru", hidden_size=3, reset_after=False)
    weights = weights_of(network)
    with pytest.raises(SettingError, match=r"PyTorch has no GRU .*reset_after=False"):
        state_dict(network, weights)
    assert state_dict(network, weights, "out")["weight"].shape == (HORIZON, 3)


def test_a_layer_that_there_is_not_is_named():
    network = NETWORKS[0]
    with pytest.raises(SettingError, match=r"layer = .mlp\.0.: this network has recurrent, out"):
        state_dict(network, weights_of(network), "mlp.0")


@pytest.mark.parametrize("network", NETWORKS[:3], ids=lambda network: network.cell)
def test_pytorch_computes_the_same_with_these_weights(network):
    torch = pytest.importorskip("torch")
    weights = weights_of(network)

    def loaded(module, layer):
        tensors = {
            name: torch.from_numpy(value) for name, value in state_dict(network, weights, layer).items()
        }
        module.load_state_dict(tensors)
        return module

    kind = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[network.cell]
    recurrent = kind(
        FEATURES,
        network.hidden_size,
        network.num_layers,
        batch_first=True,
        bidirectional=network.bidirectional,
    )
    x = np.random.default_rng(1).normal(size=(6, LOOKBACK, FEATURES)).astype(np.float32)
    with torch.no_grad():
        _, last = loaded(recurrent, "recurrent")(torch.from_numpy(x))
        last = last[0] if network.cell == "lstm" else last
        y = torch.cat(list(last[-2 if network.bidirectional else -1 :]), dim=-1)
        for number, size in enumerate(network.mlp):
            y = torch.relu(loaded(torch.nn.Linear(y.shape[1], size), f"mlp.{number}")(y))
        y = loaded(torch.nn.Linear(y.shape[1], HORIZON), "out")(y)
    ours, _ = applied(network, weights, x)
    np.testing.assert_allclose(ours, y.numpy(), rtol=1e-5, atol=1e-6)
