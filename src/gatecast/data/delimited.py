"""Text of separated cells → a frame: numbers where all cells are numbers, else the text as it stands."""

from __future__ import annotations

import contextlib
import csv
import io
import re
import warnings
from collections.abc import Iterator
from typing import Any

import pandas as pd

from gatecast.data.columns import MOST_COLUMNS, too_many_columns
from gatecast.data.names import SYMBOL_NAMES, normal_name
from gatecast.data.numbers import MISSING, number
from gatecast.data.raw import Cells
from gatecast.data.text import SEPARATORS, Text, first_lines, text_of
from gatecast.errors import DataError
from gatecast.language import say
from gatecast.settings.reading import Reading

YFINANCE = re.compile(r"(Price,.*\r?\nTicker|Ticker,.*\r?\nPrice),.*\r?\nDate,")
FIRST_ROWS = 20  # whose cells are counted
MANGLED = re.compile(r"\.\d+$")
# Before 3.1 pandas gets the last bit of a number wrong unless told not to; since then telling is deprecated.
EXACT: dict[str, Any] = (
    {"float_precision": "round_trip"}
    if [int(part) for part in pd.__version__.split(".")[:2]] < [3, 1]
    else {}
)


def text_cells(content: bytes, file: str, reading: Reading, *, separator: str | None = None) -> Cells:
    """The cells of a text file. separator: what separates them, where that is known.

    Raises
        DataError: it is no text or no table.
    """
    text = text_of(content, file, reading.encoding, reading.columns.values(), separator)
    frame = _frame(text, file, as_written=text.marks_are_open or reading.decimal == ",")
    return Cells(frame, tuple(text.oddities), text.separator == ";", text.choices)


@contextlib.contextmanager
def longer_rows_refused() -> Iterator[None]:
    """Within, rows longer than the header are an error of pandas: they would lose cells."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        warnings.filterwarnings("ignore", message="overflow encountered")
        yield


def _frame(text: Text, file: str, *, as_written: bool) -> pd.DataFrame:
    """The cells; as_written: no cell is taken for a number yet."""
    try:
        if YFINANCE.match(text.table):
            return _levels_of_yfinance(text.table)
        return _without_symbol_line(_cells(text, file, as_written))
    except pd.errors.EmptyDataError:
        raise DataError(say("the file is empty"), file=file) from None
    except (pd.errors.ParserError, pd.errors.ParserWarning, ValueError) as problem:
        if isinstance(problem, DataError):
            raise
        raise _unreadable(problem, file, text.separator) from None


def _cells(text: Text, file: str, as_written: bool) -> pd.DataFrame:
    header = text.table[: text.table.find("\n") + 1] or text.table
    names = next(csv.reader([header], delimiter=text.separator, skipinitialspace=True), [])
    if len(names) > MOST_COLUMNS:
        raise too_many_columns(len(names), "the file")
    _require_cells(names, text, file)
    symbols = [name for name in names if normal_name(name) in SYMBOL_NAMES]
    missing = list(MISSING)
    return pd.read_csv(
        io.BytesIO(text.table.encode("utf-8", "replace")),
        sep=text.separator,
        skip_blank_lines=False,
        skipinitialspace=True,
        index_col=False,
        # A symbol may be called NA, TRUE or 005930.
        dtype=str if as_written else dict.fromkeys(symbols, str),
        keep_default_na=False,
        na_values={name: missing for name in names if name not in symbols} if symbols else missing,
        low_memory=False,
        **EXACT,
    )


def _require_cells(names: list[str], text: Text, file: str) -> None:
    """Raise DataError where the first rows have fewer or more cells than the header has names."""
    lines = first_lines(text.table, FIRST_ROWS + 1)[1:]
    rows = list(csv.reader([line for line in lines if line.strip()], delimiter=text.separator))
    widths = {len(row) for row in rows} - {0, 1}
    named = max((place + 1 for place, name in enumerate(names) if name.strip()), default=0)
    if len(widths) != 1 or named < 3:
        return
    width = widths.pop()
    if width < named:
        remedy = "Name each column once, in the order of the cells"
    elif width > named + 1 and len(names) == width and any(any(map(str.strip, row[named:])) for row in rows):
        remedy = "Numbers with a decimal comma need quotes where commas separate the cells"
    else:
        return
    raise DataError(
        say("the header has {named} names and the rows {width} cells", named=named, width=width),
        file=file,
        remedy=remedy,
    )


def _without_symbol_line(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame without the line of symbols that yfinance writes below the header: they are levels."""
    if len(frame) < 2 or not frame.iloc[:1, 0].isna().all():
        return frame
    names = frame.iloc[0, 1:]
    if names.isna().any() or any(number(name) is not None for name in names):
        return frame
    symbols = [str(name) for name in names]
    # pandas has numbered what yfinance writes twice.
    prices = [MANGLED.sub("", str(name)) for name in frame.columns[1:]]
    columns = pd.MultiIndex.from_arrays([[frame.columns[0], *prices], ["", *symbols]])
    return frame.iloc[1:].reset_index(drop=True).set_axis(columns, axis=1)


def _levels_of_yfinance(text: str) -> pd.DataFrame:
    """What `yfinance.download(…).to_csv()` writes: prices, symbols and the word Date are three lines."""
    return pd.read_csv(io.StringIO(text), header=[0, 1], index_col=0, low_memory=False, **EXACT)


def _unreadable(problem: Exception, file: str, separator: str) -> DataError:
    """In our words what pandas says of text that is no table."""
    said = str(problem)
    if separator == ",":
        what = say("number such as 1,008.64")
    else:
        what = say("cell with a {separator} in it", separator=SEPARATORS[separator])
    quotes = say("Name every column in the first line; a {what} needs quotes", what=what)
    if found := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", said):
        expected, line, seen = map(int, found.groups())
        what = say("the row has {seen} cells and the header {expected}", seen=seen, expected=expected)
        return DataError(what, file=file, row=line - 1, remedy=quotes)
    if "Length of header" in said:
        return DataError(say("the rows have more cells than the header"), file=file, remedy=quotes)
    if found := re.search(r"EOF inside string starting at row (\d+)", said):
        remedy = say("Take it away, or close it in the same cell")
        return DataError(
            say("a quote is opened and never closed"), file=file, row=int(found[1]), remedy=remedy
        )
    return DataError(
        say("this is no table: {said}", said=said),
        file=file,
        remedy=say("Give a CSV file with one header line"),
    )
