"""The worked examples of docs/models.md run."""

import re
import sys
import warnings
from pathlib import Path

import pytest

from gatecast.errors import GatecastWarning

from .models.foreign import stand_ins

PAGE = Path(__file__).parents[1] / "docs" / "models.md"
EXAMPLES = re.findall(r"^```(?:python)?\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)


def test_there_are_five() -> None:
    assert len(EXAMPLES) == 5


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_it_runs(number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code = EXAMPLES[number]
    if "import torch" in code:
        pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'gatecast[torch]'")
    if "chronos" in code:
        monkeypatch.setitem(sys.modules, "chronos", stand_ins.modules()["chronos"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GatecastWarning)
        exec(compile(code, f"models.md, example {number + 1}", "exec"), {"__name__": "__main__"})
    said = capsys.readouterr().out
    assert "naive" in said
    if "chronos" in code:
        assert "The model chronos was trained elsewhere, until an unknown day: it may have seen all" in said
