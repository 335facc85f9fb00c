"""Rows that are only numbered: series without dates, which stand at their numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gatecast._typing import Dates, Integers
from gatecast.data.names import DATE_NAMES, SYMBOL_NAMES
from gatecast.data.place import Place
from gatecast.language import say
from gatecast.settings.frequency import FIRST_DATE, INDEX, POSITION_ZERO, time_at
from gatecast.settings.reading import Reading


def with_positions(frame: pd.DataFrame, place: Place, reading: Reading) -> tuple[pd.DataFrame, str] | None:
    """The frame with a date for every row that stands for its number, and that column; None: it has dates.

    The numbers are those of a column of dates that counts the rows of every symbol from 0 or 1 on. With
    frequency="index" they are any whole numbers of that column, and where it has none, or there is no such
    column, 1, 2, 3, … for the rows of every symbol in their order.
    """
    if reading.first_date is not None or reading.frequency not in (None, INDEX):
        return None
    symbol = next((frame[name] for name in SYMBOL_NAMES if name in frame.columns), None)
    owner = np.zeros(len(frame), np.int64) if symbol is None else pd.factorize(symbol.astype(str))[0]
    names = [reading.date and "date", *DATE_NAMES]
    name = next((name for name in names if name in frame.columns), None)
    positions = None if name is None else whole_numbers(frame[name])
    if reading.frequency is None:
        if symbol is None or positions is None or not _counts(positions, owner):
            return None
        place.choose(
            "dates",
            say('none: the column "{column}" numbers the rows', column=place.written.get(name or "", name)),
        )
    elif name is not None and _stands(frame[name]):
        return frame, name
    elif positions is None:
        place.choose("dates", say("none: the rows are numbered in their order"))
        positions = np.asarray(frame.groupby(owner, sort=False).cumcount().to_numpy() + 1, dtype=np.int64)
    return frame.assign(**{name or "date": time_at(positions)}), name or "date"


def are_positions(times: Dates) -> bool:
    """Whether times only stand for numbers."""
    known = times[~np.isnat(times)]
    numbers = (known >= np.datetime64(POSITION_ZERO)) & (known < np.datetime64(FIRST_DATE))
    return bool(len(known)) and bool(numbers.all())


def _stands(column: pd.Series) -> bool:
    """Whether a column holds such dates already, as `Prices.to_parquet` keeps them."""
    return pd.api.types.is_datetime64_any_dtype(column.dtype) and are_positions(column.to_numpy())


def whole_numbers(column: pd.Series) -> Integers | None:
    """The whole numbers of a column; None where it holds anything else."""
    if not pd.api.types.is_numeric_dtype(column.dtype):
        column = pd.to_numeric(column, errors="coerce")
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    if not np.isfinite(values).all() or (values != np.round(values)).any() or (np.abs(values) > 1e9).any():
        return None
    return values.astype(np.int64)


def _counts(positions: Integers, owner: Integers) -> bool:
    """Whether the rows of every symbol are numbered 0, 1, 2, … or 1, 2, 3, …, in any order."""
    order = np.lexsort((positions, owner))
    first = np.flatnonzero(np.diff(owner[order], prepend=-1))
    steps = np.diff(positions[order], prepend=0)
    steps[first] = 1
    return (
        len(positions) > 1
        and bool((steps == 1).all())
        and bool(np.isin(positions[order][first], (0, 1)).all())
    )
