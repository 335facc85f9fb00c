from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gatecast.errors import SettingError
from gatecast.problem.folds import (
    MIN_TRAINING_ORIGINS,
    cut_folds,
    cut_folds_by_position,
    future_fold,
    future_fold_by_position,
)
from gatecast.problem.problem import make_problem

from ..conftest import FULL  # isort: skip

CUTS = st.fixed_dictionaries(
    {
        "folds": st.integers(1, 5),
        "test_size": st.floats(0.1, 0.5),
        "validation_size": st.floats(0.05, 0.4),
        "window": st.sampled_from(["expanding", "sliding"]),
    }
)
SHAPES = st.fixed_dictionaries({"lookback": st.integers(1, 12), "horizon": st.integers(1, 6)})
SEEDS = st.integers(0, 15)  # of ragged prices, each made once: what differs is how they are cut


@pytest.fixture(scope="module")
def ragged_problem(ragged, prices_of):
    made = cache(lambda seed, symbols: prices_of(ragged(symbols, seed=seed)))
    return lambda seed, symbols=3, **shape: make_problem(made(seed, symbols), **shape)


@pytest.fixture(scope="module")
def plain_problem(walks, prices_of):
    def make(sessions, symbols=1, lookback=5, horizon=1):
        return make_problem(prices_of(walks(symbols, sessions)), lookback=lookback, horizon=horizon)

    return make


def cut_or_skip(problem, **cut):
    try:
        return cut_folds(problem, **cut)
    except SettingError:
        assume(False)


def embargo_is_kept(problem, train, later):
    """Every target of `train` is dated before the first session of `later`, in every symbol."""
    return problem.dates(train).max() < problem.session[later].min()


@settings(max_examples=60 if FULL else 20, deadline=None)
@given(seed=SEEDS, shape=SHAPES, cut=CUTS)
def test_the_parts_of_a_fold_never_overlap(ragged_problem, seed, shape, cut):
    for fold in cut_or_skip(ragged_problem(seed, **shape), **cut):
        rows = np.concatenate([fold.train, fold.validation, fold.test])
        assert len(np.unique(rows)) == len(rows)
        assert all(
            (np.diff(part) > 0).all()
            for part in (fold.train, fold.validation, fold.test, fold.train_validation)
        )
        assert set(fold.train_validation) == set(fold.train) | set(fold.validation)


@settings(max_examples=40 if FULL else 15, deadline=None)
@given(seed=SEEDS, shape=SHAPES, cut=CUTS)
def test_a_inner_forecasts_validation_and_knows_training_alone(ragged_problem, seed, shape, cut):
    """What a baseline fits on, and what it is asked for, are an embargo apart in a inner too."""
    problem = ragged_problem(seed, **shape)
    for fold in cut_or_skip(problem, **cut):
        inner = fold.validation_fold
        np.testing.assert_array_equal(inner.train_validation, fold.train)
        np.testing.assert_array_equal(inner.test, fold.validation)
        assert (inner.number, inner.left_out) == (fold.number, fold.left_out)
        assert embargo_is_kept(problem, inner.train_validation, inner.test)
        assert not np.isin(inner.test, fold.test).any()


@settings(max_examples=60 if FULL else 20, deadline=None)
@given(seed=SEEDS, shape=SHAPES, cut=CUTS)
def test_the_embargo_is_kept_on_both_sides_in_every_symbol(ragged_problem, seed, shape, cut):
    problem = ragged_problem(seed, **shape)
    for fold in cut_or_skip(problem, **cut):
        assert embargo_is_kept(problem, fold.train, fold.validation)
        assert embargo_is_kept(problem, fold.validation, fold.test)
        assert embargo_is_kept(problem, fold.train_validation, fold.test)


