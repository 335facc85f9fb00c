"""Kills `gatecast compare` at random moments, and looks at what is left, or goes on.

python benchmarks/kills.py [kills]          over an older run (60: 20 each of SIGKILL, SIGTERM and SIGINT)
python benchmarks/kills.py resume [kills]   SIGKILL, and on to the bits of a run that was left alone (50)

The first kills `compare … --overwrite`.

A third of the kills come at any moment, a third while the run is being written or takes the older one's
place, a third after the verdict is printed, while it is being drawn. After each kill another command starts
beside the run; then there must be one whole run, the older one or the new one, and nothing else but, in the
older one, the work of the unfinished run.

The second compares 40 networks, which are trained twice (two models, four folds, five seeds; search and
refit), and keeps half-trained ones twenty times a second. A run is killed up to five times, at any moment or
in mid training, each time in another process; the last one is left alone. Every process notes what it found
of each member and what it kept: none may begin before what was kept last.
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


def make_prices(folder: Path, sessions: int = 160) -> None:
    rng = np.random.default_rng(0)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, sessions)))
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
    for path in finished_files(folder / "run"):
        assert path.relative_to(folder / "run").as_posix() in known, path
    for picture in (folder / "run").glob("charts/*"):
        assert picture.read_bytes().endswith(b"IEND\xaeB`\x82"), picture
    page = folder / "run" / "report.html"
    assert not page.exists() or page.read_text(encoding="utf-8").rstrip().endswith("</html>")


def finished_files(folder: Path) -> Iterator[Path]:
    """Those of a run without what grows in its folder to replace it."""
    growing = (folder / "work", folder / "progress.json", folder / ".gatecast.json")
    for path in folder.rglob("*"):
        if path.is_file() and not any(path.is_relative_to(one) for one in growing):
            yield path


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


RESUMED = (
    "--models gru,lstm,naive --seeds 5 --folds 4 --epochs 60 --patience none --batch-size 8 --hidden-size 8 "
    "--lookback 10 --calendar daily --no-charts --quiet"
)
TRAININGS = 2 * 4 * 5 * 2
MOST_KILLS = 5  # of one run
CHILD = """
import os, sys
from gatecast.__main__ import _prepare_jax, main
_prepare_jax()
from gatecast.nn import keeping, population
population.KEEP_SECONDS, population.LOOK_SECONDS = 0.05, 0.02
log = os.open(sys.argv.pop(1), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
filled, half, whole = (getattr(keeping.KeptGroup, name) for name in ("filled", "keep_half", "keep"))
def note(event, group, epoch, step):
    os.write(log, f"{event} {group.keeper.prefix}{group.names[0]} {epoch} {step}\\n".encode())
def place(state):
    if state is None:
        return -1, 0
    if isinstance(state, keeping.Finished):
        return 10**6, 0
    return int(state.epoch[0]), int(state.step[0])
def found(group, *like):
    group = filled(group, *like)
    note("found", group, *place(group.found))
    return group
def keep_half(group, states):
    half(group, states)
    note("kept", group, *place(states))
def keep(group, result):
    whole(group, result)
    note("kept", group, *place(result))
keeping.KeptGroup.filled, keeping.KeptGroup.keep_half, keeping.KeptGroup.keep = found, keep_half, keep
main()
"""


@dataclass
class Resumed:
    """What became of a run that was killed: kills, where they fell, and what was found of its members."""

    kills: int = 0
    in_training: int = 0
    found_half: int = 0
    found_finished: int = 0
    begun: int = 0


def grow(folder: Path, out: str, environment: dict[str, str], *words: str) -> subprocess.Popen[bytes]:
    """A process that compares in the folder `out`, and notes in `out`.log what it finds and keeps."""
    given = words or ("a.csv", *RESUMED.split(), "--out", out)
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, f"{out}.log", "compare", *given],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def events(folder: Path, out: str) -> list[tuple[str, str, tuple[int, int]]]:
    """ "found" or "kept", the member, and how far it was: epoch and step; -1: not begun, 10**6: finished."""
    file = folder / f"{out}.log"
    lines = file.read_text().splitlines() if file.exists() else []
    return [(event, name, (int(epoch), int(step))) for event, name, epoch, step in map(str.split, lines)]


def kept(folder: Path, out: str) -> int:
    """How many times a member was kept."""
    return sum(event == "kept" for event, _, _ in events(folder, out))


def killed_and_resumed(
    folder: Path,
    out: str,
    kills: int,
    seconds: tuple[float, float],
    rng: np.random.Generator,
    environment: dict[str, str],
) -> Resumed:
    """A run killed that often, then left alone; raises AssertionError where it is not that of "whole".

    seconds: that the whole run takes, and those before its training.
    """
    seen = Resumed()
    for number in range(kills):
        if (folder / out / "verdict.json").exists():
            break  # the last kill came when all was done
        # every other one goes on as --resume, which needs neither the file nor the settings
        words = ("--resume", out, "--no-charts", "--quiet")
        resuming = number % 2 and (folder / out / "work" / "experiment.toml").exists()
        process = grow(folder, out, environment, *(words if resuming else ()))
        if rng.random() < 0.8:
            before = kept(folder, out)
            while process.poll() is None and kept(folder, out) == before:
                time.sleep(0.01)
            delay = rng.uniform(0, seconds[0] - seconds[1])
        else:
            delay = rng.uniform(0, seconds[0])
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(delay)
        if process.poll() is not None:
            assert process.returncode == 0, process.communicate()[1].decode()
            break  # it was quicker than the kill
        process.kill()
        process.communicate()
        seen.kills += 1
        finished = sum(event == "kept" and at[0] == 10**6 for event, _, at in events(folder, out))
        seen.in_training += kept(folder, out) > 0 and finished < TRAININGS
    if not (folder / out / "verdict.json").exists():
        process = grow(folder, out, environment)
        _, err = process.communicate()
        assert process.returncode == 0, err.decode()
    for name in ("forecasts", "scores", "training"):
        whole, own = ((folder / one / f"{name}.parquet").read_bytes() for one in ("whole", out))
        assert whole == own, f"{out}: {name}.parquet differs"
    assert (folder / "whole" / "verdict.json").read_bytes() == (folder / out / "verdict.json").read_bytes()
    assert not (folder / out / "work").exists() and not (folder / out / "progress.json").exists()
    last: dict[str, tuple[int, int]] = {}
    for event, name, at in events(folder, out):
        assert event == "kept" or at >= last.get(name, (-1, 0)), f"{out}: {name} begins anew at {at}"
        assert event == "found" or last.get(name, (-1, 0)) < at, f"{out}: {name} was trained again"
        if event == "found":
            seen.begun += at[0] == -1
            seen.found_half += -1 < at[0] < 10**6
            seen.found_finished += at[0] == 10**6
        last[name] = at
    assert len(last) == TRAININGS and set(last.values()) == {(10**6, 0)}, len(last)
    return seen


def resumes(folder: Path, count: int, environment: dict[str, str]) -> list[Resumed]:
    """Runs with that many kills in all, in `folder`, which is empty; raises AssertionError on a fault."""
    make_prices(folder, 800)
    for out in ("first", "whole"):  # what is compiled is kept: the second one takes as long as those killed
        began = time.perf_counter()
        process = grow(folder, out, environment)
        while process.poll() is None and not kept(folder, out):
            time.sleep(0.01)
        before = time.perf_counter() - began
        _, err = process.communicate()
        assert process.returncode == 0, err.decode()
        seconds = time.perf_counter() - began, before
    print(f"{seconds[0]:.1f} s, the first {seconds[1]:.1f} before the training", file=sys.stderr)
    rng = np.random.default_rng(count)
    found: list[Resumed] = []
    while (left := count - sum(one.kills for one in found)) > 0:
        kills = min(int(rng.integers(1, MOST_KILLS + 1)), left)
        found.append(killed_and_resumed(folder, f"run{len(found)}", kills, seconds, rng, environment))
        print(f"{count - left + found[-1].kills} kills: {found[-1]}", file=sys.stderr, flush=True)
    return found


def main() -> None:
    words = sys.argv[1:]
    resuming = words[:1] == ["resume"]
    number = words[1:] if resuming else words
    count = int(number[0]) if number else 50 if resuming else 60
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "beside"
        folder.mkdir()
        warnings.simplefilter("ignore")
        environment = {"GATECAST_CACHE": str(Path(place) / "cache"), **os.environ}
        if resuming:
            print_resumes(resumes(folder, count, environment))
        else:
            print_kills(kills(folder, count, environment))


def print_resumes(found: list[Resumed]) -> None:
    total = {name: sum(getattr(one, name) for one in found) for name in vars(found[0])}
    print(
        f"{total['kills']} kills of {len(found)} runs, {total['in_training']} of them amid the training: "
        "forecasts, scores, training log and verdict bit-equal every time\n"
        f"found by a process that went on: {total['found_finished']} trainings finished, "
        f"{total['found_half']} half done; none began before what was kept last"
    )


def print_kills(found: list[Kill]) -> None:
    columns = ("in_mid_work", "run_missing", "left_over", "replaced", "drawn")
    print(f"{'':10}{'sent':>6}" + "".join(f"{name.replace('_', ' '):>13}" for name in columns))
    for sent in SIGNALS:
        own = [one for one in found if one.signal is sent]
        counts = [sum(getattr(one, name) for one in own) for name in columns]
        print(f"{sent.name:10}{len(own):>6}" + "".join(f"{count:>13}" for count in counts))
    print("run missing, left-over: before the next start. After it: one whole run each time, nothing else.")


if __name__ == "__main__":
    main()
