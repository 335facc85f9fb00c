"""Wrong input ends with 2 and one message that says what, where and what to do; nothing stays behind."""

import errno
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from gatecast import folders
from gatecast import run as run_module
from gatecast.nn import program

from .conftest import Answer, walk_frame  # isort: skip

SMALL = ["--models=gru", "--seeds=1", "--folds=1", "--epochs=1", "--hidden-size=2", "--lookback=5"]
PRICES = walk_frame("A", 120, 0).drop(columns="symbol")


def with_cell(column: str, value: object) -> str:
    """The prices as CSV with another value in row 21."""
    table = PRICES.astype({column: object})
    table.loc[20, column] = value
    return table.to_csv(index=False)


FILES = {
    "empty": ("", ["prices.csv", "the file is empty", "dates and closes"]),
    "blank": ("\n \n\n", ["prices.csv", "the file is empty"]),
    "only a header": ("date,close\n", ["prices.csv", "there are no rows"]),
    "binary": (bytes(range(256)) * 9, ["prices.csv", "not UTF-8 text", "save it as UTF-8"]),
    "zeros": (b"\0" * 99, ["prices.csv", "binary", "Give a CSV"]),
    "one row": (PRICES.head(1).to_csv(index=False), ["1 session", "Give more sessions"]),
    "text in a price": (with_cell("close", "abc"), ["prices.csv", "row 21", "column close", "value abc"]),
    "text in the open": (with_cell("open", "abc"), ["prices.csv", "row 21", "column open", "value abc"]),
    "infinite close": (with_cell("close", "inf"), ["row 21", "column close", "value inf", "Correct it"]),
    "empty close": (with_cell("close", None), ["row 21", "column close", "empty", "another source"]),
    "a date twice": (
        pd.concat([PRICES[:21], PRICES[20:].assign(close=1.0)]).to_csv(index=False),
        ["row 22", "column date", "twice, with other values in row 21", "--keep"],
    ),
    "impossible date": (with_cell("date", "2015-02-30"), ["row 21", "date", "2015-02-30", "no such date"]),
    "no close": (PRICES.drop(columns="close").to_csv(index=False), ["no close column", "--close", "volume"]),
    "no date": (PRICES.drop(columns="date").to_csv(index=False), ["no column of dates", "--first-date"]),
}  # fmt: skip

