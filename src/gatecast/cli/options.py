"""Options that several commands have."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated

import typer

from gatecast.errors import GatecastWarning


def _be_quiet(wanted: bool) -> bool:
    if wanted:
        from gatecast.progress import be_quiet

        be_quiet()
        warnings.simplefilter("ignore", GatecastWarning)
    return wanted


Sources = Annotated[
    list[str] | None,
    typer.Argument(
        help="sample:sp500, sample:nasdaq, yahoo:SYMBOL, a file (CSV, Excel, JSON, Parquet, …), a folder, a "
        "pattern, sqlite:///FILE?table=NAME; several are pooled"
    ),
]
Out = Annotated[Path | None, typer.Option(help="run folder; default runs/<time>-<source>")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="replace what gatecast wrote there before")]
NoCharts = Annotated[bool, typer.Option("--no-charts", help="no pictures and no page")]
AllowCode = Annotated[
    bool, typer.Option("--allow-code", help="run the function that an experiment file names as its features")
]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON object on stdout and nothing else")]
LedgerPlace = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="the record of forecasts: a file or postgresql://…; default GATECAST_LEDGER, else your own",
    ),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet", "-q", help="no progress and no warnings on stderr", callback=_be_quiet, is_eager=True
    ),
]
NoLedger = Annotated[bool, typer.Option("--no-ledger", help="do not record this forecast")]
