"""Every recipe, both ways, on a file like its own; the command and the page."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

import gatecast as gc
from gatecast.errors import RunError
from gatecast.language import say, speaking
from gatecast.recipes import NAMES, page, recipe_of, running

pytestmark = pytest.mark.filterwarnings("ignore::gatecast.errors.GatecastWarning")

IN_FULL = [pytest.mark.slow, pytest.mark.full]
SLOW = ("samsung", "kospi", "tesla", "california")  # to compile: many kinds of networks, or large ones
PARAMS = [pytest.param(name, marks=IN_FULL if name in SLOW else ()) for name in NAMES]


@pytest.fixture(scope="module", params=PARAMS)
def run(request, stand_in):
    tutorial = recipe_of(request.param)
    with pytest.MonkeyPatch.context() as patch:
        if request.param in ("samsung", "kospi"):  # compile one of many networks for the corrected side
            models = tutorial.models
            patch.setattr(tutorial, "models", lambda target: dict([[*models(target).items()][-1]]))
        return running.run(tutorial, data=stand_in(request.param), epochs=1)


def test_both_sides_run_on_a_file_like_the_tutorials(run):
    assert run.tutorial.name in NAMES
    for side in (run.as_written, run.corrected):
        assert len(side.sentences) >= 3
        assert not any("nan" in text for text in [*side.sentences, *side.numbers.values()])
    assert set(run.as_written.numbers) & set(run.corrected.numbers), "something stands side by side"
    json.dumps(run.summary(), allow_nan=False)
    if run.tutorial.name == "samsung":
        facts = run.as_written.facts
        assert set(facts["inputs"]) == {"Open", "High", "Low", "Adj Close", "Volume"}
        assert [len(errors) for errors in facts["rmse_by_seed"].values()] == [10, 10, 10]


def test_the_page_tells_every_difference_and_shows_every_picture(run, tmp_path):
    name = f"{run.tutorial.name}.md"
    (tmp_path / name).write_text("my own notes")
    with pytest.raises(RunError, match=f"gatecast did not write {name}"):
        page.check_page(run.tutorial.name, tmp_path)
    (tmp_path / name).unlink()
    path = page.write_page(run, tmp_path, "gatecast recipe …")
    page.check_page(run.tutorial.name, tmp_path)
    text = path.read_text(encoding="utf-8")
    for difference in run.tutorial.differences:
        assert difference.written in text
        assert difference.right in text
    shown = re.findall(r"!\[[^]]+\]\(([^)]+)\)", text)
    assert {file.name for file in tmp_path.glob("*.png")} == set(shown)
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in shown)
    assert len(shown) >= 2
    assert text.rstrip().endswith("gatecast recipe …")
    assert len(text.split()) < 1100, "five minutes"
    assert all(sentence in page.text(run) for sentence in run.as_written.sentences)


def test_the_page_is_markdown(run):
    text = page.page(run, "gatecast recipe …", {})
    assert text.startswith(f"# {run.tutorial.title}\n\nAfter this page you know ")
    assert f"\n\n{run.tutorial.does}\n\nData: {run.tutorial.name}.csv, " in text
    assert "\n\n\n" not in text
    assert "![" not in text, "no picture was drawn"
    for before, line, after in zip(
        text.split("\n"), text.split("\n")[1:], text.split("\n")[2:], strict=False
    ):
        if line.startswith("#"):
            assert before == after == "", "a heading stands alone"
        if line.startswith("| ---"):
            assert before.count("|") == line.count("|") == after.count("|")


def test_the_page_speaks_the_language_in_use(run):
    with speaking("ko"):
        text = page.page(run, page.command_of(run, Path("pages"), 1, 0), {})
        assert text.startswith(f"# {say(run.tutorial.title)}\n\n이 글을 읽고 나면 ")
        assert f"\n\n{say(run.tutorial.does)}\n\n데이터: {run.tutorial.name}.csv, " in text
        assert all(say(difference.written) in text for difference in run.tutorial.differences)
    assert run.tutorial.title not in text
    assert text.rstrip().endswith("--epochs 1 --out pages --lang ko")


def test_the_corrected_side_is_scored_after_its_training_only(run):
    facts = run.corrected.facts
    if run.tutorial.name == "california":
        assert set(facts) == {"at_random", "by_region"}
        return
    for asked in facts.values() if run.tutorial.name != "samsung" else facts["may_2022"].values():
        assert asked["test_first"] > str(run.as_written.facts.get("train_last", ""))
        assert {"naive"} < set(asked["models"])
        assert asked["seeds"] >= 3


def test_the_numbers_side_by_side_are_those_of_the_facts(run):
    if run.tutorial.name != "google":
        return
    asked = run.corrected.facts["the_price"]
    errors = {name: asked["models"][name]["rmse"] for name in ("lstm", "lstm with dropout")}
    best, naive = min(errors, key=errors.__getitem__), asked["models"]["naive"]["rmse"]
    assert run.corrected.numbers["RMSE"].endswith(f" dollars ({best})")
    assert run.corrected.numbers["RMSE over naive's"] == f"{errors[best] / naive:.2f}"
    table = run.corrected.table.set_index("model")["over naive's"].astype(float)
    assert table.index.tolist()[:4] == ["naive", "drift", "ewma", "ar"], "once, whatever was asked for"
    for name, error in errors.items():
        assert table[f"{name}, the price"] == pytest.approx(error / naive, abs=5e-4)


def test_the_command_lists_them(command):
    code, out, err = command("recipe")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == list(NAMES)
    code, out, _ = command("recipe", "--json")
    assert set(json.loads(out)["recipes"]) == set(NAMES)


@pytest.mark.parametrize("name", ["google", "california"])
def test_without_a_download_it_says_where_the_file_is_found(name, command):
    code, out, err = command("recipe", name)
    assert (code, out) == (2, "")
    assert "--data FILE" in err
    assert ".csv" in err
    assert "GitHub repository" in err


def test_wrong_names_files_and_columns_end_with_2(command, tmp_path):
    assert command("recipe", "tesl")[0] == 2
    assert 'Did you mean "tesla"?' in command("recipe", "tesl")[2]
    assert command("recipe", "tesla", "--data", "missing.csv")[0] == 2
    assert command("recipe", "california", "--data", "missing.csv")[0] == 2
    pd.DataFrame({"longitude": [1.0]}).to_csv(tmp_path / "houses.csv", index=False)
    code, _, err = command("recipe", "california", "--data", str(tmp_path / "houses.csv"))
    assert code == 2
    assert "there is no column latitude" in err
    assert command("recipe", "tesla", "--epochs", "0")[0] == 2


@pytest.mark.parametrize(
    "name", ["tesla", *(pytest.param(one, marks=IN_FULL) for one in ("samsung", "kospi"))]
)
def test_the_command_runs_one_side_and_writes_its_page(name, command, stand_in, monkeypatch):
    if name == "tesla":  # small, as in test_running.py
        monkeypatch.setattr(type(recipe_of(name)), "networks", {"lstm": gc.Network(hidden_size=2)})
    elif name == "samsung":  # the two that it compares
        few = {one: network for one, network in recipe_of(name).networks.items() if one != "bilstm"}
        monkeypatch.setattr(type(recipe_of(name)), "networks", few)
    args = ["recipe", name, "--as-written", "--data", stand_in(name), "--epochs", "1", "--seed", "3"]
    code, out, _ = command(*args, "--json", "--out", "pages")
    assert code == 0
    answer = json.loads(out)
    assert set(answer) == {"recipe", "data", "as_written", "page"}
    text = Path(answer["page"]).read_text(encoding="utf-8")
    assert f"gatecast recipe {name} --as-written --data {name}.csv --epochs 1 --seed 3 --out pages" in text
    assert "What is true" not in text
