"""Signals: what one model knew at every origin, in the units that the rules take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gatecast._typing import Floats
from gatecast.backtesting import rules
from gatecast.backtesting.accounts import Account, total_return_factor
from gatecast.backtesting.costs import Costs
from gatecast.data.prices import Prices
from gatecast.distributions import FINE_LEVELS, LEVELS, Quantiles
from gatecast.errors import SettingError
from gatecast.forecasts import DistributionForecast, Forecasts
from gatecast.language import say
from gatecast.problem.moves import LOG_RETURN
from gatecast.problem.problem import first_not_positive
from gatecast.problem.volatility import ewma_volatility, log_returns

COLUMNS = ("close", "adj_close")


@dataclass(frozen=True)
class Signal:
    """Of N origins.

    expected    (N,) log return of the next session that is forecast; NaN where it is not a finite number
    volatility  (N,) standard deviation of that log return
    """

    expected: Floats
    volatility: Floats


@dataclass(frozen=True)
class Sizing:
    """What the rules need besides a signal: see `gatecast.backtesting.rules`.

    per_year: symbol → sessions per year
    """

    short: bool
    target: float
    cap: float
    per_year: dict[str, int]


def expected_return(forecasts: Forecasts, model: str) -> Floats:
    """(N,) the first step's forecast as log return from the origin."""
    price = forecasts.forecast[model][:, 0]
    good = np.isfinite(price) & (price > 0)
    return np.log(np.where(good, price, np.nan) / forecasts.anchor)


def forecast_volatility(forecast: DistributionForecast) -> Floats:
    """(N,) the standard deviation of the forecast at the first step: that of 200 equally likely quantiles."""
    one = Quantiles(np.asarray(LEVELS), forecast.quantiles[:, :1])
    return one.quantile(FINE_LEVELS)[:, 0].std(axis=-1)


def volatility_of(forecasts: Forecasts, model: str) -> Floats:
    """(N,) that of a model's distribution, as a share of the price where it is one of differences."""
    volatility = forecast_volatility(forecasts.distributions[model])
    return volatility if forecasts.move.name == LOG_RETURN.name else volatility / forecasts.anchor


def known_volatility(prices: Prices, forecasts: Forecasts) -> Floats:
    """(N,) standard deviation of a session's log return: the EWMA of squared returns up to each origin."""
    sizes = np.diff(np.append(prices.first, len(prices.table)))
    first = np.repeat(prices.first, sizes)
    close = prices.table["close"].to_numpy(np.float64) * total_return_factor(prices.table)
    everything = ewma_volatility(log_returns(close, first), first)
    session = prices.times
    ends = dict(zip(prices.symbols, zip(prices.first, prices.first + sizes, strict=True), strict=True))
    known = np.empty(len(forecasts.origin))
    for index in np.unique(forecasts.symbol):
        start, end = ends[forecasts.symbols[index]]
        mine = forecasts.symbol == index
        known[mine] = everything[start + np.searchsorted(session[start:end], forecasts.origin[mine])]
    return known


def positions(
    rule: str, signal: Signal, accounts: Sequence[Account], costs: Sequence[Costs], sizing: Sizing
) -> list[Floats]:
    """Per account the positions (T - 1,) of a rule."""
    found = []
    for account, cost in zip(accounts, costs, strict=True):
        expected = signal.expected[account.decision]
        if rule == "sign":
            found.append(rules.sign(expected, short=sizing.short))
        elif rule == "threshold":
            buy, sell = cost.at(account.session[:-1])
            found.append(rules.threshold(expected, buy + sell, short=sizing.short))
        else:
            found.append(
                rules.volatility_target(
                    expected,
                    signal.volatility[account.decision],
                    target=sizing.target,
                    cap=sizing.cap,
                    per_year=sizing.per_year[account.symbol],
                    short=sizing.short,
                )
            )
    return found


def check_prices(prices: Prices, column: str) -> None:
    """SettingError where a price is zero or below: an account's gains are shares of prices."""
    low = first_not_positive(prices, column)
    if low is not None:
        raise SettingError(
            say(
                "{low}, and the gains of an account are shares of prices, which must be above 0 "
                "for that: there is no backtest of such prices",
                low=low,
            )
        )


def check_column(column: str) -> None:
    """SettingError where the forecasts do not speak of a close."""
    if column not in COLUMNS:
        raise SettingError(
            say(
                "the run forecasts the {column}, and the rules trade on forecasts of the close: "
                "gatecast compare --column close",
                column=column,
            )
        )
