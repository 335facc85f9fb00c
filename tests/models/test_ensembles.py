"""Ensembles of distributions: what the seeds say together."""

import numpy as np
import pytest
from scipy import integrate, stats

from gatecast.distributions import LEVELS, Mixture, Quantiles, StudentT
from gatecast.models.ensembles import better_combination, joined, mean_of_seeds


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
    assert better_combination([alone], np.zeros((4, 2))) == "parameter mean"
    one = joined([alone], "parameter mean")
    for name in ("location", "scale", "df"):
        np.testing.assert_allclose(getattr(one, name), getattr(alone, name), rtol=1e-15)


def two_camps(shape: tuple[int, int]) -> list[StudentT]:
    """Seeds that disagree: each sure of another place."""
    return [student(-0.05, 0.005, 30, shape), student(0.05, 0.005, 30, shape)]


def test_the_combination_with_the_lower_crps_is_chosen():
    """Actual returns at the seeds' locations favour the mixture, those between them the mean."""
    seeds = two_camps((200, 2))
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 0.005, (200, 2))
    at_both = 0.05 * rng.choice([-1.0, 1.0], (200, 2)) + noise
    for actual, expected in ((at_both, "mixture"), (noise, "parameter mean")):
        assert better_combination(seeds, actual) == expected
        scores = {kind: joined(seeds, kind).crps(actual).mean() for kind in ("parameter mean", "mixture")}
        assert min(scores, key=scores.get) == expected


def test_quantiles_have_one_way_only():
    seeds = [Quantiles(np.array(LEVELS), np.tile(np.linspace(-1, 1, 17), (9, 1, 1))) for _ in range(3)]
    assert better_combination(seeds, np.zeros((9, 1))) == "parameter mean"


@pytest.mark.parametrize("seeds", [1, 2, 9, 40])
def test_the_mean_over_seeds_has_the_same_bits_for_one_origin_as_for_many(seeds):
    """numpy's own mean adds nine numbers in another order than nine rows of numbers."""
    outputs = np.random.default_rng(seeds).normal(size=(seeds, 30, 1))
    whole = mean_of_seeds(outputs)
    np.testing.assert_allclose(whole, outputs.mean(axis=0), rtol=1e-12)
    for origin in range(30):
        np.testing.assert_array_equal(mean_of_seeds(outputs[:, [origin]]), whole[[origin]])
