"""The actual log return of every forecast that is due, both prices taken from one new download."""

from __future__ import annotations

import datetime as dt
import math
import warnings
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gatecast.data import sources
from gatecast.data.spacing import as_times
from gatecast.data.timetable import Timetable, timetable_of
from gatecast.errors import GatecastWarning, InputError
from gatecast.language import plural, say
from gatecast.ledger.closing import bar_closes_at, unknown_exchange
from gatecast.ledger.entry import Entry, time_of, time_text
from gatecast.ledger.revision import Revision, revision_notes, revision_of
from gatecast.settings.frequency import DAILY, session_noun

if TYPE_CHECKING:
    from gatecast.data.prices import Prices
    from gatecast.settings.reading import ReadingOptions

REPORTED = ("revised", "cached")  # oddities of a download that bear on the scores
NAMED = 10  # symbols in one note


@dataclass(frozen=True)
class Outcome:
    """A forecast that is due.

    session   the step-th session after the origin, in the new data
    realised  log return from the origin's price to that session's
    anchor    the origin's price in the new data: a split since then has divided it, and the other one too
    backcast  whether that session had closed when the forecast was made
    revised   what of the prices up to the origin is another now, see revision.py; None: nothing
    """

    entry: Entry
    session: dt.date
    realised: float
    anchor: float
    backcast: bool
    revised: str | None


@dataclass(frozen=True)
class Outcomes:
    """due: the actual returns; pending: too early; missed: cannot be scored, and why; notes: about them."""

    due: tuple[Outcome, ...]
    pending: tuple[Entry, ...]
    missed: tuple[tuple[Entry, str], ...]
    notes: tuple[str, ...]


def outcomes_of(entries: Iterable[Entry]) -> Outcomes:
    """Read every source of `entries` once, and find the actual returns.

    A source that cannot be read, a symbol or an origin that is gone, is noted and skipped.
    """
    shelf = _Shelf()
    due: list[Outcome] = []
    pending: list[Entry] = []
    missed: list[tuple[Entry, str]] = []
    revised: list[tuple[Entry, Revision]] = []
    entries = list(entries)
    for entry in entries:
        try:
            rows = shelf.rows(entry)
            place = _place(entry, rows)
            if place is None:
                pending.append(entry)
                continue
            revision = shelf.revision(entry, rows, place)
            if revision is not None:
                revised.append((entry, revision))
            if place + entry.step >= len(rows):
                pending.append(entry)
            else:
                due.append(_outcome(entry, rows, place, revision, shelf.timetable(entry)))
        except _Missing as reason:
            missed.append((entry, str(reason)))
    notes = (*shelf.notes, *_doubted(entries), *revision_notes(revised), *_moved(due), *_skipped(missed))
    return Outcomes(tuple(due), tuple(pending), tuple(missed), notes)


def _place(entry: Entry, rows: pd.DataFrame) -> int | None:
    """Where the origin is among the rows; None: it has not come yet. Raises _Missing where it is gone."""
    sessions = rows["session"]
    origin = pd.Timestamp(entry.origin)
    if origin > sessions.iloc[-1]:
        return None
    place = int(sessions.searchsorted(origin))
    if sessions.iloc[place] != origin:
        bar = session_noun(entry.frequency or DAILY)
        raise _Missing(f"{entry.symbol}: the new data have no {bar} at the forecast's origin")
    return place


def _outcome(
    entry: Entry, rows: pd.DataFrame, place: int, revision: Revision | None, timetable: Timetable
) -> Outcome:
    anchor, price = (float(rows[entry.column].iloc[at]) for at in (place, place + entry.step))
    if not (anchor > 0 and price > 0):
        bars = f"{session_noun(entry.frequency or DAILY)}s"
        raise _Missing(f"{entry.symbol}: the new data have no {entry.column} at one of the two {bars}")
    session = time_of(rows["session"].iloc[place + entry.step], entry.frequency)
    return Outcome(
        entry,
        session,
        realised=math.log(price) - math.log(anchor),
        anchor=anchor,
        backcast=entry.backcast or _closed(session, entry, timetable),
        revised=None if revision is None else revision.what,
    )


def _closed(session: dt.date, entry: Entry, timetable: Timetable) -> bool:
    """Whether a session on another date than the calendar knew had closed when the forecast was made."""
    if session == entry.date:
        return False
    return entry.made >= bar_closes_at(np.datetime64(session), timetable, entry.exchange)


class _Missing(Exception):
    """Why a forecast cannot be scored."""


