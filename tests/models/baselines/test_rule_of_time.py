"""No forecast may depend on anything after its origin: bit for bit, for every baseline."""

import dataclasses

import numpy as np
import pytest

from gatecast.problem.folds import Fold, cut_folds
from gatecast.settings.names import BASELINES as NAMES

from ...baselines import BASELINES, DISTRIBUTION_BASELINES  # isort: skip


HORIZONS = pytest.mark.parametrize("horizon", [1, 5])
SYMBOLS = pytest.mark.parametrize("symbols", ["single", "several"])


def fitted_mean(problem, rows):
    """Growth by the mean return of `rows` of the origin's symbol."""
    returns, owner = problem.returns, problem.symbol
    means = [np.nanmean(returns[rows & (owner == symbol)]) for symbol in range(len(problem.symbols))]
    return np.exp(np.arange(1, problem.horizon + 1) * np.array(means)[:, None])


def drift_of_all_rows(problem, fold):
    """Broken: fitted on the whole series."""
    growth = fitted_mean(problem, np.ones(len(problem.session), dtype=bool))
    return problem.anchor[fold.test, None] * growth[problem.symbol[fold.test]]


def naive_one_row_late(problem, fold):
    """Broken: reads the session after the origin."""
    return np.repeat(problem.anchor[fold.test + 1, None], problem.horizon, axis=1)


def centred_mean(problem, fold):
    """Broken: smooths over both sides of the origin."""
    smooth = np.convolve(problem.anchor, np.ones(5) / 5, mode="same")
    return np.repeat(smooth[fold.test, None], problem.horizon, axis=1)


BROKEN = (drift_of_all_rows, naive_one_row_late, centred_mean)


LEVELS = (0.001, 0.1, 0.5, 0.9, 0.999)


def quantiles_of(name):
    """Quantiles (N, h, 5) of a baseline with a distribution."""
    return lambda problem, fold: DISTRIBUTION_BASELINES[name](problem, fold).quantile(LEVELS)


def ewma_t_fitted_on_the_test(problem, fold):
    """Broken: fitted on the test's own targets."""
    leaky = dataclasses.replace(fold, validation=np.concatenate([fold.validation, fold.test]))
    return quantiles_of("ewma-t")(problem, leaky)


def historical_one_row_late(problem, fold):
    """Broken: the past year ends after the origin."""
    return quantiles_of("historical")(problem, dataclasses.replace(fold, test=fold.test + 1))


def ewma_t_of_the_next_volatility(problem, fold):
    """Broken: the right distribution, scaled by the volatility a session later."""
    return quantiles_of("ewma-t")(problem, fold) * problem.volatility[fold.test + 1][:, None, None]


BROKEN_DISTRIBUTIONS = (ewma_t_fitted_on_the_test, historical_one_row_late, ewma_t_of_the_next_volatility)


def is_blind_to_the_future(baseline, make, frame, **how):
    """Forecast, change every price after a date by its own random factor, forecast again.

    True where every forecast with an origin up to the date is equal bit for bit; the date lies in the
    middle of the second of two folds' tests, where something must move unless nothing later is read.
    """
    problem = make(frame, **how)
    folds = cut_folds(problem, folds=2)
    tested = np.unique(problem.session[folds[1].test])
    day = tested[len(tested) // 2]
    changed = frame.copy()
    later = (frame["date"] > day).to_numpy()
    rng = np.random.default_rng(1)
    changed.loc[later, ["open", "close"]] *= rng.uniform(0.5, 2, (later.sum(), 2))
    if "high" in changed:
        body, width = changed.loc[later, ["open", "close"]], rng.uniform(1, 1.2, later.sum())
        changed.loc[later, "high"] = body.max(axis=1) * width
        changed.loc[later, "low"] = body.min(axis=1) / width
    again = make(changed, **how)
    moved = False
    for fold in folds:
        before, after = baseline(problem, fold), baseline(again, fold)
        early = problem.session[fold.test] <= day
        if not np.array_equal(before[early], after[early]):
            return False
        moved = moved or not np.array_equal(before[~early], after[~early])
    assert moved, "the forecasts after the date did not move: the test perturbs nothing"
    return True


@pytest.fixture(scope="module")
def table(frame, random_walk, ragged):
    return {"single": frame({"A": random_walk()}), "several": ragged()}


@HORIZONS
@SYMBOLS
@pytest.mark.parametrize("target", ["return", "close"])
@pytest.mark.parametrize("name", BASELINES)
def test_no_forecast_depends_on_later_prices(make, table, name, symbols, horizon, target):
    assert is_blind_to_the_future(BASELINES[name], make, table[symbols], horizon=horizon, target=target)


@HORIZONS
@pytest.mark.parametrize("name", BASELINES)
def test_nor_does_a_forecast_of_another_column(make, table, name, horizon):
    assert is_blind_to_the_future(BASELINES[name], make, table["several"], horizon=horizon, column="open")


@HORIZONS
@SYMBOLS
@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_twin_is_caught(make, table, broken, symbols, horizon):
    assert not is_blind_to_the_future(broken, make, table[symbols], horizon=horizon)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow, pytest.mark.full] if name == "gjr-garch-t" else [])
        for name in DISTRIBUTION_BASELINES  # at night: the test of how many rows come later has it
    ],
)
def test_no_distribution_depends_on_later_prices(make, table, ranged, name):
    """Of one step and the close: tests/test_rule_of_time.py."""
    how = {"horizon": 3, "column": "open", "target": "close"}
    assert is_blind_to_the_future(quantiles_of(name), make, ranged(table["several"]), **how)