def test_a_cut_by_row_number_does_not_keep_the_embargo(ragged, prices_of):
    """The broken twin: each symbol cut at a share of its own rows, as if all had the same sessions."""
    problem = make_problem(prices_of(ragged(3, seed=1)), lookback=5, horizon=2)
    share = (np.arange(len(problem.session)) - problem.first) / (problem.last - problem.first)
    train = np.flatnonzero((share < 0.6) & problem.ready)
    validation = np.flatnonzero((share > 0.65) & (share < 0.8))
    assert not embargo_is_kept(problem, train, validation)


@settings(max_examples=60 if FULL else 20, deadline=None)
@given(seed=SEEDS, shape=SHAPES, cut=CUTS)
def test_no_test_row_is_lost_and_none_is_scored_twice(ragged_problem, seed, shape, cut):
    problem = ragged_problem(seed, **shape)
    folds = cut_or_skip(problem, **cut)
    tested = np.concatenate([fold.test for fold in folds])
    assert len(np.unique(tested)) == len(tested)

    forecast = problem.sessions[-max(round(cut["test_size"] * len(problem.sessions)), 1) :]
    origins = problem.sessions[np.searchsorted(problem.sessions, forecast) - 1]
    whole = np.isfinite(problem.targets).all(axis=1) & problem.ready
    wanted = np.flatnonzero(np.isin(problem.session, origins) & whole)
    lost = np.setdiff1d(wanted, tested)
    assert np.isin(tested, wanted).all()
    for fold in folds:
        kept = ~np.isin(problem.symbol[lost], [problem.symbols.index(name) for name in fold.left_out])
        lost = lost[kept | ~_in_stretch(problem, fold, folds, lost)]
    assert len(lost) == 0


def _in_stretch(problem, fold, folds, rows):
    """Whether rows are dated after the test of the folds before `fold` and before the one after it."""
    begin = max((problem.session[f.test].max() for f in folds[: fold.number]), default=np.datetime64("0000"))
    end = min(
        (problem.session[f.test].min() for f in folds[fold.number + 1 :]), default=np.datetime64("9999")
    )
    return (problem.session[rows] > begin) & (problem.session[rows] < end)


@settings(max_examples=40 if FULL else 15, deadline=None)
@given(seed=SEEDS, shape=SHAPES)
def test_symbols_too_short_are_left_out_and_named(ragged_problem, seed, shape):
    problem = ragged_problem(seed, symbols=4, **shape)
    for fold in cut_or_skip(problem, folds=3, test_size=0.6):
        counts = np.bincount(problem.symbol[fold.train], minlength=4)
        kept = {problem.symbols[s] for s in np.flatnonzero(counts)}
        assert kept.isdisjoint(fold.left_out)
        assert kept | set(fold.left_out) == set(problem.symbols)
        assert counts[counts > 0].min() >= MIN_TRAINING_ORIGINS
        for part in (fold.validation, fold.test):
            assert {problem.symbols[s] for s in problem.symbol[part]} <= kept


def test_a_symbol_that_starts_late_is_tested_once_it_is_long_enough(walks, prices_of):
    frame = walks(2, 400)
    late = frame[(frame["symbol"] == "A00") | (frame["date"] >= frame["date"][300])]
    problem = make_problem(prices_of(late), lookback=5, horizon=1)
    folds = cut_folds(problem)
    assert folds[0].left_out == ("A01",)
    assert folds[-1].left_out == ()
    assert set(problem.symbol[folds[0].test]) == {0}
    assert set(problem.symbol[folds[-1].test]) == {0, 1}


def test_the_sample_s_length_gives_1258_origins(plain_problem):
    problem = plain_problem(5031, lookback=20)
    folds = cut_folds(problem)
    assert [len(fold.test) for fold in folds] == [252, 251, 252, 251, 252]
    assert sum(len(fold.test) for fold in folds) == 1258
    assert folds[-1].test[-1] == 5029


def test_400_rows_work_with_the_defaults(plain_problem):
    folds = cut_folds(plain_problem(400, lookback=20))
    assert [len(fold.test) for fold in folds] == [20] * 5
    assert min(len(fold.validation) for fold in folds) >= 40


