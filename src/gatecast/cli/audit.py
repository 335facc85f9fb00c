"""gatecast audit."""

from __future__ import annotations

from typing import Annotated

import typer

from gatecast.cli.experiments import make_current_folder_importable
from gatecast.cli.options import AsJson, Quiet
from gatecast.cli.output import FINDING, echo, print_json


def audit(
    pipeline: Annotated[str, typer.Argument(metavar="MODULE:FUNCTION", help="importable from this folder")],
    source: Annotated[
        str, typer.Argument(help="what it is given: a file, sample:… or yahoo:…")
    ] = "sample:sp500",
    column: Annotated[str, typer.Option(help="the column that is forecast")] = "close",
    quick: Annotated[bool, typer.Option("--quick", help="12 runs of the pipeline instead of 35")] = False,
    seed: Annotated[int, typer.Option(help="of the changes")] = 0,
    check: Annotated[bool, typer.Option("--check", help="end with 3 unless clean and decided")] = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Change the prices and see which forecasts move: does any depend on what was not yet known?"""
    make_current_folder_importable()
    from gatecast import auditing

    report = auditing.audit(auditing.named_pipeline(pipeline), source, column=column, quick=quick, seed=seed)
    if as_json:
        print_json(report.as_dict())
    else:
        echo(report)
    if check and not report.clean:
        raise typer.Exit(FINDING)
