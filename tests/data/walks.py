"""Random walks of prices with open, high, low, close and volume, in which the truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd

MEDIAN = {3: 0.7649, 4: 0.7407, 30: 0.6828}  # of the size of Student's t with these degrees of freedom


def walks(
    symbols: int, rows: int, usual: float = 0.01, *, df: int = 4, seed: int = 0
) -> tuple[pd.DataFrame, np.ndarray]:
    """`symbols` walks of `rows` bars, and where each starts; `usual`: the median absolute return."""
    rng = np.random.default_rng(seed)
    returns = rng.standard_t(df, (symbols, rows)) * usual / MEDIAN[df]
    close = 4 + np.cumsum(returns, axis=1)
    before = np.concatenate([close[:, :1], close[:, :-1]], axis=1)
    opens = before + returns * rng.uniform(0.2, 0.5, returns.shape)
    high = np.maximum(opens, close) + np.abs(rng.normal(0, usual, returns.shape))
    low = np.minimum(opens, close) - np.abs(rng.normal(0, usual, returns.shape))
    volume = np.exp(rng.normal(13, 0.5, returns.shape)).round()
    days = pd.bdate_range("2000-01-03", periods=rows)
    prices = {"open": opens, "high": high, "low": low, "close": close}
    table = pd.DataFrame(
        {
            "symbol": np.repeat([f"S{number:04}" for number in range(symbols)], rows),
            "session": np.tile(days, symbols),
            **{name: np.exp(values).ravel() for name, values in prices.items()},
            "volume": volume.ravel(),
        }
    )
    return table, np.arange(symbols) * rows


def split(table: pd.DataFrame, rows: int, at: int, ratio: float, opens: float = 0.0) -> pd.DataFrame:
    """The walks as traded before a split at bar `at`, from which all prices are higher by `opens` (log)."""
    bar = np.arange(len(table)) % rows
    factor = np.where(bar < at, ratio, np.exp(opens))
    names = ["open", "high", "low", "close"]
    return table.assign(
        **{name: table[name] * factor for name in names},
        volume=np.where(bar < at, table["volume"] / ratio, table["volume"]),
    )


def closes(table: pd.DataFrame) -> pd.DataFrame:
    """The same with closes alone."""
    return table[["symbol", "session", "close"]]
