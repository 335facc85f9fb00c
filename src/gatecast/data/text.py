"""The bytes of a text file → its table as text: the encoding, the separator and the line with the header."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from gatecast.data.checks import Oddity
from gatecast.data.dates import is_date
from gatecast.data.names import DATE_NAMES, NAMES, STANDARD, normal_name
from gatecast.data.numbers import are_numbers, number
from gatecast.errors import DataError, SettingError
from gatecast.formatting import printable
from gatecast.language import plural, say

# What is tried where a file is no UTF-8; taken is that in which most names of columns are known,
# and then that in which most numbers with signs of currency are.
ENCODINGS = ("cp949", "gb18030", "cp932", "cp1252", "cp1250", "cp1251", "cp1254")
NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1f]")  # bytes of pictures and archives
WRAPPED = re.compile(r'"[^"]+"')
MARKS = {  # the longer ones first: they begin as the others do
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
POINTED = re.compile(r"\d*\.\d*")
THOUSANDS = re.compile(r"[1-9]\d{0,2}\.\d{3}")
FIRST_LINES = 50  # that tell whether a point may be one of thousands
MOST_LINES = 30  # before the header
FIRST_BYTES = 1_000  # that tell UTF-16 without a mark
MOST_GUESSED = 100_000  # bytes that the encoding is guessed from
PRICE_NAMES = frozenset(name for meaning in STANDARD for name in NAMES[meaning])
FOREIGN_NAMES = frozenset(name for names in NAMES.values() for name in names if not name.isascii())
# Of files without a header: Binance's klines, and what stooq, Dukascopy and Metastock write.
ORDER = ("date", "open", "high", "low", "close", "volume")


@dataclass(frozen=True)
class Text:
    """A table as text, from its header on; oddities: what was done to get it; choices: how it was read."""

    table: str
    separator: str
    oddities: list[Oddity]
    choices: dict[str, str]

    @property
    def marks_are_open(self) -> bool:
        """Whether a point may be one of thousands, so that cells are to be kept as they are written.

        So it is beside semicolons, where the comma is the usual decimal mark, and where all numbers with a
        point are like 1.080.
        """
        if self.separator == ";":
            return True
        found = False
        for line in first_lines(self.table, FIRST_LINES)[1:]:
            for cell in _cells(line, self.separator):
                if POINTED.fullmatch(cell):
                    if not THOUSANDS.fullmatch(cell):
                        return False
                    found = True
        return found


def text_of(
    content: bytes,
    file: str,
    encoding: str | None = None,
    names: Iterable[str] = (),
    separator: str | None = None,
) -> Text:
    """The table in a file.

    encoding: that of the text; None: it is found. names: columns that the user names, a mark of the header.
    separator: what separates the cells, where that is known.

    Raises
        DataError: no encoding fits, it is no text, or there is no header and the columns cannot be told.
    """
    text, encoding = _decoded(content, file, encoding)
    if "\0" in text:
        raise DataError(
            say("this is a binary file, not text"), file=file, remedy=say("Give a CSV or Parquet file")
        )
    found = []
    if encoding != "utf-8":
        found.append(
            Oddity("encoding", 1, say("{file}: read as {encoding}.", file=file, encoding=encoding), ())
        )
    text = _unwrapped(text.lstrip("\r\n "))  # a tab may stand for a first column without a name
    first = first_lines(text, MOST_LINES)
    own = {normal_name(name) for name in names}
    place = next((n for n, line in enumerate(first) if _is_header(line, own)), None)
    if place:
        before = [printable(line.strip(), 60) for line in first[:place]]
        said = plural(
            "{file}: {n:,} line stands before the header ({line}); left out.",
            "{file}: {n:,} lines stand before the header ({line}); left out.",
            place,
            file=file,
            line=before[0],
        )
        found.append(Oddity("preface", place, said, tuple(before)))
        text = text.split("\n", place)[place]
    separator = separator or separator_of(first[place or 0])
    if place is None and _is_data(first[0], separator):
        names = _names_of(text, separator, file)
        said = say("{file}: no header; the columns are taken as {names}.", file=file, names=", ".join(names))
        found.append(Oddity("header", 1, said, ()))
        text = separator.join(names) + "\n" + text
    return Text(text, separator, found, {"encoding": encoding, "separator": SEPARATORS[separator]})


def first_lines(text: str, most: int) -> list[str]:
    """The first lines of a text, at most so many; the rest, which may be long, is not copied."""
    lines, start = list[str](), 0
    while len(lines) < most:
        end = text.find("\n", start)
        if end < 0:
            return [*lines, text[start:]]
        lines.append(text[start:end])
        start = end + 1
    return lines


def separator_of(line: str) -> str:
    """What separates the cells of a line."""
    return max(SEPARATORS, key=line.count)


def _decoded(content: bytes, file: str, encoding: str | None) -> tuple[str, str]:
    """The text, and its encoding."""
    if encoding is not None:
        return _decoded_as(content, encoding, file), encoding
    for mark, name in MARKS.items():
        if content.startswith(mark):
            return content.decode(name, errors="replace"), name
    if (unmarked := _without_mark(content)) is not None:
        return content.decode(unmarked, errors="replace"), unmarked
    try:
        return content.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError as problem:
        row = content[: problem.start].count(b"\n") or None
    known = {name: _known_in(content, name) for name in ENCODINGS}
    if max(known.values()) > (0, 0):
        name = max(known, key=known.__getitem__)
        return content.decode(name), name
    from charset_normalizer import from_bytes

    likely = from_bytes(content[:MOST_GUESSED]).best()
    if likely is None or NO_TEXT.search(content):
        remedy = 'Say which encoding it has, as encoding="cp949", or save it as UTF-8'
        raise DataError(say("this is not UTF-8 text"), file=file, row=row, remedy=remedy)
    # The first part may end within a letter, and what is guessed of it may not hold for the rest.
    return content.decode(likely.encoding, errors="replace"), likely.encoding


def _without_mark(content: bytes) -> str | None:
    """UTF-16 without its mark, where every other byte of the first line is zero, as that of "Date" is."""
    line = content[:FIRST_BYTES].split(b"\n")[0]
    line = line[: len(line) // 2 * 2]
    for name, zeros, letters in (("utf-16-le", line[1::2], line[::2]), ("utf-16-be", line[::2], line[1::2])):
        if letters and not any(zeros) and all(letters):
            return name
    return None


def _decoded_as(content: bytes, encoding: str, file: str) -> str:
    try:
        return content.decode("utf-8-sig" if encoding.lower().replace("-", "") == "utf8" else encoding)
    except UnicodeDecodeError as problem:
        row = content[: problem.start].count(b"\n") or None
        remedy = "Give another encoding, or leave it out"
        raise DataError(
            say("this is no text in {encoding}", encoding=encoding), file=file, row=row, remedy=remedy
        ) from None
    except (LookupError, ValueError):  # ValueError: a zero byte in the name
        what = "there is no such encoding. Leave it out, or write it as cp949 or utf-8"
        raise SettingError(what, setting="encoding", value=encoding) from None


def _unwrapped(text: str) -> str:
    """The text without quotes around whole lines, as a spreadsheet writes what it took for one cell each."""
    first = [line.rstrip("\r") for line in first_lines(text, MOST_LINES)]
    wrapped = all(WRAPPED.fullmatch(line) for line in first if line)
    if not wrapped or not any(mark in first[0] for mark in SEPARATORS):
        return text
    return "\n".join(line.removeprefix('"').removesuffix('"') for line in text.splitlines())


def _known_in(content: bytes, encoding: str) -> tuple[int, int]:
    """How many columns of the header have a known name beyond ASCII, and how many cells are numbers with a
    sign beyond it; 0 where the bytes are no such text."""
    try:
        lines = first_lines(content.decode(encoding), MOST_LINES)
    except UnicodeDecodeError:
        return 0, 0
    cells = [cell for line in lines if not line.isascii() for cell in _cells(line, separator_of(line))]
    signed = sum(not cell.isascii() and are_numbers([cell]) for cell in cells)
    return max(len(FOREIGN_NAMES & _names(line)) for line in lines), signed


def _names(line: str) -> set[str]:
    """The cells of a line as names of columns."""
    return {normal_name(cell) for cell in _cells(line, separator_of(line))}


def _cells(line: str, separator: str) -> list[str]:
    return [cell.strip().strip('"') for cell in line.rstrip("\r").split(separator)]


def _is_header(line: str, own: set[str]) -> bool:
    """Whether a line names dates and prices, or all columns that the user names."""
    names = _names(line)
    if own and own <= names:
        return True
    return not names.isdisjoint(DATE_NAMES) and not names.isdisjoint(PRICE_NAMES)


def _is_data(line: str, separator: str) -> bool:
    """Whether a line is a date, or the number of one, and then numbers alone."""
    first, *others = _cells(line, separator)
    known = is_date(first) or (first.isdigit() and len(first) in (10, 13, 16))
    return known and len(others) > 0 and all(number(cell) is not None for cell in others)


def _names_of(text: str, separator: str, file: str) -> tuple[str, ...]:
    """The names of the columns of a file without a header: the usual order, if its prices agree with it.

    Raises
        DataError: they do not, or there are too few columns.
    """
    rows = [_cells(line, separator) for line in text.splitlines() if line.strip()]
    while len(rows) > 1 and len(rows[-1]) == 1:  # a note below
        rows.pop()
    width = len(rows[0])
    refusal = DataError(
        say("there is no header line, and the columns are not date, open, high, low, close, volume"),
        file=file,
        remedy=say('Write a first line with their names, such as "date,close"'),
    )
    if width < len(ORDER) - 1 or any(len(row) != width for row in rows):
        raise refusal
    prices = [[number(cell) for cell in row[1:5]] for row in rows]
    try:
        opened, high, low, close = np.array(prices, dtype=np.float64).T
    except TypeError:  # text among them
        raise refusal from None
    if not ((low <= np.minimum(opened, close)) & (high >= np.maximum(opened, close))).all():
        raise refusal
    return (*ORDER[:width], *(f"column_{place}" for place in range(len(ORDER) + 1, width + 1)))
