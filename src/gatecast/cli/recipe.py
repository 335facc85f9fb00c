"""gatecast recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gatecast.cli.options import AsJson, Quiet
from gatecast.cli.output import echo, print_json
from gatecast.language import say


def recipe(
    name: Annotated[str | None, typer.Argument(help=say("which; none: list them"))] = None,
    as_written: Annotated[bool, typer.Option("--as-written", help=say("only with its faults"))] = False,
    corrected: Annotated[bool, typer.Option("--corrected", help=say("only done right"))] = False,
    both: Annotated[bool, typer.Option("--both", help=say("the default"))] = False,
    data: Annotated[
        str | None, typer.Option(metavar="FILE", help=say("instead of the recipe's download"))
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help=say("of every training; default: the recipe's own"))
    ] = None,
    seed: Annotated[int, typer.Option(help=say("the first"))] = 0,
    out: Annotated[Path | None, typer.Option(help=say("folder for the page and its pictures"))] = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """The command; `gatecast.cli.app.HELP` says what it does."""
    from gatecast.recipes import NAMES, recipe_of
    from gatecast.recipes.page import check_page, command_of, text, write_page
    from gatecast.recipes.running import run

    if name is None:
        titles = {known: say(recipe_of(known).title) for known in NAMES}
        if as_json:
            print_json({"recipes": titles})
        else:
            typer.echo("\n".join(f"{known:<12}{title}" for known, title in titles.items()))
        return
    one = as_written != corrected and not both
    chosen = recipe_of(name)
    if out is not None:
        check_page(name, out)
    result = run(
        chosen,
        data=data,
        as_written=as_written or not one,
        corrected=corrected or not one,
        epochs=epochs,
        seed=seed,
    )
    page: Path | None = None
    try:
        if out is not None:
            page = write_page(result, out, command_of(result, out, epochs, seed))
    finally:  # also where the page cannot be written
        if as_json:
            print_json(result.summary() | ({"page": str(page)} if page else {}))
        else:
            echo(text(result) + (say("\n\nThe page: {page}", page=page) if page else ""))