def test_one_fold_by_hand(plain_problem):
    """100 sessions, lookback 5, horizon 2: the test forecasts sessions 80 … 99."""
    (fold,) = cut_folds(plain_problem(100, lookback=5, horizon=2), folds=1, test_size=0.2)
    np.testing.assert_array_equal(fold.test, np.arange(79, 98))  # origin 98 has one target only
    np.testing.assert_array_equal(fold.validation, np.arange(65, 77))  # 12 of 77; its targets end at 78
    np.testing.assert_array_equal(fold.train, np.arange(5, 63))  # row 0 has no return; targets end at 64


def test_an_expanding_window_keeps_its_start(plain_problem):
    folds = cut_folds(plain_problem(400), window="expanding")
    assert {fold.train[0] for fold in folds} == {5}
    assert (np.diff([len(fold.train) for fold in folds]) > 0).all()


def test_a_sliding_window_keeps_its_length(plain_problem):
    folds = cut_folds(plain_problem(400), window="sliding")
    assert len({len(fold.train) for fold in folds}) == 1
    assert (np.diff([fold.train[0] for fold in folds]) > 0).all()


def test_the_first_fold_does_not_depend_on_the_window(plain_problem):
    problem = plain_problem(400)
    sliding, expanding = (cut_folds(problem, window=window)[0] for window in ("sliding", "expanding"))
    np.testing.assert_array_equal(sliding.train, expanding.train)


@pytest.mark.parametrize("weekend", [False, True])
def test_test_start_is_the_first_session_forecast(plain_problem, weekend):
    problem = plain_problem(400)
    friday = next(day for day in problem.sessions[300:] if pd.Timestamp(day).day_of_week == 4)
    monday = friday + np.timedelta64(3, "D")
    start = str(monday - np.timedelta64(int(weekend), "D"))
    folds = cut_folds(problem, test_start=start, test_size=0.9)
    assert problem.dates(folds[0].test)[0, 0] == monday
    assert problem.dates(folds[-1].test)[-1, 0] == problem.sessions[-1]


@pytest.mark.parametrize("start", ["1990-01-01", "2030-01-01"])
def test_a_test_start_outside_the_data_names_their_dates(plain_problem, start):
    with pytest.raises(SettingError, match=rf"test_start {start}: the data run from 2000-01-03 to 2000-"):
        cut_folds(plain_problem(200), test_start=start)


@pytest.mark.parametrize(
    ("sessions", "lookback", "horizon", "cut"),
    [
        (1, 1, 1, {}),
        (2, 1, 1, {}),
        (12, 1, 1, {}),
        (60, 60, 1, {}),
        (60, 600, 1, {}),
        (60, 5, 60, {}),
        (60, 5, 600, {}),
        (60, 5, 20, {}),
        (60, 5, 1, {"folds": 50}),
        (60, 5, 1, {"test_size": 0.99}),
        (60, 5, 1, {"validation_size": 0.99}),
        (60, 5, 1, {"test_start": "2000-01-04"}),
    ],
)
def test_too_little_data_is_one_clear_error(plain_problem, sessions, lookback, horizon, cut):
    said = rf"too few sessions: fold \d+ .* {sessions} sessions .* lookback {lookback} and horizon {horizon} "
    with pytest.raises(SettingError, match=said):
        cut_folds(plain_problem(sessions, lookback=lookback, horizon=horizon), **cut)


def test_the_future_fold_tests_the_last_session_of_every_symbol(ragged_problem):
    problem = ragged_problem(2, lookback=5, horizon=3)
    fold = future_fold(problem)
    np.testing.assert_array_equal(fold.test, np.unique(problem.last))
    assert embargo_is_kept(problem, fold.train, fold.validation)
    assert problem.due[fold.train_validation].max() <= problem.sessions[-1]


def test_the_future_fold_by_hand(plain_problem):
    fold = future_fold(plain_problem(100, lookback=5, horizon=2))
    np.testing.assert_array_equal(fold.validation, np.arange(82, 97))  # 15 of 97; its targets end at 98
    np.testing.assert_array_equal(fold.train, np.arange(5, 80))
    np.testing.assert_array_equal(fold.test, [99])


