"""The commands: what they print, and what they write."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast import progress
from gatecast.data.calendars import sessions_between
from gatecast.data.delimited import EXACT
from gatecast.ledger import Ledger

from ..conftest import parsed, walk_frame  # isort: skip

SMALL = ["--seeds=1", "--folds=1", "--epochs=1", "--hidden-size=2", "--lookback=5"]


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    """a.csv: 120 sessions of New York, nothing odd."""
    days = sessions_between("XNYS", "2015-01-02", "2015-12-31")[:120]
    walk_frame("A", 120, 0).drop(columns="symbol").assign(date=days).to_csv(tmp_path / "a.csv", index=False)
    return tmp_path / "a.csv"


@pytest.fixture(scope="module")
def run_folder(result: gc.Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of `result`, without charts."""
    return result.save(tmp_path_factory.mktemp("runs") / "small", charts=False)


def test_compare_prints_verdict_table_and_page(
    prices: Path, command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatecast.report.pictures.saved_pictures", lambda *_: nullcontext())
    code, out, err = command("compare", "a.csv", "--models", "gru", *SMALL, "--out", "run")
    assert (code, err) == (0, "")
    run = gc.open_run("run")
    assert out == f"{run.verdict.text}\n\n{run.table()}\n\nThe page: {Path('run/report.html')}\n"
    assert [line.split()[0] for line in run.table().splitlines()] == [
        "model",
        "naive",
        "drift",
        "ewma",
        "ar",
        "gru",
        "skill:",
    ]
    assert run.experiment.source == ("a.csv",)


def test_compare_in_json(prices: Path, command) -> None:
    prices.write_text(prices.read_text().replace("2015-01-02", "2015-01-03"))  # a Saturday
    code, out, err = command(
        "compare", "a.csv", "--models", "gru,naive", *SMALL, "--no-charts", "--out", "run", "--json"
    )
    assert code == 0
    assert all(line.startswith("warning: ") for line in err.splitlines())
    assert "2015-01-03" in err
    answer = parsed(out)
    run = gc.open_run("run")
    assert answer == {**run.summary(), "run": "run"}
    assert answer["verdict"]["text"] == run.verdict.text
    wanted = {"model": "naive", "step": "all", "metric": "directional_accuracy"}
    naive = next(row for row in answer["scores"] if wanted.items() <= row.items())
    assert naive["value"] is None
    assert naive["reason"] == "it forecasts no change"


def test_columns_are_flags(prices: Path, command, monkeypatch) -> None:
    """Of both roads; what the next sessions bring is a file of its own."""
    frame = pd.read_csv(prices)
    frame.assign(vix=np.arange(120) % 7, earnings=np.arange(120) % 2).to_csv(prices, index=False)
    columns = ("--past", "vix", "--future", "earnings,weekday", "--batch-size", "64")
    code, _, err = command(
        "compare", "a.csv", "--models=rnn,naive", *SMALL, "--no-charts", "--out=run", *columns
    )
    assert (code, err) == (0, "")
    assert gc.open_run("run").experiment.future == ("earnings", "weekday")
    from_the_run = ("forecast", "a.csv", "--run=run", "--model=rnn", "--no-ledger")
    code, _, err = command(*from_the_run)
    assert code == 2
    assert "earnings must be known in advance, and is not for a on 2015-06-25." in err
    with monkeypatch.context() as patch:  # refused before the long work
        patch.setattr("gatecast.api.outlook.run_comparison", lambda *_: pytest.fail("the record is made"))
        code, _, err = command("forecast", "a.csv", "--no-ledger", *SMALL[:1], *columns)
    assert (code, "must be known in advance" in err) == (2, True)
    Path("next.csv").write_text("date,earnings\n2015-06-25,1\n")
    code, out, _ = command(*from_the_run, "--future-table=next.csv")
    assert (code, "2015-06-25" in out) == (0, True)
    code, _, err = command("compare", "a.csv", *SMALL, "--past=vixx", "--out=other")
    assert code == 2
    assert "past = 'vixx': is no column of the data. Did you mean \"vix\"?" in err


def test_overwrite_replaces_the_folder_whole(prices: Path, command, tmp_path: Path) -> None:
    words = ("compare", "a.csv", "--no-charts", *SMALL, "--out", "run", "--models")
    assert command(*words, "naive").code == 0
    assert command(*words, "naive,drift").code == 2
    assert gc.open_run("run").experiment.models == ("naive",)
    code, out, _ = command(*words, "naive,drift", "--overwrite")
    assert code == 0 and out.endswith("\n\nThe run: run\n")
    assert gc.open_run("run").experiment.models == ("naive", "drift")
    assert {path.name for path in tmp_path.iterdir()} == {"a.csv", "run"}
    assert not {"report.html", "charts"} & {path.name for path in (tmp_path / "run").iterdir()}


def test_a_folder_that_holds_the_prices_it_reads_is_not_replaced(prices: Path, command) -> None:
    words = ("compare", "--models", "naive", "--no-charts", "--out", "run")
    assert command(*words, "a.csv", *SMALL).code == 0
    before = Path("run/prices.parquet").read_bytes()
    code, _, err = command(*words, "run/prices.parquet", *SMALL, "--end", "2015-12-31", "--overwrite")
    assert code == 2 and "run holds the file that the prices are read from" in err
    assert Path("run/prices.parquet").read_bytes() == before


def test_a_file_of_a_run_is_not_replaced_by_a_forecast(prices: Path, command) -> None:
    assert command("compare", "a.csv", "--models", "naive", "--no-charts", "--out", "run", *SMALL).code == 0
    before = gc.open_run("run").forecasts
    for name in ("prices.parquet", "forecasts.parquet"):
        code, _, err = command(*FORECAST, "--out", f"run/{name}", "--overwrite")
        assert code == 2 and f"run/{name} is part of the run in " in err
    pd.testing.assert_frame_equal(gc.open_run("run").forecasts, before)


def test_the_answer_is_printed_and_the_run_whole_before_anything_is_drawn(
    prices: Path, command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A drawing that fails is a warning, and one that takes the process with it leaves the run as well."""
    words = ("compare", "a.csv", "--models", "naive,ar", *SMALL)

    def fail(*_: object) -> None:
        raise MemoryError("no memory for pictures")

    monkeypatch.setattr("gatecast.report.pictures.saved_pictures", fail)
    monkeypatch.setattr("gatecast.report.page.page", fail)
    code, out, err = command(*words, "--out", "run")
    assert code == 0
    assert err.splitlines() == [
        f"warning: could not draw the {what} (MemoryError: no memory for pictures); all else was written"
        for what in ("charts", "page")
    ]
    run = gc.open_run("run")
    assert out == f"{run.verdict.text}\n\n{run.table()}\n\nThe run: run\n"

    def die(_: object, folder: Path) -> None:
        raise SystemExit(capsys.readouterr().out)  # what was printed by then

    monkeypatch.setattr(gc.Result, "draw", die)
    with pytest.raises(ValueError, match="No evidence that ar, the only model tried"):
        command(*words, "--out", "other")
    assert gc.open_run("other").verdict == run.verdict


def test_the_default_folder_is_named_after_time_and_source(prices: Path, command, tmp_path: Path) -> None:
    assert command("compare", "a.csv", "--models", "naive", *SMALL, "--no-charts").code == 0
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.endswith("-a")
    assert pd.Timestamp(folder.name[:10]) >= pd.Timestamp("2024-01-01")
    assert gc.open_run(folder).experiment.models == ("naive",)


def test_one_symbol_of_many_runs_again_from_its_file(command, tmp_path: Path) -> None:
    """The experiment remembers the symbol that was chosen."""
    table = pd.concat([walk_frame(name, 120, seed) for seed, name in enumerate("AB")])
    table.to_parquet(tmp_path / "many.parquet")
    words = ("--models", "naive,ar", *SMALL, "--no-charts")
    assert command("compare", "many.parquet", "--symbols", "B", *words, "--out", "one").code == 0
    code, _, err = command("compare", "--config", "one/experiment.toml", "--no-charts", "--out", "two")
    assert code == 0, err
    one, two = (Path(name) / "forecasts.parquet" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    assert set(pd.read_parquet(two)["symbol"]) == {"B"}


@pytest.mark.slow
def test_the_same_experiment_gives_the_same_bits_in_another_process(
    prices: Path, tmp_path: Path, environment: dict[str, str], command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the source on disk; and with other prices there, it ends with 2 and says which."""
    monkeypatch.chdir(tmp_path)
    training = gc.Training(epochs=2, batch_size=32)
    result = gc.compare(
        gc.load("a.csv"), ["rnn"], network=gc.Network(hidden_size=2),
        training=training, lookback=5, folds=2, seeds=2,
    )  # fmt: skip
    result.save(tmp_path / "first", charts=False)

    words = ["compare", "--config", "first/experiment.toml", "--no-charts", "--json", "--out"]
    ended = subprocess.run(
        [sys.executable, "-m", "gatecast", *words, "second"], cwd=tmp_path, env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert parsed(ended.stdout)["verdict"]["text"] == result.verdict.text
    first, second = (tmp_path / name / "forecasts.parquet" for name in ("first", "second"))
    assert first.read_bytes() == second.read_bytes()
    table = pd.read_csv(prices, **EXACT)
    table.loc[3, "close"] *= 1.001
    table.to_csv(prices, index=False)
    code, out, err = command(*words, "third")
    assert (code, out) == (2, "")
    assert "not the data of the experiment" in err and "a.csv" in err
    assert not (tmp_path / "third").exists()


def test_models_of_the_current_folder(prices: Path, command, tmp_path: Path) -> None:
    """They are run where the user named them; those that a file names, where the user allows it."""
    (tmp_path / "my_models.py").write_text(
        "from pathlib import Path\nfrom sklearn.linear_model import Ridge\n\nridge = Ridge(alpha=9.0)\n\n\n"
        "def drift(history, horizon):\n"
        "    with Path('asked').open('a') as file:\n        file.write('x')\n"
        "    return [history['close'].iloc[-1] * 1.001 ** k for k in range(1, horizon + 1)]\n"
    )
    run = ("compare", "a.csv", *SMALL, "--no-charts")
    mine = "my_models:ridge,my-drift=my_models:drift,mean"
    answer = command(*run, "--models", mine, "--out", "run")
    assert answer.code == 0, answer.err
    result = gc.open_run("run")
    assert result.experiment.foreign == {"ridge": "my_models:ridge", "my-drift": "my_models:drift"}
    assert result.experiment.means == {"mean": ("ridge", "my-drift")}
    assert (result.noun, result.experiment.baselines) == ("candidate", ("naive", "drift", "ewma", "ar"))
    asked = (tmp_path / "asked").stat().st_size
    assert asked == len(result.outcome.origin)
    again = ("compare", "--config", "run/experiment.toml", "--no-charts")
    code, out, err = command(*again, "--out", "again")
    assert (code, out) == (2, "")
    assert "run/experiment.toml names code: ridge = 'my_models:ridge', which would be imported and run" in err
    assert command(*again, "--allow-code", "--out", "again").code == 0
    assert (tmp_path / "asked").stat().st_size == asked  # the run's own answers
    assert Path("again/forecasts.parquet").read_bytes() == Path("run/forecasts.parquet").read_bytes()
    for models, message in (
        ("my_models:drift", '"drift" is another model; give my_models:drift a name of its own: my-drift='),
        ("my_models:no", "model \"my_models:no\": module 'my_models' has no attribute 'no'"),
        ("my_models:Path", "Path"),
        ("x=os:sep", 'model "x" must be a regressor with fit and predict, a function of (history, horizon)'),
    ):
        code, out, err = command(*run, "--models", models, "--out", "none")
        assert (code, out) == (2, ""), err
        assert message in err


def test_features_of_the_current_folder(prices: Path, command, tmp_path: Path) -> None:
    """They are run where the user named them; those that a file names, where the user allows it."""
    (tmp_path / "my_features.py").write_text(
        "import numpy as np\nfrom pathlib import Path\n\nPath('imported').touch()\n\n"
        "def momentum(prices):\n"
        "    change = np.log(prices[['high', 'low', 'close']]).diff()\n"
        "    return change.assign(slow=change['close'].rolling(3).mean())\n"
    )
    own = ("--features", "my_features:momentum", "--replace-features")
    words = ("--models", "gru", *SMALL, "--no-charts", *own, "--out", "run")
    assert command("compare", "a.csv", *words).code == 0
    assert gc.open_run("run").experiment.features == "my_features:momentum"
    (tmp_path / "imported").unlink()
    sys.modules.pop("my_features")
    again = ("compare", "--config", "run/experiment.toml", "--no-charts", "--out", "again")
    later = ("forecast", "a.csv", "--run", "run", "--no-ledger")
    for command_line, file in ((again, Path("run/experiment.toml")), (later, Path("run"))):
        code, out, err = command(*command_line)
        assert (code, out) == (2, "")
        assert err == (
            f"gatecast: {file} names code: features = 'my_features:momentum', which would be "
            "imported and run. If you trust it, add --allow-code\n"
        )
    assert not (tmp_path / "imported").exists() and not (tmp_path / "again").exists()
    assert command(*again, "--allow-code").code == 0
    assert gc.open_run("again").forecasts.equals(gc.open_run("run").forecasts)


@pytest.mark.parametrize("name", ["sys:exit", "os:_exit", "leaving:f", "failing:f", "leaving_later:f"])
@pytest.mark.parametrize("on_the_command_line", [True, False])
def test_features_that_end_the_process_are_wrong_input(
    prices: Path, command, tmp_path: Path, name: str, on_the_command_line: bool
) -> None:
    (tmp_path / "leaving.py").write_text("raise SystemExit(0)")
    (tmp_path / "failing.py").write_text("raise BaseException('odd')")
    (tmp_path / "leaving_later.py").write_text("def f(prices): raise SystemExit(0)")
    (tmp_path / "my.toml").write_text(f"source = ['a.csv']\nfeatures = '{name}'\nmodels = ['ar']")
    words = ("a.csv", "--models", "ar", "--features", name)
    given = words if on_the_command_line else ("--config", "my.toml", "--allow-code")
    code, out, err = command("compare", *given, "--out", "run")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("gatecast: features") and not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("audit", "mine:last", "a.csv", "--quick"),
        pytest.param(
            (
                "compare",
                "a.csv",
                "--models=ar",
                *SMALL,
                "--no-charts",
                "--features",
                "mine:same",
                "--out=run",
            ),
            marks=[pytest.mark.slow, pytest.mark.full],
        ),
    ],
    ids=lambda words: words[0],
)
def test_no_module_of_the_current_folder_takes_the_place_of_a_librarys(
    words: tuple[str, ...], prices: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    """Stray files of these names lie there, and both `python -m` and PYTHONPATH put it before libraries."""
    strays = ("queue", "jinja2", "arch", "typing", "json", "yfinance", "random", "optax", "signal")
    for name in strays:
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('the {name} of this folder was imported')")
    (tmp_path / "mine.py").write_text(
        "import queue, jinja2\n"
        "def same(prices):\n    import arch\n    return prices[['close']]\n"
        "def last(prices):\n    return prices['close'].rolling(3).mean().shift(1)"
    )
    path = os.pathsep.join(["", *filter(None, [os.environ.get("PYTHONPATH")])])
    ended = subprocess.run(
        [sys.executable, "-m", "gatecast", *words], cwd=tmp_path,
        env={**environment, "PYTHONPATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stderr


FORECAST = ("forecast", "a.csv", "--horizon", "2", *(flag for flag in SMALL if flag != "--folds=1"))


def test_forecast_prints_the_intervals_of_the_next_sessions_and_the_record(
    prices: Path, own_ledger: Path, command
) -> None:
    code, out, err = command(*FORECAST)
    assert code == 0
    assert f"gatecast: recorded in {own_ledger}; gatecast score" in err
    backcast = r"^warning: backcast: 2 of 2 forecasts .* when the bar of a for 2015-06-26 had closed$"
    assert re.search(backcast, err, re.MULTILINE)
    lines = out.splitlines()
    last = pd.read_csv(prices, **EXACT)["close"].iloc[-1]
    assert lines[0] == f"a: {last:,.2f} at the close of 2015-06-24"
    assert lines[1].split() == ["date", "median", "50", "%", "80", "%", "95", "%"]
    assert [line.split()[0] for line in (lines[2], lines[4])] == ["2015-06-25", "2015-06-26"]
    for values, changes in ((lines[2], lines[3]), (lines[4], lines[5])):
        numbers = [float(word) for word in values.replace("…", " ").split()[1:]]
        median, *bounds = numbers
        assert bounds[4] < bounds[2] < bounds[0] < median < bounds[1] < bounds[3] < bounds[5]
        assert changes.count("%") == 7
    assert any(re.fullmatch(r"The record of gru on a, [-\d]{10} to 2015-06-24:", line) for line in lines)
    assert re.search(
        r"^Its 50 % / 80 % / 95 % prediction intervals held .* % of the time \(\d+ origins\)\.$",
        out,
        re.MULTILINE,
    )
    assert not Path("runs").exists()


def test_forecast_in_json_has_the_intervals_and_their_record_and_writes_its_table(
    prices: Path, command
) -> None:
    """With --quiet nothing is on stderr."""
    place = Path("below") / "next.parquet"
    code, out, err = command(*FORECAST, "--out", place, "--json", "--quiet")
    assert (code, err) == (0, "")
    assert progress._quiet.get()
    answer = parsed(out)
    table = pd.DataFrame(answer["forecast"])
    assert list(table["time"]) == ["2015-06-25", "2015-06-26"]
    quantiles = table[[name for name in table if name.startswith("q")]]
    assert quantiles.shape == (2, 17)
    assert (quantiles.diff(axis=1).iloc[:, 1:] > 0).all(axis=None)
    np.testing.assert_allclose(table["forecast"], table["q50"], rtol=1e-12)
    assert (table[["scale", "df"]] > 0).all(axis=None)
    assert set(answer["held"]) == {"50%", "80%", "95%"}
    scores = pd.DataFrame(answer["record"]["scores"]).query("metric == 'pinball'")
    assert {"gru", "historical", "ewma-t", "gjr-garch-t", "lhar"} <= set(scores["model"])
    written = pd.read_parquet(place)
    np.testing.assert_allclose(written["q02_5"], table["q02_5"], rtol=1e-12)
    assert {"naive_q10", "naive_q90", "location", "rmse_return"} <= set(written)
    assert list(Path("below").iterdir()) == [place]


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("next.xlsx", "next.xlsx: choose a name that ends in .csv or .parquet or .png"),
        ("next", "next: choose a name that ends in"),
        (".", "choose a name that ends in"),
        ("a.csv/next.csv", "cannot be written"),
        ("there.csv", "there.csv is there already; choose another name, or replace it (--overwrite)"),
        ("a.csv", "a.csv is the file that the prices are read from"),
        ("link.csv", "link.csv is the file that the prices are read from"),
    ],
)
def test_a_bad_place_is_refused_before_any_training(
    prices: Path, command, monkeypatch: pytest.MonkeyPatch, out: str, message: str
) -> None:
    def train(*_: object, **__: object) -> None:
        raise AssertionError("the training has begun")

    monkeypatch.setattr("gatecast.api.outlook.outlook", train)
    before = prices.read_bytes()
    Path("there.csv").write_text("precious")
    Path("link.csv").symlink_to("a.csv")
    code, said, err = command(*FORECAST, "--out", out, *(["--overwrite"] if out != "there.csv" else []))
    assert (code, said) == (2, "")
    assert message in err
    assert prices.read_bytes() == before
    assert Path("there.csv").read_text() == "precious"


@pytest.mark.slow
def test_forecast_of_a_price_level_has_conformal_intervals(prices: Path, command) -> None:
    words = (*FORECAST, "--model", "rnn", "--target", "close", "--json")
    code, out, _ = command(*words)
    assert code == 0
    answer = parsed(out)
    table = pd.DataFrame(answer["forecast"])
    assert (table["q10"] < table["q90"]).all()
    assert "scale" not in table
    assert 0 <= answer["held"]["80%"] <= 1
    code, out, _ = command(*words, "--calibration", "none")
    assert (code, parsed(out)["held"]) == (0, None)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--output", "student_t", "--loss", "mse"],
            '--loss mse: does not fit the output "student_t" of gru; choose auto, nll or crps',
        ),
        (["--output", "point", "--loss", "nll"], '--loss nll: does not fit the output "point" of gru'),
        (["--output", "student_t", "--target", "close"], "--output student_t: that of gru is a distribution"),
        (["--calibration", "conform"], "--calibration conform: must be"),
    ],
)
def test_an_interval_that_cannot_be_names_the_flag(
    prices: Path, command, words: list[str], message: str
) -> None:
    code, out, err = command(*FORECAST, *words)
    assert (code, out) == (2, "")
    assert err.startswith(f"gatecast: {message}")


