import pandas as pd
import pytest

from gatecast.formatting import csv_safe, named, printable, printable_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, 삼성전자 – 1.5 %", "plain, 삼성전자 – 1.5 %"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\nb\tc\r\0", "a\\x0ab\\x09c\\x0d\\x00"),
        ("\x9b2J", "\\x9b2J"),
        ("abc\u202edef\u2066", "abc\\u202edef\\u2066"),
        ("\ud800 \U000e0001", "\\ud800 \\U000e0001"),
    ],
)
def test_what_moves_a_cursor_or_turns_text_around_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_long_text_is_cut() -> None:
    assert printable("x" * 100, 80) == "x" * 79 + "…"
    assert named(f"column{i}" for i in range(50)).endswith("column19, … (50 in all)")
    assert named(["a" * 500]) == "a" * 79 + "…"


def test_lines_stay_lines() -> None:
    assert printable_lines("a\n\x1bb") == "a\n\\x1bb"


def test_a_spreadsheet_takes_no_cell_for_a_formula() -> None:
    table = pd.DataFrame(
        {"symbol": ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM", "\t=1", "MSFT", "^GSPC"], "close": [-1.0] * 7}
    )
    safe = csv_safe(table)
    assert list(safe["symbol"]) == ["'=cmd|' /C calc'!A0", "'+1", "'-1", "'@SUM", "'\t=1", "MSFT", "^GSPC"]
    assert safe["close"].equals(table["close"])
