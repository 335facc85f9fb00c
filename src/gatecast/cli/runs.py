"""gatecast runs."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gatecast.cli.options import AsJson
from gatecast.cli.output import echo, print_json
from gatecast.formatting import percent, printable, some
from gatecast.language import say

if TYPE_CHECKING:
    from gatecast.api.runs import ListedRun


def runs(
    folder: Annotated[Path, typer.Argument(help=say("where to look for runs, also below it"))] = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """The command; `gatecast.cli.app.HELP` says what it does."""
    from gatecast.api.runs import runs_in

    found = runs_in(folder)
    if as_json:
        print_json({"runs": [run.as_dict() for run in found]})
    elif not found:
        echo(say("No runs in {folder}", folder=folder))
    else:
        _print(found)


def _print(found: list[ListedRun]) -> None:
    """Each run by its folder, to be copied, and what it is below it."""
    for run in found:
        state = run.state if run.state in ("finished", "damaged") else f"{run.state} {percent(run.share, 0)}"
        lines = (
            (f"{state} {_local(run.changed)}".strip(), run.verdict),
            (some(run.source, most=2), some(run.models, most=4)),
        )
        echo(printable(run.folder))
        for facts in filter(any, lines):
            echo("    " + printable(": ".join(filter(None, facts))))
    if stopped := [run.folder for run in found if run.state == "stopped"]:
        echo(say("What was stopped goes on with gatecast compare --resume {stopped}", stopped=stopped[-1]))


def _local(time: str) -> str:
    """A time in UTC as the user's clock shows it, to the minute."""
    return f"{datetime.fromisoformat(time).astimezone():%Y-%m-%d %H:%M}" if time else ""
