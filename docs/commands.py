"""The page of the command line, as the program itself describes its commands: python docs/commands.py

It is written to docs/en/reference/commands.md; tests/docs/test_commands.py holds the page to the program.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import typer
from typer.cli import get_docs_for_click

from gatecast.cli.app import app

PAGE = Path(__file__).parent / "en" / "reference" / "commands.md"
HEAD = """\
# Command line

After this page you can use every command of gatecast with all its flags.

The answer goes to stdout and everything else to stderr. A command ends with 0 when it is done, with 2 when
the input is wrong (the message says what, where and what to do), with 1 for a fault of gatecast, and with 3
when `--check` has found something. Every flag is a setting of the same name in [Python](python.md).
"""


def page() -> str:
    """The page as Markdown."""
    command = typer.main.get_command(app)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command), name="gatecast", title="Command line")
    _, usage = text.split("\n\n**Usage**:", 1)
    usage = re.sub(r"^gatecast .*$", r"    \g<0>", usage, flags=re.M)  # the examples
    usage = re.sub(r"^\* `(\w+)`: .*$", lambda found: _entry(command, found), usage, flags=re.M)
    usage = re.sub(r"(`[^`]*`|^    gatecast .*$)|<", lambda found: found[1] or "&lt;", usage, flags=re.M)
    return f"{HEAD}\n**Usage**:{usage.rstrip()}\n"


def _entry(command: Any, found: re.Match[str]) -> str:
    """The line of a list of commands, with a link and the whole first sentence; of anything else as it is."""
    for path, group in (("gatecast", command), ("gatecast-data", command.commands["data"])):
        if found[1] in group.commands:
            help_text = " ".join((group.commands[found[1]].help or "").split("\n\n")[0].split())
            return f"* [`{found[1]}`](#{path}-{found[1]}): {help_text}"
    return found[0]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
