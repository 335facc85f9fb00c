"""Numbers as people write them: decimal marks, thousands, signs of currency, K, M and B."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

MISSING = frozenset({"", "-", "--", "na", "n/a", "#n/a", "nan", "null", "none", "nat", "<na>", "."})
UNITS = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12, "%": 0.01}
CURRENCY = re.compile(r"^[+-]?\s*(?:R|US|HK|NT|A|C|S)?[$€£¥₩₹]\s*|\s*(?:[$€£¥₩₹원円元건주株]|zł|kr|Kč)$")
POINT = re.compile(r"[+-]?(?:[1-9]\d{0,2}([,'’ ])\d{3}(?:\1\d{3})*|\d+)?(?:\.\d*)?(?:[eE][+-]?\d+)?")
COMMA = re.compile(r"[+-]?(?:[1-9]\d{0,2}([.'’ ])\d{3}(?:\1\d{3})*|\d+)(?:,\d+)?(?:[eE][+-]?\d+)?")
INDIAN = re.compile(r"[+-]?\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d*)?")


def decimal_marks(cells: Iterable[object]) -> str:
    """The decimal marks with which all text among the cells can be read: "." and "," in this order.

    Both where every number that has a mark could be read with either, as 1,080 alone; "." where no number has
    a mark; none where nothing is a number.
    """
    bare = (_bare(cell)[0] for cell in cells if isinstance(cell, str))
    texts = [text for text in bare if text.lower() not in MISSING]
    fits = {
        text: (bool(_is_number(text, POINT) or INDIAN.fullmatch(text)), _is_number(text, COMMA))
        for text in texts
    }
    numbers = {text: fit for text, fit in fits.items() if any(fit)}
    if fits and not numbers:
        return ""
    # What is no number in either way says nothing of the mark.
    point, comma = (all(fit[mark] for fit in numbers.values()) for mark in (0, 1))
    marked = any("," in text or "." in text for text in numbers)
    return "." * point + "," * (comma and marked)


def are_numbers(cells: Sequence[object]) -> bool:
    """Whether there are cells, and all are numbers by one decimal mark, or empty."""
    return len(cells) > 0 and any(all(number(cell, mark) is not None for cell in cells) for mark in ".,")


def number(cell: object, decimal: str = ".") -> float | None:
    """A cell's number; NaN where it is empty, None where it is no number."""
    if isinstance(cell, int | float | np.number):
        try:
            return float(cell)
        except OverflowError:
            return np.inf
    text, unit = _bare(str(cell))
    if text.lower() in MISSING:
        return np.nan
    if decimal == "." and (_is_number(text, POINT) or INDIAN.fullmatch(text)):
        return float(re.sub(r"[,'’ ]", "", text)) * unit
    if decimal == "," and _is_number(text, COMMA):
        return float(re.sub(r"[.'’ ]", "", text).replace(",", ".")) * unit
    return None


def _bare(cell: str) -> tuple[str, float]:
    """The text without its sign of currency and its unit, and the unit."""
    text = cell.strip().replace("\xa0", " ").replace("\u202f", " ")
    if text.lower() in MISSING:
        return text, 1.0
    sign = "-" if text.startswith("-") else ""
    if CURRENCY.search(text) and any(letter.isdigit() for letter in text):
        text = sign + CURRENCY.sub("", text).lstrip("-")
    unit = text[-1:].lower()
    if unit in UNITS and text[:-1].rstrip()[-1:].isdigit():
        return text[:-1].strip(), UNITS[unit]
    return text, 1.0


def _is_number(text: str, pattern: re.Pattern[str]) -> bool:
    return bool(pattern.fullmatch(text)) and any(letter.isdigit() for letter in text)
