import arch
import arch.univariate.base
import numpy as np
import pytest
from arch import arch_model
from scipy import stats

from gatecast.distributions import FINE_LEVELS, StudentT
from gatecast.errors import FitWarning
from gatecast.models.baselines.garch import MOST_RETURNS, Garch, fit, garch_t, gjr_garch_t
from gatecast.models.baselines.volatility import ewma_t
from gatecast.problem.folds import cut_folds

from ...baselines import DISTRIBUTION_BASELINES  # isort: skip


BOTH = pytest.mark.parametrize("asymmetric", [False, True])
NAMES = {False: "garch-t", True: "gjr-garch-t"}


@pytest.fixture(scope="module")
def returns(simulated_garch):
    return simulated_garch(4000)


@pytest.fixture(scope="module")
def problem(make, frame, returns):
    return make(frame({"A": 100 * np.exp(np.cumsum(returns))}))


@pytest.fixture(scope="module")
def fold(problem):
    (fold,) = cut_folds(problem, folds=1)
    return fold


def known_returns(problem, fold):
    return problem.returns[1 : fold.train_validation[-1] + problem.horizon + 1][-MOST_RETURNS:]


def fixed_in_arch(returns, model, asymmetric):
    """arch's own filter with our parameters, over every row, in per cent."""
    gamma = [model.gamma] if asymmetric else []
    parameters = [100 * model.mean, 1e4 * model.omega, model.alpha, *gamma, model.beta, model.df]
    how = {"mean": "Constant", "p": 1, "o": int(asymmetric), "q": 1, "dist": "t", "rescale": False}
    return arch_model(100 * returns, **how).fix(parameters)


@BOTH
def test_the_parameters_are_those_of_arch(problem, fold, asymmetric):
    known = known_returns(problem, fold)
    how = {"mean": "Constant", "p": 1, "o": int(asymmetric), "q": 1, "dist": "t", "rescale": False}
    theirs = arch_model(100 * known, **how).fit(disp="off")
    ours = fixed_in_arch(known, fit(known, asymmetric), asymmetric)
    assert ours.loglikelihood == pytest.approx(theirs.loglikelihood, abs=0.01)


@BOTH
def test_the_filter_and_the_next_day_are_those_of_arch(problem, fold, asymmetric):
    """Variance, location and quantiles of every test origin, from arch's forecast with fixed parameters."""
    model = fit(known_returns(problem, fold), asymmetric)
    theirs = fixed_in_arch(problem.returns[1:], model, asymmetric)
    variance = theirs.forecast(horizon=1, start=0, reindex=False).variance.to_numpy()[:, 0]
    sigma = np.sqrt(variance[fold.test - 1]) / 100
    forecast = DISTRIBUTION_BASELINES[NAMES[asymmetric]](problem, fold)
    unit = arch.univariate.StudentsT()
    for level in (0.01, 0.3, 0.95):
        expected = model.mean + sigma * unit.ppf(level, [model.df])
        np.testing.assert_allclose(forecast.quantile([level])[:, 0, 0], expected, rtol=1e-6)


@BOTH
def test_returns_before_the_last_2500_of_the_sample_are_not_fitted_on(
    make, frame, returns, problem, fold, asymmetric
):
    """Other returns before them leave the forecasts alone; others among them do not."""
    first = (
        fold.train_validation[-1] + problem.horizon + 1 - MOST_RETURNS
    )  # row of the first that is fitted on
    ahead = []
    for until in (first - 500, first + 500):
        changed = np.where(np.arange(len(returns)) < until, 1.5 * returns, returns)
        other = make(frame({"A": 100 * np.exp(np.cumsum(changed))}))
        ahead.append(DISTRIBUTION_BASELINES[NAMES[asymmetric]](other, fold).quantile([0.1]))
    as_it_was = DISTRIBUTION_BASELINES[NAMES[asymmetric]](problem, fold).quantile([0.1])
    np.testing.assert_allclose(ahead[0], as_it_was, rtol=1e-6)
    assert abs(ahead[1] / as_it_was - 1).max() > 1e-3


