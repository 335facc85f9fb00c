"""Tables of SQLite and DuckDB files, opened so that nothing can be written and nothing in them runs."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote

import pandas as pd

from gatecast.data.columns import MOST_COLUMNS, too_many_columns
from gatecast.data.raw import Cells, Table
from gatecast.errors import DataError, did_you_mean
from gatecast.files import is_there
from gatecast.formatting import named, printable
from gatecast.language import say
from gatecast.memory import require_table
from gatecast.settings.reading import Reading

EXAMPLE = '"sqlite:///prices.db?table=prices"'


@dataclass(frozen=True)
class _Database:
    """How a kind of database is asked.

    connect    gives a connection to a file that only reads
    tables     asks for the names of its tables; views are left out, they are programs
    errors     what it raises
    """

    connect: Callable[[Path], Any]
    tables: str
    errors: Callable[[], tuple[type[Exception], ...]]


def database_tables(url: str) -> list[Table]:
    """The table that a URL such as "sqlite:///prices.db?table=prices" names; without a name the only one.

    Raises
        DataError: no such file or table, several tables, or a URL of another form.
    """
    kind, _, rest = url.partition("://")
    place, _, query = rest.partition("?")
    options = parse_qs(query, keep_blank_values=True)
    if not place.startswith("/") or place == "/" or set(options) - {"table"}:
        raise DataError(
            say("this is no URL of a table"), value=url, remedy=say("Write it as {example}", example=EXAMPLE)
        )
    path = Path(unquote(place[1:]))
    if not is_there(path):
        remedy = f'Give its path after "{kind}:///"; one that begins at the root has four slashes'
        raise DataError(say("there is no such file"), file=str(path), remedy=remedy)
    return tables_in(path, kind, options.get("table", [None])[-1])


def tables_in(path: Path, kind: str, wanted: str | None = None) -> list[Table]:
    """The table `wanted` in a file of the kind "sqlite" or "duckdb"; None: the only one."""
    with _opened(path, kind) as connection:
        names = [row[0] for row in connection.execute(DATABASES[kind].tables).fetchall()]
    if not names:
        raise DataError(say("the database has no table"), file=str(path))
    if (wanted is None and len(names) > 1) or (wanted is not None and wanted not in names):
        what = "there are several tables" if wanted is None else f'there is no table "{wanted}".'
        raise DataError(
            what + ("" if wanted is None else did_you_mean(wanted, names)),
            file=str(path),
            remedy=say(
                'Name one, as in "{kind}:///{path}?table={names}"; it has: {names_2}',
                kind=kind,
                path=path,
                names=names[0],
                names_2=named(names),
            ),
        )
    name = wanted or names[0]
    return [Table(name, str(path), partial(_read, path, kind, name))]


def _read(path: Path, kind: str, name: str, _: Reading) -> Cells:
    table = '"' + name.replace('"', '""') + '"'
    with _opened(path, kind) as connection:
        rows = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        cursor = connection.execute(f"SELECT * FROM {table}")
        columns = [column[0] for column in cursor.description]
        if len(columns) > MOST_COLUMNS:
            raise too_many_columns(len(columns), str(path))
        require_table(rows, len(columns), str(path))
        return Cells(pd.DataFrame.from_records(cursor.fetchall(), columns=columns))


@contextlib.contextmanager
def _opened(path: Path, kind: str) -> Iterator[Any]:
    database = DATABASES[kind]
    errors = database.errors()
    try:
        with contextlib.closing(database.connect(path)) as connection:
            yield connection
    except errors as problem:
        reason = printable((str(problem).splitlines() or [type(problem).__name__])[0], 200)
        raise DataError(say("the database cannot be read: {reason}", reason=reason), file=str(path)) from None


def _sqlite(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.text_factory = lambda text: text.decode(errors="replace")
    return connection


def _duckdb(path: Path) -> Any:
    return _duckdb_module().connect(
        str(path), read_only=True, config={"enable_external_access": "false", "lock_configuration": "true"}
    )


def _duckdb_module() -> Any:
    try:
        import duckdb  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise DataError(
            say("reading a DuckDB file needs the package duckdb"),
            remedy=say("Install it: pip install duckdb"),
        ) from None
    return duckdb


DATABASES = {
    "sqlite": _Database(
        _sqlite,
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
        "AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name",
        lambda: (sqlite3.Error,),
    ),
    "duckdb": _Database(
        _duckdb,
        "SELECT table_name FROM duckdb_tables() WHERE NOT internal ORDER BY table_name",
        lambda: (_duckdb_module().Error,),
    ),
}
