"""What came: the log return of every forecast that is due, both prices taken from one new download."""

from __future__ import annotations

import datetime as dt
import warnings
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gatecast.data import sources
from gatecast.errors import GatecastWarning, InputError
from gatecast.ledger.entry import Entry

if TYPE_CHECKING:
    from gatecast.data.prices import Prices

TOLD = ("revised", "cached")  # oddities of a download that bear on the scores


@dataclass(frozen=True)
class Outcome:
    """A forecast that is due.

    session   the step-th session after the origin, in the new data
    realised  log return from the origin's price to that session's
    anchor    the origin's price in the new data: a split since then has divided it, and the other one too
    """

    entry: Entry
    session: dt.date
    realised: float
    anchor: float


@dataclass(frozen=True)
class Outcomes:
    """due: what came; pending: too early; missed: cannot be scored, and why; notes: what to know of them."""

    due: tuple[Outcome, ...]
    pending: tuple[Entry, ...]
    missed: tuple[tuple[Entry, str], ...]
    notes: tuple[str, ...]


def outcomes_of(entries: Iterable[Entry]) -> Outcomes:
    """Read every source of `entries` once, and see what came.

    A source that cannot be read, a symbol or an origin that is gone, is told and skipped.
    """
    shelf = _Shelf()
    due: list[Outcome] = []
    pending: list[Entry] = []
    missed: list[tuple[Entry, str]] = []
    for entry in entries:
        try:
            found = _outcome(entry, shelf.series(entry))
        except _Missing as reason:
            missed.append((entry, str(reason)))
        else:
            if found is None:
                pending.append(entry)
            else:
                due.append(found)
    notes = (*shelf.notes, *_moved(due), *_skipped(missed))
    return Outcomes(tuple(due), tuple(pending), tuple(missed), notes)


def _outcome(entry: Entry, series: pd.Series[float]) -> Outcome | None:
    """None: the session has not come yet."""
    sessions = series.index
    origin = pd.Timestamp(entry.origin)
    if origin > sessions[-1]:
        return None
    place = int(sessions.searchsorted(origin))
    if sessions[place] != origin:
        raise _Missing(f"{entry.symbol}: the new data have no session at the forecast's origin")
    if place + entry.step >= len(series):
        return None
    anchor, price = (float(series.iloc[at]) for at in (place, place + entry.step))
    if not (anchor > 0 and price > 0):
        raise _Missing(f"{entry.symbol}: the new data have no {entry.column} at one of the two sessions")
    return Outcome(entry, sessions[place + entry.step].date(), float(np.log(price / anchor)), anchor)


class _Missing(Exception):
    """Why a forecast cannot be scored."""


class _Shelf:
    """The prices of every source, each read when first asked for and never again."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._read: dict[tuple[str, bool, str | None], Prices | str] = {}
        self._series: dict[tuple[object, ...], pd.Series[float]] = {}

    def series(self, entry: Entry) -> pd.Series[float]:
        """The prices of the entry's column by session; raises _Missing."""
        wanted = (entry.symbol, entry.source, entry.column, entry.adjust, entry.calendar)
        if wanted not in self._series:
            self._series[wanted] = self._found(entry)
        return self._series[wanted]

    def _found(self, entry: Entry) -> pd.Series[float]:
        read = [self._prices(word, entry) for word in entry.source]
        tables = [prices.table for prices in read if not isinstance(prices, str)]
        tables = [table[table["symbol"] == entry.symbol] for table in tables]
        if all(table.empty for table in tables):
            failed = [text for text in read if isinstance(text, str)]
            raise _Missing("; ".join(failed) or f"{', '.join(entry.source)}: there is no {entry.symbol}")
        table = pd.concat(tables).drop_duplicates("session", keep="last").sort_values("session")
        if entry.column not in table.columns:
            raise _Missing(f'{", ".join(entry.source)}: there is no column "{entry.column}"')
        return table.set_index("session")[entry.column]

    def _prices(self, word: str, entry: Entry) -> Prices | str:
        """Or why they could not be read."""
        how = (word, entry.adjust, entry.calendar)
        if how not in self._read:
            self._read[how] = self._load(*how)
        return self._read[how]

    def _load(self, word: str, adjust: bool, calendar: str | None) -> Prices | str:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", GatecastWarning)  # told when the forecast was made
                prices = sources.load(word, adjust=adjust, calendar=calendar)
        except InputError as error:
            return f"{word} cannot be read ({error})"
        self.notes += [oddity.text for oddity in prices.oddities if oddity.kind in TOLD]
        return prices


def _moved(due: Iterable[Outcome]) -> list[str]:
    moved = [outcome for outcome in due if outcome.session != outcome.entry.date]
    if not moved:
        return []
    first = moved[0]
    return [
        f"{_counted(len(moved))} on another date than the calendar had told (the first: {first.entry.symbol} "
        f"at {first.entry.origin}, {first.session} instead of {first.entry.date}): the session counts"
    ]


def _skipped(missed: Iterable[tuple[Entry, str]]) -> list[str]:
    origins: defaultdict[str, list[dt.date]] = defaultdict(list)
    for entry, reason in missed:
        origins[reason].append(entry.origin)
    return [
        f"{reason}: {_counted(len(dates))} skipped, made {min(dates)}"
        + (f" to {max(dates)}" if max(dates) > min(dates) else "")
        for reason, dates in origins.items()
    ]


def _counted(number: int) -> str:
    return f"{number:,} forecast{'s' if number > 1 else ''}"
