"""The tables of the tutorials: one symbol's prices under Yahoo's names, with the dates as index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

import gatecast as gc
from gatecast._typing import Floats, Integers
from gatecast.errors import DataError
from gatecast.language import say

COLUMNS = {
    "open": "Open", "high": "High", "low": "Low", "close": "Close", "adj_close": "Adj Close",
    "volume": "Volume",
}  # fmt: skip


def read_prices(source: str, start: str | None = None, end: str | None = None) -> pd.DataFrame:
    """Prices under the names that Yahoo's downloads have, with the dates as index."""
    table = gc.load(source, start=start, end=end).table
    names = {name: written for name, written in COLUMNS.items() if name in table.columns}
    return table.set_index("session")[list(names)].rename(columns=names).rename_axis("Date")


def dated(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its dates as index, also where it is a CSV file as pandas reads it."""
    if "Date" not in frame.columns:
        return frame
    return frame.drop(columns="Date").set_index(pd.DatetimeIndex(pd.to_datetime(frame["Date"])))


def require(frame: pd.DataFrame, columns: Sequence[str], rows: int) -> None:
    """Raise a DataError where a column is missing or the rows are too few for the tutorial."""
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        has = ", ".join(map(str, frame.columns))
        raise DataError(
            say("there is no column {names}", names=", ".join(missing)),
            remedy=say("The data have {has}", has=has),
        )
    if len(frame) < rows:
        raise DataError(
            say("there are {n} rows, and the tutorial needs at least {rows}", n=len(frame), rows=rows)
        )


def label_of(index: Any) -> Any:
    """A date as text; a row number as it is."""
    return f"{index:%Y-%m-%d}" if isinstance(index, pd.Timestamp) else index


def forecasts_frame(index: pd.Index, rows: Integers, **columns: Floats) -> pd.DataFrame:
    """Forecasts of `rows` as the audit reads them, each made in the row before."""
    return pd.DataFrame({"origin": index[rows - 1], "date": index[rows], **columns})
