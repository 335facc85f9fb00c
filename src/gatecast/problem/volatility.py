"""What is known of the volatility at an origin: of past returns, and of the range of each bar."""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float64, Int64

from gatecast.problem.moves import LEAST as LEAST
from gatecast.problem.moves import LOG_RETURN, Move

DECAY = 0.94  # RiskMetrics' decay of daily bars, taken for bars of every length
ROUNDING = 1e-6  # relative: adjusted prices are rounded, and a close on the high may lie beside it


def log_returns(
    price: Float64[np.ndarray, " rows"], first: Int64[np.ndarray, " rows"]
) -> Float64[np.ndarray, " rows"]:
    """Log returns; NaN at each symbol's first row.

    first: the first row of each row's symbol.
    """
    return LOG_RETURN.changes(price, first)


def ewma_volatility(
    returns: Float64[np.ndarray, " rows"],
    first: Int64[np.ndarray, " rows"],
    decay: float = DECAY,
    least: float | Float64[np.ndarray, " rows"] = LEAST,
    *,
    absolute: bool = False,
) -> Float64[np.ndarray, " rows"]:
    """A bar's volatility of log returns or differences, on their scale, known at each row's close.

    returns: log returns, differences, or another measure of a bar's move; least: see `Move.least`.

    s(i)² = Σ_j decay^j r(i-j)² / Σ_j decay^j over all returns of the symbol up to row i; RiskMetrics,
    Technical Document (4th ed., 1996), section 5.2. At least `least`, also where no return is known.
    absolute: of |r| instead, times √(π/2), by which both agree for normal returns; one jump, of which bars
    within days have many, then counts by its size and not by its square (Taylor, Modelling Financial Time
    Series, 1986).
    """
    if absolute:
        mean = pd.Series(np.abs(returns)).groupby(first, sort=False).ewm(alpha=1 - decay).mean().to_numpy()
        return np.maximum(np.sqrt(np.pi / 2) * np.nan_to_num(mean, nan=0.0), least)
    squared = pd.Series(returns**2).groupby(first, sort=False).ewm(alpha=1 - decay).mean()
    return np.maximum(np.sqrt(np.nan_to_num(squared.to_numpy(), nan=0.0)), least)


def range_variance(
    table: pd.DataFrame, first: Int64[np.ndarray, " rows"], move: Move = LOG_RETURN
) -> Float64[np.ndarray, " rows"]:
    """Variance of each bar's move, estimated from open, high, low and close; or NaN.

    table: close, and open, high and low where they exist; first: the first row of each row's symbol.

    The squared move from the previous close to the open O, plus the variance from open to close by Garman
    and Klass (1980), of log returns log(H/L)² / 2 - (2 log 2 - 1) log(C/O)². NaN at a
    symbol's first bar, where high or low is missing, where high = low, and where the close lies outside [low,
    high]. Where the open is missing or lies outside: Parkinson's (1980) log(H/L)² / (4 log 2), high and low
    widened to hold the previous close.
    """
    if not {"high", "low"} <= set(table.columns):
        return np.full(len(table), np.nan)
    missing = np.full(len(table), np.nan)
    opened, high, low, close = (
        table[name].to_numpy(dtype=np.float64) if name in table.columns else missing
        for name in ("open", "high", "low", "close")
    )
    before = np.append(np.nan, close[:-1])
    before[first] = np.nan
    with np.errstate(invalid="ignore", divide="ignore"):
        usable = move.is_price(low) & (high > low) & _between(close, low, high)
        session = move.of(high, low) ** 2 / 2 - (2 * np.log(2) - 1) * move.of(close, opened) ** 2
        whole = move.of(opened, before) ** 2 + session
        widened = move.of(np.maximum(high, before), np.minimum(low, before)) ** 2 / (4 * np.log(2))
        variance = np.where(_between(opened, low, high), whole, widened)
    return np.where(usable, variance, np.nan)


def _between(
    price: Float64[np.ndarray, " rows"], low: Float64[np.ndarray, " rows"], high: Float64[np.ndarray, " rows"]
) -> Bool[np.ndarray, " rows"]:
    lowest, highest = low * (1 - np.copysign(ROUNDING, low)), high * (1 + np.copysign(ROUNDING, high))
    return (price >= lowest) & (price <= highest)
