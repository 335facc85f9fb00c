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
    pictures = re.findall(r"!\[.+\]\((.+)\)", text)
    assert pictures and all((PAGES / picture).is_file() for picture in pictures)
