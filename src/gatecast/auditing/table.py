"""The table a pipeline reads: what its columns and rows mean, and how new values are written into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gatecast._typing import Floats, Integers
from gatecast.data.columns import is_nameless, normal_name, values_of
from gatecast.data.dates import moments_of
from gatecast.data.frames import to_pandas
from gatecast.data.names import DATE_NAMES, SYMBOL_NAMES
from gatecast.data.place import Place
from gatecast.data.prices import Prices
from gatecast.data.sources import load
from gatecast.errors import DataError, InputError, did_you_mean

Values = Mapping[str, Floats]  # normal name of a column → (N,)

OHLC = ("open", "high", "low", "close")
PRICES = (*OHLC, "adj_close")
YAHOO = {"session": "Date", "open": "Open", "high": "High", "low": "Low", "close": "Close",
         "adj_close": "Adj Close", "volume": "Volume"}  # fmt: skip


@dataclass(frozen=True)
class Table:
    """A frame of N rows as its owner wrote it, and what is in it.

    frame     never changed
    target    normal name of the column that is forecast
    values    normal name → (N,) of every column of numbers; NaN where a cell is empty
    place     normal name → position of the column in the frame
    symbols   their names; one, "", where no column names them
    symbol    (N,) points into them
    sessions  all dates in order; None where the table has no dates: then a row is a session
    day       (N,) the number of each row's session, from 0
    """

    frame: pd.DataFrame
    target: str
    values: Values
    place: Mapping[str, int]
    symbols: tuple[str, ...]
    symbol: Integers
    sessions: NDArray[np.datetime64] | None
    day: Integers

    @property
    def last(self) -> int:
        """The last session's number."""
        return int(self.day.max())

    @property
    def has_prices(self) -> bool:
        """Whether any column is a price by its name."""
        return any(name in self.values for name in PRICES)

    @cached_property
    def coherent(self) -> NDArray[np.bool_]:
        """(N,) whether a row has all four prices, with Low <= Open, Close <= High."""
        if not all(name in self.values for name in OHLC):
            return np.zeros(len(self.day), dtype=bool)
        opened, high, low, close = (self.values[name] for name in OHLC)
        return (low <= np.minimum(opened, close)) & (np.maximum(opened, close) <= high) & (low > 0)

    @cached_property
    def truth(self) -> Floats:
        """(symbols, sessions) the target; NaN where a symbol has no row."""
        grid = np.full((len(self.symbols), self.last + 1), np.nan)
        grid[self.symbol, self.day] = self.values[self.target]
        return grid

    @cached_property
    def unit(self) -> Floats:
        """(symbols,) the typical one-session move of the target: the median of its absolute changes."""
        return np.array([_typical_move(row[np.isfinite(row)]) for row in self.truth])

    def at(self, symbol: Integers, day: Integers) -> Floats:
        """The target of these symbols on these sessions; NaN where there is none."""
        inside = (day >= 0) & (day <= self.last)
        return np.where(inside, self.truth[symbol, np.where(inside, day, 0)], np.nan)

    def aimed_at(self, name: str) -> Table:
        """The same table with another column as the target."""
        return replace(self, target=name)

    def label(self, day: int) -> str:
        """How a reader calls a session: its date, or its row."""
        if self.sessions is None:
            return f"row {day}"
        if day > self.last:
            return f"{day - self.last} days after {self.label(self.last)}"
        return str(self.sessions[day]).replace("T", " ")

    def written(self, name: str) -> str:
        """The owner's name of a column."""
        return _plain(self.frame.columns[self.place[name]])

    def days_of(self, cells: pd.Series, file: str) -> Integers:
        """The session numbers of origins or dates as a pipeline writes them: stamps, text, or rows.

        Days after the last session count on from it. Raises InputError for what is no session.
        """
        if pd.api.types.is_integer_dtype(cells.dtype) and (cells.to_numpy(np.int64) < 10_000_000).all():
            rows = cells.to_numpy(np.int64)
            if (rows < 0).any():
                raise InputError(f"{file}: {cells.name} holds the row {rows.min()}; rows count from 0")
            known = rows < len(self.day)
            return np.where(known, self.day[np.where(known, rows, 0)], self.last + 1 + rows - len(self.day))
        if self.sessions is None:
            raise InputError(
                f"{file}: {cells.name} holds {cells.iloc[0]!r}; the table has no dates, "
                "so origin and date are row numbers, whole and counted from 0"
            )
        return self._numbers_of(_moments(cells, file).astype(self.sessions.dtype), str(cells.name), file)

    def _numbers_of(self, moments: NDArray[np.datetime64], name: str, file: str) -> Integers:
        assert self.sessions is not None
        number = np.searchsorted(self.sessions, moments)
        beyond = moments > self.sessions[-1]
        strange = ~beyond & (self.sessions[np.minimum(number, self.last)] != moments)
        if strange.any():
            raise InputError(
                f"{file}: {name} {moments[strange.argmax()]} is no session of the table. "
                "Dates must be dates of its rows, or lie after the last one"
            )
        later = (moments - self.sessions[-1]).astype("timedelta64[D]").astype(np.int64)
        return np.where(beyond, self.last + np.maximum(later, 1), number).astype(np.int64)

    def changed(self, values: Values) -> pd.DataFrame:
        """A fresh frame with these values in place of the old; index, names, dtypes, dates and empty
        cells stay."""
        frame = self.frame.copy()
        for name, new in values.items():
            old = self.values[name]
            where = np.isfinite(new) & np.isfinite(old) & (new != old)
            if where.any():
                position = self.place[name]
                frame.isetitem(position, _written(frame.iloc[:, position], new, where).array)
        return frame


