"""A run of a tutorial → one Markdown page with its pictures, and the same in brief for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from gatecast.folders import RECIPES, added_files, check_added
from gatecast.language import ENGLISH, language, marked, say, speaking
from gatecast.recipes.frames import label_of
from gatecast.recipes.pictures import packed
from gatecast.recipes.running import Run
from gatecast.report.pictures import drawable_language, to_pngs
from gatecast.report.rendering import drawing

TITLES = {
    "as_written": (marked("As written"), marked("What it shows")),
    "corrected": (marked("Done right"), marked("What is true")),
}
TEMPLATES = Environment(
    loader=PackageLoader("gatecast.recipes"),
    autoescape=False,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
TEMPLATES.globals["say"] = say


def write_page(run: Run, folder: Path, command: str) -> Path:
    """Write NAME.md and its pictures into `folder`, beside those of other recipes and over its own of before.

    A picture that cannot be drawn is a DrawingWarning, and missing on the page.

    Raises
        RunError: a file of the same name is there that gatecast did not write, or nothing can be written.
    """
    name = run.tutorial.name
    sides = run.sides.values()
    titles: dict[str, str] = {}
    with added_files(folder, RECIPES) as partial:
        with drawing(say("the pictures")):
            with speaking(drawable_language()):
                charts = {
                    f"{name}-{key}.png": draw() for side in sides for key, draw in side.pictures.items()
                }
            for file, png in to_pngs(charts).items():
                (partial / file).write_bytes(packed(png))
                titles[file] = charts[file].title.text
        (partial / f"{name}.md").write_text(page(run, command, titles), encoding="utf-8")
    return folder / f"{name}.md"


def check_page(name: str, folder: Path) -> None:
    """Raise now what `write_page` would raise after long work."""
    check_added(folder, RECIPES, [f"{name}.md", *(path.name for path in folder.glob(f"{name}-*.png"))])


def page(run: Run, command: str, drawn: Mapping[str, str]) -> str:
    """The page as Markdown; drawn: the titles of the pictures there are, by file."""
    labels = dict.fromkeys(label for side in run.sides.values() for label in side.numbers)
    index = run.frame.index
    return TEMPLATES.get_template("page.md").render(
        contents(run),
        data=Path(run.data).name,
        rows=len(index),
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
        "parts": [(*map(say, TITLES[name]), side) for name, side in run.sides.items()],
    }


def command_of(run: Run, folder: Path, epochs: int | None, seed: int) -> str:
    """The command that makes the page of a run."""
    side = "" if len(run.sides) == 2 else " --as-written" if run.as_written else " --corrected"
    data = "" if run.data.startswith("yahoo:") else f" --data {Path(run.data).name}"
    settings = (f" --epochs {epochs}" if epochs else "") + (f" --seed {seed}" if seed else "")
    spoken = "" if language() == ENGLISH else f" --lang {language()}"
    return f"gatecast recipe {run.tutorial.name}{side}{data}{settings} --out {folder.as_posix()}{spoken}"
