"""The record: every forecast that was made, before anyone knew the outcome, and how it fared.

entry.py     Entry: one forecast of one price; entries_of: the entries of a forecast's table
closing.py   when the bar that is forecast closes: whether a forecast is a backcast
history.py   what is kept of the prices that a forecast was made from
schema.py    the three tables, and the triggers that keep what is written
rows.py      entries as rows and back
chain.py     the hash chain over the rows: which of them something else changed
place.py     where the record is: a file, or a PostgreSQL server
store.py     Ledger: append and read
revision.py  whether those prices were revised since
outcome.py   entries → the actual log returns since
track.py     the track record: coverage, CRPS against the naive distribution, drift
"""

from typing import TYPE_CHECKING, Any

from gatecast.errors import LedgerError
from gatecast.extras import needed
from gatecast.language import say
from gatecast.ledger.entry import NUMBERED, Entry, entries_of

if TYPE_CHECKING:
    from gatecast.ledger.store import Appended as Appended
    from gatecast.ledger.store import Ledger as Ledger

__all__ = ["NUMBERED", "Appended", "Entry", "Ledger", "entries_of"]


def __getattr__(name: str) -> Any:
    """Import the store where it is first used: it needs SQLAlchemy, entries do not."""
    if name not in ("Appended", "Ledger"):
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    if without := needed("sqlalchemy", say("Records of forecasts")):
        raise LedgerError(without)
    from gatecast.ledger import store

    return getattr(store, name)
