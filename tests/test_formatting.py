import numpy as np
import pandas as pd
import pytest

from gatecast.errors import RunError, SettingError
from gatecast.formatting import (
    basis_points,
    change,
    count,
    csv_safe,
    decimals_beside,
    estimate,
    interval,
    listed,
    named,
    number,
    p_cell,
    p_value,
    percent,
    plain,
    plus_minus,
    price,
    price_decimals,
    printable,
    printable_lines,
    sentence,
    shortened,
    signed,
    some,
    text_table,
    typeset,
)


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


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0.00"),
        (-0.001, "0.00"),
        (-1.234, "-1.23"),
        (99.996, "100.00"),
        (1234.567, "1,234.6"),
        (-57300.12, "-57,300"),
        (float("nan"), "–"),
        (float("inf"), "–"),
    ],
)
def test_numbers(value: float, shown: str) -> None:
    assert number(value, 2) == shown
    assert signed(value) == (f"+{shown}" if shown[0] in "19" else shown)


@pytest.mark.parametrize(
    ("share", "decimals", "shown"),
    [
        (0.0042, None, "0.42 %"),
        (0.042, None, "4.2 %"),
        (0.42, None, "42 %"),
        (0.42, 1, "42.0 %"),
        (-0.08123, 1, "-8.1 %"),
        (float("nan"), None, "–"),
    ],
)
def test_percentages(share: float, decimals: int | None, shown: str) -> None:
    assert percent(share, decimals) == shown


def test_changes_and_their_intervals() -> None:
    assert [change(share) for share in (0.0042, -0.0042, 0, np.nan)] == ["+0.42 %", "-0.42 %", "0.00 %", "–"]
    assert change(0.1234, 1) == "+12.3 %"
    assert interval(-0.0005, 0.0024, change) == "-0.05 % … +0.24 %"
    assert interval(90, 1100, price) == "90.000 … 1,100.00"
    assert interval(np.nan, 1, signed) == interval(0, np.inf, signed) == "–"
    assert [plus_minus(text) for text in ("0.46", "–")] == ["± 0.46", "–"]
    assert [estimate(0.551, 0.45), estimate(np.nan, np.nan)] == ["0.55 ± 0.45", "–"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (57300, "57,300.00"),
        (1234.5, "1,234.50"),
        (1.08451, "1.0845"),
        (0.00123456, "0.0012346"),
        (-37.63, "-37.630"),
        (0, "0.00"),
        (float("nan"), "–"),
    ],
)
def test_prices(value: float, shown: str) -> None:
    assert price(value) == shown


def test_a_column_of_prices_shows_four_digits_of_the_smallest() -> None:
    columns: list[list[float]] = [[57300, 0.5], [57300], [np.nan, 0], [1e-30]]
    assert [price_decimals(column) for column in columns] == [4, 0, 2, 8]


def test_basis_points() -> None:
    assert [basis_points(value) for value in (1.84, 110.3, 1234, np.nan)] == [
        "1.8 bp",
        "110 bp",
        "1,234 bp",
        "–",
    ]


@pytest.mark.parametrize(
    ("p", "sentence", "cell"),
    [
        (0.0, "p < 0.001", "< 0.001"),
        (0.0421, "p = 0.042", "0.042"),
        (0.42, "p = 0.42", "0.420"),
        (0.0498, "p = 0.0498", "0.050"),
        (0.05002, "p = 0.05002", "0.050"),
        (float("nan"), "p –", "–"),
    ],
)
def test_p_values(p: float, sentence: str, cell: str) -> None:
    assert (p_value(p), p_cell(p)) == (sentence, cell)


@pytest.mark.parametrize(
    ("limit", "value", "decimals", "shown"),
    [
        (8, 7.5, 1, "7.5"),
        (8, 7.96, 1, "7.96"),
        (8, 8.04, 0, "8.04"),
        (8, 8.0, 1, "8.0"),
        (0.0, 0.0004, 2, "0.0004"),
        (0.95, 0.9499, 2, "0.9499"),
        (8, float("nan"), 1, "nan"),
    ],
)
def test_a_number_is_written_on_its_side_of_the_limit(limit, value, decimals, shown) -> None:
    assert f"{value:.{decimals_beside(limit, value, decimals)}f}" == shown


def test_counts_and_lists() -> None:
    assert [count(n, "fold") for n in (0, 1, 5000)] == ["0 folds", "1 fold", "5,000 folds"]
    assert [listed(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]
    assert [some("abc"), some("abc", " / ", most=2)] == ["a, b, c", "a / b / and 1 more"]


def test_a_page_has_true_minus_signs_and_its_per_cent_signs_stay_beside_their_numbers() -> None:
    shown = typeset("-1.5 % … +2 % (slope -0.3), 2014-01-02, buy-and-hold, AR(2)-3, x-1")
    assert shown == "−1.5\u00a0% … +2\u00a0% (slope −0.3), 2014-01-02, buy-and-hold, AR(2)-3, x-1"


@pytest.mark.parametrize("variable", ["FORCE_COLOR", "TTY_INTERACTIVE", "COLUMNS"])
def test_a_table_is_the_same_plain_text_everywhere(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "1")
    rows = [["a", "-1.00", "word"], ["[bold]b[/] :smile:", "12,345.00", "\x1b[31m\n"], ["모형", "–", ""]]
    assert text_table(["", "number", "last"], rows).splitlines() == [
        "                       number          last",
        "a                       -1.00          word",
        "[bold]b[/] :smile:  12,345.00  \\x1b[31m\\x0a",
        "모형                        –",
    ]


def test_no_cell_of_a_table_is_cut_or_wrapped() -> None:
    name, numbers = "a long name " * 30, [f"{n:,}" for n in range(10**6, 10**6 + 60)]
    head, row = text_table(["model", *numbers], [[name, *numbers]]).splitlines()
    assert row.startswith(name) and row[len(name) :].split() == numbers == head.split()[1:]
    words = text_table(["a", "b", "n"], [["x", "y", "1"], ["long", "longer", "10"]], words=2)
    assert words.splitlines() == ["a     b        n", "x     y        1", "long  longer  10"]


def test_plain_data_has_no_nan() -> None:
    value = {"a": [np.float64("nan"), np.int64(3), pd.NA, float("inf")], 1: (True, None, "x")}
    assert plain(value) == {"a": [None, 3, None, None], "1": [True, None, "x"]}


def test_a_sentence_has_a_capital_and_a_full_stop() -> None:
    assert sentence("lstm's loss, CRPS") == "Lstm's loss, CRPS."
