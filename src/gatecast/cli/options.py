"""Options that several commands have."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Annotated

import typer

from gatecast.errors import GatecastWarning
from gatecast.language import VARIABLE, named_language, say


def _be_quiet(wanted: bool) -> bool:
    if wanted:
        from gatecast.progress import be_quiet

        be_quiet()
        warnings.simplefilter("ignore", GatecastWarning)
    return wanted


def _speak(asked: str | None) -> str | None:
    """Make this process, and those it starts, speak a language."""
    if asked is not None:
        try:
            named_language(asked)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        os.environ[VARIABLE] = asked
    return asked


Language = Annotated[
    str | None,
    typer.Option(
        "--lang",
        metavar="LANGUAGE",
        help=say("language of what is said: en or ko; default GATECAST_LANG, else en"),
        callback=_speak,
        is_eager=True,
        rich_help_panel=say("Language"),
    ),
]
Sources = Annotated[
    list[str] | None,
    typer.Argument(
        help=say(
            "sample:sp500, sample:nasdaq, yahoo:SYMBOL, a file (CSV, Excel, JSON, Parquet, "
            "…), a folder, a pattern, sqlite:///FILE?table=NAME; several are pooled"
        )
    ),
]
Out = Annotated[Path | None, typer.Option(help=say("run folder; default runs/<time>-<source>"))]
Overwrite = Annotated[bool, typer.Option("--overwrite", help=say("replace what gatecast wrote there before"))]
NoCharts = Annotated[bool, typer.Option("--no-charts", help=say("no pictures and no page"))]
AllowCode = Annotated[
    bool,
    typer.Option("--allow-code", help=say("run the function that an experiment file names as its features")),
]
AsJson = Annotated[bool, typer.Option("--json", help=say("one JSON object on stdout and nothing else"))]
LedgerPlace = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help=say("the record of forecasts: a file or postgresql://…; default GATECAST_LEDGER, else your own"),
    ),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet", "-q", help=say("no progress and no warnings on stderr"), callback=_be_quiet, is_eager=True
    ),
]
NoLedger = Annotated[bool, typer.Option("--no-ledger", help=say("do not record this forecast"))]
