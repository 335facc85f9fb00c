import warnings

import numpy as np
import pytest
import statsmodels.api as sm

from gatecast.baselines.har import har, session_variance
from gatecast.baselines.volatility import fit_student
from gatecast.errors import FitWarning
from gatecast.problem.folds import walk_forward


def one_fold(problem):
    (fold,) = walk_forward(problem, folds=1)
    return fold


@pytest.mark.parametrize("step", [1, 3])
def test_har_by_hand(make, frame, ranged, random_walk, step):
    """Corsi's regression row by row, by statsmodels; then the factor and df of its residuals."""
    table = ranged(frame({"A": random_walk(400)}))
    problem = make(table, horizon=step, lookback=5)
    fold = one_fold(problem)
    parkinson = (np.log(table["high"] / table["low"]) ** 2 / (4 * np.log(2))).to_numpy()
    price = table["close"].to_numpy()

    def inputs(i):
        return [1.0, *(np.log(parkinson[i - days + 1 : i + 1].mean()) for days in (1, 5, 22))]

    known = range(22, fold.known[-1] + 1)  # the first known return is that of row 1
    x = np.array([inputs(i) for i in known])
    y = np.log([parkinson[i + 1 : i + 1 + step].mean() for i in known])
    beta = sm.OLS(y, x).fit().params
    volatility = np.exp(x @ beta / 2) * np.sqrt(step)
    z = np.array([np.log(price[i + step] / price[i]) for i in known]) / volatility
    factor, df = fit_student(z)
    forecast = har(problem, fold)
    expected = [factor * np.sqrt(step) * np.exp(np.dot(inputs(i), beta) / 2) for i in fold.test]
    np.testing.assert_allclose(forecast.scale[:, step - 1], expected, rtol=1e-5)
    np.testing.assert_allclose(forecast.df[:, step - 1], df, rtol=1e-3)
    assert (forecast.location == 0).all()


def test_a_session_without_a_range_takes_its_return(make, frame, ranged, random_walk):
    table = ranged(frame({"A": random_walk(200)}))
    table.loc[50, ["high", "low"]] = np.nan
    flat = table.loc[60, "close"]
    table.loc[60, ["open", "high", "low"]] = flat
    problem = make(table)
    variance = session_variance(problem)
    for row in (50, 60):
        assert variance[row] == pytest.approx(np.log(problem.anchor[row] / problem.anchor[row - 1]) ** 2)
    assert variance[51] == pytest.approx(
        np.log(table["high"][51] / table["low"][51]) ** 2 / 2.772588722239781
    )


def test_a_session_that_stood_still_has_a_variance(make, frame, ranged, random_walk):
    table = ranged(frame({"A": random_walk(200)}))
    table.loc[70, ["open", "high", "low", "close"]] = table.loc[69, "close"]
    table.loc[69, "high"] = max(table.loc[69, "high"], table.loc[69, "close"])
    problem = make(table)
    assert session_variance(problem)[70] == pytest.approx((0.1 * problem.spread[70]) ** 2)
    assert np.isfinite(har(problem, one_fold(problem)).scale).all()


def test_without_high_and_low_it_says_so_once_and_takes_returns(make, ragged):
    problem = make(ragged(), horizon=2)
    fold = one_fold(problem)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        forecast = har(problem, fold)
    assert [(w.category, str(w.message)) for w in caught] == [
        (
            FitWarning,
            "har: no daily range (high and low) of A, B, C; squared returns are used instead",
        )
    ]
    came = np.log(problem.later(fold.test) / problem.anchor[fold.test, None])
    inside = np.abs(forecast.cdf(came) - 0.5) < 0.4
    assert inside.mean() == pytest.approx(0.8, abs=0.08)


def test_only_the_symbols_without_a_range_are_named(make, ragged, ranged):
    table = ranged(ragged())
    table.loc[table["symbol"] == "B", ["high", "low"]] = np.nan
    problem = make(table)
    with pytest.warns(FitWarning, match=r"^har: no daily range \(high and low\) of B; "):
        har(problem, one_fold(problem))


def test_it_follows_a_volatility_that_only_the_range_shows(make, frame):
    """Returns that hide their size on most days: the range tells calm from wild weeks."""
    rng = np.random.default_rng(4)
    log_volatility = np.repeat(rng.choice([-5.5, -4.0], 60), 25)
    close = 100 * np.exp(np.cumsum(np.exp(log_volatility) * rng.normal(size=1500)))
    table = frame({"A": close}).assign(open=close)
    half = np.exp(log_volatility) * rng.uniform(0.7, 1.0, 1500)
    problem = make(table.assign(high=close * np.exp(half), low=close * np.exp(-half)))
    fold = one_fold(problem)
    scale = har(problem, fold).scale[:, 0]
    wild = log_volatility[fold.test] > -5
    assert np.median(scale[wild]) / np.median(scale[~wild]) == pytest.approx(np.exp(1.5), rel=0.25)
