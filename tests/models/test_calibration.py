"""Calibration: exact where it is exact, against a slow loop where it is online."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from gatecast.data.prices import Prices
from gatecast.distributions import FINE_LEVELS, LEVELS, Mixture, Point, Quantiles, StudentT
from gatecast.models.calibration import LEAST_LEVEL, Calibration
from gatecast.problem.folds import Fold
from gatecast.problem.problem import Problem, make_problem
from gatecast.problem.targets import to_return

NONE = np.zeros(0, dtype=np.int64)


def problem_of(returns: np.ndarray, horizon: int = 1) -> Problem:
    """Symbols (rows of `returns`) with these log returns after their first session."""
    symbols, sessions = returns.shape
    close = 100 * np.exp(np.pad(np.cumsum(returns, axis=1), ((0, 0), (1, 0))))
    frame = pd.DataFrame(
        {
            "symbol": np.repeat([f"S{n:04}" for n in range(symbols)], sessions + 1),
            "date": np.tile(pd.bdate_range("2010-01-01", periods=sessions + 1), symbols),
            "close": close.ravel(),
        }
    )
    return make_problem(Prices.from_frame(frame, calendar="daily"), lookback=1, horizon=horizon)


def student(origins: np.ndarray, scale: float, horizon: int = 1, df: float = 5.0) -> StudentT:
    """A Student t around zero, its scale `scale` · √k."""
    wide = scale * np.tile(np.sqrt(np.arange(1, horizon + 1)), (len(origins), 1))
    return StudentT(np.zeros_like(wide), wide, np.full_like(wide, df))


def t_returns(shape: tuple[int, int], seed: int, scale: float = 0.01) -> np.ndarray:
    return scale * np.random.default_rng(seed).standard_t(5, shape)


def calibrated(method: str, problem: Problem, fold: Fold, held_out, raw) -> Quantiles:
    """What is made of `raw`, the test's forecasts, with the validation's."""
    calibration = Calibration.fit(problem, fold.validation, held_out, online=method == "adaptive")
    return calibration.apply(problem, fold.test, raw)


def point_of(problem: Problem, price: np.ndarray, origins: np.ndarray) -> Point:
    """Prices (rows, h) as the point forecasts of `origins`."""
    return Point(to_return("close", price[origins], problem.anchor[origins]))


def calibrated_point(method: str, problem: Problem, fold: Fold, price: np.ndarray) -> Quantiles:
    """The same of the point forecasts `price` (rows, h)."""
    held_out, raw = (point_of(problem, price, origins) for origins in (fold.validation, fold.test))
    return calibrated(method, problem, fold, held_out, raw)


def covered(known, actual: np.ndarray, coverage: float) -> float:
    low, high = np.moveaxis(known.quantile([(1 - coverage) / 2, (1 + coverage) / 2]), -1, 0)
    return float(((low <= actual) & (actual <= high)).mean())


@pytest.mark.parametrize(
    "count", [9, *(pytest.param(count, marks=[pytest.mark.slow, pytest.mark.full]) for count in (19, 60))]
)
def test_a_new_pit_lies_below_level_p_with_probability_p(count):
    """Finite samples: 1,500 symbols, each with `count` targets to learn from and one that is new.

    The plain quantile of the PITs would miss: of 19 it puts 92.75 % below what it calls 95 %.
    """
    symbols = 1500
    problem = problem_of(t_returns((symbols, count + 1), seed=count))
    begin = problem.first[np.flatnonzero(problem.first == np.arange(len(problem.first)))]
    learned = (begin[:, None] + np.arange(count)).ravel()
    new = begin + count
    calibration = Calibration.fit(problem, learned, student(learned, 0.003))
    corrected = calibration.apply(problem, new, student(new, 0.003))
    actual = problem.actual_returns(new)
    tail = 1 / (count + 1)  # beyond it nothing was seen: the model's own tail is stretched there
    inside = np.flatnonzero(np.abs(FINE_LEVELS - 0.5) <= 0.5 - tail)
    below = (actual <= corrected.values[:, 0, inside]).mean(axis=0)
    error = 4 * np.sqrt(0.25 / symbols)
    np.testing.assert_allclose(below, FINE_LEVELS[inside], atol=error)
    raw = (actual <= student(new, 0.003).quantile(FINE_LEVELS[[20, 179]])[:, 0]).mean(axis=0)
    assert abs(raw - FINE_LEVELS[[20, 179]]).min() > 3 * error


def test_the_working_levels_are_uniform_order_statistics():
    """Of PITs that are uniform the mean working level is the level itself, at every level, ends included."""
    count, symbols = 7, 2000
    problem = problem_of(t_returns((symbols, count), seed=3))
    learned = np.flatnonzero(~np.isnat(problem.due))
    levels = Calibration.fit(problem, learned, student(learned, 0.01)).levels[:, 0]
    assert levels.shape == (symbols, len(FINE_LEVELS))
    assert (np.diff(levels, axis=1) >= 0).all()
    assert ((levels >= LEAST_LEVEL) & (levels <= 1 - LEAST_LEVEL)).all()
    np.testing.assert_allclose(levels.mean(axis=0), FINE_LEVELS, atol=4 * 0.5 / np.sqrt(9 * symbols))


@pytest.mark.parametrize("wrong", [0.5, 2.0])
def test_a_model_wrong_by_a_factor_of_two_becomes_right(wrong):
    problem = problem_of(t_returns((1, 4000), seed=1))
    validation, test = np.arange(1000), np.arange(1001, 3999)
    fold = Fold(0, NONE, validation, test)
    raw = student(test, 0.01 * wrong)
    corrected = calibrated("conformal", problem, fold, student(validation, 0.01 * wrong), raw)
    actual, right = problem.actual_returns(test), student(test, 0.01)
    for coverage in (0.5, 0.8, 0.95):
        assert abs(covered(raw, actual, coverage) - coverage) > 0.045
        assert covered(corrected, actual, coverage) == pytest.approx(coverage, abs=0.025)
    assert corrected.crps(actual).mean() < raw.crps(actual).mean()
    assert corrected.crps(actual).mean() == pytest.approx(right.crps(actual).mean(), rel=0.01)
    assert stats.kstest(corrected.cdf(actual)[:, 0], "uniform").pvalue > 0.001
    assert stats.kstest(raw.cdf(actual)[:, 0], "uniform").pvalue < 1e-9


def test_a_median_off_the_middle_is_moved():
    """Not only the width: a model that always hopes for a rise is moved down."""
    problem = problem_of(t_returns((1, 3000), seed=2))
    validation, test = np.arange(1000), np.arange(1001, 2999)

    def hopeful(origins):
        known = student(origins, 0.01)
        return StudentT(known.location + 0.02, known.scale, known.df)

    corrected = calibrated("conformal", problem, Fold(0, NONE, validation, test), hopeful(validation),
                      hopeful(test))  # fmt: skip
    assert np.median(corrected.quantile([0.5])) == pytest.approx(0, abs=0.001)


def test_symbols_and_steps_are_calibrated_apart():
    """One symbol's intervals are too narrow, the other's too wide; one step's too, the other's not."""
    problem = problem_of(np.vstack([t_returns((1, 2000), 4, 0.02), t_returns((1, 2000), 5, 0.005)]), 2)
    known = ~np.isnat(problem.due)
    row = np.arange(len(known)) - problem.first
    validation, test = (np.flatnonzero(known & part) for part in (row < 900, row >= 902))
    corrected = calibrated(
        "conformal", problem, Fold(0, NONE, validation, test), student(validation, 0.01, 2),
        student(test, 0.01, 2),
    )  # fmt: skip
    actual = problem.actual_returns(test)
    for symbol in (0, 1):
        own = np.flatnonzero(problem.symbol[test] == symbol)
        for step in (0, 1):
            low, high = np.moveaxis(corrected.take(own).quantile([0.1, 0.9])[:, step], -1, 0)
            inside = (low <= actual[own, step]) & (actual[own, step] <= high)
            assert inside.mean() == pytest.approx(0.8, abs=0.06), (symbol, step)


def slow_levels(problem, start, origins, pit):
    """Gibbs and Candès (2021), eq. 2: alpha(t+1) = alpha(t) + gamma (alpha - err(t)), level by level.

    For each origin everything from the beginning: which earlier targets were known, what was said then,
    whether it was exceeded. alpha is the share that may lie above, 1 - p; err is 1 where it did.
    """
    levels = np.empty((*pit.shape, len(FINE_LEVELS)))
    for symbol in range(len(problem.symbols)):
        mine = [i for i, origin in enumerate(origins) if problem.symbol[origin] == symbol]
        for step in range(pit.shape[1]):
            for now in mine:
                today = problem.session[origins[now]]
                alpha = 1 - start[symbol, step]
                for then in mine:
                    due = origins[then] + step + 1
                    if then < now and due < len(problem.session) and problem.session[due] <= today:
                        err = (pit[then, step] > levels[then, step]).astype(float)
                        alpha = alpha + 0.005 * ((1 - FINE_LEVELS) - err)
                levels[now, step] = 1 - alpha
    return levels


@pytest.mark.parametrize("horizon", [1, 3])
def test_online_is_the_slow_loop_of_the_paper(horizon):
    """Several symbols, some origins missing, more steps than one: only targets known at the origin count.

    The loop begins with the first validation origin, at the levels that split conformal learned from all.
    """
    rng = np.random.default_rng(6)
    returns = t_returns((2, 90), seed=7)
    returns[:, 40:] *= 5
    problem = problem_of(returns, horizon)
    row = np.arange(len(problem.first)) - problem.first
    known = ~np.isnat(problem.due)
    validation = np.flatnonzero(known & (row < 30))
    test = np.flatnonzero(known & (row >= 40) & (rng.random(len(row)) < 0.8))
    held_out, raw = student(validation, 0.01, horizon), student(test, 0.01, horizon)
    start = Calibration.fit(problem, validation, held_out).levels
    pits = [known.cdf(problem.actual_returns(rows)) for known, rows in ((held_out, validation), (raw, test))]
    whole = slow_levels(problem, start, np.concatenate([validation, test]), np.concatenate(pits))
    expected = whole[len(validation) :]
    assert np.abs(expected - start[problem.symbol[test]]).max() > 0.05  # it moves
    corrected = calibrated("adaptive", problem, Fold(0, NONE, validation, test), held_out, raw)
    values = raw.quantile(np.clip(np.sort(expected, axis=-1), 1e-4, 1 - 1e-4))
    np.testing.assert_allclose(corrected.values, values, rtol=1e-9, atol=1e-12)
    plain = calibrated("conformal", problem, Fold(0, NONE, validation, test), held_out, raw)
    assert (
        corrected.values[0] != plain.values[0]
    ).any()  # at the first test origin all of validation has come


def test_targets_to_come_are_not_needed():
    """The last origins, whose targets are not known yet, are calibrated by earlier ones."""
    problem = problem_of(t_returns((1, 60), seed=8), horizon=3)
    validation, test = np.arange(20), np.arange(23, 61)
    calibration = Calibration.fit(problem, validation, student(validation, 0.005, 3), online=True)
    corrected = calibration.apply(problem, test, student(test, 0.005, 3))
    assert np.isfinite(corrected.values).all()
    known = test[:-3]
    early = calibration.apply(problem, known, student(known, 0.005, 3))
    np.testing.assert_array_equal(corrected.values[:-3], early.values)


def test_the_latest_validation_targets_count_most():
    """The second half of validation twice as wild: adaptive intervals are wider from the first origin on."""
    returns = t_returns((1, 401), seed=15)
    returns[:, 200:] *= 2
    problem = problem_of(returns)
    validation, test = np.arange(400), np.array([400])
    fold, held_out, raw = Fold(0, NONE, validation, test), student(validation, 0.01), student(test, 0.01)
    plain, adaptive = (
        np.ptp(calibrated(method, problem, fold, held_out, raw).quantile([0.1, 0.9]))
        for method in ("conformal", "adaptive")
    )
    assert adaptive > 1.05 * plain


def test_a_calibration_that_goes_on_later_is_the_one_that_went_on_at_once():
    """Origins may come in two calls, as long as the second has those of the first."""
    problem = problem_of(t_returns((1, 90), seed=16), horizon=2)
    validation, test = np.arange(30), np.arange(32, 88)
    calibration = Calibration.fit(problem, validation, student(validation, 0.005, 2), online=True)
    whole = calibration.apply(problem, test, student(test, 0.005, 2))
    for count in (1, 20):
        part = calibration.apply(problem, test[:count], student(test[:count], 0.005, 2))
        np.testing.assert_array_equal(part.values, whole.values[:count])


def test_after_a_break_only_the_adaptive_intervals_recover():
    """Volatility times three from the test on; the model's scale never learns of it."""
    returns = t_returns((1, 4000), seed=9)
    returns[:, 1000:] *= 3
    problem = problem_of(returns)
    validation, test = np.arange(999), np.arange(1000, 3999)
    fold, held_out, raw = Fold(0, NONE, validation, test), student(validation, 0.01), student(test, 0.01)
    actual = problem.actual_returns(test)
    late = slice(1000, None)
    stays, comes = (
        calibrated(method, problem, fold, held_out, raw).take(late) for method in ("conformal", "adaptive")
    )
    for coverage, least, most in ((0.8, 0.75, 0.82), (0.95, 0.92, 0.97)):
        assert covered(stays, actual[late], coverage) < coverage - 0.2
        assert least < covered(comes, actual[late], coverage) < most


