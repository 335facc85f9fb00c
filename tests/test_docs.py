"""The documents say what the program says: their examples run, and what they quote is what is printed."""

import contextlib
import io
import re
import warnings
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
EXAMPLES = ["judge.md"]


def words(text: str) -> str:
    return " ".join(text.replace("\n> ", " ").split())


@pytest.mark.slow
@pytest.mark.parametrize("page", EXAMPLES)
def test_what_a_page_quotes_is_what_its_example_prints(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    (quoted,) = re.findall(r"^It says:\n\n> (.*?)\n\n", text, re.M | re.S)
    monkeypatch.chdir(tmp_path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(example, page, "exec"), {"__name__": page})
    for part in words(quoted).split("[…]"):
        assert part.strip() in words(printed.getvalue())
