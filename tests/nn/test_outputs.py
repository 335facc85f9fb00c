"""Outputs: what a network's last numbers mean, and that an untrained distribution is the EWMA's."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

import gatecast as gc
from gatecast.distributions import LEVELS, Quantiles, StudentT
from gatecast.models.networks import RecurrentNetwork, make_dataset
from gatecast.nn import outputs
from gatecast.nn.network import apply, shapes
from gatecast.nn.population import predict
from gatecast.problem.folds import cut_folds
from gatecast.problem.problem import make_problem
from gatecast.problem.scaling import fit_scale
from gatecast.settings.network import Network

from . import programs  # isort: skip

T, F, H = 4, 3, 3
NETWORKS = {name: Network(cell="gru", hidden_size=4, output=name) for name in outputs.PER_STEP}
DISTRIBUTIONS = ("student_t", "quantiles")


def drawn(network: Network, seed: int = 0) -> dict[str, jax.Array]:
    return programs.drawn(network, jax.random.key(seed), features=F, lookback=T, horizon=H)


@pytest.fixture(scope="module")
def problem(walk):
    frame = pd.concat([walk("A", 120, 0), walk("B", 90, 1, "2015-02-12")], ignore_index=True)
    prices = gc.Prices.from_frame(frame, calendar="daily")
    return make_problem(prices, lookback=T, horizon=H, volatility_features=True)


def without_output_layer(params):
    return {
        name: np.zeros_like(value) if name.startswith("out.") else value for name, value in params.items()
    }


def forecast(network, params, problem, origins):
    """The distribution as walk_forward computes it: rows, forward pass, distribution."""
    (fold,) = cut_folds(problem, folds=1)
    rows = make_dataset(network, problem, [fit_scale(problem, fold.train, "standard")])
    weights = {name: np.asarray(value) for name, value in params.items()}
    (answer,) = predict(network, rows, [(weights, 0, origins)], lookback=T)
    (distribution,) = outputs.distributions(network, answer[None], problem.unit(origins))
    return distribution


def test_a_zero_output_layer_is_naive_with_exactly_the_ewma(problem):
    network = NETWORKS["student_t"]
    params = programs.drawn(network, jax.random.key(0), features=5, lookback=T, horizon=H)
    origins = np.flatnonzero(problem.ready)
    student = forecast(network, without_output_layer(params), problem, origins)
    assert isinstance(student, StudentT)
    assert (student.location == 0).all()
    steps = np.sqrt(np.arange(1, H + 1))
    np.testing.assert_array_equal(student.scale, problem.volatility[origins, None] * steps)
    np.testing.assert_allclose(student.df, 2.1 + 3 * np.log(2), rtol=1e-6)
    np.testing.assert_array_equal(student.quantile([0.5]), 0)


def test_a_zero_output_layer_of_quantiles_is_a_student_t_of_the_ewma(problem):
    network = NETWORKS["quantiles"]
    params = programs.drawn(network, jax.random.key(0), features=5, lookback=T, horizon=H)
    origins = np.flatnonzero(problem.ready)
    known = forecast(network, without_output_layer(params), problem, origins)
    assert isinstance(known, Quantiles)
    expected = problem.unit(origins)[..., None] * stats.t.ppf(LEVELS, 5)
    np.testing.assert_allclose(known.values, expected, rtol=1e-5, atol=1e-12)
    assert (known.values[..., LEVELS.index(0.5)] == 0).all()


@pytest.mark.parametrize(
    ("name", "init"),
    [
        ("student_t", "pytorch"),
        ("quantiles", "keras"),
        pytest.param("student_t", "glorot", marks=[pytest.mark.slow, pytest.mark.full]),
    ],
)
def test_a_freshly_drawn_network_is_near_it(name, init):
    """Its state is at most 1: the median within a tenth of a std, the scale within a half, no weight 0."""
    network = NETWORKS[name].changed(init=init, hidden_size=16)
    x = jax.random.normal(jax.random.key(9), (64, T, F))
    for seed in range(3):
        params = jax.device_get(drawn(network, seed))
        assert (params["out.bias"] == 0).all()
        assert (params["out.weight"] != 0).all()
        raw, zero = (
            np.asarray(programs.applied(network, one, x)[0]) for one in (params, without_output_layer(params))
        )
        middle, wide = raw[..., 0], raw[..., 1] / zero[..., 1]
        if name == "quantiles":
            middle, wide = raw[..., 8], np.diff(raw, axis=-1) / np.diff(zero, axis=-1)
        assert 0 < np.abs(middle).max() < 0.1
        assert np.abs(np.log(wide)).max() < 0.5


WILD = hnp.arrays(
    np.float32,
    (5, len(LEVELS) * H),
    elements=st.floats(-(2.0**66), 2.0**66, width=32) | st.floats(-5, 5, width=32),
)
as_output = jax.jit(outputs.output, static_argnums=0)


@settings(max_examples=100, deadline=None)
@given(raw=WILD)
def test_quantiles_never_cross_whatever_the_weights(raw):
    """Also where steps differ by e⁸: each is at least as wide as the spacing of the numbers allows."""
    values = np.asarray(as_output(NETWORKS["quantiles"], {}, raw))
    assert values.shape == (5, H, len(LEVELS))
    assert np.isfinite(values).all()
    assert (np.diff(values, axis=-1) >= 0).all()
    numbers = raw.reshape(5, H, -1)
    np.testing.assert_allclose(values[..., LEVELS.index(0.5)], 0.1 * numbers[..., 0], rtol=1e-6, atol=1e-30)


@settings(max_examples=50, deadline=None)
@given(raw=hnp.arrays(np.float32, (5, len(LEVELS) * H), elements=st.floats(-50, 50, width=32)))
def test_sane_weights_keep_the_quantiles_apart(raw):
    values = np.asarray(as_output(NETWORKS["quantiles"], {}, raw))
    assert (np.diff(values, axis=-1) > 0).all()


@settings(max_examples=50, deadline=None)
@given(raw=WILD, weight=st.floats(-1e6, 1e6, width=32))
def test_a_student_t_is_one_whatever_the_weights(raw, weight):
    """Scale within e⁻⁴ … e⁴ of the EWMA's, df above 2: the variance exists."""
    df = {"df": np.array([weight, 0, -weight], np.float32)}
    values = np.asarray(as_output(NETWORKS["student_t"], df, raw[:, : 2 * H]))
    location, scale, freedom = np.moveaxis(values, -1, 0)
    np.testing.assert_allclose(location, 0.1 * raw[:, : 2 * H : 2], rtol=1e-6, atol=1e-30)
    assert ((scale >= np.exp(-4.001)) & (scale <= np.exp(4.001))).all()
    np.testing.assert_allclose(freedom[0], 2.1 + 3 * np.logaddexp(0, [weight, 0, -weight]), rtol=1e-5)


