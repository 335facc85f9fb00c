import warnings

import numpy as np
import pytest
from scipy import stats

from gatecast.distributions import FINE_LEVELS, Quantiles, SkewedT, StudentT, concatenated
from gatecast.errors import FitWarning
from gatecast.models.baselines.fitting import fit_student
from gatecast.models.baselines.volatility import ewma_t, historical
from gatecast.problem.folds import Fold, cut_folds
from gatecast.problem.volatility import LEAST

from ...baselines import DISTRIBUTION_BASELINES  # isort: skip


def named(names):
    """Parameters; GJR-GARCH, which is fitted and simulated as GARCH is, at night."""
    night = [pytest.mark.slow, pytest.mark.full]
    return [pytest.param(name, marks=night if name == "gjr-garch-t" else []) for name in names]


ALL = pytest.mark.parametrize("name", named(DISTRIBUTION_BASELINES))


def one_fold(problem):
    (fold,) = cut_folds(problem, folds=1)
    return fold


@pytest.mark.parametrize("df", [3.0, 8.0])
def test_fit_student_finds_the_maximum_likelihood(df):
    z = 1.7 * np.random.default_rng(int(df)).standard_t(df, 3000)
    scale, fitted = fit_student(z)
    expected_df, _, expected_scale = stats.t.fit(z, floc=0)
    assert scale == pytest.approx(expected_scale, rel=1e-3)
    assert fitted == pytest.approx(expected_df, rel=1e-2)
    assert scale == pytest.approx(1.7, rel=0.05)


def test_fit_student_scales_with_its_input():
    z = np.random.default_rng(0).standard_t(4, 500)
    scale, df = fit_student(z)
    for factor in (1e-6, 1e6):
        assert fit_student(factor * z) == pytest.approx((factor * scale, df), rel=1e-5)


def test_fit_student_of_normal_values_is_a_normal():
    scale, df = fit_student(stats.norm.ppf((np.arange(2000) + 0.5) / 2000))
    assert df == pytest.approx(100)
    assert scale == pytest.approx(1, abs=0.02)


def test_fit_student_weighs():
    """A whole weight twice is that value twice, and none leaves it out."""
    z = np.random.default_rng(0).standard_t(4, 300)
    twice = fit_student(np.concatenate([z[:200], z[:100]]))
    weight = np.repeat([2.0, 1.0, 0.0], 100)
    assert fit_student(z, weight) == pytest.approx(twice, rel=1e-3)


@pytest.mark.parametrize("z", [np.zeros(50), np.empty(0)])
def test_fit_student_of_nothing_is_the_yardstick_itself(z):
    assert fit_student(z) == (1.0, 100.0)


def test_fit_student_of_mostly_zeros_keeps_a_scale():
    """A share of zeros above df / (df + 1) has no largest likelihood."""
    z = np.zeros(200)
    z[:20] = np.random.default_rng(0).normal(0, 1, 20)
    scale, df = fit_student(z)
    assert scale == pytest.approx(0.1 * np.median(np.abs(z[:20])))
    assert df >= 2.1 - 1e-9


def test_ewma_t_by_hand(make, ragged):
    """Of the second symbol, two steps ahead: scipy's fit of the in-sample returns over their volatility."""
    problem = make(ragged(), horizon=2)
    fold = one_fold(problem)
    of_all = ewma_t(problem, fold)
    mine = problem.symbol[fold.test] == 1
    own = of_all.take(np.flatnonzero(mine))
    price = problem.anchor[problem.symbol == 1]
    returns = np.diff(np.log(price))

    def volatility(row):
        weights = 0.94 ** np.arange(row)[::-1]
        return np.sqrt((weights * returns[:row] ** 2).sum() / weights.sum())

    first = np.flatnonzero(problem.symbol == 1)[0]
    end = fold.train_validation[problem.symbol[fold.train_validation] == 1][-1] - first + 2
    for step in (1, 2):
        rows = range(20, end - step + 1)
        z = [np.log(price[i + step] / price[i]) / (volatility(i) * np.sqrt(step)) for i in rows]
        df, _, factor = stats.t.fit(z, floc=0)
        for place, origin in enumerate(fold.test[mine]):
            expected = factor * volatility(origin - first) * np.sqrt(step)
            assert own.scale[place, step - 1] == pytest.approx(expected, rel=2e-3)
        if df < 90:
            assert own.df[place, step - 1] == pytest.approx(df, rel=0.02)
    assert (of_all.location == 0).all()


