"""Seconds to train each tutorial's network on its own data, compilation included, in a new process each.

python benchmarks/recipes.py ../shared/data      (the folder of real price files)
"""

from __future__ import annotations

import subprocess
import sys
import time
import warnings
from pathlib import Path

REPEATS = 3
FILES = {
    "google": ("lstm", "google_stock_price_train.csv"),
    "tesla": ("lstm", "tsla.csv"),
    "samsung": ("gru", "samsung_005930_ks.csv"),
}


def train(name: str, network: str, file: str) -> float:
    """Seconds of one training in this process, in which nothing was compiled before."""
    warnings.simplefilter("ignore")
    import gatecast.api.windows  # noqa: F401
    from gatecast.recipes import recipe_of

    tutorial = recipe_of(name)
    prepared = tutorial.prepare(tutorial.read(file))
    began = time.perf_counter()
    fit = tutorial.fit(prepared, network, tutorial.training.epochs, 0)
    tutorial.forecasts(prepared, fit, prepared.drawn)
    return time.perf_counter() - began


def main(folder: str) -> None:
    for name, (network, file) in FILES.items():
        command = [sys.executable, __file__, name, network, str(Path(folder) / file)]
        runs = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(REPEATS)]
        seconds = sorted(float(run.stdout) for run in runs)
        print(f"{name}: median {seconds[REPEATS // 2]:.1f} s ({seconds[0]:.1f} to {seconds[-1]:.1f})")


if __name__ == "__main__":
    if len(sys.argv) == 4:
        print(train(*sys.argv[1:]))
    else:
        main(sys.argv[1])