def test_a_point_has_the_quantiles_of_its_errors():
    """Of each symbol and step, in units of the volatility known; Weibull's quantiles stand at i / (n + 1)."""
    problem = problem_of(t_returns((2, 300), seed=10), horizon=3)
    row, known = np.arange(len(problem.first)) - problem.first, ~np.isnat(problem.due)
    validation, test = (np.flatnonzero(known & part) for part in ((row > 20) & (row < 150), row >= 153))
    change = np.array([1.01, 0.98, 1.0])
    point = problem.anchor[:, None] * change
    corrected = calibrated_point("conformal", problem, Fold(0, NONE, validation, test), point)
    errors = (problem.actual_returns(validation) - np.log(change)) / problem.unit(validation)
    for symbol in (0, 1):
        for step in range(3):
            own = np.flatnonzero(problem.symbol[test] == symbol)
            learned = errors[problem.symbol[validation] == symbol, step]
            unit = problem.volatility[test[own], None] * np.sqrt(step + 1)
            expected = np.log(change[step]) + unit * np.quantile(learned, FINE_LEVELS, method="weibull")
            np.testing.assert_allclose(
                corrected.take(own).quantile(FINE_LEVELS)[:, step], expected, atol=1e-13
            )


@pytest.mark.parametrize("price", [-5.0, 0.0])
def test_an_impossible_point_still_has_a_distribution(price):
    """A level network may say a price below zero."""
    problem = problem_of(t_returns((1, 100), seed=11))
    validation, test = np.arange(60), np.arange(61, 99)
    point = problem.anchor[:, None].copy()
    point[80:] = price
    calibration = Calibration.fit(problem, validation, point_of(problem, point, validation))
    assert np.isfinite(
        calibration.apply(problem, test, point_of(problem, point, test)).quantile(LEVELS)
    ).all()