def test_the_truth_is_recovered(problem, fold, truth):
    model = fit(known_returns(problem, fold), asymmetric=True)
    assert model.alpha + model.gamma / 2 + model.beta == pytest.approx(0.96, abs=0.02)
    assert model.gamma == pytest.approx(truth["gamma"], abs=0.04)
    assert model.df == pytest.approx(truth["df"], rel=0.25)
    assert model.mean == pytest.approx(truth["mean"], abs=4e-4)


def brute_force(model, sigma, steps, paths=200_000):
    """Cumulative returns of plain simulation, (paths,)."""
    rng = np.random.default_rng(5)
    variance, total = np.full(paths, sigma**2), np.zeros(paths)
    for _ in range(steps):
        residual = np.sqrt(variance) * rng.standard_t(model.df, paths) * np.sqrt(1 - 2 / model.df)
        total += model.mean + residual
        weight = model.alpha + model.gamma * (residual < 0)
        variance = model.omega + weight * residual**2 + model.beta * variance
    return total


def test_more_steps_are_simulated_right(make, frame, returns):
    """Five steps ahead of calm and wild days: the analytic variance of arch, and plain simulation."""
    problem = make(frame({"A": 100 * np.exp(np.cumsum(returns))}), horizon=5)
    (fold,) = cut_folds(problem, folds=1)
    model = fit(known_returns(problem, fold), asymmetric=True)
    ahead = fixed_in_arch(problem.returns[1:], model, True).forecast(horizon=5, start=0, reindex=False)
    some = np.arange(0, len(fold.test), 25)
    variance = ahead.variance.to_numpy()[fold.test[some] - 1] / 1e4  # (N, 5)
    forecast = gjr_garch_t(problem, fold).take(some)
    dense = forecast.quantile((np.arange(5_000) + 0.5) / 5_000)[:, 4]
    off = np.abs(dense.mean(axis=1) - 5 * model.mean) / np.sqrt(variance.sum(axis=1))
    assert off.max() < 0.02
    np.testing.assert_allclose(dense.var(axis=1), variance.sum(axis=1), rtol=0.05)
    for place in (np.argmin(variance[:, 0]), np.argmax(variance[:, 0])):
        paths = brute_force(model, np.sqrt(variance[place, 0]), 5)
        expected = np.quantile(paths, FINE_LEVELS)
        off = np.abs(forecast.values[place, 4] - expected) / paths.std()
        assert off[5:-5].max() < 0.07  # about two standard errors of 8,000 paths
        assert off.max() < 0.3


def test_the_first_of_many_steps_is_the_exact_t(make, frame, returns):
    table = frame({"A": 100 * np.exp(np.cumsum(returns[:1200]))})
    many = make(table, horizon=3)
    (fold,) = cut_folds(many, folds=1)
    model = fit(known_returns(many, fold), asymmetric=False)
    theirs = fixed_in_arch(many.returns[1:], model, False).forecast(horizon=1, start=0, reindex=False)
    sigma = np.sqrt(theirs.variance.to_numpy()[fold.test - 1]) / 100
    scale = sigma * np.sqrt(1 - 2 / model.df)
    exact = StudentT(np.full_like(scale, model.mean), scale, np.full_like(scale, model.df))
    np.testing.assert_allclose(
        garch_t(many, fold).values[:, 0], exact.quantile(FINE_LEVELS)[:, 0], rtol=1e-6, atol=1e-12
    )


def test_intervals_grow_with_the_step(make, frame, returns):
    problem = make(frame({"A": 100 * np.exp(np.cumsum(returns[:1200]))}), horizon=20)
    (fold,) = cut_folds(problem, folds=1)
    quantiles = gjr_garch_t(problem, fold).quantile([0.1, 0.9])
    assert (np.diff(np.median(quantiles[..., 1] - quantiles[..., 0], axis=0)) > 0).all()


