"""The course of a strategy: its money, drawdown and exposure bar by bar, and what its months brought."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gatecast._typing import Dates, Floats
from gatecast.backtesting.simulation import simulate
from gatecast.backtesting.strategies import Backtest, Strategy

OUT = 1e-9  # an exposure below which there is none


@dataclass(frozen=True)
class Course:
    """A strategy at every trading moment (D,), after costs; fractions.

    money     growth of 1
    drawdown  below the highest money so far: -0.2 is a fall of 20 %
    net, gross  exposure from each moment to the next: long minus short, and long plus short, in times the
                money; 0 at the last, when all is sold
    """

    session: Dates
    money: Floats
    drawdown: Floats
    net: Floats
    gross: Floats

    @property
    def fall(self) -> tuple[np.datetime64, np.datetime64, np.datetime64 | None]:
        """The height before the deepest fall, its deepest point, and when the height was reached again."""
        low = int(np.argmin(self.drawdown))
        high = int(np.argmax(self.money[: low + 1]))
        later = np.flatnonzero(self.money[low:] >= self.money[high])
        again = self.session[low + later[0]] if len(later) and self.drawdown[low] < 0 else None
        return self.session[high], self.session[low], again

    @property
    def shares(self) -> tuple[float, float, float]:
        """The shares of the bars in which it was net long, net short, and out of the market."""
        held = self.net[:-1]
        long, short = float(np.mean(held > OUT)), float(np.mean(held < -OUT))
        return long, short, 1 - long - short

    def table(self, most: int) -> pd.DataFrame:
        """date, money, drawdown, exposure: at most so many rows, each of as many bars.

        Of these the last money, the deepest drawdown and the mean net exposure.
        """
        every = max(1, -(-len(self.session) // most))
        starts = np.arange(0, len(self.session), every)
        ends = np.append(starts[1:], len(self.session)) - 1
        counts = ends - starts + 1
        return pd.DataFrame(
            {
                "date": pd.DatetimeIndex(self.session[ends]),
                "money": self.money[ends],
                "drawdown": np.minimum.reduceat(self.drawdown, starts),
                "exposure": np.add.reduceat(self.net, starts) / counts,
            }
        )

    def months(self) -> pd.Series[float]:
        """The return of every month, by the first day of it."""
        month = self.session.astype("datetime64[M]")
        last = np.append(np.flatnonzero(np.diff(month) != np.timedelta64(0)), len(month) - 1)
        money = np.append(1.0, self.money[last])
        with np.errstate(divide="ignore", invalid="ignore"):
            returns = np.where(money[:-1] > 0, money[1:] / money[:-1] - 1, 0.0)
        return pd.Series(returns, index=pd.DatetimeIndex(month[last].astype("datetime64[D]"), name="month"))


def course(tested: Backtest, strategy: Strategy) -> Course:
    """The course of one strategy of a backtest, or of its buy-and-hold."""
    session, money = strategy.money.session, strategy.money.equity
    net, gross, whole = (np.zeros(len(session)) for _ in range(3))
    for place, (account, own) in enumerate(zip(tested.accounts, strategy.positions, strict=True)):
        buy, sell = tested.costs[place].at(account.session)
        equity = simulate(own, account.returns, buy, sell).equity
        at = np.searchsorted(account.session, session, side="right") - 1
        there = np.where(at >= 0, equity[np.maximum(at, 0)], 1.0)
        held = np.where(at >= 0, np.append(own, 0.0)[np.maximum(at, 0)], 0.0)
        net, gross, whole = net + held * there, gross + np.abs(held) * there, whole + there
    usable = np.where(whole > 0, whole, 1.0)
    return Course(
        session=session,
        money=money,
        drawdown=money / np.maximum.accumulate(money) - 1,
        net=net / usable,
        gross=gross / usable,
    )
