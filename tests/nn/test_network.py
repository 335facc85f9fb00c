import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gatecast.nn.network import apply, init_params, shapes
from gatecast.nn.program import Dataset, ahead, gathered
from gatecast.nn.recurrent import recurrent
from gatecast.settings.network import Network

from .programs import applied, drawn  # isort: skip

T, F, H = 6, 3, 5
NETWORKS = [
    Network(cell=cell, hidden_size=4, bidirectional=both, head=head, num_layers=layers, reset_after=after)
    for cell, both, head, layers, after in itertools.product(
        ["rnn", "lstm", "gru"], [False, True], ["last", "flatten"], [1, 2], [True, False]
    )
    if cell == "gru" or after
]


QUICK = [Network(cell="lstm", hidden_size=4), Network(cell="gru", hidden_size=4, bidirectional=True)]


def marks_of(network: Network) -> list[pytest.MarkDecorator]:
    """Fast, slow (one layer of each cell and direction), or run in full only."""
    if network in QUICK:
        return []
    return [pytest.mark.slow] if network.num_layers == 1 else [pytest.mark.slow, pytest.mark.full]


def name_of(network: Network) -> str:
    direction = "both" if network.bidirectional else "one"
    form = "" if network.reset_after else "-reset-before"
    return f"{network.cell}{form}-{direction}-{network.head}-{network.num_layers}"


def one_row_of(rows_count: int = 12, origin: int = 8):
    rng = np.random.default_rng(0)
    features = rng.standard_normal((rows_count, F)).astype(np.float32)
    zeros, ones = np.zeros((1, 1, F), np.float32), np.ones((1, 1, F), np.float32)
    symbol = np.zeros(rows_count, np.int32)
    rows = Dataset(features, np.zeros((rows_count, H), np.float32), symbol, zeros, ones, None, None)
    return jax.tree.map(jnp.asarray, rows), jnp.array([origin])


def derivative(forecast, origin: int):
    """|d output k / d row|: (h, rows), summed over features."""
    rows, origins = one_row_of(origin=origin)

    def outputs(features):
        return forecast(gathered(rows._replace(features=features), 0, origins, T))[0]

    return np.abs(np.asarray(jax.jit(jax.jacobian(outputs))(rows.features))).sum(axis=-1)


def reads_the_newest_and_nothing_later(by_row, origin: int) -> bool:
    return bool((by_row[:, origin] > 0).all() and (by_row[:, origin + 1 :] == 0).all())


@pytest.mark.parametrize(
    "network",
    [pytest.param(n, marks=marks_of(n), id=name_of(n)) for n in NETWORKS],
)
def test_every_step_reads_the_newest_session_and_none_after_the_origin(network):
    params = drawn(network, jax.random.key(1), features=F, lookback=T, horizon=H)
    by_row = derivative(lambda x: apply(network, params, x)[0], origin=8)
    assert reads_the_newest_and_nothing_later(by_row, 8)
    assert (by_row[:, 8 - T + 1 : 9] > 0).any(axis=0).all(), "some session of the window is never read"
    assert (by_row[:, : 8 - T + 1] == 0).all()


def test_broken_twin_a_head_that_reads_a_stale_state_is_found():
    """Step k from the state h - k sessions ago, as neuralforecast and darts do."""
    from gatecast.nn.cells import cell_of

    network = Network(cell="gru", hidden_size=4)
    params = drawn(network, jax.random.key(1), features=F, lookback=T, horizon=H)

    def stale(x):
        outputs, _ = recurrent(params, cell_of("gru"), x)
        return outputs[:, -H:].sum(axis=-1)

    assert not reads_the_newest_and_nothing_later(derivative(stale, 8), 8)


def test_broken_twin_a_window_one_row_late_is_found():
    network = Network(cell="gru", hidden_size=4)
    params = drawn(network, jax.random.key(1), features=F, lookback=T, horizon=H)
    rows, _ = one_row_of()

    def late(features):
        return apply(network, params, gathered(rows._replace(features=features), 0, jnp.array([9]), T))[0][0]

    by_row = np.abs(np.asarray(jax.jit(jax.jacobian(late))(rows.features))).sum(axis=-1)
    assert not reads_the_newest_and_nothing_later(by_row, 8)


def test_the_head_reads_what_is_known_of_the_bars_ahead_and_of_none_other():
    network, known = Network(cell="gru", hidden_size=4, state_activation="relu"), 2
    sizes = {"features": F, "lookback": T, "horizon": H, "known": known}
    assert shapes(network, **sizes)["out.weight"] == (H, 4 + H * known)
    params = drawn(network, jax.random.key(1), **sizes)
    rows, origins = one_row_of(rows_count=20)
    bars = jax.random.normal(jax.random.key(2), (24, known))
    rows = rows._replace(known_row=jnp.arange(20) + 2)  # of the second of several symbols

    def outputs(bars):
        whole = rows._replace(known=bars)
        x = gathered(whole, 0, origins, T)
        return apply(network, params, x, ahead=ahead(whole, 0, origins))[0][0]

    by_bar = np.abs(np.asarray(jax.jit(jax.jacobian(outputs))(bars))).sum(axis=-1)
    origin = int(origins[0]) + 2
    assert (by_bar[:, origin + 1 : origin + 1 + H] > 0).all()
    assert (by_bar[:, : origin + 1] == 0).all()
    assert (by_bar[:, origin + 1 + H :] == 0).all()


