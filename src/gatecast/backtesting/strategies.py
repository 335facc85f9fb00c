"""Backtest: every model by every rule, beside buy-and-hold and luck, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from gatecast._typing import Dates, Floats
from gatecast.backtesting.accounts import Account
from gatecast.backtesting.costs import Costs
from gatecast.backtesting.figures import Performance
from gatecast.backtesting.luck import Luck
from gatecast.backtesting.signals import Sizing
from gatecast.backtesting.simulation import Portfolio, simulate
from gatecast.language import marked
from gatecast.settings.frequency import DAILY

HOLD = marked("buy-and-hold")


@dataclass(frozen=True)
class Strategy:
    """One model by one rule.

    positions  per account (T - 1,)
    net, gross  after costs and before
    deflated   probability that its true Sharpe ratio is above zero, given all that were tried; NaN where it
               has none
    luck       the same positions at random other times
    break_even, break_even_hold   basis points a side at which it earns nothing, and what buy-and-hold earns
    """

    model: str
    rule: str
    positions: list[Floats]
    trades: int
    net: Performance
    gross: Performance
    money: Portfolio
    deflated: float
    luck: Luck
    break_even: tuple[float, str]
    break_even_hold: tuple[float, str]

    @property
    def name(self) -> str:
        """'gru, sign'."""
        return f"{self.model}, {self.rule}" if self.rule else self.model

    def figures(self) -> dict[str, Any]:
        """Plain numbers under their names; NaN where undefined, with the reasons."""
        reasons = {
            "sharpe": self.net.reason,
            "random_reached": self.luck.reason,
            "break_even_bp": self.break_even[1],
            "break_even_hold_bp": self.break_even_hold[1],
        }
        return {
            "model": self.model,
            "rule": self.rule,
            "total_return": self.net.total_return,
            "annual_return": self.net.annual_return,
            "gross_annual_return": self.gross.annual_return,
            "volatility": self.net.volatility,
            "sharpe": self.net.sharpe,
            "sharpe_error": self.net.sharpe_error,
            "gross_sharpe": self.gross.sharpe,
            "deflated_sharpe": self.deflated,
            "random_reached": self.luck.reached,
            "random_sharpe_05": self.luck.low,
            "random_sharpe_95": self.luck.high,
            "max_drawdown": self.net.max_drawdown,
            "turnover": self.net.turnover,
            "trades": self.trades,
            "cost_per_year": self.net.cost_per_year,
            "break_even_bp": self.break_even[0],
            "break_even_hold_bp": self.break_even_hold[0],
            "reasons": {name: text for name, text in reasons.items() if text},
        }


@dataclass(frozen=True)
class Backtest:
    """What trading on the forecasts of a run would have earned.

    strategies  models x rules, in the order asked for; hold: buy-and-hold of the same symbols, which buys at
                the first moment and sells at the last, at the same costs
    noun        what the networks are: "network", or "given model" of forecasts that were judged
    per_year    bars of a year; frequency: of the bars
    costs       one for each account; trials: how many strategies the deflated Sharpe ratio counts
    """

    execution: str
    per_year: int
    accounts: list[Account]
    costs: list[Costs]
    strategies: list[Strategy]
    hold: Strategy
    trials: int
    lucky: float
    origins: Dates
    networks: frozenset[str]
    sizing: Sizing
    noun: str = "network"
    frequency: str = DAILY

    @cached_property
    def best(self) -> Strategy | None:
        """The strategy with the highest Sharpe ratio after costs; None where none has one."""
        return _best(self.strategies)

    @cached_property
    def second(self) -> Strategy | None:
        """The strategy to speak of besides: the best network's where `best` is none; where that is
        buy-and-hold itself and there is no network, the best of those that are not. Else None.
        """
        if self.best is None or self.best.model in self.networks:
            return None
        of_network = _best([one for one in self.strategies if one.model in self.networks])
        if of_network is not None or not self.is_hold(self.best):
            return of_network
        return _best([one for one in self.strategies if not self.is_hold(one)])

    def is_hold(self, strategy: Strategy) -> bool:
        """Whether it was long with all the money all the time."""
        return all(bool((own == 1).all()) for own in strategy.positions)

    @property
    def frame(self) -> pd.DataFrame:
        """One row per strategy, symbol and trading moment.

        model, rule, symbol, origin (of the forecast used), session, price, position, return (of the price to
        the next moment), gross_return and net_return (of the account to the next moment; the last one pays
        for the final sale), equity (of the account, before the trade). At the last moment all is sold.
        """
        parts = []
        for strategy in [*self.strategies, self.hold]:
            for place, (account, own) in enumerate(zip(self.accounts, strategy.positions, strict=True)):
                free = simulate(own, account.returns, 0.0, 0.0).equity
                paid = simulate(own, account.returns, *self.costs[place].at(account.session)).equity
                parts.append(
                    pd.DataFrame(
                        {
                            "model": strategy.model,
                            "rule": strategy.rule,
                            "symbol": account.symbol,
                            "origin": np.append(self.origins[account.decision], np.datetime64("NaT")),
                            "session": account.session,
                            "price": account.price,
                            "position": np.append(own, 0.0),
                            "return": np.append(account.returns, np.nan),
                            "gross_return": np.append(_returns(free), np.nan),
                            "net_return": np.append(_returns(paid), np.nan),
                            "equity": paid,
                        }
                    )
                )
        return pd.concat(parts, ignore_index=True)


def _best(strategies: Sequence[Strategy]) -> Strategy | None:
    known = [one for one in strategies if np.isfinite(one.net.sharpe)]
    return max(known, key=lambda one: one.net.sharpe) if known else None


def _returns(equity: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(equity[:-1] > 0, equity[1:] / equity[:-1] - 1, 0.0)
