"""gatecast judge."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from gatecast.cli.experiments import reading_of
from gatecast.cli.flags import with_settings
from gatecast.cli.options import AsJson, NoCharts, Overwrite, Quiet, Sources
from gatecast.cli.output import echo, print_json
from gatecast.language import say
from gatecast.settings.judged import Judged
from gatecast.settings.reading import Reading


@with_settings((Reading(), "Data", Reading.model_fields))
def judge(
    forecasts: Annotated[
        Path,
        typer.Argument(metavar="FORECASTS", help=say("a table of forecasts: dates and prices")),
    ],
    source: Sources = None,
    column: Annotated[str, typer.Option(help=say("the price that is forecast"))] = "close",
    trained_until: Annotated[
        str | None,
        typer.Option(metavar="DATE", help=say("last day the models were trained on; later ones are judged")),
    ] = None,
    out: Annotated[Path | None, typer.Option(help=say("run folder, with its page"))] = None,
    overwrite: Overwrite = False,
    no_charts: NoCharts = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
    **settings: Any,
) -> None:
    """The command; `gatecast.cli.app.HELP` says what it does."""
    if not source:
        raise typer.BadParameter(
            say("give the prices after the forecasts: gatecast judge forecasts.csv prices.csv")
        )
    reading = reading_of(settings)
    asked = Judged(**reading.model_dump(), column=column, trained_until=trained_until)
    from gatecast.api import judgement
    from gatecast.data.sources import load
    from gatecast.folders import RUN, check_folder, check_not_a_source

    if out is not None:
        check_folder(out, RUN, overwrite=overwrite)
        check_not_a_source(out, [*source, str(forecasts)])
    result = judgement.run(asked, forecasts, load(list(source), **reading.options))
    if out is not None:
        result.save(out, overwrite=overwrite, charts=False)
    if as_json:
        print_json({**result.summary(), "run": out and str(out)})
    else:
        echo(f"{result.verdict.text}\n\n{result.table()}")
    sys.stdout.flush()  # before anything is drawn
    page = out is not None and not no_charts and result.draw(out)
    if out is not None and not as_json:
        echo(say("\nThe page: {out}", out=out / "report.html") if page else say("\nThe run: {out}", out=out))
