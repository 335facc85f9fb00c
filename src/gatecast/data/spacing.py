"""Spacing: the frequency of bars, found from their times."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gatecast._typing import Dates, Integers
from gatecast.data.oddities import listed
from gatecast.errors import DataError
from gatecast.language import say
from gatecast.settings.frequency import (
    DAILY,
    MONTHLY,
    MOST_MINUTES,
    QUARTERLY,
    WEEKLY,
    YEARLY,
    each,
    of_minutes,
    unit_of,
)

LEAST_BARS = 8  # to speak of their spacing
MOST_OF_THE_STEPS = 0.7  # from bar to bar are a week, a month …, where bars are as long
LEAST_OF_THE_STEPS = 0.5  # within a day are of the usual length
MOST_SNAPSHOTS = 0.05  # of the days may have several times; with more the bars are shorter than a day
DAYS = {WEEKLY: (5, 10), MONTHLY: (27, 33), QUARTERLY: (85, 95), YEARLY: (360, 370)}  # between bars


def find_frequency(codes: Integers, moments: Dates, names: tuple[str, ...]) -> str:
    """The frequency of the bars of all symbols, by the steps from time to time.

    codes    (N,) number of the symbol
    moments  (N,) datetime64[s]; in any order, NaT where a row has none
    names    of the symbols

    Several times on most days: the most frequent step, which at least half of the steps have. Else weeks,
    months, quarters or years, where at least seven in ten steps of eight rows or more are as long; else days.

    Raises
        DataError: symbols of several frequencies; bars within a day of no regular length.
    """
    known = ~np.isnat(moments)
    order = np.lexsort((moments[known], codes[known]))
    code, time = codes[known][order], moments[known][order].astype("datetime64[s]").astype(np.int64)
    apart = np.append(True, (np.diff(code) != 0) | (np.diff(time) != 0))
    code, time = code[apart], time[apart]
    own = np.diff(code) == 0
    step, owner = np.diff(time)[own], code[1:][own]
    whole = ((time % 86_400) == 0).all()
    found = {}
    for symbol in np.unique(code):
        found[int(symbol)] = _of_one(step[owner == symbol], time[code == symbol], names[symbol], whole=whole)
    by_frequency: dict[str, list[str]] = {}
    for symbol, one in found.items():
        if one is not None:
            by_frequency.setdefault(one, []).append(names[symbol])
    if len(by_frequency) > 1:
        said = "; ".join(f"{each(one)} of {listed(own)}" for one, own in by_frequency.items())
        raise DataError(
            say("the symbols have bars of different lengths: {said}", said=said),
            remedy=say("Read those of one length, choosing their symbols (symbols=…)"),
        )
    return next(iter(by_frequency), DAILY)


def _of_one(step: Integers, time: Integers, name: str, *, whole: bool) -> str | None:
    """The frequency of one symbol's bars; None where they are too few to tell.

    step, time: seconds between them, and since 1970; whole: all times of all symbols are midnights.
    """
    if not whole:
        days, counts = np.unique(time // 86_400, return_counts=True)
        several = int((counts > 1).sum())
        if several > max(MOST_SNAPSHOTS * len(days), 1) or (several and len(days) == 1):
            lengths, often = np.unique(step, return_counts=True)
            usual = int(lengths[often.argmax()])
            # A daily file's rows with hours of their own are no bars within a day.
            if usual % 60 or often.max() < LEAST_OF_THE_STEPS * len(step) or usual > MOST_MINUTES * 60:
                raise DataError(
                    say(
                        "{name} has several times on one date, {Timedelta} apart at the most usual, and "
                        "no bars of one length from 1 minute to {most_minutes} hours",
                        name=name,
                        Timedelta=pd.Timedelta(seconds=usual),
                        most_minutes=MOST_MINUTES // 60,
                    ),
                    remedy=say("Make bars of them first, or keep one row per date"),
                )
            return of_minutes(usual // 60)
    if len(step) + 1 < LEAST_BARS:
        return None
    length = step / 86_400
    for frequency, (shortest, longest) in DAYS.items():
        if np.mean((length > shortest - 1) & (length < longest + 1)) > MOST_OF_THE_STEPS:
            return frequency
    return DAILY


def times_of(table: pd.DataFrame, frequency: str) -> Dates:
    """(N,) the times of the rows: datetime64[D], or datetime64[s] for bars within days and for numbers."""
    return as_times(table["session"].to_numpy(), frequency)


def as_times(values: Any, frequency: str) -> Dates:
    """The same of stamps of any precision."""
    return np.asarray(values).astype(f"datetime64[{unit_of(frequency)}]")


def bars_a_day(times: Dates) -> float:
    """How many bars within days most days have: the median. times: each once."""
    _, counts = np.unique(times.astype("datetime64[D]"), return_counts=True)
    return float(np.median(counts))
