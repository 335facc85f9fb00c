"""Run folders: what is written can be read back, recomputed and made again, bit for bit."""

import gc as garbage
import json
import resource
import runpy
import shutil
import warnings
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast import folders
from gatecast.distributions import StudentT
from gatecast.errors import DrawingWarning, RunError
from gatecast.evaluation.losses import ABSOLUTE_ERROR
from gatecast.evaluation.scores import scores
from gatecast.files import sha256_of
from gatecast.forecasts import COLUMNS, SCALES, DistributionForecast, Forecasts
from gatecast.problem.folds import cut_folds
from gatecast.problem.problem import make_problem
from gatecast.settings.experiment import Experiment

from ..populations import outputs_of, population_of  # isort: skip

FILES = {
    ".gatecast.json", "experiment.toml", "prices.parquet", "forecasts.parquet", "training.parquet",
    "scores.parquet", "verdict.json", "report.html", "models/gru.json", "models/gru.safetensors",
    "models/mine.json", "models/mine.safetensors",
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
        warnings.simplefilter("error")  # what was odd in the data was reported before
        run = gc.open_run(run_folder)
    pd.testing.assert_frame_equal(run.forecasts, result.forecasts, check_exact=True, check_dtype=False)
    pd.testing.assert_frame_equal(run.scores, result.scores, check_exact=True)
    pd.testing.assert_frame_equal(run.training, result.training, check_exact=True)
    assert run.verdict == result.verdict
    assert run.experiment == result.experiment
    assert run.prices.sha256 == result.prices.sha256
    assert run.table() == result.table()
    assert run.summary() == result.summary()
    saved = json.loads((run_folder / "verdict.json").read_text())
    assert saved["format"] == 2 and saved["verdict"]["text"] == result.verdict.text
    pd.testing.assert_frame_equal(pd.read_parquet(run_folder / "scores.parquet"), result.scores)


def test_distributions_stand_in_the_table_the_summary_and_the_verdict(result: gc.Result) -> None:
    outcome = result.outcome
    y = np.log(outcome.actual / outcome.anchor[:, None])
    steps = np.sqrt(np.arange(1, outcome.horizon + 1))

    def known(scale: float, seeds: int = 0) -> DistributionForecast:
        student = StudentT(*(np.broadcast_to(value, y.shape) for value in (0.0 * steps, scale * steps, 5.0)))
        return DistributionForecast.of(
            student, y, np.stack([100 * student.crps(y)] * seeds) if seeds else None
        )

    std = y[:, 0].std()
    models = {"gru": known(0.8 * std, seeds=3), "ar": known(3 * std)}
    distributional = replace(result, outcome=replace(outcome, distributions=models))
    table = distributional.table()
    assert table.startswith(result.table() + "\n\nmodel ")
    crps = models["gru"].crps.mean()
    assert f"{crps:.4f}" in next(line for line in table.splitlines()[::-1] if line.startswith("gru"))
    assert "saved against ar, the best baseline with a distribution" in table.splitlines()[-1]
    summary = json.loads(json.dumps(distributional.summary(), allow_nan=False))
    assert summary["significance"]["crps"]["benchmark"] == "ar"
    found = pd.DataFrame(summary["scores"])
    row = found.query("model == 'gru' and symbol == 'all' and step == 'all' and metric == 'crps'")
    assert row["value"].item() == pytest.approx(crps, rel=1e-12)
    assert summary["verdict"]["findings"]["crps"]["kind"] == "better"
    assert (
        "gru's prediction intervals and distribution are better than those of ar"
        in distributional.verdict.text
    )
    assert set(result.verdict.sentences) - set(result.notes) <= set(distributional.verdict.sentences)


def test_a_run_without_distributions_says_nothing_of_them(result: gc.Result) -> None:
    summary = result.summary()
    assert list(summary["significance"]) == list(summary["verdict"]["findings"]) == ["squared_error"]
    assert "CRPS" not in result.table() and "interval" not in result.verdict.text
    assert not {"pinball", "coverage_80"} & set(result.scores["metric"])


def test_any_loss_can_be_asked_for(result: gc.Result) -> None:
    tests = result.significance_of(ABSOLUTE_ERROR)
    assert tests.benchmark == "naive" and set(tests.models) == set(result.significance.models)


def test_scores_can_be_recomputed_from_the_files(run_folder: Path) -> None:
    saved = json.loads((run_folder / "verdict.json").read_text())
    frame = pd.read_parquet(run_folder / "forecasts.parquet")
    assert list(frame.columns) == [*COLUMNS, *SCALES]
    rows = ["model", "symbol", "step", "metric"]
    shuffled = Forecasts.from_frame(frame.sample(frac=1, random_state=0), pd.DataFrame(saved["scales"]))
    again = scores(shuffled).sort_values(rows, ignore_index=True)
    reported = pd.read_parquet(run_folder / "scores.parquet").sort_values(rows, ignore_index=True)
    pd.testing.assert_frame_equal(again, reported, rtol=1e-12, check_dtype=False)


def test_an_error_in_price_by_hand(run_folder: Path) -> None:
    saved = pd.read_parquet(run_folder / "scores.parquet")
    frame = pd.read_parquet(run_folder / "forecasts.parquet")
    mine = frame[(frame.model == "gru") & frame.seed.isna() & (frame.symbol == "A") & (frame.step == 2)]
    row = saved.query("model == 'gru' and symbol == 'A' and step == '2' and metric == 'mae'")
    assert row["value"].item() == pytest.approx((mine.actual - mine.forecast).abs().mean(), rel=1e-12)


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


def test_the_actual_price_and_its_date_are_those_of_the_prices(result: gc.Result) -> None:
    closes = result.prices.table.set_index(["symbol", "session"])["close"]
    frame = result.forecasts
    actual = closes.loc[list(zip(frame["symbol"], frame["time"].astype("datetime64[ns]"), strict=True))]
    assert np.array_equal(actual.to_numpy(), frame["actual"].to_numpy())
    assert (frame["time"] > frame["origin"]).all()


def test_naive_forecasts_the_anchor(result: gc.Result) -> None:
    naive = result.forecasts[result.forecasts["model"] == "naive"]
    closes = result.prices.table.set_index(["symbol", "session"])["close"]
    anchor = closes.loc[list(zip(naive["symbol"], naive["origin"].astype("datetime64[ns]"), strict=True))]
    assert np.array_equal(naive["forecast"].to_numpy(), anchor.to_numpy())


def test_a_network_of_zeros_is_naive(result: gc.Result) -> None:
    settings = result.experiment
    problem = make_problem(result.prices, lookback=settings.lookback, horizon=settings.horizon)
    folds = cut_folds(problem, folds=settings.folds)
    fitted = population_of(result, "gru")
    zeros = [
        replace(member, params={name: np.zeros_like(value) for name, value in member.params.items()})
        for member in fitted.trained
    ]
    for fold, targets in zip(
        folds, outputs_of(replace(fitted, trained=tuple(zeros)), problem, folds), strict=True
    ):
        price = problem.to_price(problem.to_return(targets, fold.test), fold.test)
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


@pytest.mark.parametrize("scale", ["naive_mae", "naive_mse"])
def test_a_scale_below_0_is_refused(copy: Path, scale: str) -> None:
    summary = json.loads((copy / "verdict.json").read_text())
    summary["scales"][0][scale] = -1.0
    (copy / "verdict.json").write_text(json.dumps(summary))
    with pytest.raises(RunError, match="a scale is below 0"):
        gc.open_run(copy)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": {}}', "{not json", '{"files": 3, "scales": 3}'])
def test_a_verdict_that_is_none_is_refused(copy: Path, text: str) -> None:
    (copy / "verdict.json").write_text(text)
    with pytest.raises(RunError, match="no run folder"):
        gc.open_run(copy)


def test_no_run_folder(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no run folder"):
        gc.open_run(tmp_path / "nothing")


def test_save_replaces_whole_or_not_at_all(result: gc.Result, copy: Path) -> None:
    before = set(copy.rglob("*"))
    drawn = {copy / "report.html", copy / "charts", *copy.glob("charts/*")}
    with pytest.raises(RunError, match="is not empty"):
        result.save(copy)
    assert result.save(copy, overwrite=True, charts=False) == copy
    assert set(copy.rglob("*")) == before - drawn
    assert [path.name for path in copy.parent.iterdir()] == ["copy"]


def test_a_run_with_a_file_of_the_users_is_not_replaced(result: gc.Result, copy: Path) -> None:
    (copy / "models" / "notes.txt").write_text("mine")
    before = {path: path.is_file() and path.read_bytes() for path in copy.parent.rglob("*")}
    with pytest.raises(
        RunError, match=r"copy holds what gatecast did not write as a run \(models/notes\.txt\)"
    ):
        result.save(copy, overwrite=True)
    assert {path: path.is_file() and path.read_bytes() for path in copy.parent.rglob("*")} == before


def of_format_1(folder: Path) -> Path:
    """The run as format 1 was: scores.json for verdict.json, and two columns under other names."""
    summary = json.loads((folder / "verdict.json").read_text())
    for name in ("verdict.json", "scores.parquet"):
        (folder / name).unlink()
    file = folder / "forecasts.parquet"
    frame = pd.read_parquet(file).rename(columns={"actual": "y", "time": "date"})
    frame.to_parquet(file, index=False)
    summary["files"]["forecasts.parquet"] = sha256_of(file)
    del summary["files"]["scores.parquet"], summary["format"]
    (folder / "scores.json").write_text(json.dumps(summary))
    return folder


def test_a_run_of_format_1_opens_and_is_replaced(result: gc.Result, copy: Path) -> None:
    run = gc.open_run(of_format_1(copy))
    pd.testing.assert_frame_equal(run.scores, result.scores, check_exact=True)
    assert run.verdict == result.verdict
    with pytest.raises(RunError, match="did not write as a run"):  # it is not in the marker of this run
        result.save(copy, overwrite=True)
    (copy / ".gatecast.json").unlink()
    result.save(old_run(copy), overwrite=True, charts=False)
    assert gc.open_run(copy).verdict == result.verdict and not (copy / "scores.json").exists()


def test_a_run_of_a_format_to_come_is_refused(copy: Path) -> None:
    summary = json.loads((copy / "verdict.json").read_text())
    (copy / "verdict.json").write_text(json.dumps(summary | {"format": 3}))
    with pytest.raises(
        RunError, match=r"a run of format 3, .* run the experiment in .*experiment\.toml again"
    ):
        gc.open_run(copy)


def old_run(folder: Path) -> Path:
    """A run as versions without a marker wrote it: scores.json lists every file with its hash."""
    (folder / ".gatecast.json").unlink(missing_ok=True)
    if not (folder / "scores.json").exists():
        of_format_1(folder)
    summary = json.loads((folder / "scores.json").read_text())
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    summary["files"] = {name: "" for name in names if name != "scores.json"} | summary["files"]
    (folder / "scores.json").write_text(json.dumps(summary))
    return folder


def test_a_run_of_a_version_without_markers_is_replaced(result: gc.Result, copy: Path) -> None:
    old_run(copy)
    (copy / "mine.txt").write_text("x")
    with pytest.raises(RunError, match=r"\(mine\.txt\)"):
        result.save(copy, overwrite=True, charts=False)
    (copy / "mine.txt").unlink()
    result.save(copy, overwrite=True, charts=False)
    assert (copy / ".gatecast.json").is_file()


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"files": 3}', '{"files": {"experiment.toml": ""}}', "[" * 10**5]
)
def test_without_marker_and_sound_scores_nothing_is_replaced(
    result: gc.Result, copy: Path, text: str
) -> None:
    old_run(copy)
    (copy / "scores.json").write_text(text)
    with pytest.raises(RunError, match="what gatecast did not write as a run"):
        result.save(copy, overwrite=True)


@pytest.mark.parametrize(
    "trouble", [RuntimeError("no font"), MemoryError(), OSError(28, "No space left on device")]
)
@pytest.mark.parametrize("place", ["gatecast.report.pictures.saved_pictures", "gatecast.report.page.page"])
def test_a_drawing_that_fails_is_a_warning(
    result: gc.Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: Exception, place: str
) -> None:
    def fail(*_: object) -> str:
        raise trouble

    monkeypatch.setattr("gatecast.report.pictures.saved_pictures", lambda *_: nullcontext())
    monkeypatch.setattr("gatecast.report.page.page", lambda _: "page")
    monkeypatch.setattr(place, fail)
    with pytest.warns(DrawingWarning, match=f"could not draw the (charts|page) .*{type(trouble).__name__}"):
        result.save(tmp_path / "run")
    assert gc.open_run(tmp_path / "run").verdict == result.verdict
    assert (tmp_path / "run" / "report.html").exists() == ("pictures" in place)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_disk_that_is_full_when_the_drawings_come_leaves_the_run(
    result: gc.Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> str:
        raise OSError(28, "No space left on device")

    result.save(tmp_path / "run", charts=False)
    monkeypatch.setattr(folders.tempfile, "mkdtemp", full)
    with pytest.warns(DrawingWarning, match="No space left on device"):
        assert not result.draw(tmp_path / "run")
    assert gc.open_run(tmp_path / "run").verdict == result.verdict


def test_drawings_go_into_their_own_run_only(result: gc.Result, copy: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="nowhere does not hold this run"):
        result.draw(tmp_path / "nowhere")
    other = replace(result, experiment=result.experiment.changed(seed=7))
    before = {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}
    with pytest.raises(RunError, match="copy does not hold this run"):
        other.draw(copy)
    assert {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")} == before


def test_a_run_without_charts_can_be_drawn_later(
    result: gc.Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatecast.report.pictures.saved_pictures", lambda *_: nullcontext())
    result.save(tmp_path / "run", charts=False)
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        name.partition("/")[0] for name in FILES if name != "report.html"
    }
    assert gc.open_run(tmp_path / "run").draw(tmp_path / "run")
    assert (tmp_path / "run" / "report.html").is_file()
    result.save(tmp_path / "run", overwrite=True, charts=False)


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file can grow beyond 10 kB: writing further fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_nothing_and_keeps_the_old_run(
    result: gc.Result, copy: Path, small_disk: None
) -> None:
    before = {path: path.is_file() and path.read_bytes() for path in copy.parent.rglob("*")}
    with pytest.raises(RunError, match=r"copy: cannot be written \(.*File too large\)\. Free some space"):
        result.save(copy, overwrite=True)
    with pytest.raises(RunError, match="cannot be written"):
        result.save(copy.parent / "deep" / "new")
    garbage.collect()
    assert {path: path.is_file() and path.read_bytes() for path in copy.parent.rglob("*")} == before


def test_the_command_line_makes_the_run_of_the_api_again(run_folder: Path, command, tmp_path: Path) -> None:
    """From its own prices; and its folder says how where the prices came from a DataFrame."""
    code, _, err = command("compare", "--config", run_folder / "experiment.toml", "--out", "again")
    assert code == 2
    assert f"compare {run_folder / 'prices.parquet'} --config {run_folder / 'experiment.toml'}" in err
    code, _, err = command(
        "compare", run_folder / "prices.parquet", "--config", run_folder / "experiment.toml",
        "--out", "again", "--no-charts",
    )  # fmt: skip
    assert code == 0, err
    again = tmp_path / "again"
    assert (again / "forecasts.parquet").read_bytes() == (run_folder / "forecasts.parquet").read_bytes()
    first, second = gc.open_run(run_folder), gc.open_run(again)
    asked = second.experiment.changed(source=(), symbols=None, start=None, end=None)
    assert (asked, second.provenance.sha256) == (first.experiment, first.provenance.sha256)


def test_an_experiment_without_networks_is_a_run(walk, tmp_path: Path) -> None:
    prices = gc.Prices.from_frame(walk("A", 120, 0), calendar="daily")
    alone = gc.compare(prices, ["ar"], folds=1)
    alone.save(tmp_path / "run", charts=False)
    run = gc.open_run(tmp_path / "run")
    assert run.verdict == alone.verdict
    assert run.experiment.models == ("naive", "ar")
    assert isinstance(run.experiment, Experiment)


# kills; the long version is benchmarks/kills.py ---------------------------------------------------------

KILLS = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "kills.py"))


@pytest.mark.slow
@pytest.mark.full
def test_a_killed_comparison_leaves_one_whole_run(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "beside").mkdir()
    found = KILLS["kills"](tmp_path / "beside", 60, environment)
    assert [one.signal for one in found] == list(KILLS["SIGNALS"])
    assert {one.moment for one in found} == set(KILLS["MOMENTS"])


@pytest.mark.slow
@pytest.mark.full
def test_a_killed_comparison_goes_on_to_the_same_bits(tmp_path: Path, environment: dict[str, str]) -> None:
    """Short ones are in test_unfinished.py, and in test_main.py with a signal."""
    (tmp_path / "growing").mkdir()
    found = KILLS["resumes"](tmp_path / "growing", 50, environment)
    assert sum(one.kills for one in found) == 50


def test_a_run_that_was_written_in_place_is_found_out(run_folder: Path, tmp_path: Path) -> None:
    """The broken twin: what is half written, or left over, does not pass."""
    check, seed = KILLS["check"], 0
    (tmp_path / "a.csv").touch()
    with pytest.raises(AssertionError):
        check(tmp_path, {seed})  # the older run is lost
    run = tmp_path / "run"
    run.mkdir()
    for path in run_folder.iterdir():
        if path.is_file():
            (run / path.name).write_bytes(path.read_bytes())
    check(tmp_path, {seed})
    with pytest.raises(AssertionError):
        check(tmp_path, {seed + 1})  # another run
    (tmp_path / ".run.abcdefgh").mkdir()
    with pytest.raises(AssertionError):
        check(tmp_path, {seed})  # a left-over
    (tmp_path / ".run.abcdefgh").rmdir()
    page = (run / "report.html").read_text(encoding="utf-8")
    (run / "report.html").write_text(page[:-20], encoding="utf-8")
    with pytest.raises(AssertionError):
        check(tmp_path, {seed})  # half a page


def test_a_repr_fits_on_a_screen(result: gc.Result) -> None:
    parts = (
        result,
        population_of(result, "gru"),
        result.outcome,
        result.prices,
        result.verdict,
        result.significance,
    )
    assert [len(repr(part)) for part in parts if len(repr(part)) > 2500] == []
    assert "history=DataFrame of shape (" in repr(parts[1]) and "seeds={'gru', 'mine'}" in repr(
        result.outcome
    )
