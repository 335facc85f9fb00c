"""Distributions against scoringrules, scipy and numeric integration."""

from itertools import pairwise

import numpy as np
import pytest
import scoringrules
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import integrate, stats

from gatecast.distributions import (
    FINE_LEVELS,
    LEVELS,
    Mixture,
    Point,
    Quantiles,
    SkewedT,
    StudentT,
    concatenated,
)

SHAPE = (4, 2)
locations = arrays(np.float64, SHAPE, elements=st.floats(-0.1, 0.1))
scales = arrays(np.float64, SHAPE, elements=st.floats(1e-4, 0.1))
freedoms = arrays(np.float64, SHAPE, elements=st.floats(2.1, 100))
students = st.builds(StudentT, locations, scales, freedoms)
levels = arrays(np.float64, (5,), elements=st.floats(0.001, 0.999))
few = settings(max_examples=25, deadline=None)


@st.composite
def quantile_tables(draw):
    """Rising values at rising levels."""
    steps = draw(arrays(np.float64, (*SHAPE, len(LEVELS)), elements=st.floats(1e-5, 0.1)))
    return Quantiles(np.array(LEVELS), np.cumsum(steps, axis=-1) - 0.5)


def one(location, scale, df):
    return StudentT(*(np.full((1, 1), float(value)) for value in (location, scale, df)))


def student_table(seed=0):
    rng = np.random.default_rng(seed)
    return StudentT(rng.normal(0, 0.01, SHAPE), rng.uniform(0.005, 0.03, SHAPE), rng.uniform(2.1, 30, SHAPE))


def dense(student):
    """The same by 200 quantiles."""
    return Quantiles(FINE_LEVELS, student.quantile(FINE_LEVELS))


def numeric_crps(distribution, y):
    """∫ (F(x) - 1{y <= x})² dx of one origin and step, by adaptive quadrature of its cdf."""

    def cdf(x):
        return distribution.cdf(np.full((1, 1), x))[0, 0]

    low, median, high = distribution.quantile([1e-4, 0.5, 1 - 1e-4])[0, 0]
    inner = sorted({low, median, high, y})
    points = [low - 50 * (median - low), *inner, high + 50 * (high - median)]  # beyond: under 1e-8 each
    total = 0.0
    for start, end in pairwise(points):
        after = 1.0 if (start + end) / 2 > y else 0.0
        total += integrate.quad(lambda x, after=after: (cdf(x) - after) ** 2, start, end, limit=200)[0]
    return total


@pytest.mark.parametrize("df", [1.5, 2.1, 4.0, 30.0, 1e4])
@pytest.mark.parametrize("y", [-0.3, 0.0, 0.011, 0.05])
def test_student_t_scores_are_those_of_scoringrules(df, y):
    distribution, actual = one(0.01, 0.02, df), np.array([[y]])
    np.testing.assert_allclose(distribution.crps(actual), scoringrules.crps_t(y, df, 0.01, 0.02), rtol=1e-8)
    np.testing.assert_allclose(
        distribution.log_score(actual), scoringrules.logs_t(y, df, 0.01, 0.02), rtol=1e-9
    )


