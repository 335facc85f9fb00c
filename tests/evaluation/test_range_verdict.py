from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from gatecast.evaluation.lag import lags
from gatecast.evaluation.range_significance import range_significance
from gatecast.evaluation.range_verdict import misses, range_verdict
from gatecast.evaluation.significance import significance
from gatecast.evaluation.verdict import verdict


def judge(forecasts, notes=()):
    found = range_verdict(forecasts, range_significance(forecasts, seed=0, reps=300), notes=notes)
    assert 1 <= len(found.sentences) <= 5
    assert not re.search(r"\b(nan|inf|None)\b", " ".join(found.sentences))
    assert all(re.fullmatch(r"[^.](.|\n)*[^. ]\.", sentence) for sentence in found.sentences)
    assert not any("  " in sentence or ".." in sentence for sentence in found.sentences)
    return found


@pytest.fixture
def world(market):
    return market(dates=600)


def test_a_network_knows_the_range_better(world):
    found = judge(
        world.ranged(
            {"gru": world.known(seeds=1), "ewma-t": world.known(noise=0.6), "past": world.known(noise=0.4)}
        ),
        notes=["ranges were calibrated on validation"],
    )
    assert found.kind == "better" and found.kinds == {"gru": "better"}
    headline, note = found.sentences
    assert re.fullmatch(
        r"gru knows the range better than past, the best of 2 baselines: its CRPS is \d\.\d % lower \(skill "
        r"90 % interval \+\d\.\d\d … \+\d\.\d\d %; SPA test, p < 0\.001\); "
        r"its 80 % ranges held (79|8\d)\.\d % of the time\.",
        headline,
    )
    assert note == "Ranges were calibrated on validation."


def test_no_evidence_names_what_could_have_been_seen(world):
    ranges = {
        name: world.known(seeds=seeds, noise=0.05) for name, seeds in (("gru", 1), ("lstm", 1), ("ewma-t", 0))
    }
    found = judge(world.ranged(ranges))
    assert found.kind == "no evidence" and set(found.kinds) == {"gru", "lstm"}
    assert re.fullmatch(
        r"No evidence that any of 2 networks knows the range better than ewma-t, the only baseline that has "
        r"one \(SPA test, p = [01]\.\d+\): the CRPS of (gru|lstm) is (0\.\d+ %|hardly) (lower|higher); "
        r"in four cases out of five, with 2 models tried, this test finds a skill of \d\.\d+ %, and smaller "
        r"ones more rarely; the 80 % ranges of (gru|lstm) held \d\d\.\d % of the time\.",
        found.sentences[0],
    )


def test_worse(world):
    ranges = {
        "ewma-t": world.known(),
        "gru": world.known(seeds=1, noise=0.5),
        "rnn": world.known(seeds=1, noise=1),
    }
    found = judge(world.ranged(ranges))
    assert found.kind == "worse" and set(found.kinds.values()) == {"worse"}
    assert found.sentences[0].startswith(
        "Worse at the range than ewma-t, the only baseline that has one: even the best of 2 networks, gru, "
        "has a CRPS "
    )
    assert re.search(
        r" % higher, and luck hardly explains it \(Diebold-Mariano test, p < ", found.sentences[0]
    )
    assert re.fullmatch(
        r"Beyond luck, ewma-t knows the range better than rnn \(CRPS \d+ % higher\)\.", found.sentences[-1]
    )


def test_ranges_that_do_not_hold_are_named(world):
    ranges = {"gru": world.known(seeds=1, wrong=0.7), "ewma-t": world.known(wrong=0.5, noise=0.5)}
    found = judge(world.ranged(ranges))
    assert found.kind == "better"
    assert re.fullmatch(
        r"The 80 % ranges of gru are too narrow: they held only 6\d\.\d % of the time; the 95 % ranges of "
        r"gru are too narrow: they held only 8\d\.\d % of the time\.",
        found.sentences[1],
    )
    assert "held" not in found.sentences[0]
    forecasts = world.ranged({"gru": world.known(seeds=1, wrong=1.5)})
    [wide, *_] = misses(forecasts, "gru")
    assert re.fullmatch(r"the 80 % ranges of gru are too wide: they held 9\d\.\d % of the time", wide)


