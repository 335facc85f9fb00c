"""The kernel in C: shapes at its seams, threads, its libraries. See also test_recurrent.py."""

import contextlib
import ctypes
import os
import platform
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import hatch_build
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatecast.errors import EngineWarning
from gatecast.nn import kernel
from gatecast.nn.cells import LayerWeights, cell_of
from gatecast.nn.kernel import variants
from gatecast.nn.program import Dataset, gathered, window
from gatecast.nn.recurrent import recurrent, textbook

from ..conftest import FULL  # isort: skip
from . import reference

FLOAT32 = np.dtype("float32")
EXAMPLES = int(
    os.environ.get("GATECAST_TEST_EXAMPLES", 12 if FULL else 8)
)  # of shapes; fewer under sanitizers
pytestmark = pytest.mark.skipif(jax.default_backend() != "cpu", reason="the kernel is for processors")


def array(values: np.ndarray) -> np.ndarray:
    """In the precision that JAX takes it in, without a program of JAX's for each shape."""
    return np.asarray(values, jax.dtypes.canonicalize_dtype(np.float64))


def weights(cell: str, features: int, size: int, scale: float = 0.5) -> dict[str, np.ndarray]:
    rng, rows = np.random.default_rng(0), cell_of(cell).gates * size
    shapes = {
        "weight_ih": (rows, features),
        "bias_ih": (rows,),
        "weight_hh": (rows, size),
        "bias_hh": (rows,),
    }
    return {name: array(scale * rng.standard_normal(shape)) for name, shape in shapes.items()}


def params(cell: str, features: int, size: int, scale: float = 0.5) -> dict[str, np.ndarray]:
    return {f"{name}_l0": value for name, value in weights(cell, features, size, scale).items()}


def inputs(*shape: int) -> np.ndarray:
    return array(np.random.default_rng(1).standard_normal(shape))


def outputs_of(cell: str, given, x, *, run=None):
    """Of a layer, as one program."""
    return jax.jit(lambda given, x: recurrent(given, cell_of(cell), x, run=run)[0])(given, x)


@partial(jax.jit, static_argnums=0)
def results(cell: str, given, by_outputs, by_final) -> reference.Results:
    """The kernel's results for x, start states and weights; by_…: gradients of a scalar by them."""

    def layer(x, start, weights):
        return kernel.layer(cell_of(cell), x, start, LayerWeights(**weights), reverse=False)

    (outputs, final), pull = jax.vjp(layer, *given)
    by_x, by_start, by_weights = pull((by_outputs, by_final))
    return reference.Results(outputs, final, by_x, by_start, by_weights)


def largest_difference(cell: str, batch: int, lookback: int, features: int, size: int) -> float:
    """Between the kernel and the reference in NumPy, over their results and gradients."""
    scale, states = 1 / np.sqrt(size + features), len(cell_of(cell).states)
    rng = np.random.default_rng(2)
    start, by_final = (
        tuple(array(rng.standard_normal((batch, size))) for _ in range(states)) for _ in range(2)
    )
    given = inputs(batch, lookback, features), start, weights(cell, features, size, scale)
    by_outputs = array(rng.standard_normal((batch, lookback, size)))
    ours = results(cell, given, by_outputs, by_final)
    exact = jax.tree.map(lambda part: np.asarray(part, np.float64), (*given, by_outputs, by_final))
    expected = reference.layer(cell, *exact)
    return max(
        np.abs(a - b).max() / max(np.abs(b).max(), 1)
        for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(expected), strict=True)
    )


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    cell=st.sampled_from(["rnn", "lstm", "gru"]),
    batch=st.sampled_from([1, 2, 7, 8, 9, 33, 137]),
    lookback=st.integers(1, 12),
    features=st.sampled_from([1, 3, 16, 19]),
    size=st.sampled_from([1, 3, 4, 15, 16, 17, 50, 66]),
    double=st.booleans(),
)
def test_any_shape_equals_the_reference(cell, batch, lookback, features, size, double):
    with jax.enable_x64(double):
        difference = largest_difference(cell, batch, lookback, features, size)
    assert difference <= (1e-12 if double else 2e-5)


