"""Files as a stranger may write them; the large run of the same is benchmarks/mutations.py."""

import subprocess
import sys
from pathlib import Path

import pytest

CASES = 2000
SCRIPT = Path(__file__).parents[1] / "benchmarks" / "mutations.py"


@pytest.mark.slow
@pytest.mark.full
def test_a_damaged_file_ends_in_the_right_answer_or_in_one_message(environment):
    command = [sys.executable, SCRIPT, "csv,parquet,models,runs", str(CASES)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.count(f": {CASES} cases in ") == 4 and ended.stdout.count(" refused") == 4
