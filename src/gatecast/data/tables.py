"""A DataFrame as people have it → a tidy table: one row per symbol and session, sorted, positive closes.

What cannot be used is an error that names file, row, column and value. What is only odd is left to
`checks`, but for what a sorted table no longer shows: its order, and the rows that were left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gatecast._typing import Bools, Dates, Integers
from gatecast.data import rows
from gatecast.data.checks import LARGEST_PRICE, Oddity, cells, listed, noted, oddity
from gatecast.data.columns import symbols_of, values_of, with_close, with_normal_names, with_one_date
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
from gatecast.settings.reading import Reading

# Dates as in 31.12.2024, where the comma is the decimal mark.
DOTTED = re.compile(r"\d{1,2}\.\d{1,2}\.\d{2,4}")


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
    reading: Reading | None = None,
    european: bool = False,
    now: pd.Timestamp | None = None,
) -> Tidy:
    """The rows of `frame`, checked and sorted.

    source    for messages and for the record: a path, "yahoo:TSLA", "DataFrame"
    symbol    the name of the symbol where no column names it
    reading   how it is read
    european  whether its cells are separated as where the comma is the decimal mark
    now       the current moment (with a time zone); a session that has not closed by then is left out
    """
    reading = reading or Reading()
    frame, place = with_normal_names(frame, source)
    if frame.empty:
        raise DataError("there are no rows", file=source, remedy="Prices need dates and closes")
    frame, date_name = with_one_date(frame, place)
    frame, taken = with_close(frame, place)
    bare, left_out = rows.without_price(frame, date_name, symbol, place)
    if bare.all():
        raise DataError("no row has a price", file=source, column=place.written.get("close", "close"))
    frame, place = frame[~bare], place.of(~bare)
    codes, symbols = symbols_of(frame, symbol, place)
    moments = moments_of(
        frame[date_name], place, codes, lambda code: zone_of(_calendar_of(symbols[code], (), reading))
    )
    wanted = rows.chosen(codes, symbols, moments.astype("datetime64[D]"), reading)
    frame, place, codes, moments = frame[wanted], place.of(wanted), codes[wanted], moments[wanted]
    sessions = moments.astype("datetime64[D]")
    _refuse_far_dates(sessions, date_name, place)
    dotted = DOTTED.match(str(frame[date_name].iloc[0])) is not None
    values = values_of(
        frame.drop(columns=date_name),
        place,
        decimal=reading.decimal,
        european=european or dotted,
    )

    calendars = _calendars(symbols, codes, sessions, reading)
    still_open = _still_open(symbols, codes, sessions, calendars, now)
    if still_open.all():
        raise DataError("there are no rows but of a session that has not closed yet", file=source)
    _require_prices(frame["close"], values["close"], sessions, place, ~still_open)
    table = pd.DataFrame({"symbol": np.asarray(symbols, dtype=object)[codes], "session": sessions, **values})
    table = table.astype({"symbol": str, "session": "datetime64[ns]"})
    again, repeats = rows.repeated(table, codes, moments, date_name, place, reading.keep)
    descending, misplaced = rows.out_of_order(codes, sessions, len(symbols), date_name, place)
    mended = noted(
        "misplaced", table, misplaced, "is out of order", "are out of order", "sorted by date", "close"
    )
    left_out += [*repeats, *mended]
    if reading.strict and left_out:
        raise DataError(left_out[0].text.rstrip("."), file=source, remedy="strict=True refuses such rows")
    unclosed = "of a session that has not closed yet"
    oddities = (
        *_other_calendars(table, calendars),
        *_taken(table, taken),
        *left_out,
        *noted(
            "unsorted",
            table,
            np.isin(codes, descending),
            "runs from the newest to the oldest",
            "run from the newest to the oldest",
            "they are sorted by date",
            "close",
        ),
        *noted("open-session", table, still_open, f"is {unclosed}", f"are {unclosed}", "left out", "close"),
    )
    order = np.lexsort((sessions, codes))
    table = table.iloc[order[~(still_open | again)[order]]].reset_index(drop=True)
    rows.refuse_longer_bars(table, place)
    return Tidy(table, (source,), {name: calendars[name] for name in table["symbol"].unique()}, oddities)


def _calendar_of(symbol: str, sessions: ArrayLike, reading: Reading) -> str:
    given = reading.calendar_of(symbol)
    return calendar_for(symbol, sessions) if given is None else check_calendar(given)


def _calendars(
    symbols: tuple[str, ...], codes: Integers, sessions: Dates, reading: Reading
) -> dict[str, str]:
    if isinstance(reading.calendar, str):
        return dict.fromkeys(symbols, check_calendar(reading.calendar))
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(1, len(symbols)))
    dates = np.split(sessions[order], starts)
    return {name: _calendar_of(name, days, reading) for name, days in zip(symbols, dates, strict=True)}


def _still_open(
    symbols: tuple[str, ...],
    codes: Integers,
    sessions: Dates,
    calendars: dict[str, str],
    now: pd.Timestamp | None,
) -> Bools:
    """Rows of a session whose exchange has not closed yet."""
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


def _require_prices(
    written: pd.Series, close: NDArray[np.float64], sessions: Dates, place: Place, counts: Bools
) -> None:
    bad = counts & ~((close > 1 / LARGEST_PRICE) & (close < LARGEST_PRICE))
    if not bad.any():
        return
    position = int(bad.argmax())
    if np.isnan(close[position]):
        raise place.error("the close is empty", "close", position, "empty", "Fill it in or delete the row")
    value, below = written.iloc[position], close[bad] <= 0
    if close[position] <= 0:
        what = "not a positive number"
        remedy = (
            "Returns need prices above 0: if it is a real price, as of a spread, start after "
            f"{sessions[bad][below].max()}; else correct it in the source"
        )
    else:
        what, remedy = "too large or too small for a price", "Correct it in the source"
    raise place.error(f"the close is {what}", "close", position, value, remedy)


def _taken(table: pd.DataFrame, column: str | None) -> list[Oddity]:
    if column is None:
        return []
    text = f'{listed(list(table["symbol"].unique()))}: the close is taken from the column "{column}".'
    return [Oddity("close-column", len(table), text, ())]


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
