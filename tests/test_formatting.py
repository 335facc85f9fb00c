import pandas as pd
import pytest

from gatecast.errors import RunError, SettingError
from gatecast.formatting import csv_safe, named, printable, printable_lines, shortened


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


def test_a_message_has_no_endless_words_and_keeps_its_end() -> None:
    said = shortened(f'unknown model "{"x" * 10**5}". Known: gru\n\x1b[31m')
    assert (
        said.startswith('unknown model "xxx') and said.endswith("… Known: gru\n\\x1b[31m") and len(said) < 400
    )
    long = shortened("a b " * 10**5 + "Choose another.")
    assert len(long) < 5000 and long.endswith("Choose another.")
    assert shortened("prices.csv: row 3 – 삼성전자") == "prices.csv: row 3 – 삼성전자"


def test_every_message_about_input_is_harmless() -> None:
    assert str(RunError("run\x1b[2J: no run folder")) == "run\\x1b[2J: no run folder"
    assert len(str(SettingError("y" * 10**5))) < 400
