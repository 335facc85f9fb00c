"""Numbers as sources write them: each reading, and where there are two."""

import math

import pytest

from gatecast.data.numbers import decimal_marks, number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1008.64", 1008.64), ("1,008.64", 1008.64), ("1'008.64", 1008.64), ("1 008.64", 1008.64),
        ("12,34,567.5", 1234567.5), ("$105.51", 105.51), ("€ 7", 7.0), ("105.51 €", 105.51), ("-$3.5", -3.5),
        ("3.31M", 3.31e6), ("582.3K", 582.3e3), ("2B", 2e9), (" 5 ", 5.0), ("1e3", 1000.0), (".5", 0.5),
        (4, 4.0),
    ],
)  # fmt: skip
def test_a_number_with_a_decimal_point(text: object, value: float) -> None:
    assert number(text) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "value"),
    [("10.256,00", 10256.0), ("8.733.596", 8733596.0), ("1,080", 1.08), ("7", 7.0), ("1 234,5", 1234.5)],
)
def test_a_number_with_a_decimal_comma(text: str, value: float) -> None:
    assert number(text, ",") == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize("text", ["abc", "1.2.3", "1,2,3", "$", "M", "1 2", "--5", "0x10", "1_000", "12,34"])
def test_what_is_no_number(text: str) -> None:
    assert number(text) is None


@pytest.mark.parametrize("text", ["", "-", "null", "N/A", "."])
def test_what_is_empty(text: str) -> None:
    value = number(text)
    assert value is not None and math.isnan(value)


@pytest.mark.parametrize(
    ("cells", "marks"),
    [
        (["1,008.64", "99.5"], "."),
        (["10.256,00", "10.362,5"], ","),
        (["99,5"], ","),
        (["1,080", "1,091"], ".,"),
        (["1,109,720"], "."),
        (["1.080"], ".,"),
        (["0.080"], "."),
        (["1 080.250"], "."),
        (["1.08"], "."),
        (["7", "8"], "."),
        (["1.5", "abc"], "."),
        (["1,23321E+11"], ","),
        (["abc"], ""),
    ],
)
def test_which_mark_can_be_that_of_decimals(cells: list[str], marks: str) -> None:
    assert decimal_marks(cells) == marks


@pytest.mark.parametrize("cell", ["R$ 1.5", "US$1.5", "HK$1.50"])
def test_dollars_and_reals(cell):
    assert number(cell) == 1.5
