"""What commands print: text on which names and cells of the data may stand, and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import typer

from gatecast.formatting import printable_lines

FINDING = 3  # what --check ends with


def echo(text: object, *, err: bool = False) -> None:
    """Print text in which names and cells of the data may stand."""
    typer.echo(printable_lines(str(text)), err=err)


def choices(names: Iterable[str]) -> str:
    """'rnn, lstm or gru', for a help text."""
    *others, last = names
    return f"{', '.join(others)} or {last}"


def print_json(value: dict[str, Any]) -> None:
    """Print one JSON object."""
    typer.echo(json.dumps(value, allow_nan=False))
