"""The notebooks of examples/: that the site shows each as it is."""

from __future__ import annotations

import re
from pathlib import Path

import jupytext
import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "examples").glob("*.py"))
PAGES = ROOT / "docs" / "en" / "examples"


def test_every_notebook_has_a_page() -> None:
    assert SOURCES and {page.stem for page in PAGES.glob("*.md")} == {source.stem for source in SOURCES}


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_a_page_has_the_cells_of_its_notebook_and_its_pictures(source: Path) -> None:
    """`python docs/notebooks.py` makes the pages anew."""
    text = (PAGES / f"{source.stem}.md").read_text("utf-8")
    place = 0
    for cell in jupytext.read(source).cells:
        shown = cell.source if cell.cell_type == "markdown" else f"```python\n{cell.source}\n```"
        place = text.index(shown, place) + len(shown)
    assert f"({source.stem}.ipynb){{ download }}" in text
    pictures = re.findall(r"!\[.+\]\((.+)\)", text)
    assert pictures and all((PAGES / picture).is_file() for picture in pictures)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_the_notebook_beside_a_page_is_its_source_not_yet_run(source: Path) -> None:
    """`python docs/notebooks.py` writes it anew."""
    notebook = jupytext.read(PAGES / f"{source.stem}.ipynb")
    ours, theirs = (
        [(cell.cell_type, cell.source) for cell in one.cells] for one in (jupytext.read(source), notebook)
    )
    assert ours == theirs
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)
