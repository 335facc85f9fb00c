"""Every recipe, both ways, on a file like its own; the command and the page."""

import json
import re
import struct
import zlib
from pathlib import Path

import pandas as pd
import pytest

import gatecast as gc
from gatecast.errors import DataError, RunError, SettingError
from gatecast.recipes import NAMES, common, page, pictures, recipe_of, tesla

pytestmark = pytest.mark.filterwarnings("ignore::gatecast.errors.GatecastWarning")


SLOW = ("samsung", "kospi", "tesla")  # to compile: many kinds of networks, or large ones
PARAMS = [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in NAMES]


@pytest.fixture(scope="module", params=PARAMS)
def run(request, stand_in):
    return common.run(recipe_of(request.param), data=stand_in(request.param), epochs=1)


def test_both_sides_run_on_a_file_like_the_tutorials(run):
    assert run.recipe.name in NAMES
    for side in (run.as_written, run.corrected):
        assert len(side.says) >= 3
        assert not any("nan" in text for text in [*side.says, *side.numbers.values()])
    assert set(run.as_written.numbers) & set(run.corrected.numbers), "something stands side by side"
    json.dumps(run.summary(), allow_nan=False)


def test_the_page_tells_every_difference_and_shows_every_picture(run, tmp_path):
    name = f"{run.recipe.name}.md"
    (tmp_path / name).write_text("my own notes")
    with pytest.raises(RunError, match=f"gatecast did not write {name}"):
        page.check_page(run.recipe.name, tmp_path)
    (tmp_path / name).unlink()
    path = page.write_page(run, tmp_path, "gatecast recipe …")
    page.check_page(run.recipe.name, tmp_path)
    text = path.read_text(encoding="utf-8")
    for difference in run.recipe.differences:
        assert difference.written in text
        assert difference.right in text
    shown = re.findall(r"!\[[^]]+\]\(([^)]+)\)", text)
    assert {file.name for file in tmp_path.glob("*.png")} == set(shown)
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in shown)
    assert len(shown) >= 2
    assert text.rstrip().endswith("gatecast recipe …")
    assert len(text.split()) < 1100, "five minutes"
    assert all(sentence in page.text(run) for sentence in run.as_written.says)


def test_the_corrected_side_is_scored_after_its_training_only(run):
    facts = run.corrected.facts
    if run.recipe.name == "california":
        assert set(facts) == {"at_random", "by_region"}
        return
    for asked in facts.values() if run.recipe.name != "samsung" else facts["may_2022"].values():
        assert asked["test_first"] > str(run.as_written.facts.get("train_last", ""))
        assert {"naive"} < set(asked["models"])
        assert asked["seeds"] >= 3


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


@pytest.mark.parametrize("name", ["samsung", pytest.param("kospi", marks=pytest.mark.slow)])
def test_the_command_runs_one_side_and_writes_its_page(name, command, stand_in):
    args = ["recipe", name, "--as-written", "--data", stand_in(name), "--epochs", "1", "--seed", "3"]
    code, out, _ = command(*args, "--json", "--out", "pages")
    assert code == 0
    answer = json.loads(out)
    assert set(answer) == {"recipe", "data", "as_written", "page"}
    text = Path(answer["page"]).read_text(encoding="utf-8")
    assert f"gatecast recipe {name} --as-written --data {name}.csv --epochs 1 --seed 3 --out pages" in text
    assert "What is true" not in text


def test_the_seed_decides(stand_in):
    frame = common.read_prices(stand_in("tesla"))
    first, again, other = (tesla.as_written(frame, 1, seed).facts for seed in (0, 0, 1))
    assert first == again
    assert first["rmse"] != other["rmse"]


def test_yahoo_is_where_the_korean_tutorials_download():
    assert {name: common.source_of(recipe_of(name), None) for name in ("samsung", "kospi", "tesla")} == {
        "samsung": "yahoo:005930.KS",
        "kospi": "yahoo:^KS11",
        "tesla": "yahoo:TSLA",
    }
    with pytest.raises(SettingError, match="google needs --data"):
        common.source_of(recipe_of("google"), None)


def test_a_download_has_the_tutorials_dates_and_the_page_says_that_yahoo_rescales(monkeypatch, stand_in):
    asked = []

    def download(source, **dates):
        asked.append((source, dates))
        return gc.load(stand_in("tesla"))

    monkeypatch.setattr(common, "load", download)
    made = common.run(recipe_of("tesla"), epochs=1, corrected=False)
    assert asked == [("yahoo:TSLA", {"start": "2010-06-29", "end": "2020-07-31"})]
    assert "Yahoo rescales old prices after every split" in page.page(made, "…", ())
    assert "--data" not in page.command_of(made, Path("docs"), None, 0)


def test_too_few_rows_are_refused():
    frame = pd.DataFrame({"Close": [1.0] * 20})
    with pytest.raises(DataError, match="20 rows"):
        recipe_of("tesla").pipeline(frame)


def test_a_packed_picture_is_the_same_picture():
    rows = b"".join(b"\0" + bytes(range(12)) for _ in range(30))
    head = struct.pack(">IIBBBBB", 4, 30, 8, 2, 0, 0, 0)
    parts = zlib.compress(rows, 0)
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in [(b"IHDR", head), (b"IDAT", parts[:50]), (b"IDAT", parts[50:]), (b"IEND", b"")]
    )
    small = pictures.packed(png)
    assert len(small) < len(png) / 2
    assert small[:33] == png[:33], "signature and header"
    size = struct.unpack(">I", small[33:37])[0]
    assert zlib.decompress(small[41 : 41 + size]) == rows
    assert small.endswith(png[-12:])
    assert pictures.packed(small) == small
