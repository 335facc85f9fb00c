"""Gaps: bars that are missing by the timetable of their symbol, and days that are no sessions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from gatecast._typing import Dates, Integers
from gatecast.data.calendars import irregular
from gatecast.data.oddities import FIRST, Oddity, counted, listed
from gatecast.data.spacing import times_of
from gatecast.data.timetable import timetable_of
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
                gap += f" to {stamp(missing[stop - 1], frequency)} ({stop - begin:,})"
            lines.append(f"{symbol} {gap}" if several else gap)
    if count:
        what = noun(frequency) if not is_intraday(frequency) else "bar"
        where = "; ".join(lines[:3]) + ("; …" if len(lines) > 3 else "")
        gaps = f", in {len(lines):,} gaps" if 1 < len(lines) < count else ""
        text = (
            f"{listed(concerned)}: {counted(count, f'{what} is missing', f'{what}s are missing')}{gaps} "
            f"({where}); the rows around them count as neighbours."
        )
        yield Oddity("missing-bar", count, text, tuple(f"{line}: no row" for line in lines[:FIRST]))


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
    for kind, found, one, many, remark, what in (
        ("missing-session", missing, "session is missing", "sessions are missing",
         "the rows around them count as neighbours", "no row"),
        ("no-session", surplus, "row is on a day without a session", "rows are on days without a session",
         "they are kept as sessions", "no session"),
    ):  # fmt: skip
        if not found:
            continue
        where = [f"{symbol} {day}" if several else str(day) for symbol, day in found[:FIRST]]
        dates = ", ".join(where[:3]) + (", …" if len(found) > 3 else "")
        concerned = list(dict.fromkeys(symbol for symbol, _ in found))
        codes = ", ".join(sorted({calendar[symbol] for symbol in concerned}))
        text = (
            f"{listed(concerned)}: {counted(len(found), one, many)} by the calendar {codes} "
            f'({dates}); {remark}. The calendar of another exchange is chosen by its code: calendar="CODE".'
        )
        yield Oddity(kind, len(found), text, tuple(f"{place}: {what}" for place in where))