@pytest.mark.slow
def test_forecast_of_little_and_dull_data(prices: Path, command) -> None:
    """Closes alone that never move, further ahead than the window is long, one seed; recorded as well."""
    table = pd.read_csv(prices, **EXACT)[["date", "close"]].assign(close=5.0)
    table.to_csv(prices, index=False)
    for more in ([], ["--target", "close", "--calibration", "adaptive"]):
        code, out, err = command(*FORECAST, "--model", "rnn", "--lookback=1", *more, "--json")
        assert code == 0, err
        answer = parsed(out)
        quantiles = pd.DataFrame(answer["forecast"]).filter(regex="^q")
        assert np.isfinite(quantiles).all(axis=None)
        if not more:
            np.testing.assert_allclose(quantiles, 5.0, rtol=1e-3)


@pytest.mark.slow
@pytest.mark.full
def test_compare_of_distributions_runs_again_from_its_file(prices: Path, command) -> None:
    """Every model has intervals when calibrated; the same bits from the experiment file."""
    words = ("--models", "rnn,naive,ewma-t", "--output", "student_t", "--calibration", "adaptive")
    code, out, err = command("compare", "a.csv", *words, *SMALL, "--horizon=2", "--no-charts", "--out", "one")
    assert code == 0, err
    run = gc.open_run("one")
    assert run.experiment.calibration == "adaptive"
    assert run.experiment.networks["rnn"].output == "student_t"
    assert run.verdict.text in out
    rows = run.forecasts[run.forecasts["seed"].isna()]
    assert set(rows["model"]) == {"naive", "ewma-t", "rnn"}
    assert rows[["q01", "q50", "q99", "crps", "pit"]].notna().all(axis=None)
    code, _, err = command("compare", "--config", "one/experiment.toml", "--no-charts", "--out", "two")
    assert code == 0, err
    one, two = (Path(name) / "forecasts.parquet" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_forecast_with_a_run(run_folder: Path, command) -> None:
    """Its settings come from the run; of the prices, those of its symbols are used."""
    run = gc.open_run(run_folder)
    words = ("forecast", str(run_folder / "prices.parquet"), "--model", "mine", "--run", run_folder)
    code, out, err = command(*words, "--json")
    assert code == 0
    assert all(line.startswith("warning: ") for line in err.splitlines())
    answer = parsed(out)
    assert answer["model"] == "mine"
    assert answer["record"]["verdict"]["text"] == run.verdict.text
    table = pd.DataFrame(answer["forecast"])
    assert list(table["symbol"]) == ["A", "A", "B", "B"]
    assert list(table["step"]) == [1, 2, 1, 2]
    closes = run.prices.table.groupby("symbol")["close"].last()
    assert np.array_equal(table["anchor"], closes.loc[table["symbol"]])
    scores = run.scores.query("model == 'mine' and symbol == 'B' and step == '2' and metric == 'rmse_return'")
    assert table["rmse_return"].iloc[3] == pytest.approx(scores["value"].item(), rel=1e-12)
    other = ("--calendar", "XNYS", "--ledger", "other.db")
    code, out, _ = command(*words, "--symbols", "B", *other, "--json")
    assert {row["symbol"] for row in parsed(out)["forecast"]} == {"B"}
    assert [entry.calendar for entry in Ledger("other.db").entries()] == ["XNYS", "XNYS"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model", "gruu"], 'unknown model "gruu". Did you mean "gru"?'),
        (["--model", "naive"], '"naive" is no network'),
        (["--model", "gru,lstm"], '"gru,lstm" is no network'),
        (["--run", "nowhere"], "nowhere: no run folder"),
        (["--horizon", "0"], "--horizon 0: must be at least 1"),
        (["--lookback", "300"], "too few sessions"),
    ],
)
def test_forecast_of_wrong_input(prices: Path, command, words: list[str], message: str) -> None:
    code, out, err = command("forecast", "a.csv", *words)
    assert (code, out) == (2, "")
    assert message in err


