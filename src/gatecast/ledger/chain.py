"""The hash chain over the rows of a ledger: a row that was edited, removed or moved is found out.

Each row has a link: the hash of the link before it and of the row's own content. Whoever changes a row has to
write all the links after it anew, so that the last hash is another one: `gatecast score` shows it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

NO_LINK = ""  # before the first row
LATER = ("frequency", "resample")  # columns that came after the chain; they count where they are filled


class Link(NamedTuple):
    """What the chain holds of one row: its id, the hash before it, and its own."""

    row: int
    previous: str
    hash: str


def link_to(previous: str, row: Mapping[str, Any]) -> Link:
    """The link of `row`, a row of `schema.forecasts` with its id, after the hash `previous`."""
    counted = sorted(name for name in row if name not in LATER or row[name] is not None)
    content = json.dumps({name: _canonical(row[name]) for name in counted})
    return Link(row["id"], previous, hashlib.sha256(f"{previous}\n{content}".encode()).hexdigest())


def links_after(previous: str, rows: Iterable[Mapping[str, Any]]) -> list[Link]:
    """The links of `rows`, in their order."""
    links: list[Link] = []
    for row in rows:
        links.append(link_to(links[-1].hash if links else previous, row))
    return links


def changed(rows: Iterable[Mapping[str, Any]], links: Iterable[Link]) -> dict[int, str]:
    """id → what happened to the row: it does not fit its link, or has none."""
    known = {link.row: link for link in links}
    faults: dict[int, str] = {}
    for row in rows:
        link = known.get(row["id"])
        if link is None:
            faults[row["id"]] = "was not written by gatecast"
        elif link_to(link.previous, row) != link:
            faults[row["id"]] = "was changed after it was written"
    return faults


def deleted(rows: Iterable[Mapping[str, Any]], links: Iterable[Link]) -> dict[int, str]:
    """id → what happened to the row: it has a link, and is not there."""
    present = {row["id"] for row in rows}
    return {link.row: "was deleted" for link in links if link.row not in present}


def broken(rows: Sequence[Mapping[str, Any]], links: Sequence[Link]) -> dict[int, str]:
    """id → what happened to the row, of all rows and all links, both in the order of their ids."""
    faults = changed(rows, links) | deleted(rows, links)
    before = Link(0, "", NO_LINK)
    for link in links:
        if link.previous != before.hash:
            gap = range(before.row + 1, link.row)
            fault = f"does not follow row {before.row}" if before.row else "is not the first that was written"
            why = f"{_rows(gap)} deleted, or rows were reordered" if gap else "rows were reordered"
            faults.setdefault(link.row, f"{fault} ({why})")
        before = link
    return faults


def _rows(gap: range) -> str:
    return f"row {gap[0]} was" if len(gap) == 1 else f"rows {gap[0]} to {gap[-1]} were"


def _canonical(value: Any) -> Any:
    """As every database gives it back: moments in UTC, and no negative zero, which SQLite does not keep.

    The times of bars have no zone, and stay.
    """
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value.astimezone(dt.UTC).isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    return value + 0.0 if isinstance(value, float) else value
