"""A DataFrame as people have it → a tidy table: one row per symbol and session, sorted, positive closes.

What cannot be used is an error that names file, row, column and value. What is only odd is left to
`checks`, but for the two things that a sorted table no longer shows: `unsorted` and `open-session`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gatecast.data.checks import Oddity, first_rows, named
from gatecast.data.dates import Moments, Place, moments_of
from gatecast.data.sessions import calendar_for, check_calendar, close_of, zone_of
from gatecast.errors import DataError, did_you_mean

Calendar = str | Mapping[str, str] | None

PRICES = ("open", "high", "low", "close", "adj_close")
STANDARD = (*PRICES, "volume")
DATE_NAMES = ("date", "session", "datetime", "timestamp", "time", "day", "ds")
SYMBOL_NAMES = ("symbol", "ticker", "name", "unique_id")
ALIASES = {"adjclose": "adj_close", "adjusted_close": "adj_close", "adj_close_price": "adj_close"}

PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
MISSING = frozenset({"", "-", "--", "na", "n/a", "#n/a", "nan", "null", "none", "nat", "<na>"})


@dataclass(frozen=True)
class Tidy:
    """One source, read: `table` as in `Prices.table`, before the look for oddities."""

    table: pd.DataFrame
    source: tuple[str, ...]
    calendar: dict[str, str]
    oddities: tuple[Oddity, ...] = ()


def normal_name(name: object) -> str:
    """The name of a column as gatecast writes it: "Adj Close" → "adj_close"."""
    plain = re.sub(r"[\s_.\-]+", "_", str(name).strip().lower()).strip("_")
    return ALIASES.get(plain, plain)


def tidy(
    frame: pd.DataFrame,
    *,
    source: str,
    symbol: str,
    calendar: Calendar = None,
    now: pd.Timestamp | None = None,
) -> Tidy:
    """The rows of `frame`, checked and sorted.

    source    for messages and for the record: a path, "yahoo:TSLA", "DataFrame"
    symbol    the name of the symbol where no column names it
    calendar  one code, or symbol → code; guessed where None
    now       the current moment (with a time zone): a session that has not closed by then is left out
    """
    frame = _with_names(_without_index(_without_levels(frame)), source)
    row = np.arange(1, len(frame) + 1)
    full = ~frame.isna().all(axis=1).to_numpy()
    frame, row = frame[full], row[full]
    if frame.empty:
        raise DataError("there are no rows", file=source, remedy="Prices need dates and closes")
    date_name = _date_column(frame, source)
    _require_close(frame, source)

    codes, symbols = _symbols(frame, symbol, source, row)
    place = Place(source, frame.attrs["written"][date_name], row)
    moments = moments_of(
        frame[date_name], place, codes, lambda code: zone_of(_calendar_of(symbols[code], (), calendar))
    )
    sessions = moments.astype("datetime64[D]")
    values = _values(frame.drop(columns=date_name), source, row)

    calendars = _calendars(symbols, codes, sessions, calendar)
    still_open = _still_open(symbols, codes, sessions, calendars, now)
    _require_prices(
        frame["close"], values["close"], Place(source, frame.attrs["written"]["close"], row), ~still_open
    )
    _refuse_intraday(codes, moments, place)
    descending = _require_order(codes, sessions, symbols, place)

    table = pd.DataFrame({"symbol": np.asarray(symbols, dtype=object)[codes], "session": sessions, **values})
    table = table.astype({"symbol": str, "session": "datetime64[ns]"})
    oddities = (
        *_unsorted(table, np.isin(codes, descending)),
        *_left_out(table, still_open),
    )
    order = np.lexsort((sessions, codes))
    table = table.iloc[order[~still_open[order]]].reset_index(drop=True)
    return Tidy(table, (source,), {name: calendars[name] for name in table["symbol"].unique()}, oddities)


# --- names ----------------------------------------------------------------------------------------------


def _without_levels(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns in two levels, as yfinance gives them (price, symbol) → a long table with a symbol column."""
    if not isinstance(frame.columns, pd.MultiIndex) or frame.columns.nlevels != 2:
        return frame
    prices = [{normal_name(name) for name in frame.columns.get_level_values(level)} for level in (0, 1)]
    level = 1 if "close" in prices[0] else 0
    parts = []
    for name in frame.columns.get_level_values(level).unique():
        part = frame.xs(name, axis=1, level=level).dropna(how="all")
        parts.append(part.assign(symbol=str(name)))
    return pd.concat(parts)


def _without_index(frame: pd.DataFrame) -> pd.DataFrame:
    """The index as columns, where it says something."""
    index = frame.index
    known = {normal_name(name) for name in frame.columns}
    keep = [name for name in index.names if name is not None and normal_name(name) not in known]
    is_named = len(keep) == index.nlevels
    holds_dates = isinstance(index, pd.DatetimeIndex | pd.PeriodIndex) or not known & set(DATE_NAMES)
    if is_named:
        return frame.reset_index()
    if index.nlevels == 1 and holds_dates and not isinstance(index, pd.RangeIndex):
        return frame.rename_axis("date").reset_index()
    return frame.reset_index(drop=True)