def test_a_future_fold_of_too_little_data_is_refused(plain_problem):
    with pytest.raises(SettingError, match="too few sessions"):
        future_fold(plain_problem(8))


def test_hundreds_of_symbols(plain_problem):
    problem = plain_problem(60, symbols=500, lookback=5, horizon=2)
    for fold in cut_folds(problem, folds=2):
        assert fold.left_out == ()
        assert (
            np.bincount(problem.symbol[fold.train]) == np.ptp(fold.train[problem.symbol[fold.train] == 0]) + 1
        ).all()


# By position -----------------------------------------------------------------------------------------------


SIZES = (60, 72, 92)


def unaligned(ragged_problem, **shape):
    """Three symbols of 60, 72 and 92 rows, whose sessions have nothing to do with each other."""
    problem = ragged_problem(0, **shape)
    sizes = np.array(SIZES)
    keep = np.concatenate(
        [start + np.arange(size) for start, size in zip(np.unique(problem.first), sizes, strict=True)]
    )
    cut = {name: getattr(problem, name)[keep] for name in problem.row_arrays}
    return replace(problem, table=None, **cut)


def of_symbol(problem, rows, symbol):
    return rows[problem.symbol[rows] == symbol] - problem.first[rows[problem.symbol[rows] == symbol]]


@pytest.mark.parametrize("window", ["expanding", "sliding"])
def test_by_position_every_symbol_keeps_the_embargo(ragged_problem, window):
    problem = unaligned(ragged_problem, lookback=4, horizon=3)
    folds = cut_folds_by_position(problem, folds=2, test_size=0.25, window=window)
    for symbol, size in enumerate(SIZES):
        tested = [of_symbol(problem, fold.test, symbol) for fold in folds]
        assert np.concatenate(tested).tolist() == list(range(size - 1 - size // 4, size - 3))
        for fold in folds:
            train, validation, test = (
                of_symbol(problem, rows, symbol) for rows in (fold.train, fold.validation, fold.test)
            )
            assert train.max() + 3 < validation.min() and validation.max() + 3 < test.min() + 1
    lengths = [len(of_symbol(problem, fold.train, 2)) for fold in folds]
    assert (lengths[0] == lengths[1]) == (window == "sliding")


@pytest.mark.parametrize(("rows", "origins"), [(3, 1), (10, 8)])
def test_a_test_of_rows_is_one_fold_of_the_last_ones(ragged_problem, rows, origins):
    problem = unaligned(ragged_problem, lookback=4, horizon=3)
    (fold,) = cut_folds_by_position(problem, folds=5, test_rows=rows)
    for symbol, size in enumerate(SIZES):
        test = of_symbol(problem, fold.test, symbol)
        assert test.tolist() == list(range(size - 1 - rows, size - 1 - rows + origins))


def test_a_test_shorter_than_the_horizon_is_refused(ragged_problem):
    problem = unaligned(ragged_problem, lookback=4, horizon=3)
    with pytest.raises(SettingError, match="has 2 test rows, and 3 are forecast"):
        cut_folds_by_position(problem, test_rows=np.array([5, 2, 5]))


def test_the_future_by_position_is_the_last_row_of_every_symbol(ragged_problem):
    problem = unaligned(ragged_problem, lookback=4, horizon=3)
    fold = future_fold_by_position(problem, validation_size=0.2)
    (as_test,) = cut_folds_by_position(problem, test_rows=3, validation_size=0.2)
    for symbol, size in enumerate(SIZES):
        assert of_symbol(problem, fold.test, symbol).tolist() == [size - 1]
        for now, then in ((fold.train, as_test.train), (fold.validation, as_test.validation)):
            assert len(of_symbol(problem, now, symbol)) >= len(of_symbol(problem, then, symbol))
        assert of_symbol(problem, fold.validation, symbol).max() + 3 < size - 1
