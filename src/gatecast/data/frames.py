"""DataFrames, Series and what else holds a table in memory → pandas."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from gatecast.data.names import DATE_NAMES, NAMES, STANDARD, normal_name
from gatecast.data.raw import Cells, Table
from gatecast.errors import DataError
from gatecast.language import say
from gatecast.settings.reading import Reading

MEMORY = "DataFrame"  # what stands in the place of a file


def frame_tables(source: Any, symbol: str | None) -> list[Table]:
    """The table in an object; of a mapping from symbols to tables, each of them.

    Raises
        DataError: it is none.
    """
    if isinstance(source, Mapping) and any(map(_is_table, source.values())):
        return [
            Table(str(name), f"{MEMORY} {name}", partial(_cells, _without_symbol(frame)))
            for name, frame in source.items()
        ]
    if symbol is not None:
        source = _without_symbol(source)
    return [Table(symbol or "prices", MEMORY, partial(_cells, source))]


def _cells(frame: Any, _: Reading) -> Cells:
    return Cells(to_pandas(frame))


def to_pandas(frame: Any) -> pd.DataFrame:
    """A pandas DataFrame of a DataFrame, LazyFrame or Series of any library, or of a dict of columns.

    The name of a Series is that of its symbol, unless it is that of a price.

    Raises
        DataError: it is none of these.
    """
    if isinstance(frame, pd.DataFrame):
        return frame
    if isinstance(frame, pd.Series):
        return _of_series(frame)
    if isinstance(frame, Mapping):
        try:
            return pd.DataFrame(dict(frame))
        except ValueError as problem:
            raise DataError(
                say("this is no table: {problem}", problem=problem), remedy=say("Give columns of one length")
            ) from None
    import narwhals as nw

    try:
        table = nw.from_native(frame, allow_series=True)
    except TypeError:
        raise DataError(
            say("prices cannot be read from a {name}", name=type(frame).__name__),
            remedy=say('Give a DataFrame, a path, "sample:sp500" or "yahoo:TSLA"'),
        ) from None
    if isinstance(table, nw.LazyFrame):
        table = table.collect()
    if isinstance(table, nw.Series):
        return _of_series(table.to_pandas())
    return table.to_pandas()


def _without_symbol(table: Any) -> Any:
    """The table; a Series without its name, where that is one of a symbol: the user gives another."""
    return table.rename(None) if isinstance(table, pd.Series) and not _is_column(table.name) else table


def _of_series(series: pd.Series) -> pd.DataFrame:
    name = series.name
    if isinstance(name, tuple):  # of a column in levels: ("Close", "AAPL")
        name = next((part for part in name if not _is_column(part)), None)
    if name is None or name == "" or isinstance(series.index, pd.MultiIndex):
        return series.to_frame(series.name if _is_column(series.name) else "close")
    if _is_column(name):
        return series.to_frame()
    return series.to_frame("close").assign(symbol=str(name))


def _is_column(name: object) -> bool:
    """Whether a name is one of prices or dates, not that of a symbol."""
    return normal_name(name) in {*DATE_NAMES, *(known for meaning in STANDARD for known in NAMES[meaning])}


def _is_table(value: Any) -> bool:
    """Whether a value of a mapping is a table of its own, not a column."""
    return hasattr(value, "columns") or (
        isinstance(value, pd.Series) and not isinstance(value.index, pd.RangeIndex)
    )
