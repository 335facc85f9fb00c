"""The tables of a ledger, and the triggers that keep what is written. SQLite and PostgreSQL.

A change of these tables is a new VERSION: a program refuses a ledger whose version it does not know.
Version 1 had no chain, and of a forecast neither when its bar closes nor what its prices were. Versions 1 and
2 knew days alone: their dates were of the type DATE.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    DateTime,
    Double,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    inspect,
    select,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateColumn

from gatecast.ledger.place import PATIENCE

VERSION = 3
KNOWN = (1, 2, VERSION)
CHAINED = 2  # the first version with a chain
KEY = ("symbol", "origin", "step", "experiment")


class Moment(TypeDecorator[dt.datetime]):
    """A moment with its time zone; SQLite, which has none, keeps it in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True
    python_type = dt.datetime

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """To UTC."""
        return None if value is None else value.astimezone(dt.UTC)

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """In UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


class Time(TypeDecorator[dt.date]):
    """The time of a bar as text: a date, or of bars within days a date and a time of day, without a zone."""

    impl = Text
    cache_ok = True
    python_type = dt.date

    def process_bind_param(self, value: dt.date | None, dialect: Dialect) -> str | None:
        """As in ISO 8601."""
        return None if value is None else value.isoformat()

    def process_result_value(self, value: str | None, dialect: Dialect) -> dt.date | None:
        """A date, or a datetime where there is a time of day."""
        if value is None:
            return None
        return (dt.date if len(value) == len("YYYY-MM-DD") else dt.datetime).fromisoformat(value)


tables = MetaData()

versions = Table(
    "gatecast_ledger",
    tables,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("made", Moment, nullable=False),
)

forecasts = Table(
    "gatecast_forecasts",
    tables,
    Column("id", Integer, primary_key=True),
    Column("symbol", Text, nullable=False),
    Column("origin", Time, nullable=False),
    Column("step", Integer, nullable=False),
    Column("experiment", Text, nullable=False),
    Column("date", Time, nullable=False),
    Column("source", JSON, nullable=False),
    Column("column", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("anchor", Double, nullable=False),
    Column("forecast", Double, nullable=False),
    Column("data", Text, nullable=False),
    Column("made", Moment, nullable=False),
    Column("version", Text, nullable=False),
    Column("quantiles", JSON(none_as_null=True)),
    Column("naive_quantiles", JSON(none_as_null=True)),
    Column("location", Double),
    Column("scale", Double),
    Column("df", Double),
    Column("adjust", Boolean, nullable=False),
    Column("calendar", Text),
    Column("closes", Moment),  # from here on since version 2; empty in older rows
    Column("anchor_return", Double),
    Column("first", Time),
    Column("history", Text),
    Column("frequency", Text),  # from here on since version 3; empty of days
    Column("resample", Text),
    UniqueConstraint(*KEY),
)
SINCE_2 = ("closes", "anchor_return", "first", "history")
SINCE_3 = ("frequency", "resample")
TIMES = ("origin", "date", "first")

chain = Table(
    "gatecast_chain",
    tables,
    Column("forecast", Integer, primary_key=True, autoincrement=False),  # the id of its row
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

STANDS = "a forecast once written is never changed or deleted"
SAME_KEY = " AND ".join(f"{name} = NEW.{name}" for name in KEY)


def _sqlite(table: str, prefix: str, same: str) -> dict[str, str]:
    """name → trigger. INSERT OR REPLACE deletes without the trigger for deletion: hence the third."""
    refuse = f"BEGIN SELECT RAISE(ABORT, '{STANDS}'); END"
    events = {
        "update": f"BEFORE UPDATE ON {table}",
        "delete": f"BEFORE DELETE ON {table}",
        "replace": f"BEFORE INSERT ON {table} WHEN EXISTS (SELECT 1 FROM {table} WHERE {same})",
    }
    return {
        f"{prefix}_no_{name}": f"CREATE TRIGGER {prefix}_no_{name} {event} {refuse}"
        for name, event in events.items()
    }


SQLITE_TRIGGERS = {
    **_sqlite(forecasts.name, "gatecast", f"({SAME_KEY}) OR id = NEW.id"),
    **_sqlite(chain.name, "gatecast_chain", "forecast = NEW.forecast"),
}
POSTGRESQL_TRIGGERS = {
    f"{prefix}_no_change": f"""CREATE TRIGGER {prefix}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE
       ON {table} FOR EACH STATEMENT EXECUTE FUNCTION gatecast_stands()"""
    for table, prefix in ((forecasts.name, "gatecast"), (chain.name, "gatecast_chain"))
}
POSTGRESQL_BODY = f" BEGIN RAISE EXCEPTION '{STANDS}'; END "
POSTGRESQL_FUNCTION = f"""CREATE OR REPLACE FUNCTION gatecast_stands() RETURNS trigger LANGUAGE plpgsql AS
    $${POSTGRESQL_BODY}$$"""
# Enabled, before UPDATE, DELETE and TRUNCATE (16 + 8 + 32 + 2), of every such statement, with our words.
POSTGRESQL_STANDING = f"""SELECT t.tgname FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE t.tgrelid IN (to_regclass('{forecasts.name}'), to_regclass('{chain.name}'))
    AND t.tgenabled IN ('O', 'A') AND t.tgtype = 58 AND t.tgqual IS NULL AND t.tgattr::text = ''
    AND p.prosrc = %s"""
# One program writes at a time: a link of the chain needs the one before. SQLite locks the whole file itself.
POSTGRESQL_PATIENCE = f"SELECT set_config('lock_timeout', '{PATIENCE}s', true)"
POSTGRESQL_LOCK = "SELECT pg_advisory_xact_lock(hashtext('gatecast_ledger'))"


def versions_of(connection: Connection) -> list[Any] | None:
    """What the ledger in this database says of its version, as it stands; None: there is no ledger."""
    present = _present(connection)
    if not present:
        return None
    return list(connection.execute(select(versions.c.version)).scalars()) if versions.name in present else []


def missing_tables(connection: Connection, version: int) -> list[str]:
    """The tables that a ledger of this version has, and this one has not."""
    needed = {versions.name, forecasts.name} | ({chain.name} if version > 1 else set())
    return sorted(needed - _present(connection))


def _present(connection: Connection) -> set[str]:
    return set(tables.tables) & set(inspect(connection).get_table_names())


def foreign_tables(connection: Connection) -> list[str]:
    """The tables that are no part of a ledger."""
    return [name for name in inspect(connection).get_table_names() if name not in tables.tables]


def lock(connection: Connection) -> None:
    """Wait until this transaction is the only one that writes."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(POSTGRESQL_PATIENCE)
        connection.exec_driver_sql(POSTGRESQL_LOCK)


