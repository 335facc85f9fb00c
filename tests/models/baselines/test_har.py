import warnings

import numpy as np
import pytest
import statsmodels.api as sm

from gatecast.errors import FitWarning
from gatecast.models.baselines.fitting import fit_student
from gatecast.models.baselines.har import har
from gatecast.problem.folds import Fold, cut_folds

from ...baselines import DISTRIBUTION_BASELINES  # isort: skip


BOTH = pytest.mark.parametrize("name", ["har", "lhar"])
TROUBLES = ("fillers", "halt", "crash", "misprint", "250 rows")
NIGHTLY = [pytest.mark.slow, pytest.mark.full]


def one_fold(problem, **how):
    (fold,) = cut_folds(problem, folds=1, **how)
    return fold


@pytest.mark.parametrize("step", [1, 3])
def test_har_by_hand(make, frame, ranged, random_walk, step):
    """Corsi's regression row by row, by statsmodels; then the factor and df of its residuals."""
    table = ranged(frame({"A": random_walk(400)}))
    problem = make(table, horizon=step, lookback=5)
    fold = one_fold(problem)
    price = table["close"].to_numpy()
    known = range(22, fold.train_validation[-1] + 1)
    usual = problem.volatility**2
    ratio = np.median((problem.range_variance / usual)[1 : fold.train_validation[-1] + step + 1])
    variance = problem.range_variance / ratio

    def inputs(i):
        return [1.0, *(np.log(variance[max(i - days + 1, 1) : i + 1].mean()) for days in (1, 5, 22))]

    x = np.array([inputs(i) for i in known])
    y = np.log([variance[i + 1 : i + 1 + step].mean() for i in known])
    beta = sm.OLS(y, x).fit().params
    volatility = np.exp(x @ beta / 2) * np.sqrt(step)
    z = np.array([np.log(price[i + step] / price[i]) for i in known]) / volatility
    factor, df = fit_student(z, 0.5 ** (np.arange(len(z))[::-1] / 500))
    forecast = har(problem, fold)
    expected = [factor * np.sqrt(step) * np.exp(np.dot(inputs(i), beta) / 2) for i in fold.test]
    np.testing.assert_allclose(forecast.scale[:, step - 1], expected, rtol=1e-5)
    np.testing.assert_allclose(forecast.df[:, step - 1], df, rtol=1e-3)
    assert (forecast.location == 0).all()


def test_rows_without_a_range_are_not_fitted_on(make, frame, ranged, random_walk):
    """Wrong volatilities where there is no range leave the regression as it is."""
    table = ranged(frame({"A": random_walk(600)}))
    holes = np.arange(30, 400, 40)
    table.loc[holes, ["high", "low"]] = np.nan
    wild = table.copy()
    wild.loc[holes, "open"] *= 3.0  # of a bar without a range: read by nobody
    before, after = (har(problem, one_fold(problem)).scale for problem in (make(table), make(wild)))
    np.testing.assert_array_equal(before, after)


@BOTH
def test_without_high_and_low_it_says_so_once_and_takes_returns(make, frame, simulated_garch, name):
    closes = {
        symbol: 100 * np.exp(np.cumsum(simulated_garch(1500, seed))) for seed, symbol in enumerate("AB")
    }
    problem = make(frame(closes), horizon=2)
    fold = one_fold(problem)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        forecast = DISTRIBUTION_BASELINES[name](problem, fold)
    assert [(w.category, str(w.message)) for w in caught] == [
        (FitWarning, f"{name}: no range (high and low) of A, B; returns alone are used instead")
    ]
    inside = np.abs(forecast.cdf(problem.actual_returns(fold.test)) - 0.5) < 0.4
    assert inside.mean() == pytest.approx(0.8, abs=0.04)


@BOTH
def test_only_the_symbols_without_a_range_are_named(make, ragged, ranged, name):
    table = ranged(ragged())
    table.loc[table["symbol"] == "B", ["high", "low"]] = np.nan
    problem = make(table)
    with pytest.warns(FitWarning, match=rf"^{name}: no range \(high and low\) of B; "):
        DISTRIBUTION_BASELINES[name](problem, one_fold(problem))


