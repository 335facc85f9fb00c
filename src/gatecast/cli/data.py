"""gatecast data check, gatecast data fix."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from gatecast.cli.experiments import reading_of
from gatecast.cli.flags import with_language, with_settings
from gatecast.cli.options import AsJson
from gatecast.cli.output import echo, print_json
from gatecast.cli.wording import as_flags
from gatecast.formatting import text_table
from gatecast.language import say
from gatecast.settings.reading import Reading

LEFT = {"jump", "stale", "constant", "close-outside-range"}  # kinds that may be errors and are not repaired

app = typer.Typer(help=say("Look at price data."), no_args_is_help=True)

WRONG_INPUT = 2
HELP = {
    "check": say(
        "Print what is in price files, how they were read, what is odd, and all that keeps one from "
        "being used.\n\nEnds with 2 where one cannot be used."
    ),
    "fix": say(
        "Write the prices adjusted for splits, in one unit, without stale ends; the file is not changed."
    ),
}


@app.command(help=HELP["check"])
@with_language
@with_settings((Reading(), "Data", Reading.model_fields))
def check(
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE…", help=say("files, folders; as in compare"))
    ],
    as_json: AsJson = False,
    **reading: Any,
) -> None:
    """The command; `HELP` says what it does."""
    from gatecast.data import unusable
    from gatecast.data.sources import assembled, examine
    from gatecast.errors import DataError

    how = reading_of(reading)
    reports, summaries, fine = [], [], True
    for source in sources:
        parts = examine(source, how)
        broken = [part for part in parts if part.problems]
        if not broken:
            try:
                prices = assembled(parts, how)
                reports.append(prices.report())
                summaries.append(prices.summary())
            except DataError as problem:
                broken = [unusable.unusable(source, problem)]
        if broken:
            fine = False
            reports += [unusable.report(part) for part in broken]
            summaries += [unusable.summary(part) for part in broken]
    if as_json:
        print_json(summaries[0] if len(sources) == 1 else {"sources": summaries})
    else:
        echo(as_flags("\n\n".join(reports)))
    if not fine:
        sys.exit(WRONG_INPUT)


@app.command(help=HELP["fix"])
@with_language
@with_settings((Reading(), "Data", Reading.model_fields))
def fix(
    file: Annotated[str, typer.Argument(help=say("a source, as in compare"))],
    out: Annotated[Path, typer.Option(help=say("the repaired prices: a new .csv or .parquet file"))],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help=say("replace the file of that name"))
    ] = False,
    as_json: AsJson = False,
    **reading: Any,
) -> None:
    """The command; `HELP` says what it does."""
    from gatecast.data.sources import fix as repaired
    from gatecast.data.writing import check_target, write_prices

    check_target(out, [file], overwrite=overwrite)
    prices = repaired(file, **reading_of(reading).options)
    write_prices(prices, out, overwrite=overwrite)
    if as_json:
        changes = [{**vars(change), "columns": list(change.columns)} for change in prices.changes]
        print_json({"written": str(out), "changes": changes, **prices.summary()})
        return
    heads = (say("repair"), say("symbol"), say("from"), say("to"), say("rows"), say("what was done"))
    rows = [
        (one.kind, one.symbol, one.start, one.end, f"{one.rows:,}", f"{', '.join(one.columns)} {one.what}")
        for one in prices.changes
    ]
    echo(text_table(heads, rows, words=4) if rows else say("There is nothing to repair."))
    left = [oddity for oddity in prices.oddities if oddity.kind in LEFT]
    for oddity in left:
        echo(as_flags(f"\nleft as it is: {oddity.kind}: {oddity.text}"))
        echo("\n".join(f"    {row}" for row in oddity.rows))
    echo(say("\nThe prices: {out}", out=out))