def _with_names(frame: pd.DataFrame, source: str) -> pd.DataFrame:
    """Columns under their normal names; `attrs["written"]` remembers how the source writes them."""
    names = [normal_name(name) for name in frame.columns]
    for name in STANDARD:
        if names.count(name) > 1:
            both = " and ".join(
                f'"{old}"' for old, new in zip(frame.columns, names, strict=True) if new == name
            )
            raise DataError(f"two columns mean {name}: {both}", file=source, remedy="Keep one of them")
    written = dict(zip(names, map(str, frame.columns), strict=True))
    frame = frame.set_axis(names, axis=1)
    frame = frame.loc[:, ~frame.columns.duplicated()]
    frame.attrs = {"written": written}
    return frame


def _date_column(frame: pd.DataFrame, source: str) -> str:
    for name in DATE_NAMES:
        if name in frame.columns:
            return name
    # to_csv writes an index without a name as a first column without one.
    first = str(frame.columns[0])
    if first == "" or first.startswith("unnamed:"):
        return first
    columns = ", ".join(frame.attrs["written"].values())
    raise DataError(
        "there is no column of dates", file=source, remedy=f'Name it "date"; the columns are: {columns}'
    )


def _require_close(frame: pd.DataFrame, source: str) -> None:
    if "close" in frame.columns:
        return
    columns = ", ".join(frame.attrs["written"].values())
    raise DataError(
        "there is no close column",
        file=source,
        remedy=f'Name the column to forecast "close"; the columns are: {columns}.'
        + did_you_mean("close", frame.columns),
    )


