"""Run folders: what is written can be read back, recomputed and made again, bit for bit."""

import gc as garbage
import json
import resource
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast import runs
from gatecast.distributions import StudentT
from gatecast.errors import DrawingWarning, RunError
from gatecast.evaluation.forecasts import COLUMNS, Forecasts
from gatecast.evaluation.metrics import scores
from gatecast.evaluation.ranges import Range
from gatecast.experiment import Experiment
from gatecast.problem.folds import walk_forward
from gatecast.problem.problem import make_problem
from gatecast.runs import new_folder

FILES = {
    "experiment.toml", "prices.parquet", "forecasts.parquet", "training.parquet", "scores.json",
    "verdict.txt", "report.html", "models/gru.json", "models/gru.safetensors", "models/mine.json",
    "models/mine.safetensors", runs.MARKER,
}  # fmt: skip


@pytest.fixture
def copy(run_folder: Path, tmp_path: Path) -> Path:
    """A run folder to be spoiled."""
    return shutil.copytree(run_folder, tmp_path / "copy")


def test_a_run_holds_every_file(run_folder: Path) -> None:
    files = {path.relative_to(run_folder).as_posix() for path in run_folder.rglob("*") if path.is_file()}
    charts = {name for name in files if name.startswith("charts/")}
    assert files - charts == FILES
    assert len(charts) >= 4
    assert all(name.endswith(".png") for name in charts)
    assert (run_folder / "report.html").stat().st_size < 4e6
    assert [path.name for path in run_folder.parent.iterdir()] == [run_folder.name]


