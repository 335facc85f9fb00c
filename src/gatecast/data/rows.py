"""Rows that are no prices of their own: left out, counted and named, or refused where they contradict.

What is left out is said in an `Oddity`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from gatecast._typing import Bools, Dates, Integers
from gatecast.data.checks import FIRST, Oddity, listed, noted
from gatecast.data.columns import is_empty, is_nameless
from gatecast.data.dates import is_date, whole_date
from gatecast.data.names import DATE_NAMES, PRICES, STANDARD, SYMBOL_NAMES
from gatecast.data.place import Place
from gatecast.data.spacing import MOST_SNAPSHOTS
from gatecast.formatting import printable
from gatecast.language import plural, say
from gatecast.settings.frequency import DAILY, a_session
from gatecast.settings.reading import Keep, Reading

LEAST_ZEROS = 3  # columns that are 0 on a day without a trade; one alone may be a rate of 0
MOST_NOTES = 20  # lines between and after the rows, and MOST_SNAPSHOTS of them


def chosen(
    codes: Integers,
    names: Sequence[str],
    sessions: Dates,
    reading: Reading,
) -> Bools:
    """Rows that the user asks for; all of them where there is none, which is refused later and by name."""
    dated = ~np.isnat(sessions)
    rows = dated.copy()
    if reading.symbols is not None:
        wanted = set(reading.symbols)
        rows &= np.array([name in wanted for name in names])[codes]
    if reading.start is not None:
        rows &= sessions >= np.datetime64(reading.start)
    if reading.end is not None:
        rows &= sessions <= np.datetime64(reading.end)
    return rows if rows.any() else dated


def without_price(
    frame: pd.DataFrame, dates: str, symbol: str, place: Place, reading: Reading
) -> tuple[Bools, list[Oddity]]:
    """Rows without any price: halts and holidays, the bar of today that is not filled yet, notes.

    dates: the column with the dates; symbol: the name where no column gives one. `place` is told where
    so many are notes that the table is another one. Rows that the user does not ask for are not named.
    """
    prices = [frame[name] for name in PRICES if name in frame.columns]
    bare = _all_of(prices, is_empty)
    if len(prices) >= LEAST_ZEROS:
        bare |= _all_of(prices, _is_zero)
    wordy = _all_of(prices, _is_without_digits) & ~bare  # a line of names, or of symbols
    if not (bare.any() or wordy.any()):
        return bare, []
    is_note = np.zeros(len(frame), dtype=bool)
    if not pd.api.types.is_datetime64_any_dtype(frame[dates].dtype):
        asked = np.flatnonzero(bare | wordy)
        is_note[asked] = [not is_date(cell) for cell in frame[dates].iloc[asked].astype(object)]
    bare |= wordy & is_note
    if is_note.sum() > max(MOST_NOTES, MOST_SNAPSHOTS * len(frame)):
        place.refuse(
            say(
"the line is no row of prices"
), dates, is_note, lambda row: frame[dates].iloc[row],
            say(
"With so many of them this is no table of prices, or several side by side: give "
"each as one file"
),
        )  # fmt: skip
    names = next((frame[name].astype(str) for name in SYMBOL_NAMES if name in frame.columns), None)
    found = []
    for kind, rows in (("no-price", bare & ~is_note), ("note", is_note)):
        positions = np.array(
            [at for at in np.flatnonzero(rows) if not _is_outside(frame[dates].iloc[at], reading)
             and (names is None or reading.symbols is None or names.iloc[at].strip() in reading.symbols)],
            dtype=np.int64,
        )  # fmt: skip
        if len(positions) == 0:
            continue
        said = [_shown(frame[dates].iloc[place]) for place in positions[:FIRST]]
        where = ", ".join(said[:3]) + (", …" if len(positions) > 3 else "")
        of = [symbol] if names is None else list(dict.fromkeys(names.iloc[positions].map(printable)))
        if kind == "note":
            what = plural(
                "{n:,} line is no row of prices", "{n:,} lines are no rows of prices", len(positions)
            )
        else:
            what = plural("{n:,} row has no price", "{n:,} rows have no price", len(positions))
        lines = [
            say("row {row}: {text}", row=place.row[at], text=text)
            for at, text in zip(positions, said, strict=False)
        ]
        found.append(
            Oddity(
                kind,
                len(positions),
                say("{symbols}: {what} ({where}); left out.", symbols=listed(of), what=what, where=where),
                tuple(lines),
            )
        )
    return bare, found


def _is_outside(cell: object, reading: Reading) -> bool:
    """Whether a cell is a date that can be read in one way, and not between `start` and `end`."""
    day = whole_date(cell, reading.dayfirst)
    if day is None:
        return False
    text = day.isoformat()
    return (reading.start is not None and text < reading.start) or (
        reading.end is not None and text > reading.end
    )


def _all_of(columns: Sequence[pd.Series], test: Callable[[pd.Series], Bools]) -> Bools:
    """Rows in which every column passes the test."""
    passed = np.ones(len(columns[0]), dtype=bool)
    for column in columns:
        if not passed.any():
            break
        passed &= test(column)
    return passed


def _is_zero(column: pd.Series) -> Bools:
    if pd.api.types.is_numeric_dtype(column.dtype):
        return (column == 0).to_numpy(bool)
    return is_empty(column) | column.astype(str).str.fullmatch(r"\s*0+([.,]0*)?\s*").to_numpy(bool)


def _is_without_digits(column: pd.Series) -> Bools:
    if pd.api.types.is_numeric_dtype(column.dtype):
        return np.zeros(len(column), dtype=bool)
    return ~column.astype(str).str.contains(r"\d").to_numpy(bool)


def repeated(
    table: pd.DataFrame,
    codes: Integers,
    moments: Dates,
    sessions: Dates,
    column: str,
    place: Place,
    keep: Keep,
    frequency: str = DAILY,
) -> tuple[Bools, list[Oddity]]:
    """Rows of a bar that another row has: copies, and snapshots of a day beside its bar.

    table: symbol, session and values, in the order of the source; sessions: of its bars, by which rows are
    of one bar; moments: as the source has them; column: the name of the dates.

    `place` is told of two rows that differ where nothing says which is the bar.
    """
    order = np.lexsort((np.arange(len(codes)), moments, codes))
    code, day = codes[order], sessions[order]
    if not ((code[1:] == code[:-1]) & (day[1:] == day[:-1])).any():
        return np.zeros(len(codes), dtype=bool), []
    copies = table.duplicated().to_numpy()
    order = order[~copies[order]]
    code, day = codes[order], sessions[order]
    again = np.append(False, (code[1:] == code[:-1]) & (day[1:] == day[:-1]))
    snapshots, undecided = np.zeros(len(codes), dtype=bool), np.zeros(len(codes), dtype=bool)
    if again.any():
        volume = table["volume"].to_numpy() if "volume" in table else np.full(len(table), np.nan)
        kept, beside = order.copy(), np.arange(len(codes))
        for at in np.flatnonzero(again):
            one, other = int(kept[at - 1]), int(order[at])
            bar = _bar(one, other, volume, keep)
            if bar is None:
                bar = min(one, other)
                undecided[max(one, other)], beside[max(one, other)] = True, bar
            snapshots[other if bar == one else one] = True
            kept[at] = bar
        _refuse_undecided(table, undecided, beside, column, place)
        snapshots &= ~undecided
    shown = "close", "volume"
    session = a_session(frequency)
    return copies | snapshots | undecided, [
        *noted(
            "copy",
            table,
            copies,
            lambda n: plural("{n:,} row repeats another", "{n:,} rows repeat others", n),
            say("left out"),
            *shown,
        ),
        *noted(
            "snapshot",
            table,
            snapshots,
            lambda n: plural(
                "{n:,} row is of {session} that another row has, with more volume or as chosen by keep",
                "{n:,} rows are of {session} that another row has, with more volume or as chosen by keep",
                n,
                session=session,
            ),
            say("left out"),
            *shown,
        ),
    ]


def out_of_order(
    codes: Integers, sessions: Dates, count: int, column: str, place: Place
) -> tuple[Integers, Bools]:
    """Symbols whose rows run from the newest to the oldest, and rows that come before an earlier one.

    `place` is told where the rows are in order when day and month of the dates up to the 12th change places.
    """
    order = np.argsort(codes, kind="stable")
    owner, same = codes[order][1:], np.diff(codes[order]) == 0
    step = np.diff(sessions[order]).astype(np.int64)
    rises, falls = same & (step > 0), same & (step < 0)
    rising = np.bincount(owner[rises], minlength=count)
    falling = np.bincount(owner[falls], minlength=count)
    mixed = np.flatnonzero((rising > 0) & (falling > 0))
    breaks = np.where((rising >= falling)[owner], falls, rises) & np.isin(owner, mixed)
    rows = np.zeros(len(codes), dtype=bool)
    rows[order[1:][breaks]] = True
    if rows.any() and _in_order_when_swapped(codes[order], sessions[order]):
        place.refuse(
            say(
                "day and month have changed places in the dates up to the 12th: with them "
                "swapped back the rows are in order"
            ),
            column,
            rows,
            lambda row: sessions[row],
            say(
                "Do not sort these rows: get the file again with dates as YYYY-MM-DD, or swap "
                "day and month of those dates"
            ),
        )
    return np.flatnonzero((falling > 0) & (rising == 0)), rows


def _in_order_when_swapped(codes: Integers, sessions: Dates) -> bool:
    """Whether the dates, sorted by symbol, all rise or all fall once day and month ≤ 12 are swapped."""
    index = pd.DatetimeIndex(sessions)
    small = (index.day <= 12).astype(bool)
    day, month = np.where(small, index.month, index.day), np.where(small, index.day, index.month)
    step = np.diff(np.asarray(index.year * 10_000 + month * 100 + day))[np.diff(codes) == 0]
    return bool((step > 0).all() or (step < 0).all())


def _bar(first: int, second: int, volume: np.ndarray, keep: Keep) -> int | None:
    """Which of two rows of one session is its bar; None where nothing says so."""
    if keep is not None:
        return min(first, second) if keep == "first" else max(first, second)
    if volume[first] == volume[second] or np.isnan(volume[[first, second]]).any():
        return None
    return first if volume[first] > volume[second] else second


def _refuse_undecided(table: pd.DataFrame, rows: Bools, beside: Integers, column: str, place: Place) -> None:
    if not rows.any():
        return
    first = int(rows.argmax())
    remedy = 'Say which of such rows to take, keep="first" or keep="last"'
    if rows.sum() > max(1, MOST_SNAPSHOTS * len(rows)):  # two series in one
        names = _may_name_symbols(table, int(beside[first]), first, place)
        remedy = 'If these are several symbols, give each as one table, or name them in a column "symbol"'
        if names:
            which = f'symbol_column="{names[0]}"'
            remedy = f"If these are several symbols, say which column names them, as {which}"
    place.refuse(
        say(
            "{iloc} has this date twice, with other values in row {row}",
            iloc=table["symbol"].iloc[first],
            row=place.row[beside[first]],
        ),
        column,
        rows,
        lambda row: table["session"].iloc[row].date(),
        remedy,
    )


def _may_name_symbols(table: pd.DataFrame, one: int, other: int, place: Place) -> list[str]:
    """The columns that may say which symbol a row is of: text, or numbers that differ in these two rows."""
    beside = {*DATE_NAMES, *SYMBOL_NAMES, *STANDARD}
    extras = [name for name in place.written if name not in beside and not is_nameless(name)]
    text = [name for name in extras if name not in table]
    codes = [name for name in extras if name in table and table[name].iloc[one] != table[name].iloc[other]]
    return [place.written[name] for name in (*text, *codes)]


def _shown(cell: object) -> str:
    """A cell as the source writes it; a stamp without its midnight."""
    if isinstance(cell, pd.Timestamp | np.datetime64):
        return str(pd.Timestamp(cell).date())
    return printable(cell, 60)