def test_what_is_known_is_scaled_as_the_last_features_are():
    rows, origins = one_row_of()
    bars = np.arange(40, dtype=np.float32).reshape(20, 2)
    rows = rows._replace(
        known=jnp.asarray(bars),
        known_row=jnp.arange(12),
        x_offset=jnp.array([[[9.0, 1.0, 2.0]]]),
        x_scale=jnp.array([[[9.0, 2.0, 4.0]]]),
    )
    expected = (bars[int(origins[0]) + 1 :][:H] - [1, 2]) / [2, 4]
    np.testing.assert_allclose(ahead(rows, 0, origins)[0], expected.ravel())
    assert ahead(rows._replace(known=None), 0, origins) is None


def test_zero_weights_forecast_zero():
    network = Network(cell="lstm", hidden_size=4, mlp=(3,))
    named = shapes(network, features=F, lookback=T, horizon=H)
    params = {name: np.zeros(shape, np.float32) for name, shape in named.items()}
    assert (np.asarray(applied(network, params, np.ones((2, T, F), np.float32))[0]) == 0).all()


def test_head_goes_state_activation_mlp_output_activation():
    network = Network(
        cell="rnn", hidden_size=4, mlp=(3, 2), state_activation="relu", activation="tanh",
        output_activation="sigmoid",
    )  # fmt: skip
    params = drawn(network, jax.random.key(0), features=F, lookback=T, horizon=H)
    x = jax.random.normal(jax.random.key(1), (2, T, F))
    output, final = applied(network, params, x)
    params, y = jax.device_get(params), np.maximum(np.asarray(final[0][-1]), 0)
    for layer in ("mlp.0", "mlp.1"):
        y = np.tanh(y @ params[f"{layer}.weight"].T + params[f"{layer}.bias"])
    expected = 1 / (1 + np.exp(-(y @ params["out.weight"].T + params["out.bias"])))
    np.testing.assert_allclose(output, expected, atol=1e-6)


def test_weights_drawn_together_are_those_drawn_alone():
    """Each from its own key, in the order of `shapes`; so results stay as they were."""
    network, key = Network(cell="lstm", hidden_size=7, num_layers=2, mlp=(3,)), jax.random.key(5)
    named = shapes(network, features=F, lookback=T, horizon=H)
    draw = jax.jit(lambda key: init_params(network, key, features=F, lookback=T, horizon=H))
    params = draw(key)
    for own, name in zip(jax.random.split(key, len(named)), named, strict=True):
        bound = 1 / np.sqrt(7 if "_l" in name else named[name.replace("bias", "weight")][1])
        alone = jax.random.uniform(own, named[name], minval=-bound, maxval=bound)
        np.testing.assert_array_equal(params[name], alone, err_msg=name)


def test_pytorch_init_has_its_shapes_and_bounds():
    network = Network(cell="lstm", hidden_size=16, num_layers=2, bidirectional=True, mlp=(100,))
    params = drawn(network, jax.random.key(0), features=F, lookback=T, horizon=H)
    assert params["weight_ih_l1_reverse"].shape == (64, 32)
    assert params["bias_hh_l0"].shape == (64,)
    for name, bound in (("weight_hh_l0", 1 / 4), ("mlp.0.weight", 32**-0.5), ("out.bias", 1 / 10)):
        assert 0.7 * bound < np.abs(np.asarray(params[name])).max() <= bound, name


@pytest.mark.parametrize("after", [True, False])
def test_keras_init_is_orthogonal_with_one_bias_and_an_open_forget_gate(after):
    keras = Network(cell="lstm", hidden_size=4, init="keras")
    lstm = jax.device_get(drawn(keras, jax.random.key(0), features=F, lookback=T, horizon=H))
    assert "bias_hh_l0" not in lstm
    np.testing.assert_array_equal(lstm["bias_ih_l0"], np.repeat([0.0, 1, 0, 0], 4))
    product = lstm["weight_hh_l0"].T @ lstm["weight_hh_l0"]
    np.testing.assert_allclose(product, np.eye(4), atol=1e-5)
    assert (lstm["out.bias"] == 0).all()
    gru = shapes(Network(cell="gru", init="keras", reset_after=after), features=F, lookback=T, horizon=H)
    assert ("bias_hh_l0" in gru) == after


def test_members_of_another_seed_start_elsewhere():
    draw = [
        drawn(Network(), jax.random.key(s), features=F, lookback=T, horizon=H)["out.weight"] for s in (0, 1)
    ]
    assert not np.array_equal(*draw)