def test_settings_beside_a_run_are_refused(prices: Path, command, run_folder: Path) -> None:
    code, out, err = command("forecast", "a.csv", "--run", run_folder, "--hidden-size", "3", "--no-refit")
    assert (code, out) == (2, "")
    assert "drop --refit, --hidden-size" in err
    code, out, err = command("forecast", "a.csv", "--run", run_folder, "--model", "lstm")
    assert (code, out) == (2, "")
    assert '"lstm" is no network that could be trained as in the run. Known: gru, mine' in err


def test_data_check_prints_what_is_there_and_what_is_odd(prices: Path, command) -> None:
    code, out, err = command("data", "check", "a.csv")
    assert (code, err) == (0, "")
    assert out == gc.load("a.csv").report() + "\n"
    assert "separator: comma" in out
    assert "nothing odd" in out


def test_data_check_of_something_odd(prices: Path, command) -> None:
    prices.write_text(prices.read_text().replace("2015-01-02", "2015-01-03"))  # a Saturday
    _, out, err = command("data", "check", "a.csv")
    assert err == ""
    assert "no-session: a: 1 row is on a day without a session" in out
    oddities = parsed(command("data", "check", "a.csv", "--json").out)["oddities"]
    assert [(odd["kind"], odd["count"], odd["rows"]) for odd in oddities] == [
        ("no-session", 1, ["2015-01-03: no session"]),
    ]


