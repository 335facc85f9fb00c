"""Losses of a batch, one number per row; training minimises their weighted mean."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln
from jaxtyping import Array, Float

from gatecast.distributions import LEVELS
from gatecast.settings.network import Network
from gatecast.settings.training import LOSSES, Training

RowLoss = Callable[[Array, Array], Array]


def squared_error(
    output: Float[Array, "batch horizon"], y: Float[Array, "batch horizon"]
) -> Float[Array, " batch"]:
    """Mean over steps of (output - y)²."""
    return jnp.mean((output - y) ** 2, axis=-1)


def absolute_error(
    output: Float[Array, "batch horizon"], y: Float[Array, "batch horizon"]
) -> Float[Array, " batch"]:
    """Mean over steps of |output - y|."""
    return jnp.mean(jnp.abs(output - y), axis=-1)


def huber(output: Float[Array, "batch horizon"], y: Float[Array, "batch horizon"]) -> Float[Array, " batch"]:
    """Mean over steps of Huber's (1964) loss with threshold 1."""
    error = jnp.abs(output - y)
    return jnp.mean(jnp.where(error <= 1, 0.5 * error**2, error - 0.5), axis=-1)


def student_t_nll(
    output: Float[Array, "batch horizon 3"], y: Float[Array, "batch horizon"]
) -> Float[Array, " batch"]:
    """Mean over steps of - log density of Student's t."""
    location, scale, df = output[..., 0], output[..., 1], output[..., 2]
    return jnp.mean(jnp.log(scale) - _log_density((y - location) / scale, df), axis=-1)


def student_t_crps(
    output: Float[Array, "batch horizon 3"], y: Float[Array, "batch horizon"]
) -> Float[Array, " batch"]:
    """Mean over steps of the CRPS of Student's t.

    Jordan, Krüger and Lerch (2019), appendix A, as `gatecast.distributions.StudentT.crps`.
    """
    location, scale, df = output[..., 0], output[..., 1], output[..., 2]
    z = (y - location) / scale
    tail = 2 * jnp.exp(_log_density(z, df)) * (df + z**2) / (df - 1)
    apart = jnp.exp(_log_beta_half(df - 0.5) - 2 * _log_beta_half(df / 2))
    crps = z * (2 * _cdf(z, df) - 1) + tail - 2 * jnp.sqrt(df) / (df - 1) * apart
    return jnp.mean(scale * crps, axis=-1)


def pinball(
    output: Float[Array, "batch horizon levels"], y: Float[Array, "batch horizon"]
) -> Float[Array, " batch"]:
    """Mean over steps and levels of the pinball loss. Koenker and Bassett 1978."""
    error = y[..., None] - output
    level = jnp.asarray(LEVELS, output.dtype)
    return jnp.mean(jnp.maximum(level * error, (level - 1) * error), axis=(-2, -1))


def loss_of(training: Training, network: Network) -> RowLoss:
    """The loss that a Training names for a network's output; "auto" is the first that fits."""
    return ROW_LOSSES[LOSSES[network.output][0] if training.loss == "auto" else training.loss]


def _same_shape(loss: RowLoss, *, distributional: bool) -> RowLoss:
    """The loss, refusing shapes that differ: (N,) and (N, 1) would broadcast to (N, N)."""

    def checked(output: Array, y: Array) -> Array:
        if (output.shape[:-1] if distributional else output.shape) != y.shape:
            raise ValueError(f"outputs have shape {output.shape}, targets {y.shape}")
        return loss(output, y)

    return checked


def _log_density(z: Float[Array, "*shape"], df: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Log density of the standard Student t."""
    return -0.5 * jnp.log(df) - _log_beta_half(df / 2) - (df + 1) / 2 * jnp.log1p(z**2 / df)


def _log_beta_half(b: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """log B(1/2, b)."""
    return 0.5 * np.log(np.pi) + gammaln(b) - gammaln(b + 0.5)


def _cdf(z: Float[Array, "*shape"], df: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Distribution function of the standard Student t.

    It has derivatives in z and df; jax's incomplete beta has none in df.

    With x = sqrt(df) tan(a) the density becomes cos(a)^(df - 1) / B(1/2, df/2), integrated over 0 … a by 32
    Gauss-Legendre nodes: exact to 1e-7 for df up to 60.
    """
    node, weight = np.polynomial.legendre.leggauss(32)
    angle = jnp.arctan(z / jnp.sqrt(df))[..., None]
    at = angle * jnp.asarray((node + 1) / 2, z.dtype)
    height = jnp.exp((df[..., None] - 1) * jnp.log(jnp.cos(at)))
    area = jnp.sum(height * jnp.asarray(weight / 2, z.dtype), axis=-1) * angle[..., 0]
    return 0.5 + area * jnp.exp(-_log_beta_half(df / 2))


ROW_LOSSES: dict[str, RowLoss] = {
    "mse": _same_shape(squared_error, distributional=False),
    "mae": _same_shape(absolute_error, distributional=False),
    "huber": _same_shape(huber, distributional=False),
    "nll": _same_shape(student_t_nll, distributional=True),
    "crps": _same_shape(student_t_crps, distributional=True),
    "pinball": _same_shape(pinball, distributional=True),
}
