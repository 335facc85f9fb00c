"""Losses of one batch: a weighted mean over rows."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from gatecast.experiment import Training

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


def loss_of(training: Training) -> RowLoss:
    """The loss that a Training names."""
    named = {"mse": squared_error, "mae": absolute_error, "huber": huber}
    return _same_shape(named["mse" if training.loss == "auto" else training.loss])


def _same_shape(loss: RowLoss) -> RowLoss:
    """(N,) against (N, 1) would broadcast to (N, N) and train on nonsense: refuse it."""

    def checked(output: jax.Array, y: jax.Array) -> jax.Array:
        if output.shape != y.shape:
            raise ValueError(f"outputs have shape {output.shape}, targets {y.shape}")
        return loss(output, y)

    return checked
