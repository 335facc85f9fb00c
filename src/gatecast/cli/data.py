"""gatecast data check."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from gatecast.cli.experiments import reading_of
from gatecast.cli.flags import with_settings
from gatecast.cli.options import AsJson
from gatecast.cli.output import echo, print_json
from gatecast.cli.wording import as_flags
from gatecast.settings.reading import Reading

app = typer.Typer(help="Look at price data.", no_args_is_help=True)

WRONG_INPUT = 2


@app.command()
@with_settings((Reading(), "Data", Reading.model_fields))
def check(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE…", help="files, folders; as in compare")],
    as_json: AsJson = False,
    **reading: Any,
) -> None:
    """Print what is in price files, how they were read, what is odd, and all that keeps one from being used.

    Ends with 2 where one cannot be used.
    """
    from gatecast.data import unusable
    from gatecast.data.prices import Prices
    from gatecast.data.sources import examine

    how = reading_of(reading)
    reports, summaries, fine = [], [], True
    for source in sources:
        parts = examine(source, how)
        broken = [part for part in parts if part.problems]
        if broken:
            fine = False
            reports += [unusable.report(part) for part in broken]
            summaries += [unusable.summary(part) for part in broken]
        else:
            prices = Prices.assemble(
                parts, start=how.start, end=how.end, symbols=how.symbols, adjust=how.adjust
            )
            reports.append(prices.report())
            summaries.append(prices.summary())
    if as_json:
        print_json(summaries[0] if len(sources) == 1 else {"sources": summaries})
    else:
        echo(as_flags("\n\n".join(reports)))
    if not fine:
        sys.exit(WRONG_INPUT)
