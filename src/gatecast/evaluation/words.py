"""How a verdict writes numbers and lists."""

from __future__ import annotations

from collections.abc import Sequence


def percent(share: float) -> str:
    """'0.42 %', '4.2 %', '42 %' of a fraction."""
    percent = 100 * share
    return f"{percent:.2f} %" if percent < 1 else f"{percent:.1f} %" if percent < 10 else f"{percent:.0f} %"


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


def power(detectable: float) -> str:
    """What a test could have noticed, given its smallest detectable improvement (a fraction)."""
    if detectable >= 1:
        return "the errors vary so much that this test could not have noticed any improvement"
    return (
        f"this test would have noticed an improvement of {percent(detectable)} in four cases out of five, "
        "and smaller ones more rarely"
    )
