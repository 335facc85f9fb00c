from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys

import numpy as np
import pytest

from gatecast.evaluation.findings import find, missed
from gatecast.evaluation.lag import lags
from gatecast.evaluation.losses import ABSOLUTE_ERROR, CRPS, PINBALL, SQUARED_ERROR
from gatecast.evaluation.sentences import AGAINST, change, sentences
from gatecast.evaluation.significance import significance
from gatecast.evaluation.verdict import Verdict, verdict
from gatecast.settings.frequency import DAILY, count_tested


def check(found):
    """Whole sentences without an undefined number or an empty place."""
    assert found.text == " ".join(found.sentences) == str(found)
    assert not re.search(r"\b(nan|inf|None)\b|\(\)|[{}]", found.text)
    for text in found.sentences:
        assert re.fullmatch(r"[A-Za-z](.|\n)*[^. ]\.", text) and ".." not in text and "  " not in text
    json.dumps(found.as_dict(), allow_nan=False)
    return found


def judge(world, moves, networks=None, notes=(), loss=SQUARED_ERROR):
    forecasts = world.forecasts(moves, {name: move[None] for name, move in (networks or {}).items()})
    tests = {loss.key: significance(forecasts, loss, seed=0, reps=300)}
    found = verdict(forecasts, tests, lags(forecasts, world.history), seeds=5, folds=2, notes=notes)
    assert 2 <= len(found.sentences) <= 6
    assert set(found.kinds) == set(forecasts.forecast) - {"naive"}
    return check(found)


def judged(forecasts, loss=CRPS):
    """The finding on distributions, and its sentences."""
    finding = find(forecasts, significance(forecasts, loss, seed=0, reps=300), seeds=5, folds=2)
    check(Verdict({loss.key: finding}, "", {}, ()))
    return finding, sentences(finding)


@pytest.fixture
def world(market):
    return market(dates=300)


def noise(world, size):
    return size * world.rng.normal(size=world.shape)


def test_no_evidence(world):
    found = judge(world, {"drift": 1e-5 + noise(world, 1e-6)}, {"gru": noise(world, 3e-4)})
    assert found.kind == "no evidence" and set(found.kinds.values()) == {"no evidence"}
    assert found.sentences[0].startswith(
        "No evidence that any of the 2 models tried (1 network, 1 baseline) beats naive, the forecast "
        "'tomorrow = today' (SPA test, p = 0."
    )
    assert re.fullmatch(
        r"On 300 test days in 2 folds, the squared error of the best network, gru, is 0\.\d\d % "
        r"(lower|higher) than that of naive \(5 seeds and 1 setting each\)\.",
        found.sentences[1],
    )
    assert re.fullmatch(
        r"With 2 models tried, this test finds a skill of \d+(\.\d+)? % four times in five; smaller ones it "
        r"finds more rarely\.",
        found.sentences[2],
    )
    assert found.sentences[3].startswith(
        "gru nearly repeats the last price: the changes it forecasts are 3 % as large as the actual ones "
    )


def test_a_network_beats_naive(world):
    move = 0.1 * world.moves + noise(world, 1e-3)
    found = judge(world, {"drift": 1e-4}, {"gru": move, "rnn": noise(world, 0.01)}, notes=["data were odd"])
    assert found.kind == "beats naive"
    assert found.kinds == {"gru": "beats naive", "rnn": "worse than naive", "drift": "no evidence"}
    headline, size, others, lag, note = found.sentences
    assert headline.startswith("gru beats naive") and "; SPA test, p " in headline
    assert "a test over the 3 models tried (2 networks, 1 baseline; " in headline
    assert re.fullmatch(
        r"On 300 test days in 2 folds, its squared error is 1\d % lower than that of naive \(90 % interval "
        r"\+\d+\.\d\d to \+\d+\.\d\d %; 5 seeds and 1 setting each\)\.",
        size,
    )
    assert re.fullmatch(r"Significantly worse than naive: rnn \(squared error 1?\d\d % higher\)\.", others)
    assert "goes with the actual change" in lag and note == "Data were odd."


def test_a_baseline_beats_naive_and_the_network_does_not(world):
    found = judge(world, {"ar": 0.1 * world.moves + noise(world, 1e-3)}, {"gru": noise(world, 3e-4)})
    assert found.kind == "beats naive" and found.kinds["gru"] == "no evidence"
    assert found.sentences[0].startswith("ar, a baseline without a network, beats naive")
    assert "; that of the best network, gru, is " in found.sentences[1]
    assert found.sentences[2].startswith("gru nearly repeats the last price")