def test_one_thread_and_many_give_the_same_bits():
    given = inputs(256, 30, 8), (jnp.zeros((256, 64)),) * 2, weights("lstm", 8, 64)
    by_outputs, by_final = inputs(256, 30, 64), (jnp.ones((256, 64)),) * 2
    together = results("lstm", given, by_outputs, by_final)
    code = kernel.library(FLOAT32).code
    code.gatecast_networks(100)  # as if so many were in training: one thread each
    try:
        alone = results("lstm", given, by_outputs, by_final)
    finally:
        code.gatecast_networks(-100)
    jax.tree.map(np.testing.assert_array_equal, together, alone)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_numbers_that_are_not_finite_come_through(cell):
    x = array(np.zeros((9, 3, 2)))
    x[4, 1, 0] = np.nan
    outputs = outputs_of(cell, params(cell, 2, 5), x)
    assert np.isnan(outputs[4, 1:]).all()
    assert np.isfinite(np.delete(outputs, 4, axis=0)).all()


def test_large_pre_activations_saturate():
    given = "lstm", params("lstm", 2, 5, scale=300.0), inputs(4, 6, 2)
    outputs, expected = outputs_of(*given), outputs_of(*given, run=textbook)
    np.testing.assert_allclose(outputs, expected, atol=1e-4)  # sums in the hundreds, in single precision


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    features=st.sampled_from([1, 3, 5, 17]),
    lookback=st.sampled_from([1, 2, 7, 20]),
    origins=st.lists(st.integers(19, 39), min_size=1, max_size=9),
    scale=st.integers(0, 1),
    dtype=st.sampled_from(["float32", "float64"]),
)
def test_windows_equal_those_gathered_in_jax(features, lookback, origins, scale, dtype):
    """Three symbols in turn, each with an offset and a scale of its own in either of two folds."""
    rng = np.random.default_rng(0)
    with jax.enable_x64(dtype == "float64"):
        rows = Dataset(
            features=array(rng.standard_normal((40, features))),
            targets=None,
            symbol=np.arange(40, dtype=np.int32) % 3,
            x_offset=array(rng.standard_normal((2, 3, features))),
            x_scale=array(rng.uniform(0.5, 2, (2, 3, features))),
            y_offset=None,
            y_scale=None,
        )
        ours, expected = (
            jax.jit(cut, static_argnums=3)(rows, scale, np.array(origins), lookback)
            for cut in (window, gathered)
        )
    assert ours.dtype == dtype
    np.testing.assert_allclose(ours, expected, rtol=1e-6 if dtype == "float32" else 1e-14)


def test_an_origin_that_only_pads_reads_nothing_before_the_rows():
    rows = Dataset(
        jnp.ones((5, 2)), None, jnp.zeros(5, jnp.int32), jnp.zeros((1, 1, 2)), jnp.ones((1, 1, 2)), None, None
    )
    np.testing.assert_array_equal(window(rows, 0, jnp.array([0]), 4), np.ones((1, 4, 2)))


LAYER = {"kind": 1, "size": 5, "biases": 2, "reverse": 0, "fresh": 1}
GIVEN, FILLED = (
    {"x": (3, 4, 2), "weights": (20 * (2 + 5 + 2),)},
    {"outputs": (3, 4, 5), "h": (3, 5), "c": (3, 5)},
)


def forward(changed=None, dtype="float32", **attributes):
    """What the operation itself returns; changed: shapes by the array's name."""
    code, settings = kernel.library(FLOAT32), LAYER | attributes
    kind = settings["kind"] if 0 <= settings["kind"] <= 2 else 1
    scratch = kernel._sizes(FLOAT32, kind, 3, 4, 2, 5)[1]
    shapes = GIVEN | FILLED | {"scratch": (scratch,)} | (changed or {})
    given = [jnp.ones(shapes.pop(name), dtype) for name in GIVEN]
    call = jax.ffi.ffi_call(
        code.target(kernel.FORWARD), [jax.ShapeDtypeStruct(shape, "float32") for shape in shapes.values()]
    )
    return call(*given, **{name: np.int64(value) for name, value in settings.items()})


def test_the_operation_itself_can_be_called():
    assert [part.shape for part in forward()[:3]] == [(3, 4, 5), (3, 5), (3, 5)]


@pytest.mark.parametrize("name", [*GIVEN, *FILLED, "scratch"])
@pytest.mark.parametrize("shape", [(), (1,), (3, 4), (3, 4, 1), (2, 3, 4, 5)], ids=str)
def test_arrays_of_another_shape_are_refused_before_they_are_read(name, shape):
    with pytest.raises(Exception, match=r"gatecast: (an array of a layer's forward pass|a layer's input)"):
        forward({name: shape})