class _Shelf:
    """The prices of every source, each read when first asked for and never again."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._read: dict[tuple[Any, ...], Prices | str] = {}
        self._timetables: dict[tuple[object, ...], Timetable] = {}
        self._rows: dict[tuple[object, ...], pd.DataFrame] = {}
        self._revisions: dict[tuple[object, ...], Revision | None] = {}

    def rows(self, entry: Entry) -> pd.DataFrame:
        """The rows of the entry's symbol by session, with its column; raises _Missing."""
        wanted = _read_for(entry)
        if wanted not in self._rows:
            self._rows[wanted] = self._found(entry)
        return self._rows[wanted]

    def timetable(self, entry: Entry) -> Timetable:
        """When the bars of the entry's symbol come, in the rows that were read."""
        wanted = _read_for(entry)
        if wanted not in self._timetables:
            read = (self._prices(word, entry) for word in entry.source)
            calendars = [
                prices.calendar[entry.symbol]
                for prices in read
                if not isinstance(prices, str) and entry.symbol in prices.calendar
            ]
            frequency = entry.frequency or DAILY
            times = as_times(self.rows(entry)["session"].to_numpy(), frequency)
            self._timetables[wanted] = timetable_of(times, frequency, calendars[-1])
        return self._timetables[wanted]

    def revision(self, entry: Entry, rows: pd.DataFrame, place: int) -> Revision | None:
        """See `revision_of`; the steps of a forecast have one answer."""
        asked = (*_read_for(entry), place, entry.anchor, entry.anchor_return, entry.first, entry.history)
        if asked not in self._revisions:
            self._revisions[asked] = revision_of(entry, rows, place)
        return self._revisions[asked]

    def _found(self, entry: Entry) -> pd.DataFrame:
        read = [self._prices(word, entry) for word in entry.source]
        tables = [prices.table for prices in read if not isinstance(prices, str)]
        tables = [table[table["symbol"] == entry.symbol] for table in tables]
        if all(table.empty for table in tables):
            failed = [text for text in read if isinstance(text, str)]
            raise _Missing("; ".join(failed) or f"{', '.join(entry.source)}: there is no {entry.symbol}")
        table = (
            pd.concat(tables)
            .drop_duplicates("session", keep="last")
            .sort_values("session", ignore_index=True)
        )
        if entry.column not in table.columns:
            raise _Missing(f'{", ".join(entry.source)}: there is no column "{entry.column}"')
        return table

    def _prices(self, word: str, entry: Entry) -> Prices | str:
        """Or why they could not be read."""
        how = (word, entry.adjust, entry.calendar, entry.frequency, entry.resample)
        if how not in self._read:
            self._read[how] = self._load(*how)
        return self._read[how]

    def _load(
        self, word: str, adjust: bool, calendar: str | None, frequency: str | None, resample: str | None
    ) -> Prices | str:
        how: ReadingOptions = {"adjust": adjust, "calendar": calendar}
        if resample is not None:
            how["resample"] = resample
        elif frequency is not None:
            how["frequency"] = frequency
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", GatecastWarning)  # given when the forecast was made
                prices = sources.load(word, **how)
        except InputError as error:
            return f"{word} cannot be read ({error})"
        self.notes += [oddity.text for oddity in prices.oddities if oddity.kind in REPORTED]
        return prices


def _read_for(entry: Entry) -> tuple[object, ...]:
    """What decides the rows that are read for an entry."""
    how = entry.adjust, entry.calendar, entry.frequency, entry.resample
    return entry.symbol, entry.source, entry.column, *how


def _doubted(entries: Iterable[Entry]) -> list[str]:
    """What counts as a backcast only because the exchange is not known."""
    doubted: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.backcast and entry.in_doubt:
            doubted[unknown_exchange(entry.frequency)].append(entry)
    return [
        say(
            "backcasts only by doubt: {forecasts} of {symbols}; {why}",
            forecasts=plural("{n:,} forecast", "{n:,} forecasts", len(own)),
            symbols=", ".join(sorted({entry.symbol for entry in own})[:NAMED]),
            why=why,
        )
        for why, own in doubted.items()
    ]


def _moved(due: Iterable[Outcome]) -> list[str]:
    moved = [outcome for outcome in due if outcome.session != outcome.entry.date]
    if not moved:
        return []
    first = moved[0]
    origin, session, date = map(time_text, (first.entry.origin, first.session, first.entry.date))
    return [
        say(
            "{forecasts} on another date than the calendar had said (the first: {symbol} at {origin}, "
            "{session} instead of {date}): the {bar} counts",
            forecasts=plural("{n:,} forecast", "{n:,} forecasts", len(moved)),
            symbol=first.entry.symbol,
            origin=origin,
            session=session,
            date=date,
            bar=session_noun(first.entry.frequency or DAILY),
        )
    ]


def _skipped(missed: Iterable[tuple[Entry, str]]) -> list[str]:
    origins: defaultdict[str, list[str]] = defaultdict(list)
    for entry, reason in missed:
        origins[reason].append(time_text(entry.origin))
    return [
        say(
            "{reason}: {forecasts} skipped, made {when}",
            reason=reason,
            forecasts=plural("{n:,} forecast", "{n:,} forecasts", len(dates)),
            when=min(dates)
            if max(dates) == min(dates)
            else say("{first} to {last}", first=min(dates), last=max(dates)),
        )
        for reason, dates in origins.items()
    ]
