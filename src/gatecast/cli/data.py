"""gatecast data check."""

from __future__ import annotations

import warnings
from typing import Annotated, Any

import typer

from gatecast.cli.flags import with_settings
from gatecast.cli.options import AsJson
from gatecast.cli.output import echo, print_json
from gatecast.settings.reading import Reading

app = typer.Typer(help="Look at price data.", no_args_is_help=True)


@app.command()
@with_settings((Reading(), "Data", Reading.model_fields))
def check(
    file: Annotated[str, typer.Argument(help="a source, as in compare")],
    as_json: AsJson = False,
    **reading: Any,
) -> None:
    """Print what is in a price file and what is odd about it."""
    from gatecast.cli.experiments import reading_of
    from gatecast.data.sources import load

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the report holds them
        prices = load(file, **reading_of(reading).options)
    if as_json:
        print_json(prices.summary())
    else:
        echo(prices.report())
