"""One thing that is wrong, or worth knowing, about a pipeline."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal[
    "chance", "deaf", "future-rows", "between", "same-day", "answer", "stale-input", "shift", "scale",
    "training-rows", "metric", "order", "repeats-yesterday",
]  # fmt: skip
Severity = Literal["fault", "note"]
KINDS: tuple[Kind, ...] = Kind.__args__  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong ("fault") or worth knowing ("note").

    first   date of the first forecast concerned (text: the date, or "row 17")
    count   how many forecasts
    size    by how much. By default the median move of these forecasts, in typical one-session moves of the
            target (NaN where they only come and go); for stale-input and shift a number of sessions; for
            scale how many times too large; for metric what was said over what is true
    text    what was seen
    remedy  what usually causes it, and what to do
    """

    kind: Kind
    severity: Severity
    first: str
    count: int
    size: float
    text: str
    remedy: str

    def as_dict(self) -> dict[str, Any]:
        """Plain data; a size that is no number is None."""
        return asdict(self) | {"size": self.size if math.isfinite(self.size) else None}
