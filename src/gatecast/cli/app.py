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
from gatecast.cli.judge import judge
from gatecast.cli.recipe import recipe
from gatecast.cli.runs import runs
from gatecast.cli.score import score

# Shown under the help of a command; an empty line between two, or they would be one.
EXAMPLES = {
    "compare": """Examples:

gatecast compare prices.csv

gatecast compare yahoo:TSLA --models lstm,gru,naive --horizon 5

gatecast compare sp500.parquet --symbols AAPL,MSFT --output student_t --seeds 3 --out runs/two

gatecast compare --resume runs/two""",
    "runs": """Examples:

gatecast runs

gatecast runs experiments --json""",
    "judge": """Examples:

gatecast judge forecasts.parquet prices.csv

gatecast judge nixtla.csv yahoo:TSLA --trained-until 2024-12-31 --out judged

gatecast judge opens.csv prices.csv --column open --json""",
    "forecast": """Examples:

gatecast forecast prices.csv --horizon 5

gatecast forecast yahoo:TSLA --model lstm --out tomorrow.png

gatecast forecast prices.csv --run runs/two --model gru --no-ledger""",
    "score": """Examples:

gatecast score

gatecast score --symbol AAPL --since 2026-01-01

gatecast score --quiet --check 'coverage80<0.7'""",
    "audit": """Examples:

gatecast audit my_module:my_pipeline prices.csv

gatecast audit my_module:my_pipeline yahoo:TSLA --quick

gatecast audit my_module:my_pipeline prices.csv --check --json""",
    "backtest": """Examples:

gatecast backtest runs/two

gatecast backtest runs/two --models gru --costs us --no-short

gatecast backtest runs/two --rules sign --cost 2 --out money""",
}

app = typer.Typer(
    name="gatecast",
    help='Forecast prices with recurrent networks and say whether they beat "tomorrow = today".',
    no_args_is_help=True,
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
for command in (compare, runs, judge, forecast, score, recipe, backtest, audit):
    app.command(epilog=EXAMPLES.get(command.__name__))(command)
