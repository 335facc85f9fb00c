"""Ensembles of ranges: what the seeds say together, and that validation alone chooses how."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

import gatecast as gc
from gatecast.distributions import LEVELS, Mixture, Quantiles, StudentT
from gatecast.nn.ensemble import better_kind, ensembles, joined
from gatecast.nn.fitting import fit_network
from gatecast.nn.outputs import distributions
from gatecast.problem.folds import walk_forward
from gatecast.problem.problem import make_problem

QUICK = gc.Training(epochs=1, batch_size=64)


def student(location: float, scale: float, df: float = 6.0, shape: tuple[int, int] = (1, 1)) -> StudentT:
    return StudentT(*(np.full(shape, float(number)) for number in (location, scale, df)))


def test_the_parameter_mean_by_hand():
    one = joined([student(0.01, 0.01, 4), student(-0.03, 0.04, 8)], "parameter mean")
    assert isinstance(one, StudentT)
    assert one.location == pytest.approx(-0.01)
    assert one.scale == pytest.approx(0.02)  # geometric
    assert one.df == pytest.approx(6)


def test_the_mean_of_quantiles_is_that_of_each_level():
    rng = np.random.default_rng(0)
    seeds = [
        Quantiles(np.array(LEVELS), np.sort(rng.normal(size=(3, 2, len(LEVELS))), axis=-1)) for _ in range(4)
    ]
    one = joined(seeds, "parameter mean")
    assert isinstance(one, Quantiles)
    np.testing.assert_allclose(one.quantile(LEVELS), sum(seed.values for seed in seeds) / 4, rtol=1e-12)
    assert (np.diff(one.values, axis=-1) > 0).all()


def test_a_mixture_is_the_mean_of_the_distribution_functions():
    """Quantiles and CRPS by scipy's integral of (F - 1{y <= x})²."""
    parts = [student(-0.02, 0.004, 5), student(0.01, 0.01, 9)]
    one = joined(parts, "mixture")
    assert isinstance(one, Mixture)

    def below(x):
        return np.mean([stats.t.cdf((x - p.location[0, 0]) / p.scale[0, 0], p.df[0, 0]) for p in parts])

    for level, value in zip(LEVELS, one.quantile(LEVELS)[0, 0], strict=True):
        assert below(value) == pytest.approx(level, abs=1e-9)
    y = 0.003
    crps = sum(
        integrate.quad(lambda x, after=after: (below(x) - after) ** 2, *ends, limit=200)[0]
        for after, ends in ((0, (-1, y)), (1, (y, 1)))
    )
    assert one.crps(np.array([[y]]))[0, 0] == pytest.approx(crps, rel=1e-4)


def test_one_seed_is_itself():
    alone = student(0.01, 0.02, 5, shape=(4, 2))
    assert better_kind([alone], np.zeros((4, 2))) == "parameter mean"
    one = joined([alone], "parameter mean")
    for name in ("location", "scale", "df"):
        np.testing.assert_allclose(getattr(one, name), getattr(alone, name), rtol=1e-15)


def two_camps(shape: tuple[int, int]) -> list[StudentT]:
    """Seeds that disagree: each sure of another place."""
    return [student(-0.05, 0.005, 30, shape), student(0.05, 0.005, 30, shape)]


def test_the_way_that_was_better_on_what_came_is_chosen():
    """What comes at the seeds' places is for the mixture, what comes between them for the mean."""
    seeds = two_camps((200, 2))
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 0.005, (200, 2))
    at_both = 0.05 * rng.choice([-1.0, 1.0], (200, 2)) + noise
    for came, expected in ((at_both, "mixture"), (noise, "parameter mean")):
        assert better_kind(seeds, came) == expected
        scores = {kind: joined(seeds, kind).crps(came).mean() for kind in ("parameter mean", "mixture")}
        assert min(scores, key=scores.get) == expected


def test_quantiles_have_one_way_only():
    seeds = [Quantiles(np.array(LEVELS), np.tile(np.linspace(-1, 1, 17), (9, 1, 1))) for _ in range(3)]
    assert better_kind(seeds, np.zeros((9, 1))) == "parameter mean"


@pytest.fixture(scope="module")
def road(walk):
    frame = pd.concat([walk("A", 200, 0), walk("B", 150, 1, "2015-03-12")], ignore_index=True)
    prices = gc.Prices.from_frame(frame, calendar="daily")
    problem = make_problem(prices, lookback=5, horizon=2, ranged=True)
    folds = walk_forward(problem, folds=2)
    fitted = {
        output: fit_network(
            gc.Network(cell="rnn", hidden_size=2, output=output), QUICK, problem, folds, seeds=2
        )
        for output in ("student_t", "quantiles")
    }
    return problem, folds, fitted


@pytest.mark.parametrize("output", ["student_t", "quantiles"])
def test_every_fold_has_its_ensemble(road, output):
    problem, folds, fitted = road
    told = ensembles(fitted[output], problem, folds)
    outputs = fitted[output].forecast(problem, folds)
    for fold, one, own in zip(folds, told, outputs, strict=True):
        assert one.test.shape == (len(fold.test), 2)
        assert one.validation.shape == (len(fold.validation), 2)
        assert len(one.seeds) == 2
        by_hand = joined(
            distributions(fitted[output].network, own, problem.unit(fold.test)), one.kind
        ).quantile(LEVELS)
        np.testing.assert_array_equal(one.test.quantile(LEVELS), by_hand)


def test_the_choice_of_each_fold_follows_its_own_validation(road):
    """Seeds made to disagree: what came on one fold's validation decides that fold and no other."""
    problem, folds, fitted = road
    rng = np.random.default_rng(3)
    rehearsal, anchor = [], problem.anchor.copy()
    for fold, apart in zip(folds, (True, False), strict=True):
        came = problem.later_returns(fold.validation) / problem.unit(fold.validation)
        outputs = np.empty((2, *came.shape, 3))
        side = rng.choice([-1.0, 1.0], came.shape)
        # a camp stands where the return came, the other as far beyond zero, or both around it
        outputs[..., 0] = [came, came - 8 * side] if apart else [came - 4, came + 4]
        outputs[..., 1:] = [0.3, 30.0]
        rehearsal.append(outputs)
    made = replace(fitted["student_t"], rehearsal=tuple(rehearsal))
    assert [one.kind for one in ensembles(made, problem, folds)] == ["mixture", "parameter mean"]
    # the test's own prices, changed, change no choice and no validation
    changed = replace(problem, anchor=np.where(problem.session > problem.session[folds[1].test].min(),
                                               3 * anchor, anchor))  # fmt: skip
    again = ensembles(made, changed, folds)
    assert [one.kind for one in again] == ["mixture", "parameter mean"]
