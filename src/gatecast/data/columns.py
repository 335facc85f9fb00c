"""Columns as people name and fill them → normal names, symbols and numbers."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gatecast.data.calendars import check_calendar, next_sessions, recorded
from gatecast.data.dates import is_date
from gatecast.data.names import DATE_NAMES, PRICES, STANDARD, SYMBOL_NAMES, known_name, standard_names
from gatecast.data.names import normal_name as normal_name
from gatecast.data.numbered import with_positions
from gatecast.data.numbers import MISSING, are_numbers, decimal_marks, number
from gatecast.data.place import Findings, Place
from gatecast.data.wide import without_index, without_levels
from gatecast.errors import DataError, did_you_mean
from gatecast.formatting import named, printable
from gatecast.language import say
from gatecast.settings.reading import Reading

MOST_COLUMNS = 2_000
FIRST_CELLS, LEAST_OF_A_DATE = 20, 8  # cells and letters that tell a column of dates
MONTH = r"\d{4}[-/M]\d{1,2}"  # is shorter, and a date too
TIME_NAMES = (
    "time",
    "시간",
    "시각",
    "체결시간",
    "时间",
    "時間",
    "时刻",
    "時刻",
    "uhrzeit",
    "hora",
    "heure",
    "godzina",
)
LAST_MINUTE = 2359  # larger whole numbers are times with seconds
LONGEST_NUMBER = 32  # letters
LONGEST_TEXT = 60  # of a symbol's sector
PLAIN = re.compile(r"[0-9][0-9.,'’ ]*")  # a number without sign, unit and exponent


def too_many_columns(count: int, file: str) -> DataError:
    """The error for a table with more than MOST_COLUMNS columns."""
    return DataError(
        say(
            "there are {count:,} columns; at most {most_columns:,} are read",
            count=count,
            most_columns=MOST_COLUMNS,
        ),
        file=file,
        remedy=say(
            "Keep dates, prices and what else is needed; symbols belong into one column, row below row"
        ),
    )


def with_normal_names(
    frame: pd.DataFrame, file: str, given: Mapping[str, str] | None = None, findings: Findings | None = None
) -> tuple[pd.DataFrame, Place]:
    """The frame without index and levels, under normal names; and how the source writes them.

    given: standard column → its name in the source, where the user says so. Empty rows are dropped: a blank
    line has a number, but no values.
    """
    if frame.shape[1] > MOST_COLUMNS:
        raise too_many_columns(frame.shape[1], file)
    frame, row = without_levels(frame)
    frame = without_index(frame)
    written = [printable(name) for name in frame.columns]
    names = [known_name(name) for name in written]
    prefix = _common_prefix(names)
    names = [name.removeprefix(prefix) for name in names]
    own = _positions(given or {}, written, file)
    # A column that has a standard name by right gives it up to the one that the user names.
    names = [f"{name}_" if name in own.values() and at not in own else name for at, name in enumerate(names)]
    names = [own.get(at, name) for at, name in enumerate(names)]
    meanings = standard_names(names)
    names = [meanings.get(name, name) for name in names]
    for name in STANDARD:
        if names.count(name) > 1:
            several = [old for old, new in zip(written, names, strict=True) if new == name]
            raise DataError(
                say("several columns mean {name}: {several}", name=name, several=named(several)),
                file=file,
                remedy=say('Say which is the one, as {name}="{several}"', name=name, several=several[0])
                if len(set(several)) > 1
                else say("Give each column a name of its own"),
            )
    if "close" in names and "close" not in (given or {}):
        _require_one_close(frame, written, names.index("close"), file)
    frame = frame.set_axis(pd.Index(names, dtype=object), axis=1)  # found faster than Arrow's text
    if not frame.columns.is_unique:
        frame = frame.loc[:, ~frame.columns.duplicated()]
    full = ~_is_bare(frame)
    if prefix:
        frame = frame.assign(symbol=prefix.rstrip("_").upper())
    place = Place(file, dict(zip(names, written, strict=True)), row[full] + 1, findings)
    return frame if full.all() else frame[full], place


def _is_bare(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """(N,) rows without any cell; a column is asked only while there may be one, which is seldom."""
    bare = np.ones(len(frame), dtype=bool)
    for _, column in frame.items():
        if not bare.any():
            break
        bare &= column.isna().to_numpy(dtype=bool)
    return bare


def _require_one_close(frame: pd.DataFrame, written: Sequence[str], close: int, file: str) -> None:
    """Raise DataError where two columns with the name of the close differ: pandas numbers the second."""
    twin = re.compile(re.escape(written[close]) + r"\.\d+")
    for at, name in enumerate(written):
        if twin.fullmatch(name) and not frame.iloc[:, at].equals(frame.iloc[:, close]):
            raise DataError(
                say('there is more than one column "{written}"', written=written[close]),
                file=file,
                remedy=say(
                    'Say which is the one, as close="{written}" for the first or close="{name}"',
                    written=written[close],
                    name=name,
                ),
            )


def _positions(given: Mapping[str, str], written: Sequence[str], file: str) -> dict[int, str]:
    """Which column → the standard one that the user says it is."""
    own: dict[int, str] = {}
    for meaning, name in given.items():
        if (other := own.setdefault(_position(name, written, file), meaning)) != meaning:
            raise DataError(
                say(
                    'the column "{name}" is named twice, as {other} and as {meaning}',
                    name=name,
                    other=other,
                    meaning=meaning,
                ),
                file=file,
                remedy=say("Name another one; the columns are: {written}", written=named(written)),
            )
    return own


def _position(name: str, written: Sequence[str], file: str) -> int:
    """Which column the user means: by its name in the source, or the same in other letters."""
    if name in written:
        return written.index(name)
    alike = [at for at, other in enumerate(written) if normal_name(other) == normal_name(name)]
    if not alike:
        raise DataError(
            say(
                'there is no column "{name}".{did_you_mean}',
                name=name,
                did_you_mean=did_you_mean(name, written),
            ),
            file=file,
            remedy=say("The columns are: {written}", written=named(written)),
        )
    return alike[0]


def _common_prefix(names: list[str]) -> str:
    """What stands before every standard name, as quantmod writes it (ABC.Close); "" where nothing does."""
    ends = [name.removesuffix("close") for name in names if name.endswith("_close") and "adj" not in name]
    if "close" in names or len(ends) != 1:
        return ""
    prefix = ends[0]
    own = [name for name in names if name.startswith(prefix)]
    return prefix if len(own) >= 3 and {f"{prefix}open", f"{prefix}high"} & set(own) else ""


def date_column(frame: pd.DataFrame, place: Place) -> str:
    """The name of the column with the dates; DataError where there is none."""
    for name in DATE_NAMES:
        if name in frame.columns and not _counts_rows(frame[name]):
            return name
    # to_csv writes an index without a name as a first column without one.
    if is_nameless(frame.columns[0]) and not pd.api.types.is_numeric_dtype(frame.dtypes.iloc[0]):
        return str(frame.columns[0])
    dated = [name for name in frame.columns if _holds_dates(frame[name])]
    if len(dated) == 1:
        place.choose("dates", say('the column "{column}"', column=place.written.get(dated[0], dated[0])))
        return str(dated[0])
    raise DataError(
        say("there is no column of dates"),
        file=place.file,
        remedy=say(
            'Say which it is, as date="Day"; the columns are: {columns}. Where there is '
            'none, say when the first row was, as first_date="2020-01-02": the others are '
            "then the weekdays after it, or the sessions of the calendar that is given; or "
            'number the rows, by frequency="index"',
            columns=place.columns,
        ),
    )


def _counts_rows(column: pd.Series) -> bool:
    """Whether a column holds 0, 1, 2, … or 1, 2, 3, … and so no dates."""
    if not pd.api.types.is_integer_dtype(column.dtype) or len(column) < 2:
        return False
    return bool(column.iloc[0] in (0, 1) and (column.diff().iloc[1:] == 1).all())


def _holds_dates(column: pd.Series) -> bool:
    """Whether the first cells of a column are whole dates, as 2021-03-01 or 20210301."""
    cells = column.dropna().iloc[:FIRST_CELLS].astype(str).str.removesuffix(".0")
    long = (cells.str.len() >= LEAST_OF_A_DATE) | cells.str.fullmatch(MONTH)
    return len(cells) > 1 and bool(long.all()) and all(map(is_date, cells))


def with_one_date(frame: pd.DataFrame, place: Place, reading: Reading) -> tuple[pd.DataFrame, str]:
    """The frame, and the name of the column with its dates; a date and a time beside it are one stamp.

    The rows of a table without dates are the sessions from `reading.first_date` on, or they are numbered.
    """
    if (numbered := with_positions(frame, place, reading)) is not None:
        return numbered
    if reading.first_date is not None:
        return _dated(frame, place, reading), "date"
    name = "date" if reading.date is not None else date_column(frame, place)
    beside = next((time for time in TIME_NAMES if time in frame.columns and time != name), None)
    times = None if beside is None else _times_of_day(frame[beside])
    if beside is None or times is None:
        return frame, name
    stamp = frame[name].astype(str).str.strip() + " " + times
    return frame.assign(**{name: stamp.where(~is_empty(frame[beside]), frame[name])}), name


def _times_of_day(column: pd.Series) -> pd.Series | None:
    """A column of times as text; None where it holds other numbers than 93000 or 930, for 09:30."""
    if not pd.api.types.is_numeric_dtype(column.dtype):
        return column.astype(str).str.strip()
    if not (pd.api.types.is_integer_dtype(column.dtype) and column.between(0, 235_959).all()):
        return None
    seconds = column if column.max() > LAST_MINUTE else column * 100
    hours, minutes = seconds // 10_000, seconds // 100 % 100
    if (minutes > 59).any() or (seconds % 100 > 59).any():
        return None
    parts = [part.astype(str).str.zfill(2) for part in (hours, minutes, seconds % 100)]
    return parts[0] + ":" + parts[1] + ":" + parts[2]


def _dated(frame: pd.DataFrame, place: Place, reading: Reading) -> pd.DataFrame:
    if any(name in frame.columns and not _counts_rows(frame[name]) for name in DATE_NAMES):
        what = "first_date is for a table without dates, and there is a column of dates"
        raise DataError(what, file=place.file, remedy=say("Leave first_date out"))
    if not set(SYMBOL_NAMES).isdisjoint(frame.columns):
        what = "first_date is for one symbol, and there is a column of symbols"
        remedy = "Give each symbol as a table of its own, without that column"
        raise DataError(what, file=place.file, remedy=remedy)
    calendar = check_calendar(str(reading.calendar))
    span = recorded(calendar)
    if span is not None and np.datetime64(str(reading.first_date)) < span[0]:
        raise DataError(
            say("the calendar {calendar} is recorded from {span} on", calendar=calendar, span=span[0]),
            file=place.file,
            remedy=say('Give a later first_date, or a week without holidays, such as calendar="weekdays"'),
        )
    days = next_sessions(calendar, np.datetime64(str(reading.first_date)) - 1, len(frame))
    place.doubt(
        say(
            "the rows are taken to be the {count:,} sessions from {days} on ({calendar}), in this order.",
            count=len(frame),
            days=days[0],
            calendar=calendar,
        )
    )
    return frame.assign(date=days.astype("datetime64[ns]"))


def is_nameless(name: str) -> bool:
    """Whether the source gives this column no name; pandas calls it "Unnamed: 0"."""
    return name == "" or name.startswith("unnamed:")


def with_close(frame: pd.DataFrame, place: Place) -> tuple[pd.DataFrame, str | None]:
    """The frame with a close, and the column that it is taken from where no name says so.

    That is the adjusted close, or the only other column with numbers.

    Raises
        DataError: there is no such column, or there are several.
    """
    if "close" in frame.columns:
        return frame, None
    beside = {*DATE_NAMES, *SYMBOL_NAMES}
    others = [
        name
        for name in frame.columns
        if name not in beside and not is_nameless(name) and _holds_numbers(frame[name])
    ]
    if "adj_close" in others:
        return frame.assign(close=frame["adj_close"]), place.written["adj_close"]
    if len(others) == 1 and others[0] not in STANDARD:
        return frame.rename(columns={others[0]: "close"}), place.written[others[0]]
    raise DataError(
        say("there is no close column.{did_you_mean}", did_you_mean=did_you_mean("close", frame.columns)),
        file=place.file,
        remedy=say(
            'Say which column has the prices, as close="Price"; the columns are: {columns}',
            columns=place.columns,
        ),
    )


def _holds_numbers(column: pd.Series) -> bool:
    """Whether a column holds numbers, also where they are written with marks and signs."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return True
    return are_numbers(list(column[~is_empty(column)]))


