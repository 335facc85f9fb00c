"""gatecast audit."""

from __future__ import annotations

from typing import Annotated

import typer

from gatecast.cli.experiments import make_current_folder_importable
from gatecast.cli.options import AsJson, Quiet
from gatecast.cli.output import FINDING, echo, print_json
from gatecast.language import say


def audit(
    pipeline: Annotated[
        str, typer.Argument(metavar="MODULE:FUNCTION", help=say("importable from this folder"))
    ],
    source: Annotated[
        str, typer.Argument(help=say("what it is given: a file, sample:… or yahoo:…"))
    ] = "sample:sp500",
    column: Annotated[str, typer.Option(help=say("the column that is forecast"))] = "close",
    quick: Annotated[
        bool, typer.Option("--quick", help=say("12 runs of the pipeline instead of 35"))
    ] = False,
    seed: Annotated[int, typer.Option(help=say("of the changes"))] = 0,
    check: Annotated[bool, typer.Option("--check", help=say("end with 3 unless clean and decided"))] = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """The command; `gatecast.cli.app.HELP` says what it does."""
    make_current_folder_importable()
    from gatecast import auditing

    function = auditing.named_pipeline(pipeline)
    report = auditing.audit(function, source, column=column, quick=quick, seed=seed)
    if as_json:
        print_json(report.as_dict())
    else:
        echo(report)
    if check and not report.clean:
        raise typer.Exit(FINDING)
