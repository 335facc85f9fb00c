"""Whether the prices that a forecast was made from are still the same."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from gatecast.formatting import change
from gatecast.ledger.entry import Entry, both, time_text
from gatecast.ledger.history import history_hash, return_into

SAME = 1e-6  # log return, or relatively: what is closer than 0.0001 % changes no score
ANCHOR_RETURN, ANCHOR, PRICES = "anchor return", "anchor", "prices"


class Revision(NamedTuple):
    """What of the prices of a forecast is another now: its return into the origin, or else its anchor or any
    other price up to the origin; then and now, in words.
    """

    what: str
    change: str = ""


def revision_of(entry: Entry, rows: pd.DataFrame, place: int) -> Revision | None:
    """What was revised; None: nothing that could be seen.

    rows    of the entry's symbol in the new data, in order: symbol, session, float columns
    place   of its origin among them

    Of an entry without a history, as they were before version 2, only the anchor is known.
    """
    series = rows[entry.column]
    anchor = float(series.iloc[place])
    if entry.history is None:
        if math.isclose(anchor, entry.anchor, rel_tol=SAME):
            return None
        return Revision(ANCHOR, both(entry.anchor, anchor, ",.{}f"))
    was, now = entry.anchor_return, return_into(series, place)
    if was is not None and now is None:
        return Revision(ANCHOR_RETURN, f"{change(was)}, now there is none")
    if was is not None and now is not None and abs(now - was) > SAME:
        return Revision(ANCHOR_RETURN, both(was, now, "+.{}%"))
    read = rows.iloc[: place + 1]
    if entry.first is not None:
        read = read[read["session"] >= pd.Timestamp(entry.first)]
    return None if history_hash(read, entry.column) == entry.history else Revision(PRICES)


TEXTS = {
    ANCHOR_RETURN: "the log return into the origin was revised after {made} (the first: at {origin} it was "
    "{change}); the score is that of the new prices",
    ANCHOR: "the price at the origin is another than when {made} (the first: at {origin} it was {change}): "
    "a split, or a revision; the score is that of the new prices",
    PRICES: "prices up to the origin are others than when {made} (the first: at {origin}): a revision, or a "
    "split; the log return into the origin is the same",
}


def revision_notes(revised: Iterable[tuple[Entry, Revision]]) -> list[str]:
    """What was revised, per symbol and kind, in words."""
    found: defaultdict[tuple[str, str], list[tuple[Entry, Revision]]] = defaultdict(list)
    for entry, revision in revised:
        found[entry.symbol, revision.what].append((entry, revision))
    notes = []
    for (symbol, what), cases in sorted(found.items()):
        entry, revision = min(cases, key=lambda case: str(case[0].origin))
        made = f"{len(cases):,} forecasts were made" if len(cases) > 1 else "1 forecast was made"
        words = {"made": made, "origin": time_text(entry.origin), "change": revision.change}
        notes.append(f"{symbol}: {TEXTS[what].format(**words)}")
    return notes