def symbols_of(
    frame: pd.DataFrame, default: str, place: Place, *, required: bool = True
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """(N,) number of each row's symbol, and the symbols in order; `default` where no column names them.

    required: an empty symbol is refused.
    """
    column = next((name for name in SYMBOL_NAMES if name in frame.columns), None)
    if column is None:
        return np.zeros(len(frame), dtype=np.int64), (default,)
    cells = frame[column]
    codes, names = pd.factorize(cells if isinstance(cells.dtype, pd.StringDtype) else cells.astype(object))
    cleaned = [printable(str(name).strip()) for name in names]
    empty = (codes < 0) | np.isin(codes, [code for code, name in enumerate(cleaned) if not name])
    if required:
        place.refuse(
            say("the symbol is empty"), column, empty, lambda _: "empty", say("Every row needs its symbol")
        )
    symbols = tuple(sorted({*cleaned, *[""] * bool(empty.any())}))
    code_of = {name: code for code, name in enumerate(symbols)}
    numbers = np.array([*(code_of[name] for name in cleaned), code_of.get("", 0)], dtype=np.int64)
    return numbers[codes], symbols


def values_of(
    frame: pd.DataFrame,
    place: Place,
    *,
    decimal: str | None = None,
    european: bool = False,
    texts: Collection[str] = (),
) -> dict[str, NDArray[np.float64]]:
    """Column → float64 (N,), the standard ones first, then the other numeric ones by their names.

    decimal: the decimal mark; None: the one with which all prices can be read. european: separators or dates
    are those of places where the comma is the decimal mark. texts: columns that are no numbers, whatever they
    look like. NaN where a cell is empty, or text among prices, which `place` is told; other columns with text
    are left to `texts_of`.
    """
    extras = sorted(set(frame.columns) - {*STANDARD, *SYMBOL_NAMES, *DATE_NAMES, *texts})
    given = decimal
    decimal = decimal or _decimal_mark(frame, place, european=european)
    values = {}
    for name in (*STANDARD, *extras):
        if name not in frame.columns or is_nameless(name):
            continue
        column = frame[name]
        numbers, text = _numbers(column, decimal)
        if name in PRICES:
            shown = functools.partial(_cell, column)
            remedy = "Correct it in the source" + (f', or leave decimal="{given}" out' if given else "")
            if text.all():
                remedy += f', or say which column has it, as {name}="NAME"; the columns are: {place.columns}'
            place.refuse(say("not a number"), name, text, shown, remedy)
        if name in PRICES or not (text.any() or np.isnan(numbers).all()):
            values[name] = numbers
    return values


def splits_of(frame: pd.DataFrame, place: Place, values: Collection[str]) -> dict[str, NDArray[np.float64]]:
    """Column → 1 in rows of the test (N,), 0 in those to train on, of columns that say "test" and "train".

    values: the columns that are numbers.
    """
    found = {}
    for name in sorted(set(frame.columns) - {*STANDARD, *SYMBOL_NAMES, *DATE_NAMES, *values}):
        which, cells = _categories(frame[name])
        words = np.array([str(cell).lower() for cell in cells])
        if set(words[:-1]) == {"test", "train"} and (which >= 0).all():
            found[name] = (words[which] == "test").astype(np.float64)
            written = place.written.get(name, name)
            place.choose(
                "split", say('1 where the column "{column}" says test, 0 where it says train', column=written)
            )
    return found


def texts_of(
    frame: pd.DataFrame,
    place: Place,
    values: Collection[str],
    codes: NDArray[np.int64],
    symbols: Sequence[str],
) -> dict[str, NDArray[np.object_]]:
    """Column → text (N,), of those with one text per symbol; "" of a symbol without one.

    values: the columns that `values_of` has read; codes, symbols: as `symbols_of` gives them. What is neither
    is left out, which `place` is told.
    """
    names = sorted(set(frame.columns) - {*STANDARD, *SYMBOL_NAMES, *DATE_NAMES, *values})
    texts, left_out = {}, []
    for name in names:
        if is_nameless(name):
            continue
        found, shown = _categories(frame[name])
        full = found >= 0
        own = np.full(len(symbols), -1)
        own[codes[full][::-1]] = found[full][::-1]  # the first of each symbol
        other = full & (found != own[codes])
        if full.any() and not other.any():
            texts[name] = shown[own[codes]]
            continue
        left_out.append(place.written.get(name, name))
        if other.any():
            row = int(other.argmax())
            first = int((full & (codes == codes[row])).argmax())
            place.leave_out(
                name,
                f'is text that changes within a symbol: {symbols[codes[row]]} has "{shown[found[first]]}" in '
                f'row {place.row[first]} and "{shown[found[row]]}" in row {place.row[row]}',
            )
    if left_out:
        place.choose("columns without numbers, left out", ", ".join(left_out))
    return texts


def _categories(column: pd.Series) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
    """(N,) the number of each cell's text, -1 where it has none, and the texts, "" the last of them."""
    try:
        which, cells = pd.factorize(
            column if isinstance(column.dtype, pd.StringDtype) else column.astype(object)
        )
    except TypeError:  # a cell is a list
        return np.full(len(column), -1, dtype=np.int64), np.array([""], dtype=object)
    written = [printable(cell.strip(), LONGEST_TEXT) if isinstance(cell, str) else "" for cell in cells]
    texts = ["" if text.lower() in MISSING else text for text in written]
    number = {text: place for place, text in enumerate(dict.fromkeys(text for text in texts if text))}
    numbers = np.array([*(number.get(text, -1) for text in texts), -1], dtype=np.int64)
    return numbers[which], np.array([*number, ""], dtype=object)


def is_text(column: pd.Series) -> bool:
    """Whether a column of `Prices.table` is text."""
    return not pd.api.types.is_numeric_dtype(column.dtype)


def _is_numeric(column: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column.dtype))


