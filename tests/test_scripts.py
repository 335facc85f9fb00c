"""Scripts beside the package, which run for minutes or need other libraries: what they import is there."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = [
    *(ROOT / "benchmarks").rglob("*.py"),
    *(ROOT / "docs").glob("*.py"),
    *(ROOT / "examples").glob("*.py"),
    *(ROOT / "tests/golden").glob("*.py"),
]


def is_there(module: str, name: str) -> bool:
    if hasattr(importlib.import_module(module), name):
        return True
    try:
        importlib.import_module(f"{module}.{name}")
    except ModuleNotFoundError:
        return False
    return True


def missing(source: str) -> Iterator[str]:
    """What is imported of gatecast in this text, and not there."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "gatecast":
            yield from (
                f"{node.module}.{alias.name}" for alias in node.names if not is_there(node.module, alias.name)
            )


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_script_imports_is_there(script) -> None:
    assert list(missing(script.read_text(encoding="utf-8"))) == []


def test_a_name_that_is_gone_is_found() -> None:
    assert list(missing("from gatecast.models.model import Model, Modell")) == [
        "gatecast.models.model.Modell"
    ]
    assert list(missing("from gatecast.models import model, networks")) == []
