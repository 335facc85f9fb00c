"""Targets: what a network forecasts, and the move that it stands for."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64

from gatecast.distributions import FARTHEST, bounded
from gatecast.problem.moves import DIFFERENCE, LOG_RETURN, Move

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


def move_of(kind: str, *, positive: bool) -> Move:
    """What forecasts of a target are measured by; positive: whether all prices are above 0.

    Log returns, but differences for the target "difference", and for prices of zero or below.
    """
    return LOG_RETURN if positive and kind != "difference" else DIFFERENCE


def to_target(
    kind: str,
    later: Float64[np.ndarray, "rows horizon"],
    anchor: Float64[np.ndarray, " rows"],
    unit: Float64[np.ndarray, "rows horizon"] | None = None,
) -> Float64[np.ndarray, "rows horizon"]:
    """Prices as targets.

    "return", log(price / anchor); "difference", (price - anchor) / unit, the volatility of the difference; or
    "close", the price itself.
    """
    if kind == "close":
        return later
    if kind == "difference":
        assert unit is not None
        return DIFFERENCE.of(later, anchor[:, None]) / unit
    return LOG_RETURN.of(later, anchor[:, None])


def to_return(
    kind: str,
    target: Float64[np.ndarray, "*members rows horizon"],
    anchor: Float64[np.ndarray, " rows"],
    unit: Float64[np.ndarray, "rows horizon"] | None = None,
    move: Move = LOG_RETURN,
) -> Float64[np.ndarray, "*members rows horizon"]:
    """Targets as moves from the anchors: the inverse of `to_target`.

    unit: of differences, without which there are none.

    A price level that is not above a thousandth of the anchor counts as that where moves are log returns: a
    network of levels may forecast prices below 0, which have none.
    """
    if kind == "difference":
        assert unit is not None
        target = target * unit
    elif kind == "close":
        lowest = LEAST_PRICE * anchor[:, None] if move.name == LOG_RETURN.name else -np.inf
        target = move.of(np.maximum(target, lowest), anchor[:, None])
    return bounded(target, move.farthest(unit))


def away(
    price: Float64[np.ndarray, "*members rows horizon"],
    anchor: Float64[np.ndarray, " rows"],
    move: Move = LOG_RETURN,
) -> Float64[np.ndarray, "*members rows horizon"]:
    """How far prices lie from the anchors, as moves without a sign, whatever the sign of the prices."""
    if move.name == DIFFERENCE.name:
        return np.abs(move.of(price, anchor[:, None]))
    ratio = np.abs(price) / anchor[:, None]
    return np.abs(np.log(np.maximum(ratio, np.exp(-FARTHEST))))


def is_astray(
    price: Float64[np.ndarray, "*members rows horizon"],
    anchor: Float64[np.ndarray, " rows"],
    unit: Float64[np.ndarray, "rows steps"] | None = None,
    move: Move = LOG_RETURN,
) -> bool:
    """Whether some of the prices that a network forecasts had to be put at the bound."""
    return bool((away(price, anchor, move) > 0.99 * move.farthest(unit)).any())
