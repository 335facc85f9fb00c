"""Losses of one batch: a weighted mean over rows."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln

from gatecast.distributions import LEVELS
from gatecast.settings.network import Network
from gatecast.settings.training import LOSSES, Training

RowLoss = Callable[[jax.Array, jax.Array], jax.Array]


def squared_error(output: jax.Array, y: jax.Array) -> jax.Array:
    """Mean over steps of (output - y)²; (B, h), (B, h) → (B,)."""
    return jnp.mean((output - y) ** 2, axis=-1)


def absolute_error(output: jax.Array, y: jax.Array) -> jax.Array:
    """Mean over steps of |output - y|; (B, h), (B, h) → (B,)."""
    return jnp.mean(jnp.abs(output - y), axis=-1)


def huber(output: jax.Array, y: jax.Array) -> jax.Array:
    """Mean over steps of Huber's (1964) loss with threshold 1; (B, h), (B, h) → (B,)."""
    error = jnp.abs(output - y)
    return jnp.mean(jnp.where(error <= 1, 0.5 * error**2, error - 0.5), axis=-1)


def student_t_nll(output: jax.Array, y: jax.Array) -> jax.Array:
    """Mean over steps of - log density of Student's t; (B, h, 3), (B, h) → (B,)."""
    location, scale, df = output[..., 0], output[..., 1], output[..., 2]
    return jnp.mean(jnp.log(scale) - _log_density((y - location) / scale, df), axis=-1)


def student_t_crps(output: jax.Array, y: jax.Array) -> jax.Array:
    """Mean over steps of the CRPS of Student's t; (B, h, 3), (B, h) → (B,).

    Jordan, Krüger and Lerch (2019), appendix A, as `gatecast.distributions.StudentT.crps`.
    """
    location, scale, df = output[..., 0], output[..., 1], output[..., 2]
    z = (y - location) / scale
    tail = 2 * jnp.exp(_log_density(z, df)) * (df + z**2) / (df - 1)
    apart = jnp.exp(_log_beta_half(df - 0.5) - 2 * _log_beta_half(df / 2))
    crps = z * (2 * _cdf(z, df) - 1) + tail - 2 * jnp.sqrt(df) / (df - 1) * apart
    return jnp.mean(scale * crps, axis=-1)


def pinball(output: jax.Array, y: jax.Array) -> jax.Array:
    """Mean over steps and levels of the pinball loss; (B, h, Q), (B, h) → (B,). Koenker and Bassett 1978."""
    error = y[..., None] - output
    level = jnp.asarray(LEVELS, output.dtype)
    return jnp.mean(jnp.maximum(level * error, (level - 1) * error), axis=(-2, -1))


def loss_of(training: Training, network: Network) -> RowLoss:
    """The loss that a Training names for a network's output; "auto" is the first that fits."""
    named: dict[str, RowLoss] = {
        "mse": squared_error,
        "mae": absolute_error,
        "huber": huber,
        "nll": student_t_nll,
        "crps": student_t_crps,
        "pinball": pinball,
    }
    name = LOSSES[network.output][0] if training.loss == "auto" else training.loss
    return _same_shape(named[name], ranged=network.output != "point")


def _same_shape(loss: RowLoss, *, ranged: bool) -> RowLoss:
    """(N,) against (N, 1) would broadcast to (N, N) and train on nonsense: refuse it."""

    def checked(output: jax.Array, y: jax.Array) -> jax.Array:
        if (output.shape[:-1] if ranged else output.shape) != y.shape:
            raise ValueError(f"outputs have shape {output.shape}, targets {y.shape}")
        return loss(output, y)

    return checked


def _log_density(z: jax.Array, df: jax.Array) -> jax.Array:
    """Of the standard Student t."""
    return -0.5 * jnp.log(df) - _log_beta_half(df / 2) - (df + 1) / 2 * jnp.log1p(z**2 / df)


def _log_beta_half(b: jax.Array) -> jax.Array:
    """log B(1/2, b)."""
    return 0.5 * np.log(np.pi) + gammaln(b) - gammaln(b + 0.5)


def _cdf(z: jax.Array, df: jax.Array) -> jax.Array:
    """Of the standard Student t, with derivatives in z and df, which jax's incomplete beta has not for df.

    With x = sqrt(df) tan(a) the density becomes cos(a)^(df - 1) / B(1/2, df/2), integrated over 0 … a by 32
    Gauss-Legendre nodes: exact to 1e-7 for df up to 60.
    """
    node, weight = np.polynomial.legendre.leggauss(32)
    angle = jnp.arctan(z / jnp.sqrt(df))[..., None]
    at = angle * jnp.asarray((node + 1) / 2, z.dtype)
    height = jnp.exp((df[..., None] - 1) * jnp.log(jnp.cos(at)))
    area = jnp.sum(height * jnp.asarray(weight / 2, z.dtype), axis=-1) * angle[..., 0]
    return 0.5 + area * jnp.exp(-_log_beta_half(df / 2))
