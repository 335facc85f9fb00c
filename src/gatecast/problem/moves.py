"""Moves: how far a price lies from its anchor, as a log return or, where prices may be zero or below, as a
difference.

All that is forecast, scored and stored as a distribution is a move from the origin; what a move is, is said
here alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from gatecast._typing import Bools, Floats, Integers
from gatecast.distributions import FARTHEST
from gatecast.language import marked

LEAST = 1e-6  # of a day's log return: prices that stand still have no volatility to divide by
ROUNDING = 1e-12  # of a log return: moves nearer together than this differ by rounding
FARTHEST_UNITS = 1e6  # volatilities: a difference farther from the last price is put there


class Move(ABC):
    """A measure of how far a price lies from its anchor.

    name    "log return" or "difference"
    noun    what it is called where "log return" would be too long
    origin  the anchor from which a series of prices is measured as a whole
    factor  what scores of a move are multiplied by: 100 for log returns, which makes them per cent
    unit    of those scores
    in_change  the unit of `change` times `factor`
    above   every price lies above it
    price   what a value must be
    """

    name: ClassVar[str]
    noun: ClassVar[str]
    in_change: ClassVar[str]
    origin: ClassVar[float]
    factor: ClassVar[float]
    unit: ClassVar[str]
    above: ClassVar[float]
    price: ClassVar[str]

    def __repr__(self) -> str:
        return self.name

    @abstractmethod
    def of(self, price: Floats, anchor: Floats | float) -> Floats:
        """The moves from the anchors to prices of the same shape."""

    @abstractmethod
    def to_price(self, move: Floats, anchor: Floats | float) -> Floats:
        """The prices that lie so far from the anchors: the inverse of `of`."""

    @abstractmethod
    def changes(self, price: Floats, first: Integers) -> Floats:
        """(rows,) the move from each row to the next; NaN at each symbol's first row.

        first: the first row of each row's symbol.
        """

    @abstractmethod
    def base(self, anchor: Floats) -> Floats:
        """What a change in price is divided by, to be one on the scale of the moves."""

    @abstractmethod
    def change(self, price: Any, anchor: Any) -> Any:
        """The changes from the anchors as people read them: fractions of the anchor, or in price."""

    @abstractmethod
    def least(self, price: Floats, first: Integers) -> float | Floats:
        """The smallest volatility of a move, one, or (rows,) as known at each row's close."""

    @abstractmethod
    def rounding(self, price: Floats) -> float:
        """Moves of these prices that are nearer together than this differ by rounding."""

    @abstractmethod
    def farthest(self, unit: Floats | None) -> float | Floats:
        """Where moves of a network that diverged are put, so that its prices are finite; one, or (N, h).

        unit: (N, h) the volatility of the move.
        """

    def is_price(self, value: Floats) -> Bools:
        """Which values such a move can start from or lead to: finite ones above `above`."""
        return (value > self.above) & (value < np.inf)


class LogReturn(Move):
    """log(price / anchor): of prices above 0."""

    name = marked("log return")
    noun = marked("return")
    in_change = "%"
    origin = 1.0
    factor = 100.0
    unit = marked("log return × 100")
    above = 0.0
    price = marked("price above 0")

    def of(self, price: Floats, anchor: Floats | float) -> Floats:
        """log(price / anchor)."""
        return np.log(price / anchor)

    def to_price(self, move: Floats, anchor: Floats | float) -> Floats:
        """anchor · exp(move)."""
        return anchor * np.exp(move)

    def changes(self, price: Floats, first: Integers) -> Floats:
        """Log returns from row to row."""
        return _steps(np.log(price), first)

    def base(self, anchor: Floats) -> Floats:
        """The anchor: such a change is a fraction of it."""
        return anchor

    def change(self, price: Any, anchor: Any) -> Any:
        """price / anchor - 1."""
        return price / anchor - 1

    def least(self, price: Floats, first: Integers) -> float:
        """LEAST."""
        return LEAST

    def rounding(self, price: Floats) -> float:
        """ROUNDING."""
        return ROUNDING

    def farthest(self, unit: Floats | None) -> float:
        """e^50 times the price, or that part of it."""
        return FARTHEST


class Difference(Move):
    """price - anchor: of any prices."""

    name = "difference"
    noun = marked("difference")
    in_change = "price"
    origin = 0.0
    factor = 1.0
    unit = "price"
    above = -np.inf
    price = marked("price that is finite")

    def of(self, price: Floats, anchor: Floats | float) -> Floats:
        """price - anchor."""
        return np.subtract(price, anchor)

    def to_price(self, move: Floats, anchor: Floats | float) -> Floats:
        """anchor + move."""
        return np.add(anchor, move)

    def changes(self, price: Floats, first: Integers) -> Floats:
        """Differences from row to row."""
        return _steps(price, first)

    def base(self, anchor: Floats) -> Floats:
        """1: such a change stays as it is, for an anchor may be 0."""
        return np.ones_like(anchor)

    def change(self, price: Any, anchor: Any) -> Any:
        """price - anchor."""
        return price - anchor

    def least(self, price: Floats, first: Integers) -> Floats:
        """A millionth of the largest price so far, whatever its sign: what LEAST is of a price."""
        largest = pd.Series(np.abs(price)).groupby(first, sort=False).cummax().to_numpy()
        return LEAST * np.where(largest > 0, largest, 1.0)

    def rounding(self, price: Floats) -> float:
        """What ROUNDING is of the largest of the prices."""
        return ROUNDING * float(np.abs(price).max(initial=0.0))

    def farthest(self, unit: Floats | None) -> Floats:
        """So many volatilities that no price goes so far."""
        assert unit is not None
        return FARTHEST_UNITS * unit


LOG_RETURN, DIFFERENCE = LogReturn(), Difference()
MOVES: dict[str, Move] = {move.name: move for move in (LOG_RETURN, DIFFERENCE)}


def _steps(values: Floats, first: Integers) -> Floats:
    steps = np.diff(values, prepend=np.nan)
    steps[first] = np.nan
    return steps
