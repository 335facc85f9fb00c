"""Sentences that several verdicts share."""

from __future__ import annotations

from gatecast.formatting import count, percent

HARDLY = 0.5  # a detectable skill above it


def power(detectable: float, models: int) -> str:
    """What a test over so many models could have found, given the detectable skill (a fraction)."""
    size = f"a skill of {percent(detectable)}" if detectable < 1 else "more than all of the error"
    if detectable > HARDLY:
        return f"this test could hardly have found anything: four times in five it finds {size}"
    among = f", with {count(models, 'model')} tried," if models > 1 else ""
    return f"in four cases out of five{among} this test finds {size}, and smaller ones more rarely"