def test_worse_than_naive(world):
    note = "the level leaves the range it was trained on (62 % of the test sessions lie above it)."
    found = judge(world, {}, {"lstm": -0.3 + noise(world, 0.01), "gru": noise(world, 0.01)}, notes=[note])
    assert found.kind == "worse than naive" and set(found.kinds.values()) == {"worse than naive"}
    assert found.sentences[0].startswith(
        "Worse than naive, the forecast 'tomorrow = today': of the 2 models tried (2 networks), even the "
        "best network, gru, has a significantly larger squared error (Diebold-Mariano test, p < 0.001)."
    )
    assert re.match(r"On 300 test days in 2 folds, its squared error is \d+ % higher", found.sentences[1])
    assert re.search(r"lstm \(squared error [\d,]+ times as large\)", found.sentences[2])
    assert found.sentences[-1] == "T" + note[1:]


def test_many_losers_are_counted(world):
    found = judge(world, {f"m{i}": noise(world, 0.02) for i in range(6)}, {"gru": noise(world, 3e-4)})
    wanted = r"Significantly worse than naive: (m\d \(squared error \d+ % higher\),? ){3}and 3 more\."
    assert re.search(wanted, found.text)


def test_several_symbols_name_their_count(market):
    found = judge(market(symbols=3, dates=100), {}, {"gru": np.full((300, 1), 1e-4)})
    assert "On 100 test days of 3 symbols (300 origins) in 2 folds" in found.text


def test_a_broken_network_is_named(world):
    broken = np.where(np.arange(300) == 7, np.nan, 0.001)[:, None]
    found = judge(world, {}, {"rnn": broken, "gru": noise(world, 3e-4)})
    assert (
        "Not judged, because the squared error is not a finite number on some date: rnn." in found.sentences
    )
    assert judge(world, {}, {"rnn": broken}).kind == "no evidence"


@pytest.mark.parametrize("dates", [1, 5, 19])
def test_too_few_dates_say_so(market, dates):
    found = judge(market(dates=dates, folds=1), {"drift": 0.01}, {"gru": np.full((dates, 1), 0.001)})
    assert found.kind == "no evidence"
    assert f"(only {dates} origin dates; the tests need 20)" in found.sentences[0]
    assert found.sentences[1].startswith(
        f"Tested on {count_tested(dates, DAILY)} in 2 folds, with 5 seeds and 1 setting each"
    )


def test_a_network_that_is_naive(world):
    found = judge(world, {}, {"gru": np.zeros((300, 1))})
    assert found.kind == "no evidence" and "is the same as that of naive" in found.text
    assert "no model has usable losses that differ from those of naive" in found.text
    assert found.sentences[-1] == "gru repeats the last price: it never forecasts a change."
    assert found.sentences[0].startswith("No evidence that gru, the only model tried, beats naive, the")


def test_naive_alone(world):
    found = judge(world, {})
    assert found.sentences[0].startswith("Nothing to judge: naive") and found.kinds == {}


def test_baselines_alone(world):
    found = judge(world, {"drift": noise(world, 3e-4)})
    assert found.sentences[0].startswith("No evidence that drift, the only model tried, beats naive")


def test_importing_the_room_is_light():
    heavy = "{'arch', 'statsmodels', 'scipy'} & set(sys.modules)"
    code = f"import sys, gatecast.evaluation.verdict, gatecast.evaluation.scores; print({heavy})"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


def test_changes_in_words():
    assert change(None, AGAINST, "naive") == "larger than 0, that of naive"
    assert [change(x) for x in (0.0, 1e-5, 0.021, -0.21, -20.0)] == [
        "the same", "almost the same", "2.1 % lower", "21 % higher", "21 times as large",
    ]  # fmt: skip


def test_another_loss_of_points_is_named(world):
    found = judge(world, {}, {"gru": 0.3 * world.moves}, loss=ABSOLUTE_ERROR)
    assert found.kind == "beats naive" and "its absolute error is 30 % lower than that of naive" in found.text


def test_what_the_tests_could_hardly_have_found_is_said(world):
    finding = judge(world, {}, {"gru": noise(world, 3e-4)}).point
    assert "Four times in five, this test finds a skill of " in " ".join(sentences(finding))
    for detectable, words in ((0.6, "finds a skill of 60 %."), (1.2, "finds a skill of more than 100 %.")):
        text = " ".join(sentences(dataclasses.replace(finding, detectable=detectable)))
        assert "could hardly have found anything" in text and words in text


# distributions --------------------------------------------------------------------------------------------


@pytest.fixture
def long(market):
    return market(dates=600)


