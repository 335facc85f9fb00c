"""The verdict: one to three plain sentences on what trading would have earned, after costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from gatecast.backtesting.figures import HIGHEST
from gatecast.backtesting.strategies import Backtest, Strategy
from gatecast.formatting import basis_points, number, percent

Kind = Literal["better than luck", "no better than luck", "lost money", "never traded"]

SURE = 0.95  # deflated Sharpe ratio, and 1 - the share of random times that do as well


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
    if best is None:
        why = "No strategy ever traded: no model forecast a change."
        return Verdict("never traded", (f"{why} Buy-and-hold {_earned(hold.net.annual_return)}.",))
    kind, where = _kind(best), f"at the {tested.execution.replace('-', ' ')}"
    first = "" if tested.trials == 1 else f"The best of {tested.trials} strategies tried: "
    if tested.is_hold(best):
        first += f"{best.model} was always long, so it is buy-and-hold, which "
        first += f"{_earned(hold.net.annual_return)} after {_costs(tested)}."
    else:
        first += f"{_trading(best, where)} {_earned(best.net.annual_return)} after {_costs(tested)}; "
        first += f"buy-and-hold {_earned(hold.net.annual_return)}."
    last = _break_even(best, hold) if tested.second is None else _second(tested.second, tested, where)
    sentences = (first, _luck(best, tested, kind), last)
    return Verdict(kind, tuple(sentence[:1].upper() + sentence[1:] for sentence in sentences))


def _kind(best: Strategy) -> Kind:
    if best.net.total_return <= 0:
        return "lost money"
    timed = not np.isfinite(best.luck.reached) or best.luck.reached <= 1 - SURE
    return "better than luck" if best.deflated > SURE and timed else "no better than luck"


def _trading(best: Strategy, where: str) -> str:
    if best.rule == "sign":
        return f"trading {best.model}'s sign {where}"
    if best.rule == "threshold":
        return f"trading {best.model}'s forecasts {where}, where they exceed the cost of a round trip,"
    return f"aiming at a steady volatility with {best.model}'s forecasts, traded {where},"


def _luck(best: Strategy, tested: Backtest, kind: Kind) -> str:
    net = best.net
    ratio = f"Its Sharpe ratio of {number(net.sharpe)} (standard error {number(net.sharpe_error)}"
    ratio += (
        f"; buy-and-hold {number(tested.hold.net.sharpe)})" if np.isfinite(tested.hold.net.sharpe) else ")"
    )
    parts = []
    if np.isfinite(best.luck.reached):
        share = best.luck.reached
        few = "under 1 %" if share < 0.01 else percent(share, 0)
        parts.append(f"is what {few} of its own positions reach when they are moved to random other times")
    tried = f" after {tested.trials} trials" if tested.trials > 1 else ""
    chance = f"(deflated Sharpe ratio {number(best.deflated)}; over {SURE} would do)"
    if kind == "better than luck":
        parts.append(f"is more than luck explains{tried} (deflated Sharpe ratio {number(best.deflated)})")
    elif best.deflated > SURE:
        parts.append("is no proof of timing: those positions do as well at other times")
    elif np.isfinite(best.deflated):
        parts.append(f"is no better than luck{tried} {chance}")
    return f"{ratio} {' and '.join(parts)}."


def _break_even(best: Strategy, hold: Strategy) -> str:
    zero, rival = best.break_even, best.break_even_hold
    if np.isfinite(zero[0]):
        text = f"It breaks even at {basis_points(zero[0])} a side"
    elif "still ahead" in zero[1]:
        text = f"It breaks even beyond {basis_points(1e4 * HIGHEST)} a side"
    else:
        text = "Even before costs it earned nothing"
    if np.isfinite(rival[0]):
        return f"{text}, and with buy-and-hold at {basis_points(rival[0])}."
    if "even before" not in rival[1]:
        return f"{text}."
    return f"{text}, and earns less than buy-and-hold at any cost."


def _second(other: Strategy, tested: Backtest, where: str) -> str:
    who = f"of the {tested.noun}s, the best, " if other.model in tested.networks else "the next best, "
    chance = f", deflated {number(other.deflated)}" if np.isfinite(other.deflated) else ""
    return (
        f"{who}{_trading(other, where)} {_earned(other.net.annual_return)} "
        f"(Sharpe ratio {number(other.net.sharpe)}{chance}). "
    ).strip()


def _costs(tested: Backtest) -> str:
    names = list(dict.fromkeys(costs.name for costs in tested.costs))
    return " and ".join(names) if names != ["0 bp a side"] else "no costs"


def _earned(share: float) -> str:
    return f"{'earned' if share >= 0 else 'lost'} {percent(abs(share), 1)} a year"
