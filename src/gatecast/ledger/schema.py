"""The tables of a ledger, and the triggers that keep what is written. SQLite and PostgreSQL.

A change of these tables is a new VERSION: a program refuses a ledger whose version it does not know.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Double,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    func,
    inspect,
    select,
)
from sqlalchemy.engine import Dialect

VERSION = 1
KEY = ("symbol", "origin", "step", "experiment")


class Moment(TypeDecorator[dt.datetime]):
    """A moment with its time zone; SQLite, which has none, keeps it in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """To UTC."""
        return None if value is None else value.astimezone(dt.UTC)

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """In UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


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
    Column("origin", Date, nullable=False),
    Column("step", Integer, nullable=False),
    Column("experiment", Text, nullable=False),
    Column("date", Date, nullable=False),
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
    UniqueConstraint(*KEY),
)

STANDS = "a forecast once written is never changed or deleted"
SAME_KEY = " AND ".join(f"{name} = NEW.{name}" for name in KEY)
# INSERT OR REPLACE deletes without the trigger for deletion: hence the third.
SQLITE_TRIGGERS = (
    f"""CREATE TRIGGER gatecast_no_update BEFORE UPDATE ON gatecast_forecasts
        BEGIN SELECT RAISE(ABORT, '{STANDS}'); END""",
    f"""CREATE TRIGGER gatecast_no_delete BEFORE DELETE ON gatecast_forecasts
        BEGIN SELECT RAISE(ABORT, '{STANDS}'); END""",
    f"""CREATE TRIGGER gatecast_no_replace BEFORE INSERT ON gatecast_forecasts
        WHEN EXISTS (SELECT 1 FROM gatecast_forecasts WHERE ({SAME_KEY}) OR id = NEW.id)
        BEGIN SELECT RAISE(ABORT, '{STANDS}'); END""",
)
POSTGRESQL_TRIGGERS = (
    f"""CREATE FUNCTION gatecast_stands() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION '{STANDS}'; END $$""",
    """CREATE TRIGGER gatecast_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON gatecast_forecasts
       FOR EACH STATEMENT EXECUTE FUNCTION gatecast_stands()""",
)
TRIGGERS = {"sqlite": SQLITE_TRIGGERS, "postgresql": POSTGRESQL_TRIGGERS}
# Two programs that open a new ledger at once: one makes it, the other waits (SQLite locks the whole file).
POSTGRESQL_LOCK = "SELECT pg_advisory_xact_lock(hashtext('gatecast_ledger'))"


def version_of(connection: Connection) -> int | None:
    """The version of the ledger in this database; None: there is no ledger."""
    if not inspect(connection).has_table(versions.name):
        return None
    return connection.execute(select(func.max(versions.c.version))).scalar()


def foreign_tables(connection: Connection) -> list[str]:
    """The tables that are no part of a ledger."""
    return [name for name in inspect(connection).get_table_names() if name not in tables.tables]


def create(connection: Connection) -> None:
    """Make tables and triggers in this transaction; nothing where another program was first."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(POSTGRESQL_LOCK)
    if version_of(connection) is not None:
        return
    tables.create_all(connection, checkfirst=False)
    for trigger in TRIGGERS[connection.dialect.name]:
        connection.exec_driver_sql(trigger)
    connection.execute(versions.insert(), {"version": VERSION, "made": dt.datetime.now(dt.UTC)})


def row_of(entry: Any) -> dict[str, Any]:
    """An Entry as a row of `forecasts`."""
    row = dict(vars(entry))
    row["source"] = list(entry.source)
    for name in ("quantiles", "naive_quantiles"):
        if row[name] is not None:
            row[name] = {repr(float(level)): float(value) for level, value in row[name].items()}
    return row