def test_an_output_belongs_to_its_step():
    """Numbers of step k move the distribution of step k alone."""
    for name in DISTRIBUTIONS:
        network, wide = NETWORKS[name], outputs.PER_STEP[name]
        params = drawn(network)
        raw = np.zeros((1, wide * H), np.float32)
        before = np.asarray(as_output(network, params, raw))
        for step in range(H):
            moved = raw.copy()
            moved[0, step * wide : (step + 1) * wide] = 1
            changed = (np.asarray(as_output(network, params, moved)) != before).any(axis=(0, 2))
            assert changed.tolist() == [k == step for k in range(H)]


def test_points_are_the_last_layers_numbers_bit_for_bit():
    """Distributions beside them changed nothing: neither the weights drawn nor what is made of them."""
    network = NETWORKS["point"]
    named = shapes(network, features=F, lookback=T, horizon=H)
    assert "df" not in named
    assert named["out.weight"] == (H, 4)
    params = drawn(network, 5)
    keys = jax.random.split(jax.random.key(5), len(named))
    place = list(named).index("out.weight")
    bound = 1 / np.sqrt(4)
    expected = jax.random.uniform(keys[place], (H, 4), minval=-bound, maxval=bound)
    assert jnp.array_equal(params["out.weight"], expected)
    raw = jnp.asarray(np.random.default_rng(0).normal(size=(6, H)))
    assert outputs.output(network, params, raw) is raw
    x = jax.random.normal(jax.random.key(1), (6, T, F))
    y, (state, *_) = apply(network, params, x)
    assert jnp.array_equal(y, state[-1] @ params["out.weight"].T + params["out.bias"])


@pytest.mark.slow
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_training_lowers_the_loss_where_the_scale_is_wrong(name, walk):
    """Moves in per cent of which every second is ten times the other: an EWMA cannot know, a network can."""
    frame = walk("A", 400, 3)
    shocks = np.random.default_rng(4).standard_normal(400) * np.tile([0.002, 0.02], 200)
    frame = frame.assign(close=100 * np.exp(np.cumsum(shocks)))[["date", "close"]]
    prices = gc.Prices.from_frame(frame, calendar="daily")
    problem = make_problem(prices, lookback=T, horizon=1, volatility_features=True)
    (fold,) = folds = cut_folds(problem, folds=1)
    how = gc.Training(epochs=30, batch_size=32, learning_rate=0.01)
    (ensemble,) = RecurrentNetwork(NETWORKS[name], how, seeds=1).fit(problem, folds)
    learned = ensemble.predict(problem, fold.test).distribution
    actual = problem.actual_returns(fold.test)
    neutral = StudentT(np.zeros_like(actual), problem.unit(fold.test), np.full_like(actual, 5.0))
    assert learned.crps(actual).mean() < 0.9 * neutral.crps(actual).mean()
    assert ensemble.validation.distribution.shape == (len(fold.validation), 1)