def hidden_volatility(frame, sessions=1500):
    """Calm and wild weeks of a price that the range distinguishes at once; log volatility (n,)."""
    rng = np.random.default_rng(4)
    log_volatility = np.repeat(rng.choice([-5.5, -4.0], sessions // 25), 25)
    close = 100 * np.exp(np.cumsum(np.exp(log_volatility) * rng.normal(size=sessions)))
    table = frame({"A": close})
    opened = np.append(100.0, close[:-1])
    half = np.exp(log_volatility) * rng.uniform(0.7, 1.0, sessions)
    high, low = (np.maximum(opened, close) * np.exp(half), np.minimum(opened, close) * np.exp(-half))
    return table.assign(open=opened, high=high, low=low), log_volatility


@BOTH
def test_it_follows_a_volatility_that_the_range_shows(make, frame, name):
    table, log_volatility = hidden_volatility(frame)
    problem = make(table)
    fold = one_fold(problem)
    scale = DISTRIBUTION_BASELINES[name](problem, fold).scale[:, 0]
    wild = log_volatility[fold.test] > -5
    assert np.median(scale[wild]) / np.median(scale[~wild]) == pytest.approx(np.exp(1.5), rel=0.25)


def filled(table, share):
    """Rows of the last close with open = high = low = close, as vendors fill holidays."""
    fill = np.random.default_rng(1).random(len(table)) < share
    fill[0] = False
    close = table["close"].mask(fill).ffill()
    return table.assign(**{name: table[name].mask(fill, close) for name in ("open", "high", "low", "close")})


@BOTH
def test_the_level_of_volatility_of_late_counts_most(make, frame, ranged, name):
    """Returns that grow against their ranges: the scale of the test is that of the years before it."""
    rng = np.random.default_rng(3)
    sessions = 3000
    true = 0.01 * np.where(np.arange(sessions) < 1000, 1.0, 2.0)
    close = 100 * np.exp(np.cumsum(true * rng.normal(size=sessions)))
    opened = np.append(100.0, close[:-1])
    half = 0.005 * rng.uniform(0.8, 1.2, sessions)
    table = frame({"A": close}).assign(
        open=opened,
        high=np.maximum(opened, close) * np.exp(half),
        low=np.minimum(opened, close) * np.exp(-half),
    )
    problem = make(table)
    fold = one_fold(problem)
    inside = (
        np.abs(DISTRIBUTION_BASELINES[name](problem, fold).cdf(problem.actual_returns(fold.test)) - 0.5) < 0.4
    )
    assert inside.mean() == pytest.approx(0.8, abs=0.045)


@BOTH
@pytest.mark.parametrize(
    ("horizon", "trouble"),
    [
        *((1, trouble) for trouble in TROUBLES),
        (5, "misprint"),
        *(pytest.param(5, trouble, marks=NIGHTLY) for trouble in TROUBLES if trouble != "misprint"),
    ],
)
def test_odd_prices_keep_sound_intervals(make, frame, ranged, random_walk, name, trouble, horizon):
    """Finite, rising and no wider than five times nor narrower than a fifth of what the returns had."""
    table = ranged(frame({"A": random_walk(250 if trouble == "250 rows" else 600)}))
    table = filled(table, 0.3) if trouble == "fillers" else table
    if trouble == "halt":
        table.loc[200:230, ["open", "high", "low", "close"]] = table.loc[199, "close"]
    if trouble == "crash":
        table.loc[300:, ["open", "high", "low", "close"]] *= 0.4
    if trouble == "misprint":
        table.loc[300, "high"], table.loc[590, "low"] = 1e6, 1e-3
    problem = make(table, horizon=horizon)
    fold = one_fold(problem)
    low, high = np.moveaxis(DISTRIBUTION_BASELINES[name](problem, fold).quantile([0.1, 0.9]), -1, 0)
    usual = 2.56 * 0.01 * np.sqrt(np.arange(1, horizon + 1))
    assert (high - low < 5 * usual).all()
    assert (high - low > usual / 5).all()


@BOTH
def test_a_step_with_too_few_targets_is_ewma_t_and_said(make, frame, ranged, random_walk, name):
    problem = make(ranged(frame({"A": random_walk(220)})), horizon=80)
    fold = Fold(0, np.arange(5, 30), np.array([], dtype=np.int64), np.arange(110, 130))
    said = (
        rf"^{name}: A fold 0: 29 in-sample returns over 80 bars are too few \(50 are needed\); ewma-t is used"
    )
    with pytest.warns(FitWarning, match=said):
        forecast = DISTRIBUTION_BASELINES[name](problem, fold)
    np.testing.assert_array_equal(forecast.scale, DISTRIBUTION_BASELINES["ewma-t"](problem, fold).scale)
