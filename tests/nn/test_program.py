"""The weights in blocks: nothing but their shape differs from a vector."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gatecast.nn.program import BLOCK, by_name, clip, in_blocks

SHAPES = {"a": (3, 7), "b": (BLOCK, 5), "c": (9,)}


def parts(seed: int) -> list[jax.Array]:
    rng = np.random.default_rng(seed)
    return [jnp.asarray(rng.normal(size=int(np.prod(shape))), jnp.float32) for shape in SHAPES.values()]


@pytest.mark.parametrize("shapes", [SHAPES, {"d": (2 * BLOCK,)}])
def test_weights_are_found_by_their_names(shapes: dict[str, tuple[int, ...]]) -> None:
    count = sum(int(np.prod(shape)) for shape in shapes.values())
    vector = jnp.arange(count, dtype=jnp.float32)
    blocks = in_blocks([vector])
    assert blocks.shape == (-(-count // BLOCK), BLOCK)
    assert (blocks.ravel()[count:] == 0).all()
    found = by_name(blocks, shapes)
    assert {name: weight.shape for name, weight in found.items()} == shapes
    np.testing.assert_array_equal(jnp.concatenate([weight.ravel() for weight in found.values()]), vector)


def test_the_gradient_of_what_is_behind_the_weights_is_zero() -> None:
    blocks = in_blocks(parts(0))
    gradient = jax.grad(lambda given: sum((w**2).sum() for w in by_name(given, SHAPES).values()))(blocks)
    np.testing.assert_array_equal(gradient, 2 * blocks)


@pytest.mark.parametrize("most", [0.5, np.inf])
def test_clipping_is_that_of_optax_bit_for_bit(most: float) -> None:
    for seed in range(20):
        gradient = parts(seed)
        vector = jnp.concatenate(gradient)
        theirs, _ = optax.clip_by_global_norm(most).update(vector, optax.EmptyState())
        ours, _ = clip(jnp.float32(most), len(vector)).update(in_blocks(gradient), optax.EmptyState())
        np.testing.assert_array_equal(ours.ravel()[: len(vector)], theirs)