def read_table(source: Any, target: str) -> Table:
    """The table of a DataFrame, a `Prices`, or a source as in `gatecast.load`.

    Raises DataError for a table that cannot be read, InputError where it has no such target.
    """
    frame = _frame_of(source)
    names = _names_of(frame)
    plain = _with_index(frame.set_axis(names, axis=1))
    place = Place("the table", {name: name for name in plain.columns}, np.arange(len(plain)) + 1)
    symbols, symbol = _symbols_of(plain)
    sessions, day = _sessions_of(plain, place, symbol)
    categories = [name for name in plain if isinstance(plain[name].dtype, pd.CategoricalDtype)]
    found = values_of(plain.drop(columns=categories), place)
    values = {name: found[name] for name in names if name in found}
    name = normal_name(target)
    if name not in values:
        columns = ", ".join(_plain(frame.columns[names.index(known)]) for known in values)
        raise InputError(
            f'the table has no column of numbers "{target}".{did_you_mean(target, values)} '
            f"Name what is forecast with column; it has: {columns}"
        )
    position = {known: names.index(known) for known in values}
    return Table(frame, name, values, position, symbols, symbol, sessions, day)


def _frame_of(source: Any) -> pd.DataFrame:
    """The frame as the source itself writes it, under its own column names."""
    if isinstance(source, Prices):
        return source.table.copy()
    if not isinstance(source, str | Path):
        return to_pandas(source).copy()
    text = str(source)
    if text.startswith("sample:"):
        load(text)  # it knows which samples there are
        from importlib import import_module

        return import_module(f"arch.data.{text.removeprefix('sample:')}").load()
    if text.startswith("yahoo:"):
        return load(text).table.drop(columns="symbol").rename(columns=YAHOO)
    return _read_file(Path(source))


def _read_file(path: Path) -> pd.DataFrame:
    """As pandas reads it without options: what the owner of the file has before their eyes."""
    try:
        if path.suffix.lower() in {".parquet", ".pq"}:
            return pd.read_parquet(path)
        return pd.read_csv(path)
    except OSError as problem:
        raise DataError(f"cannot be read: {problem.strerror or problem}", file=path) from None
    except (ValueError, UnicodeError) as problem:
        raise DataError(f"this is no table: {problem}", file=path, remedy="Give a CSV file") from None


def _names_of(frame: pd.DataFrame) -> list[str]:
    """The normal name of every column; of yfinance's two levels the one with the prices."""
    if frame.empty:
        raise DataError("the table is empty", remedy="Give a table with one row per session")
    columns = frame.columns
    for level in range(columns.nlevels):
        names = [normal_name(name) for name in columns.get_level_values(level)]
        if columns.nlevels == 1 or "close" in names:
            break
    for name in names:
        if names.count(name) > 1:
            raise DataError(
                f'two columns mean "{name}"', remedy="Give one row per symbol and session, each column once"
            )
    return names


