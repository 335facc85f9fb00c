"""What a backtest means, in words: of the whole, and of each strategy's course."""

from __future__ import annotations

import numpy as np

from gatecast.backtesting.courses import Course
from gatecast.backtesting.strategies import Strategy
from gatecast.formatting import change, count, number, percent
from gatecast.settings.frequency import session_noun, stamp

MEANINGS = {
    "better than luck": (
        "The gain is larger than the best of all that was tried would show by chance, and larger than that "
        "of the same trades at other times. That is evidence for this time and these prices, and no promise: "
        "an order of size moves the price, and what many trade on goes away."
    ),
    "no better than luck": (
        "Nothing here shows that these forecasts earn money. Trading at random times, or the best of as many "
        "strategies without any skill, would often have done as well; costs are certain, the gain is not."
    ),
    "lost money": "After costs even the best of these strategies lost: there is nothing to trade on here.",
    "never traded": "Every forecast was the last price, so that there was nothing to trade on.",
}


def of_strategy(one: Strategy, own: Course, hold: Course, frequency: str) -> list[str]:
    """What became of one strategy, beside buy-and-hold: its money, its deepest fall, months and exposure."""
    if not np.any(own.gross > 0):
        return [f"{one.name} never traded; buy-and-hold made {number(hold.money[-1])} of 1."]
    return [
        f"{one.name} made {number(own.money[-1])} of 1 after costs; buy-and-hold {number(hold.money[-1])}.",
        _fall(own, hold, frequency),
        *_months(own, hold),
        _exposure(own, frequency),
    ]


def _fall(own: Course, hold: Course, frequency: str) -> str:
    if own.drawdown.min() == 0:
        return "It never fell below an earlier height."
    high, low, again = own.fall
    back = f"reached again on {stamp(again, frequency)}" if again is not None else "not reached again"
    return (
        f"Its deepest fall was {percent(-own.drawdown.min(), 1)}, from {stamp(high, frequency)} to "
        f"{stamp(low, frequency)}, the old height {back}; that of buy-and-hold "
        f"{percent(-hold.drawdown.min(), 1)}."
    )


def _months(own: Course, hold: Course) -> list[str]:
    months, others = own.months(), hold.months()
    if len(months) < 2:
        return []
    best, worst = (f"{month:%Y-%m}" for month in (months.idxmax(), months.idxmin()))
    return [
        f"It gained in {(months > 0).sum()} of {count(len(months), 'month')}, and did better than "
        f"buy-and-hold in {(months > others).sum()}; best {best} ({change(months.max(), 1)}), worst {worst} "
        f"({change(months.min(), 1)})."
    ]


def _exposure(own: Course, frequency: str) -> str:
    long, short, out = (percent(share, 0) for share in own.shares)
    return (
        f"It was long in {long} of the {session_noun(frequency)}s, short in {short} and out of the market in "
        f"{out}; on average {percent(float(own.gross[:-1].mean()), 0)} of the money was at work."
    )
