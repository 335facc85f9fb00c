"""One of the two ways of doing a tutorial, as written or corrected, after a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from gatecast.report.marks import Drawn


@dataclass(frozen=True)
class Side:
    """What one way of doing it shows.

    facts: computed from the arrays of this run, for JSON; sentences: what they mean; numbers: the few to set
    beside the other side's, under the same names; pictures: what draws each, in the language of that moment;
    table: one row per model, as printed.
    """

    facts: dict[str, Any]
    sentences: tuple[str, ...]
    numbers: dict[str, str]
    pictures: dict[str, Callable[[], Drawn]]
    table: pd.DataFrame | None = None