@given(students, locations)
@few
def test_student_t_is_that_of_scipy(student, y):
    theirs = stats.t(student.df, loc=student.location, scale=student.scale)
    np.testing.assert_allclose(student.cdf(y), theirs.cdf(y), rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(student.log_score(y), -theirs.logpdf(y), rtol=1e-9, atol=1e-9)
    for level in (0.01, 0.5, 0.9):
        np.testing.assert_allclose(
            student.quantile([level])[..., 0], theirs.ppf(level), rtol=1e-7, atol=1e-12
        )


@given(students, levels)
@few
def test_student_t_cdf_undoes_its_quantile(student, wanted):
    quantiles = student.quantile(wanted)
    for place, level in enumerate(wanted):
        np.testing.assert_allclose(student.cdf(quantiles[..., place]), level, rtol=1e-6)


@given(quantile_tables(), levels)
@few
def test_quantiles_cdf_undoes_their_quantile(table, wanted):
    """Inside the levels and in both tails."""
    quantiles = table.quantile(wanted)
    for place, level in enumerate(wanted):
        np.testing.assert_allclose(table.cdf(quantiles[..., place]), level, rtol=1e-6)


@given(st.lists(students, min_size=1, max_size=3), levels)
@few
def test_mixture_cdf_undoes_its_quantile(parts, wanted):
    mixture = Mixture(tuple(parts))
    quantiles = mixture.quantile(wanted)
    for place, level in enumerate(wanted):
        np.testing.assert_allclose(mixture.cdf(quantiles[..., place]), level, rtol=1e-5)


@given(students, locations)
@few
def test_a_mixture_of_one_or_of_equals_is_the_part(student, y):
    for mixture in (Mixture((student,)), Mixture((student, student))):
        np.testing.assert_allclose(mixture.cdf(y), student.cdf(y), rtol=1e-12)
        np.testing.assert_allclose(mixture.log_score(y), student.log_score(y), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(mixture.quantile(LEVELS), student.quantile(LEVELS), rtol=1e-6, atol=1e-12)
        np.testing.assert_allclose(mixture.crps(y), student.crps(y), rtol=1e-5)


@given(students, levels)
@few
def test_levels_of_each_origin_are_those_asked_one_by_one(student, wanted):
    own = np.random.default_rng(0).permuted(np.broadcast_to(wanted, (*SHAPE, 5)), axis=-1)
    for distribution in (student, dense(student), Mixture((student, student_table()))):
        together = distribution.quantile(own)
        for row, step in np.ndindex(SHAPE):
            alone = distribution.take(slice(row, row + 1)).quantile(own[row, step])[0, step]
            np.testing.assert_allclose(together[row, step], alone, rtol=1e-12)


@pytest.mark.parametrize("y", [-0.2, -0.01, 0.004, 0.09])
def test_crps_of_a_mixture_is_the_integral(y):
    mixture = Mixture((one(0.0, 0.01, 3), one(0.02, 0.03, 8), one(-0.01, 0.006, 40)))
    assert mixture.crps(np.array([[y]]))[0, 0] == pytest.approx(numeric_crps(mixture, y), rel=1e-5)


def test_scores_of_a_mixture_of_normals_are_those_of_scoringrules():
    means, sds = np.array([-0.01, 0.02]), np.array([0.01, 0.03])
    mixture = Mixture(tuple(one(m, s, 1e7) for m, s in zip(means, sds, strict=True)))
    for y in (-0.05, 0.0, 0.03):
        expected = scoringrules.crps_mixnorm(y, means, sds)
        assert mixture.crps(np.array([[y]]))[0, 0] == pytest.approx(expected, rel=1e-6)
        density = stats.norm(means, sds).pdf(y).mean()
        assert mixture.log_score(np.array([[y]]))[0, 0] == pytest.approx(-np.log(density), rel=1e-5)


@pytest.mark.parametrize("y", [-0.3, -0.04, -0.02, 0.0, 0.0061, 0.033, 0.2])
def test_crps_of_quantiles_is_the_integral(y):
    """At a quantile, between two, and in both tails; coarse and uneven levels."""
    table = Quantiles(np.array([0.05, 0.2, 0.5, 0.9]), np.array([[[-0.04, -0.02, 0.0, 0.033]]]))
    assert table.crps(np.array([[y]]))[0, 0] == pytest.approx(numeric_crps(table, y), rel=1e-6)


@given(quantile_tables(), locations)
@few
def test_crps_of_quantiles_is_twice_the_mean_pinball_loss(table, y):
    """Gneiting and Ranjan (2011), eq. 6: over all levels, by a fine sum."""
    fine = (np.arange(5_000) + 0.5) / 5_000
    off = y[..., None] - table.quantile(fine)
    pinball = np.where(off >= 0, fine * off, (fine - 1) * off).mean(axis=-1)
    np.testing.assert_allclose(table.crps(y), 2 * pinball, rtol=2e-3)


@given(students, locations)
@few
def test_dense_quantiles_score_nearly_as_their_student_t(student, y):
    student = StudentT(student.location, student.scale, np.maximum(student.df, 3))
    near = np.clip(y, student.location - 3 * student.scale, student.location + 3 * student.scale)
    np.testing.assert_allclose(dense(student).crps(near), student.crps(near), rtol=0.01)
    np.testing.assert_allclose(dense(student).cdf(near), student.cdf(near), atol=2e-3)


def test_quantiles_that_are_tied_have_their_middle_level():
    table = Quantiles(np.array([0.1, 0.3, 0.5, 0.9]), np.array([[[-0.01, 0.0, 0.0, 0.02]]]))
    assert table.cdf(np.zeros((1, 1)))[0, 0] == pytest.approx(0.4)
    assert table.crps(np.zeros((1, 1)))[0, 0] == pytest.approx(numeric_crps(table, 0.0), rel=1e-6)


@pytest.mark.parametrize("y", [-0.5, 0.25, 1.0])
def test_quantiles_all_alike_score_the_distance(y):
    table = Quantiles(FINE_LEVELS, np.full((1, 1, 200), 0.25))
    assert table.crps(np.array([[y]]))[0, 0] == pytest.approx(abs(y - 0.25), abs=1e-12)
    assert table.cdf(np.array([[y]]))[0, 0] == pytest.approx({-0.5: 0.0, 0.25: 0.5, 1.0: 1.0}[y])


def test_quantiles_have_no_density():
    table = dense(student_table())
    assert np.isnan(table.log_score(np.zeros(SHAPE))).all()


def test_the_pit_of_what_a_distribution_draws_is_uniform():
    rng = np.random.default_rng(0)
    student = StudentT(np.full((3000, 1), 0.01), np.full((3000, 1), 0.02), np.full((3000, 1), 4.0))
    actual = 0.01 + 0.02 * rng.standard_t(4, (3000, 1))
    for distribution in (student, dense(student), Mixture((student, student))):
        assert stats.kstest(distribution.cdf(actual)[:, 0], "uniform").pvalue > 0.05


@pytest.mark.parametrize("kind", ["point", "student", "skewed", "quantiles", "mixture"])
def test_take_and_concatenated_undo_each_other(kind):
    student = student_table()
    whole = {
        "point": Point(student.location),
        "student": student,
        "skewed": SkewedT(student.location, student.scale, student.df, 0.5 + student.df / 30),
        "quantiles": dense(student),
        "mixture": Mixture((student, student_table(1))),
    }[kind]
    y = np.random.default_rng(2).normal(0, 0.02, SHAPE)
    parts = [whole.take(np.array([0])), whole.take(slice(1, 3)), whole.take(np.array([3]))]
    again = concatenated(parts)
    assert type(again) is type(whole)
    assert again.shape == whole.shape == SHAPE
    np.testing.assert_array_equal(again.crps(y), whole.crps(y))
    np.testing.assert_array_equal(again.quantile(LEVELS), whole.quantile(LEVELS))
    picked = whole.take(np.array([2, 0]))
    np.testing.assert_array_equal(picked.crps(y[[2, 0]]), whole.crps(y)[[2, 0]])


def test_kinds_are_not_mixed():
    student = student_table()
    with pytest.raises(TypeError, match=r"^not of one kind: Quantiles, StudentT$"):
        concatenated([student, dense(student)])


def test_parameters_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"location \(4, 2\), scale \(4, 2\), df \(1,\) must be alike"):
        StudentT(np.zeros(SHAPE), np.ones(SHAPE), np.ones(1))


skewed = st.builds(
    SkewedT, locations, scales, freedoms, arrays(np.float64, SHAPE, elements=st.floats(0.5, 2))
)


def one_skewed(skew, df=4.0, location=0.01, scale=0.02):
    return SkewedT(*(np.full((1, 1), float(value)) for value in (location, scale, df, skew)))


@given(students, locations, levels)
@few
def test_without_skew_it_is_a_student_t(student, y, wanted):
    own = SkewedT(student.location, student.scale, student.df, np.ones(SHAPE))
    np.testing.assert_allclose(own.cdf(y), student.cdf(y), rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(own.log_score(y), student.log_score(y), rtol=1e-12)
    np.testing.assert_allclose(own.crps(y), student.crps(y), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(own.quantile(wanted), student.quantile(wanted), rtol=1e-9, atol=1e-12)


@given(skewed, levels)
@few
def test_skewed_t_cdf_undoes_its_quantile(distribution, wanted):
    quantiles = distribution.quantile(wanted)
    for place, level in enumerate(wanted):
        np.testing.assert_allclose(distribution.cdf(quantiles[..., place]), level, rtol=1e-6)


@pytest.mark.parametrize(
    ("df", "skew"), [(2.1, 0.6), pytest.param(8.0, 1.3, marks=[pytest.mark.slow, pytest.mark.full])]
)
def test_skewed_t_is_the_integral_of_its_density(skew, df):
    """Fernández and Steel's density of scipy's t; its integrals are the cdf and the CRPS."""
    distribution = one_skewed(skew, df)

    def density(x):
        z = (x - 0.01) / 0.02
        return 2 / (skew + 1 / skew) * stats.t(df).pdf(z * skew if z < 0 else z / skew) / 0.02

    for y in (-0.08, 0.01, 0.013):
        actual = np.full((1, 1), y)
        mass = integrate.quad(density, -np.inf, min(y, 0.01))[0]
        mass += integrate.quad(density, 0.01, y)[0] if y > 0.01 else 0.0
        assert distribution.cdf(actual)[0, 0] == pytest.approx(mass, rel=1e-6)
        assert np.exp(-distribution.log_score(actual)[0, 0]) == pytest.approx(density(y), rel=1e-9)
        assert distribution.crps(actual)[0, 0] == pytest.approx(numeric_crps(distribution, y), rel=1e-4)


def test_above_the_mode_lies_what_the_skew_says():
    assert one_skewed(0.7).cdf(np.full((1, 1), 0.01))[0, 0] == pytest.approx(1 / 1.49)


def test_the_pit_of_what_a_skewed_t_draws_is_uniform():
    """Drawn as it is defined: a side by its probability, then the size of a t on it."""
    rng = np.random.default_rng(1)
    skew, size = 0.7, np.abs(rng.standard_t(5, 5000))
    above = rng.uniform(size=5000) < skew**2 / (1 + skew**2)
    actual = 0.01 + 0.02 * np.where(above, size * skew, -size / skew)
    every = SkewedT(*(np.full((5000, 1), value) for value in (0.01, 0.02, 5.0, skew)))
    assert stats.kstest(every.cdf(actual[:, None])[:, 0], "uniform").pvalue > 0.05


@given(locations, locations)
@few
def test_a_point_is_the_limit_of_a_narrow_student_t(value, y):
    point, shape = Point(value), np.ones(SHAPE)
    narrow = StudentT(value, 1e-12 * shape, 100 * shape)
    np.testing.assert_allclose(point.crps(y), np.abs(value - y))
    np.testing.assert_allclose(point.crps(y), narrow.crps(y), atol=1e-11)
    np.testing.assert_allclose(point.quantile(LEVELS), narrow.quantile(LEVELS), atol=1e-10)
    apart = np.abs(value - y) > 1e-9
    np.testing.assert_allclose(point.cdf(y)[apart], narrow.cdf(y)[apart], atol=1e-9)
    assert (point.cdf(value) == 1).all() and np.isnan(point.log_score(y)).all()
    own = np.linspace(0.1, 0.9, 8).reshape(*SHAPE, 1)
    assert point.quantile(own).shape == (*SHAPE, 1)


def test_a_point_without_a_value_has_no_score():
    point, y = Point(np.full(SHAPE, np.nan)), np.zeros(SHAPE)
    assert np.isnan(point.crps(y)).all() and np.isnan(point.cdf(y)).all()
