"""JSON → tables: rows as objects or lists, columns of values, objects by date; what data services answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pandas as pd

from gatecast.data.columns import MOST_COLUMNS, too_many_columns
from gatecast.data.dates import is_date
from gatecast.data.delimited import text_cells
from gatecast.data.names import DATE_NAMES, STANDARD, SYMBOL_NAMES, normal_name, standard_names
from gatecast.data.raw import Cells, Table
from gatecast.errors import DataError
from gatecast.language import say
from gatecast.settings.reading import Reading

NUMBERED = re.compile(r"^\d+[a-z]?\.\s*")  # "1. open", as Alpha Vantage writes
LETTERS = {"t": "date", "o": "open", "h": "high", "l": "low", "c": "close", "v": "volume"}  # Polygon, Finnhub
DEEPEST = 6  # objects around a table
FEW_ROWS = 2  # of rows that are lists: date and price
Json = dict[str, Any] | list[Any]


def json_tables(content: bytes, name: str, file: str) -> list[Table]:
    """The tables in JSON, or in lines of JSON.

    Raises
        DataError: it is no JSON, or holds no table.
    """
    found = list(_tables(_parsed(content, file), name, file))
    if not found:
        raise DataError(
            say("there is no table in the JSON"),
            file=file,
            remedy=say('Prices are a list of objects, as in [{"date": "2021-03-01", "close": 100.5}, …]'),
        )
    return found


def _parsed(content: bytes, file: str) -> Any:
    try:
        text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            lines = [line for line in text.splitlines() if line.strip()]
            if len(lines) < 2 or not lines[0].lstrip().startswith(("{", "[")):
                raise
            return [_line(line, number, file) for number, line in enumerate(lines, 1)]
    except json.JSONDecodeError as problem:
        raise DataError(say("this is no JSON: {problem}", problem=problem), file=file) from None
    except DataError:
        raise
    except (ValueError, RecursionError):  # no UTF-8, a number of 5,000 digits, 2,000 brackets
        raise DataError(say("this is no JSON that can be read"), file=file) from None


def _line(line: str, number: int, file: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as problem:
        raise DataError(say("the line is no JSON: {msg}", msg=problem.msg), file=file, row=number) from None


def _tables(value: Any, name: str, file: str, depth: int = 0) -> Iterator[Table]:
    """The tables in a value: itself, or what objects around them hold."""
    if depth > DEEPEST or not isinstance(value, dict | list) or not value:
        return
    if isinstance(value, list) and len(value) == 1 and _holds_tables(value[0]):
        value = value[0]
    if (frame := _frame(value, file)) is not None:
        yield Table(name, file, partial(_cells, frame))
    elif isinstance(value, list):
        if all(isinstance(row, list) for row in value):
            yield Table(name, file, partial(_rows, value, file))
    elif "chart" in value:
        yield from _yahoo(value["chart"], name, file)
    else:
        own = _symbol_beside(value) or name
        inner = {key: part for key, part in value.items() if _holds_tables(part)}
        rows = [key for key, part in inner.items() if isinstance(part, list)]
        if len(rows) == 1:  # what stands beside it describes it
            inner = {rows[0]: inner[rows[0]]}
        table = inner.get("prices") if {"prices", "market_caps"} <= inner.keys() else None  # CoinGecko
        if table is not None:
            yield from _tables(table, own, file, depth + 1)
        elif len(inner) == 1:
            key, part = inner.popitem()
            yield from _tables(part, own, file, depth + 1)
        else:
            for key, part in inner.items():
                yield from _tables(part, str(key), f"{file}: {key}", depth + 1)


def _holds_tables(part: Any) -> bool:
    return bool(part) and (
        (isinstance(part, list) and isinstance(part[0], dict | list))
        or (isinstance(part, dict) and any(isinstance(cell, dict | list) for cell in part.values()))
    )


def _symbol_beside(value: dict[str, Any]) -> str | None:
    """The symbol that an object names beside its table, or in the object "Meta Data"."""
    for part in (value, *(part for part in value.values() if isinstance(part, dict) and len(part) < 12)):
        for key, cell in part.items():
            if isinstance(cell, str) and normal_name(NUMBERED.sub("", str(key))) in ("symbol", "ticker"):
                return cell
    return None


def _frame(value: Json, file: str) -> pd.DataFrame | None:
    """The frame that the value is itself; None where it is none."""
    if isinstance(value, list):
        if not all(isinstance(row, dict) for row in value):
            return None
        return _named(pd.DataFrame(_narrow(value, file)))
    if isinstance(value.get("columns"), list) and isinstance(value.get("data"), list):
        return _split(value, file)
    by_date = [key for key in value if is_date(key) or _is_number(key)]
    if len(by_date) == len(value) and all(isinstance(row, dict) for row in value.values()):
        rows = _narrow(list(value.values()), file)
        return _named(pd.DataFrame(rows)).assign(date=list(value))
    names = [normal_name(NUMBERED.sub("", key)) for key in value]
    if {"t", "c"} <= set(names):
        value = {key: part for key, part in value.items() if key in LETTERS}
    elif not (set(names) & {*STANDARD, *DATE_NAMES} or "close" in standard_names(names).values()):
        return None
    columns = {key: part for key, part in value.items() if isinstance(part, dict | list) and part}
    if len(columns) > MOST_COLUMNS:
        raise too_many_columns(len(columns), file)
    return _of_columns(columns)


def _of_columns(columns: dict[str, Any]) -> pd.DataFrame | None:
    """The frame of columns that are lists of one length, or objects by row or date."""
    if columns and all(isinstance(part, dict) for part in columns.values()):
        if any(isinstance(cell, dict | list) for part in columns.values() for cell in part.values()):
            return None
        frame = pd.DataFrame({key: pd.Series(part, dtype=object) for key, part in columns.items()})
        if {normal_name(key) for key in columns}.isdisjoint(DATE_NAMES):
            frame = frame.rename_axis("date").reset_index()
        return _named(frame.reset_index(drop=True))
    lists = {key: part for key, part in columns.items() if isinstance(part, list)}
    if not lists or len({len(part) for part in lists.values()}) > 1:
        return None
    if any(isinstance(cell, dict | list) for part in lists.values() for cell in part):
        return None
    return _named(pd.DataFrame(lists))


def _split(value: dict[str, Any], file: str) -> pd.DataFrame:
    """What pandas writes with orient="split"."""
    try:
        frame = pd.DataFrame(value["data"], columns=[str(name) for name in value["columns"]])
        if "index" in value and {normal_name(name) for name in frame.columns}.isdisjoint(DATE_NAMES):
            frame = frame.assign(date=value["index"])
    except (ValueError, TypeError):
        raise DataError(say("its rows do not fit its columns"), file=file) from None
    return _named(frame)


def _rows(rows: list[list[Any]], file: str, reading: Reading) -> Cells:
    """The cells of rows that are lists: a header and values, date and price, or as exchanges give them."""
    if all(len(row) == FEW_ROWS for row in rows) and not isinstance(rows[0][1], str | list | dict):
        return Cells(_named(pd.DataFrame(rows, columns=["date", "close"])))
    lines = ["\t".join("" if cell is None else " ".join(str(cell).split()) for cell in row) for row in rows]
    return text_cells("\n".join(lines).encode(errors="replace"), file, reading, separator="\t")


def _yahoo(chart: Any, name: str, file: str) -> Iterator[Table]:
    """What Yahoo's chart answers: moments in UTC, and columns beside them."""
    try:
        for result in chart["result"] or []:
            meta = result["meta"]
            columns = dict(result["indicators"]["quote"][0])
            for adjusted in result["indicators"].get("adjclose", [])[:1]:
                columns["adjclose"] = adjusted["adjclose"]
            dates = pd.to_datetime(result["timestamp"], unit="s", utc=True)
            zone = str(meta.get("exchangeTimezoneName", "UTC"))
            frame = pd.DataFrame({"date": dates.tz_convert(zone), **columns})
            symbol = str(meta.get("symbol", name))
            yield Table(symbol, file, partial(_cells, frame))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as problem:
        raise DataError(
            say("this is no answer of Yahoo's chart: {problem!r}", problem=problem), file=file
        ) from None


def _cells(frame: pd.DataFrame, _: Reading) -> Cells:
    return Cells(frame)


def _narrow(rows: list[dict[str, Any]], file: str) -> list[dict[str, Any]]:
    """The rows without cells that are objects or lists themselves."""
    if len(rows[0]) > MOST_COLUMNS:
        raise too_many_columns(len(rows[0]), file)
    return [{key: cell for key, cell in row.items() if not isinstance(cell, dict | list)} for row in rows]


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame under names of columns: without numbers before them, letters in full."""
    names = [NUMBERED.sub("", str(name)) for name in frame.columns]
    if {"t", "c"} <= set(names):
        names = [LETTERS.get(name, name) for name in names]
    frame = frame.set_axis(names, axis=1)
    symbols = [name for name in names if normal_name(name) in SYMBOL_NAMES]
    return frame.astype(dict.fromkeys(symbols, "object"))


def _is_number(key: str) -> bool:
    return key.isdigit() and len(key) in (8, 10, 13, 16)