def create(connection: Connection) -> None:
    """Make tables and triggers in this transaction."""
    tables.create_all(connection, checkfirst=False)
    restore_triggers(connection)
    _note_version(connection)


def widen(connection: Connection, version: int) -> None:
    """Make of the tables of an older version those of this one, in this transaction; a new chain is empty."""
    for name in (*(SINCE_2 if version < CHAINED else ()), *SINCE_3):
        column = CreateColumn(forecasts.c[name]).compile(dialect=connection.dialect)
        connection.exec_driver_sql(f"ALTER TABLE {forecasts.name} ADD COLUMN {column}")
    if connection.dialect.name == "postgresql":  # SQLite keeps a DATE as the same text
        for name in TIMES:
            connection.exec_driver_sql(
                f"ALTER TABLE {forecasts.name} ALTER COLUMN {name} TYPE TEXT USING {name}::text"
            )
    if version < CHAINED:
        chain.create(connection)
    restore_triggers(connection)
    _note_version(connection)


def missing_triggers(connection: Connection, version: int) -> list[str]:
    """The names of those that are not there, or not as they were made, in a ledger of this version."""
    missing = _missing_triggers(connection)
    return [name for name in missing if version > 1 or not name.startswith(chain.name)]


def _missing_triggers(connection: Connection) -> list[str]:
    if connection.dialect.name == "postgresql":
        found = connection.exec_driver_sql(POSTGRESQL_STANDING, (POSTGRESQL_BODY,)).scalars()
        return sorted(set(POSTGRESQL_TRIGGERS) - set(found))
    there = {
        name: " ".join(str(words).split())
        for name, words in connection.exec_driver_sql(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        )
    }
    return sorted(name for name, words in SQLITE_TRIGGERS.items() if there.get(name) != words)


def restore_triggers(connection: Connection) -> None:
    """Make the triggers as they have to be, in this transaction."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(POSTGRESQL_FUNCTION)
        for name, words in POSTGRESQL_TRIGGERS.items():
            table = words.split(" ON ")[1].split()[0]
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name} ON {table}")
            connection.exec_driver_sql(words)
    else:
        for name, words in SQLITE_TRIGGERS.items():
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
            connection.exec_driver_sql(words)


def _note_version(connection: Connection) -> None:
    connection.execute(versions.insert(), {"version": VERSION, "made": dt.datetime.now(dt.UTC)})