@pytest.mark.parametrize("loss", [CRPS, PINBALL], ids=lambda loss: loss.key)
def test_a_network_with_better_intervals(long, loss):
    found, (headline, coverage) = judged(
        long.distributed(
            {"gru": long.student(seeds=1), "ewma-t": long.student(noise=0.6), "past": long.student(noise=0.4)}
        ),
        loss,
    )
    assert found.kind == "better" and found.kinds == {"gru": "better"}
    assert re.fullmatch(
        r"gru's prediction intervals and distribution are better than those of past, the best of 2 "
        rf"baselines: its {loss.name} is \d\.\d % lower \(90 % interval \+\d\.\d\d to \+\d+\.\d\d %; "
        r"SPA test, p < 0\.001\)\.",
        headline,
    )
    assert re.fullmatch(r"The 80 % intervals of gru held (79|8\d)\.\d % of the time\.", coverage)


def test_no_evidence_names_what_could_have_been_seen(long):
    known = {
        name: long.student(seeds=seeds, noise=0.05)
        for name, seeds in (("gru", 1), ("lstm", 1), ("ewma-t", 0))
    }
    found, (headline, power, coverage) = judged(long.distributed(known))
    assert found.kind == "no evidence" and set(found.kinds) == {"gru", "lstm"}
    assert re.fullmatch(
        r"No evidence that the prediction intervals and distribution of any of 2 networks are better than "
        r"those of ewma-t, the only baseline with a distribution \(SPA test, p = [01]\.\d+\): the CRPS of "
        r"the best, (gru|lstm), is (0\.\d+ % (lower|higher)|almost the same)\.",
        headline,
    )
    assert re.fullmatch(r"With 2 models tried, this test finds a skill of \d\.\d+ % four times in .*", power)
    assert re.fullmatch(r"The 80 % intervals of (gru|lstm) held \d\d\.\d % of the time\.", coverage)


def test_worse_distributions(long):
    known = {
        "ewma-t": long.student(),
        "gru": long.student(seeds=1, noise=0.5),
        "rnn": long.student(seeds=1, noise=1),
    }
    found, texts = judged(long.distributed(known))
    assert found.kind == "worse" and set(found.kinds.values()) == {"worse"}
    assert re.fullmatch(
        r"The prediction intervals and distributions of all 2 networks are worse than those of ewma-t, the "
        r"only baseline with a distribution: the CRPS of the best, gru, is \d+(\.\d)? % higher "
        r"\(Diebold-Mariano test, p < 0\.001\)\.",
        texts[0],
    )
    assert re.fullmatch(r"Significantly worse than ewma-t: rnn \(CRPS \d+ % higher\)\.", texts[-1])
    found, texts = judged(long.distributed({name: known[name] for name in ("ewma-t", "gru")}))
    assert texts[0].startswith("gru's prediction intervals and distribution are worse than those of ewma-t")


def test_intervals_that_do_not_hold_are_named(long):
    known = {"gru": long.student(seeds=1, wrong=0.7), "ewma-t": long.student(wrong=0.5, noise=0.5)}
    found, texts = judged(long.distributed(known))
    assert found.kind == "better" and found.held is None
    for text, level in zip(texts[1:3], (80, 95), strict=True):
        assert re.fullmatch(
            rf"The {level} % intervals of gru are too narrow: they held only \d\d\.\d % of the time\.", text
        )
    forecasts = long.distributed({"gru": long.student(seeds=1, wrong=1.5)})
    [wide, *_] = missed(forecasts, "gru")
    assert (wide.nominal, wide.symbol) == (0.8, "") and 0.9 < wide.held < 1
    texts = judged(forecasts)[1]
    assert re.match(r"The 80 % intervals of gru are too wide: they held 9\d\.\d % of the time\.", texts[1])


def test_many_misses_are_counted(long):
    finding, _ = judged(long.distributed({"gru": long.student(seeds=1, wrong=0.7)}))
    miss = finding.misses[0]
    many = dataclasses.replace(
        finding, misses=tuple(dataclasses.replace(miss, symbol=f"S{i}") for i in range(5))
    )
    texts = sentences(many)
    assert sum("too narrow on S" in text for text in texts) == 3
    assert texts[-1] == "The intervals of gru are too narrow or too wide in 2 more cases."


def test_a_share_that_held_is_written_on_its_side_of_the_nominal_one(long):
    finding, _ = judged(long.distributed({"gru": long.student(seeds=1, wrong=0.7)}))
    near = dataclasses.replace(finding.misses[0], nominal=0.8, held=0.79996)
    text = sentences(dataclasses.replace(finding, misses=(near,)))[1]
    assert text == "The 80 % intervals of gru are too narrow: they held only 79.996 % of the time."


