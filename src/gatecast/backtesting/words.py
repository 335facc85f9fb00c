"""What a backtest means, in words: of the whole, and of each strategy's course."""

from __future__ import annotations

import numpy as np

from gatecast.backtesting.courses import Course
from gatecast.backtesting.strategies import Strategy
from gatecast.formatting import change, number, percent
from gatecast.language import marked, say
from gatecast.settings.frequency import MONTHLY, count_bars, session_nouns, stamp

MEANINGS = {
    marked("better than luck"): marked(
        "The gain is larger than the best of all that was tried would show by chance, and larger than that "
        "of the same trades at other times. That is evidence for this time and these prices, and no promise: "
        "an order of size moves the price, and what many trade on goes away."
    ),
    marked("may be luck"): marked(
        "Nothing here shows that these forecasts earn money. Trading at random times, or the best of as many "
        "strategies without any skill, would have done as well too often to rule luck out; costs are "
        "certain, the gain is not."
    ),
    marked("lost money"): marked("After costs even the best of these strategies lost money on these prices."),
    marked("never traded"): marked(
        "No forecast was large enough, or of the right sign, for these rules to trade on."
    ),
}


def of_strategy(one: Strategy, own: Course, hold: Course, frequency: str) -> list[str]:
    """What became of one strategy, beside buy-and-hold: its money, its deepest fall, months and exposure."""
    held = number(hold.money[-1])
    if not np.any(own.gross > 0):
        return [say("{name} never traded; buy-and-hold made {held} of 1.", name=one.name, held=held)]
    return [
        say(
            "{name} made {money} of 1 after costs; buy-and-hold {held}.",
            name=one.name,
            money=number(own.money[-1]),
            held=held,
        ),
        _fall(own, hold, frequency),
        *_months(own, hold),
        _exposure(own, frequency),
    ]


def _fall(own: Course, hold: Course, frequency: str) -> str:
    if own.drawdown.min() == 0:
        return say("It never fell below an earlier height.")
    high, low, again = own.fall
    back = (
        say("reached again on {date}", date=stamp(again, frequency))
        if again is not None
        else say("not reached again")
    )
    return say(
        "Its deepest fall was {fall}, from {high} to {low}, the old height {back}; that of "
        "buy-and-hold {held}.",
        fall=percent(-own.drawdown.min(), 1),
        high=stamp(high, frequency),
        low=stamp(low, frequency),
        back=back,
        held=percent(-hold.drawdown.min(), 1),
    )


def _months(own: Course, hold: Course) -> list[str]:
    months, others = own.months(), hold.months()
    if len(months) < 2:
        return []
    best, worst = (f"{month:%Y-%m}" for month in (months.idxmax(), months.idxmin()))
    return [
        say(
            "It gained in {gained} of {months}, and did better than buy-and-hold in {better}; best {best} "
            "({most}), worst {worst} ({least}).",
            gained=(months > 0).sum(),
            months=count_bars(len(months), MONTHLY),
            better=(months > others).sum(),
            best=best,
            most=change(months.max(), 1),
            worst=worst,
            least=change(months.min(), 1),
        )
    ]


def _exposure(own: Course, frequency: str) -> str:
    long, short, out = (percent(share, 0) for share in own.shares)
    return say(
        "It was long in {long} of the {sessions}, short in {short} and out of the market in {out}; on "
        "average {invested} of the money was at work.",
        long=long,
        sessions=session_nouns(frequency),
        short=short,
        out=out,
        invested=percent(float(own.gross[:-1].mean()), 0),
    )
