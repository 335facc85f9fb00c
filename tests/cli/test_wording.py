"""Messages of the library in the words of the command line."""

import pytest

from gatecast.cli.wording import ARGUMENT, as_flags
from gatecast.settings.reading import Reading


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('Give calendar="XKRX", or another.', "Give --calendar XKRX, or another."),
        ('decimal="." or decimal=","', "--decimal . or --decimal ,"),
        ('as date_format="%d. %m. %Y"', "as --date-format '%d. %m. %Y'"),
        ("dayfirst=True or dayfirst=False", "--dayfirst or --no-dayfirst"),
        ("strict=True refuses such rows", "--strict refuses such rows"),
        ('open = high, "close" = 3, x="y"', 'open = high, "close" = 3, x="y"'),
    ],
)
def test_arguments_become_flags(text: str, expected: str) -> None:
    assert as_flags(text) == expected


@pytest.mark.parametrize("name", Reading.model_fields)
def test_every_way_of_reading_is_translated(name: str) -> None:
    assert ARGUMENT.fullmatch(f'{name}="x"')
