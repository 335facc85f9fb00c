"""A DataFrame as people have it → a tidy table: one row per symbol and session, sorted, positive closes.

What cannot be used is an error that names file, row, column and value. What is only odd is left to
`checks`, but for the two things that a sorted table no longer shows: `unsorted` and `open-session`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gatecast._typing import Bools, Dates, Integers
from gatecast.data.checks import LARGEST_PRICE, Oddity, cells, counted, oddity
from gatecast.data.columns import date_column, require_close, symbols_of, values_of, with_normal_names
from gatecast.data.dates import YEARS, moments_of
from gatecast.data.place import Place
from gatecast.data.sessions import (
    WEEKS,
    calendar_for,
    check_calendar,
    close_of,
    is_usable,
    named_exchange,
    zone_of,
)
from gatecast.errors import DataError

Calendar = str | Mapping[str, str] | None


@dataclass(frozen=True)
class Tidy:
    """One source, read: `table` as in `Prices.table`, before the look for oddities."""

    table: pd.DataFrame
    source: tuple[str, ...]
    calendar: dict[str, str]
    oddities: tuple[Oddity, ...] = ()


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
    now       the current moment (with a time zone); a session that has not closed by then is left out
    """
    frame, place = with_normal_names(frame, source)
    if frame.empty:
        raise DataError("there are no rows", file=source, remedy="Prices need dates and closes")
    date_name = date_column(frame, place)
    require_close(frame, place)
    codes, symbols = symbols_of(frame, symbol, place)
    moments = moments_of(
        frame[date_name], place, codes, lambda code: zone_of(_calendar_of(symbols[code], (), calendar))
    )
    sessions = moments.astype("datetime64[D]")
    _refuse_far_dates(sessions, date_name, place)
    values = values_of(frame.drop(columns=date_name), place)

    calendars = _calendars(symbols, codes, sessions, calendar)
    still_open = _still_open(symbols, codes, sessions, calendars, now)
    if still_open.all():
        raise DataError("there are no rows but of a session that has not closed yet", file=source)
    _require_prices(frame["close"], values["close"], place, ~still_open)
    _refuse_intraday(codes, moments, date_name, place)
    _refuse_repeats(codes, sessions, symbols, date_name, place)
    descending = _descending(codes, sessions, len(symbols), date_name, place)

    table = pd.DataFrame({"symbol": np.asarray(symbols, dtype=object)[codes], "session": sessions, **values})
    table = table.astype({"symbol": str, "session": "datetime64[ns]"})
    oddities = (
        *_other_calendars(table, calendars),
        *_unsorted(table, np.isin(codes, descending)),
        *_left_out(table, still_open),
    )
    order = np.lexsort((sessions, codes))
    table = table.iloc[order[~still_open[order]]].reset_index(drop=True)
    return Tidy(table, (source,), {name: calendars[name] for name in table["symbol"].unique()}, oddities)


def _calendar_of(symbol: str, sessions: ArrayLike, calendar: Calendar) -> str:
    if isinstance(calendar, str):
        return check_calendar(calendar)
    if calendar is not None and symbol in calendar:
        return check_calendar(calendar[symbol])
    return calendar_for(symbol, sessions)


def _calendars(
    symbols: tuple[str, ...], codes: Integers, sessions: Dates, calendar: Calendar
) -> dict[str, str]:
    if isinstance(calendar, str):
        return dict.fromkeys(symbols, check_calendar(calendar))
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(1, len(symbols)))
    dates = np.split(sessions[order], starts)
    return {name: _calendar_of(name, days, calendar) for name, days in zip(symbols, dates, strict=True)}


def _still_open(
    symbols: tuple[str, ...],
    codes: Integers,
    sessions: Dates,
    calendars: dict[str, str],
    now: pd.Timestamp | None,
) -> Bools:
    """Bools of a session whose exchange has not closed yet."""
    moment = pd.Timestamp.now("UTC") if now is None else now.tz_convert("UTC")
    unfinished = np.zeros(len(sessions), dtype=bool)
    recent = np.flatnonzero(sessions >= np.datetime64(moment.date(), "D") - 1)
    open_day = {
        calendar: _open_day(calendar, moment)
        for calendar in {calendars[symbols[code]] for code in np.unique(codes[recent])}
    }
    for position in recent:
        unfinished[position] = sessions[position] == open_day[calendars[symbols[codes[position]]]]
    return unfinished


def _open_day(calendar: str, moment: pd.Timestamp) -> np.datetime64:
    """The session that has not closed at `moment`; NaT where today is none, or over."""
    today = np.datetime64(moment.tz_convert(zone_of(calendar)).date(), "D")
    closes = close_of(calendar, today)
    return today if closes is not None and moment < closes else np.datetime64("NaT")


