from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest

from gatecast.evaluation.lag import lags
from gatecast.evaluation.significance import significance
from gatecast.evaluation.verdict import verdict


def judge(world, moves, networks=None, notes=()):
    forecasts = world.forecasts(moves, {name: move[None] for name, move in (networks or {}).items()})
    tests = significance(forecasts, seed=0, reps=300)
    found = verdict(forecasts, tests, lags(forecasts, world.history), seeds=5, folds=2, notes=notes)
    assert 2 <= len(found.sentences) <= 5
    assert found.text == " ".join(found.sentences) == str(found)
    assert not re.search(r"\b(nan|inf|None)\b", found.text)
    assert all(sentence.endswith(".") and ".." not in sentence for sentence in found.sentences)
    assert set(found.kinds) == set(forecasts.forecast) - {"naive"}
    return found


@pytest.fixture
def world(market):
    return market(dates=300)


def noise(world, size):
    return size * world.rng.normal(size=world.shape)


def test_no_evidence(world):
    found = judge(world, {"drift": 1e-5 + noise(world, 1e-6)}, {"gru": noise(world, 3e-4)})
    assert found.kind == "no evidence" and set(found.kinds.values()) == {"no evidence"}
    assert found.sentences[0].startswith(
        "No evidence that any of the models tried (1 network, 1 baseline) beats naive, the forecast "
        "'tomorrow = today' (SPA test, p = 0."
    )
    assert re.fullmatch(
        r"On 300 test days in 2 folds, the best network, gru, made 0\.\d\d % (less|more) squared error than "
        r"naive \(5 seeds and 1 setting each\); in four cases out of five, with 2 models tried, this test "
        r"finds a skill of \d+(\.\d+)? %, and smaller ones more rarely\.",
        found.sentences[1],
    )
    assert found.sentences[2].startswith(
        "gru repeats yesterday: 97 % of it is the last close; the rest has n"
    )


def test_a_network_beats_naive(world):
    move = 0.1 * world.moves + noise(world, 1e-3)
    found = judge(world, {"drift": 1e-4}, {"gru": move, "rnn": noise(world, 0.01)}, notes=["data were odd"])
    assert found.kind == "beats naive"
    assert found.kinds == {"gru": "beats naive", "rnn": "worse than naive", "drift": "no evidence"}
    headline, size, others, lag, note = found.sentences
    assert headline.startswith("gru beats naive") and "(SPA test, p " in headline
    assert "the best of the models tried (2 networks, 1 baseline)" in headline
    assert re.match(r"On 300 test days in 2 folds, it made 1\d % less squared error than naive", size)
    assert re.fullmatch(r"Worse than naive beyond luck: rnn \(1?\d\d % more\)\.", others)
    assert "goes with what came" in lag and note == "Data were odd."


def test_a_baseline_beats_naive_and_the_network_does_not(world):
    found = judge(world, {"ar": 0.1 * world.moves + noise(world, 1e-3)}, {"gru": noise(world, 3e-4)})
    assert found.kind == "beats naive" and found.kinds["gru"] == "no evidence"
    assert found.sentences[0].startswith("ar, a baseline without a network, beats naive")
    assert "; the best network, gru, made " in found.sentences[1]
    assert found.sentences[2].startswith("gru repeats yesterday")


def test_worse_than_naive(world):
    note = "the level leaves the range it was trained on (62 % of the test sessions lie above it)."
    found = judge(world, {}, {"lstm": -0.3 + noise(world, 0.01), "gru": noise(world, 0.01)}, notes=[note])
    assert found.kind == "worse than naive" and set(found.kinds.values()) == {"worse than naive"}
    assert found.sentences[0].startswith(
        "Worse than naive, the forecast 'tomorrow = today': of the models tried (2 networks), even the best "
        "network, gru, makes larger errors, and luck hardly explains it (Diebold-Mariano test, p < 0.001)."
    )
    assert re.match(r"On 300 test days in 2 folds, it made \d+ % more squared error", found.sentences[1])
    assert re.search(r"lstm \([\d,]+ times its error\)", found.sentences[2])
    assert found.sentences[-1] == "T" + note[1:]


def test_many_losers_are_counted(world):
    found = judge(world, {f"m{i}": noise(world, 0.02) for i in range(6)}, {"gru": noise(world, 3e-4)})
    assert re.search(r"Worse than naive beyond luck: (m\d \(\d+ % more\),? ){3}and 3 more\.", found.text)


def test_several_symbols_name_their_count(market):
    found = judge(market(symbols=3, dates=100), {}, {"gru": np.full((300, 1), 1e-4)})
    assert "On 100 test days of 3 symbols (300 origins) in 2 folds" in found.text


def test_a_broken_network_is_named(world):
    broken = np.where(np.arange(300) == 7, np.nan, 0.001)[:, None]
    found = judge(world, {}, {"rnn": broken, "gru": noise(world, 3e-4)})
    assert "Not judged, because a forecast was not a finite number: rnn." in found.sentences
    assert judge(world, {}, {"rnn": broken}).kind == "no evidence"


@pytest.mark.parametrize("dates", [1, 5, 19])
def test_too_few_dates_say_so(market, dates):
    found = judge(market(dates=dates, folds=1), {"drift": 0.01}, {"gru": np.full((dates, 1), 0.001)})
    assert found.kind == "no evidence"
    assert f"(only {dates} origin dates; the tests need 20)" in found.sentences[0]
    assert found.sentences[1].startswith(f"Tried were {dates} test day")


def test_a_network_that_is_naive(world):
    found = judge(world, {}, {"gru": np.zeros((300, 1))})
    assert found.kind == "no evidence" and "the same squared error as naive" in found.text
    assert "no model has usable losses that differ from those of naive" in found.text
    assert found.sentences[-1] == "gru is yesterday and nothing else: it never forecasts a change."


def test_naive_alone(world):
    found = judge(world, {})
    assert found.sentences[0].startswith("Nothing to judge: naive") and found.kinds == {}


def test_baselines_alone(world):
    found = judge(world, {"drift": noise(world, 3e-4)})
    assert "any of the models tried (1 baseline) beats naive" in found.sentences[0]


def test_importing_the_room_is_light():
    heavy = "{'arch', 'statsmodels', 'scipy'} & set(sys.modules)"
    code = f"import sys, gatecast.evaluation.verdict, gatecast.evaluation.metrics; print({heavy})"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


def test_errors_where_naive_makes_none_are_said_in_words():
    from gatecast.evaluation.verdict import _error

    assert _error(float("nan")) == "errors where naive made none"
    assert "nan" not in _error(float("nan"), short=True)
