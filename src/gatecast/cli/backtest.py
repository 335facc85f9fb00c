"""gatecast backtest."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from gatecast.cli.experiments import names
from gatecast.cli.options import AsJson, NoCharts, Overwrite, Quiet
from gatecast.cli.output import echo, print_json
from gatecast.language import say


def backtest(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help=say("a run folder, written by gatecast compare"))
    ],
    models: Annotated[
        str | None, typer.Option("--models", "--model", help=say("of the run, comma-separated; default: all"))
    ] = None,
    rules: Annotated[str, typer.Option(help="comma-separated")] = "sign,threshold,volatility",
    execution: Annotated[
        str | None,
        typer.Option(
            help=say("next-open or next-close; default: the open where the data have one to trade at")
        ),
    ] = None,
    cost: Annotated[float | None, typer.Option(metavar="BPS", help=say("basis points a side"))] = None,
    costs: Annotated[
        str | None,
        typer.Option(help=say("us, korea (dated, with their source) or none; default: by exchange")),
    ] = None,
    short: Annotated[
        bool, typer.Option("--short/--no-short", help=say("long and short, or long and flat"))
    ] = True,
    target_volatility: Annotated[float, typer.Option(help=say("of a year, for the volatility rule"))] = 0.1,
    cap: Annotated[float, typer.Option(help=say("its largest position, in times the money"))] = 1.0,
    trials: Annotated[
        int | None, typer.Option(help=say("strategies tried in all, where more than these"))
    ] = None,
    draws: Annotated[int, typer.Option(help=say("random times the positions are moved to"))] = 500,
    seed: Annotated[int, typer.Option(help=say("of the random times"))] = 0,
    out: Annotated[Path | None, typer.Option(help=say("folder for the page, pictures and daily.csv"))] = None,
    overwrite: Overwrite = False,
    no_charts: NoCharts = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """The command; `gatecast.cli.app.HELP` says what it does."""
    from gatecast.api import backtest as backtests
    from gatecast.api.opening import open_run
    from gatecast.folders import BACKTEST, check_folder

    if out is not None:
        check_folder(out, BACKTEST, overwrite=overwrite)
    tested = backtests.backtest(
        open_run(run),
        None if models is None else names(models),
        rules=() if rules is None else names(rules),
        execution=execution,
        cost=cost,
        costs=costs,
        short=short,
        target_volatility=target_volatility,
        cap=cap,
        trials=trials,
        draws=draws,
        seed=seed,
    )
    if out is not None:
        tested.save(out, overwrite=overwrite, charts=False)
    if as_json:
        print_json(tested.summary() | ({"folder": str(out)} if out is not None else {}))
    else:
        echo(tested.text)
    sys.stdout.flush()
    page = out is not None and not no_charts and tested.draw(out)
    if out is not None and not as_json:
        echo(
            say("\nThe page: {out}", out=out / "backtest.html")
            if page
            else say("\nThe backtest: {out}", out=out)
        )
