"""Money: positions, prices and costs → what an account holds, to the last fraction of a cent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gatecast._typing import Dates, Floats
from gatecast.backtesting.accounts import Account


@dataclass(frozen=True)
class Path:
    """Accounts that begin with 1, at T trading moments; any axes may stand in front.

    before  (…, T) money before the trade of each moment
    after   (…, T) money after it, its costs paid
    traded  (…, T) value bought or sold
    """

    before: Floats
    after: Floats
    traded: Floats

    @property
    def equity(self) -> Floats:
        """(…, T) money before each trade; at the last moment, all being sold and paid, after it."""
        return np.concatenate([self.before[..., :-1], self.after[..., -1:]], axis=-1)

    @property
    def costs(self) -> Floats:
        """(…, T) paid at each moment."""
        return self.before - self.after


def simulate(positions: Floats, returns: Floats, buy: Floats | float, sell: Floats | float) -> Path:
    """Hold `positions` (…, T - 1), fractions of the money, from each moment to the next; then sell all.

    returns  (T - 1,) simple, from each moment to the next
    buy, sell  cost of each moment's purchase and sale, (T,) or one number; fractions of the traded value

    At a moment a share d of the money lies in the symbol (what the last position has become) and q is
    wanted of the money that is left once the costs are paid. Both are exact together where the money shrinks
    by (1 + buy d) / (1 + buy q) for a purchase (q > d), by (1 - sell d) / (1 - sell q) for a sale. A short
    position whose loss takes all the money ends the account at 0. Money that is not invested earns nothing,
    and a borrowed share costs nothing.
    """
    growth = np.maximum(1 + positions * returns, 0.0)
    none = np.zeros((*positions.shape[:-1], 1))
    wanted = np.concatenate([positions, none], axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        drifted = np.where(growth > 0, positions * (1 + returns) / growth, 0.0)
    held = np.concatenate([none, drifted], axis=-1)
    left = np.where(
        wanted > held, (1 + buy * held) / (1 + buy * wanted), (1 - sell * held) / (1 - sell * wanted)
    )
    traded = np.abs(wanted * left - held)
    steps = np.concatenate([none + 1, left[..., :-1] * growth], axis=-1)
    before = np.cumprod(steps, axis=-1)
    return Path(before, before * left, traded * before)


@dataclass(frozen=True)
class Portfolio:
    """Several accounts with the same money at the start, on all their sessions (D,); it begins with 1.

    equity, traded, costs: (…, D). An account that has not begun, or has ended, keeps its money.
    """

    session: Dates
    equity: Floats
    traded: Floats
    costs: Floats

    @property
    def returns(self) -> Floats:
        """(…, D - 1) simple returns from session to session; 0 once all is lost."""
        past = self.equity[..., :-1]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(past > 0, self.equity[..., 1:] / past - 1, 0.0)


def portfolio(accounts: Sequence[Account], paths: Sequence[Path]) -> Portfolio:
    """The accounts as one; for a single account, the same numbers."""
    session = np.unique(np.concatenate([account.session for account in accounts]))
    shape = (*paths[0].before.shape[:-1], len(session))
    equity, traded, costs = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for account, path in zip(accounts, paths, strict=True):
        place = np.searchsorted(account.session, session, side="right") - 1
        equity += np.where(place >= 0, path.equity[..., np.maximum(place, 0)], 1.0)
        here = np.searchsorted(session, account.session)
        traded[..., here] += path.traded
        costs[..., here] += path.costs
    if len(accounts) == 1:
        return Portfolio(session, equity, traded, costs)
    share = 1 / len(accounts)
    return Portfolio(session, share * equity, share * traded, share * costs)
