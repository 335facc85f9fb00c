"""What a column says is found, and what it does not say is not; the long run is benchmarks/columns.py."""

import runpy
from pathlib import Path

import pytest

from .conftest import FULL  # isort: skip

COLUMNS = runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "columns.py"))
QUICK = {"seeds": 1, "folds": 1}
KINDS = [kind for kind in COLUMNS["KINDS"] if FULL or kind in ("past", "future")]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_planted_signal_is_found(kind: str) -> None:
    skill, beats = COLUMNS["skill_of"](kind, 0, False, **QUICK)
    assert skill >= 15
    assert beats


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_shuffled_column_is_no_signal(kind: str) -> None:
    skill, beats = COLUMNS["skill_of"](kind, 0, True, **QUICK)
    assert skill < 1
    assert not beats
