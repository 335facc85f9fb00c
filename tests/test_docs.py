"""The documents say what the program says: their examples run, and what they quote is what is printed."""

import re
import sys
import warnings
from pathlib import Path

import pytest

from .models.foreign import stand_ins

DOCS = Path(__file__).parents[1] / "docs"
EXAMPLE = re.compile(r"^```(?:python)?\n(.*?)^```\n.*?\n((?:^> .*?\n)+)", re.M | re.S)
PAGES = ("judge.md", "models.md")
EXAMPLES = {
    f"{page}, example {number + 1}": example  # the code, and what the page quotes
    for page in PAGES
    for number, example in enumerate(EXAMPLE.findall((DOCS / page).read_text("utf-8")))
}


def words(text: str) -> str:
    return " ".join(text.replace("> ", "").split())


def test_all_examples_are_found() -> None:
    assert [sum(name.startswith(page) for name in EXAMPLES) for page in PAGES] == [1, 5]


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_it_runs_and_says_what_the_page_quotes(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, quoted = EXAMPLES[name]
    if "import torch" in code:
        pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'gatecast[torch]'")
    if "chronos" in code:
        monkeypatch.setitem(sys.modules, "chronos", stand_ins.modules()["chronos"])
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(code, name, "exec"), {"__name__": "__main__"})
    printed = words(capsys.readouterr().out)
    for part in words(quoted).split("[…]"):
        assert part.strip() in printed