def test_an_opened_run_equals_the_result(result: gc.Result, run_folder: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # what was odd in the data was told before
        run = gc.open_run(run_folder)
    pd.testing.assert_frame_equal(run.forecasts, result.forecasts, check_exact=True, check_dtype=False)
    pd.testing.assert_frame_equal(run.scores, result.scores, check_exact=True)
    pd.testing.assert_frame_equal(run.training, result.training, check_exact=True)
    assert run.verdict == result.verdict
    assert run.experiment == result.experiment
    assert run.prices.sha256 == result.prices.sha256
    assert run.table() == result.table()
    assert run.summary() == result.summary()
    assert (run_folder / "verdict.txt").read_text() == result.verdict.text + "\n"


def test_ranges_stand_in_the_table_the_summary_and_the_verdict(result: gc.Result) -> None:
    outcome = result.outcome
    y = np.log(outcome.y / outcome.anchor[:, None])
    steps = np.sqrt(np.arange(1, outcome.horizon + 1))

    def known(scale: float, seeds: int = 0) -> Range:
        told = StudentT(*(np.broadcast_to(value, y.shape) for value in (0.0 * steps, scale * steps, 5.0)))
        return Range.of(told, y, np.stack([100 * told.crps(y)] * seeds) if seeds else None)

    spread = y[:, 0].std()
    ranges = {"gru": known(0.8 * spread, seeds=3), "ar": known(3 * spread)}
    ranged = replace(result, outcome=replace(outcome, ranges=ranges))
    table = ranged.table()
    assert table.startswith(result.table() + "\n\nrange ")
    crps = ranges["gru"].crps.mean()
    assert f"{crps:.4f}" in next(line for line in table.splitlines()[::-1] if line.startswith("gru"))
    assert table.endswith("against ar, the best baseline that has a range")
    summary = json.loads(json.dumps(ranged.summary(), allow_nan=False))
    assert summary["range_significance"]["benchmark"] == "ar"
    found = pd.DataFrame(summary["range_scores"])
    row = found[(found.model == "gru") & (found.symbol == "all") & (found.step == "all")].iloc[0]
    assert row.crps == pytest.approx(crps, rel=1e-12)
    assert summary["verdict"]["range_kind"] == "better"
    assert "gru knows the range better than ar" in ranged.verdict.text
    assert set(result.verdict.sentences) - set(result.notes) <= set(ranged.verdict.sentences)


def test_a_run_without_ranges_says_nothing_of_them(result: gc.Result) -> None:
    summary = result.summary()
    assert summary["range_scores"] == [] and summary["range_significance"] is None
    assert summary["verdict"]["range_kind"] is None
    assert "range" not in result.table() and result.range_scores.empty


def test_scores_can_be_recomputed_from_the_files(run_folder: Path) -> None:
    told = json.loads((run_folder / "scores.json").read_text())
    frame = pd.read_parquet(run_folder / "forecasts.parquet")
    assert list(frame.columns) == COLUMNS
    rows = ["model", "symbol", "step"]
    shuffled = Forecasts.from_frame(frame.sample(frac=1, random_state=0), pd.DataFrame(told["scales"]))
    again = scores(shuffled).sort_values(rows, ignore_index=True)
    reported = pd.DataFrame(told["scores"]).sort_values(rows, ignore_index=True)
    pd.testing.assert_frame_equal(again, reported, rtol=1e-12, check_dtype=False)


def test_an_error_in_price_by_hand(run_folder: Path) -> None:
    told = pd.DataFrame(json.loads((run_folder / "scores.json").read_text())["scores"])
    frame = pd.read_parquet(run_folder / "forecasts.parquet")
    mine = frame[(frame.model == "gru") & frame.seed.isna() & (frame.symbol == "A") & (frame.step == 2)]
    row = told[(told.model == "gru") & (told.symbol == "A") & (told.step == "2")].iloc[0]
    assert row.n == len(mine)
    assert row.mae == pytest.approx((mine.y - mine.forecast).abs().mean(), rel=1e-12)


def test_every_test_row_is_scored_once_per_model_seed_and_step(result: gc.Result) -> None:
    frame = result.forecasts.fillna({"seed": -1})
    assert not frame.duplicated(["symbol", "model", "seed", "origin", "step"]).any()
    counts = frame.groupby(["model", "seed"]).size()
    assert set(counts.index) == {
        ("naive", -1), ("ar", -1),
        *((name, seed) for name in ("gru", "mine") for seed in (-1, 0, 1)),
    }  # fmt: skip
    table = result.prices.table
    first = frame["origin"].min()
    for symbol in "AB":
        sessions = table.loc[table["symbol"] == symbol, "session"]
        tested = sessions[sessions >= first].iloc[:-2]  # the last two have no target two steps ahead
        known = frame[(frame["symbol"] == symbol) & (frame["step"] == 2) & (frame["model"] == "naive")]
        assert len(tested) > 20
        assert sorted(known["origin"]) == list(tested)
    assert (counts == counts.iloc[0]).all()


def test_what_came_and_its_date_are_those_of_the_prices(result: gc.Result) -> None:
    closes = result.prices.table.set_index(["symbol", "session"])["close"]
    frame = result.forecasts
    came = closes.loc[list(zip(frame["symbol"], frame["date"].astype("datetime64[ns]"), strict=True))]
    assert np.array_equal(came.to_numpy(), frame["y"].to_numpy())
    assert (frame["date"] > frame["origin"]).all()


def test_naive_forecasts_the_anchor(result: gc.Result) -> None:
    naive = result.forecasts[result.forecasts["model"] == "naive"]
    closes = result.prices.table.set_index(["symbol", "session"])["close"]
    anchor = closes.loc[list(zip(naive["symbol"], naive["origin"].astype("datetime64[ns]"), strict=True))]
    assert np.array_equal(naive["forecast"].to_numpy(), anchor.to_numpy())


def test_a_network_of_zeros_is_naive(result: gc.Result) -> None:
    settings = result.experiment
    problem = make_problem(result.prices, lookback=settings.lookback, horizon=settings.horizon)
    folds = walk_forward(problem, folds=settings.folds)
    fitted = result.networks["gru"]
    zeros = [
        replace(member, params={name: np.zeros_like(value) for name, value in member.params.items()})
        for member in fitted.trained
    ]
    for fold, targets in zip(
        folds, replace(fitted, trained=tuple(zeros)).forecast(problem, folds), strict=True
    ):
        price = problem.to_price(targets, fold.test)
        assert np.array_equal(price, np.broadcast_to(problem.anchor[fold.test][:, None], price.shape))


@pytest.mark.parametrize(
    "name", ["experiment.toml", "prices.parquet", "forecasts.parquet", "training.parquet"]
)
def test_a_changed_file_is_refused(copy: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(RunError, match=rf"{name}: missing, or changed after the run"):
        gc.open_run(copy)
    (copy / name).unlink()
    with pytest.raises(RunError, match=rf"{name}: missing"):
        gc.open_run(copy)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": {}}', "{not json", '{"files": 3, "scales": 3}'])
def test_scores_that_are_no_scores_are_refused(copy: Path, text: str) -> None:
    (copy / "scores.json").write_text(text)
    with pytest.raises(RunError, match="no run folder"):
        gc.open_run(copy)


def test_no_run_folder(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no run folder"):
        gc.open_run(tmp_path / "nothing")


def test_save_replaces_whole_or_not_at_all(result: gc.Result, copy: Path) -> None:
    before = sorted(copy.rglob("*"))
    with pytest.raises(RunError, match="is not empty"):
        result.save(copy)
    assert sorted(copy.rglob("*")) == before
    assert result.save(copy, overwrite=True) == copy
    assert sorted(copy.rglob("*")) == before
    assert [path.name for path in copy.parent.iterdir()] == ["copy"]


@pytest.mark.parametrize("stray", ["thesis.docx", "charts/mine.png", "Documents/letter.txt", ".hidden"])
def test_overwrite_refuses_a_folder_with_a_foreign_file(result: gc.Result, copy: Path, stray: str) -> None:
    (copy / stray).parent.mkdir(exist_ok=True)
    (copy / stray).write_text("mine")
    with pytest.raises(RunError, match="gatecast did not write the f"):
        result.save(copy, overwrite=True)
    assert (copy / stray).read_text() == "mine"
    assert gc.open_run(copy).verdict == result.verdict


@pytest.mark.parametrize(
    "marker", [None, "", "[]", "{}", '{"written_by": "x", "files": ["letter"]}', "[" * 10**5]
)
def test_overwrite_refuses_a_folder_that_gatecast_did_not_write(tmp_path: Path, marker: str | None) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "letter").write_text("mine")
    if marker is not None:
        (home / runs.MARKER).write_text(marker)
    with pytest.raises(RunError, match="gatecast did not write it"), new_folder(home, overwrite=True):
        pass
    assert (home / "letter").read_text() == "mine"


def test_overwrite_never_replaces_home_or_the_target_of_a_link(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(copy)
    with pytest.raises(RunError, match="is a link"), new_folder(tmp_path / "link", overwrite=True):
        pass
    monkeypatch.setenv("HOME", str(copy))
    with pytest.raises(RunError, match="your home"), new_folder(copy, overwrite=True):
        pass
    assert gc.open_run(copy)


@pytest.mark.parametrize("drawn", ["charts.save_charts", "page.page"])
@pytest.mark.parametrize("trouble", [ValueError, MemoryError])
def test_a_drawing_that_fails_is_a_warning(
    result: gc.Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn: str, trouble: type[Exception]
) -> None:
    def fails(*_: object) -> None:
        raise trouble("no more paint")

    monkeypatch.setattr(f"gatecast.report.{drawn}", fails)
    with pytest.warns(DrawingWarning, match=f"{trouble.__name__}: no more paint"):
        result.save(tmp_path / "run")
    assert gc.open_run(tmp_path / "run").verdict == result.verdict


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file can grow beyond 100 kB: writing further fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_nothing_and_keeps_the_old_run(
    result: gc.Result, copy: Path, small_disk: None
) -> None:
    before = {path: path.is_file() and path.read_bytes() for path in copy.parent.rglob("*")}
    with pytest.raises(RunError, match=r"copy: cannot be written \(File too large\)\. Free some space"):
        result.save(copy, overwrite=True)
    with pytest.raises(RunError, match="cannot be written"):
        result.save(copy.parent / "deep" / "new")
    garbage.collect()
    assert {path: path.is_file() and path.read_bytes() for path in copy.parent.rglob("*")} == before


@pytest.mark.parametrize("trouble", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_folder_vanishes(tmp_path: Path, trouble: type[BaseException]) -> None:
    with pytest.raises(trouble), new_folder(tmp_path / "deep" / "new") as partial:
        (partial / "half").write_text("x")
        raise trouble
    assert not list(tmp_path.iterdir())


def test_an_interruption_while_folders_change_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with new_folder(tmp_path / "run") as partial:
        (partial / "old").write_text("x")
    rename = Path.replace

    def interrupted(self: Path, target: Path) -> Path:
        if (self / "new").exists():
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt), new_folder(tmp_path / "run", overwrite=True) as partial:
        (partial / "new").write_text("x")
    assert {path.name for path in tmp_path.rglob("*")} == {"run", "old", runs.MARKER}


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "run")
    with new_folder(tmp_path / "link") as partial:
        (partial / "new").write_text("x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "disk" / "run" / "new").is_file()


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    with new_folder(tmp_path / "run") as partial:
        (partial / "new").write_text("x")
    assert {path.name for path in tmp_path.rglob("*")} == {"run", "new", runs.MARKER}


def test_plain_data_has_no_nan() -> None:
    value = {"a": [np.float64("nan"), np.int64(3), pd.NA, float("inf")], 1: (True, None, "x")}
    assert runs.plain(value) == {"a": [None, 3, None, None], "1": [True, None, "x"]}


def test_the_command_line_makes_the_run_of_the_api_again(run_folder: Path, command, tmp_path: Path) -> None:
    """From its own prices; and its folder says how where the prices came from a DataFrame."""
    code, _, err = command("compare", "--config", run_folder / "experiment.toml", "--out", "again")
    assert code == 2
    assert f"compare {run_folder / 'prices.parquet'} --config {run_folder / 'experiment.toml'}" in err
    code, _, err = command(
        "compare", run_folder / "prices.parquet", "--config", run_folder / "experiment.toml", "--out", "again"
    )
    assert code == 0, err
    again = tmp_path / "again"
    assert (again / "forecasts.parquet").read_bytes() == (run_folder / "forecasts.parquet").read_bytes()
    assert gc.open_run(again).experiment == gc.open_run(run_folder).experiment


def test_an_experiment_without_networks_is_a_run(walk, tmp_path: Path) -> None:
    prices = gc.Prices.from_frame(walk("A", 120, 0), calendar="daily")
    alone = gc.compare(prices, ["ar"], folds=1)
    alone.save(tmp_path / "run")
    run = gc.open_run(tmp_path / "run")
    assert run.verdict == alone.verdict
    assert run.experiment.models == ("naive", "ar")
    assert isinstance(run.experiment, Experiment)
