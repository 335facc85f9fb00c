"""What users choose of a run by name, checked: models, a symbol, days."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from gatecast.data.prices import moment
from gatecast.errors import SettingError, did_you_mean
from gatecast.formatting import some
from gatecast.report import frames
from gatecast.report.marks import LINES

if TYPE_CHECKING:
    from gatecast.run import Run


def known_models(run: Run, models: Sequence[str]) -> list[str]:
    """The models asked for, once each, which the run has."""
    names = list(dict.fromkeys([models] if isinstance(models, str) else models))
    for name in names:
        if name not in run.outcome.forecast:
            known = list(run.outcome.forecast)
            raise SettingError(
                f'"{name}" is no model of this run.{did_you_mean(name, known)} Known: {", ".join(known)}'
            )
    if not 0 < len(names) <= len(LINES):
        raise SettingError(f"{len(names)} models: between 1 and {len(LINES)} can be drawn in one chart")
    return names


def known_symbol(run: Run, symbol: str) -> str:
    """The symbol asked for, which was tested."""
    known = frames.tested_symbols(run)
    if symbol not in known:
        raise SettingError(
            f'"{symbol}" is no symbol that was tested.{did_you_mean(symbol, known)} Known: {some(known)}'
        )
    return symbol


def known_date(name: str, value: Any) -> pd.Timestamp | None:
    """The day asked for, which is one."""
    if value is None:
        return None
    date = moment(value)
    if date is None:
        raise SettingError("is no date", setting=name, value=value)
    return date