SETTINGS = {
    "--lookback 500": ["too few sessions", "lookback 500", "120 sessions", "smaller lookback"],
    "--horizon 90": ["too few sessions", "horizon 90", "Give more sessions"],
    "--folds 99": ["too few sessions", "number of folds"],
    "--test-size 0.97": ["too few sessions", "test_size"],
    "--horizon 0": ["--horizon 0: must be at least 1"],
    "--horizon two": ["--horizon two: must be a whole number"],
    "--horizon 1.5": ["--horizon 1.5: must be a whole number"],
    "--horizon 1000000000000": ["--horizon", "must be at most 1000"],
    "--seeds 0": ["--seeds 0: must be at least 1"],
    "--seed -1": ["--seed -1: must be at least 0"],
    "--epochs 10000000000": ["--epochs", "must be at most 1000000"],
    "--learning-rate -0.1": ["--learning-rate -0.1: must be more than 0 "],
    "--learning-rate nan": ["--learning-rate nan: must be a number that is finite"],
    "--patience some": ["--patience some: must be a whole number", "none: off"],
    "--mlp 8,x": ["--mlp x: must be a whole number", "as 64,32"],
    "--dropout 0.5": ["dropout acts between layers", "num_layers=2"],
    "--models gruu": ['unknown model "gruu"', 'Did you mean "gru"?', "lstm"],
    "--models gru,gru": ['"gru" is listed twice'],
    "--models ,": ["models is empty", "gru"],
    "--target retrun": ["--target retrun", "'return', 'difference' or 'close'", 'Did you mean "return"?'],
    "--optimizer adm": ["--optimizer adm", 'Did you mean "adam"?'],
    "--column clos": ['column "clos" is not in the data', 'Did you mean "close"?'],
    "--start 2015-13-01": ["--start 2015-13-01", "is not a date", "YYYY-MM-DD"],
    "--start 20150105": ["--start 20150105", "is not a date", "YYYY-MM-DD"],
    "--start 2031-01-01": ["no rows with start", "2031-01-01", "The data have 2015-01-01"],
    "--test-start 2031-01-01": ["test_start 2031-01-01", "2015-01-01", "choose a date"],
    "--symbols prizes": ['no symbol "prizes"', 'Did you mean "prices"? It has'],
    "--calendar XNYZ": ['no calendar "XNYZ"', "Did you mean"],
    "--adjust": ["adjusted close", "--adj-close", "leave adjust out"],
    "--features nomodule:f": ['features "nomodule:f"', "No module named", "module:function"],
    "--features json:nope": ['features "json:nope"', "no attribute", "module:function"],
    "--features mine:tomorrow": ["features of prices read the future", "rolling, shift(1)"],
    "--features mine:fails": ["features of prices: the function failed", "ZeroDivisionError"],
    "--config none.toml": ["none.toml", "No such file", "experiment.toml of a run"],
    "--config .": ["Is a directory", "experiment.toml of a run"],
}
CONFIGS = {
    "a b": ["not a TOML file", "line 1"],
    "horizn = 3": ["horizn = 3: there is no such setting", 'Did you mean "horizon"?'],
    "horizon = 0": ["horizon = 0: must be at least 1"],
    "training = 3": [": training = 3: must be a table, [training]"],
    "[training]\nepochs = 'x'": ["training.epochs = 'x': must be a whole number"],
    "horizon = true": ["horizon = True: must be a whole number"],
    "[training]\nclip_norm = true": ["training.clip_norm = True: must be a number"],
    "[networks.gru]\nmlp = [8, true]": ["networks.gru.mlp = [8, True]: must be a whole number"],
    "[networks.gru]\ncel = 'gru'": ["networks.gru.cel", "no such setting", 'Did you mean "cell"?'],
    "[networks.gru]\ndropout = 0.5": ["networks.gru: dropout acts between layers"],
    "models = 'gru'": ["models = 'gru': must be a list of names"],
    "models = ['gruu']": ['unknown model "gruu"', 'Did you mean "gru"?'],
    "models = ['naive', 'naive']": ['"naive" is listed twice'],
    "models = []": ["models is empty"],
    "symbols = 5": ["symbols = 5: must be a list"],
    "source = ['DataFrame']": ["came from a DataFrame", "prices.parquet --config"],
    "sha256 = 'abc'": ["not the data of the experiment", "prices.csv", "prices.parquet"],
}
SOURCES = {
    "price.csv": ["price.csv", "no such file", 'Did you mean "prices.csv"?'],
    "nowhere/prices.csv": ['The folder "nowhere" does not exist'],
    "folder": ["folder: this is a folder without price files", "Give one file"],
    "sampel:sp500": ['"sampel:"', 'Did you mean "sample"?'],
    "sample:sp50": ['no sample "sp50"', 'Did you mean "sp500"?'],
    "notes.doc": ["notes.doc", "there are no rows", "Prices need dates and closes"],
    "fake.parquet": ["fake.parquet", "not a Parquet file"],
}
FOLDERS = {
    "prices.csv": ["prices.csv is a file"],
    "prices.csv/run": ["prices.csv/run", "below the file", "choose another folder"],
    "folder": ["folder is not empty", "--overwrite"],
    ".": [". is the current folder", "choose a folder in it"],
    "..": [".. is the current folder", "one above it"],
    "/": ["/ is the current folder"],
    "/proc/gatecast/run": ["/proc/gatecast/run: cannot be written", "Choose another folder"],
    "n" * 300: ["cannot be written", "name too long", "Choose another folder"],
}
MINE = """
def tomorrow(prices):
    return prices[["close"]].shift(-1, fill_value=1.0)

def fails(prices):
    1 / 0
"""


def refused(answer: Answer, *words: str) -> None:
    code, out, err = answer
    errors = [line for line in err.splitlines() if not line.startswith("warning: ")]
    assert (code, out, len(errors)) == (2, "", 1), err
    assert errors[0].startswith("gatecast: ")
    for word in words:
        assert word in errors[0]


@pytest.fixture
def run(command, tmp_path: Path):
    """run(…) is a small `gatecast compare` beside prices.csv; it must leave nothing behind."""
    (tmp_path / "prices.csv").write_text(PRICES.to_csv(index=False))
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "notes.doc").write_text("x")
    (tmp_path / "fake.parquet").write_text("PAR1 not quite")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "precious").write_text("x")

    def small(*words: str, source: str = "prices.csv", out: str = "runs/new") -> Answer:
        before = sorted(tmp_path.rglob("*"))
        answer = command("compare", source, *SMALL, "--out", out, *words)
        left = {path for path in set(tmp_path.rglob("*")) - set(before) if "__pycache__" not in path.parts}
        assert not left
        assert set(before) <= set(tmp_path.rglob("*"))
        return answer

    return small


