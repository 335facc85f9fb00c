"""A run of a recipe → one Markdown page with its pictures, and the same in brief for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from gatecast.errors import RunError
from gatecast.recipes.common import Recipe, Run, Side, label_of

SIDES = {"as_written": "As written", "corrected": "Done right"}


def write_page(run: Run, folder: Path, command: str) -> Path:
    """Write NAME.md and its pictures into `folder`, beside those of other recipes.

    Raises
        RunError: the folder cannot be written.
    """
    from gatecast.recipes.pictures import packed
    from gatecast.report.pictures import to_png

    path = folder / f"{run.recipe.name}.md"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for side in sides(run).values():
            for name, chart in side.pictures.items():
                (folder / f"{run.recipe.name}-{name}.png").write_bytes(packed(to_png(chart)))
        path.write_text(page(run, command), encoding="utf-8")
    except OSError as error:
        raise RunError(f"{folder}: cannot be written ({error.strerror or error})") from None
    return path


def page(run: Run, command: str) -> str:
    """The page as Markdown."""
    recipe, shown = run.recipe, sides(run)
    parts = [f"# {recipe.title}", f"{recipe.does}", _data(run)]
    if run.as_written is not None:
        parts += ["## What it shows", *_pictures(recipe, run.as_written), _items(run.as_written.says)]
    if run.corrected is not None:
        parts += ["## What is true", *_pictures(recipe, run.corrected), _items(run.corrected.says)]
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


def _pictures(recipe: Recipe, side: Side) -> list[str]:
    return [f"![{name.replace('-', ' ')}]({recipe.name}-{name}.png)" for name in side.pictures]


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