def test_data_check_in_json(prices: Path, command) -> None:
    code, out, err = command("data", "check", "a.csv", "--json")
    assert (code, err) == (0, "")
    assert parsed(out) == {
        "source": ["a.csv"],
        "usable": True,
        "symbols": ["a"],
        "rows": 120,
        "frequency": "1d",
        "first_session": "2015-01-02",
        "last_session": "2015-06-24",
        "columns": ["open", "high", "low", "close", "volume"],
        "calendar": {"a": "XNYS"},
        "found": {
            "a": {"calendar": "XNYS", "how": "dates", "also": ["XCBF"], "rivals": [], "disagreeing": 0}
        },
        "read": {"encoding": ["utf-8"], "separator": ["comma"]},
        "sha256": gc.Prices.from_frame(pd.read_csv(prices, **EXACT), symbol="a").sha256,
        "oddities": [],
    }


def test_data_check_of_wrong_input(command) -> None:
    code, out, err = command("data", "check", "none.csv", "--json")
    assert (code, err) == (2, "")
    (problem,) = parsed(out)["problems"]
    assert problem["what"].startswith("there is no such file")


@pytest.mark.parametrize(
    ("flags", "what"),
    [
        (["--adjust"], "adjust=True needs the adjusted close"),
        (["--symbols", "ZZ"], 'there is no symbol "ZZ"'),
        (["--start", "2031-01-01"], "there are no rows with start 2031-01-01"),
    ],
)
def test_data_check_in_json_of_what_is_wrong_with_a_choice(prices: Path, command, flags, what) -> None:
    pd.read_csv("a.csv").drop(columns="adj_close", errors="ignore").to_csv("b.csv", index=False)
    code, out, err = command("data", "check", "b.csv", *flags, "--json")
    assert (code, err) == (2, "")
    assert parsed(out)["problems"][0]["what"].startswith(what)


