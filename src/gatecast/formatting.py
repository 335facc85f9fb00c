"""Values and text from data as they are shown: one formatter per kind."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from gatecast.language import ENGLISH, language, say

if TYPE_CHECKING:
    import pandas as pd

MOST_LETTERS = 80  # of a cell or a name in a message
MOST_OF_PATH = 300  # letters of a path in a message
MOST_OF_MESSAGE = 6000  # letters
MOST_NAMES = 20  # of a list in a message
MOST_DECIMALS = 9
UNDEFINED = "–"  # in place of a number
MINUS = re.compile(r"(?<![\w)-])-(?=[\d.])")  # a hyphen that stands for a minus sign
WIDEST = 100_000  # letters of a line of a table
MOST_OF_REPR = 600  # letters
FEW = 6  # items of a list in a repr
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for the beginning of a formula


def printable(text: object, most: int | None = None) -> str:
    """The text on one line: control and format characters as \\x1b or \\u202e, cut to `most` letters."""
    plain = "".join(letter if letter.isprintable() else _escaped(letter) for letter in str(text))
    return plain if most is None or len(plain) <= most else plain[: most - 1] + "…"


def printable_lines(text: str) -> str:
    """The same for text of several lines, which stay."""
    return "\n".join(printable(line) for line in text.split("\n"))


def shortened(message: str) -> str:
    """The same for a message, without words that never end, and of a length that can be read.

    What is said last, what to do, stays.
    """
    words = re.sub(rf"\S{{{MOST_OF_PATH},}}", lambda word: printable(word[0], MOST_OF_PATH), message)
    if len(words) > MOST_OF_MESSAGE:
        words = f"{words[: MOST_OF_MESSAGE // 2]} … {words[-MOST_OF_MESSAGE // 4 :]}"
    return printable_lines(words)


def named(names: Iterable[object]) -> str:
    """The names as a list for a message: each at most 80 letters, at most 20, and how many there are."""
    every = list(names)
    some = ", ".join(printable(name, MOST_LETTERS) for name in every[:MOST_NAMES])
    return some if len(every) <= MOST_NAMES else say("{some}, … ({n:,} in all)", some=some, n=len(every))


def brief(instance: Any) -> str:
    """A dataclass on one line that fits on a screen: arrays and tables by their shape, the rest cut."""
    parts = (f"{part.name}={_brief(getattr(instance, part.name))}" for part in fields(instance) if part.repr)
    return printable(f"{type(instance).__name__}({', '.join(parts)})", MOST_OF_REPR)


def _brief(value: Any) -> str:
    if hasattr(value, "shape") and value.shape != ():
        return f"{type(value).__name__} of shape {value.shape}"
    if isinstance(value, dict):
        return f"{{{', '.join(map(repr, value))}}}" if len(value) <= FEW else f"{len(value)} items"
    if isinstance(value, list | tuple) and (len(value) > FEW or any(map(is_dataclass, value))):
        return f"{len(value)} items"
    return printable(repr(value), MOST_LETTERS)


def csv_safe(table: pd.DataFrame) -> pd.DataFrame:
    """The table with an apostrophe before every text that a spreadsheet would run as a formula."""

    def safe(cell: object) -> object:
        return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell

    texts = table.select_dtypes(["object", "str"]).columns
    return table.assign(**{str(name): table[name].map(safe) for name in texts})


def number(value: float, decimals: int = 2, *, signed: bool = False) -> str:
    """'0.42', '-1,234.6', '12,346': fewer decimals from 100 and from 10,000 up; '–' where undefined."""
    if not math.isfinite(value):
        return UNDEFINED
    if abs(value) >= 100:
        decimals = min(decimals, 1 if abs(value) < 10_000 else 0)
    text = f"{value:+,.{decimals}f}"
    if not any(digit in text for digit in "123456789"):
        return text[1:]  # no sign of zero
    return text if signed or value < 0 else text[1:]


def signed(value: float, decimals: int = 2) -> str:
    """'+0.42', '-0.42', '0.00'."""
    return number(value, decimals, signed=True)


def decimals_beside(limit: float, value: float, decimals: int = 2) -> int:
    """So many decimals, or the fewest more that show on which side of the limit a value lies.

    limit  as it is printed, or known to the reader: 7.96 beside a limit of 8 is not written as 8.0
    """
    while decimals < MOST_DECIMALS and (value < limit) != (round(value, decimals) < limit):
        decimals += 1
    while decimals < MOST_DECIMALS and (value > limit) != (round(value, decimals) > limit):
        decimals += 1
    return decimals


def percent(share: float, decimals: int | None = None) -> str:
    """'42.0 %' of a fraction; without `decimals` two digits: '0.42 %', '4.2 %', '42 %'."""
    value = 100 * share
    if decimals is None:
        decimals = 2 if value < 1 else 1 if value < 10 else 0
    return _in_per_cent(number(value, decimals))


def change(share: float, decimals: int = 2) -> str:
    """'+0.42 %', '-0.42 %' of a fraction."""
    return _in_per_cent(signed(100 * share, decimals))


def difference(value: float) -> str:
    """'+0.42', '-0.0012' of a difference in price."""
    return signed(value, max(2, price_decimals([value], 3)))


def change_of(unit: str) -> Callable[[float], str]:
    """What writes changes in this unit: "%" of a fraction, or "price"."""
    return change if unit == "%" else difference


def basis_points(value: float) -> str:
    """'1.8 bp', '110 bp'."""
    text = number(value, 1 if value < 10 else 0)
    return text if text == UNDEFINED else say("{number} bp", number=text)


def price(value: float) -> str:
    """'1,234.50', '1.0845', '0.0012345': two decimals, or five digits where these are more."""
    return f"{value:,.{max(2, price_decimals([value], 5))}f}" if math.isfinite(value) else UNDEFINED


def price_decimals(values: Iterable[float], digits: int = 4) -> int:
    """Decimals that show so many digits of the smallest of these prices, at most eight."""
    sizes = [abs(value) for value in values if value and math.isfinite(value)]
    return min(max(digits - 1 - math.floor(math.log10(min(sizes))), 0), 8) if sizes else 2


def interval(low: float, high: float, form: Callable[[float], str]) -> str:
    """'-0.05 % … +0.24 %': both ends in the form of their kind; '–' where undefined."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return UNDEFINED
    return say("{low} … {high}", low=form(low), high=form(high))


