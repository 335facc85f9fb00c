import numpy as np
import pytest
from scipy.optimize import check_grad

from gatecast.distributions import SkewedT
from gatecast.models.baselines.garch import gjr_garch_t
from gatecast.models.baselines.lhar import lhar, skewed_loss
from gatecast.models.baselines.volatility import ewma_t
from gatecast.problem.folds import cut_folds


def sample(count=80, inputs=3, seed=0):
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(count), rng.normal(size=(count, inputs))])
    at = np.array([0.1, 0.2, -0.1, 0.05, 0.15, np.log(5.0), -0.2])
    return at, rng.standard_t(4, count), x


def test_the_loss_is_that_of_the_distribution():
    at, u, x = sample()
    scale = np.exp(x @ at[:4])[:, None]
    alike = np.ones_like(scale)
    known = SkewedT(at[4] * scale, scale, np.exp(at[5]) * alike, np.exp(at[6]) * alike)
    np.testing.assert_allclose(skewed_loss(at, u, x)[0], known.log_score(u[:, None])[:, 0], rtol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_its_gradient_is_that_of_differences(seed):
    at, u, x = sample(seed=seed)

    def loss(p):
        return skewed_loss(p, u, x)[0].sum()

    assert check_grad(loss, lambda p: skewed_loss(p, u, x)[1].sum(axis=0), at) < 1e-4


@pytest.fixture(scope="module")
def leveraged(make, frame):
    """7,000 returns whose log volatility falls back to its mean and rises after falls; skewed to the left.

    Problem, fold and the true distribution of each test origin's next return.
    """
    rng = np.random.default_rng(7)
    sessions, df, skew = 7000, 6.0, 0.85
    shocks = SkewedT(*(np.full((1, 1), value) for value in (0.05, 1.0, df, skew))).quantile(
        rng.uniform(size=sessions)
    )[0, 0]
    log_scale, returns = np.empty(sessions), np.empty(sessions)
    now = 0.0
    for t, shock in enumerate(shocks):
        log_scale[t] = now
        returns[t] = 0.01 * np.exp(now) * shock
        now = 0.95 * now + 0.03 * (abs(shock) - 1.0) - 0.09 * shock
    close = 100 * np.exp(np.cumsum(returns))
    problem = make(frame({"A": close}))
    (fold,) = cut_folds(problem, folds=1)
    scale = 0.01 * np.exp(log_scale[fold.test + 1])[:, None]
    like = np.ones_like(scale)
    return problem, fold, SkewedT(0.05 * scale, scale, df * like, skew * like)


@pytest.mark.filterwarnings("ignore:lhar. no range:gatecast.errors.FitWarning")
def test_it_finds_leverage_and_skew(leveraged):
    problem, fold, truth = leveraged
    actual = problem.actual_returns(fold.test)
    own = lhar(problem, fold)
    assert own.skew[0, 0] == pytest.approx(0.85, abs=0.06)
    assert own.df[0, 0] == pytest.approx(6.0, rel=0.4)
    assert np.corrcoef(np.log(own.scale[:, 0]), np.log(truth.scale[:, 0]))[0, 1] > 0.9
    mine, best = own.crps(actual).mean(), truth.crps(actual).mean()
    assert (
        best
        < mine
        < gjr_garch_t(problem, fold).crps(actual).mean()
        < ewma_t(problem, fold).crps(actual).mean()
    )
    for level in (0.5, 0.8, 0.95):
        assert (np.abs(own.cdf(actual) - 0.5) < level / 2).mean() == pytest.approx(level, abs=0.03)


@pytest.mark.filterwarnings("ignore:lhar. no range:gatecast.errors.FitWarning")
def test_of_pure_noise_its_scale_stays_where_it_is(make, frame, random_walk):
    """Nothing to be learned: 12 slopes fitted to 400 returns add less than a quarter to the scale's noise."""
    problem = make(frame({"A": random_walk(560)}))
    (fold,) = cut_folds(problem, folds=1)
    scale = np.log(lhar(problem, fold).scale[:, 0])
    assert scale.std() < 1.25 * np.log(ewma_t(problem, fold).scale[:, 0]).std()
