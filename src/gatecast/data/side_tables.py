"""Tables beside the prices: another series, joined by the moment it was known; the bars ahead."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gatecast._typing import Dates, Integers
from gatecast.data.calendars import closes_of, zone_of
from gatecast.data.columns import date_column, is_nameless, symbols_of, values_of, with_normal_names
from gatecast.data.containers import tables_of
from gatecast.data.dates import moments_of
from gatecast.data.frames import MEMORY, to_pandas
from gatecast.data.names import DATE_NAMES, STANDARD, SYMBOL_NAMES, normal_name
from gatecast.data.place import Place
from gatecast.data.prices import Prices
from gatecast.data.sources import prices_of
from gatecast.errors import DataError, SettingError, did_you_mean
from gatecast.formatting import named, some
from gatecast.language import say
from gatecast.settings.reading import Reading


@dataclass(frozen=True)
class SideTable:
    """A table of dates and numbers that are no prices.

    file      a path, or "DataFrame"
    symbol    (N,) the symbol of each row; None: it is of all
    time      (N,) the row's own time, datetime64[s]
    in_utc    whether `time` is in UTC; else it is local to whoever reads it
    values    (N, …) the columns of numbers
    written   (N, …) all columns as the source has them, by their normal names
    place     for messages
    """

    file: str
    symbol: NDArray[np.object_] | None
    time: Dates
    in_utc: bool
    values: pd.DataFrame
    written: pd.DataFrame
    place: Place

    def moments(self, column: str) -> tuple[Dates, bool]:
        """(N,) the times in another column, and whether they are in UTC."""
        return _moments(self.written[column], self.place)


def join(prices: Any, table: Any, *, known_after: str, name: str | None = None) -> Prices:
    """The prices with the columns of another series, each bar with what was known at its close.

    Of every row of the table it is asked when it was known; a bar reads the newest of the rows, by their own
    time, that were known by then, never one by its own date alone. An index, a rate, a macro release, news:
    name its columns as `past` in `gatecast.compare`. A value counts until a newer one is known.

    Parameters
    ----------
    prices
        From `gatecast.load`, or what it takes.
    table
        A DataFrame or a path with a column of dates, columns of numbers, and a column of symbols where the
        values differ between them; or prices, such as those of an index.
    known_after
        How long after its own time a row is known, as "0d" (an index that closes with the prices), "1d" or
        "16h30min"; or the column that says when it was published, as "released".
    name
        What the series is called: the name of its only column, or what stands before the names of several.

    Returns
    -------
    Prices
        With the columns, NaN where nothing was known yet.

    Raises
    ------
    SettingError
        A `known_after` that is neither; a column that the prices have already.
    DataError
        A table without dates or numbers, or of other symbols and dates than the prices.

    Notes
    -----
    A moment without a time of day (2024-05-03) counts as known at the close of that day. For what is
    published after the close give the time of day (2024-05-03 16:30, local to the exchange, or with its time
    zone: it is then compared with the close of the session), or the next day.
    """
    prices = prices_of(prices)
    side = side_table(table)
    moment, in_utc, values = _known_from(side, known_after)
    columns = _renamed(values, name, prices, side.file)
    joined = np.full((len(prices.table), columns.shape[1]), np.nan)
    sessions = prices.times
    ends = np.append(prices.first[1:], len(sessions))
    first_days: dict[str, Dates] = {}
    for symbol, start, end in zip(prices.symbols, prices.first, ends, strict=True):
        calendar = prices.calendar[symbol]
        if calendar not in first_days:
            first_days[calendar] = _first_sessions(moment, in_utc, calendar)
        own = np.arange(len(moment)) if side.symbol is None else np.flatnonzero(side.symbol == symbol)
        joined[start:end] = _as_of(sessions[start:end], first_days[calendar], own, side.time, columns)
    if np.isnan(joined).all():
        what = "nothing in it was known at any bar of the prices"
        if side.symbol is not None:
            what += f"; its symbols are {some(sorted(set(side.symbol)))}, those of the prices "
            what += some(prices.symbols)
        raise DataError(what, file=side.file, remedy=say("Look at its dates and symbols, and at known_after"))
    added = {str(column): pd.Series(joined[:, place]) for place, column in enumerate(columns.columns)}
    return prices.with_columns(added, f"{side.file} (known after {known_after})")


def future_table(source: Any) -> pd.DataFrame:
    """A user's table of bars ahead: session (midnights), symbol where there is one, and columns of numbers.

    Raises
        DataError: it has no dates, or no numbers.
    """
    side = side_table(source)
    frame = side.values.assign(session=side.time.astype("datetime64[D]").astype("datetime64[ns]"))
    return frame if side.symbol is None else frame.assign(symbol=side.symbol)


def side_table(source: Any) -> SideTable:
    """A table of dates and numbers from a DataFrame, a path or prices.

    Raises
        DataError: it has no dates or no numbers, or several tables.
    """
    frame, file = _frame_of(source)
    frame, place = with_normal_names(frame, file)
    if frame.empty:
        raise DataError(
            say("there are no rows"), file=file, remedy=say("Give a table with dates and numbers")
        )
    dates = date_column(frame, place)
    codes, symbols = symbols_of(frame, "", place)
    named_symbols = any(column in frame.columns for column in SYMBOL_NAMES)
    time, in_utc = _moments(frame[dates], place)
    # a close, here, is what the source calls it
    own = {column: normal_name(place.written.get(column, column)) for column in frame.columns}
    beside = {*SYMBOL_NAMES, *DATE_NAMES, dates}
    numbers = {
        own[column]: cells
        for column, cells in values_of(frame.drop(columns=dates), place).items()
        if column not in beside and not is_nameless(str(column))
    }
    return SideTable(
        file=file,
        symbol=np.array(symbols, dtype=object)[codes] if named_symbols else None,
        time=time,
        in_utc=in_utc,
        values=pd.DataFrame(numbers, index=range(len(frame))),
        written=frame.rename(columns=own),
        place=place,
    )


def _frame_of(source: Any) -> tuple[pd.DataFrame, str]:
    if isinstance(source, Prices):
        alone = source.table.drop(columns="symbol") if len(source.symbols) == 1 else source.table
        return alone, ", ".join(source.source)
    if not isinstance(source, str | Path):
        return to_pandas(source), MEMORY
    tables = tables_of(Path(source))
    if len(tables) != 1:
        raise DataError(
            say("there are {count} tables in it", count=len(tables)),
            file=source,
            remedy=say("Give a file with one, or a DataFrame"),
        )
    return tables[0].read(Reading()).frame, str(source)


def _moments(column: pd.Series, place: Place) -> tuple[Dates, bool]:
    """Dates or stamps as datetime64[s], and whether they are in UTC: they are where they have a time zone."""
    in_utc = False

    def from_utc(moments: Dates, _: Integers) -> Dates:
        nonlocal in_utc
        in_utc = True
        return moments

    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_convert("UTC")
    elif not pd.api.types.is_numeric_dtype(column.dtype) and _has_offsets(column):
        column = pd.Series(pd.to_datetime(column, utc=True), name=column.name)
    moments = moments_of(column, place, np.zeros(len(column), dtype=np.int64), from_utc)
    return moments.astype("datetime64[s]"), in_utc


def _has_offsets(column: pd.Series) -> bool:
    cells = column.dropna().astype(str)
    return bool(len(cells)) and bool(cells.str.fullmatch(r".*:\d{2}(\.\d+)?\s*[+-]\d{2}:?\d{2}").all())


def _known_from(side: SideTable, known_after: str) -> tuple[Dates, bool, pd.DataFrame]:
    """(N,) when each row is known, whether that is in UTC, and the columns without that of the moment."""
    column = normal_name(known_after)
    if column in side.written.columns:
        moment, in_utc = side.moments(column)
        if (early := moment < side.time).any() and not (in_utc or side.in_utc):
            row = int(early.argmax())
            raise side.place.error(
                "known before its own date", side.place.written.get(column, column), row, moment[row],
                "Correct the table, or say how long after its own date a row is known: known_after=\"1d\"",
                int(early.sum()),
            )  # fmt: skip
        return moment, in_utc, side.values.drop(columns=column, errors="ignore")
    try:
        delay = pd.Timedelta(re.sub(r"(\d\s*)d(?![a-z])", r"\1D", known_after))
        if not delay >= pd.Timedelta(0):  # NaT is neither
            raise ValueError
    except ValueError:
        near = did_you_mean(column, side.written.columns)
        raise SettingError(
            say(
                "is neither a time, as 1d or 16h30min, nor a column of the table.{near} Its "
                "columns are {values}",
                near=near,
                values=named(side.place.written.values()),
            ),
            setting="known_after",
            value=known_after,
        ) from None
    return side.time + delay.to_timedelta64().astype("timedelta64[s]"), side.in_utc, side.values


def _renamed(values: pd.DataFrame, name: str | None, prices: Prices, file: str) -> pd.DataFrame:
    if values.empty:
        raise DataError(
            say("it has no column of numbers"), file=file, remedy=say("Give what is to be joined as numbers")
        )
    if name is not None:
        called = normal_name(name)
        own = {column: called if values.shape[1] == 1 else f"{called}_{column}" for column in values.columns}
        values = values.rename(columns=own)
    taken = {*prices.table.columns, *STANDARD, *SYMBOL_NAMES, *DATE_NAMES}
    again = [str(column) for column in values.columns if column in taken]
    if again:
        raise SettingError(
            say(
                'the prices have a column "{again}" already; say what the series is called, as name="vix"',
                again=again[0],
            ),
            setting="name",
            value=name,
        )
    return values


def _first_sessions(moment: Dates, in_utc: bool, calendar: str) -> Dates:
    """(N,) the first date at whose close what is known from `moment` on can be read.

    A moment without a time of day is that date; any other is compared with the close of its session.
    """
    day = moment.astype("datetime64[D]")
    if not in_utc and (moment == day).all():
        return day
    zone = zone_of(calendar)
    stamps = pd.DatetimeIndex(moment)
    if in_utc:
        utc, local = stamps, stamps.tz_localize("UTC").tz_convert(zone).tz_localize(None)
    else:  # an hour that comes twice is the later one
        twice = np.zeros(len(moment), dtype=bool)
        aware = stamps.tz_localize(zone, ambiguous=twice, nonexistent="shift_forward")
        utc, local = aware.tz_convert("UTC").tz_localize(None), stamps
    day = local.to_numpy().astype("datetime64[D]")
    late = utc.to_numpy().astype("datetime64[s]") > closes_of(calendar, day).astype("datetime64[s]")
    late &= np.array(in_utc | (local.to_numpy() != day.astype("datetime64[ns]")))
    return day + late.astype(np.int64)


def _as_of(
    sessions: Dates, first_day: Dates, own: Integers, time: Dates, columns: pd.DataFrame
) -> NDArray[np.float64]:
    """(rows, columns) what the bars of one symbol could know; own: the rows of the table that are of it."""
    order = own[np.lexsort((time[own], first_day[own]))]
    # what is published late, of a time before what is known already, is no news
    newest = np.maximum.accumulate(time[order]) if len(order) else time[order]
    order = order[time[order] >= newest]
    values = columns.iloc[order].ffill().to_numpy(dtype=np.float64)
    place = np.searchsorted(first_day[order], sessions, side="right") - 1
    found = np.full((len(sessions), columns.shape[1]), np.nan)
    found[place >= 0] = values[place[place >= 0]]
    return found