def test_historical_by_hand(make, ragged):
    """Overlapping returns of the past 250 sessions, and of fewer where the symbol is younger."""
    problem = make(ragged(), horizon=3)
    fold = one_fold(problem)
    forecast = historical(problem, fold)
    sizes = set()
    for place, origin in enumerate(fold.test):
        for step in (1, 2, 3):
            ends = range(max(problem.first[origin] + step, origin - 249), origin + 1)
            past = [np.log(problem.anchor[end] / problem.anchor[end - step]) for end in ends]
            sizes.add(len(past))
            expected = np.quantile(past, FINE_LEVELS, method="hazen")
            np.testing.assert_allclose(forecast.values[place, step - 1], expected, rtol=1e-9, atol=1e-15)
    assert max(sizes) == 250
    assert min(sizes) < 200


def test_historical_of_a_young_symbol_borrows_from_ewma_t(make, frame, random_walk):
    """Origin by origin: those with 20 past returns stay as they are."""
    problem = make(frame({"A": random_walk(60)}), horizon=2, lookback=2)
    fold = Fold(3, np.arange(2, 14), np.array([], dtype=np.int64), np.arange(17, 30))
    with pytest.warns(FitWarning, match="^historical: A fold 3: 4 origins have fewer than 20 past returns"):
        values = historical(problem, fold).values
    borrowed = ewma_t(problem, fold).quantile(FINE_LEVELS)
    np.testing.assert_array_equal(values[:4], borrowed[:4])
    past = np.diff(np.log(problem.anchor[:22]))
    np.testing.assert_allclose(values[4, 0], np.quantile(past, FINE_LEVELS, method="hazen"), rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "horizon"),
    [
        *((name, 1) for name in DISTRIBUTION_BASELINES),
        *(
            pytest.param(name, 4, marks=[pytest.mark.slow, pytest.mark.full] if name == "garch-t" else [])
            for name in DISTRIBUTION_BASELINES  # at night: gjr-garch-t simulates as it does
        ),
    ],
)
def test_every_step_of_every_fold_is_one_kind(make, ragged, ranged, name, horizon):
    problem = make(ranged(ragged()), horizon=horizon)
    folds = cut_folds(problem, folds=2)
    forecast = concatenated([DISTRIBUTION_BASELINES[name](problem, fold) for fold in folds])
    assert forecast.shape == (sum(len(fold.test) for fold in folds), horizon)
    quantiles = forecast.quantile([0.05, 0.5, 0.95])
    assert (np.diff(quantiles, axis=-1) > 0).all()
    if horizon == 1 and name != "historical":
        assert isinstance(forecast, SkewedT if name == "lhar" else StudentT)


@ALL
def test_of_several_symbols_is_that_of_each_alone(make, ragged, ranged, name):
    frame = ranged(ragged())
    problem = make(frame, horizon=3)
    fold = one_fold(problem)
    together = DISTRIBUTION_BASELINES[name](problem, fold).quantile([0.01, 0.3, 0.9])
    for number, symbol in enumerate("ABC"):
        first = np.flatnonzero(problem.symbol == number)[0]
        alone = make(frame[frame["symbol"] == symbol].reset_index(drop=True), horizon=3)
        parts = [
            rows[problem.symbol[rows] == number] - first for rows in (fold.train, fold.validation, fold.test)
        ]
        np.testing.assert_array_equal(
            DISTRIBUTION_BASELINES[name](alone, Fold(0, *parts)).quantile([0.01, 0.3, 0.9]),
            together[problem.symbol[fold.test] == number],
        )


