"""Figures: what a path of money comes to."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gatecast._typing import Floats
from gatecast.backtesting.accounts import Account
from gatecast.backtesting.sharpe import Sharpe, drawdown, sharpe
from gatecast.backtesting.simulation import Portfolio, simulate
from gatecast.formatting import basis_points
from gatecast.language import marked, say

HIGHEST = 0.1  # cost per side up to which a break-even is looked for; 1,000 basis points


@dataclass(frozen=True)
class Performance:
    """Of one portfolio; fractions, a year being `per_year` sessions.

    total_return, annual_return   of the money: final / first - 1, and the same per year (geometric)
    volatility     standard deviation of the returns, of a year
    sharpe         of a year, over a riskless rate of zero, with its standard error; NaN with a reason
    max_drawdown   deepest fall from an earlier height
    turnover       bought and sold per year, in times the money
    cost_per_year  paid for trading, of the money there was
    """

    total_return: float
    annual_return: float
    volatility: float
    sharpe: float
    sharpe_error: float
    max_drawdown: float
    turnover: float
    cost_per_year: float
    sessions: int
    reason: str
    per_period: Sharpe


def performance(money: Portfolio, per_year: int) -> Performance:
    """The figures of one portfolio (no axes in front)."""
    returns = money.returns
    years = len(returns) / per_year
    found = sharpe(returns)
    total = float(money.equity[-1] - 1)
    root = math.sqrt(per_year)
    there = np.where(money.equity > 0, money.equity, np.inf)
    return Performance(
        total_return=total,
        annual_return=(1 + total) ** (1 / years) - 1,
        volatility=float(returns.std(ddof=1)) * root if len(returns) > 1 else math.nan,
        sharpe=found.ratio * root,
        sharpe_error=found.error * root,
        max_drawdown=drawdown(money.equity),
        turnover=float(np.sum(money.traded / there)) / years,
        cost_per_year=float(np.sum(money.costs / there)) / years,
        sessions=len(returns),
        reason=found.reason,
        per_period=found,
    )


NOT_AHEAD = marked("it is not ahead even before costs")


def trades(positions: Sequence[Floats]) -> int:
    """How often a position was changed on purpose, entry and last sale included, over all accounts."""
    return sum(int(np.count_nonzero(np.diff(own, prepend=0.0, append=0.0))) for own in positions)


def break_even(
    accounts: Sequence[Account], positions: Sequence[Floats], rival: Sequence[Floats] | None = None
) -> tuple[float, str]:
    """The cost per side, in basis points and the same on all days, at which these positions earn what
    `rival` earns at that cost (None: nothing); NaN with a reason where there is none.
    """
    own = _money(accounts, positions)
    other = (lambda _: 1.0) if rival is None else _money(accounts, rival)
    if not any(map(np.any, positions)):
        return math.nan, say("it never traded")

    def ahead(cost: float) -> float:
        return own(cost) - other(cost)

    if ahead(0.0) <= 0:
        return math.nan, say(NOT_AHEAD)
    if ahead(HIGHEST) > 0:
        return math.nan, say("it is still ahead at {cost} a side", cost=basis_points(HIGHEST * 1e4))
    from scipy.optimize import brentq

    return 1e4 * float(brentq(ahead, 0.0, HIGHEST, xtol=1e-8)), ""


def _money(accounts: Sequence[Account], positions: Sequence[Floats]) -> Callable[[float], float]:
    """Cost per side → the final money."""

    def final(cost: float) -> float:
        ends = [
            float(simulate(own, account.returns, cost, cost).after[-1])
            for own, account in zip(positions, accounts, strict=True)
        ]
        return sum(ends) / len(ends)

    return final
