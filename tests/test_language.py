"""The language of what is said: its catalogue is complete, and a command speaks it."""

import os
import re
import string
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from rich.cells import cell_len

import gatecast as gc
from gatecast import language
from gatecast.formatting import percent
from gatecast.language import means, plural, say

from .conftest import walk_frame  # isort: skip

ROOT = Path(__file__).parents[1]
CATALOGUE = language.CATALOGUES / "ko" / "LC_MESSAGES" / "gatecast.po"
NO_EVIDENCE = "no evidence"
SMALL = ["--models=gru,naive", "--seeds=1", "--folds=1", "--epochs=1", "--hidden-size=2", "--lookback=5"]


@pytest.fixture
def korean(monkeypatch):
    monkeypatch.setenv(language.VARIABLE, "ko")


@pytest.fixture(scope="module")
def catalogue():
    with CATALOGUE.open("rb") as file:
        return read_po(file)


@pytest.fixture(scope="module")
def extracted():
    """Every message of the source: a text, or one and many."""
    mappings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["babel"][
        "mappings"
    ]
    found = extract_from_dir(
        ROOT / "src" / "gatecast",
        [(mapping["pattern"], mapping["method"]) for mapping in mappings],
        keywords={"say": None, "marked": None, "plural": (1, 2)},
        strip_comment_tags=True,
    )
    return {message for _, _, message, *_ in found}


def test_every_message_has_its_translation_and_no_other_is_there(extracted, catalogue):
    translated = {
        message.id
        for message in catalogue
        if message.id and not message.fuzzy and all(_texts(message.string))
    }
    assert extracted - translated == set() and translated - extracted == set()


def _texts(one):
    return [one] if isinstance(one, str) else list(one)


def places(text):
    """The places of a message with their formats."""
    return {part[1:] for part in string.Formatter().parse(text) if part[1] is not None}


def test_places_agree(catalogue):
    for message in catalogue:
        of_many = _texts(message.id)[-1]
        if message.id and "{" in of_many:
            assert [places(text) for text in _texts(message.string)] == [places(of_many)], message.id


# Places whose last letter is known: "예측 5개", "3개 행", '내일 = 오늘', "42%", "차분".
ENDS = (
    "of|made|saying|tried|size|origins|forecasts|rows|features|bars|move|price|"
    "share|cost|members|where|time|naive"
)


def test_no_particle_hangs_on_a_name(catalogue):
    """은/는, 이/가, 을/를, 과/와, 으로/로 depend on the letter before them, which names differ in."""
    particle = re.compile(r"""\}["'”’]?(은|는|이|가|을|를|과|와|으로|로)(?=[ .,]|$)""")
    for message in catalogue:
        for text in _texts(message.string):
            for found in particle.finditer(text):
                assert re.search(rf"({ENDS})(:[^}}]*)?$", text[: found.start()]), text


def test_help_is_aligned_and_whole():
    done = subprocess.run(
        [sys.executable, "-m", "gatecast", "judge", "--help", "--lang", "ko"],
        env={**os.environ, "COLUMNS": "80", "TERMINAL_WIDTH": "80"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    boxes = [line for line in done.stdout.splitlines() if line.startswith(("│", "╭", "╰"))]
    assert {cell_len(line) for line in boxes} == {80}
    assert "거래량이" in " ".join(line.strip("│ ") for line in boxes) and "[필수]" in done.stdout


def test_the_compiled_catalogue_is_that_of_the_source(catalogue, korean):
    """`python hatch_build.py` makes it anew."""
    for message in catalogue:
        if isinstance(message.id, str) and message.id:
            assert say(message.id) == message.string


def test_english_is_the_default(monkeypatch):
    monkeypatch.delenv(language.VARIABLE, raising=False)
    assert language.language() == "en" and say(NO_EVIDENCE) == NO_EVIDENCE and percent(0.42) == "42 %"


@pytest.mark.parametrize("asked", ["ko", "KO", "ko_KR.UTF-8", "ko-KR"])
def test_the_environment_is_read_anew(asked, monkeypatch):
    monkeypatch.setenv(language.VARIABLE, asked)
    assert (say(NO_EVIDENCE), percent(0.42), plural("{n:,} fold", "{n:,} folds", 1)) == (
        "근거 없음",
        "42%",
        "폴드 1개",
    )
    assert means("근거 없음", NO_EVIDENCE) and means(NO_EVIDENCE, NO_EVIDENCE)
    monkeypatch.setenv(language.VARIABLE, "en")
    assert say(NO_EVIDENCE) == NO_EVIDENCE


def test_without_the_compiled_catalogue_all_is_english(tmp_path, monkeypatch, korean):
    monkeypatch.setattr(language, "CATALOGUES", tmp_path)
    language._catalogue.cache_clear()
    assert say(NO_EVIDENCE) == NO_EVIDENCE and plural("{n} fold", "{n} folds", 2) == "2 folds"
    language._catalogue.cache_clear()


def test_an_unknown_language_is_one_message(monkeypatch, command):
    monkeypatch.setenv(language.VARIABLE, "xx")
    with pytest.raises(ValueError, match=r'There is no language "xx"\. Give en \(English\) or ko'):
        say(NO_EVIDENCE)
    code, out, err = command("data", "check", "a.csv")
    assert (code, out) == (2, "") and err.startswith('gatecast: There is no language "xx". Give en')
    assert len(err.splitlines()) == 1


def test_compare_speaks_korean_and_writes_what_any_can_open(tmp_path, command, monkeypatch):
    walk_frame("A", 120, 0).to_csv(tmp_path / "a.csv", index=False)
    code, out, _ = command("--lang", "ko", "compare", "a.csv", *SMALL, "--no-charts", "--out", "run")
    assert code == 0
    assert out.startswith("유일하게 시도한 gru 모델이 '내일 = 오늘'이라는 naive 예측을 ") and "개선율" in out
    monkeypatch.setenv(language.VARIABLE, "en")
    english = gc.open_run("run")
    assert english.verdict.text.startswith("No evidence that gru, the only model tried, beats naive")
    assert english.verdict.kind == "no evidence"
    monkeypatch.setenv(language.VARIABLE, "ko")
    again = gc.open_run("run")
    assert out.startswith(again.verdict.text) and again.verdict.kind == "no evidence"
    assert list(again.scores.columns) == list(english.scores.columns)


@pytest.mark.parametrize(
    "words", [["--lang=ko", "data", "check", "a.csv"], ["data", "check", "a.csv", "--lang", "ko"]]
)
def test_the_flag_stands_before_or_after_the_command(words, tmp_path, command):
    walk_frame("A", 140, 0).to_csv(tmp_path / "a.csv", index=False)
    assert "거래일" in command(*words)[1]


def test_an_audit_reports_in_korean(korean):
    """A scaler that saw the test, an error of no kind, and inputs of the day itself."""

    def pipeline(frame):
        close = frame["close"].to_numpy()
        rows = np.arange(50, len(close))
        forecast = 0.5 * (close[rows] + close.mean())
        dates = pd.DatetimeIndex(frame["date"])
        forecasts = pd.DataFrame({"origin": dates[rows - 1], "date": dates[rows], "forecast": forecast})
        return {"forecasts": forecasts, "scores": {"rmse": 1e9}}

    report = gc.audit(pipeline, walk_frame("A", 140, 0), quick=True)
    assert {finding.kind for finding in report.faults} >= {"future-rows", "answer", "metric"}
    assert "결함" in str(report) and not re.search(r"(?:[A-Za-z]+,? ){3}", str(report))
