"""Rules: what was forecast → positions, as a fraction of the money of an account.

Every rule takes what was known at the decisions of one account, in the order of time, and gives a position
for each; the one at place t depends on places up to t only. 1 is long with all the money, -1 short, 0 flat.
A forecast that is not a finite number is flat.
"""

from __future__ import annotations

import numpy as np

from gatecast._typing import Floats

RULES = ("sign", "threshold", "volatility")
STILL = 1e-12  # an expected log return below it is rounding: no change is forecast


def sign(expected: Floats, *, short: bool) -> Floats:
    """Long where the expected log return of the next session (N,) is above 0, short (or flat) below."""
    moves = np.where(np.abs(expected) > STILL, np.sign(expected), 0.0)
    return _allowed(moves, short)


def threshold(expected: Floats, round_trip: Floats, *, short: bool) -> Floats:
    """The sign where the expected move exceeds `round_trip` (N,), the cost to buy and sell; else no trade:
    the position stays what it was, flat at the start.
    """
    wanted = sign(expected, short=short)
    clear = (np.abs(expected) > np.maximum(round_trip, STILL)) | ~np.isfinite(expected)
    place = np.maximum.accumulate(np.where(clear, np.arange(len(expected)), -1))
    return np.where(place >= 0, wanted[place], 0.0)


def volatility_target(
    expected: Floats, volatility: Floats, *, target: float, cap: float, per_year: int, short: bool
) -> Floats:
    """The sign, times target / forecast volatility, at most `cap`; long where no change is forecast.

    volatility (N,): of one session's log return; target: of a year. So a model that forecasts no change
    gives a position that is always long, small in wild times: Moreira and Muir (2017), Volatility-Managed
    Portfolios.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.minimum(target / (volatility * np.sqrt(per_year)), cap)
    direction = np.where(np.abs(expected) <= STILL, 1.0, sign(expected, short=short))
    return direction * np.where(np.isfinite(size), size, 0.0)


def _allowed(positions: Floats, short: bool) -> Floats:
    return positions if short else np.maximum(positions, 0.0)
