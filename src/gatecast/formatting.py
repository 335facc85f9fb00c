"""Text from data as it may be shown: on a terminal, in a message, in a CSV file."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

MOST_LETTERS = 80  # of a cell or a name in a message
MOST_OF_PATH = 300  # letters of a path in a message
MOST_OF_MESSAGE = 6000  # letters
MOST_NAMES = 20  # of a list in a message
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
    return some if len(every) <= MOST_NAMES else f"{some}, … ({len(every):,} in all)"


def csv_safe(table: pd.DataFrame) -> pd.DataFrame:
    """The table with an apostrophe before every text that a spreadsheet would run as a formula."""

    def safe(cell: object) -> object:
        return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell

    texts = table.select_dtypes(["object", "str"]).columns
    return table.assign(**{str(name): table[name].map(safe) for name in texts})


def percent(share: float) -> str:
    """'0.42 %', '4.2 %', '42 %' of a fraction."""
    percent = 100 * share
    return f"{percent:.2f} %" if percent < 1 else f"{percent:.1f} %" if percent < 10 else f"{percent:.0f} %"


def interval(low: float, high: float) -> str:
    """'+0.40 … +2.10 %' of two fractions."""
    return f"{100 * low:+.2f} … {100 * high:+.2f} %"


def p_value(p: float) -> str:
    """'p < 0.001', 'p = 0.042', 'p = 0.42'."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def count(number: int, what: str) -> str:
    """'1 fold', '5 folds'."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def listed(names: Sequence[str]) -> str:
    """'a, b and c'."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def some(names: Sequence[str], between: str = ", ", most: int = 20) -> str:
    """'a, b, c'; of many the first, 'a, b, and 63 more'."""
    rest = len(names) - most
    return between.join([*names[:most], *([f"and {rest:,} more"] if rest > 0 else [])])


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    return text[:1].upper() + text[1:] + "."


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


def _escaped(letter: str) -> str:
    code = ord(letter)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
