"""The worked examples of docs/models.md run, and say what the page quotes."""

import re
import sys
import warnings
from pathlib import Path

import pytest

from gatecast.errors import GatecastWarning

from .models.foreign import stand_ins

PAGE = Path(__file__).parents[1] / "docs" / "models.md"
EXAMPLE = re.compile(r"^```(?:python)?\n(.*?)^```\n.*?\n((?:^> .*?\n)+)", re.M | re.S)
EXAMPLES = EXAMPLE.findall(PAGE.read_text("utf-8"))  # the code, and what the page quotes


def words(text: str) -> str:
    return " ".join(text.replace("> ", "").split())


def test_there_are_five() -> None:
    assert len(EXAMPLES) == 5


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_it_runs_and_says_what_the_page_quotes(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, quoted = EXAMPLES[number]
    if "import torch" in code:
        pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'gatecast[torch]'")
    if "chronos" in code:
        monkeypatch.setitem(sys.modules, "chronos", stand_ins.modules()["chronos"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GatecastWarning)
        exec(compile(code, f"models.md, example {number + 1}", "exec"), {"__name__": "__main__"})
    printed = words(capsys.readouterr().out)
    for part in words(quoted).split("[…]"):
        assert part.strip() in printed