def test_data_check_of_several_sources_names_those_that_cannot_be_used(prices: Path, command) -> None:
    Path("bad.csv").write_text("Date,Close\n2021-03-01,1\nsoon,1\n2021-03-02,x\n")
    code, out, err = command("data", "check", "a.csv", "bad.csv")
    assert (code, err) == (2, "")
    assert "not a date (row 2, column Date, value soon)" in out
    assert "not a number (row 3, column Close, value x)" in out
    assert "nothing odd" in out
    usable = [
        one["usable"] for one in parsed(command("data", "check", "a.csv", "bad.csv", "--json").out)["sources"]
    ]
    assert usable == [True, False]


def test_the_columns_and_the_order_of_dates_are_flags(command) -> None:
    Path("own.csv").write_text("Tag;Kurs;Beleg\n1/2/2021;1,5;7\n1/3/2021;1,6;8\n1/4/2021;1,7;9\n")
    code, out, _ = command("data", "check", "own.csv", "--date", "Tag", "--close", "Kurs", "--dayfirst")
    assert code == 0
    assert "2021-02-01 .. 2021-04-01" in out
    code, out, _ = command("data", "check", "own.csv", "--date", "Tga", "--close", "Kurs")
    assert code == 2
    assert 'there is no column "Tga". Did you mean "Tag"?' in out


def test_version(command) -> None:
    assert command("--version") == (0, f"gatecast {gc.__version__}\n", "")


@pytest.mark.parametrize("name", ["compare", "forecast", "score", "backtest", "audit"])
def test_help_shows_examples(name: str, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    code, out, _ = command(name, "--help")
    assert code == 0
    examples = [line.strip() for line in out.split("Examples:")[1].splitlines() if line.strip()]
    assert len(examples) >= 3 and all(line.startswith(f"gatecast {name}") for line in examples)
    assert ("--model" in out) == (name != "audit") and "--quiet" in out
