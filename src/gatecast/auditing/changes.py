"""Other prices that could have been: how a table is changed to see which forecasts notice.

Every change keeps prices positive, and Low <= Open, Close <= High in the rows where that held before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

import numpy as np
import pandas as pd

from gatecast._typing import Bools, Floats
from gatecast.auditing.table import OHLC, PRICES, Table, Values

Change = Callable[[Table, Bools, np.random.Generator], Values]

End = Literal["min", "max"]
MONTH = 20  # sessions
SHORT_OF = 0.1  # a value inside a range stays this share of the way short of its end


def above(table: Table, rows: Bools, rng: np.random.Generator) -> Values:
    """The rows at more than three times the former maximum, every day with a wider range of its own."""
    values = _priced(table, rows, 4 * rng.uniform(1, 1.2, len(rows)), "max")
    wide = rows & table.coherent
    if wide.any():
        values["high"][wide] *= 1 + rng.uniform(0, 0.3, wide.sum())
        values["low"][wide] /= 1 + rng.uniform(0, 0.3, wide.sum())
        for name in ("open", "close"):
            room = values["high"][wide] - values["low"][wide]
            values[name][wide] = values["low"][wide] + rng.uniform(0, 1, wide.sum()) * room
    for name, old in _free(table).items():
        top, room = _by_symbol(table, old, "max"), _room(table, old)
        new = 3 * top if _lowest(old) >= 0 else top + 2 * room
        values[name] = np.where(rows, new + room * rng.uniform(0, 0.5, len(rows)), old)
    return values


def below(table: Table, rows: Bools, rng: np.random.Generator) -> Values:
    """The rows at less than a third of the former minimum, every day with the narrowest range it can have."""
    values = _priced(table, rows, rng.uniform(0.25, 0.33, len(rows)), "min")
    narrow = rows & table.coherent
    if narrow.any():
        values["high"][narrow] = np.maximum(values["open"], values["close"])[narrow]
        values["low"][narrow] = np.minimum(values["open"], values["close"])[narrow]
    for name, old in _free(table).items():
        bottom, room = _by_symbol(table, old, "min"), _room(table, old)
        away = rng.uniform(0, 1, len(rows))
        new = bottom / (3 + away) if _lowest(old) >= 0 else bottom - room * (2 + away)
        values[name] = np.where(rows, new, old)
    return values


def shuffled(table: Table, rows: Bools, rng: np.random.Generator) -> Values:
    """The same rows of each symbol in another order; rows with empty cells stay where they are."""
    used = [old for old in table.values.values() if np.isfinite(old).any()]
    full = rows & np.isfinite(np.column_stack(used)).all(axis=1)
    order = np.arange(len(rows))
    for symbol in range(len(table.symbols)):
        own = np.flatnonzero(full & (table.symbol == symbol))
        order[own] = rng.permutation(own)
    return {name: old[order] for name, old in table.values.items()}


def disturbed(table: Table, rows: Bools, rng: np.random.Generator) -> Values:
    """Every row by a random factor of its own between 0.6 and 1.7, and the other columns by others."""

    def factor() -> Floats:
        return np.where(rows, np.exp(rng.uniform(-0.5, 0.5, len(rows))), 1.0)

    common = factor()
    priced = {name: table.values[name] * common for name in PRICES if name in table.values}
    return priced | {name: old * factor() for name, old in _free(table).items()}


def inside(table: Table, days: Iterable[int], names: Iterable[str]) -> dict[str, Floats]:
    """Some columns of some sessions, each alone, to the far end of the range it had before that session."""
    values = {name: table.values[name].copy() for name in names}
    for name, new in values.items():
        floor, ceiling = _limits(table, name)
        for day in days:
            rows = table.day == day
            low, high = _range_before(table, name, day)
            low, high = np.clip(low, floor, ceiling), np.clip(high, floor, ceiling)
            new[rows] = _far_end(new, low, high)[rows]
    return values


def row_inside(table: Table, day: int) -> Values:
    """All columns of one session: the prices together to the far end of their range, then each alone."""
    rows = table.day == day
    values = {name: old.copy() for name, old in table.values.items()}
    priced = [name for name in PRICES if name in values]
    if priced:
        factor = _factor_inside(table, day, priced)
        for name in priced:
            values[name][rows] *= factor[rows]
    whole = rows & table.coherent
    if whole.any():
        room = (values["high"] - values["low"])[whole]
        values["high"][whole] += room / 2
        values["low"][whole] -= np.minimum(room, values["low"][whole]) / 2
        for name in ("open", "close"):
            new = _far_end(values[name], values["low"], values["high"])
            values[name][whole] = new[whole]
    return values | inside(table, [day], _free(table))


def _factor_inside(table: Table, day: int, priced: list[str]) -> Floats:
    """(N,) what moves the row's first price to the far end of its former range."""
    name = table.target if table.target in priced else priced[0]
    old = table.values[name]
    low, high = _range_before(table, name, day)
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = _far_end(old, low, high) / old
    return np.where(np.isfinite(factor) & (factor > 0), factor, 1.0)


