"""Conditions on a track record, as "coverage80<0.7", that a daily job learns of when they come true."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from gatecast.errors import SettingError, did_you_mean
from gatecast.language import say
from gatecast.ledger.scoring import INTERVALS
from gatecast.ledger.track import Record, overall

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}


def _coverage(level: int) -> Callable[[Record], float]:
    return lambda record: record.coverage.get(level, math.nan)


FIGURES: dict[str, Callable[[Record], float]] = {
    **{f"coverage{level}": _coverage(level) for level in INTERVALS},
    **{
        name: operator.attrgetter(name)
        for name in ("crps", "naive_crps", "skill", "mae", "naive_mae", "mae_skill", "due", "missed")
    },
}


@dataclass(frozen=True)
class Check:
    """A figure of a record, and the comparison that is a finding when it is true."""

    figure: str
    comparison: str
    limit: float

    @classmethod
    def parse(cls, text: str) -> Check:
        """The check that a text stands for.

        Raises
        ------
        SettingError
            Not FIGURE<LIMIT (or >, <=, >=), or no such figure.
        """
        found = re.fullmatch(r"\s*(\w+)\s*(<=|>=|<|>)\s*(-?\d*\.?\d+)\s*", text)
        if found is None:
            raise SettingError(
                say("is not a figure, <, >, <= or >=, and a number, as coverage80<0.7"),
                setting="check",
                value=text,
            )
        figure, comparison, limit = found.groups()
        if figure not in FIGURES:
            raise SettingError(
                say(
                    "there is no such figure.{did_you_mean} Known: {figures}",
                    did_you_mean=did_you_mean(figure, FIGURES),
                    figures=", ".join(FIGURES),
                ),
                setting="check",
                value=text,
            )
        return cls(figure, comparison, float(limit))

    def findings(self, records: Iterable[Record]) -> Iterator[str]:
        """A sentence for each model and experiment of which it is true, over all symbols and steps.

        A figure that is undefined, for nothing is due, is not compared.
        """
        for record in overall(records):
            value = FIGURES[self.figure](record)
            if COMPARISONS[self.comparison](value, self.limit):
                yield (
                    f"{self.figure} of {record.model} ({record.experiment[:8]}) on {record.symbol} is "
                    f"{value:.4g}, {self.comparison} {self.limit:g}"
                )