@pytest.mark.parametrize("case", FILES)
def test_a_wrong_file(case: str, run, tmp_path: Path) -> None:
    content, words = FILES[case]
    (tmp_path / "prices.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    refused(run(), *words)


@pytest.mark.parametrize("flag", SETTINGS)
def test_a_wrong_setting(flag: str, run) -> None:
    refused(run(*flag.split()), *SETTINGS[flag])


@pytest.mark.parametrize("content", CONFIGS)
def test_a_wrong_experiment_file(content: str, command, tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text(PRICES.to_csv(index=False))
    (tmp_path / "my.toml").write_text(content)
    source = [] if "source" in content else ["prices.csv"]
    answer = command("compare", *source, "--config", "my.toml")
    refused(answer, *CONFIGS[content])
    if "sha256" not in content:  # that is known only beside the data
        assert "my.toml: " in answer.err
    assert {path.name for path in tmp_path.iterdir()} == {"prices.csv", "my.toml"}


@pytest.mark.parametrize("setting", ["models", "calendar", "target", "features", "seed", "horizn"])
def test_an_endless_value_is_cut_in_the_message(setting: str, command, tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text(PRICES.to_csv(index=False))
    endless = {"models": f"['{'x' * 10**5}']", "seed": "9" * 4000}.get(setting, f"'{'x' * 10**5}'")
    (tmp_path / "my.toml").write_text(f"{setting} = {endless}")
    answer = command("compare", "prices.csv", "--config", "my.toml")
    refused(answer, setting if setting != "models" else "unknown model", "…")
    assert len(answer.err) < 1000


@pytest.mark.parametrize("source", SOURCES)
def test_a_wrong_source(source: str, run) -> None:
    refused(run(source=source), *SOURCES[source])


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_that_cannot_hold_the_run(folder: str, run) -> None:
    refused(run(out=folder), *FOLDERS[folder])


def test_a_folder_of_the_users_is_not_replaced(run) -> None:
    refused(run("--overwrite", out="folder"), "folder holds what gatecast did not write as a run (precious)")


def test_a_read_only_folder(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> str:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(folders.tempfile, "mkdtemp", refuse)
    refused(run(), "runs/new: cannot be written (Read-only file system)", "Choose another folder")


def test_a_disk_that_fills_up_while_the_run_is_written(
    command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was computed is kept: the same command goes on once there is space."""

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "prices.csv").write_text(PRICES.to_csv(index=False))
    words = ("compare", "prices.csv", *SMALL, "--no-charts", "--out", "runs/new")
    with monkeypatch.context() as patch:
        patch.setattr(run_module, "save_fitted", fail)
        code, out, err = command(*words)
    assert out.startswith("No evidence") or out.startswith("Worse than naive")  # the work is not lost
    said, kept = (line for line in err.splitlines() if not line.startswith("warning: "))
    assert code == 2 and "runs/new: cannot be written (No space left on device). Free some space" in said
    assert "gatecast compare --resume runs/new goes on" in kept
    with monkeypatch.context() as patch:
        patch.setattr(program, "run", fail)  # nothing is trained again
        assert command(*words)[0] == 0
    assert (tmp_path / "runs/new/verdict.json").is_file() and not (tmp_path / "runs/new/work").exists()


def test_an_unknown_flag_names_the_nearest(run) -> None:
    code, out, err = run("--horizn", "3")
    assert (code, out) == (2, "")
    assert "No such option: --horizn" in err
    assert "--horizon" in err
    assert "Traceback" not in err


@pytest.mark.slow
@pytest.mark.full
def test_the_real_program_says_the_same(tmp_path: Path, environment: dict[str, str]) -> None:
    content, words = FILES["infinite close"]
    (tmp_path / "prices.csv").write_text(str(content))
    words_of_command = [sys.executable, "-m", "gatecast", "compare", "prices.csv", *SMALL]
    ended = subprocess.run(
        words_of_command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    refused(Answer(ended.returncode, ended.stdout, ended.stderr), *words)
    assert [path.name for path in tmp_path.iterdir()] == ["prices.csv"]