WRONG_SETTINGS = [
    *({"kind": 3}, {"kind": -1}, {"size": 0}, {"size": 10**12}, {"size": 6}, {"biases": 0}, {"biases": 3}),
    *({"biases": 1}, {"reverse": 2}, {"fresh": 0}, {"fresh": 7}),
]


@pytest.mark.parametrize("wrong", WRONG_SETTINGS, ids=str)
def test_settings_that_do_not_fit_the_arrays_are_refused(wrong):
    with pytest.raises(Exception, match="gatecast: "):
        forward(**wrong)


def test_numbers_of_another_type_are_refused():
    with pytest.raises(Exception, match="gatecast: "):
        forward(dtype="int32")


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"origins": [5]}, "an origin lies beyond the rows"),
        ({"origins": [-1]}, "an origin lies beyond the rows"),
        ({"symbol": [100_000_000]}, "a row's symbol has no scale"),
        ({"symbol": [-1]}, "a row's symbol has no scale"),
        ({"scale": 1}, "there is no such scale"),
        ({"scale": -1}, "there is no such scale"),
        ({"lookback": 6}, "another shape"),
    ],
    ids=str,
)
def test_a_window_outside_the_rows_or_the_scales_is_refused(wrong, message):
    asked = {"origins": [4], "symbol": [0], "scale": 0, "lookback": 4} | wrong
    scales = jnp.ones((1, 1, 2))
    with pytest.raises(Exception, match=message):
        kernel.windows(
            jnp.ones((5, 2)), jnp.array(asked["symbol"] * 5), jnp.array(asked["origins"]), scales, scales,
            asked["scale"], asked["lookback"],
        )  # fmt: skip


@pytest.fixture
def kernel_anew(monkeypatch, tmp_path):
    """As in a new process whose package holds nothing built yet: the folder for it."""
    monkeypatch.setattr(variants, "BUILT", tmp_path)
    monkeypatch.setattr(variants, "_level", variants._level.__wrapped__)
    monkeypatch.delenv("GATECAST_KERNEL", raising=False)
    kernel.library.cache_clear()
    jax.clear_caches()
    yield tmp_path
    kernel.library.cache_clear()
    jax.clear_caches()


def build(folder, variant, *more, source=hatch_build.SOURCE, number="float32"):
    """Compile a variant into `folder`, with the options of a package and `more`."""
    compiler = hatch_build.find_compiler()
    if compiler is None:
        pytest.skip("needs a C compiler")
    options = *hatch_build.VARIANTS[variant], *hatch_build.TYPES[number], *more
    assert not hatch_build.compile_library(
        compiler, options, source / "kernel.c", folder / variants.file_of(variant, number).name
    )
    shutil.copy(PROCESSOR, folder)


PROCESSOR = variants.BUILT / f"processor{variants.ENDING}"
HERE = kernel.library(FLOAT32)


def test_the_kernel_is_built_and_of_these_sources():
    """Where a C compiler is; `python hatch_build.py` builds it."""
    if HERE is None:
        assert hatch_build.find_compiler() is None, "the kernel is not built: python hatch_build.py"
        pytest.skip("there is no C compiler")
    sources = ctypes.c_char.in_dll(HERE.code, "gatecast_source")
    assert ctypes.string_at(ctypes.addressof(sources)).decode() == hatch_build.source_hash(), (
        "the kernel is built of other sources: python hatch_build.py"
    )


@pytest.mark.skipif(jax.__version_info__ >= (0, 9), reason="for the oldest jax alone")
def test_the_interface_is_that_of_the_oldest_jax():
    file = Path("xla", "ffi", "api", "c_api.h")
    assert (hatch_build.SOURCE / file).read_text() == Path(jax.ffi.include_dir(), file).read_text()


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() != "x86_64", reason="other processors have one variant")
def test_an_older_processor_computes_the_same(kernel_anew):
    build(kernel_anew, "x86-64-v2")
    for cell in ("rnn", "lstm", "gru"):
        assert largest_difference(cell, 13, 4, 3, 21) <= 2e-5
    assert kernel.library(FLOAT32).variant == "x86-64-v2"


def test_broken_twin_a_wrong_line_of_c_is_found(kernel_anew):
    wrong = shutil.copytree(hatch_build.SOURCE, kernel_anew / "wrong")
    source = (wrong / "cells.h").read_text()
    right = "by_c * i * (1 - g * g)"
    assert right in source
    (wrong / "cells.h").write_text(source.replace(right, "by_c * i * (1 - g * i)"))
    build(kernel_anew, HERE.variant, "-O1", source=wrong)
    assert largest_difference("lstm", 3, 4, 2, 5) > 1e-3


