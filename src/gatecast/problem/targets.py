"""Targets: what a network forecasts, and the exact way back to a price."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gatecast._typing import Floats

FARTHEST = 50.0  # log return: a price that a network forecasts farther from the last one is put there


def later_prices(price: Floats, last: NDArray[np.int64], horizon: int) -> Floats:
    """The prices of the next `horizon` sessions of the same symbol; (rows, h), NaN past its end.

    price (rows,); last (rows,): the last row of each row's symbol.
    """
    row = np.arange(len(price))[:, None] + np.arange(1, horizon + 1)
    known = row <= last[:, None]
    return np.where(known, price[np.minimum(row, len(price) - 1)], np.nan)


def to_target(kind: str, later: Floats, anchor: Floats) -> Floats:
    """Prices (rows, h) as targets: "return", log(price / anchor), or "close", the price itself."""
    return np.log(later / anchor[:, None]) if kind == "return" else later


def to_price(kind: str, target: Floats, anchor: Floats) -> Floats:
    """Back from targets (…, rows, h) to prices, given the anchors (rows,). The inverse of `to_target`."""
    if kind == "return":
        return anchor[:, None] * np.exp(bounded(target))
    most = anchor[:, None] * np.exp(FARTHEST)
    return np.clip(target, -most, most)


def bounded(returns: Floats) -> Floats:
    """Log returns within ±FARTHEST, so that a network that diverged forecasts prices that are finite."""
    return np.clip(returns, -FARTHEST, FARTHEST)


def away(price: Floats, anchor: Floats) -> Floats:
    """How far prices (…, rows, h) lie from the anchors (rows,), in log return, whatever their sign."""
    ratio = np.abs(price) / anchor[:, None]
    return np.abs(np.log(np.maximum(ratio, np.exp(-FARTHEST))))


def is_astray(price: Floats, anchor: Floats) -> bool:
    """Whether some of the prices (…, rows, h) that a network forecasts had to be put at the bound."""
    return bool((away(price, anchor) > 0.99 * FARTHEST).any())
