"""Recurrent layers, and the windows they read, in C as operations of JAX.

products.h, cells.h, layer.h and kernel.c are one program, in this order; kernel.c begins with its terms.
hatch_build.py compiles it when the package is built, `variants` chooses what this processor runs.

Where it was not built, or JAX works on something else than the processor, `available` is false and
`gatecast.nn.fast` does the same work in JAX alone. GATECAST_KERNEL=off leaves it to that, too.
"""

import contextlib
import ctypes
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Float, Int

from gatecast.errors import EngineWarning
from gatecast.files import sha256_of
from gatecast.nn import cells
from gatecast.nn.cells import Cell, LayerWeights, State, Values
from gatecast.nn.kernel import variants

CELL_NUMBERS: dict[Callable[..., Values], int] = {cells.rnn_step: 0, cells.lstm_step: 1, cells.gru_step: 2}
TYPES = (np.dtype(np.float32), np.dtype(np.float64))
FORWARD, BACKWARD, WINDOWS = "gatecast_forward", "gatecast_backward", "gatecast_windows"


def available(dtype: np.dtype) -> bool:
    """Whether there is a kernel for numbers of this type, here."""
    return dtype in TYPES and library(dtype) is not None


def serves(cell: Cell, dtype: np.dtype) -> bool:
    """Whether that kernel has this cell."""
    return cell.step in CELL_NUMBERS and available(dtype)


@contextlib.contextmanager
def one_more_network() -> Iterator[None]:
    """While a thread trains a network of its own: the kernel then leaves it a smaller share of the cores."""
    known = library(np.dtype(np.float32))
    if known is not None:
        known.code.gatecast_networks(1)
    try:
        yield
    finally:
        if known is not None:
            known.code.gatecast_networks(-1)


def windows(
    features: Float[Array, "rows features"],
    symbol: Int[Array, " rows"],
    origins: Int[Array, " batch"],
    offset: Float[Array, "scales symbols features"],
    divisor: Float[Array, "scales symbols features"],
    scale: Int[Array, ""] | int,
    lookback: int,
) -> Float[Array, "batch time features"]:
    """The scaled windows that end at `origins`: see `gatecast.nn.program.window`.

    Not differentiable: nobody trains the features.
    """
    length = lookback * features.shape[1]
    shapes = [(len(origins), lookback, features.shape[1]), (2 * length,)]
    whole = [jnp.asarray(part, jnp.int32) for part in (symbol, origins)]
    return _call(WINDOWS, shapes, [features, *whole, offset, divisor, jnp.asarray(scale, jnp.int32)])[0]


def layer(
    cell: Cell,
    x: Float[Array, "batch time features"],
    state: State | None,
    weights: LayerWeights,
    *,
    reverse: bool,
) -> tuple[Float[Array, "batch time hidden"], State]:
    """The outputs and the final state of one layer in one direction; no state is zero."""
    # one after the other, as in the vector of all weights: XLA takes a part of that, and copies none of it
    block = jnp.concatenate([part.ravel() for part in _in_order(weights)])
    settings = _Settings(
        CELL_NUMBERS[cell.step], weights.weight_hh.shape[1], len(_in_order(weights)) - 2, reverse
    )
    first = () if state is None else (state[0], state[-1])
    outputs, *final = _layer(settings, x, block, *first)
    return outputs, tuple(final[: len(cell.states)])


def _in_order(weights: LayerWeights) -> list[Array]:
    """The arrays in the order of `gatecast.nn.network.shapes`."""
    biases = [bias for bias in (weights.bias_ih, weights.bias_hh) if bias is not None]
    return [weights.weight_ih, weights.weight_hh, *biases]


class _Settings(NamedTuple):
    """The attributes of a layer's operations; kind: the cell's number, size: hidden units."""

    kind: int
    size: int
    biases: int
    reverse: bool


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _layer(
    settings: _Settings, *arrays: Float[Array, "..."]
) -> tuple[Float[Array, "batch time hidden"], Float[Array, "batch hidden"], Float[Array, "batch hidden"]]:
    """x, weights and perhaps h, c → outputs, h, c.

    A cell without c takes and returns h, or an unused array, in its place.
    """
    outputs, h, c, _ = _forward_call(settings, arrays, keep=False)
    return outputs, h, c


def _forward(settings: _Settings, *primals: Any) -> tuple[Any, Any]:
    x, weights, *first = arrays = [primal.value for primal in primals]
    outputs, h, c, _, residuals = _forward_call(settings, arrays, keep=True)
    marker = () if primals[0].perturbed else None  # by structure: numbers would be traced
    return (outputs, h, c), (x, weights, residuals, first, marker)


