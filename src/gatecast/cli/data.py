"""gatecast data check."""

from __future__ import annotations

import warnings
from typing import Annotated, Literal

import typer

from gatecast.cli.options import AsJson
from gatecast.cli.output import echo, print_json

app = typer.Typer(help="Look at price data.", no_args_is_help=True)


@app.command()
def check(
    file: Annotated[str, typer.Argument(help="a source, as in compare")],
    calendar: Annotated[str | None, typer.Option(help="exchange calendar (XNYS, XKRX, …) or daily")] = None,
    keep: Annotated[
        Literal["first", "last"] | None, typer.Option(help="of two rows of one session: first or last")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="refuse rows that would be left out or sorted")
    ] = False,
    decimal: Annotated[Literal[".", ","] | None, typer.Option(help="the decimal mark of the numbers")] = None,
    as_json: AsJson = False,
) -> None:
    """Print what is in a price file and what is odd about it."""
    from gatecast.data.sources import load

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the report holds them
        prices = load(file, calendar=calendar, keep=keep, strict=strict, decimal=decimal)
    if as_json:
        print_json(prices.summary())
    else:
        echo(prices.report())