@pytest.mark.parametrize("wrong", [1.0, 1.03])
def test_a_calibrated_point_holds(wrong):
    """Also one that is always 3 % too high."""
    problem = problem_of(t_returns((1, 3000), seed=12))
    validation, test = np.arange(50, 1000), np.arange(1001, 2999)
    point = wrong * problem.anchor[:, None]
    for method in ("conformal", "adaptive"):
        corrected = calibrated_point(method, problem, Fold(0, NONE, validation, test), point)
        for coverage in (0.5, 0.8, 0.95):
            assert covered(corrected, problem.actual_returns(test), coverage) == pytest.approx(
                coverage, abs=0.03
            )
        assert np.median(corrected.quantile([0.5])) == pytest.approx(0, abs=0.001)


def test_a_point_without_validation_has_a_neutral_distribution():
    """Student's t with 5 degrees of freedom around it, its standard deviation the volatility known."""
    problem = problem_of(t_returns((2, 200), seed=13), horizon=4)
    row = np.arange(len(problem.first)) - problem.first
    validation = np.flatnonzero((problem.symbol == 0) & (row < 100))
    test = np.flatnonzero((problem.symbol == 1) & (row > 100))
    point = 1.01 * np.repeat(problem.anchor[:, None], 4, axis=1)
    corrected = Calibration.fit(problem, validation, point_of(problem, point, validation)).apply(
        problem, test, point_of(problem, point, test)
    )
    scale = problem.volatility[test, None] * np.sqrt([1, 2, 3, 4]) / np.sqrt(5 / 3)
    expected = stats.t.ppf(FINE_LEVELS, 5, loc=np.log(1.01), scale=scale[..., None])
    np.testing.assert_allclose(corrected.quantile(FINE_LEVELS), expected, rtol=1e-9)


