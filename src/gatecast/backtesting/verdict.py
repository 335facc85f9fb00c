"""The verdict: one to three plain sentences on what trading would have earned, after costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from gatecast.backtesting.costs import FREE
from gatecast.backtesting.figures import HIGHEST, NOT_AHEAD
from gatecast.backtesting.strategies import Backtest, Strategy
from gatecast.formatting import basis_points, capitalised, decimals_beside, number, percent, sentence
from gatecast.language import marked, means, say

Kind = Literal["better than luck", "may be luck", "lost money", "never traded"]

SURE = 0.95  # deflated Sharpe ratio, and 1 - the share of random times that do as well


WHERE = {"next-open": marked("at the next open"), "next-close": marked("at the next close")}
TRADING = {
    "sign": marked("trading {model}'s sign {where}"),
    "threshold": marked("trading {model}'s forecasts {where}, where they exceed the cost of a round trip,"),
    "volatility": marked("aiming at a steady volatility with {model}'s forecasts, traded {where},"),
}


@dataclass(frozen=True)
class Verdict:
    """What a backtest shows of its best strategy.

    kind  "better than luck" needs a deflated Sharpe ratio over 0.95, and at most 5 % of its own positions at
          random other times doing as well; "lost money": the best of all did, after costs
    """

    kind: Kind
    sentences: tuple[str, ...]

    @property
    def text(self) -> str:
        """The sentences as one paragraph."""
        return " ".join(self.sentences)

    def __str__(self) -> str:
        return self.text


def verdict(tested: Backtest) -> Verdict:
    """Judge the strategy with the highest Sharpe ratio after costs."""
    best, hold = tested.best, tested.hold
    held = _earned(hold.net.annual_return)
    if best is None:
        nothing = say(
            "No strategy ever traded: no forecast called for a trade. Buy-and-hold {earned}.",
            earned=held,
        )
        return Verdict("never traded", (nothing,))
    kind, costs = _kind(best), _costs(tested)
    if tested.is_hold(best):
        first = say(
            "{model} was always long, so it is buy-and-hold, which {earned} after {costs}.",
            model=best.model,
            earned=held,
            costs=costs,
        )
    else:
        first = say(
            "{trading} {earned} after {costs}; buy-and-hold {held}.",
            trading=_trading(best, tested),
            earned=_earned(best.net.annual_return),
            costs=costs,
            held=held,
        )
    if tested.trials > 1:
        first = say("The best of {trials} strategies tried: {first}", trials=tested.trials, first=first)
    last = _break_even(best, hold) if tested.second is None else _second(tested.second, tested)
    return Verdict(kind, tuple(map(capitalised, (first, _luck(best, tested, kind), last))))


def _kind(best: Strategy) -> Kind:
    if best.net.total_return <= 0:
        return "lost money"
    timed = not np.isfinite(best.luck.reached) or best.luck.reached <= 1 - SURE
    return "better than luck" if best.deflated > SURE and timed else "may be luck"


def _trading(best: Strategy, tested: Backtest) -> str:
    return say(TRADING[best.rule], model=best.model, where=say(WHERE[tested.execution]))


def _luck(best: Strategy, tested: Backtest, kind: Kind) -> str:
    net, held, share = best.net, tested.hold.net.sharpe, best.luck.reached
    places = {"sharpe": number(net.sharpe), "error": number(net.sharpe_error)}
    if np.isfinite(held):
        ratio = say(
            "Its Sharpe ratio of {sharpe} (standard error {error}; buy-and-hold {held})",
            held=number(held),
            **places,
        )
    else:
        ratio = say("Its Sharpe ratio of {sharpe} (standard error {error})", **places)
    parts = []
    if np.isfinite(share):
        most = decimals_beside(100 * (1 - SURE), 100 * share, 0)
        few = say("under 1 %") if share < 0.01 else percent(share, most)
        parts.append(
            say("is what {few} of its own positions reach when they are moved to random other times", few=few)
        )
    tried = say(" after {trials} trials", trials=tested.trials) if tested.trials > 1 else ""
    shrunk = number(best.deflated, decimals_beside(SURE, best.deflated))
    if kind == "better than luck":
        parts.append(
            say(
                "is more than luck explains{tried} (deflated Sharpe ratio {deflated})",
                tried=tried,
                deflated=shrunk,
            )
        )
    elif best.deflated > SURE:
        parts.append(say("is no evidence of timing (at most {most} would be)", most=percent(1 - SURE, 0)))
    elif np.isfinite(best.deflated):
        parts.append(
            say(
                "may well be luck{tried} (deflated Sharpe ratio {deflated}; over {sure} would do)",
                tried=tried,
                deflated=shrunk,
                sure=SURE,
            )
        )
    found = "".join(parts) if len(parts) < 2 else say("{one} and {other}", one=parts[0], other=parts[1])
    return say("{ratio} {found}.", ratio=ratio, found=found)


def _break_even(best: Strategy, hold: Strategy) -> str:
    zero, rival = best.break_even, best.break_even_hold
    if np.isfinite(zero[0]):
        text = say("It breaks even at {cost} a side", cost=basis_points(zero[0]))
    elif means(zero[1], NOT_AHEAD):
        text = say("Even before costs it earned nothing")
    else:
        text = say("It breaks even beyond {cost} a side", cost=basis_points(1e4 * HIGHEST))
    if np.isfinite(rival[0]):
        return say("{text}, and with buy-and-hold at {cost}.", text=text, cost=basis_points(rival[0]))
    if means(rival[1], NOT_AHEAD):
        return say("{text}, and earns less than buy-and-hold at any cost.", text=text)
    return sentence(text)


def _second(other: Strategy, tested: Backtest) -> str:
    places = {
        "trading": _trading(other, tested),
        "earned": _earned(other.net.annual_return),
        "sharpe": number(other.net.sharpe),
    }
    places["chance"] = ""
    if np.isfinite(other.deflated):
        places["chance"] = say(", deflated {deflated}", deflated=number(other.deflated))
    if other.model not in tested.networks:
        return say("the next best, {trading} {earned} (Sharpe ratio {sharpe}{chance}).", **places)
    return say(
        "of the {noun}s, the best, {trading} {earned} (Sharpe ratio {sharpe}{chance}).",
        noun=say(tested.noun),
        **places,
    )


def _costs(tested: Backtest) -> str:
    names = list(dict.fromkeys(costs.said for costs in tested.costs))
    return say(" and ").join(names) if any(costs.name != FREE for costs in tested.costs) else say("no costs")


def _earned(share: float) -> str:
    size = percent(abs(share), 1)
    return say("earned {size} a year", size=size) if share >= 0 else say("lost {size} a year", size=size)
