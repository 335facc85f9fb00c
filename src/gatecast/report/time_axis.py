"""The axis of time: dates, times of day within days, or the numbers of rows that have no dates."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from gatecast.language import say
from gatecast.settings.frequency import INDEX, MONTHS, is_intraday, position_of

DAY, MONTH, MINUTE = "%Y-%m-%d", "%Y-%m", "%Y-%m-%d %H:%M"


def across(frequency: str, *, wide: bool = False, domain: Any = None) -> alt.X:
    """The horizontal axis of the column `date`.

    wide: over the whole test, where dates need less detail; domain: of the scale, such as a selection.
    """
    scale: dict[str, Any] = {} if domain is None else {"domain": domain}
    if frequency == INDEX:
        axis = alt.Axis(format="d", tickMinStep=1, tickCount=10, labelOverlap="greedy", labelSeparation=12)
        return alt.X(
            "date:Q", title=say("position"), axis=axis, scale=alt.Scale(zero=False, nice=False, **scale)
        )
    fine, coarse = (MINUTE, DAY) if is_intraday(frequency) else (DAY, MONTH)
    fine = MONTH if frequency in MONTHS else fine
    axis = alt.Axis(format=coarse if wide else fine, labelOverlap="greedy", labelSeparation=12)
    if domain is None:
        return alt.X("date:T", title=None, axis=axis)
    return alt.X("date:T", title=None, axis=axis, scale=alt.Scale(**scale))


def time_tip(frequency: str) -> alt.Tooltip:
    """What a pointer says of the time."""
    if frequency == INDEX:
        return alt.Tooltip("date:Q", title=say("position"), format="d")
    return alt.Tooltip("date:T", format=MINUTE if is_intraday(frequency) else DAY)


def end_of_selection(time: pd.Timestamp, frequency: str) -> Any:
    """An end of a selection on the axis."""
    if frequency == INDEX:
        return int(position_of(time.to_datetime64()))
    return time.to_pydatetime() if is_intraday(frequency) else time.date()
