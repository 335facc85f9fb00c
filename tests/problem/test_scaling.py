import dataclasses
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatecast.problem.folds import cut_folds
from gatecast.problem.problem import make_problem
from gatecast.problem.scaling import SCALERS, Scale, fit_scale

from ..conftest import FULL  # isort: skip

KINDS = pytest.mark.parametrize("target", ["return", "close"])
EVERY_SCALER = pytest.mark.parametrize("scaler", SCALERS)


@pytest.fixture(scope="module")
def ragged_problem(ragged, prices_of):
    return cache(
        lambda seed=3, **how: make_problem(prices_of(ragged(3, seed=seed)), lookback=5, horizon=2, **how)
    )


def window_rows(problem, origins):
    """By hand: every row that some window of these origins holds."""
    return np.array(sorted({row for i in origins for row in range(i - problem.lookback + 1, i + 1)}))


@pytest.mark.parametrize(
    ("scaler", "offset", "scale"), [("standard", np.mean, np.std), ("minmax", np.min, np.ptp)]
)
@KINDS
def test_features_are_scaled_by_the_windows_of_the_training_origins(
    ragged_problem, scaler, offset, scale, target
):
    problem = ragged_problem(target=target)
    fold = cut_folds(problem)[0]
    fitted = fit_scale(problem, fold.train, scaler)
    rows = window_rows(problem, fold.train)
    for symbol in range(3):
        seen = problem.features[rows[problem.symbol[rows] == symbol]].astype(np.float64)
        np.testing.assert_allclose(fitted.x_offset[symbol], offset(seen, axis=0), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(fitted.x_scale[symbol], scale(seen, axis=0), rtol=1e-9)


@EVERY_SCALER
def test_return_targets_are_divided_per_step_and_never_centred(ragged_problem, scaler):
    problem = ragged_problem(target="return")
    train = cut_folds(problem)[0].train
    fitted = fit_scale(problem, train, scaler)
    np.testing.assert_array_equal(fitted.y_offset, np.zeros((3, 2)))
    for symbol in range(3):
        targets = problem.targets[train[problem.symbol[train] == symbol]]
        np.testing.assert_allclose(fitted.y_scale[symbol], targets.std(axis=0), rtol=1e-9)


@pytest.mark.parametrize(
    ("scaler", "offset", "scale"), [("standard", np.mean, np.std), ("minmax", np.min, np.ptp)]
)
def test_close_targets_have_one_scale_for_all_steps(ragged_problem, scaler, offset, scale):
    problem = ragged_problem(target="close")
    train = cut_folds(problem)[0].train
    fitted = fit_scale(problem, train, scaler)
    for symbol in range(3):
        targets = problem.targets[train[problem.symbol[train] == symbol]]
        np.testing.assert_allclose(fitted.y_offset[symbol], [offset(targets)] * 2, rtol=1e-12)
        np.testing.assert_allclose(fitted.y_scale[symbol], [scale(targets)] * 2, rtol=1e-9)


def test_none_leaves_the_numbers_of_a_level_alone(ragged_problem):
    problem = ragged_problem(target="close")
    fitted = fit_scale(problem, cut_folds(problem)[0].train, "none")
    for offset, scale in ((fitted.x_offset, fitted.x_scale), (fitted.y_offset, fitted.y_scale)):
        assert (offset == 0).all()
        assert (scale == 1).all()


@settings(max_examples=30 if FULL else 12, deadline=None)
@given(seed=st.integers(0, 15), scaler=st.sampled_from(SCALERS), target=st.sampled_from(["return", "close"]))
def test_scales_round_trip(ragged_problem, seed, scaler, target):
    problem = ragged_problem(seed, target=target)
    train = np.flatnonzero(problem.ready & np.isfinite(problem.targets).all(axis=1))
    fitted = fit_scale(problem, train, scaler)
    owner = problem.symbol[train]
    for values, offset, scale in (
        (problem.features[train].astype(np.float64), fitted.x_offset[owner], fitted.x_scale[owner]),
        (problem.targets[train], fitted.y_offset[owner], fitted.y_scale[owner]),
    ):
        scaled = (values - offset) / scale
        assert np.isfinite(scaled).all()
        np.testing.assert_allclose(
            scaled * scale + offset, values, rtol=1e-12, atol=1e-12 * np.abs(values).max()
        )


@settings(max_examples=50 if FULL else 20, deadline=None)
@given(value=st.floats(-1e6, 1e6, width=32), scaler=st.sampled_from(SCALERS), rows=st.integers(20, 200))
def test_a_feature_that_never_changes_keeps_scale_1(ragged_problem, value, scaler, rows):
    problem = ragged_problem()
    constant = dataclasses.replace(problem, features=np.full_like(problem.features, value))
    train = np.flatnonzero(problem.ready)[:rows]
    assert (fit_scale(constant, train, scaler).x_scale == 1).all()


@EVERY_SCALER
@pytest.mark.parametrize("price", [0.1, 12.3, 98765.4321])
def test_a_price_that_never_changes_keeps_scale_1(walks, prices_of, scaler, price):
    """Its mean is off by a rounding, which must not become its scale."""
    frame = walks()[["symbol", "date", "close"]].assign(close=price)
    problem = make_problem(prices_of(frame), lookback=5, horizon=3, target="close")
    fitted = fit_scale(problem, cut_folds(problem, folds=1)[0].train, scaler)
    assert (fitted.y_scale == 1).all()


@EVERY_SCALER
def test_a_feature_that_hardly_changes_is_scaled(ragged_problem, scaler):
    """Small numbers are not constants."""
    problem = ragged_problem()
    train = cut_folds(problem)[0].train
    tiny = dataclasses.replace(problem, features=problem.features * np.float32(1e-12))
    usual, shrunk = (fit_scale(one, train, scaler).x_scale for one in (problem, tiny))
    expected = usual if scaler == "none" else usual * 1e-12
    np.testing.assert_allclose(shrunk, expected, rtol=1e-5)


@KINDS
@pytest.mark.parametrize("scaler", ["standard", "minmax"])
def test_a_symbol_without_training_rows_has_the_mean_scale_of_the_others(ragged_problem, scaler, target):
    problem = ragged_problem(target=target)
    train = cut_folds(problem)[0].train
    whole = fit_scale(problem, train, scaler)
    fitted = fit_scale(problem, train[problem.symbol[train] != 1], scaler)
    for name in ("x_offset", "x_scale", "y_offset", "y_scale"):
        mine, known = getattr(fitted, name), getattr(whole, name)
        np.testing.assert_array_equal(mine[[0, 2]], known[[0, 2]])
        np.testing.assert_allclose(mine[1], known[[0, 2]].mean(axis=0), rtol=1e-12)


def test_a_price_that_never_moves_is_no_part_of_the_mean_scale(walks, prices_of):
    """Its scale of 1 is none: a return of the pool is some hundredths."""
    frame = walks(4)
    still = frame["symbol"] == "A01"
    for name in ("open", "high", "low", "close"):
        frame.loc[still, name] = 7.0
    problem = make_problem(prices_of(frame), lookback=5, horizon=2)
    train = cut_folds(problem, folds=1)[0].train
    fitted = fit_scale(problem, train[problem.symbol[train] != 3])
    np.testing.assert_allclose(fitted.y_scale[3], fitted.y_scale[[0, 2]].mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(fitted.x_scale[3, :3], fitted.x_scale[[0, 2], :3].mean(axis=0), rtol=1e-12)
    assert (fitted.y_scale[1] == 1).all()
    alone = fit_scale(problem, train[problem.symbol[train] == 1])  # nobody to take a mean of
    assert (alone.y_scale == 1).all()


def without_the_last_symbol(problem, rows):
    return rows[problem.symbol[rows] < problem.symbol.max()]


def same_bits(one: Scale, other: Scale) -> bool:
    pairs = zip(dataclasses.astuple(one), dataclasses.astuple(other), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def fitted_before_and_after_the_future_changed(frame, prices_of, target, fit):
    """`fit(problem, fold)` on the prices, and again with every cell from the validation on multiplied."""
    problem = make_problem(prices_of(frame), lookback=5, horizon=2, target=target)
    fold = cut_folds(problem)[0]
    later = frame["date"] >= problem.session[fold.validation].min()
    changed = frame.copy()
    names = ["open", "high", "low", "close", "volume"]
    factors = np.random.default_rng(0).uniform(0.5, 2, (later.sum(), len(names)))
    changed.loc[later, names] = frame.loc[later, names] * factors
    return fit(problem, fold), fit(
        make_problem(prices_of(changed), lookback=5, horizon=2, target=target), fold
    )


@KINDS
@EVERY_SCALER
def test_a_scale_sees_its_training_rows_only(ragged, prices_of, target, scaler):
    """Also that of a symbol without any: the mean of the pool."""
    before, after = fitted_before_and_after_the_future_changed(
        ragged(3, seed=3), prices_of, target,
        lambda problem, fold: fit_scale(problem, without_the_last_symbol(problem, fold.train), scaler),
    )  # fmt: skip
    assert same_bits(before, after)
    before, after = fitted_before_and_after_the_future_changed(
        ragged(3, seed=3), prices_of, target, lambda problem, fold: fit_scale(problem, fold.train, scaler)
    )
    assert same_bits(before, after)


@KINDS
@pytest.mark.parametrize("scaler", ["standard", "minmax"])
def test_a_mean_scale_of_all_rows_is_caught(ragged, prices_of, target, scaler):
    """The broken twin: the pool's mean is taken over every row there is."""

    def mean_of_all(problem, fold):
        own = fit_scale(problem, without_the_last_symbol(problem, fold.train), scaler)
        rows = np.flatnonzero(np.isfinite(problem.targets).all(axis=1) & problem.ready)
        whole = fit_scale(problem, without_the_last_symbol(problem, rows), scaler)
        return Scale(
            *(np.concatenate([mine[:-1], pool[-1:]]) for mine, pool in zip(
                dataclasses.astuple(own), dataclasses.astuple(whole), strict=True))
        )  # fmt: skip

    before, after = fitted_before_and_after_the_future_changed(
        ragged(3, seed=3), prices_of, target, mean_of_all
    )
    assert not same_bits(before, after)


@KINDS
@pytest.mark.parametrize("scaler", ["standard", "minmax"])
def test_a_scale_fitted_on_all_rows_is_caught(ragged, prices_of, target, scaler):
    """The broken twin of the tutorials."""

    def fit_on_all(problem, fold):
        whole = np.flatnonzero(np.isfinite(problem.targets).all(axis=1) & problem.ready)
        return fit_scale(problem, whole, scaler)

    before, after = fitted_before_and_after_the_future_changed(
        ragged(3, seed=3), prices_of, target, fit_on_all
    )
    assert not same_bits(before, after)
