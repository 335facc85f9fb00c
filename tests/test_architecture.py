"""The contracts of pyproject.toml hold, and each of them catches what it is there for."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def checked(root: Path) -> str:
    """What lint-imports prints of the package in `root`."""
    command = [sys.executable, "-c", "import sys; sys.path.insert(0, 'src'); "
               "from importlinter.cli import lint_imports_command; lint_imports_command()"]  # fmt: skip
    done = subprocess.run([*command, "--no-cache"], cwd=root, capture_output=True, text=True)
    return done.stdout + done.stderr


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the package and its contracts."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_contracts_are_kept(house: Path) -> None:
    assert "Contracts: 3 kept, 0 broken." in checked(house)


@pytest.mark.parametrize(
    "violations",
    [
        {
            "layers": ("problem/folds.py", "from gatecast.evaluation import metrics"),
            "nobody but the tutorials imports the root package": ("api/result.py", "import gatecast"),
            "no circles among siblings": (
                "data/dates.py",
                "if TYPE_CHECKING:\n    from gatecast.data.prices import Prices",
            ),
        },
        {"layers": ("extra.py", "")},  # a module without a place
    ],
    ids=["imports", "a new module"],
)
def test_a_violation_is_caught(house: Path, violations: dict[str, tuple[str, str]]) -> None:
    for module, line in violations.values():
        file = house / "src" / "gatecast" / module
        text = file.read_text() if file.exists() else '"""Nothing."""\n'
        file.write_text(f"{text}\nfrom typing import TYPE_CHECKING\n{line}\n")
    said = checked(house).splitlines()
    assert {line.partition(" BROKEN")[0] for line in said if " BROKEN" in line} == set(violations)