@ALL
def test_origins_may_be_those_of_validation(make, ragged, ranged, name):
    """Fitted on the training origins alone, without a validation: a fold of its own."""
    problem = make(ranged(ragged()), horizon=2)
    fold = one_fold(problem)
    nothing = np.array([], dtype=np.int64)
    inner = Fold(fold.number, fold.train, nothing, fold.validation)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitWarning)  # B has fewer than 100 returns there
        forecast = DISTRIBUTION_BASELINES[name](problem, inner)
    assert forecast.shape == (len(fold.validation), 2)
    assert (
        forecast.crps(np.log(problem.actual(fold.validation) / problem.anchor[fold.validation, None])) > 0
    ).all()


@ALL
@pytest.mark.parametrize("horizon", [1, 3])
@pytest.mark.filterwarnings("ignore::gatecast.errors.FitWarning")
def test_constant_prices_keep_a_scale_of_the_least_size(make, frame, name, horizon):
    problem = make(frame({"A": np.full(200, 12.5)}), horizon=horizon)
    fold = one_fold(problem)
    forecast = DISTRIBUTION_BASELINES[name](problem, fold)
    quantiles = forecast.quantile([0.1, 0.5, 0.9])
    assert np.isfinite(quantiles).all()
    assert (np.abs(quantiles) <= 2 * LEAST * np.sqrt(horizon)).all()
    assert np.isfinite(forecast.crps(np.full((len(fold.test), horizon), 0.01))).all()


@pytest.mark.parametrize("name", named(["garch-t", "gjr-garch-t", "har", "lhar"]))
@pytest.mark.parametrize("horizon", [1, 3])
def test_what_cannot_be_fitted_is_said_and_is_ewma_t(make, frame, ranged, random_walk, name, horizon):
    steady = 12.5 * 1.001 ** np.arange(160)
    table = ranged(frame({"LONG": random_walk(160), "SHORT": random_walk(160, seed=1), "STEADY": steady}))
    young = (table["symbol"] == "SHORT") & (table["date"] < table["date"][60])
    problem = make(table[~young].reset_index(drop=True), horizon=horizon)
    fold = one_fold(problem)
    known = int(np.flatnonzero(problem.symbol == 1)[0])
    count = fold.train_validation[problem.symbol[fold.train_validation] == 1][-1] + horizon - known
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        forecast = DISTRIBUTION_BASELINES[name](problem, fold)
    assert [(w.category, str(w.message)) for w in caught] == [
        (
            FitWarning,
            f"{name}: SHORT fold 0: {count} in-sample returns are too few (100 are needed); "
            "ewma-t is used instead",
        ),
        (FitWarning, f"{name}: STEADY fold 0: constant returns; ewma-t is used instead"),
    ]
    instead = problem.symbol[fold.test] > 0
    expected = ewma_t(problem, fold).quantile(FINE_LEVELS)
    given = forecast.values if isinstance(forecast, Quantiles) else forecast.quantile(FINE_LEVELS)
    np.testing.assert_allclose(given[instead], expected[instead], rtol=1e-12)
    assert (given[~instead] != expected[~instead]).all()


@pytest.mark.parametrize("name", named(["ewma-t", "garch-t", "gjr-garch-t", "har", "lhar"]))
def test_a_sliding_window_is_all_that_is_fitted_on(make, frame, ranged, random_walk, name):
    """Prices before it differ; the EWMA has forgotten them when it begins."""
    table = ranged(frame({"A": random_walk(900)}))
    fold = cut_folds(make(table), folds=5, test_size=0.5, window="sliding")[-1]
    changed = table.copy()
    changed.loc[: fold.train[0] - 300, ["open", "high", "low", "close"]] *= 3
    before, after = (DISTRIBUTION_BASELINES[name](make(t), fold).quantile([0.05]) for t in (table, changed))
    np.testing.assert_allclose(before, after, rtol=1e-4)
