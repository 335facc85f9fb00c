"""Luck: the same positions at random other times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gatecast._typing import Floats
from gatecast.backtesting.accounts import Account
from gatecast.backtesting.costs import Costs
from gatecast.backtesting.simulation import portfolio, simulate

BAND = (0.05, 0.95)
AT_ONCE = 100  # draws simulated together


@dataclass(frozen=True)
class Luck:
    """What random signs with the same stretches earned, after the same costs.

    reached  the share of them (this one counted in) whose Sharpe ratio is at least that of the strategy
    low, high   the 5 and 95 % quantile of their Sharpe ratios, of a year
    band     (2, D) the same quantiles of their money at every session
    reason   why there are none
    """

    reached: float
    low: float
    high: float
    band: Floats
    reason: str = ""


def luck(
    accounts: Sequence[Account],
    positions: Sequence[Floats],
    costs: Sequence[Costs],
    own: float,
    *,
    per_year: int,
    draws: int,
    seed: int,
) -> Luck:
    """Compare a strategy with its own positions moved to random other times.

    own: its Sharpe ratio, of a year. Each draw begins the sequence of positions at a random other place and
    goes on with its start where it ends, in all accounts alike: the same number of changes (one more or
    less), the same time long and short, the same sizes, the same symbols together. What is gone is the link
    with the actual returns. If there was none, `reached` is uniform: the randomisation test of Politis and
    Romano's (1992) circular blocks with one block as long as the data.
    """
    if draws < 1 or not np.isfinite(own) or all(len(np.unique(mine)) == 1 for mine in positions):
        why = "no draws" if draws < 1 else "its Sharpe ratio is not defined" if not np.isfinite(own) else (
            "its position never changes"
        )  # fmt: skip
        return Luck(np.nan, np.nan, np.nan, np.full((2, 0), np.nan), why)
    places = np.random.default_rng(seed).random(draws)
    charged = [cost.at(account.session) for cost, account in zip(costs, accounts, strict=True)]
    money = []
    for some in np.array_split(places, -(-draws // AT_ONCE)):
        paths = [
            simulate(rotated(mine, some), account.returns, *charge)
            for mine, account, charge in zip(positions, accounts, charged, strict=True)
        ]
        money.append(portfolio(accounts, paths))
    returns = np.concatenate([part.returns for part in money])
    std = returns.std(axis=-1, ddof=1)
    ratios = np.where(std > 0, returns.mean(axis=-1) / np.where(std > 0, std, 1), 0.0)
    ratios = ratios * np.sqrt(per_year)
    low, high = np.quantile(ratios, BAND)
    band = np.quantile(np.concatenate([part.equity for part in money]), BAND, axis=0)
    reached = (1 + np.count_nonzero(ratios >= own)) / (1 + draws)
    return Luck(float(reached), float(low), float(high), band)


def rotated(positions: Floats, places: Floats) -> Floats:
    """(R, T) the sequence (T,) begun at each of R places in [0, 1) other than its own start."""
    size = len(positions)
    start = 1 + (places * (size - 1)).astype(np.int64) if size > 1 else np.zeros(len(places), np.int64)
    return positions[(start[:, None] + np.arange(size)) % size]
