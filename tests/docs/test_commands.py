"""Every command that the pages name is one, with flags that there are; its reference is the program's own."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest
import typer

from gatecast.cli.app import app

ROOT = Path(__file__).parents[2]
GENERATED = ROOT / "docs" / "en" / "reference" / "commands.md"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
CODE = re.compile(r"^```[a-z]*\n(.*?)^```|((?:^    .*\n|^\n)+)", re.M | re.S)


def commands(text: str) -> list[str]:
    """The calls of gatecast in the blocks of code of a page."""
    blocks = ["".join(found).replace("\\\n", " ") for found in CODE.findall(text)]
    lines = [part.strip() for block in blocks for line in block.splitlines() for part in line.split("&&")]
    lines = [line.removeprefix("$ ") for line in lines]
    return [line for line in lines if line.startswith("gatecast ") and "[OPTIONS]" not in line]


CALLS = sorted({call for page in PAGES for call in commands(page.read_text("utf-8"))})


def script() -> ModuleType:
    """docs/commands.py."""
    spec = importlib.util.spec_from_file_location("docs_commands", ROOT / "docs" / "commands.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def parse(call: str) -> None:
    """Raises where the command line would refuse it; nothing is run."""
    name, *words = shlex.split(call, comments=True)
    command, context = typer.main.get_command(app), None
    while True:
        context = command.make_context(name, words, parent=context)
        if not hasattr(command, "resolve_command"):
            return
        name, command, words = command.resolve_command(context, [*context._protected_args, *context.args])


def test_calls_are_found() -> None:
    assert "gatecast compare sample:sp500" in CALLS
    assert any(call.startswith("gatecast judge forecasts.csv prices.csv") for call in CALLS)


@pytest.mark.parametrize("call", CALLS)
def test_it_is_a_command(call: str) -> None:
    parse(call)


@pytest.mark.parametrize("call", ["gatecast compar a.csv", "gatecast compare a.csv --horizn 3"])
def test_what_is_no_command_is_found(call: str) -> None:
    with pytest.raises(Exception, match=r"No such (command|option)"):
        parse(call)


def test_the_reference_is_what_the_program_says() -> None:
    assert GENERATED.read_text("utf-8") == script().page(), "python docs/commands.py writes it anew"
