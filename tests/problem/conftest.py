"""Prices to cut: random walks of one symbol, of many, and ragged ones."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from gatecast.data.prices import Prices

WEEKDAYS = pd.bdate_range("2000-01-03", periods=6000)


def walk_table(symbol: object, dates: pd.DatetimeIndex, rng: np.random.Generator) -> pd.DataFrame:
    """open, high, low, close, volume of a random walk: close within low..high, volume above 0."""
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, len(dates))))
    opened = close * np.exp(rng.normal(0, 0.005, len(dates)))
    above, below = np.exp(np.abs(rng.normal(0, 0.005, (2, len(dates)))))
    return pd.DataFrame(
        {
            "symbol": symbol,
            "date": dates,
            "open": opened,
            "high": np.maximum(opened, close) * above,
            "low": np.minimum(opened, close) / below,
            "close": close,
            "volume": rng.uniform(1e6, 2e6, len(dates)).round(),
        }
    )


def random_walks(symbols: int = 1, sessions: int = 120, seed: int = 0) -> pd.DataFrame:
    """Symbols A00, A01, … on the same sessions, one after the other."""
    rng = np.random.default_rng(seed)
    names = np.repeat([f"A{n:02}" for n in range(symbols)], sessions)
    dates = np.tile(WEEKDAYS[:sessions], symbols)
    return walk_table(names, dates, rng)


def ragged_walks(symbols: int = 3, sessions: int = 160, seed: int = 0) -> pd.DataFrame:
    """Symbols with other starts and ends, sessions missing here and there, and one year cut out of some."""
    rng = np.random.default_rng(seed)
    parts = []
    for n in range(symbols):
        start, end = rng.integers(0, sessions // 3), sessions - rng.integers(0, sessions // 6)
        dates = WEEKDAYS[start:end]
        dates = dates[rng.random(len(dates)) > rng.choice([0.0, 0.05, 0.2])]
        if rng.random() < 0.5:
            gap = rng.integers(0, len(dates))
            dates = dates[:gap].append(dates[gap:] + pd.Timedelta(days=364))
        parts.append(walk_table(f"A{n:02}", dates, rng))
    return pd.concat(parts, ignore_index=True)


def as_prices(frame: pd.DataFrame) -> Prices:
    return Prices.from_frame(frame, calendar="daily")


@pytest.fixture(scope="session")
def walks() -> Callable[..., pd.DataFrame]:
    return random_walks


@pytest.fixture(scope="session")
def ragged() -> Callable[..., pd.DataFrame]:
    return ragged_walks


@pytest.fixture(scope="session")
def prices_of() -> Callable[[pd.DataFrame], Prices]:
    return as_prices
