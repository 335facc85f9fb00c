"""Prices for the tests: random walks of any shape."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import gatecast as gc

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def walk_frame(symbol: str, sessions: int, seed: int, start: str = "2015-01-01") -> pd.DataFrame:
    """date, open, high, low, close, volume of a geometric random walk on weekdays."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, sessions)))
    opened = close * np.exp(rng.normal(0, 0.003, sessions))
    return pd.DataFrame(
        {
            "symbol": symbol,
            "date": pd.bdate_range(start, periods=sessions),
            "open": opened,
            "high": np.maximum(opened, close) * 1.002,
            "low": np.minimum(opened, close) / 1.002,
            "close": close,
            "volume": rng.uniform(1e6, 2e6, sessions).round(),
        }
    )


@pytest.fixture(scope="session")
def walk() -> Callable[..., pd.DataFrame]:
    return walk_frame


@pytest.fixture(scope="session")
def prices() -> gc.Prices:
    """One symbol, 300 sessions."""
    return gc.Prices.from_frame(walk_frame("A", 300, 0), calendar="daily")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the project; tests that need it skip where it is missing."""
    if not SHARED.is_dir():
        pytest.skip("the folder shared/data with real price files is not beside the project")
    return SHARED


@pytest.fixture(autouse=True, scope="session")
def compiled_programs_are_kept(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Programs compiled by one test serve the next, also in other processes."""
    import jax

    jax.config.update("jax_compilation_cache_dir", str(tmp_path_factory.mktemp("jax")))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
