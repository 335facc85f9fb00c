"""Runs that are stopped and gone on with: the same bits, and nobody else's folder is touched."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import gatecast as gc
from gatecast import folders
from gatecast.api.runs import runs_in
from gatecast.errors import FitWarning, RunError
from gatecast.kept import Kept

from ..conftest import walk_frame  # isort: skip

SETTINGS = {
    "models": ["gru", "ewma-t", "naive"], "network": gc.Network(hidden_size=2), "seeds": 2, "folds": 2,
    "lookback": 5, "training": gc.Training(epochs=2),
}  # fmt: skip
TABLES = ("forecasts", "scores", "training")


class Killed(BaseException):
    """As a kill, it is caught by nobody."""


@pytest.fixture(scope="module")
def prices() -> gc.Prices:
    return gc.Prices.from_frame(walk_frame("A", 200, 0), calendar="daily")


@pytest.fixture(autouse=True)
def nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gc.Result, "draw", lambda *_: True)


@pytest.fixture
def stop_after(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """stop_after(3) kills the process when three things more have been kept; None: never."""
    keep = Kept.keep

    def plant(count: int | None) -> None:
        left = [count]

        def kept(self: Kept, *what: object, **how: object) -> None:
            if left[0] is not None and left[0] <= 0:
                raise Killed
            keep(self, *what, **how)
            left[0] = None if left[0] is None else left[0] - 1

        monkeypatch.setattr(Kept, "keep", kept)

    return plant


def stopped(prices: gc.Prices, folder: Path, stop_after: Callable[..., None], count: int = 5) -> None:
    stop_after(count)
    with pytest.raises(Killed):
        gc.compare(prices, **SETTINGS, folder=folder)
    stop_after(None)


def same(one: Path, other: Path) -> bool:
    files = [f"{name}.parquet" for name in TABLES]
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in [*files, "verdict.json"])


@pytest.fixture(scope="module")
def whole(prices: gc.Prices, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "run"
    gc.compare(prices, **SETTINGS).save(folder, charts=False)
    return folder


def test_a_run_that_is_stopped_again_and_again_equals_one_that_is_not(
    prices: gc.Prices, whole: Path, tmp_path: Path, stop_after: Callable[..., None]
) -> None:
    run = tmp_path / "run"
    kills = 0
    while True:
        stop_after(2)
        try:
            result = gc.compare(prices, **SETTINGS, folder=run)
            break
        except Killed:
            kills += 1
            with pytest.raises(RunError, match="not finished"):
                gc.open_run(run)
            assert {path.name for path in run.iterdir()} == {"progress.json", "work"}
    assert kills >= 5
    assert same(run, whole)
    assert not (run / "work").exists() and not (run / "progress.json").exists()
    opened = gc.open_run(run)
    assert opened.verdict == result.verdict
    pd.testing.assert_frame_equal(opened.forecasts, result.forecasts, check_exact=True, check_dtype=False)


def test_warnings_of_a_fit_are_those_of_a_run_that_was_not_stopped(
    prices: gc.Prices, tmp_path: Path, stop_after: Callable[..., None]
) -> None:
    wild = {**SETTINGS, "training": gc.Training(epochs=2, learning_rate=1e30, clip_norm=None)}
    stop_after(7)
    with pytest.raises(Killed):
        gc.compare(prices, **wild, folder=tmp_path / "run")
    stop_after(None)
    with pytest.warns(FitWarning, match="diverged"):
        gone_on = gc.compare(prices, **wild, folder=tmp_path / "run")
    with pytest.warns(FitWarning, match="diverged"):
        assert gone_on.warnings == gc.compare(prices, **wild).warnings


def test_how_far_it_is_stands_in_a_file(
    prices: gc.Prices, tmp_path: Path, stop_after: Callable[..., None]
) -> None:
    stopped(prices, tmp_path / "run", stop_after)
    said = json.loads((tmp_path / "run" / "progress.json").read_text())
    assert (said["state"], said["process"]) == ("stopped", os.getpid())
    assert said["members"]["total"] == 8 and 0 < said["members"]["done"] < 8 and 0 < said["share"] < 1
    (run,) = runs_in(tmp_path)
    assert (run.state, run.share) == ("stopped", said["share"]) and "gru" in run.models
    gc.compare(prices, **SETTINGS, folder=tmp_path / "run")
    (run,) = runs_in(tmp_path)
    kind = gc.open_run(tmp_path / "run").verdict.kind
    assert (run.state, run.share, run.verdict) == ("finished", 1.0, kind)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param({"seeds": 3}, "seeds: 2 there, 3 here", marks=pytest.mark.slow),
        ({"training": gc.Training(epochs=3)}, "training.epochs: 2 there, 3 here"),
        pytest.param({"models": ["gru", "naive"]}, "models", marks=pytest.mark.slow),
        ({"prices": 1}, "other data"),
    ],
)
def test_another_experiment_does_not_go_on_with_it_but_may_replace_it(
    prices: gc.Prices, tmp_path: Path, stop_after: Callable[..., None], changed: dict, said: str
) -> None:
    run = tmp_path / "run"
    stopped(prices, run, stop_after)
    if walk := changed.pop("prices", None):
        prices = gc.Prices.from_frame(walk_frame("A", 200, walk), calendar="daily")
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*.safetensors")}
    with pytest.raises(RunError) as caught:
        gc.compare(prices, **{**SETTINGS, **changed}, folder=run)
    assert "unfinished run" in str(caught.value) and said in str(caught.value)
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*.safetensors")} == before
    result = gc.compare(prices, **{**SETTINGS, **changed}, folder=run, overwrite=True)
    assert gc.open_run(run).verdict == result.verdict


def test_an_older_run_stays_whole_until_the_new_one_takes_its_place(
    prices: gc.Prices, whole: Path, tmp_path: Path, stop_after: Callable[..., None]
) -> None:
    run = tmp_path / "run"
    older = gc.compare(prices, models=["naive", "drift"], folds=2, folder=run)
    with pytest.raises(RunError, match="not empty"):
        gc.compare(prices, **SETTINGS, folder=run)
    stop_after(5)
    with pytest.raises(Killed):
        gc.compare(prices, **SETTINGS, folder=run, overwrite=True)
    assert gc.open_run(run).verdict == older.verdict
    (listed,) = runs_in(tmp_path)
    assert (listed.state, listed.replaces) == ("stopped", True)
    stop_after(None)
    gc.compare(prices, **SETTINGS, folder=run, overwrite=True)
    assert same(run, whole)


def test_a_second_process_is_refused(prices: gc.Prices, tmp_path: Path) -> None:
    run = tmp_path / "run"
    holding = (
        "import sys\nfrom gatecast.folders import work_folder\n"
        "with work_folder(sys.argv[1]):\n    print('there', flush=True)\n    sys.stdin.read()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", holding, run], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None and other.stdout.readline() == "there\n"
    with pytest.raises(RunError, match=f"process {other.pid} is working"):
        gc.compare(prices, **SETTINGS, folder=run)
    with pytest.raises(RunError, match=f"process {other.pid} is working"):
        gc.compare(prices, **SETTINGS).save(run, overwrite=True)
    assert [one.state for one in runs_in(tmp_path)] == ["running"]
    other.communicate("")
    assert not run.exists()  # nothing was kept in it


def test_a_full_disk_is_said_and_the_run_goes_on_when_there_is_space(
    prices: gc.Prices, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, left = Path.write_bytes, [6]

    def full(self: Path, content: bytes) -> int:
        if self.suffix == ".partial" and ".safetensors" in self.name:
            left[0] -= 1
            if left[0] < 0:
                write(self, content[: len(content) // 2])
                raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, content)

    run = tmp_path / "run"
    with monkeypatch.context() as patch, pytest.raises(RunError, match=r"No space left.*Free some space"):
        patch.setattr(Path, "write_bytes", full)
        gc.compare(prices, **SETTINGS, folder=run)
    gc.compare(prices, **SETTINGS, folder=run)
    assert same(run, whole)


def test_what_failed_before_anything_was_kept_leaves_nothing(
    prices: gc.Prices, tmp_path: Path, stop_after: Callable[..., None]
) -> None:
    stopped(prices, tmp_path / "deep" / "run", stop_after, 0)
    assert not list(tmp_path.iterdir())


def test_files_of_others_in_it_are_named_and_stay(
    prices: gc.Prices, tmp_path: Path, stop_after: Callable[..., None]
) -> None:
    run = tmp_path / "run"
    stopped(prices, run, stop_after)
    (run / "work" / "notes.txt").write_text("precious")
    with pytest.raises(RunError, match=r"work/notes\.txt"):
        gc.compare(prices, **SETTINGS, folder=run)
    assert (run / "work" / "notes.txt").read_text() == "precious"


@pytest.mark.parametrize("kind", [folders.FORECASTER, folders.BACKTEST])
def test_nothing_of_another_kind_takes_its_place(
    prices: gc.Prices, tmp_path: Path, stop_after: Callable[..., None], kind: str
) -> None:
    stopped(prices, tmp_path / "run", stop_after)
    for overwrite in (False, True):
        with pytest.raises(RunError):
            folders.check_folder(tmp_path / "run", kind, overwrite=overwrite)
