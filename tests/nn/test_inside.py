"""Gates and states of a network: PyTorch's formulas on the weights it is given, and PyTorch itself."""

import jax
import numpy as np
import pytest

import gatecast as gc
from gatecast.nn.inside import gradient_times_input, places, trace
from gatecast.nn.state_dict import state_dict

from .programs import applied, drawn  # isort: skip

N, T, F, H = 5, 7, 3, 4
NETWORKS = [
    gc.Network(cell="rnn", hidden_size=H),
    gc.Network(cell="lstm", hidden_size=H, num_layers=2),
    gc.Network(cell="lstm", hidden_size=H, bidirectional=True, init="keras"),
    gc.Network(cell="gru", hidden_size=H, num_layers=2, bidirectional=True),
]
IDS = ["rnn", "2 x lstm", "bilstm", "2 x bigru"]
X = np.random.default_rng(1).normal(size=(N, T, F)).astype(np.float32)


def weights_of(network: gc.Network) -> dict[str, np.ndarray]:
    start = drawn(network, jax.random.key(3), features=F, lookback=T, horizon=2)
    rng = np.random.default_rng(0)
    return {
        name: (np.asarray(value) + 0.2 * rng.normal(size=value.shape)).astype(np.float32)
        for name, value in start.items()
    }


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def by_hand(cell: str, w: dict[str, np.ndarray], place: str, x: np.ndarray) -> dict[str, np.ndarray]:
    """The formulas of PyTorch's pages on RNN, LSTM and GRU, in double precision, step by step."""
    w_ih, w_hh, b_ih, b_hh = (
        w[f"{name}{place}"].astype(float) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    h, c, found = np.zeros((len(x), H)), np.zeros((len(x), H)), {}
    times = range(x.shape[1])
    for t in reversed(times) if place.endswith("reverse") else times:
        of_x, of_h = x[:, t] @ w_ih.T + b_ih, h @ w_hh.T + b_hh
        if cell == "rnn":
            h = np.tanh(of_x + of_h)
            now = {"hidden": h}
        elif cell == "lstm":
            i, f, g, o = np.split(of_x + of_h, 4, axis=1)
            i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
            c = f * c + i * g
            h = o * np.tanh(c)
            now = {"input": i, "forget": f, "candidate": g, "output": o, "cell": c, "hidden": h}
        else:
            (x_r, x_z, x_n), (h_r, h_z, h_n) = np.split(of_x, 3, axis=1), np.split(of_h, 3, axis=1)
            r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
            n = np.tanh(x_n + r * h_n)
            h = (1 - z) * n + z * h
            now = {"reset": r, "update": z, "candidate": n, "hidden": h}
        for name, value in now.items():
            found.setdefault(name, {})[t] = value
    return {name: np.stack([of[t] for t in times], axis=1) for name, of in found.items()}


@pytest.mark.parametrize("network", NETWORKS, ids=IDS)
def test_gates_and_states_equal_pytorchs_formulas(network: gc.Network) -> None:
    weights = weights_of(network)
    exported, found = state_dict(network, weights), trace(network, weights, X)
    x, expected = X.astype(float), {}
    for layer in range(network.num_layers):
        outputs = []
        for place in places(network)[layer * (1 + network.bidirectional) :][: 1 + network.bidirectional]:
            values = by_hand(network.cell, exported, place, x)
            outputs.append(values["hidden"])
            expected |= {f"{name}{place}": value for name, value in values.items()}
        x = np.concatenate(outputs, axis=-1)
    assert list(found) == list(expected)  # and in this order
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-6, err_msg=name)


def test_a_gru_of_the_other_form_resets_the_state_before_the_product() -> None:
    network = gc.Network(cell="gru", hidden_size=H, reset_after=False)
    weights = weights_of(network)
    found = trace(network, weights, X)
    r, h = found["reset_l0"][:, 3], found["hidden_l0"][:, 2]
    w, u = (weights[f"weight_{name}_l0"][2 * H :] for name in ("ih", "hh"))
    bias = weights["bias_ih_l0"][2 * H :] + weights["bias_hh_l0"][2 * H :]
    expected = np.tanh(X[:, 3] @ w.T + (r * h) @ u.T + bias)
    np.testing.assert_allclose(found["candidate_l0"][:, 3], expected, atol=1e-6)


@pytest.mark.parametrize("network", NETWORKS, ids=IDS)
def test_states_and_gradients_equal_pytorchs_own(network: gc.Network) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    kind = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[network.cell]
    weights, both = weights_of(network), network.bidirectional
    module = kind(F, H, network.num_layers, batch_first=True, bidirectional=both)
    module.load_state_dict(
        {name: torch.from_numpy(one) for name, one in state_dict(network, weights).items()}
    )
    x = torch.from_numpy(X).requires_grad_()
    outputs, last = module(x)
    found = trace(network, weights, X)
    top = [found[f"hidden{place}"] for place in places(network)[-1 - both :]]
    np.testing.assert_allclose(np.concatenate(top, -1), outputs.detach().numpy(), atol=1e-6)
    last = last[0] if network.cell == "lstm" else last
    state = torch.cat(list(last[-1 - both :]), dim=-1)
    out = {name: torch.from_numpy(one) for name, one in state_dict(network, weights, "out").items()}
    torch.nn.functional.linear(state, out["weight"], out["bias"])[:, 1].sum().backward()
    ours = gradient_times_input(network, weights, X, 1)
    np.testing.assert_allclose(ours, (x.grad * x).detach().numpy(), atol=1e-6)


def test_saliency_equals_finite_differences() -> None:
    network = NETWORKS[1]
    weights, step = weights_of(network), np.float32(1e-2)
    found = np.asarray(gradient_times_input(network, weights, X, 0))
    for bar, feature in [(0, 0), (4, 2), (6, 1)]:
        up, down = X.copy(), X.copy()
        up[:, bar, feature] += step
        down[:, bar, feature] -= step
        slope = (applied(network, weights, up)[0] - applied(network, weights, down)[0])[:, 0] / (2 * step)
        np.testing.assert_allclose(found[:, bar, feature], slope * X[:, bar, feature], atol=2e-4)
