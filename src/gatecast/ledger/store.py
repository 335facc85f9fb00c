"""Ledger: forecasts are appended and read, never changed."""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, select
from sqlalchemy.exc import DatabaseError, DBAPIError, IntegrityError, OperationalError

from gatecast.errors import LedgerError
from gatecast.ledger import schema
from gatecast.ledger.entry import Entry, Key, differences
from gatecast.ledger.place import PATIENCE, engine_of, url_of
from gatecast.ledger.schema import forecasts

NOT_ALLOWED = ("42501", "25006")  # PostgreSQL: insufficient_privilege, read_only_sql_transaction
# A server may answer a commit before it is on its disk; not to us.
DURABLE = (
    "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'"
)


class Appended(NamedTuple):
    """What `Ledger.append` found: entries now stored, and those that stood already, as they stand."""

    stored: tuple[Entry, ...]
    known: tuple[Entry, ...]


class Ledger:
    """The record of forecasts in one database.

    where   a path, sqlite:///path, or postgresql://…; None: GATECAST_LEDGER, else the user's data folder

    Nothing is opened or made before it is needed. Several programs may write at once.

        Ledger().append(entries_of(table, …))
        Ledger().entries()

    Raises
        LedgerError: everywhere, where the database cannot be used; the message says why and what to do.
    """

    def __init__(self, where: str | os.PathLike[str] | None = None) -> None:
        url = url_of(where)
        self._engine = engine_of(url)
        self._writing = self._engine.execution_options(begin="BEGIN IMMEDIATE")
        self._file = Path(str(url.database)) if url.drivername == "sqlite" else None
        self._ready = False
        self.place = str(self._file) if self._file else url.render_as_string(hide_password=True)

    def prepare(self) -> None:
        """Make the tables where there are none, and see that they can be written: before long work."""
        if self._ready:
            return
        with self._told():
            if self._file is not None:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                self._use_write_ahead_log()
            with self._writing.begin() as connection:
                if self._version(connection) is None:
                    schema.create(connection)
                    self._version(connection)
        self._ready = True

    def append(self, entries: Iterable[Entry]) -> Appended:
        """Store what is new, all of it or nothing; it is on the disk when this returns.

        The first answer stands: an entry whose key is there with the same content (see `differences`) is
        left alone and counted.

        Raises
            LedgerError: a key is there with another content; nothing is stored, and it says what changed.
        """
        wanted = _by_key(entries)
        if not wanted:
            return Appended((), ())
        self.prepare()
        for _ in wanted:
            with contextlib.suppress(IntegrityError):  # another writer was first with a key: look again
                return self._append(wanted)
        return self._append(wanted)

    def entries(self) -> list[Entry]:
        """All there are, in the order in which they were stored; none where there is no ledger yet."""
        if self._file is not None and not self._file.exists():
            return []
        with self._told(), self._engine.connect() as connection:
            if self._version(connection) is None:
                return []
            rows = connection.execute(select(forecasts).order_by(forecasts.c.id)).mappings()
            return [_entry_of(row) for row in rows]

    def _append(self, wanted: dict[Key, Entry]) -> Appended:
        with self._told(), self._writing.begin() as connection:
            if self._file is None:
                connection.exec_driver_sql(DURABLE)
            known = _standing(connection, wanted)
            self._refuse(known, wanted)
            new = [entry for key, entry in wanted.items() if key not in known]
            if new:
                connection.execute(forecasts.insert(), [schema.row_of(entry) for entry in new])
        return Appended(tuple(new), tuple(known.values()))

    def _refuse(self, known: dict[Key, Entry], wanted: dict[Key, Entry]) -> None:
        changed = [(entry, told) for key, entry in known.items() if (told := differences(entry, wanted[key]))]
        if not changed:
            return
        then, told = changed[0]
        others = f" The same for {len(changed) - 1} more." if len(changed) > 1 else ""
        raise LedgerError(
            f"the forecast of {then.symbol} made on {then.origin} for step {then.step} stands since "
            f"{then.made:%Y-%m-%d %H:%M} UTC: {'; '.join(told)}.{others} Nothing was added to {self.place}: "
            "the first answer counts. To see another one without recording it: --no-ledger"
        )

    def _version(self, connection: Connection) -> int | None:
        """The version of the ledger; None: there is none. Raises where it cannot be used."""
        version = schema.version_of(connection)
        if version is not None and version > schema.VERSION:
            raise LedgerError(
                f"{self.place}: this ledger has version {version}, and this gatecast knows {schema.VERSION}. "
                "Install a newer gatecast"
            )
        if version is None and self._file is not None and (found := schema.foreign_tables(connection)):
            raise LedgerError(
                f"{self.place}: this is no ledger but another program's database (it has a table "
                f'"{found[0]}"). Choose another file (--ledger)'
            )
        return version

    def _use_write_ahead_log(self) -> None:
        """Unlike every other statement, a change of the journal does not wait for other connections."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                with self._engine.execution_options(begin="").connect() as connection:
                    if schema.version_of(connection) is None and not schema.foreign_tables(connection):
                        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
                return
            except OperationalError as error:
                if "locked" not in str(error.orig) or time.monotonic() > until:
                    raise
            time.sleep(random.uniform(0.01, 0.05))

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Failures of the database as a LedgerError; faults of ours stay what they are."""
        try:
            yield
        except OSError as error:
            raise LedgerError(
                f"{self.place}: the ledger cannot be made ({error.strerror or error}). {self._remedy}"
            ) from None
        except DBAPIError as error:
            reason = " ".join(str(error.orig).split())
            ours = not (
                isinstance(error, OperationalError)
                or type(error) is DatabaseError
                or getattr(error.orig, "sqlstate", None) in NOT_ALLOWED
            )
            if ours:
                raise
            if "not a database" in reason:
                raise LedgerError(f"{self.place}: this is no ledger ({reason}). {self._remedy}") from None
            if "is locked" in reason:
                raise LedgerError(
                    f"{self.place}: another program has been writing to the ledger for {PATIENCE} seconds. "
                    "Wait for it and try again"
                ) from None
            raise LedgerError(f"{self.place}: the ledger cannot be used ({reason}). {self._remedy}") from None

    @property
    def _remedy(self) -> str:
        if self._file is None:
            return "See that the server runs and lets you in, or keep the record in a file (--ledger FILE)"
        return "Choose another file (--ledger FILE, or the variable GATECAST_LEDGER)"

    def __repr__(self) -> str:
        return f"Ledger({self.place!r})"


