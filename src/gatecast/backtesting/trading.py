"""Trading on the forecasts of a run: accounts, positions, money."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from gatecast._typing import Floats
from gatecast.backtesting.accounts import (
    Account,
    accounts,
    bars_per_year,
    check_execution,
    default_execution,
)
from gatecast.backtesting.costs import Costs, costs_of
from gatecast.backtesting.figures import break_even, performance, trades
from gatecast.backtesting.luck import Luck, luck
from gatecast.backtesting.rules import RULES
from gatecast.backtesting.sharpe import best_of_luck, deflated
from gatecast.backtesting.signals import (
    Signal,
    Sizing,
    check_column,
    check_prices,
    expected_return,
    known_volatility,
    positions,
    volatility_of,
)
from gatecast.backtesting.simulation import Portfolio, portfolio, simulate
from gatecast.backtesting.strategies import HOLD, Backtest, Strategy
from gatecast.errors import SettingError, did_you_mean
from gatecast.language import say
from gatecast.run import Run
from gatecast.settings.base import check_number, check_whole


def trade(
    run: Run,
    models: str | Sequence[str] | None = None,
    *,
    rules: str | Sequence[str] = RULES,
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
    """What trading on the forecasts of a run would have earned, after costs.

    Each symbol is an account with the same money at the start; nothing moves between accounts.

    Parameters
    ----------
    run
        From `gatecast.compare`, `gatecast.judge` or `gatecast.open_run`.
    models
        Of the run; None: all.
    rules
        "sign", "threshold", "volatility"; see `gatecast.backtesting.rules`.
    execution
        "next-open" or "next-close" of the session after the origin; None: the open where the data have one
        that can be traded at.
    cost
        Basis points a side.
    costs
        "us", "korea" or "none"; with neither this nor `cost` the preset of each symbol's exchange, else 5
        basis points.
    short
        Whether positions may be below zero.
    target_volatility
        Of a year, a fraction: what the rule "volatility" aims at.
    cap
        The largest position of that rule, as a share of the account.
    volatility
        Model → (N,) standard deviation of the next session's log return, instead of that of the model's
        distribution, or where it has none of the EWMA.
    trials
        How many strategies were tried in all, where there were more than these.
    draws, seed
        Of the random times that the strategies are compared with.

    Raises
    ------
    SettingError
        A model that is not in the run, a setting that is wrong, no open to trade at.
    """
    rules = (rules,) if isinstance(rules, str) else rules
    chosen = _check(run, models, rules, target_volatility, cap, cost, trials, draws, seed)
    for name in volatility or ():
        if name not in chosen:
            raise SettingError(
                say("is of no model that is traded; these are {known}", known=", ".join(chosen)),
                setting="volatility",
                value=name,
            )
    outcome = run.outcome
    if execution is None:
        execution = default_execution(run.prices, outcome)
    check_execution(execution)
    trading = accounts(run.prices, outcome, execution)
    charged = [costs_of(costs, cost, run.prices.calendar[account.symbol]) for account in trading]
    free = all(not any(step[1] or step[2] for step in own.steps) for own in charged)
    asked = [
        rule for rule in RULES if rule in rules and not (free and rule == "threshold" and "sign" in rules)
    ]
    begun = min(account.session[0] for account in trading)
    sizing = Sizing(
        short=short,
        target=target_volatility,
        cap=cap,
        per_year={account.symbol: _per_year(run, [account.symbol], begun) for account in trading},
    )
    per_year = _per_year(run, [account.symbol for account in trading], begun)
    known = known_volatility(run.prices, outcome)
    plans: dict[tuple[str, str], list[Floats]] = {}
    for model in chosen:
        deviation = (volatility or {}).get(model)
        if deviation is None:
            deviation = volatility_of(outcome, model) if model in outcome.distributions else known
        signal = Signal(expected_return(outcome, model), deviation)
        plans |= {(model, rule): positions(rule, signal, trading, charged, sizing) for rule in asked}
    ones = [np.ones(len(account.decision)) for account in trading]
    nets = {key: _money(trading, plan, charged) for key, plan in plans.items()}
    net = {key: performance(money, per_year) for key, money in nets.items()}
    ratios = [figures.per_period.ratio for figures in net.values() if np.isfinite(figures.sharpe)]
    tried = len(ratios) if trials is None else trials
    if tried < len(ratios):
        raise SettingError(
            say("{count} strategies are tried here alone", count=len(ratios)), setting="trials", value=trials
        )
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
        noun=run.noun,
        sizing=sizing,
        frequency=run.prices.frequency,
    )


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


def _per_year(run: Run, symbols: Sequence[str], begun: np.datetime64) -> int:
    """From the sessions before the first trade: a position may not depend on how the calendar goes on."""
    mine = run.prices.times[run.prices.table["symbol"].isin(list(symbols)).to_numpy()]
    return bars_per_year(np.unique(mine[mine <= begun]), run.prices.frequency)


def _check(
    run: Run,
    models: str | Sequence[str] | None,
    rules: Sequence[str],
    target: float,
    cap: float,
    cost: float | None,
    trials: int | None,
    draws: int,
    seed: int,
) -> list[str]:
    """The models, once each."""
    if not isinstance(run, Run):
        raise SettingError(
            say("must be a result of gatecast.compare, judge, or open_run of a folder"),
            setting="result",
            value=run,
        )
    check_whole(0, draws=draws, seed=seed)
    check_whole(1, trials=1 if trials is None else trials)
    check_number(target_volatility=target, cap=cap, cost=0 if cost is None else cost)
    check_column(run.experiment.column)
    check_prices(run.prices, run.experiment.column)
    known = list(run.outcome.forecast)
    asked = [models] if isinstance(models, str) else models
    if asked is not None and not isinstance(asked, Sequence):
        raise SettingError(say("must be a list of models"), setting="models", value=asked)
    chosen = known if asked is None else list(dict.fromkeys(asked))
    for model in chosen:
        if model not in known:
            raise SettingError(
                say(
                    'the run has no model "{model}".{did_you_mean} It has {known}',
                    model=model,
                    did_you_mean=did_you_mean(model, known),
                    known=", ".join(known),
                )
            )
    for rule in rules:
        if rule not in RULES:
            raise SettingError(
                say(
                    'there is no rule "{rule}".{did_you_mean} Known: {rules}',
                    rule=rule,
                    did_you_mean=did_you_mean(rule, RULES),
                    rules=", ".join(RULES),
                )
            )
    if not chosen or not rules:
        raise SettingError(say("nothing to trade: name at least one model and one rule"))
    if not (target > 0 and cap > 0):
        raise SettingError(say("the target volatility and the cap must be above 0 (0.1 is 10 % a year)"))
    return chosen
