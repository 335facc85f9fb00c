"""JAX as the command line of gatecast sets it up; import this before anything that imports JAX."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("GATECAST_CACHE", str(Path(os.environ["BENCH_SCRATCH"]) / "cache"))  # at first empty

from gatecast.__main__ import _prepare_jax

_prepare_jax()
