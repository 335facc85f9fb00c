"""What commands print: text on which names and cells of the data may stand, and JSON."""

from __future__ import annotations

import json
from typing import Any

import typer

from gatecast.formatting import printable_lines

FINDING = 3  # what --check ends with


def echo(text: object, *, err: bool = False) -> None:
    """Print text in which names and cells of the data may stand."""
    typer.echo(printable_lines(str(text)), err=err)


def print_json(value: dict[str, Any]) -> None:
    """Print one JSON object."""
    typer.echo(json.dumps(value, allow_nan=False))