def plus_minus(text: str) -> str:
    """'± 0.46' of a number or percentage."""
    return text if text == UNDEFINED else f"± {text}"


def estimate(value: float, error: float) -> str:
    """'0.55 ± 0.45': a number with its standard error."""
    return f"{number(value)} {plus_minus(number(error))}" if math.isfinite(value) else UNDEFINED


def p_value(p: float) -> str:
    """'p < 0.001', 'p = 0.042', 'p = 0.42', for a sentence; 'p = 0.0498' is below the 5 % of the tests."""
    if p < 0.001:
        return "p < 0.001"
    if not math.isfinite(p):
        return f"p {UNDEFINED}"
    return f"p = {p:.{decimals_beside(0.05, p, 3) if p < 0.1 else 2}f}"


def p_cell(p: float) -> str:
    """'< 0.001', '0.042', '0.420', '–', for a column of p values."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if math.isfinite(p) else UNDEFINED


def typeset(text: str) -> str:
    """The text as it is printed on a page or in a picture: true minus signs, no line break before '%'."""
    return MINUS.sub("−", text).replace(" %", "\u00a0%")


def count(number: int, what: str) -> str:
    """'1 fold', '5,000 folds'."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def listed(names: Sequence[str]) -> str:
    """'a, b and c'."""
    if len(names) == 1:
        return names[0]
    return say("{others} and {last}", others=", ".join(names[:-1]), last=names[-1])


def some(names: Sequence[str], between: str = ", ", most: int = 20) -> str:
    """'a, b, c'; of many the first, 'a, b, and 63 more'."""
    rest = len(names) - most
    return between.join([*names[:most], *([say("and {rest:,} more", rest=rest)] if rest > 0 else [])])


def sentence(text: str) -> str:
    """With a full stop, and in English a capital."""
    return capitalised(text) + "."


def capitalised(text: str) -> str:
    """In English with a capital; elsewhere a sentence may begin with a name, which stays as it is."""
    return text[:1].upper() + text[1:] if language() == ENGLISH else text


def plain(value: Any) -> Any:
    """Plain data for JSON: NaN and infinity become None, arrays lists."""
    import numpy as np
    import pandas as pd

    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, np.generic):
        value = value.item()
    if value is pd.NA or value is pd.NaT or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value


def text_table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, words: int = 1) -> str:
    """A table for a terminal, as plain text: columns as wide as their longest cell, nothing cut or wrapped.

    The first `words` columns are aligned to the left, the others, numbers, to the right.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for place, head in enumerate(heads):
        table.add_column(Text(head), justify="left" if place < words else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    written = io.StringIO()
    console = Console(
        file=written, width=WIDEST, color_system=None, force_terminal=False, force_jupyter=False
    )
    console.print(table)
    return "\n".join(line.rstrip() for line in written.getvalue().splitlines())


def _in_per_cent(text: str) -> str:
    return text if text == UNDEFINED else say("{number} %", number=text)


def _escaped(letter: str) -> str:
    code = ord(letter)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