def _with_index(frame: pd.DataFrame) -> pd.DataFrame:
    """The levels of the index that say something no column says, as columns in front."""
    index = frame.index
    dated = any(name in DATE_NAMES for name in frame.columns)
    outside = {}
    for level in range(index.nlevels):
        values = index.get_level_values(level)
        name = normal_name(index.names[level]) if index.names[level] is not None else ""
        if name not in (*DATE_NAMES, *SYMBOL_NAMES) and not pd.api.types.is_numeric_dtype(values.dtype):
            name = "date"
        if name in SYMBOL_NAMES or (name in DATE_NAMES and not dated):
            outside[name] = values
    rows = frame.reset_index(drop=True)
    for name, values in outside.items():
        if name not in rows.columns:
            rows.insert(0, name, pd.Series(values, index=rows.index))
    first = str(rows.columns[0])
    if not outside and not dated and is_nameless(first) and not pd.api.types.is_numeric_dtype(rows[first]):
        rows = rows.rename(columns={first: "date"})
    return rows


def _symbols_of(plain: pd.DataFrame) -> tuple[tuple[str, ...], Integers]:
    column = next((name for name in SYMBOL_NAMES if name in plain.columns), None)
    if column is None:
        return ("",), np.zeros(len(plain), dtype=np.int64)
    names, codes = np.unique(plain[column].astype(str).to_numpy(dtype=object), return_inverse=True)
    return tuple(names), codes.astype(np.int64)


def _sessions_of(
    plain: pd.DataFrame, place: Place, symbol: Integers
) -> tuple[NDArray[np.datetime64] | None, Integers]:
    column = next((name for name in DATE_NAMES if name in plain.columns), None)
    if column is None:
        if symbol.any():
            raise DataError("a table of several symbols needs dates", remedy='Name their column "Date"')
        return None, np.arange(len(plain), dtype=np.int64)
    moments = moments_of(plain[column], place, symbol, lambda moments, _: moments)
    days = moments.astype("datetime64[D]")
    moments = days if not _repeated(symbol, days).any() else moments
    again = _repeated(symbol, moments)
    if again.any():
        raise DataError(
            f"the date {moments[again.argmax()]} stands in two rows of one symbol",
            row=int(again.argmax()) + 1,
            remedy='Give one row per session; a table of several symbols needs a column "symbol"',
        )
    sessions, day = np.unique(moments, return_inverse=True)
    return sessions, day.astype(np.int64)


def _repeated(symbol: Integers, moments: NDArray[np.datetime64]) -> NDArray[np.bool_]:
    return pd.DataFrame({"symbol": symbol, "moment": moments.astype(np.int64)}).duplicated().to_numpy()


def _moments(cells: pd.Series, file: str) -> NDArray[np.datetime64]:
    place = Place(file, {}, np.arange(len(cells)) + 1)
    return moments_of(
        cells.reset_index(drop=True), place, np.zeros(len(cells), np.int64), lambda moments, _: moments
    )


def _typical_move(row: Floats) -> float:
    changes = np.abs(np.diff(row))
    changes = changes[changes > 0]
    return float(np.median(changes)) if len(changes) else max(0.01 * float(np.abs(row).max(initial=0)), 1e-12)


def _plain(name: object) -> str:
    return str(name[0] if isinstance(name, tuple) else name)


def _written(column: pd.Series, values: Floats, where: NDArray[np.bool_]) -> pd.Series:
    """The column with new values in some cells, in the form of the old ones: whole, or "1,008.64"."""
    dtype, cells, new = column.dtype, np.flatnonzero(where), values[where]
    column = column.copy()
    if pd.api.types.is_bool_dtype(dtype):
        column.iloc[cells] = new > 0.5
    elif pd.api.types.is_integer_dtype(dtype):
        limits = np.iinfo(getattr(dtype, "numpy_dtype", dtype))
        most = min(limits.max, 2**53)
        whole = np.clip(np.rint(new), max(limits.min, -(2**53)), most).astype(np.int64)
        column.iloc[cells] = pd.array(whole).astype(dtype)
    elif pd.api.types.is_float_dtype(dtype):
        column.iloc[cells] = pd.array(new).astype(dtype)
    else:
        old = [str(cell) for cell in column.iloc[cells]]
        digits = max(len(text.partition(".")[2]) for text in old)
        comma = "," if any("," in str(cell) for cell in column) else ""
        column.iloc[cells] = [f"{value:{comma}.{digits}f}" for value in new]
    return column
