"""The record: every forecast that was made, before anyone knew what came, and how it fared.

entry.py    Entry: one forecast of one price; entries_of: the entries of a forecast's table
schema.py   the two tables, and the triggers that keep what is written
place.py    where the record is: a file, or a PostgreSQL server
store.py    Ledger: append and read
outcome.py  entries → what came since, in log return
track.py    the track record: coverage, CRPS against the naive range, drift
"""

from gatecast.ledger.entry import Entry, entries_of
from gatecast.ledger.store import Appended, Ledger

__all__ = ["Appended", "Entry", "Ledger", "entries_of"]