def _backward(settings: _Settings, forward: Any, gradients: Any) -> tuple[Any, ...]:
    x, weights, residuals, first, marker = forward
    wants_x = marker is not None
    by_outputs, *by_state = gradients
    reads_outputs = not isinstance(by_outputs, SymbolicZero)
    given = [
        *(x, weights, residuals),
        *(_array(part) for part in by_state),
        *([by_outputs] if reads_outputs else []),
    ]
    scratch = _sizes(x.dtype, settings.kind, *x.shape, settings.size)[2]
    shapes = [weights.shape, (scratch,), *([x.shape] if wants_x else []), *(part.shape for part in first)]
    asked = {"fresh": not first, "by_outputs": reads_outputs, "by_x": wants_x}
    by_weights, _, *others = _call(BACKWARD, shapes, given, **settings._asdict(), **asked)
    by_x = others.pop(0) if wants_x else None
    by_first = (
        others if settings.kind == CELL_NUMBERS[cells.lstm_step] else [*others[:1], *[None] * len(others[1:])]
    )
    return by_x, by_weights, *by_first


_layer.defvjp(_forward, _backward, symbolic_zeros=True)


def _array(gradient: Any) -> Array:
    """A gradient as numbers, also where it is known to be zero."""
    return jnp.zeros(gradient.shape, gradient.dtype) if isinstance(gradient, SymbolicZero) else gradient


def _forward_call(settings: _Settings, arrays: Sequence[Array], *, keep: bool) -> list[Array]:
    x = arrays[0]
    (batch, lookback, _), size = x.shape, settings.size
    residuals, scratch, _ = _sizes(x.dtype, settings.kind, *x.shape, size)
    final = (batch, size)
    shapes = [(batch, lookback, size), final, final, (scratch,), *([(residuals,)] if keep else [])]
    return _call(FORWARD, shapes, arrays, **settings._asdict(), fresh=len(arrays) == 2)


def _call(
    name: str,
    shapes: Sequence[tuple[int, ...]],
    arrays: Sequence[Array],
    **attributes: int,
) -> list[Array]:
    dtype = arrays[0].dtype
    results = [jax.ShapeDtypeStruct(shape, dtype) for shape in shapes]  # type: ignore[no-untyped-call]
    call = jax.ffi.ffi_call(_library(dtype).target(name), results, vmap_method="sequential")
    return list(call(*arrays, **{key: np.int64(value) for key, value in attributes.items()}))


def _sizes(dtype: np.dtype, *shape: int) -> tuple[int, ...]:
    """Sizes of the residuals, the forward and the backward pass's scratch; shape: kind, B, T, F, H."""
    sizes = (ctypes.c_int64 * 3)()
    _library(dtype).code.gatecast_sizes(*map(ctypes.c_int64, shape), sizes)
    return tuple(sizes)


@dataclass(frozen=True)
class Library:
    """One variant of the kernel, loaded; digest: its SHA-256, which tells its operations from others."""

    code: ctypes.CDLL
    variant: str
    digest: str

    def target(self, name: str) -> str:
        """The name under which JAX has an operation."""
        return f"{name}_{self.digest[:16]}"


@cache
def library(dtype: np.dtype) -> Library | None:
    """The kernel for numbers of this type, its operations registered with JAX; None where there is none.

    Raises
        SettingError: GATECAST_KERNEL asks for a variant that is not here.

    Warns
        EngineWarning: it was not built, or cannot be loaded, and nobody has asked to do without.
    """
    if jax.default_backend() != "cpu" or os.environ.get(variants.VARIABLE) == variants.OFF:
        return None
    why = "this copy of gatecast was built without a C compiler"
    if variant := variants.choice():
        file = variants.file_of(variant, dtype.name)
        try:
            return _registered(Library(ctypes.CDLL(str(file)), variant, sha256_of(file)))
        except OSError as error:
            why = f"{file} cannot be loaded ({error})"
    warnings.warn(
        f"the fast engine is missing: {why}. JAX computes the networks instead, with the same results to "
        "single precision, and takes longer. Install a wheel of gatecast for this platform, or a C compiler "
        "(gcc or clang) and then gatecast again; GATECAST_KERNEL=off chooses JAX without a warning",
        EngineWarning,
        stacklevel=2,
    )
    return None


def _registered(loaded: Library) -> Library:
    for name in (FORWARD, BACKWARD, WINDOWS):
        handler = jax.ffi.pycapsule(getattr(loaded.code, name))  # type: ignore[no-untyped-call]
        jax.ffi.register_ffi_target(loaded.target(name), handler, platform="cpu")
    return loaded


def _library(dtype: np.dtype) -> Library:
    found = library(np.dtype(dtype))
    assert found is not None, "available() comes first"
    return found
