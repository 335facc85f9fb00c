"""Seconds to train each tutorial's network on its own data, compilation included, in a new process each.

python benchmarks/recipes.py ../shared/data      (the folder of real price files)
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

REPEATS = 3
FILES = {
    "google, 7,000 epochs": "google_stock_price_train.csv",
    "tesla, 3 epochs": "tsla.csv",
    "samsung, 1,000 epochs": "samsung_005930_ks.csv",
}


def train(job: str, file: str) -> float:
    """Seconds of one training in this process, in which nothing was compiled before."""
    warnings.simplefilter("ignore")
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"  # as the command line sets it
    from gatecast.recipes.common import read_prices

    import gatecast.api.windows  # noqa: F401
    from gatecast.recipes import google, samsung, tesla

    frame = read_prices(file)
    began = time.perf_counter()
    if job.startswith("google"):
        google.train(google.prepare(frame), 7000, 0)
    elif job.startswith("tesla"):
        tesla.forecast(tesla.prepare(frame), 3, 0)
    else:
        samsung.forecasts(samsung.prepare(frame), "gru", 1000, 0)
    return time.perf_counter() - began


def main(folder: str) -> None:
    for job, file in FILES.items():
        command = [sys.executable, __file__, job, str(Path(folder) / file)]
        runs = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(REPEATS)]
        seconds = sorted(float(run.stdout) for run in runs)
        print(f"{job}: median {seconds[REPEATS // 2]:.1f} s ({seconds[0]:.1f} to {seconds[-1]:.1f})")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(train(*sys.argv[1:]))
    else:
        main(sys.argv[1])
