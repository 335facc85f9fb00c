"""gatecast score."""

from __future__ import annotations

from typing import Annotated

import typer

from gatecast.cli.options import AsJson, LedgerPlace, Quiet
from gatecast.cli.output import FINDING, echo, print_json
from gatecast.language import say


def score(
    symbol: Annotated[
        list[str] | None,
        typer.Option("--symbol", "--symbols", help=say("of this symbol only; may be repeated")),
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option("--model", "--models", help=say("of this model only; may be repeated"))
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="DATE", help=say("first origin, YYYY-MM-DD"))] = None,
    check: Annotated[
        list[str] | None,
        typer.Option(metavar="CONDITION", help=say("as coverage80<0.7: end with 3 where it is true")),
    ] = None,
    ledger: LedgerPlace = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """The command; `gatecast.cli.app.HELP` says what it does."""
    from gatecast.ledger import Ledger
    from gatecast.ledger.checks import Check
    from gatecast.ledger.track import track_record

    checks = [Check.parse(text) for text in check or ()]
    track = track_record(Ledger(ledger), symbols=symbol, models=model, since=since)
    findings = [text for one in checks for text in one.findings(track.records)]
    if as_json:
        print_json({**track.summary(), "findings": findings})
    else:
        echo(track.text)
    for text in findings:
        echo(say("gatecast: {text}", text=text), err=True)
    if findings:
        raise typer.Exit(FINDING)
