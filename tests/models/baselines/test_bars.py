import numpy as np
import pytest

from gatecast.models.baselines.bars import (
    APART,
    bar_variance,
    has_ranges,
    mean_over,
    sample_rows,
    too_few,
    weights,
)
from gatecast.models.baselines.fitting import Span
from gatecast.problem.folds import Fold, cut_folds


def span_of(problem, symbol=0):
    (fold,) = cut_folds(problem, folds=1)
    known = fold.train_validation[problem.symbol[fold.train_validation] == symbol]
    begin = max(known[0] - problem.lookback, problem.first[known[0]]) + 1
    origins = fold.test[problem.symbol[fold.test] == symbol]
    return Span(problem, fold, symbol, int(begin), int(known[-1] + problem.horizon), origins, "model")


@pytest.fixture
def table(frame, ranged, random_walk):
    return ranged(frame({"A": random_walk(600)}))


def test_ranges_are_put_on_the_scale_of_returns(make, table):
    """Whatever share of the bar the range covers, the median bar has the EWMA's variance."""
    span = span_of(make(table))
    variance, ranged = bar_variance(span)
    known = slice(span.begin, span.end + 1)
    ratio = variance / span.problem.volatility[: len(variance)] ** 2
    assert ranged[known].all()
    assert np.median(ratio[known]) == pytest.approx(1)
    estimated = span.problem.range_variance
    inside = (ratio[known] > 1 / APART**2) & (ratio[known] < APART**2)
    relative = (variance[known] / estimated[known])[inside]
    np.testing.assert_allclose(relative, relative[0], rtol=1e-9)


def test_a_bar_without_a_range_takes_half_its_square_and_half_the_ewma(make, table):
    table.loc[50, ["high", "low"]] = np.nan
    table.loc[60, ["open", "high", "low", "close"]] = table.loc[59, "close"]
    problem = make(table)
    variance, ranged = bar_variance(span_of(problem))
    for row in (50, 60):
        expected = (problem.returns[row] ** 2 + problem.volatility[row] ** 2) / 2
        assert variance[row] == pytest.approx(expected)
        assert not ranged[row]
    assert ranged[51]


def test_of_a_symbol_without_ranges_no_bar_has_one(make, table):
    problem = make(table.drop(columns=["high", "low"]))
    variance, ranged = bar_variance(span_of(problem))
    expected = (problem.returns**2 + problem.volatility**2) / 2
    np.testing.assert_allclose(variance[1:], expected[1 : len(variance)])
    assert not ranged.any()


def test_ranges_are_used_where_the_last_year_has_them(make, table):
    known = table.index < 440
    for without, expected in [((0, 250), True), ((300, 440), False), ((0, 380), False)]:
        one = table.copy()
        one.loc[slice(*without), ["high", "low"]] = np.nan
        assert has_ranges(make(one), 1, int(known.sum()) - 1) is expected


def test_a_misprint_is_ten_times_the_usual_volatility_and_no_more(make, table):
    table.loc[100, "high"] *= 1e4
    problem = make(table)
    variance, _ = bar_variance(span_of(problem))
    assert variance[100] == pytest.approx((10 * problem.volatility[100]) ** 2)


def test_means_over_as_many_bars_as_there_are():
    values = np.random.default_rng(0).normal(size=30)
    rows = np.array([3, 4, 9, 29])
    one, five = mean_over(values, rows, 2, (1, 5))
    np.testing.assert_array_equal(one, values[rows])
    np.testing.assert_allclose(five, [values[max(row - 4, 2) : row + 1].mean() for row in rows])


def test_weights_halve_and_bars_that_stood_still_count_a_fifth():
    moves = np.ones(40)
    found = weights(moves, 10)
    assert found.sum() == pytest.approx(1)
    assert found[29] / found[39] == pytest.approx(0.5)
    moves[::20] = 0.0
    np.testing.assert_allclose(weights(moves), 1 / 40)
    moves[10:] = 0.0
    assert weights(moves)[moves == 0].sum() == pytest.approx(0.2)
    np.testing.assert_allclose(weights(np.zeros(8)), 1 / 8)


def short_span(problem):
    """25 known origins."""
    fold = Fold(0, np.arange(5, 30), np.array([], dtype=np.int64), np.arange(110, 130))
    return Span(problem, fold, 0, 1, 29 + problem.horizon, fold.test, "model")


def test_a_month_is_left_out_where_enough_is_known(make, frame, random_walk):
    problem = make(frame({"A": random_walk(220)}))
    for span, first in [(span_of(problem), 22), (short_span(problem), 1)]:
        assert sample_rows(span)[0] == first
        assert sample_rows(span)[-1] == span.end - 1


def test_too_few_returns_over_the_whole_horizon_are_said(make, frame, random_walk):
    problem = make(frame({"A": random_walk(220)}), horizon=80)
    assert too_few(short_span(problem)) == "29 in-sample returns over 80 bars are too few (50 are needed)"
    assert too_few(span_of(make(frame({"A": random_walk(220)})))) == ""
