"""Targets: what a network forecasts, and the exact way back to a price."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


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
    return anchor[:, None] * np.exp(target) if kind == "return" else target
