"""Where a ledger is: an SQLite file, or a PostgreSQL server."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import Connection, Engine, NullPool, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from gatecast.errors import LedgerError

VARIABLE = "GATECAST_LEDGER"
FILE = "ledger.db"
PATIENCE = 60  # seconds that a writer waits for another
CONNECTING = 10  # seconds for a server to answer
POSTGRESQL = ("postgresql", "postgresql+psycopg", "postgres")
OTHERS = "Give a file, or postgresql://user@host/database"


def url_of(where: str | os.PathLike[str] | None = None) -> URL:
    """The database that `where` names.

    where   a path, sqlite:///path, or postgresql://…; None: the environment's GATECAST_LEDGER, else
            ledger.db in the user's data folder

    Raises
        LedgerError: another kind of database, or none at all.
    """
    text = os.fspath(where) if where is not None else os.environ.get(VARIABLE, "")
    if not text:
        from platformdirs import user_data_dir

        text = str(Path(user_data_dir("gatecast")) / FILE)
    if "://" not in text:
        return URL.create("sqlite", database=str(Path(text).expanduser().resolve()))
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise LedgerError(f"--ledger: this is no address of a database. {OTHERS}") from None
    if url.drivername == "sqlite" and url.database not in (None, "", ":memory:"):
        return URL.create("sqlite", database=str(Path(str(url.database)).resolve()))
    if url.drivername in POSTGRESQL:
        return url.set(drivername="postgresql+psycopg")
    raise LedgerError(f"--ledger: a record cannot be kept in {url.drivername}:// as given. {OTHERS}")


def engine_of(url: URL) -> Engine:
    """Connections that are closed after use, so that nothing is left open in a file.

    SQLite: every commit reaches the disk (synchronous FULL); transactions begin when they are asked to, which
    Python's driver would leave to the first change: the execution option "begin" says with which words.

    Raises
        LedgerError: the driver is not installed.
    """
    if url.drivername == "sqlite":
        engine = create_engine(
            url, poolclass=NullPool, connect_args={"timeout": PATIENCE, "isolation_level": None}
        )
        event.listen(engine, "connect", _write_through)
        event.listen(engine, "begin", _begin)
        return engine
    waiting = {} if "connect_timeout" in url.query else {"connect_timeout": CONNECTING}
    try:
        # A writer has to see what was written while it waited for its turn.
        return create_engine(url, poolclass=NullPool, connect_args=waiting, isolation_level="READ COMMITTED")
    except ImportError:
        raise LedgerError(
            'A ledger on PostgreSQL needs its driver: pip install "gatecast[postgres]"'
        ) from None


def _write_through(connection: object, record: object) -> None:
    connection.execute("PRAGMA synchronous=FULL")  # type: ignore[attr-defined]


def _begin(connection: Connection) -> None:
    if words := connection.get_execution_options().get("begin", "BEGIN"):
        connection.exec_driver_sql(words)
