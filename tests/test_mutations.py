"""Files as a stranger may write them; the large run of the same is benchmarks/mutations.py."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "mutations.py"


def test_a_damaged_file_ends_in_the_right_answer_or_in_one_message(environment):
    command = [sys.executable, SCRIPT, "csv,parquet,models,runs", "15"]
    told = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert told.returncode == 0, told.stdout + told.stderr
    assert told.stdout.count(": 15 cases in ") == 4 and told.stdout.count(" refused") == 4
