"""The notebooks of examples/ with what they put out, as pages of the site: python docs/notebooks.py [NAME …]

They go to docs/en/examples, and beside each page the notebook itself, not yet run, to be downloaded. A
test holds both to their source, and `.ci/run` runs the notebooks.
"""

from __future__ import annotations

import base64
import re
import sys
import textwrap
from pathlib import Path
from typing import Any

import jupytext
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "examples"
PAGES = ROOT / "docs" / "en" / "examples"
WIDTH = 88
ENGLISH = "Download the notebook", "What the code above draws"
KOREAN = "노트북 내려받기", "위의 코드가 그린 그림"
HANGUL = re.compile("[가-힣]")
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def main() -> None:
    """Run the notebooks of these names, or all, and write their pages."""
    PAGES.mkdir(exist_ok=True)
    for source in sorted(SOURCES.glob("*.py")):
        if not sys.argv[1:] or source.stem in sys.argv[1:]:
            notebook = jupytext.read(source)
            for number, cell in enumerate(notebook.cells):
                cell.id = f"cell-{number}"  # else another one every time
            jupytext.write(notebook, PAGES / f"{source.stem}.ipynb")
            NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(PAGES)}}).execute()
            (PAGES / f"{source.stem}.md").write_text(page_of(notebook, source.stem), encoding="utf-8")


def page_of(notebook: Any, name: str) -> str:
    """The page of a notebook that was run; its pictures are written beside it."""
    parts = []
    link, picture = KOREAN if HANGUL.search(notebook.cells[0].source) else ENGLISH
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            parts += [f"[{link}]({name}.ipynb){{ download }}"] if number == 0 else []
            continue
        parts.append(f"```python\n{cell.source}\n```")
        for output in cell.outputs:
            parts += shown(output, PAGES / f"{name}-{number}.png", picture)
    return "\n\n".join(parts) + "\n"


def shown(output: Any, picture: Path, words: str) -> list[str]:
    """An output as Markdown: a picture, described in `words`, else its text; of bars and warnings nothing."""
    data = output.get("data", {})
    if "image/png" in data:
        picture.write_bytes(base64.b64decode(data["image/png"]))
        return [f"![{words}]({picture.name})"]
    text = output.get("text") or data.get("text/plain", "")
    if not text.strip() or output.get("name") == "stderr" or "<progress" in data.get("text/html", ""):
        return []
    lines = [wrapped(line) for line in ESCAPES.sub("", text).rstrip().splitlines()]
    return ["\n".join(["```text", *lines, "```"])]


def wrapped(line: str) -> str:
    """A long line of prose in several; what has columns stays a line."""
    return line if "  " in line.strip() else textwrap.fill(line, WIDTH)


if __name__ == "__main__":
    main()
