"""The pages say what the program says: their examples run, and what they quote is what is printed."""

from __future__ import annotations

import re
import sys
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ..models.foreign import stand_ins

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```python\n(.*?)^```\n(.*?)(?=^```python|\Z)", re.M | re.S)
QUOTE = re.compile(r"(?:^> .*\n)+", re.M)


class Example(NamedTuple):
    """A block of Python and what the page quotes of its output; the blocks of a page are one program."""

    page: Path
    code: str
    quotes: tuple[str, ...]


EXAMPLES = {
    f"{page}, block {number}": Example(page, code, tuple(QUOTE.findall(text)))
    for page in sorted(path.relative_to(DOCS) for path in DOCS.rglob("*.md"))
    if not {"examples", "ko"} & {*page.parts}  # run as notebooks; the code of the English pages
    for number, (code, text) in enumerate(BLOCK.findall((DOCS / page).read_text("utf-8")), 1)
}


def words(text: str) -> str:
    return " ".join(re.sub(r"^> ", "", text, flags=re.M).split())


def test_the_examples_and_what_they_quote_are_found() -> None:
    names = {name for name, example in EXAMPLES.items() if example.quotes}
    assert {"en/verdict.md, block 1", "en/guides/judge.md, block 1", "en/guides/models.md, block 5"} <= {
        *names
    }


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_is_python(name: str) -> None:
    compile(EXAMPLES[name].code, name, "exec")


@pytest.fixture(scope="module")
def spaces(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, tuple[Path, dict[str, Any]]]:
    """Page → its folder, in which there are prices, and the names its blocks have defined."""
    import gatecast as gc

    prices = gc.load("sample:sp500", start="2015-01-01").table
    found = {}
    for page in {example.page for example in EXAMPLES.values()}:
        folder = tmp_path_factory.mktemp(page.stem)
        columns = {"session": "Date", "open": "Open", "high": "High", "low": "Low", "close": "Close"}
        prices.rename(columns=columns)[list(columns.values())].to_csv(folder / "prices.csv", index=False)
        found[page] = folder, {"__name__": "__main__"}
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_it_runs_and_prints_what_the_page_quotes(
    name: str,
    spaces: dict[Path, tuple[Path, dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    example = EXAMPLES[name]
    folder, space = spaces[example.page]
    if "import torch" in example.code:
        pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'gatecast[torch]'")
    if "chronos" in example.code:
        monkeypatch.setitem(sys.modules, "chronos", stand_ins.modules()["chronos"])
    monkeypatch.chdir(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(example.code, name, "exec"), space)
    printed = words(capsys.readouterr().out)
    for quote in example.quotes:
        for part in words(quote).split("[…]"):
            assert part.strip() in printed
