"""A run of a recipe → one Markdown page with its pictures, and the same in brief for a terminal."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from pathlib import Path

import pandas as pd

from gatecast.folders import RECIPES, added_files, check_added
from gatecast.recipes.common import Recipe, Run, Side, label_of

SIDES = {"as_written": "As written", "corrected": "Done right"}


def write_page(run: Run, folder: Path, command: str) -> Path:
    """Write NAME.md and its pictures into `folder`, beside those of other recipes and over its own of before.

    A picture that cannot be drawn is a DrawingWarning, and missing on the page.

    Raises
        RunError: a file of the same name is there that gatecast did not write, or nothing can be written.
    """
    from gatecast.recipes.pictures import packed
    from gatecast.report.pictures import drawing, to_pngs

    name = run.recipe.name
    charts = {
        f"{name}-{key}.png": chart for side in sides(run).values() for key, chart in side.pictures.items()
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
    recipe, shown = run.recipe, sides(run)
    parts = [f"# {recipe.title}", f"{recipe.does}", _data(run)]
    if run.as_written is not None:
        parts += ["## What it shows", *_pictures(recipe, run.as_written, drawn), _items(run.as_written.says)]
    if run.corrected is not None:
        parts += ["## What is true", *_pictures(recipe, run.corrected, drawn), _items(run.corrected.says)]
        if run.corrected.table is not None:
            parts.append(_table(run.corrected.table.columns, run.corrected.table.to_numpy()))
    parts += ["## The numbers", _numbers(shown), "## What differs", _differences(recipe)]
    if recipe.note:
        parts.append(recipe.note)
    parts.append(f"---\nEvery number and picture on this page was made by\n\n    {command}")
    return "\n\n".join(parts) + "\n"


def command_of(run: Run, folder: Path, epochs: int | None, seed: int) -> str:
    """The command that makes the page of a run."""
    both = len(sides(run)) == len(SIDES)
    side = "" if both else " --as-written" if run.as_written else " --corrected"
    data = "" if run.data.startswith("yahoo:") else f" --data {Path(run.data).name}"
    settings = (f" --epochs {epochs}" if epochs else "") + (f" --seed {seed}" if seed else "")
    return f"gatecast recipe {run.recipe.name}{side}{data}{settings} --out {folder.as_posix()}"


def text(run: Run) -> str:
    """What the command line prints."""
    lines = [run.recipe.title]
    for name, side in sides(run).items():
        lines += ["", SIDES[name], *(f"  {sentence}" for sentence in side.says)]
        lines += [f"  {label}: {value}" for label, value in side.numbers.items()]
    return "\n".join(lines)


def sides(run: Run) -> dict[str, Side]:
    """The sides that were run, by their names in SIDES."""
    both = {"as_written": run.as_written, "corrected": run.corrected}
    return {name: side for name, side in both.items() if side is not None}


def _data(run: Run) -> str:
    first, last = label_of(run.frame.index[0]), label_of(run.frame.index[-1])
    told = f"Data: {Path(run.data).name}, {len(run.frame):,} rows"
    told += f", {first} to {last}." if isinstance(run.frame.index, pd.DatetimeIndex) else "."
    if run.data.startswith("yahoo:"):
        told += " Yahoo rescales old prices after every split, so the digits differ from the tutorial's."
    return told


def _pictures(recipe: Recipe, side: Side, drawn: Container[str]) -> list[str]:
    files = {name: f"{recipe.name}-{name}.png" for name in side.pictures}
    return [f"![{name.replace('-', ' ')}]({file})" for name, file in files.items() if file in drawn]


def _items(sentences: Sequence[str]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)


def _numbers(shown: dict[str, Side]) -> str:
    labels = dict.fromkeys(label for side in shown.values() for label in side.numbers)
    rows = [[label, *(side.numbers.get(label, "–") for side in shown.values())] for label in labels]
    return _table(["", *(SIDES[name].lower() for name in shown)], rows)


def _differences(recipe: Recipe) -> str:
    rows = [
        [difference.written, difference.right, f"`{difference.finds}`" if difference.finds else ""]
        for difference in recipe.differences
    ]
    return _table(["as written", "done right", "the audit says"], rows)


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
