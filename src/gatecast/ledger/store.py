"""Ledger: forecasts are appended and read, never changed; what others changed is found when reading."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import random
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, func, select
from sqlalchemy.exc import DatabaseError, DataError, DBAPIError, IntegrityError, OperationalError

from gatecast.errors import LedgerError, LedgerWarning
from gatecast.formatting import printable
from gatecast.language import say
from gatecast.ledger import schema
from gatecast.ledger.chain import NO_LINK, Link, broken, changed, deleted, links_after
from gatecast.ledger.closing import unknown_exchange
from gatecast.ledger.entry import Entry, Key, differences, time_text
from gatecast.ledger.place import PATIENCE, engine_of, url_of
from gatecast.ledger.rows import Row, entry_of, read, row_of, shown
from gatecast.ledger.schema import chain, forecasts, versions

# PostgreSQL: insufficient_privilege, read_only_sql_transaction; undefined_column, undefined_table,
# duplicate_column, duplicate_table
NOT_OURS = ("42501", "25006", "42703", "42P01", "42701", "42P07")
NAMED = 10  # rows in one message
# A server may answer a commit before it is on its disk; not to us.
DURABLE = (
    "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'"
)


class Appended(NamedTuple):
    """What `Ledger.append` found: entries now stored, and those that stood already, as they stand."""

    stored: tuple[Entry, ...]
    known: tuple[Entry, ...]

    @property
    def note(self) -> str | None:
        """In a sentence, which of them are backcasts; None: none is."""
        entries = (*self.stored, *self.known)
        backcasts = [entry for entry in entries if entry.backcast]
        if not backcasts:
            return None
        last = max(backcasts, key=lambda entry: entry.date)
        closed = f"may have closed: {unknown_exchange(last.frequency)}" if last.in_doubt else "had closed"
        which = f"{len(backcasts):,} of {len(entries):,} forecasts"
        made = f"{last.made.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
        return (
            f"backcast: {which} will count in no track record; made on {made}, when the bar of "
            f"{shown(last.symbol)} for {time_text(last.date)} {closed}"
        )


class Reading(NamedTuple):
    """What is in a ledger, its chain being whole.

    entries    in the order in which they were stored
    head       the hash of the last row, which stands for all of them; None: there is none
    unchained  up to this row they are older than the chain; 0: none is
    since      when their chain was made: it says nothing of what happened to them before
    """

    entries: tuple[Entry, ...] = ()
    head: str | None = None
    unchained: int = 0
    since: dt.datetime | None = None


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
        # One moment for all that is read: SQLite's transactions are such; a server must be set to it.
        snapshot = {} if url.drivername == "sqlite" else {"isolation_level": "REPEATABLE READ"}
        self._reading = self._engine.execution_options(**snapshot)
        self._file = Path(str(url.database)) if url.drivername == "sqlite" else None
        self._ready = False
        self.place = str(self._file) if self._file else url.render_as_string(hide_password=True)

    def prepare(self) -> None:
        """Make the tables where there are none, and see that they can be written: before long work.

        An older ledger becomes one of this version: its rows stay, and where it had no chain, that begins
        with them as they are. Triggers that are missing are made again, with a LedgerWarning.
        """
        if self._ready:
            return
        with self._ledger_errors():
            if self._file is not None:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                self._use_write_ahead_log()
            with self._writing.begin() as connection:
                schema.lock(connection)
                version = self._version(connection)
                missing = [] if version is None else schema.missing_triggers(connection, version)
                if version is None:
                    schema.create(connection)
                elif version < schema.VERSION:
                    schema.widen(connection, version)
                    if version < schema.CHAINED:
                        rows, unreadable = read(connection)
                        self._sound(rows, unreadable)
                        _add_links(connection, links_after(NO_LINK, rows))
        self._restore(missing)
        self._ready = True

    def append(self, entries: Iterable[Entry]) -> Appended:
        """Store what is new, all of it or nothing; it is on the disk when this returns.

        The first answer stands: an entry whose key is there with the same content (see `differences`) is
        left alone and counted.

        Raises
            LedgerError: a key is there with another content; nothing is stored, and it says what changed. Or
                one of the rows that it has to look at, the last one among them, was changed.
        """
        wanted = _by_key(entries)
        if not wanted:
            return Appended((), ())
        self.prepare()
        return self._append(wanted)

    def entries(self) -> list[Entry]:
        """All there are, in the order in which they were stored; none where there is no ledger yet."""
        return list(self.read().entries)

    def read(self) -> Reading:
        """All there is, every row held against the chain.

        Raises
            LedgerError: a row was edited, removed, moved or put in by something else; it says which.
        """
        if self._file is not None and not self._file.exists():
            return Reading()
        with self._ledger_errors(), self._engine.connect() as connection:
            version = self._version(connection)
            missing = schema.missing_triggers(connection, version) if version == schema.VERSION else []
        if version is None:
            return Reading()
        if version < schema.VERSION:
            self.prepare()
        self._restore(missing)
        with self._ledger_errors(), self._reading.connect() as connection:
            links = _links(connection)
            rows, unreadable = read(connection)
            entries = self._sound(rows, unreadable, lambda sound: broken(sound, links))
            try:
                since = connection.execute(
                    select(func.min(versions.c.made)).where(versions.c.version >= schema.CHAINED)
                ).scalar()
            except ValueError as error:  # SQLite keeps text
                raise LedgerError(
                    say("{place}: when it was made was edited ({error})", place=self.place, error=error)
                ) from None
        unchained = max((row["id"] for row in rows if row["closes"] is None), default=0)
        return Reading(tuple(entries), links[-1].hash if links else None, unchained, since)

    def _append(self, wanted: dict[Key, Entry]) -> Appended:
        with self._ledger_errors(), self._writing.begin() as connection:
            if self._file is None:
                connection.exec_driver_sql(DURABLE)
            schema.lock(connection)
            self._version(connection)
            last = self._last(connection)
            known = self._standing(connection, wanted)
            self._refuse(known, wanted)
            new = [entry for key, entry in wanted.items() if key not in known]
            rows = [{"id": last.row + at, **row_of(entry)} for at, entry in enumerate(new, start=1)]
            if rows:
                connection.execute(forecasts.insert(), rows)
                _add_links(connection, links_after(last.hash, rows))
        return Appended(tuple(new), tuple(known.values()))

    def _last(self, connection: Connection) -> Link:
        """The end of the chain; raises where the last row does not fit it."""
        highest = func.coalesce(select(func.max(forecasts.c.id)).scalar_subquery(), 0)
        links = _links(connection, chain.c.forecast >= highest)
        rows, unreadable = read(connection, forecasts.c.id == highest)
        self._sound(rows, unreadable, lambda sound: changed(sound, links) | deleted(sound, links))
        return links[-1] if links else Link(0, "", NO_LINK)

    def _standing(self, connection: Connection, wanted: Mapping[Key, Entry]) -> dict[Key, Entry]:
        """The entries that the ledger has under these keys."""
        symbols, origins, _, experiments = (set(part) for part in zip(*wanted, strict=True))
        columns = forecasts.c
        where = (
            columns.symbol.in_(symbols) & columns.origin.in_(origins) & columns.experiment.in_(experiments)
        )
        links = _links(connection, chain.c.forecast.in_(select(columns.id).where(where)))
        rows, unreadable = read(connection, where)
        entries = self._sound(rows, unreadable, lambda sound: changed(sound, links))
        return {entry.key: entry for entry in entries if entry.key in wanted}

    def _sound(
        self,
        rows: list[Row],
        unreadable: Mapping[int, str],
        check: Callable[[list[Row]], dict[int, str]] = lambda rows: {},
    ) -> list[Entry]:
        """The entries of the rows; raises where one cannot be read or `check` finds a fault: which one."""
        entries: list[Entry] = []
        faults = dict(unreadable)
        for row in rows:
            try:
                entries.append(entry_of(row))
            except ValueError as error:
                faults[row["id"]] = f"holds what no forecast can hold ({error})"
        faults = check([row for row in rows if row["id"] not in faults]) | faults
        if not faults:
            return entries
        about = {row["id"]: f" ({shown(row['symbol'])} at {shown(row['origin'])})" for row in rows}
        named = [f"row {row}{about.get(row, '')} {what}" for row, what in sorted(faults.items())]
        others = [f"and {len(named) - NAMED:,} rows more"] if len(named) > NAMED else []
        raise LedgerError(
            say(
                "{place}: something other than gatecast changed this ledger: {value}. Restore it "
                "from a copy, or begin another (--ledger)",
                place=self.place,
                value="; ".join([*named[:NAMED], *others]),
            )
        )

    def _restore(self, missing: list[str]) -> None:
        """Make the triggers again, and say so."""
        if not missing:
            return
        what = f"{self.place}: what keeps the record from being changed was missing ({', '.join(missing)})"
        try:
            with self._ledger_errors(), self._writing.begin() as connection:
                schema.lock(connection)
                schema.restore_triggers(connection)
        except LedgerError as error:
            warnings.warn(
                say("{what}, and could not be restored: {error}", what=what, error=error),
                LedgerWarning,
                stacklevel=3,
            )
        else:
            warnings.warn(say("{what}, and was restored", what=what), LedgerWarning, stacklevel=3)

    def _refuse(self, known: dict[Key, Entry], wanted: dict[Key, Entry]) -> None:
        changed = [
            (entry, changes) for key, entry in known.items() if (changes := differences(entry, wanted[key]))
        ]
        if not changed:
            return
        then, changes = changed[0]
        others = f" The same for {len(changed) - 1} more." if len(changed) > 1 else ""
        raise LedgerError(
            say(
                "the forecast of {shown} made on {time_text} for step {step} stands since "
                "{made:%Y-%m-%d %H:%M} UTC: {changes}.{others} Nothing was added to {place}: the "
                "first answer counts. To see another one without recording it: --no-ledger",
                shown=shown(then.symbol),
                time_text=time_text(then.origin),
                step=then.step,
                made=then.made,
                changes="; ".join(changes),
                others=others,
                place=self.place,
            )
        )

    def _version(self, connection: Connection) -> int | None:
        """The version of the ledger; None: there is none. Raises where it cannot be used."""
        found = schema.versions_of(connection)
        if found is None:
            if self._file is not None and (foreign := schema.foreign_tables(connection)):
                raise LedgerError(
                    say(
                        "{place}: this is no ledger but another program's database (it has a table "
                        '"{foreign}"). Choose another file (--ledger)',
                        place=self.place,
                        foreign=foreign[0],
                    )
                )
            return None
        unknown = [version for version in found if version not in schema.KNOWN]
        newer = [version for version in unknown if isinstance(version, int) and version > schema.VERSION]
        if newer:
            raise LedgerError(
                say(
                    "{place}: this ledger has version {max}, and this gatecast knows {VERSION}. "
                    "Install a newer gatecast",
                    place=self.place,
                    max=max(newer),
                    VERSION=schema.VERSION,
                )
            )
        if unknown or not found:
            says = f"says that it has version {shown(unknown[0])}" if unknown else "does not say its version"
            raise LedgerError(
                say(
                    "{place}: this ledger {says}, which no gatecast writes. Restore it from a copy, "
                    "or choose another (--ledger)",
                    place=self.place,
                    says=says,
                )
            )
        version = max(found)
        if gone := schema.missing_tables(connection, version):
            raise LedgerError(
                say(
                    "{place}: this ledger lacks its table {gone}. Restore it from a copy, or choose "
                    "another (--ledger)",
                    place=self.place,
                    gone=" and ".join(gone),
                )
            )
        return version

    def _use_write_ahead_log(self) -> None:
        """Unlike every other statement, a change of the journal does not wait for other connections."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                with self._engine.execution_options(begin="").connect() as connection:
                    if schema.versions_of(connection) is None and not schema.foreign_tables(connection):
                        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
                return
            except OperationalError as error:
                if "locked" not in str(error.orig) or time.monotonic() > until:
                    raise
            time.sleep(random.uniform(0.01, 0.05))

    @contextlib.contextmanager
    def _ledger_errors(self) -> Iterator[None]:
        """Failures of the database as a LedgerError; faults of ours stay what they are."""
        try:
            yield
        except OSError as error:
            raise LedgerError(
                say(
                    "{place}: the ledger cannot be made ({strerror}). {remedy}",
                    place=self.place,
                    strerror=error.strerror or error,
                    remedy=self._remedy,
                )
            ) from None
        except UnicodeDecodeError as error:  # what SQLite says of a schema that it cannot read
            reason = printable(error.object.decode(errors="replace"))
            raise LedgerError(
                say(
                    "{place}: the ledger is damaged ({reason}). {remedy}",
                    place=self.place,
                    reason=reason,
                    remedy=self._remedy,
                )
            ) from None
        except DBAPIError as error:
            reason = printable(" ".join(str(error.orig).split()))
            ours = not (
                isinstance(error, OperationalError | DataError | IntegrityError)
                or type(error) is DatabaseError
                or getattr(error.orig, "sqlstate", None) in NOT_OURS
            )
            if ours:
                raise
            if "not a database" in reason:
                raise LedgerError(
                    say(
                        "{place}: this is no ledger ({reason}). {remedy}",
                        place=self.place,
                        reason=reason,
                        remedy=self._remedy,
                    )
                ) from None
            if "is locked" in reason or "lock timeout" in reason:
                raise LedgerError(
                    say(
                        "{place}: another program has been writing to the ledger for {patience} seconds. "
                        "Wait for it and try again",
                        place=self.place,
                        patience=PATIENCE,
                    )
                ) from None
            raise LedgerError(
                say(
                    "{place}: the ledger cannot be used ({reason}). {remedy}",
                    place=self.place,
                    reason=reason,
                    remedy=self._remedy,
                )
            ) from None

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
    for entry in sorted(entries, key=lambda entry: tuple(map(str, entry.key))):
        if differences(wanted.setdefault(entry.key, entry), entry):
            raise ValueError(
                f"two forecasts of {entry.symbol} at {time_text(entry.origin)} for step {entry.step}"
            )
    return wanted


def _links(connection: Connection, where: ColumnElement[bool] | None = None) -> list[Link]:
    """The links in the order of their rows; where: which, all of them if None."""
    wanted = select(chain.c.forecast, chain.c.previous, chain.c.hash).order_by(chain.c.forecast)
    return [Link(*row) for row in connection.execute(wanted if where is None else wanted.where(where))]


def _add_links(connection: Connection, links: list[Link]) -> None:
    if links:
        connection.execute(
            chain.insert(),
            [{"forecast": link.row, "previous": link.previous, "hash": link.hash} for link in links],
        )
