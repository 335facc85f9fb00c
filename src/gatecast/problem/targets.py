"""Targets: what a network forecasts, and the log return that it stands for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gatecast._typing import Floats
from gatecast.distributions import FARTHEST, bounded

LEAST_PRICE = 1e-3  # of the anchor


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


def to_return(kind: str, target: Floats, anchor: Floats) -> Floats:
    """Targets (…, rows, h) as log returns from the anchors (rows,): the inverse of `to_target`.

    A price level that is not above a thousandth of the anchor counts as that: a network of levels may
    forecast prices below 0, which have no return.
    """
    if kind == "close":
        lowest = LEAST_PRICE * anchor[:, None]
        target = np.log(np.maximum(target, lowest) / anchor[:, None])
    return bounded(target)


def away(price: Floats, anchor: Floats) -> Floats:
    """How far prices (…, rows, h) lie from the anchors (rows,), in log return, whatever their sign."""
    ratio = np.abs(price) / anchor[:, None]
    return np.abs(np.log(np.maximum(ratio, np.exp(-FARTHEST))))


def is_astray(price: Floats, anchor: Floats) -> bool:
    """Whether some of the prices (…, rows, h) that a network forecasts had to be put at the bound."""
    return bool((away(price, anchor) > 0.99 * FARTHEST).any())
