"""Losses: by hand, against `gatecast.distributions`, and their gradients against finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gatecast.distributions import LEVELS, StudentT
from gatecast.errors import SettingError
from gatecast.nn.losses import loss_of, pinball, student_t_crps, student_t_nll
from gatecast.settings.experiment import Experiment
from gatecast.settings.network import Network
from gatecast.settings.training import Training

OUTPUT = np.array([[1.0, 2.0], [0.0, -3.0]])
Y = np.array([[0.5, 2.0], [0.0, 0.0]])
POINT, STUDENT, QUANTILES = (Network(output=output) for output in ("point", "student_t", "quantiles"))
DISTRIBUTED = [("nll", student_t_nll), ("crps", student_t_crps)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("auto", [0.125, 4.5]),
        ("mse", [0.125, 4.5]),
        ("mae", [0.25, 1.5]),
        ("huber", [0.0625, 1.25]),
    ],
)
def test_against_numbers_by_hand(name, expected):
    loss = loss_of(Training(loss=name), POINT)
    np.testing.assert_allclose(loss(jnp.asarray(OUTPUT), jnp.asarray(Y)), expected)


@pytest.mark.parametrize("shape", [(2,), (2, 1), (1, 2)])
@pytest.mark.parametrize(("network", "width"), [(POINT, ()), (STUDENT, (3,)), (QUANTILES, (17,))])
def test_refuses_to_broadcast(network, width, shape):
    with pytest.raises(ValueError, match="shape"):
        loss_of(Training(), network)(jnp.ones((2, 2, *width)), jnp.zeros(shape))


def student_outputs(rows: int = 60, steps: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """(B, h, 3) location, scale and df (2.1 … 60), and targets up to thirty scales away."""
    rng = np.random.default_rng(0)
    shape = rows, steps
    location, log_scale = rng.normal(0, 0.3, shape), rng.normal(0, 0.7, shape)
    df = np.exp(rng.uniform(np.log(2.1), np.log(60), shape))
    y = location + np.exp(log_scale) * rng.choice([0.0, 0.01, 1.0, -3.0, 30.0], shape)
    return np.stack([location, np.exp(log_scale), df], axis=-1), y


def mean_score(name: str, output: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The reference, (B,), in scipy's double precision."""
    known = StudentT(*(output[..., place] for place in range(3)))
    return (known.log_score(y) if name == "nll" else known.crps(y)).mean(axis=1)


@pytest.mark.parametrize(("name", "loss"), DISTRIBUTED)
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-6), (np.float32, 1e-4)])
def test_student_t_losses_are_the_scores_of_the_distribution(name, loss, dtype, rtol):
    output, y = student_outputs()
    with jax.enable_x64(dtype == np.float64):
        value = jax.jit(loss)(output.astype(dtype), y.astype(dtype))
        assert value.dtype == dtype
    np.testing.assert_allclose(value, mean_score(name, output, y), rtol=rtol, atol=rtol)


@pytest.mark.parametrize(("name", "loss"), DISTRIBUTED)
def test_gradients_in_location_scale_and_df_are_those_of_the_scores(name, loss):
    """Central differences of scipy's numbers, so that a custom derivative cannot confirm itself."""
    output, y = student_outputs(rows=20, steps=1)
    with jax.enable_x64(True):
        gradient = jax.jit(jax.grad(lambda output: loss(output, jnp.asarray(y)).sum()))(output)
    for place in range(3):
        step = np.zeros(3)
        step[place] = 1e-4
        above, below = (mean_score(name, output + sign * step, y) for sign in (1, -1))
        np.testing.assert_allclose(
            gradient[:, 0, place], (above - below) / 2e-4, rtol=1e-4, atol=1e-6, err_msg=str(place)
        )


@pytest.mark.parametrize(("name", "loss"), DISTRIBUTED)
def test_a_target_far_away_has_a_finite_loss_and_gradient(name, loss):
    """In single precision, where training runs: a crash of a thousand scales must not end it."""
    output = np.tile(np.array([0.0, 1e-3, 2.1], np.float32), (3, 1, 1))
    y = jnp.array([[1e3], [-1e3], [0.0]])
    value, gradient = jax.jit(jax.value_and_grad(lambda output: loss(output, y).sum()))(output)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    assert gradient[0, 0, 0] < 0 < gradient[1, 0, 0]


def test_pinball_by_hand():
    """Quantiles -8 … 8: below y = 3 the level's share of the distance, above it the rest's."""
    values = np.arange(-8.0, 9.0)
    output = np.stack([values, values + 3])[None]  # one row, two steps
    first = sum(
        level * (3 - q) if q < 3 else (1 - level) * (q - 3) for level, q in zip(LEVELS, values, strict=True)
    )
    by_symmetry = sum(min(level, 1 - level) * abs(q) for level, q in zip(LEVELS, values, strict=True))
    expected = (first + by_symmetry) / 34
    np.testing.assert_allclose(pinball(jnp.asarray(output), jnp.full((1, 2), 3.0)), [expected], rtol=1e-6)


def test_the_pinball_loss_is_least_at_the_quantiles():
    sample = np.random.default_rng(1).standard_t(5, (4001, 1)).astype(np.float32)

    def mean_loss(quantiles: np.ndarray) -> float:
        output = np.broadcast_to(quantiles.astype(np.float32), (len(sample), 1, len(LEVELS)))
        return float(pinball(jnp.asarray(output), jnp.asarray(sample)).mean())

    best = np.quantile(sample, LEVELS)
    for place in range(len(LEVELS)):
        for move in (-0.2, 0.2):
            moved = best.copy()
            moved[place] += move
            assert mean_loss(moved) > mean_loss(best)


@pytest.mark.parametrize(
    ("network", "name", "like"),
    [
        (STUDENT, "auto", student_t_nll),
        (STUDENT, "nll", student_t_nll),
        (STUDENT, "crps", student_t_crps),
        (QUANTILES, "auto", pinball),
        (QUANTILES, "pinball", pinball),
    ],
)
def test_every_output_has_its_losses(network, name, like):
    rng = np.random.default_rng(2)
    output, y = jnp.asarray(rng.uniform(2.2, 3, (4, 2, 3 if network is STUDENT else 17))), jnp.ones((4, 2))
    assert jnp.array_equal(loss_of(Training(loss=name), network)(output, y), like(output, y))


@pytest.mark.parametrize(
    ("output", "loss", "remedy"),
    [
        ("point", "nll", "auto, mse, mae or huber"),
        ("point", "pinball", "auto, mse, mae or huber"),
        ("student_t", "mse", "auto, nll or crps"),
        ("student_t", "pinball", "auto, nll or crps"),
        ("quantiles", "crps", "auto or pinball"),
    ],
)
def test_a_loss_of_another_output_names_both(output, loss, remedy):
    with pytest.raises(
        SettingError, match=f"loss = '{loss}': does not fit the output \"{output}\" of mine; choose {remedy}"
    ) as caught:
        Experiment(
            models=("naive", "mine"),
            networks={"mine": Network(output=output)},
            training=Training(loss=loss),
        )
    assert caught.value.setting == "loss"