@pytest.mark.parametrize("online", [False, True])
def test_a_symbol_without_validation_keeps_its_distribution(online):
    """Until its own targets come."""
    problem = problem_of(t_returns((2, 200), seed=13))
    row = np.arange(len(problem.first)) - problem.first
    validation = np.flatnonzero((problem.symbol == 0) & (row < 100))
    test = np.flatnonzero((row > 100) & (row < 200))
    calibration = Calibration.fit(problem, validation, student(validation, 0.002), online=online)
    corrected = calibration.apply(problem, test, student(test, 0.002))
    second = np.flatnonzero(problem.symbol[test] == 1)
    raw = student(test, 0.002).quantile(FINE_LEVELS)
    kept = second[:1] if online else second
    np.testing.assert_allclose(corrected.values[kept], raw[kept], rtol=1e-12)
    assert (corrected.values[0, 0, [0, -1]] / raw[0, 0, [0, -1]] > 2).all()  # the first symbol's is wider
    if online:
        assert (corrected.values[second[-1]] != raw[second[-1]]).any()


def test_prices_that_stand_still_have_a_distribution_without_width():
    problem = problem_of(np.zeros((1, 100)))
    validation, test = np.arange(50), np.arange(51, 99)
    point = problem.anchor[:, None]
    for method in ("conformal", "adaptive"):
        corrected = calibrated_point(method, problem, Fold(0, NONE, validation, test), point)
        assert np.abs(corrected.quantile(LEVELS)).max() < 1e-4
        assert np.isfinite(corrected.crps(np.zeros((len(test), 1)))).all()


def test_every_kind_of_distribution_can_be_calibrated():
    problem = problem_of(t_returns((1, 400), seed=14))
    validation, test = np.arange(200), np.arange(202, 398)

    def kinds(origins):
        one, other = student(origins, 0.004), student(origins, 0.006)
        return one, Mixture((one, other)), Quantiles(np.array(LEVELS), one.quantile(LEVELS))

    fold = Fold(0, NONE, validation, test)
    actual = problem.actual_returns(test)
    for held_out, raw in zip(kinds(validation), kinds(test), strict=True):
        corrected = calibrated("conformal", problem, fold, held_out, raw)
        assert covered(corrected, actual, 0.8) == pytest.approx(0.8, abs=0.06)
        assert covered(raw, actual, 0.8) < 0.7