def test_a_baseline_whose_intervals_miss_badly_is_named(long):
    known = {
        "gru": long.student(seeds=1), "har": long.student(wrong=0.7), "ewma-t": long.student(noise=0.1)
    }  # fmt: skip
    _, texts = judged(long.distributed(known))
    assert re.fullmatch(
        r"The 80 % intervals of the baseline har \(6\d\.\d %\) held far too seldom or too often: a lower "
        r"CRPS proves little\.",
        texts[-1],
    )
    known["past"] = long.student(wrong=0.6)
    assert " of the baselines har (" in judged(long.distributed(known))[1][-1]


def test_one_wrong_symbol_of_several_is_named(market):
    world = market(symbols=4, dates=400, common=0.9)  # the mean over symbols has a wide band
    right, narrow = world.student(seeds=1), world.student(seeds=1, wrong=0.75)
    third = np.repeat([False, False, True, False], 400)
    mixed = dataclasses.replace(
        right, quantiles=np.where(third[:, None, None], narrow.quantiles, right.quantiles)
    )
    forecasts = world.distributed({"gru": mixed})
    found = missed(forecasts, "gru")
    assert found and all(miss.symbol == "S2" and miss.held < miss.nominal for miss in found)
    assert "too narrow on S2: they held only" in " ".join(judged(forecasts)[1])
    assert missed(world.distributed({"gru": right}), "gru") == []


def test_intervals_that_overlap_are_judged_by_their_band(market):
    world = market(symbols=2, dates=300, horizon=5)
    assert missed(world.distributed({"gru": world.student(seeds=1)}), "gru") == []
    narrow = missed(world.distributed({"gru": world.student(seeds=1, wrong=0.5)}), "gru")
    assert len(narrow) == 2 and all(miss.held < miss.nominal and not miss.symbol for miss in narrow)


def test_nothing_to_compare_with(long):
    found, texts = judged(long.distributed({"gru": long.student(seeds=1)}))
    assert (found.kind, found.kinds) == (None, {})
    assert (
        texts[0] == "The networks' prediction intervals cannot be compared: no baseline has a distribution."
    )
    assert texts[1].startswith("The 80 % intervals of gru held ")
    known = {"ewma-t": long.student(), "past": long.student(noise=0.5)}
    found, texts = judged(long.distributed(known))
    assert (found.kind, found.kinds) == (None, {})
    assert texts[0] == "Only baselines have a distribution (2 baselines); the best is ewma-t."
    assert texts[1].startswith("The 80 % intervals of ewma-t held ")


def test_a_broken_distribution_is_named(long):
    good, spoiled = long.student(seeds=1), np.arange(600)[:, None] == 5
    broken = dataclasses.replace(
        good,
        crps=np.where(spoiled, np.nan, good.crps),
        quantiles=np.where(spoiled[..., None], np.nan, good.quantiles),
    )
    found, texts = judged(long.distributed({"rnn": broken, "gru": good, "ewma-t": long.student(noise=0.6)}))
    assert found.kinds == {"gru": "better", "rnn": "no evidence"}
    assert texts[-1] == "Not judged, because the CRPS is not a finite number on some date: rnn."
    assert judged(long.distributed({"rnn": broken, "ewma-t": long.student()}))[0].kind == "no evidence"
    found, texts = judged(long.distributed({"ewma-t": dataclasses.replace(broken, seeds=good.seeds[:0])}))
    assert found.kind is None
    assert texts == ["No distribution can be judged: no model's CRPS is a finite number."]


@pytest.mark.parametrize("dates", [1, 5, 19])
def test_too_few_dates_for_distributions_say_so(market, dates):
    world = market(dates=dates, folds=1)
    known = {"gru": world.student(seeds=1), "ewma-t": world.student(noise=0.1)}
    found, texts = judged(world.distributed(known))
    assert found.kind == "no evidence"
    assert f"(only {dates} origin dates; the tests need 20)." in texts[0]


def test_the_verdict_is_on_the_point_and_on_the_distribution(long):
    forecasts = long.distributed({"gru": long.student(seeds=1), "ewma-t": long.student(noise=0.6)})
    tests = {loss.key: significance(forecasts, loss, seed=0, reps=100) for loss in (SQUARED_ERROR, CRPS)}
    settings = {"seeds": 5, "folds": 2, "notes": ["data were odd"], "untrained": {"rnn": "it diverged"}}
    point_lags = lags(forecasts, long.history)
    alone = verdict(forecasts, {"squared_error": tests["squared_error"]}, point_lags, **settings)
    both = check(verdict(forecasts, tests, point_lags, **settings))
    assert both.sentences == (*alone.sentences[:-1], *sentences(both.findings["crps"]), "Data were odd.")
    assert "Not judged, because they did not train: rnn (it diverged)." in both.sentences
    assert (both.kind, both.kinds) == (alone.kind, alone.kinds)
    assert both.findings["crps"].kind == "better" and list(alone.findings) == ["squared_error"]