@HORIZONS
@pytest.mark.parametrize("broken", BROKEN_DISTRIBUTIONS)
def test_a_broken_distribution_is_caught(make, table, ranged, broken, horizon):
    assert not is_blind_to_the_future(broken, make, ranged(table["single"]), horizon=horizon)


def growth_after_a_calm(baseline, make, frame, seed):
    """Forecast over anchor, after prices that jump about when the last target is known, and then stand still.

    Where nothing has moved for weeks, a forecast is what was fitted and no more.
    """
    problem = make(frame, horizon=3)
    (fold,) = cut_folds(problem, folds=1, test_size=0.6)
    later = np.flatnonzero(frame["date"] > problem.due[fold.train_validation].max())
    changed = frame.copy()
    changed.loc[later, "close"] = 100.0
    changed.loc[later[:10], "close"] = np.random.default_rng(seed).uniform(50, 200, 10)
    calm = dataclasses.replace(fold, test=fold.test[-1:])
    return baseline(make(changed, horizon=3), calm) / 100.0


@pytest.mark.parametrize("name", ["drift", "ar"])
def test_a_fit_reads_nothing_after_the_last_known_target(make, table, name):
    one, other = (growth_after_a_calm(BASELINES[name], make, table["single"], seed) for seed in (1, 2))
    np.testing.assert_allclose(one, other, rtol=1e-12)
    assert (one != 1).all()


def drift_of_one_row_more(problem, fold):
    """Broken by one session: fitted on the row after the last known target as well."""
    growth = fitted_mean(
        problem, np.arange(len(problem.session)) <= fold.train_validation[-1] + problem.horizon + 1
    )
    return problem.anchor[fold.test, None] * growth[problem.symbol[fold.test]]


def test_a_fit_that_reads_one_session_more_is_caught(make, table):
    broken = drift_of_one_row_more
    one, other = (growth_after_a_calm(broken, make, table["single"], seed) for seed in (1, 2))
    assert not np.allclose(one, other, rtol=1e-6)


@pytest.mark.parametrize("name", [*BASELINES, *DISTRIBUTION_BASELINES])
def test_a_forecast_does_not_depend_on_how_many_rows_come_later(make, ragged, ranged, name, horizon=5):
    """Bit-equal when the rows after a date are not there at all."""
    baseline = BASELINES[name] if name in BASELINES else quantiles_of(name)
    frame = ranged(ragged())
    whole = make(frame, horizon=horizon)
    fold = cut_folds(whole, folds=1, test_size=0.3)[0]
    day = np.unique(whole.session[fold.test])[20]
    short = make(frame[frame["date"] <= day].reset_index(drop=True), horizon=horizon)
    place = np.flatnonzero(whole.session <= day)  # row of the whole table ↦ row of the short one
    early = fold.test[whole.session[fold.test] <= day]
    known = Fold(0, *(np.searchsorted(place, rows) for rows in (fold.train, fold.validation, early)))
    kept = np.isin(fold.test, early)
    np.testing.assert_array_equal(baseline(short, known), baseline(whole, fold)[kept])


def test_the_names_are_those_of_the_experiment_file():
    assert {*BASELINES, *DISTRIBUTION_BASELINES} == set(NAMES)
