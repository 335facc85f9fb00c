"""Gaps: bars that are missing by the timetable of their symbol, and days that are no sessions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from gatecast._typing import Dates, Integers
from gatecast.data.calendars import irregular
from gatecast.data.oddities import FIRST, Oddity, listed
from gatecast.data.spacing import times_of
from gatecast.data.timetable import timetable_of
from gatecast.language import marked, plural, say
from gatecast.settings.frequency import DAILY, is_intraday, noun, stamp


def irregular_bars(
    table: pd.DataFrame, first: Integers, calendar: Mapping[str, str], frequency: str
) -> Iterator[Oddity]:
    """What is missing by the timetable of each symbol, and what is beside it.

    table: sorted; first: (S,) row where each symbol starts; calendar: symbol → calendar.
    """
    if frequency == DAILY:
        yield from _irregular_sessions(table, first, calendar)
        return
    several, times = len(first) > 1, times_of(table, frequency)
    lines: list[str] = []
    concerned: list[str] = []
    count = 0
    for start, end in zip(first, np.append(first[1:], len(table)), strict=True):
        symbol, own = table["symbol"].iloc[start], times[start:end]
        missing = timetable_of(own, frequency, calendar[symbol]).missing(own)
        if not len(missing):
            continue
        count, concerned = count + len(missing), [*concerned, symbol]
        # A gap is what lies between two bars that are there.
        place = np.searchsorted(own, missing)
        begins = np.flatnonzero(np.diff(place, prepend=-1))
        for begin, stop in zip(begins, np.append(begins[1:], len(missing)), strict=True):
            gap = stamp(missing[begin], frequency)
            if stop - begin > 1:
                gap = say(
                    "{first} to {last} ({n:,})",
                    first=gap,
                    last=stamp(missing[stop - 1], frequency),
                    n=stop - begin,
                )
            lines.append(f"{symbol} {gap}" if several else gap)
    if count:
        what = noun(frequency) if not is_intraday(frequency) else say("bar")
        where = "; ".join(lines[:3]) + ("; …" if len(lines) > 3 else "")
        gaps = say(", in {n:,} gaps", n=len(lines)) if 1 < len(lines) < count else ""
        text = say(
            "{symbols}: {missing}{gaps} ({where}); the rows around them count as neighbours.",
            symbols=listed(concerned),
            missing=plural("{n:,} {bar} is missing", "{n:,} {bar}s are missing", count, bar=what),
            gaps=gaps,
            where=where,
        )
        lines = [say("{line}: no row", line=line) for line in lines[:FIRST]]
        yield Oddity("missing-bar", count, text, tuple(lines))


MISSING = marked(
    "{symbols}: {what} by the calendar {codes} ({dates}); the rows around them count as neighbours. The "
    'calendar of another exchange is chosen by its code: calendar="CODE".'
)
SURPLUS = marked(
    "{symbols}: {what} by the calendar {codes} ({dates}); they are kept as sessions. The calendar of another "
    'exchange is chosen by its code: calendar="CODE".'
)
NO_SESSION = marked("{line}: no session")


def _irregular_sessions(
    table: pd.DataFrame, first: Integers, calendar: Mapping[str, str]
) -> Iterator[Oddity]:
    """Sessions without a row, and rows without a session, by each symbol's calendar."""
    symbols = list(table["symbol"].iloc[first])
    sessions = np.split(table["session"].to_numpy().astype("datetime64[D]"), first[1:])
    missing: list[tuple[str, np.datetime64]] = []
    surplus: list[tuple[str, np.datetime64]] = []
    # Most symbols of a market have the same dates.
    known: dict[tuple[str, bytes], tuple[Dates, Dates]] = {}
    for symbol, days in zip(symbols, sessions, strict=True):
        key = calendar[symbol], days.tobytes()
        if key not in known:
            known[key] = irregular(calendar[symbol], days)
        missing += [(symbol, day) for day in known[key][0]]
        surplus += [(symbol, day) for day in known[key][1]]
    several = len(symbols) > 1
    for kind, found, message, line in (
        ("missing-session", missing, MISSING, "{line}: no row"),
        ("no-session", surplus, SURPLUS, NO_SESSION),
    ):
        if not found:
            continue
        where = [f"{symbol} {day}" if several else str(day) for symbol, day in found[:FIRST]]
        dates = ", ".join(where[:3]) + (", …" if len(found) > 3 else "")
        concerned = list(dict.fromkeys(symbol for symbol, _ in found))
        codes = ", ".join(sorted({calendar[symbol] for symbol in concerned}))
        if kind == "missing-session":
            what = plural("{n:,} session is missing", "{n:,} sessions are missing", len(found))
        else:
            what = plural(
                "{n:,} row is on a day without a session",
                "{n:,} rows are on days without a session",
                len(found),
            )
        text = say(message, symbols=listed(concerned), what=what, codes=codes, dates=dates)
        yield Oddity(kind, len(found), text, tuple(say(line, line=place) for place in where))
