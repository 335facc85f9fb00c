"""Kills `gatecast compare … --overwrite` at random moments, and looks at what is left.

python benchmarks/kills.py [kills]      (60: each of SIGKILL, SIGTERM and SIGINT 20 times)

A third of the kills come at any moment, a third while the run is being written or takes the older one's
place, a third after the verdict is printed, while it is being drawn. After each kill another command starts
beside the run; then there must be one whole run, the older one or the new one, and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
MOMENTS = ("any", "writing", "drawing")
FLAGS = "--models gru --seeds 1 --folds 1 --epochs 3 --hidden-size 4 --lookback 5 --calendar daily --out run"
ENDED = {signal.SIGTERM: 143, signal.SIGINT: 130}


@dataclass(frozen=True)
class Kill:
    """One kill: what was sent when, how the process ended, and what was there before the next start."""

    signal: signal.Signals
    moment: str
    seconds: float
    begun: bool
    ended: int
    left_over: bool  # before the next start
    run_missing: bool  # before the next start
    replaced: bool  # the new run took the older one's place
    drawn: bool

    @property
    def in_mid_work(self) -> bool:
        """Whether the process had not ended before, nor was Python itself still starting."""
        return self.begun and self.ended == ENDED.get(self.signal, -self.signal)


def make_prices(folder: Path) -> None:
    rng = np.random.default_rng(0)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, 160)))
    dates = pd.bdate_range("2015-01-01", periods=len(close))
    pd.DataFrame({"date": dates, "close": close}).to_csv(folder / "a.csv", index=False)


def compare(folder: Path, seed: int, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "gatecast", "compare", "a.csv", *FLAGS.split(), "--overwrite"]
    return subprocess.Popen(
        [*words, "--seed", str(seed)],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def wait_for_writing(folder: Path, process: subprocess.Popen[bytes]) -> None:
    """Until the first file of a new run lies in its workspace."""
    while process.poll() is None and not any(folder.glob(".run.gatecast-*/new/*")):
        time.sleep(0.001)


def wait_for_drawing(process: subprocess.Popen[bytes]) -> None:
    """Until the verdict is printed."""
    assert process.stdout is not None
    process.stdout.readline()


def has_begun(process: subprocess.Popen[bytes]) -> bool:
    """Whether gatecast waits for signals; before that, Python itself is starting, and ends as it likes."""
    if process.poll() is not None:
        return True
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    caught = next((line.split()[1] for line in lines if line.startswith("SigCgt")), "0")
    return bool(int(caught, 16) & 1 << (signal.SIGTERM - 1))


def kill(
    folder: Path, seed: int, seconds: float, rng: np.random.Generator, environment: dict[str, str]
) -> Kill:
    """Start a comparison with another seed, kill it, and check what is left; raises AssertionError."""
    sent, moment = SIGNALS[seed % 3], MOMENTS[(seed + seed // 3) % 3]
    before = experiment_seed(folder)
    process = compare(folder, seed, environment)
    if moment == "writing":
        wait_for_writing(folder, process)
        delay = rng.uniform(0, 0.1)
    elif moment == "drawing":
        wait_for_drawing(process)
        delay = rng.uniform(0, seconds)
    else:
        delay = rng.uniform(0, seconds)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(delay)
    begun = has_begun(process)
    process.send_signal(sent)
    _, err = process.communicate()
    if begun:
        assert process.returncode in (0, ENDED.get(sent, -sent)), (process.returncode, err.decode())
        assert b"Traceback" not in err, err.decode()
    there = {path.name for path in folder.iterdir()}
    check(folder, {before, seed})
    after = experiment_seed(folder)
    left_over, missing = bool(there - {"a.csv", "run"}), "run" not in there
    drawn = (folder / "run" / "report.html").exists()
    return Kill(sent, moment, delay, begun, process.returncode, left_over, missing, after == seed, drawn)


def check(folder: Path, seeds: set[int]) -> None:
    """After the next start there is one whole run, with one of these seeds, and nothing else."""
    from gatecast.api.opening import open_run
    from gatecast.folders import RUN, check_folder

    check_folder(folder / "next", RUN)
    assert {path.name for path in folder.iterdir()} == {"a.csv", "run"}, list(folder.iterdir())
    run = open_run(folder / "run")
    assert run.experiment.seed in seeds
    told = json.loads((folder / "run" / "verdict.json").read_text())
    assert told["verdict"]["text"] == run.verdict.text
    known = json.loads((folder / "run" / ".gatecast.json").read_text())["files"]
    for path in files(folder / "run"):
        assert path.relative_to(folder / "run").as_posix() in known, path
    for picture in (folder / "run").glob("charts/*"):
        assert picture.read_bytes().endswith(b"IEND\xaeB`\x82"), picture
    page = folder / "run" / "report.html"
    assert not page.exists() or page.read_text(encoding="utf-8").rstrip().endswith("</html>")


def files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and path.name != ".gatecast.json")


def experiment_seed(folder: Path) -> int:
    from gatecast.settings.toml import read_experiment

    return read_experiment(folder / "run" / "experiment.toml").seed


def kills(folder: Path, count: int, environment: dict[str, str]) -> list[Kill]:
    """That many kills in `folder`, which is empty; raises AssertionError on the first fault."""
    make_prices(folder)
    for seed in (1000, 1001):  # what is compiled is kept: the second one takes as long as those killed
        began = time.perf_counter()
        process = compare(folder, seed, environment)
        _, err = process.communicate()
        assert process.returncode == 0, err.decode()
        seconds = time.perf_counter() - began
    rng = np.random.default_rng(0)
    return [kill(folder, number, seconds, rng, environment) for number in range(count)]


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "beside"
        folder.mkdir()
        warnings.simplefilter("ignore")
        found = kills(folder, count, {"GATECAST_CACHE": str(Path(place) / "cache"), **os.environ})
    columns = ("in_mid_work", "run_missing", "left_over", "replaced", "drawn")
    print(f"{'':10}{'sent':>6}" + "".join(f"{name.replace('_', ' '):>13}" for name in columns))
    for sent in SIGNALS:
        own = [one for one in found if one.signal is sent]
        counts = [sum(getattr(one, name) for one in own) for name in columns]
        print(f"{sent.name:10}{len(own):>6}" + "".join(f"{count:>13}" for count in counts))
    print("run missing, left-over: before the next start. After it: one whole run each time, nothing else.")


if __name__ == "__main__":
    main()
