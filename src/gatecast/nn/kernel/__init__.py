"""Recurrent layers in C as operations of JAX: compiled for this very processor when first needed, then kept.

products.h, cells.h, layer.h and kernel.c are one program, in this order; kernel.c begins with its terms.

Where there is no C compiler, or JAX works on something else than the processor, `serves` says so and
`gatecast.nn.fast` does the same work in JAX alone. GATECAST_KERNEL=off leaves it to that, too.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from gatecast.files import cache_folder
from gatecast.nn import cells
from gatecast.nn.cells import Cell, State, Weights

KINDS: dict[Callable[..., State], int] = {cells.rnn_step: 0, cells.lstm_step: 1, cells.gru_step: 2}
SOURCE = Path(__file__).parent
OPTIONS = (
    *("-O3", "-march=native", "-std=gnu11", "-shared", "-fPIC"),
    *("-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros"),
)
WIDE_VECTORS = "-mprefer-vector-width=512"
TYPES = {np.dtype(np.float32): (), np.dtype(np.float64): ("-DDOUBLE",)}
FORWARD, BACKWARD = "gatecast_forward", "gatecast_backward"


def serves(cell: Cell, dtype: np.dtype) -> bool:
    """Whether this cell has a kernel, for numbers of this type, here."""
    return cell.step in KINDS and dtype in TYPES and library(dtype) is not None


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


def layer(
    cell: Cell,
    x: jax.Array,
    state: State | None,
    weights: Weights,
    *,
    reverse: bool,
) -> tuple[jax.Array, State]:
    """One layer, one direction: x (B, T, F), state each (B, H) → outputs (B, T, H) and the final state.

    state: None is zero.
    """
    weight_ih, bias_ih, weight_hh, bias_hh = weights
    if bias_hh is None:
        bias_hh = jnp.zeros_like(bias_ih)
    first = () if state is None else (state[0], state[-1])
    outputs, *final = _layer(KINDS[cell.step], reverse, x, weight_hh, weight_ih, bias_ih, bias_hh, *first)
    return outputs, tuple(final[: cell.states])


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _layer(kind: int, reverse: bool, *arrays: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """x, weight_hh, weight_ih, bias_ih, bias_hh and perhaps h, c → outputs, h, c.

    A cell without c is given, and gives, h or nothing of worth in its place.
    """
    outputs, h, c, _ = _forward_call(kind, reverse, arrays, keep=False)
    return outputs, h, c


def _forward(kind: int, reverse: bool, *primals: Any) -> tuple[Any, Any]:
    x, weight_hh, weight_ih, *_ = arrays = [primal.value for primal in primals]
    outputs, h, c, _, kept = _forward_call(kind, reverse, arrays, keep=True)
    known = x, weight_hh, weight_ih if primals[0].perturbed else None, kept, arrays[5:]
    return (outputs, h, c), known


def _backward(kind: int, reverse: bool, known: Any, gradients: Any) -> tuple[Any, ...]:
    x, weight_hh, weight_ih, kept, first = known
    by_outputs, *by_state = gradients
    (rows, size), features = weight_hh.shape, x.shape[2]
    shapes: list[tuple[int, ...]] = [(rows, features), (rows,), (rows, size), (rows,)]
    shapes.append((_sizes(x.dtype, kind, *x.shape, size)[2],))
    given = [x, weight_hh, kept, *(_array(part) for part in by_state)]
    reads_outputs, wants_x = not isinstance(by_outputs, SymbolicZero), weight_ih is not None
    if reads_outputs:
        given.append(by_outputs)
    if wants_x:
        given.append(weight_ih)
        shapes.append(x.shape)
    by_weight_ih, by_bias_ih, by_weight_hh, by_bias_hh, _, *others = _call(
        BACKWARD,
        [*shapes, *(part.shape for part in first)],
        given,
        kind=kind,
        reverse=reverse,
        fresh=not first,
        by_outputs=reads_outputs,
        by_x=wants_x,
    )
    by_x = others.pop(0) if wants_x else None
    by_first = others if kind == KINDS[cells.lstm_step] else [*others[:1], *[None] * len(others[1:])]
    return by_x, by_weight_hh, by_weight_ih, by_bias_ih, by_bias_hh, *by_first


_layer.defvjp(_forward, _backward, symbolic_zeros=True)


def _array(gradient: Any) -> jax.Array:
    """Numbers also of a gradient that is known to be zero."""
    return jnp.zeros(gradient.shape, gradient.dtype) if isinstance(gradient, SymbolicZero) else gradient


def _forward_call(kind: int, reverse: bool, arrays: Sequence[jax.Array], *, keep: bool) -> list[jax.Array]:
    x, weight_hh = arrays[:2]
    (batch, lookback, _), size = x.shape, weight_hh.shape[1]
    kept, scratch, _ = _sizes(x.dtype, kind, *x.shape, size)
    shapes = [(batch, lookback, size), (batch, size), (batch, size), (scratch,), *([(kept,)] if keep else [])]
    return _call(FORWARD, shapes, arrays, kind=kind, reverse=reverse, fresh=len(arrays) == 5)


def _call(
    name: str, shapes: Sequence[tuple[int, ...]], arrays: Sequence[jax.Array], **attributes: int
) -> list[jax.Array]:
    dtype = arrays[0].dtype
    results = [jax.ShapeDtypeStruct(shape, dtype) for shape in shapes]  # type: ignore[no-untyped-call]
    call = jax.ffi.ffi_call(_library(dtype).target(name), results, vmap_method="sequential")
    return list(call(*arrays, **{key: np.int64(value) for key, value in attributes.items()}))


def _sizes(dtype: np.dtype, *shape: int) -> tuple[int, ...]:
    """Numbers kept by the forward pass, its scratch, the backward pass's, for kind, B, T, F, H."""
    sizes = (ctypes.c_int64 * 3)()
    _library(dtype).code.gatecast_sizes(*map(ctypes.c_long, shape), sizes)
    return tuple(sizes)


