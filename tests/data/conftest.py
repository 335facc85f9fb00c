"""Where the tests of the data find real files, and a place for the cache that is not the user's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

REAL = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture
def real() -> Callable[[str], Path]:
    """Name of a real price file → its path; the test is skipped where it is missing."""

    def find(name: str) -> Path:
        path = REAL / name
        if not path.exists():
            pytest.skip(f"needs the real price file {name} in a folder shared/data beside the repository")
        return path

    return find


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("GATECAST_CACHE", str(folder))
    return folder


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Lines of a CSV file → its path."""

    def to_file(*lines: str, name: str = "prices.csv") -> Path:
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", "utf-8")
        return path

    return to_file


@pytest.fixture
def frame() -> pd.DataFrame:
    """Thirty sessions of New York without anything odd."""
    from gatecast.data.calendars import sessions_between

    days = sessions_between("XNYS", "2020-01-02", "2020-12-31")[:30]
    rng = np.random.default_rng(0)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, len(days))))
    return pd.DataFrame(
        {
            "Date": days.astype("datetime64[ns]"),
            "Open": close * 0.999,
            "High": close * 1.01,
            "Low": close * 0.99,
            "Close": close,
            "Adj Close": close * 0.9,
            "Volume": rng.integers(1_000, 2_000, len(days)),
        }
    )