def _refuse_far_dates(sessions: Dates, column: str, place: Place) -> None:
    years = sessions.astype("datetime64[Y]").astype(np.int64) + 1970
    far = (years < YEARS.start) | (years >= YEARS.stop)
    if far.any():
        position = int(far.argmax())
        raise place.error("not a date of prices", column, position, sessions[position])


def _require_prices(written: pd.Series, close: NDArray[np.float64], place: Place, counts: Bools) -> None:
    bad = counts & ~((close > 1 / LARGEST_PRICE) & (close < LARGEST_PRICE))
    if not bad.any():
        return
    position = int(bad.argmax())
    if np.isnan(close[position]):
        raise place.error("the close is empty", "close", position, "empty", "Fill it in or delete the row")
    value, remedy = written.iloc[position], "Correct it or delete the row"
    what = "too large or too small for a price" if 0 < close[position] < np.inf else "not a positive number"
    raise place.error(f"the close is {what}", "close", position, value, remedy)


def _refuse_intraday(codes: Integers, moments: Dates, column: str, place: Place) -> None:
    order = np.lexsort((moments, codes))
    code, moment = codes[order], moments[order]
    day = moment.astype("datetime64[D]")
    several = (code[1:] == code[:-1]) & (day[1:] == day[:-1]) & (moment[1:] != moment[:-1])
    if several.any():
        position = int(order[1:][several].min())
        raise place.error(
            "these are intraday prices: several times on one date",
            column,
            position,
            str(moments[position]).replace("T", " "),
            "gatecast works on daily sessions: keep one row per date, such as the last",
        )


def _refuse_repeats(
    codes: Integers, sessions: Dates, symbols: tuple[str, ...], column: str, place: Place
) -> None:
    order = np.lexsort((sessions, codes))
    code, session = codes[order], sessions[order]
    again = (code[1:] == code[:-1]) & (session[1:] == session[:-1])
    if not again.any():
        return
    position = int(order[1:][again].min())
    earlier = place.row[(codes == codes[position]) & (sessions == sessions[position])][0]
    raise place.error(
        f"{symbols[codes[position]]} has this date twice, first in row {earlier}",
        column,
        position,
        sessions[position],
        'Delete one of them; rows of several symbols need a column "symbol"',
    )


def _descending(codes: Integers, sessions: Dates, count: int, column: str, place: Place) -> Integers:
    """Numbers of the symbols whose rows run from the newest to the oldest; any other disorder is an error."""
    order = np.argsort(codes, kind="stable")
    owner, same = codes[order][1:], np.diff(codes[order]) == 0
    step = np.diff(sessions[order]).astype(np.int64)
    rises, falls = same & (step > 0), same & (step < 0)
    rising = np.bincount(owner[rises], minlength=count)
    falling = np.bincount(owner[falls], minlength=count)
    mixed = np.flatnonzero((rising > 0) & (falling > 0))
    if len(mixed):
        breaks = np.where((rising >= falling)[owner], falls, rises) & np.isin(owner, mixed)
        before, position = min(
            zip(order[:-1][breaks], order[1:][breaks], strict=True), key=lambda pair: int(pair[1])
        )
        what = f"the rows are shuffled: {sessions[position]} comes after {sessions[before]}"
        raise place.error(what, column, int(position), sessions[position], "Sort the rows by date")
    return np.flatnonzero(falling)


def _unsorted(table: pd.DataFrame, rows: Bools) -> list[Oddity]:
    if not rows.any():
        return []
    what = f"{int(rows.sum()):,} rows run from the newest to the oldest"
    return [oddity("unsorted", table, rows, what, "they are sorted by date", cells(table, "close"))]


def _other_calendars(table: pd.DataFrame, calendars: dict[str, str]) -> list[Oddity]:
    """Symbols whose name tells an exchange of which there is no calendar."""
    unusable = {name: code for name in calendars if (code := named_exchange(name)) and not is_usable(code)}
    rows = table["symbol"].isin([name for name in unusable if calendars[name] in WEEKS]).to_numpy()
    if not rows.any():
        return []
    codes = ", ".join(sorted({unusable[name] for name in table.loc[rows, "symbol"].unique()}))
    weeks = ", ".join(sorted({calendars[name] for name in table.loc[rows, "symbol"].unique()}))
    what = f"exchange_calendars cannot build the calendar {codes}"
    remark = f"the sessions follow the week that the dates show ({weeks}), without holidays"
    return [oddity("calendar", table, rows, what, remark, cells(table, "close"))]


def _left_out(table: pd.DataFrame, rows: Bools) -> list[Oddity]:
    if not rows.any():
        return []
    what = counted(int(rows.sum()), "row is", "rows are") + " of a session that has not closed yet"
    return [oddity("open-session", table, rows, what, "left out", cells(table, "close"))]
