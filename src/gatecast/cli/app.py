"""The command line: one module per command, no logic of its own."""

from __future__ import annotations

from typing import Annotated

import typer

from gatecast._version import __version__
from gatecast.cli.audit import audit
from gatecast.cli.backtest import backtest
from gatecast.cli.compare import compare
from gatecast.cli.data import app as data
from gatecast.cli.forecast import forecast
from gatecast.cli.recipe import recipe
from gatecast.cli.score import score

app = typer.Typer(
    name="gatecast",
    help='Forecast prices with recurrent networks and say whether they beat "tomorrow = today".',
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gatecast {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", help="print the version", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


app.add_typer(data, name="data")
for command in (compare, forecast, score, recipe, backtest, audit):
    app.command()(command)