def _cell(column: pd.Series, position: int) -> object:
    return column.iloc[position]


def is_empty(column: pd.Series) -> NDArray[np.bool_]:
    """Where a column holds nothing, or a word for nothing."""
    empty = column.isna().to_numpy(dtype=bool, copy=True)
    if isinstance(column.dtype, pd.StringDtype):
        empty |= column.str.strip().str.lower().isin(MISSING).to_numpy(bool)
    elif column.dtype == object:
        empty |= column.map(lambda cell: str(cell).strip().lower() in MISSING).to_numpy(bool)
    return empty


def _numbers(column: pd.Series, decimal: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The column as float64 (NaN: empty), and where it holds what is no number."""
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_complex_dtype(column.dtype):
        return column.to_numpy(dtype=np.float64, na_value=np.nan), np.zeros(len(column), dtype=bool)
    if isinstance(column.dtype, pd.StringDtype):
        return _numbers_of_text(column, decimal)
    cells = [number(cell, decimal) for cell in column.astype(object)]
    text = np.array([cell is None for cell in cells], dtype=bool)
    return np.array([np.nan if cell is None else cell for cell in cells], dtype=np.float64), text


def _numbers_of_text(column: pd.Series, decimal: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The same of a column of texts: each form is understood once, and its cells are read together."""
    forms, which = _forms(column)
    read = [number(form, decimal) for form in forms]
    is_text = np.array([*(found is None for found in read), False])[which]
    is_number = np.array([*(found is not None and not np.isnan(found) for found in read), False])[which]
    is_plain = is_number & np.array([*(PLAIN.fullmatch(form) is not None for form in forms), False])[which]
    values = np.full(len(column), np.nan)
    digits = column[is_plain]
    for mark in ",'’ " if decimal == "." else ".'’ ":
        if any(mark in form for form in forms):
            digits = digits.str.replace(mark, "", regex=False)
    if decimal == ",":
        digits = digits.str.replace(",", ".", regex=False)
    values[is_plain] = digits.to_numpy(dtype=object).astype(np.float64)
    rest = is_number & ~is_plain
    values[rest] = [number(cell, decimal) for cell in column[rest].astype(object)]
    return values, is_text


def _forms(column: pd.Series) -> tuple[list[str], NDArray[np.int64]]:
    """The forms that texts are written in, and the number of each text's form; -1 where a cell is empty.

    Texts that begin with a digit have the same form where only the digits differ: 1,080.5 and 2,134.7 are
    both 1,000.0. Whether a number begins with 0 is seen. Any other text is its own form.
    """
    cells = column.to_numpy(dtype=object, na_value="")
    if len(cells) and len(max(cells, key=len)) < LONGEST_NUMBER:
        texts = cells.astype(f"U{LONGEST_NUMBER}")
        letters = texts.view(np.uint32).reshape(len(texts), -1)
        is_digit = (letters >= ord("0")) & (letters <= ord("9"))
        is_digit &= is_digit[:, :1]
        letters[:, 0][is_digit[:, 0] & (letters[:, 0] != ord("0"))] = ord("1")
        letters[:, 1:][is_digit[:, 1:]] = ord("0")
        cells = texts.astype(object)
    which, forms = pd.factorize(cells)
    which[column.isna().to_numpy()] = -1
    return [str(text) for text in forms], which


def _texts(column: pd.Series) -> list[object]:
    """The cells of a column that is no column of numbers; of texts that differ in their digits only, one."""
    if isinstance(column.dtype, pd.StringDtype):
        return list(_forms(column)[0])
    return list(column.astype(object))


def _marks_written(column: pd.Series) -> str:
    """The decimal marks with which a column can be read; "" where no cell has a mark, which tells nothing."""
    cells = [str(cell) for cell in column.dropna()]
    return decimal_marks(cells) if any("," in cell or "." in cell for cell in cells) else ""


def _decimal_mark(frame: pd.DataFrame, place: Place, *, european: bool) -> str:
    """The decimal mark of all prices.

    Where both fit, as of 1,080 and 1.080 alone, a comma is one in a file that is `european`, see `values_of`,
    and a point in any other.

    Raises
        DataError: both fit, and nothing says which it is.
    """
    text = [name for name in PRICES if name in frame.columns and not _is_numeric(frame[name])]
    cells = [cell for name in text for cell in _texts(frame[name])]
    marks = decimal_marks(cells)
    if len(marks) > 1 or not any(mark in str(cell) for cell in cells for mark in ".,"):
        # The volume, or the change in percent, may be written in one way only.
        known = {*PRICES, *DATE_NAMES, *SYMBOL_NAMES}
        beside = [name for name in frame.columns if name not in known and not _is_numeric(frame[name])]
        others = {_marks_written(frame[name]) for name in beside if _holds_numbers(frame[name])}
        settled = others - {"", ".,"}
        if len(settled) == 1:
            mark = settled.pop()
            if len(marks) > 1:
                place.choose("decimal mark", say('"{mark}" (by the other columns)', mark=mark))
            return mark
    if len(marks) > 1:
        mark, other = (",", ".") if any("," in str(cell) for cell in cells) else (".", ",")
        name, position = next(
            (name, row) for name in text for row, cell in enumerate(frame[name].astype(str)) if mark in cell
        )
        written = str(frame[name].iloc[position]).strip()
        if european != (mark == ","):
            raise place.error(
                f'"{mark}" can be the decimal mark or one of thousands',
                name,
                position,
                written,
                'Say which mark is that of decimals: decimal="." or decimal=","',
            )
        place.doubt(
            say(
                '"{mark}" is taken as the decimal mark, as in {written}; if it is one of '
                'thousands, say decimal="{other}".',
                mark=mark,
                written=written,
                other=other,
            )
        )
        return mark
    if marks == ",":
        place.choose("decimal mark", say('"," (the only one with which all prices can be read)'))
    return marks or "."