@pytest.mark.parametrize("case", ["not built", "damaged", "off"])
def test_without_a_kernel_jax_does_the_same(case, kernel_anew, monkeypatch):
    given = "gru", params("gru", 2, 5), inputs(3, 4, 2)
    expected = outputs_of(*given, run=textbook)
    if case != "not built":
        shutil.copy(PROCESSOR, kernel_anew)
        variants.file_of(HERE.variant, "float32").write_bytes(b"cut")
    if case == "off":
        monkeypatch.setenv("GATECAST_KERNEL", "off")
    said = {"not built": "was built without a C compiler", "damaged": "cannot be loaded"}.get(case)
    with pytest.warns(EngineWarning, match=said) if said else contextlib.nullcontext():
        assert not kernel.serves(cell_of("gru"), FLOAT32)
    np.testing.assert_allclose(outputs_of(*given), expected, atol=1e-6)


def test_sizes_are_what_the_source_says():
    """An LSTM's residuals for each time step and unit, padded to four: 6 numbers and h before."""
    sizes = (ctypes.c_int64 * 3)()
    kernel.library(FLOAT32).code.gatecast_sizes(*map(ctypes.c_long, (1, 8, 5, 2, 6)), sizes)
    assert sizes[0] == 8 * 5 * 7 * 8


# Optimisation off: it is the memory that is watched, and XLA's compiler is slow under the sanitizer. What the
# tests themselves start, a compiler for one, needs no watching.
SANITIZED = """
import os, sys, pytest
os.environ.pop("LD_PRELOAD")
class Computing:
    @staticmethod
    def pytest_collection():  # after conftest.py, before the tests load the kernel
        from pathlib import Path
        from gatecast.nn.kernel import variants
        variants.BUILT = Path(os.environ["WATCHED"])
    @staticmethod
    def pytest_collection_modifyitems(items):
        items[:] = [item for item in items if "kernel_anew" not in item.fixturenames]
fast = ["-m", "not slow", "-n0", "-qs", "-p", "no:cacheprovider"]
sys.exit(pytest.main([*sys.argv[1:], *fast], plugins=[Computing]))
"""
WATCHED = "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"
WATCH = {
    "ASAN_OPTIONS": "detect_leaks=0:malloc_context_size=0:quarantine_size_mb=8",
    "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    "GATECAST_TEST_EXAMPLES": "4",
}


@pytest.mark.slow
@pytest.mark.full
@pytest.mark.parametrize("what", ["the kernel", "reads beyond"])
def test_no_byte_is_read_or_written_outside_its_array(what, tmp_path):
    """The tests of the kernel, with GCC's sanitizers of addresses and of undefined behaviour.

    But not those that compile it anew: under sanitizers that takes minutes, and they compute nothing else.
    """
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs gcc")
    found = [_library_of(compiler, name) for name in ("libasan.so", "libstdc++.so.6")]
    if not all(path.is_absolute() for path in found):
        pytest.skip("needs gcc's libasan")
    source = hatch_build.SOURCE
    if what == "reads beyond":  # the broken twin: a bias from behind the weights
        source = shutil.copytree(source, tmp_path / "wrong")
        code = (source / "kernel.c").read_text()
        right = "call->b_ih = weights,"
        assert right in code
        (source / "kernel.c").write_text(code.replace(right, "call->b_ih = weights + 40,"))
    for number in hatch_build.TYPES:
        build(tmp_path, HERE.variant, *WATCHED, source=source, number=number)
    given = WATCH | {"LD_PRELOAD": " ".join(map(str, found)), "WATCHED": str(tmp_path)}
    select = "can_be_called" if what == "reads beyond" else ""
    answer = subprocess.run(
        [sys.executable, "-c", SANITIZED, __file__, "-k", select],
        capture_output=True,
        text=True,
        env=os.environ | given,
    )
    both = answer.stdout[-3000:] + answer.stderr[-3000:]
    if what == "the kernel":
        assert answer.returncode == 0 and " passed" in answer.stdout, both
    else:
        assert answer.returncode != 0 and "AddressSanitizer" in answer.stderr, both


def _library_of(compiler: str, name: str) -> Path:
    answer = subprocess.run([compiler, f"-print-file-name={name}"], capture_output=True, text=True).stdout
    return Path(answer.strip())
