"""Going on with a run that was stopped, and the list of runs."""

from pathlib import Path

import pytest

import gatecast as gc
from gatecast.kept import Kept

from ..conftest import parsed, walk_frame  # isort: skip

SMALL = [
    *("a.csv", "--models=gru", "--seeds=1", "--folds=1", "--epochs=1", "--hidden-size=2", "--lookback=5"),
    "--no-charts",
]


@pytest.fixture
def stopped(tmp_path: Path, command, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of a.csv, stopped when its baselines were known; a.csv has changed since."""
    walk_frame("A", 120, 0).to_csv(tmp_path / "a.csv", index=False)
    keep = Kept.keep

    def until_the_networks(self: Kept, name: str, *what: object, **how: object) -> None:
        if self.prefix.startswith("members/"):
            raise gc.errors.RunError("the disk is full")
        keep(self, name, *what, **how)

    with monkeypatch.context() as patch:
        patch.setattr(Kept, "keep", until_the_networks)
        code, out, err = command("compare", *SMALL, "--out", "run")
    assert (code, out) == (2, "")
    assert err.splitlines()[-2:] == [
        "gatecast: the disk is full",
        "gatecast: what was finished is kept; gatecast compare --resume run goes on",
    ]
    walk_frame("A", 121, 0).to_csv(tmp_path / "a.csv", index=False)
    return tmp_path / "run"


def test_resume_goes_on_with_what_the_folder_holds(stopped: Path, tmp_path: Path, command) -> None:
    code, out, err = command("compare", *SMALL, "--out", "run")
    assert code == 2 and "unfinished run of other data" in err
    code, out, err = command("compare", "--resume", "run", "--no-charts")
    assert (code, out.splitlines()[-1], err) == (0, "The run: run", "")
    walk_frame("A", 120, 0).to_csv(tmp_path / "a.csv", index=False)
    assert command("compare", *SMALL, "--out", "whole").code == 0
    for name in ("forecasts.parquet", "scores.parquet", "verdict.json", "experiment.toml"):
        assert (stopped / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--out", "b"], "leave out --out"),
        (["a.csv", "--epochs", "3"], "leave out a source and --epochs"),
    ],
)
def test_resume_takes_nothing_else(stopped: Path, command, words: list[str], said: str) -> None:
    code, out, err = command("compare", "--resume", "run", *words)
    assert (code, out) == (2, "") and said in err


def test_there_must_be_something_to_go_on_with(tmp_path: Path, command) -> None:
    assert command("compare", "--resume", "none").code == 2
    assert not list(tmp_path.iterdir())


def test_code_that_an_unfinished_run_names_needs_leave(stopped: Path, command) -> None:
    file = stopped / "work" / "experiment.toml"
    file.write_text('features = "os:getcwd"\n' + file.read_text())
    code, _, err = command("compare", "--resume", "run")
    assert code == 2 and "--allow-code" in err


def test_runs_are_listed_with_their_state(stopped: Path, command) -> None:
    code, out, _ = command("runs", ".")
    assert code == 0 and "stopped " in out and "gatecast compare --resume run" in out
    assert command("compare", "--resume", "run", "--no-charts").code == 0
    (run,) = parsed(command("runs", ".", "--json").out)["runs"]
    assert (run["folder"], run["state"], run["share"]) == ("run", "finished", 1.0)
    assert run["verdict"] == gc.open_run(stopped).verdict.kind and run["source"] == ["a.csv"]


def test_a_run_is_listed_by_its_folder_which_can_be_copied(stopped: Path, command) -> None:
    command("compare", "--resume", "run", "--no-charts")
    long = stopped.rename(stopped.with_name("a-name-" * 20))
    folder, done, about = command("runs", ".").out.splitlines()
    assert folder == long.name
    assert done.startswith("    finished 20") and done.endswith(": no evidence")
    assert about.startswith("    a.csv: naive, ")
    (long / "experiment.toml").write_text("damaged")
    assert command("runs", ".").out.splitlines()[1].startswith("    damaged")


def test_a_folder_without_runs(tmp_path: Path, command) -> None:
    assert command("runs", ".").out == "No runs in .\n"
    assert command("runs").code == 2
