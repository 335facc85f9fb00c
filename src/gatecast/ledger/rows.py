"""Entries as rows of the database and back: a row that somebody edited may hold anything."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import JSON, ColumnElement, Connection, Integer, Select, select, type_coerce
from sqlalchemy.exc import DataError, DBAPIError, OperationalError

from gatecast.formatting import printable
from gatecast.ledger.entry import Entry
from gatecast.ledger.schema import Time, forecasts

Row = dict[str, Any]
NAMES = tuple(field.name for field in fields(Entry))
QUANTILES = ("quantiles", "naive_quantiles")
SHOWN = 40  # characters of a value in a message
# For a value that is not of its column's type: from the drivers, SQLite's the second, and from SQLAlchemy.
NOT_OF_ITS_TYPE = (DataError, OperationalError, ValueError, TypeError, ArithmeticError, RecursionError)


def row_of(entry: Entry) -> Row:
    """An Entry as a row of `forecasts`, without its id."""
    row = {name: getattr(entry, name) for name in NAMES}
    row["source"] = list(entry.source)
    for name in QUANTILES:
        if row[name] is not None:
            row[name] = {repr(float(level)): float(value) for level, value in row[name].items()}
    return row


def read(
    connection: Connection, where: ColumnElement[bool] | None = None
) -> tuple[list[Row], dict[int, str]]:
    """The rows in the order of their ids, and id → why a row cannot be read.

    where   which; None: all
    """
    # SQLite keeps a Boolean as any number: as it stands, not as SQLAlchemy takes it.
    adjust = type_coerce(forecasts.c.adjust, Integer).label("adjust")
    columns = [column if column.name != "adjust" else adjust for column in forecasts.columns]
    wanted = select(*columns).order_by(forecasts.c.id)
    if where is not None:
        wanted = wanted.where(where)
    try:
        return _fetched(connection, wanted), {}
    except NOT_OF_ITS_TYPE as error:
        rows, faults = _one_by_one(connection, wanted)
        if not faults:
            raise error
        return rows, faults


def _fetched(connection: Connection, wanted: Select[Any]) -> list[Row]:
    rows = connection.execute(wanted).mappings()
    return [{**row, "adjust": {0: False, 1: True}.get(row["adjust"], row["adjust"])} for row in rows]


def _one_by_one(connection: Connection, wanted: Select[Any]) -> tuple[list[Row], dict[int, str]]:
    rows: list[Row] = []
    faults: dict[int, str] = {}
    for row in connection.execute(wanted.with_only_columns(forecasts.c.id)).scalars().all():
        try:
            rows += _fetched(connection, wanted.where(forecasts.c.id == row))
        except NOT_OF_ITS_TYPE as error:
            reason = error.orig if isinstance(error, DBAPIError) else error
            faults[row] = f"holds a value that cannot be read ({shown(str(reason))})"
    return rows, faults


def entry_of(row: Mapping[str, Any]) -> Entry:
    """The Entry of a row.

    Raises
        ValueError: a value of another type, or one that cannot be; it says which.
    """
    for column in forecasts.columns:
        value = row[column.name]
        if not (value is None and column.nullable) and not _is_of(value, column.type):
            raise ValueError(f"{column.name} is {shown(value)}")
    known: Row = {name: row[name] for name in NAMES}
    known["source"] = tuple(known["source"])
    for name in QUANTILES:
        if known[name] is not None:
            known[name] = _quantiles(name, known[name])
    if not all(isinstance(word, str) for word in known["source"]):
        raise ValueError(f"source is {shown(row['source'])}")
    return Entry(**known)


def _is_of(value: object, kind: Any) -> bool:
    if isinstance(kind, JSON):
        return isinstance(value, dict | list)
    if isinstance(kind, Time):
        return type(value) in (dt.date, dt.datetime)
    return type(value) is kind.python_type


def _quantiles(name: str, given: object) -> dict[float, float]:
    try:
        if not isinstance(given, dict) or not all(type(value) is float for value in given.values()):
            raise ValueError
        return {float(level): value for level, value in given.items()}
    except ValueError:
        raise ValueError(f"{name} is {shown(given)}") from None


def shown(value: object) -> str:
    """A value for a message: no control characters, and not much of it; of a container only its kind."""
    if isinstance(value, dict | list):
        return f"a {type(value).__name__} of {len(value)}"
    text = str(value) if isinstance(value, str | dt.date) else repr(value)
    text = printable(text)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
