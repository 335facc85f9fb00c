"""What users write passes mypy and pyright without plugins, and a misspelt setting does not."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
OTHERS = re.compile(r"^(import|from) (sklearn|lightgbm|torch)\b", re.M)  # libraries without types


def program(page: Path) -> str:
    """The blocks of a page, which are one program."""
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)
    return "\n\n".join(block for block in blocks if not OTHERS.search(block))


PROGRAMS = {
    "_".join(page.relative_to(ROOT).with_suffix(".py").parts).replace("-", "_"): text
    for page in PAGES
    if not {"examples", "ko"} & {*page.relative_to(ROOT).parts}  # as tests/docs/test_examples.py
    and (text := program(page))
}
CHECKERS = {
    "mypy": ["mypy", "--config-file=", "--no-error-summary"],
    "pyright": ["pyright", "--pythonpath", sys.executable],
}
WRONG = """\
import gatecast as gc
gc.Network(hiden=1)
gc.Network("gru", 64)
gc.Network(cell="LSTM")
gc.Training(lr=0.1)
gc.compare("prices.csv", horizn=3)
gc.compare("prices.csv", target="price")
gc.Forecaster(horizn=3)
"""


@pytest.fixture(scope="module", params=CHECKERS)
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a type checker prints of all these files, in a folder without settings of its own."""
    folder = tmp_path_factory.mktemp(request.param)
    for name, text in PROGRAMS.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "wrong.py").write_text(WRONG, encoding="utf-8")
    command = [sys.executable, "-m", *CHECKERS[request.param], *PROGRAMS, "wrong.py"]
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert answer.returncode == 1, answer.stderr
    return answer.stdout


@pytest.mark.slow
@pytest.mark.full
def test_the_examples_have_no_error(found: str) -> None:
    assert {"README.py", "docs_en_verdict.py"} < {*PROGRAMS}
    assert not re.findall(r"^(?!.*wrong\.py).* error.*", found.replace(" errors, ", ""), re.M), found


@pytest.mark.slow
@pytest.mark.full
def test_a_wrong_setting_is_an_error(found: str) -> None:
    lines = {int(line) for line in re.findall(r"wrong\.py:(\d+):.*error", found)}
    assert lines == set(range(2, 1 + len(WRONG.splitlines()))), found
