"""Targets: what a network forecasts, and the log return that it stands for."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64

from gatecast.distributions import FARTHEST, bounded

LEAST_PRICE = 1e-3  # of the anchor


def later_prices(
    price: Float64[np.ndarray, " rows"], last: Int64[np.ndarray, " rows"], horizon: int
) -> Float64[np.ndarray, "rows {horizon}"]:
    """The prices of the next `horizon` sessions of the same symbol; NaN past its end.

    last: the last row of each row's symbol.
    """
    row = np.arange(len(price))[:, None] + np.arange(1, horizon + 1)
    known = row <= last[:, None]
    return np.where(known, price[np.minimum(row, len(price) - 1)], np.nan)


def to_target(
    kind: str, later: Float64[np.ndarray, "rows horizon"], anchor: Float64[np.ndarray, " rows"]
) -> Float64[np.ndarray, "rows horizon"]:
    """Prices as targets: "return", log(price / anchor), or "close", the price itself."""
    return np.log(later / anchor[:, None]) if kind == "return" else later


def to_return(
    kind: str, target: Float64[np.ndarray, "*members rows horizon"], anchor: Float64[np.ndarray, " rows"]
) -> Float64[np.ndarray, "*members rows horizon"]:
    """Targets as log returns from the anchors: the inverse of `to_target`.

    A price level that is not above a thousandth of the anchor counts as that: a network of levels may
    forecast prices below 0, which have no return.
    """
    if kind == "close":
        lowest = LEAST_PRICE * anchor[:, None]
        target = np.log(np.maximum(target, lowest) / anchor[:, None])
    return bounded(target)


def away(
    price: Float64[np.ndarray, "*members rows horizon"], anchor: Float64[np.ndarray, " rows"]
) -> Float64[np.ndarray, "*members rows horizon"]:
    """How far prices lie from the anchors, in log return, whatever their sign."""
    ratio = np.abs(price) / anchor[:, None]
    return np.abs(np.log(np.maximum(ratio, np.exp(-FARTHEST))))


def is_astray(
    price: Float64[np.ndarray, "*members rows horizon"], anchor: Float64[np.ndarray, " rows"]
) -> bool:
    """Whether some of the prices that a network forecasts had to be put at the bound."""
    return bool((away(price, anchor) > 0.99 * FARTHEST).any())