def _symbols(
    frame: pd.DataFrame, default: str, source: str, row: NDArray[np.int64]
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Number of each row's symbol, and their names in order."""
    column = next((name for name in SYMBOL_NAMES if name in frame.columns), None)
    if column is None:
        return np.zeros(len(frame), dtype=np.int64), (default,)
    codes, names = pd.factorize(frame[column].astype(object))
    cleaned = [str(name).strip() for name in names]
    empty = (codes < 0) | np.isin(codes, [code for code, name in enumerate(cleaned) if not name])
    if empty.any():
        written = frame.attrs["written"][column]
        raise Place(source, written, row).error(
            "the symbol is empty", int(empty.argmax()), "empty", "Every row needs its symbol"
        )
    symbols = tuple(sorted(set(cleaned)))
    number = {name: code for code, name in enumerate(symbols)}
    return np.array([number[name] for name in cleaned], dtype=np.int64)[codes], symbols


# --- numbers --------------------------------------------------------------------------------------------


def _values(frame: pd.DataFrame, source: str, row: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """Column → float64, the standard ones first, then the other numeric ones in alphabetical order."""
    extras = sorted(set(frame.columns) - set(STANDARD) - set(SYMBOL_NAMES) - set(DATE_NAMES))
    values = {}
    for name in (*STANDARD, *extras):
        if name not in frame.columns or name == "" or name.startswith("unnamed:"):
            continue
        column = frame[name]
        numbers, text = _numbers(column)
        if text.any() and name in STANDARD:
            position = int(text.argmax())
            raise Place(source, frame.attrs["written"][name], row).error(
                "not a number", position, column.iloc[position], 'Write 1008.64 or "1,008.64"'
            )
        if name in STANDARD or not (text.any() or np.isnan(numbers).all()):
            values[name] = numbers
    return values


def _numbers(column: pd.Series) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The column as float64 (NaN: empty), and where it holds what is no number."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(dtype=np.float64, na_value=np.nan), np.zeros(len(column), dtype=bool)
    if pd.api.types.is_datetime64_any_dtype(column.dtype) or pd.api.types.is_timedelta64_dtype(column.dtype):
        return np.full(len(column), np.nan), np.ones(len(column), dtype=bool)
    cells = [_number(cell) for cell in column.astype(object)]
    text = np.array([cell is None for cell in cells])
    return np.array([np.nan if cell is None else cell for cell in cells]), text


def _number(cell: object) -> float | None:
    """A cell's number; NaN where it is empty, None where it is no number."""
    if isinstance(cell, int | float | np.number):
        return float(cell)
    text = str(cell).strip()
    if PLAIN.fullmatch(text):
        return float(text)
    if THOUSANDS.fullmatch(text):
        return float(text.replace(",", ""))
    return np.nan if text.lower() in MISSING else None


def _require_prices(
    written: pd.Series, close: NDArray[np.float64], place: Place, counts: NDArray[np.bool_]
) -> None:
    bad = counts & ~(np.isfinite(close) & (close > 0))
    if not bad.any():
        return
    position = int(bad.argmax())
    if np.isnan(close[position]):
        raise place.error("the close is empty", position, "empty", "Fill it in or delete the row")
    raise place.error(
        "the close is not a positive number", position, written.iloc[position], "Correct it or delete the row"
    )


# --- sessions -------------------------------------------------------------------------------------------


def _calendar_of(symbol: str, sessions: object, calendar: Calendar) -> str:
    if isinstance(calendar, str):
        return check_calendar(calendar)
    if calendar is not None and symbol in calendar:
        return check_calendar(calendar[symbol])
    return calendar_for(symbol, sessions)  # type: ignore[arg-type]


def _calendars(
    symbols: tuple[str, ...], codes: NDArray[np.int64], sessions: Moments, calendar: Calendar
) -> dict[str, str]:
    if isinstance(calendar, str):
        return dict.fromkeys(symbols, check_calendar(calendar))
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(1, len(symbols)))
    dates = np.split(sessions[order], starts)
    return {name: _calendar_of(name, days, calendar) for name, days in zip(symbols, dates, strict=True)}


def _still_open(
    symbols: tuple[str, ...],
    codes: NDArray[np.int64],
    sessions: Moments,
    calendars: dict[str, str],
    now: pd.Timestamp | None,
) -> NDArray[np.bool_]:
    """Rows of a session whose exchange has not closed yet."""
    moment = pd.Timestamp.now("UTC") if now is None else now.tz_convert("UTC")
    unfinished = np.zeros(len(sessions), dtype=bool)
    recent = np.flatnonzero(sessions >= np.datetime64(moment.date(), "D") - 1)
    if not len(recent):
        return unfinished
    open_day: dict[str, np.datetime64] = {}
    for calendar in {calendars[symbols[code]] for code in np.unique(codes[recent])}:
        today = np.datetime64(moment.tz_convert(zone_of(calendar)).date(), "D")
        closes = close_of(calendar, today)
        open_day[calendar] = today if closes is not None and moment < closes else np.datetime64("NaT")
    for position in recent:
        unfinished[position] = sessions[position] == open_day[calendars[symbols[codes[position]]]]
    return unfinished


def _refuse_intraday(codes: NDArray[np.int64], moments: Moments, place: Place) -> None:
    order = np.lexsort((moments, codes))
    days = moments.astype("datetime64[D]")[order]
    several = (
        (np.diff(codes[order]) == 0) & (days[1:] == days[:-1]) & (moments[order][1:] != moments[order][:-1])
    )
    if several.any():
        position = int(order[1:][several].min())
        raise place.error(
            "these are intraday prices: several times on one date",
            position,
            str(moments[position]).replace("T", " "),
            "gatecast works on daily sessions: keep one row per date, such as the last",
        )


def _require_order(
    codes: NDArray[np.int64], sessions: Moments, symbols: tuple[str, ...], place: Place
) -> NDArray[np.int64]:
    """Numbers of the symbols whose rows run from the newest to the oldest; any other disorder is an error."""
    _refuse_repeats(codes, sessions, symbols, place)
    order = np.argsort(codes, kind="stable")
    owner, same = codes[order][1:], np.diff(codes[order]) == 0
    step = np.diff(sessions[order]).astype(np.int64)
    rises, falls = same & (step > 0), same & (step < 0)
    rising = np.bincount(owner[rises], minlength=len(symbols))
    falling = np.bincount(owner[falls], minlength=len(symbols))
    mixed = np.flatnonzero((rising > 0) & (falling > 0))
    if len(mixed):
        breaks = np.where(rising[owner] >= falling[owner], falls, rises) & np.isin(owner, mixed)
        position = int(order[1:][breaks].min())
        before = int(order[np.flatnonzero(order == position)[0] - 1])
        raise place.error(
            f"the rows are shuffled: {sessions[position]} comes after {sessions[before]}",
            position,
            sessions[position],
            "Sort the rows by date",
        )
    return np.flatnonzero((falling > 0) & (rising == 0))


def _refuse_repeats(
    codes: NDArray[np.int64], sessions: Moments, symbols: tuple[str, ...], place: Place
) -> None:
    order = np.lexsort((sessions, codes))
    again = (np.diff(codes[order]) == 0) & (np.diff(sessions[order]).astype(np.int64) == 0)
    if not again.any():
        return
    position = int(order[1:][again].min())
    same = (codes == codes[position]) & (sessions == sessions[position])
    earlier = int(place.row[int(same.argmax())])
    raise place.error(
        f"{symbols[codes[position]]} has the date {sessions[position]} twice, first in row {earlier}",
        position,
        sessions[position],
        'Delete one of them; where the rows are of several symbols, name them in a column "symbol"',
    )


def _unsorted(table: pd.DataFrame, rows: NDArray[np.bool_]) -> list[Oddity]:
    if not rows.any():
        return []
    count = int(rows.sum())
    text = (
        f"{named(table, rows)}: the {count} rows run from the newest to the oldest; they are sorted by date."
    )
    return [Oddity("unsorted", count, text, first_rows(table, rows, "comes first", "close"))]


def _left_out(table: pd.DataFrame, rows: NDArray[np.bool_]) -> list[Oddity]:
    if not rows.any():
        return []
    count, day = int(rows.sum()), table.loc[rows, "session"].iloc[0].date()
    what = "the row" if count == 1 else f"{count} rows"
    text = f"{named(table, rows)}: {what} of {day} left out: that session has not closed yet."
    return [Oddity("open-session", count, text, first_rows(table, rows, "session still open", "close"))]