def _priced(table: Table, rows: Bools, times: Floats, end: End) -> dict[str, Floats]:
    """The price columns, each row by one factor: to so many times the highest or lowest price."""
    old = {name: table.values[name] for name in PRICES if name in table.values}
    if not old:
        return {}
    stacked = np.column_stack(list(old.values()))
    reference = np.where(np.isfinite(stacked), stacked, -np.inf if end == "max" else np.inf)
    of_row = reference.max(axis=1) if end == "max" else reference.min(axis=1)
    usable = rows & np.isfinite(of_row) & (of_row > 0)
    extreme = _by_symbol(table, np.where(np.isfinite(of_row) & (of_row > 0), of_row, np.nan), end)
    factor = np.ones(len(rows))
    factor[usable] = (times * extreme)[usable] / of_row[usable]
    return {name: values * factor for name, values in old.items()}


def _free(table: Table) -> dict[str, Floats]:
    """The columns that no price binds."""
    return {name: values for name, values in table.values.items() if name not in PRICES}


def _limits(table: Table, name: str) -> tuple[Floats, Floats]:
    """(N,), (N,) between which a column may move while the others of its row stay."""
    floor = np.full(len(table.day), -np.inf)
    ceiling = np.full(len(table.day), np.inf)
    if name not in OHLC or not table.coherent.any():
        return floor, ceiling
    values = table.values
    others = [values[other] for other in OHLC if other != name]
    if name == "high":
        floor = np.where(table.coherent, np.max(others, axis=0), floor)
    elif name == "low":
        ceiling = np.where(table.coherent, np.min(others, axis=0), ceiling)
    else:
        floor = np.where(table.coherent, values["low"], floor)
        ceiling = np.where(table.coherent, values["high"], ceiling)
    return floor, ceiling


def _range_before(table: Table, name: str, day: int) -> tuple[Floats, Floats]:
    """(N,), (N,) lowest and highest value of each row's symbol before the session; of the row where none.

    Of prices the last month counts: a pipeline may read the last years only, and the prices of long ago would
    be new extremes to its scaler.
    """
    old = table.values[name]
    since = day - MONTH if table.has_prices else 0
    past = np.where((since <= table.day) & (table.day < day), old, np.nan)
    low, high = _by_symbol(table, past, "min"), _by_symbol(table, past, "max")
    return np.where(np.isfinite(low), low, old), np.where(np.isfinite(high), high, old)


def _far_end(old: Floats, low: Floats, high: Floats) -> Floats:
    end = np.where(high - old >= old - low, high, low)
    return end + SHORT_OF * (old - end)


def _by_symbol(table: Table, values: Floats, end: End) -> Floats:
    """(N,) the extreme of each row's symbol."""
    return pd.Series(values).groupby(table.symbol).transform(end).to_numpy(np.float64)


def _room(table: Table, values: Floats) -> Floats:
    top, bottom = _by_symbol(table, values, "max"), _by_symbol(table, values, "min")
    return np.where(top > bottom, top - bottom, np.maximum(np.abs(top), 1.0))


def _lowest(values: Floats) -> float:
    return float(np.nanmin(values))
