"""How a verdict writes numbers and lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatecast.evaluation.significance import Skill

HARDLY = 0.5  # a detectable skill above it


def percent(share: float) -> str:
    """'0.42 %', '4.2 %', '42 %' of a fraction."""
    percent = 100 * share
    return f"{percent:.2f} %" if percent < 1 else f"{percent:.1f} %" if percent < 10 else f"{percent:.0f} %"


def interval(skill: Skill) -> str:
    """'+0.4 … +2.1 %' of the interval of a skill."""
    return f"{100 * skill.low:+.2f} … {100 * skill.high:+.2f} %"


def p_value(p: float) -> str:
    """'p < 0.001', 'p = 0.042', 'p = 0.42'."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def count(number: int, what: str) -> str:
    """'1 fold', '5 folds'."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def listed(names: Sequence[str]) -> str:
    """'a, b and c'."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def some(names: Sequence[str], between: str = ", ", most: int = 20) -> str:
    """'a, b, c'; of many the first, 'a, b, and 63 more'."""
    rest = len(names) - most
    return between.join([*names[:most], *([f"and {rest:,} more"] if rest > 0 else [])])


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    return text[:1].upper() + text[1:] + "."


def power(detectable: float, models: int) -> str:
    """What a test over so many models could have found, given the detectable skill (a fraction)."""
    size = f"a skill of {percent(detectable)}" if detectable < 1 else "more than all of the error"
    if detectable > HARDLY:
        return f"this test could hardly have found anything: four times in five it finds {size}"
    among = f", with {count(models, 'model')} tried," if models > 1 else ""
    return f"in four cases out of five{among} this test finds {size}, and smaller ones more rarely"
