"""The command line: one module per command, no logic of its own."""

from __future__ import annotations

from typing import Annotated

import typer

from gatecast._version import __version__
from gatecast.cli.audit import audit
from gatecast.cli.backtest import backtest
from gatecast.cli.compare import compare
from gatecast.cli.data import app as data
from gatecast.cli.flags import with_language
from gatecast.cli.forecast import forecast
from gatecast.cli.judge import judge
from gatecast.cli.options import Language
from gatecast.cli.recipe import recipe
from gatecast.cli.runs import runs
from gatecast.cli.score import score
from gatecast.cli.translated import translate_help
from gatecast.language import say

HELP = {
    "compare": say(
        "Train every model over many seeds and refits, beside naive, and say whether anything was "
        "learned.\n\nA comparison that was stopped goes on where it was when it is started again with "
        "the same --out."
    ),
    "runs": say(
        "List runs: which are finished, which are being computed, and which were stopped and can go on."
    ),
    "judge": say(
        "Judge forecasts that were made elsewhere: do they beat naive, and are their intervals right?"
    ),
    "forecast": say(
        "Forecast the next sessions with prediction intervals, and the model's record beside them."
    ),
    "score": say("Fetch the sessions since, and score every recorded forecast that is due."),
    "recipe": say("Run a tutorial that many people copy: as it is written, and done right."),
    "backtest": say(
        "Trade on the forecasts of a run: what would it have earned after costs, and is that luck?"
    ),
    "audit": say(
        "Change the prices and see which forecasts move: does any depend on what was not yet known?"
    ),
}
# Shown under the help of a command; an empty line between two, or they would be one.
EXAMPLES = {
    "compare": """gatecast compare prices.csv

gatecast compare yahoo:TSLA --models lstm,gru,naive --horizon 5

gatecast compare sp500.parquet --symbols AAPL,MSFT --output student_t --seeds 3 --out runs/two

gatecast compare --resume runs/two""",
    "runs": """gatecast runs

gatecast runs experiments --json""",
    "judge": """gatecast judge forecasts.parquet prices.csv

gatecast judge nixtla.csv yahoo:TSLA --trained-until 2024-12-31 --out judged

gatecast judge opens.csv prices.csv --column open --json""",
    "forecast": """gatecast forecast prices.csv --horizon 5

gatecast forecast yahoo:TSLA --model lstm --out tomorrow.png

gatecast forecast prices.csv --run runs/two --model gru --no-ledger""",
    "score": """gatecast score

gatecast score --symbol AAPL --since 2026-01-01

gatecast score --quiet --check 'coverage80<0.7'""",
    "audit": """gatecast audit my_module:my_pipeline prices.csv

gatecast audit my_module:my_pipeline yahoo:TSLA --quick

gatecast audit my_module:my_pipeline prices.csv --check --json""",
    "backtest": """gatecast backtest runs/two

gatecast backtest runs/two --models gru --costs us --no-short

gatecast backtest runs/two --rules sign --cost 2 --out money""",
}

app = typer.Typer(
    name="gatecast",
    help=say('Forecast prices with recurrent networks and say whether they beat "tomorrow = today".'),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


translate_help()


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(say("gatecast {version}", version=__version__))
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", help=say("print the version"), callback=_print_version, is_eager=True)
    ] = False,
    lang: Language = None,
) -> None:
    pass


app.add_typer(data, name="data")
for command in (compare, runs, judge, forecast, score, recipe, backtest, audit):
    name = command.__name__
    examples = f"{say('Examples:')}\n\n{EXAMPLES[name]}" if name in EXAMPLES else None
    app.command(help=HELP[name], epilog=examples)(with_language(command))