def test_a_baseline_whose_intervals_miss_badly_is_named(world):
    ranges = {"gru": world.known(seeds=1), "har": world.known(wrong=0.7), "ewma-t": world.known(noise=0.1)}
    text = " ".join(judge(world.ranged(ranges)).sentences)
    assert re.search(
        r"A baseline whose 80 % intervals held far too seldom or too often: har \(6\d\.\d %\); a smaller "
        r"CRPS than theirs proves little\.",
        text,
    )


def test_one_wrong_symbol_of_several_is_named(market):
    world = market(symbols=4, dates=400, common=0.9)  # the mean over symbols has a wide band
    right, narrow = world.known(seeds=1), world.known(seeds=1, wrong=0.75)
    third = np.repeat([False, False, True, False], 400)
    mixed = dataclasses.replace(
        right, quantiles=np.where(third[:, None, None], narrow.quantiles, right.quantiles)
    )
    found = misses(world.ranged({"gru": mixed}), "gru")
    assert any("too narrow on S2: they held only" in miss for miss in found)
    assert not any(name in miss for miss in found for name in ("S0", "S1", "S3"))
    assert misses(world.ranged({"gru": right}), "gru") == []


def test_ranges_that_overlap_are_judged_by_their_band(market):
    world = market(symbols=2, dates=300, horizon=5)
    assert misses(world.ranged({"gru": world.known(seeds=1)}), "gru") == []
    narrow = misses(world.ranged({"gru": world.known(seeds=1, wrong=0.5)}), "gru")
    assert len(narrow) == 2 and all("too narrow: they held only" in miss for miss in narrow)


def test_nothing_to_compare_with(world):
    alone = judge(world.ranged({"gru": world.known(seeds=1)}))
    assert (alone.kind, alone.kinds) == (None, {})
    assert alone.sentences[0].startswith(
        "The range cannot be judged against others: no baseline has one; the 80 % ranges of gru held "
    )
    baselines = judge(world.ranged({"ewma-t": world.known(), "past": world.known(noise=0.5)}))
    assert (baselines.kind, baselines.kinds) == (None, {})
    assert baselines.sentences[0].startswith(
        "Of the range only baselines speak (2 baselines); the best is ewma-t; the 80 % ranges of ewma-t held "
    )


def test_a_broken_network_is_named(world):
    good, broken = world.known(seeds=1), world.known(seeds=1)
    spoiled = np.arange(600)[:, None] == 5
    broken = dataclasses.replace(
        broken,
        crps=np.where(spoiled, np.nan, broken.crps),
        quantiles=np.where(spoiled[..., None], np.nan, broken.quantiles),
    )
    found = judge(world.ranged({"rnn": broken, "gru": good, "ewma-t": world.known(noise=0.6)}))
    assert found.kinds == {"gru": "better", "rnn": "no evidence"}
    assert found.sentences[-1] == "Not judged, because its CRPS was not a finite number: rnn."
    alone = judge(world.ranged({"rnn": broken, "ewma-t": world.known()}))
    assert alone.kind == "no evidence"
    assert judge(world.ranged({"ewma-t": broken_baseline(broken)})).kind is None


def broken_baseline(known):
    return dataclasses.replace(known, seeds=known.seeds[:0])


@pytest.mark.parametrize("dates", [1, 5, 19])
def test_too_few_dates_say_so(market, dates):
    world = market(dates=dates, folds=1)
    found = judge(world.ranged({"gru": world.known(seeds=1), "ewma-t": world.known(noise=0.1)}))
    assert found.kind == "no evidence"
    assert f"(only {dates} origin dates; the tests need 20)" in found.sentences[0]


def test_the_verdict_speaks_of_the_point_and_of_the_range(world):
    forecasts = world.ranged({"gru": world.known(seeds=1), "ewma-t": world.known(noise=0.6)})
    point_tests, point_lags = significance(forecasts, seed=0, reps=100), lags(forecasts, world.history)
    settings = {"seeds": 5, "folds": 2, "notes": ["data were odd"]}
    ranges = judge(forecasts)
    alone = verdict(forecasts, point_tests, point_lags, **settings)
    both = verdict(forecasts, point_tests, point_lags, ranges=ranges, **settings)
    assert both.sentences == (*alone.sentences[:-1], *ranges.sentences, "Data were odd.")
    assert (both.kind, both.kinds) == (alone.kind, alone.kinds)
    assert (both.range_kind, both.range_kinds) == ("better", {"gru": "better"})
    assert (alone.range_kind, alone.range_kinds) == (None, {})