def _by_key(entries: Iterable[Entry]) -> dict[Key, Entry]:
    """By key, in its order: two writers that insert in one order never wait for each other in a circle."""
    wanted: dict[Key, Entry] = {}
    for entry in sorted(entries, key=lambda entry: entry.key):
        if differences(wanted.setdefault(entry.key, entry), entry):
            raise ValueError(f"two forecasts of {entry.symbol} at {entry.origin} for step {entry.step}")
    return wanted


def _standing(connection: Connection, wanted: Mapping[Key, Entry]) -> dict[Key, Entry]:
    """The entries that the ledger has under these keys."""
    symbols, origins, _, experiments = (set(part) for part in zip(*wanted, strict=True))
    columns = forecasts.c
    rows = connection.execute(
        select(forecasts).where(
            columns.symbol.in_(symbols), columns.origin.in_(origins), columns.experiment.in_(experiments)
        )
    ).mappings()
    found = (_entry_of(row) for row in rows)
    return {entry.key: entry for entry in found if entry.key in wanted}


def _entry_of(row: Mapping[Any, Any]) -> Entry:
    fields = {name: row[name] for name in Entry.__dataclass_fields__}
    fields["source"] = tuple(fields["source"])
    for name in ("quantiles", "naive_quantiles"):
        if fields[name] is not None:
            fields[name] = {float(level): value for level, value in fields[name].items()}
    return Entry(**fields)