@pytest.mark.parametrize("trouble", ["flag", "error", "nan"])
def test_a_fit_that_fails_is_said_and_is_ewma_t(problem, fold, monkeypatch, trouble):
    plain = arch.univariate.base.ARCHModel.fit

    def fails(self, **how):
        if trouble == "error":
            raise ValueError("no such thing")
        best = plain(self, **how)
        if trouble == "flag":
            best._optim_output.update(message="Iteration limit reached", status=9)
        else:
            best._params[:] = np.nan
        return best

    monkeypatch.setattr(arch.univariate.base.ARCHModel, "fit", fails)
    said = {
        "flag": r"the fit did not converge \(Iteration limit reached\)",
        "error": r"the fit failed \(no such thing\)",
        "nan": "the fit gave parameters that cannot be",
    }[trouble]
    with pytest.warns(FitWarning, match=f"^gjr-garch-t: A fold 0: {said}; ewma-t is used instead$"):
        forecast = gjr_garch_t(problem, fold)
    np.testing.assert_array_equal(forecast.scale, ewma_t(problem, fold).scale)


def test_a_price_that_stops_keeps_a_scale_above_zero(make, frame, returns):
    close = 100 * np.exp(np.cumsum(returns[:1500]))
    close[1150:] = close[1149]
    problem = make(frame({"A": close}))
    (fold,) = cut_folds(problem, folds=1)
    for name in ("garch-t", "gjr-garch-t"):
        assert (DISTRIBUTION_BASELINES[name](problem, fold).scale > 0).all()


def uniform_p(pit, bins=40):
    """p of Pearson's chi² that (N,) values are uniform."""
    counts = np.histogram(pit, bins=bins, range=(0, 1))[0]
    return stats.chisquare(counts).pvalue


def test_on_garch_data_the_true_model_is_calibrated_and_a_wrong_one_is_found_out(simulated_garch, truth):
    """PIT of 8,000 days: uniform under the truth; not with a normal, a scale 30 % off, or no asymmetry."""
    returns = simulated_garch(8000, seed=11)
    model = Garch(**truth, variance=1e-4)
    sigma = np.sqrt(model.filtered(returns[:-1]))[:, None]

    def pit(scale, df):
        location = np.full_like(sigma, model.mean)
        return StudentT(location, scale * sigma, np.full_like(sigma, df)).cdf(returns[:, None])[:, 0]

    true = pit(model.unit(), model.df)
    assert uniform_p(true) > 0.05
    assert stats.kstest(true, "uniform").pvalue > 0.05
    assert uniform_p(pit(1.0, 1e6)) < 1e-3
    assert uniform_p(pit(1.3 * model.unit(), model.df)) < 1e-6
    assert uniform_p(np.roll(true, 1) * 0.97) < 1e-3


def test_fitted_on_garch_data_gjr_is_calibrated_and_a_stretched_ewma_is_found_out(
    make, frame, simulated_garch
):
    problem = make(frame({"A": 100 * np.exp(np.cumsum(simulated_garch(8000, seed=3)))}, freq="D"))
    (fold,) = cut_folds(problem, folds=1, test_size=0.4)
    actual = np.log(problem.actual(fold.test) / problem.anchor[fold.test, None])
    assert uniform_p(gjr_garch_t(problem, fold).cdf(actual)[:, 0]) > 0.05
    own = ewma_t(problem, fold)
    assert uniform_p(StudentT(own.location, 1.3 * own.scale, own.df).cdf(actual)[:, 0]) < 1e-6
    normal = StudentT(own.location, own.scale * np.sqrt(own.df / (own.df - 2)), np.full_like(own.df, 1e6))
    assert uniform_p(normal.cdf(actual)[:, 0]) < 1e-3
    assert gjr_garch_t(problem, fold).crps(actual).mean() < own.crps(actual).mean()
