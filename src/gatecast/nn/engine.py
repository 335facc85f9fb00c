"""What computes the networks here: the same experiment on the same engine gives the same bits."""

from __future__ import annotations

import platform
import re
import warnings
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from gatecast._version import __version__
from gatecast.errors import EngineWarning

VECTORS = re.compile(r"(sse|ssse|avx|fma|amx|f16c|neon|asimd|sve|sme|bf16|i8mm)\w*$")


def this_engine() -> dict[str, str]:
    """gatecast, layers (the C kernel's variant and hash, or JAX), device, processor, jax, jaxlib and numpy.

    processor: its architecture and what vectors it computes with.
    """
    import jax
    import numpy as np

    from gatecast.nn.kernel import library

    kernel = library(np.dtype(np.float32))
    vectors = sorted(word for word in _abilities() if VECTORS.match(word))
    return {
        "gatecast": __version__,
        "layers": "JAX" if kernel is None else f"C kernel {kernel.variant} {kernel.digest[:12]}",
        "device": jax.default_backend(),
        "processor": " ".join([platform.machine(), *vectors]),
        "jax": jax.__version__,
        "jaxlib": version("jaxlib"),
        "numpy": np.__version__,
    }


def warn_of_another(recorded: Mapping[str, str], run: object) -> None:
    """Warn where `recorded`, the engine of `run`, is not this one; a run of before says nothing."""
    here = this_engine()
    others = [
        f"{part} {known}, here {here.get(part, 'unknown')}"
        for part, known in recorded.items()
        if here.get(part) != known
    ]
    if others:
        warnings.warn(
            f"{run} was made with another engine ({'; '.join(others)}): networks that are trained here may "
            "come out a little different",
            EngineWarning,
            stacklevel=2,
        )


def _abilities() -> list[str]:
    """The processor's abilities as Linux lists them; empty elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    able = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return able.partition(":")[2].split()
