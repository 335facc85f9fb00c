"""The backtest of a run: every model by every rule, beside buy-and-hold and luck."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gatecast.backtest import verdict as words
from gatecast.backtest.accounts import (
    EXECUTIONS,
    Account,
    accounts,
    check_execution,
    default_execution,
    sessions_per_year,
)
from gatecast.backtest.costs import Costs, costs_of
from gatecast.backtest.figures import Performance, break_even, performance, trades
from gatecast.backtest.luck import Luck, luck
from gatecast.backtest.rules import RULES
from gatecast.backtest.sharpe import best_of_luck, deflated
from gatecast.backtest.signals import (
    Signal,
    Sizing,
    check_column,
    expected_return,
    forecast_volatility,
    known_volatility,
    positions,
)
from gatecast.backtest.simulation import Portfolio, portfolio, simulate
from gatecast.errors import SettingError, did_you_mean
from gatecast.folders import BACKTEST, added_files, new_folder
from gatecast.runs import Result, plain

Floats = NDArray[np.float64]

HOLD = "buy-and-hold"


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
    origins: NDArray[np.datetime64]
    networks: frozenset[str]
    sizing: Sizing

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

    @cached_property
    def verdict(self) -> words.Verdict:
        """One to three plain sentences."""
        return words.verdict(self)

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

    def table(self) -> str:
        """Every strategy and buy-and-hold as text."""
        from gatecast.backtest.report import text_table

        return text_table(self)

    @property
    def text(self) -> str:
        """What the command line prints."""
        from gatecast.backtest.report import conditions

        return "\n".join([self.verdict.text, "", self.table(), "", *conditions(self)])

    def summary(self) -> dict[str, Any]:
        """The same as plain data for JSON; undefined numbers are None, with their reasons."""
        first, last = self.hold.money.session[[0, -1]]
        return plain(
            {
                "verdict": {"text": self.verdict.text, "kind": self.verdict.kind},
                "execution": self.execution,
                "first_session": str(first),
                "last_session": str(last),
                "sessions": self.hold.net.sessions,
                "sessions_per_year": self.per_year,
                "symbols": [account.symbol for account in self.accounts],
                "short": self.sizing.short,
                "target_volatility": self.sizing.target,
                "cap": self.sizing.cap,
                "costs": [
                    {"name": costs.name, "since_buy_sell_bp": costs.steps, "notes": costs.notes}
                    for costs in {costs.name: costs for costs in self.costs}.values()
                ],
                "trials": self.trials,
                "sharpe_expected_of_luck": self.lucky,
                "strategies": [one.figures() for one in self.strategies],
                "buy_and_hold": self.hold.figures(),
            }
        )

    def save(self, folder: str | Path, *, overwrite: bool = False, charts: bool = True) -> Path:
        """Write backtest.json and daily.csv, whole or not at all; then, with `charts`, `draw` beside them.

        overwrite: replace a backtest that gatecast wrote.

        Raises
            RunError: the folder is there and not empty (unless `overwrite`), holds anything that gatecast did
            not write as a backtest, or cannot be written.
        """
        from gatecast.backtest.report import write

        with new_folder(folder, BACKTEST, overwrite=overwrite) as partial:
            write(self, partial)
        if charts:
            self.draw(folder)
        return Path(folder)

    def draw(self, folder: str | Path) -> bool:
        """Whether backtest.html could be drawn into this backtest's folder; with money.png and sharpe.png.

        What cannot be drawn or written is a DrawingWarning.
        """
        from gatecast.backtest.report import draw
        from gatecast.report.pictures import drawing

        with drawing("the pictures and the page"), added_files(folder, BACKTEST) as partial:
            draw(self, partial)
            return (partial / "backtest.html").is_file()
        return False

    def __repr__(self) -> str:
        return f"Backtest: {self.verdict.text}"


def backtest(
    result: Result,
    models: Sequence[str] | None = None,
    *,
    rules: Sequence[str] = RULES,
    execution: str | None = None,
    cost: float | None = None,
    costs: str | None = None,
    short: bool = True,
    target_volatility: float = 0.10,
    cap: float = 1.0,
    volatility: Mapping[str, Floats] | None = None,
    trials: int | None = None,
    draws: int = 500,
    seed: int = 0,
) -> Backtest:
    """Trade on the forecasts of a run.

    models: of the run; None: all. rules: "sign", "threshold", "volatility", see `gatecast.backtest.rules`.
    execution: "next-open" or "next-close" of the session after the origin; None: the open where the data have
    one that can be traded at. cost: basis points a side; costs: "us", "korea" or "none"; neither: the preset
    of each symbol's exchange, else 5. short: whether positions may be below zero. target_volatility: of a
    year; cap: the largest position of that rule. volatility: model → (N,) standard deviation of the next
    session's log return, instead of that of the model's range, or where it has none of the EWMA. trials: how
    many strategies were tried in all, where there were more than these. draws, seed: random times.

    Each symbol is an account with the same money at the start; nothing moves between accounts.

    Raises
        SettingError: a model that is not in the run, a setting that is wrong, no open to trade at.
    """
    outcome = result.outcome
    chosen = _check(result, models, rules, target_volatility, cap, trials, draws)
    if execution is None:
        execution = default_execution(result.prices, outcome)
    check_execution(execution)
    trading = accounts(result.prices, outcome, execution)
    charged = [costs_of(costs, cost, result.prices.calendar[account.symbol]) for account in trading]
    free = all(not any(step[1] or step[2] for step in own.steps) for own in charged)
    asked = [
        rule for rule in RULES if rule in rules and not (free and rule == "threshold" and "sign" in rules)
    ]
    begun = min(account.session[0] for account in trading)
    sizing = Sizing(
        short=short,
        target=target_volatility,
        cap=cap,
        per_year={account.symbol: _per_year(result, [account.symbol], begun) for account in trading},
    )
    per_year = _per_year(result, [account.symbol for account in trading], begun)
    known = known_volatility(result.prices, outcome)
    plans: dict[tuple[str, str], list[Floats]] = {}
    for model in chosen:
        spread = (volatility or {}).get(model)
        if spread is None:
            spread = forecast_volatility(outcome.ranges[model]) if model in outcome.ranges else known
        signal = Signal(expected_return(outcome, model), spread)
        plans |= {(model, rule): positions(rule, signal, trading, charged, sizing) for rule in asked}
    ones = [np.ones(len(account.decision)) for account in trading]
    nets = {key: _money(trading, plan, charged) for key, plan in plans.items()}
    net = {key: performance(money, per_year) for key, money in nets.items()}
    ratios = [figures.per_period.ratio for figures in net.values() if np.isfinite(figures.sharpe)]
    tried = max(len(ratios), trials or 0)
    variance = float(np.var(ratios, ddof=1)) if len(ratios) > 1 else 0.0
    strategies = []
    for (model, rule), plan in plans.items():
        figures = net[model, rule]
        chance = luck(trading, plan, charged, figures.sharpe, per_year=per_year, draws=draws, seed=seed)
        strategies.append(
            Strategy(
                model=model,
                rule=rule,
                positions=plan,
                trades=trades(plan),
                net=figures,
                gross=performance(_money(trading, plan, None), per_year),
                money=nets[model, rule],
                deflated=deflated(figures.per_period, tried, variance),
                luck=chance,
                break_even=break_even(trading, plan),
                break_even_hold=break_even(trading, plan, ones),
            )
        )
    return Backtest(
        execution=execution,
        per_year=per_year,
        accounts=trading,
        costs=charged,
        strategies=strategies,
        hold=_hold(trading, ones, charged, per_year),
        trials=tried,
        lucky=best_of_luck(tried, variance) * math.sqrt(per_year),
        origins=outcome.origin,
        networks=frozenset(outcome.seeds),
        sizing=sizing,
    )


def _best(strategies: Sequence[Strategy]) -> Strategy | None:
    known = [one for one in strategies if np.isfinite(one.net.sharpe)]
    return max(known, key=lambda one: one.net.sharpe) if known else None


def _hold(trading: list[Account], ones: list[Floats], charged: list[Costs], per_year: int) -> Strategy:
    money = _money(trading, ones, charged)
    return Strategy(
        model=HOLD,
        rule="",
        positions=ones,
        trades=trades(ones),
        net=performance(money, per_year),
        gross=performance(_money(trading, ones, None), per_year),
        money=money,
        deflated=math.nan,
        luck=Luck(math.nan, math.nan, math.nan, np.full((2, 0), np.nan), "its position never changes"),
        break_even=break_even(trading, ones),
        break_even_hold=(math.nan, "it is buy-and-hold"),
    )


def _money(trading: Sequence[Account], plan: Sequence[Floats], charged: Sequence[Costs] | None) -> Portfolio:
    paths = []
    for place, (account, own) in enumerate(zip(trading, plan, strict=True)):
        buy, sell = (0.0, 0.0) if charged is None else charged[place].at(account.session)
        paths.append(simulate(own, account.returns, buy, sell))
    return portfolio(trading, paths)


def _per_year(result: Result, symbols: Sequence[str], begun: np.datetime64) -> int:
    """From the sessions before the first trade: a position may not depend on how the calendar goes on."""
    table = result.prices.table
    mine = table.loc[table["symbol"].isin(list(symbols)), "session"].to_numpy().astype("datetime64[D]")
    return sessions_per_year(np.unique(mine[mine <= begun]))


def _returns(equity: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(equity[:-1] > 0, equity[1:] / equity[:-1] - 1, 0.0)


def _check(
    result: Result,
    models: Sequence[str] | None,
    rules: Sequence[str],
    target: float,
    cap: float,
    trials: int | None,
    draws: int,
) -> list[str]:
    """The models, once each."""
    check_column(result.experiment.column)
    known = list(result.outcome.forecast)
    chosen = known if models is None else list(dict.fromkeys(models))
    for model in chosen:
        if model not in known:
            raise SettingError(
                f'the run has no model "{model}".{did_you_mean(model, known)} It has {", ".join(known)}'
            )
    for rule in rules:
        if rule not in RULES:
            raise SettingError(
                f'there is no rule "{rule}".{did_you_mean(rule, RULES)} Known: {", ".join(RULES)}'
            )
    if not chosen or not rules:
        raise SettingError("nothing to trade: name at least one model and one rule")
    if not (math.isfinite(target) and target > 0 and math.isfinite(cap) and cap > 0):
        raise SettingError("the target volatility and the cap must be above 0 (0.1 is 10 % a year)")
    if trials is not None and trials < 1:
        raise SettingError("the number of strategies tried is 1 or more")
    if draws < 0:
        raise SettingError("the number of random times is 0 or more")
    return chosen


__all__ = ["EXECUTIONS", "HOLD", "RULES", "Backtest", "Strategy", "backtest"]
