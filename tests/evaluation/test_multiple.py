from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gatecast.evaluation.multiple import confidence_set, spa


def losses(seed, dates=200, **gains):
    """Losses of naive and of models that are better by a mean gain; one common shock, one of their own."""
    rng = np.random.default_rng(seed)
    naive = rng.chisquare(1, dates)
    table = {"naive": naive}
    table |= {name: naive - gain + rng.normal(0, 0.3, dates) for name, gain in gains.items()}
    return pd.DataFrame(table)


def test_spa_of_one_model_is_the_one_sided_diebold_mariano_test():
    from gatecast.evaluation.significance import diebold_mariano

    table = losses(0, model=0.05)
    assert spa(table).p == pytest.approx(diebold_mariano(table["naive"] - table["model"], 1).p_better)


def test_a_confidence_set_of_two_is_the_two_sided_test():
    from gatecast.evaluation.significance import diebold_mariano

    table = losses(0, model=0.02)
    p = confidence_set(table).p
    assert sorted(p.values()) == pytest.approx([diebold_mariano(table["naive"] - table["model"], 1).p, 1.0])


def test_both_agree_with_arch_where_losses_have_no_memory():
    """arch draws blocks instead, and its SPA does not divide by the deviation: here all have the same."""
    from arch.bootstrap import MCS, SPA

    table = losses(7, dates=1000, a=0.012, b=0.0, c=0.005)
    theirs = SPA(table["naive"], table[["a", "b", "c"]], 10, 2000, seed=0)
    theirs.compute()
    assert spa(table).p == pytest.approx(theirs.pvalues["consistent"], abs=0.06)
    theirs = MCS(table, 0.1, 2000, 10, method="R", seed=0)
    theirs.compute()
    expected = theirs.pvalues["Pvalue"]
    for name, p in confidence_set(table).p.items():
        assert p == pytest.approx(expected[name], abs=0.15)


def test_spa_keeps_its_size_over_ten_models_where_the_best_of_ten_t_tests_does_not():
    from scipy.stats import ttest_1samp

    found = best = 0
    for seed in range(100):
        table = losses(seed, **{f"m{i}": 0.0 for i in range(10)})
        found += spa(table, seed=seed, reps=200).p < 0.05
        d = -table.drop(columns="naive").sub(table["naive"], axis=0)
        best += ttest_1samp(d, 0, alternative="greater").pvalue.min() < 0.05
    assert found <= 12  # 5 expected
    assert best >= 25  # 40 expected


def test_spa_finds_a_winner_beside_a_wild_loser():
    table = losses(0, good=0.15)
    table["wild"] = table["naive"] + 1e6 * np.random.default_rng(5).normal(size=200)
    found = spa(table, reps=500)
    assert found.p < 0.05 and found.models == ("good", "wild")


def test_spa_leaves_out_what_cannot_be_studentised():
    table = losses(0, good=0.15)
    alone = spa(table, reps=300)
    table["twin"], table["broken"], table["shifted"] = table["naive"], np.nan, table["naive"] + 1
    beside = spa(table, reps=300)
    assert beside == alone and alone.models == ("good",)
    nobody = spa(table[["naive", "twin", "shifted"]])
    assert np.isnan(nobody.p) and nobody.reason.startswith("no model has usable losses that differ")


def test_spa_bounds_and_seed():
    table = losses(3, a=0.06, b=-0.2, c=0.02)
    found = spa(table, seed=1, reps=300)
    assert found.lower <= found.p <= found.upper
    assert found == spa(table, seed=1, reps=300) != spa(table, seed=2, reps=300)


def test_the_confidence_set_holds_the_best_and_drops_the_worst():
    found = confidence_set(losses(0, good=0.3, same=0.29, bad=-0.5), reps=300)
    assert found.members == ("good", "same") and found.p["bad"] < 0.1 and found.p["naive"] < 0.1
    assert found.size == 0.10


def test_the_confidence_set_covers_the_best_model():
    kept = sum(
        "naive" in confidence_set(losses(seed, a=-0.02, b=-0.05), reps=100).members for seed in range(100)
    )
    assert kept >= 84  # at least 90 expected


def test_equal_losses_share_a_place():
    table = losses(0, good=0.3)
    alone = confidence_set(table, reps=300)
    table["twin"], table["broken"], table["shifted"] = table["good"], np.nan, table["good"] + 1
    beside = confidence_set(table, reps=300)
    assert beside.p == alone.p | {"twin": alone.p["good"], "broken": 0.0, "shifted": 0.0}


def test_equal_means_do_not_tie():
    base = np.random.default_rng(0).integers(1, 9, 40).astype(float)  # whole numbers: their sums are exact
    table = pd.DataFrame({"naive": base, "mirror": base[::-1], "turned": np.roll(base, 1)})
    assert set(confidence_set(table, reps=100).members) == {"naive", "mirror", "turned"}


@pytest.mark.parametrize(("dates", "horizon"), [(0, 1), (1, 1), (19, 1), (30, 10), (150, 20)])
def test_too_few_dates(dates, horizon):
    table = losses(0, dates=dates, a=0.1)
    why = f"only {dates} origin dates" if dates < 20 else f"{dates} dates at {horizon} steps are about "
    for found in (spa(table, horizon=horizon), confidence_set(table, horizon=horizon)):
        assert found.reason.startswith(why)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_constant_losses(value):
    table = pd.DataFrame({"naive": np.full(40, value), "a": np.full(40, value), "b": np.full(40, value + 1)})
    assert np.isnan(spa(table).p)
    assert confidence_set(table).p == {"naive": 1.0, "a": 1.0, "b": 0.0}


def test_nothing_finite():
    table = pd.DataFrame({"naive": np.full(40, np.nan), "a": np.full(40, np.nan)})
    assert confidence_set(table).reason == "no model has finite losses"
    assert spa(table).reason
