"""reading: seconds and memory of `gatecast.load` for a folder of Yahoo CSVs and for one long CSV.

    python benchmarks/reading.py

Each is read in a process of its own, twice; the better wall time counts. Others on the machine cost wall
time, so the processor time stands beside it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

FILES, ROWS = 500, 5_000
SYMBOLS = 200  # of the long table: a million rows
LIMITS = {"folder": "8 s", "long.csv": "3 s, 1 GB"}
READ = """
import resource, sys, time, warnings
import gatecast, pandas
warnings.simplefilter("ignore")
wall, processor = time.perf_counter(), time.process_time()
prices = gatecast.load(sys.argv[1])
wall, processor = time.perf_counter() - wall, time.process_time() - processor
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
print(f"{len(prices.table)} {wall:.2f} {processor:.2f} {peak:.2f}")
"""


def write(place: Path) -> None:
    rng = np.random.default_rng(0)
    days = pd.bdate_range("2004-01-02", periods=ROWS).strftime("%Y-%m-%d")
    (place / "folder").mkdir()
    parts = []
    for number in range(FILES):
        close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, ROWS)))
        opened = close * (1 + rng.normal(0, 0.003, ROWS))
        frame = pd.DataFrame(
            {
                "Date": days,
                "Open": opened,
                "High": np.maximum(opened, close) * 1.005,
                "Low": np.minimum(opened, close) * 0.995,
                "Close": close,
                "Adj Close": close * 0.9,
                "Volume": rng.integers(1_000, 10_000_000, ROWS),
            }
        ).round(6)
        frame.to_csv(place / "folder" / f"S{number:03d}.csv", index=False)
        if number < SYMBOLS:
            parts.append(frame.assign(symbol=f"S{number:03d}"))
    pd.concat(parts).to_csv(place / "long.csv", index=False)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))
        print(
            "| read | rows | wall, s | processor, s | peak memory, GB | wanted |\n|---|---|---|---|---|---|"
        )
        for name, limit in LIMITS.items():
            command = [sys.executable, "-c", READ, str(Path(folder, name))]
            runs = [subprocess.check_output(command, text=True).split() for _ in range(2)]
            rows, wall, processor, peak = min(runs, key=lambda run: float(run[1]))
            print(f"| {name} | {int(rows):,} | {wall} | {processor} | {peak} | {limit} |")


if __name__ == "__main__":
    main()
