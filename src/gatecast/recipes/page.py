"""A run of a tutorial → one Markdown page with its pictures, and the same in brief for a terminal."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from gatecast.folders import RECIPES, added_files, check_added
from gatecast.recipes.frames import label_of
from gatecast.recipes.pictures import packed
from gatecast.recipes.running import Run
from gatecast.report.pictures import to_pngs
from gatecast.report.rendering import drawing

TITLES = {"as_written": ("As written", "What it shows"), "corrected": ("Done right", "What is true")}
TEMPLATES = Environment(
    loader=PackageLoader("gatecast.recipes"),
    autoescape=False,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def write_page(run: Run, folder: Path, command: str) -> Path:
    """Write NAME.md and its pictures into `folder`, beside those of other recipes and over its own of before.

    A picture that cannot be drawn is a DrawingWarning, and missing on the page.

    Raises
        RunError: a file of the same name is there that gatecast did not write, or nothing can be written.
    """
    name = run.tutorial.name
    charts = {
        f"{name}-{key}.png": chart for side in run.sides.values() for key, chart in side.pictures.items()
    }
    with added_files(folder, RECIPES) as partial:
        with drawing("the pictures"):
            for file, png in to_pngs(charts).items():
                (partial / file).write_bytes(packed(png))
        drawn = {path.name for path in partial.iterdir()}
        (partial / f"{name}.md").write_text(page(run, command, drawn), encoding="utf-8")
    return folder / f"{name}.md"


def check_page(name: str, folder: Path) -> None:
    """Raise now what `write_page` would raise after long work."""
    check_added(folder, RECIPES, [f"{name}.md", *(path.name for path in folder.glob(f"{name}-*.png"))])


def page(run: Run, command: str, drawn: Container[str]) -> str:
    """The page as Markdown, with the pictures that were drawn."""
    labels = dict.fromkeys(label for side in run.sides.values() for label in side.numbers)
    index = run.frame.index
    return TEMPLATES.get_template("page.md").render(
        contents(run),
        data=Path(run.data).name,
        rows=f"{len(index):,}",
        dates=[label_of(index[0]), label_of(index[-1])] if isinstance(index, pd.DatetimeIndex) else [],
        downloaded=run.data.startswith("yahoo:"),
        drawn=drawn,
        numbers=[[label, *(side.numbers.get(label, "–") for side in run.sides.values())] for label in labels],
        command=command,
    )


def text(run: Run) -> str:
    """What the command line prints."""
    return TEMPLATES.get_template("terminal.txt").render(contents(run)).rstrip("\n")


def contents(run: Run) -> dict[str, Any]:
    """What page and terminal show: the tutorial, and of each side that was run the titles and itself."""
    return {
        "tutorial": run.tutorial,
        "parts": [(*TITLES[name], side) for name, side in run.sides.items()],
    }


def command_of(run: Run, folder: Path, epochs: int | None, seed: int) -> str:
    """The command that makes the page of a run."""
    side = "" if len(run.sides) == 2 else " --as-written" if run.as_written else " --corrected"
    data = "" if run.data.startswith("yahoo:") else f" --data {Path(run.data).name}"
    settings = (f" --epochs {epochs}" if epochs else "") + (f" --seed {seed}" if seed else "")
    return f"gatecast recipe {run.tutorial.name}{side}{data}{settings} --out {folder.as_posix()}"