@dataclass(frozen=True)
class Library:
    """The compiled kernel; mark: what tells its operations from those of another one."""

    code: ctypes.CDLL
    mark: str

    def target(self, name: str) -> str:
        """Under what name JAX knows an operation."""
        return f"{name}_{self.mark}"


@cache
def library(dtype: np.dtype) -> Library | None:
    """The compiled kernel, known to JAX; None where there is none."""
    off = os.environ.get("GATECAST_KERNEL") == "off" or jax.default_backend() != "cpu"
    file = None if off else _compiled(TYPES[dtype])
    if file is None:
        return None
    loaded = Library(ctypes.CDLL(str(file)), file.stem)
    for name in (FORWARD, BACKWARD):
        handler = jax.ffi.pycapsule(getattr(loaded.code, name))  # type: ignore[no-untyped-call]
        jax.ffi.register_ffi_target(loaded.target(name), handler, platform="cpu")
    return loaded


def _library(dtype: np.dtype) -> Library:
    found = library(np.dtype(dtype))
    assert found is not None, "serves() comes first"
    return found


def _compiled(extra: tuple[str, ...]) -> Path | None:
    """The shared library for this source, compiler and processor, compiled if it is not there yet."""
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        return None
    options = [*OPTIONS, *extra]
    source = [file.read_text(encoding="utf-8") for file in sorted(SOURCE.glob("*.[ch]"))]
    told = [*source, compiler, *options, jax.__version__, _processor()]
    file = cache_folder() / "kernels" / f"{hashlib.sha256('|'.join(told).encode()).hexdigest()[:16]}.so"
    if file.exists():
        return file
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=file.parent) as folder:
            new = Path(folder) / file.name
            for widest in ([WIDE_VECTORS], []):  # not every processor knows the option
                command = [compiler, *options, *widest, "-I", jax.ffi.include_dir(), str(SOURCE / "kernel.c")]
                if subprocess.run([*command, "-o", str(new), "-lm"], capture_output=True).returncode == 0:
                    new.replace(file)
                    return file
    except OSError:
        pass  # no place to write to: the same numbers can be had without
    return None


def _processor() -> str:
    """What the processor can do: a cache folder may be shared by different machines."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    able = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return f"{platform.platform()} {platform.processor()} {able}"
