"""GARCH with Student-t shocks: fitted by `arch`, filtered here, simulated for more than one step."""

from __future__ import annotations

import warnings
import zlib
from dataclasses import dataclass
from functools import partial

import numpy as np

from gatecast._typing import Floats, Integers
from gatecast.distributions import FINE_LEVELS, Distribution, Quantiles, StudentT
from gatecast.language import say
from gatecast.models.baselines.fitting import Span, as_quantiles, per_symbol, too_little
from gatecast.models.baselines.volatility import ewma_of
from gatecast.problem.folds import Fold
from gatecast.problem.moves import ROUNDING
from gatecast.problem.problem import Problem

PATHS = 40 * len(FINE_LEVELS)  # every fine level is the middle of 40 sorted paths
MOST_RETURNS = 2_500  # of a fit, ten years of days: volatility and tails of long ago are not today's
GRID = np.log(1.05)  # paths are simulated from volatilities 5 % apart, quantiles between interpolated


@dataclass(frozen=True)
class Garch:
    """A fitted GJR-GARCH(1,1)-t, of log returns or differences.

    r(t) = mean + √v(t) z(t), z Student t with df > 2 and unit variance,
    v(t+1) = omega + (alpha + gamma · [r(t) < mean]) (r(t) - mean)² + beta · v(t).
    variance: v of the last known bar.
    """

    mean: float
    omega: float
    alpha: float
    gamma: float
    beta: float
    df: float
    variance: float

    def filtered(self, returns: Floats) -> Floats:
        """(n + 1,) v of the bar after each return (n,) given after the last known one, v itself first."""
        variances = [self.variance]
        for residual in (returns - self.mean).tolist():
            weight = self.alpha + (self.gamma if residual < 0 else 0.0)
            variances.append(self.omega + weight * residual * residual + self.beta * variances[-1])
        return np.array(variances)

    def unit(self) -> float:
        """Scale of the Student t whose variance is one."""
        return float(np.sqrt((self.df - 2) / self.df))


def garch_t(problem: Problem, fold: Fold) -> Distribution:
    """GARCH(1,1) with Student-t shocks (Bollerslev 1987); N test origins x h steps.

    See `gjr_garch_t`; here a fall counts no more than a rise.
    """
    return per_symbol(problem, fold, "garch-t", partial(_forecast, asymmetric=False))


def gjr_garch_t(problem: Problem, fold: Fold) -> Distribution:
    """GJR-GARCH(1,1) (Glosten, Jagannathan and Runkle 1993), Student-t shocks; N test origins x h steps.

    Fitted per symbol by maximum likelihood (`arch`), with a constant mean, on the last 2,500 returns of the
    sample; then filtered bar by bar to each origin with its parameters fixed. A `StudentT`
    for one step, exact; `Quantiles` for more, of 8,000 simulated paths (the first step exact).
    Within days the returns are first divided by the factor of their time of day, and the quantiles of
    step k multiplied by the root of the mean squared factor of the k bars (Andersen and Bollerslev 1997).

    Warns
        FitWarning: fewer than 100 in-sample returns, constant returns, or a fit that does not converge; the
            `ewma-t` of the same returns is then used, and the warning says so.
    """
    return per_symbol(problem, fold, "gjr-garch-t", partial(_forecast, asymmetric=True))


def _forecast(span: Span, asymmetric: bool) -> Distribution:
    problem, origins, horizon = span.problem, span.origins, span.problem.horizon
    sample = span.returns / _factors(problem, span.begin, span.end)
    model = fit(sample[-MOST_RETURNS:], asymmetric, span.rounding)
    if isinstance(model, str):
        span.warn(say("{model}; ewma-t is used instead", model=model))
        return ewma_of(span) if horizon == 1 else as_quantiles(ewma_of(span))
    last = origins[-1]
    later = problem.returns[span.end : last + 1] / _factors(problem, span.end, last)
    variance = model.filtered(later)[1:][origins - span.end]
    least = np.broadcast_to(problem.least_volatility, problem.anchor.shape)[origins]
    volatility = np.maximum(np.sqrt(variance), least)
    ahead = problem.bars_ahead(origins)
    if horizon == 1:
        return _one_step(model, volatility, ahead)
    steps = np.arange(1, horizon + 1)
    deviation = _interpolated(model, volatility, _shocks(model, span), horizon)
    values = model.mean * steps[:, None] + np.sqrt(ahead / steps)[..., None] * deviation
    values[:, 0] = _one_step(model, volatility, ahead).quantile(FINE_LEVELS)[:, 0]
    return Quantiles(FINE_LEVELS, values)


def _factors(problem: Problem, begin: int, end: int) -> Floats:
    """The factor of the time of day of every bar from `begin` to `end`, as known a bar before; else 1."""
    return np.sqrt(problem.bars_ahead(np.arange(begin - 1, end))[:, 0])


def fit(returns: Floats, asymmetric: bool, rounding: float = ROUNDING) -> Garch | str:
    """The model of returns (n,), or why there is none."""
    if trouble := too_little(returns, rounding):
        return trouble
    try:
        return _maximum_likelihood(returns, asymmetric)
    except (ValueError, np.linalg.LinAlgError, FloatingPointError) as error:
        return f"the fit failed ({error})"


def _maximum_likelihood(returns: Floats, asymmetric: bool) -> Garch | str:
    """`arch` sees returns of unit variance: its steps are made for sizes near one."""
    from arch import arch_model

    unit = float(returns.std())
    how = arch_model(returns / unit, mean="Constant", p=1, o=int(asymmetric), q=1, dist="t", rescale=False)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of trial steps; the result is checked
        best = how.fit(disp="off", show_warning=False)
    names = ("mu", "omega", "alpha[1]", "gamma[1]", "beta[1]", "nu")
    mean, omega, alpha, gamma, beta, df = (float(best.params.get(name, 0.0)) for name in names)
    model = Garch(
        mean=mean * unit,
        omega=omega * unit**2,
        alpha=alpha,
        gamma=gamma,
        beta=beta,
        df=df,
        variance=float(best.conditional_volatility[-1] * unit) ** 2,
    )
    if best.convergence_flag:
        return f"the fit did not converge ({best.optimization_result.message})"
    sound = np.isfinite([*best.params, model.variance]).all() and df > 2
    return model if sound else "the fit gave parameters that cannot be"


def _one_step(model: Garch, volatility: Floats, ahead: Floats) -> StudentT:
    scale = model.unit() * volatility[:, None] * np.sqrt(ahead[:, :1])
    return StudentT(np.full_like(scale, model.mean), scale, np.full_like(scale, model.df))


def _shocks(model: Garch, span: Span) -> Floats:
    """(h, PATHS) unit-variance shocks: at each step the same PATHS quantiles of the t, in a new order.

    (Latin hypercube sampling: McKay, Beckman and Conover 1979.) The outermost pair carries the variance that
    lies beyond it. The order comes from the symbol's name and the fold's number.
    """
    from scipy.special import stdtrit

    z = stdtrit(model.df, (np.arange(PATHS) + 0.5) / PATHS) * model.unit()
    z[[0, -1]] *= np.sqrt(1 + max(PATHS - (z**2).sum(), 0) / (2 * z[-1] ** 2))
    seed = [zlib.crc32(span.problem.symbols[span.symbol].encode()), span.fold.number]
    return np.random.default_rng(seed).permuted(np.tile(z, (span.problem.horizon, 1)), axis=1)


def _interpolated(model: Garch, volatility: Floats, shocks: Floats, horizon: int) -> Floats:
    """(N, h, levels) quantiles of the cumulative return less its mean, by the volatility (N,) of a bar.

    They depend on it alone, smoothly: so they are simulated on a grid that is the same whatever is asked,
    and the quantiles per unit of volatility are interpolated in its logarithm.
    """
    place = np.log(volatility) / GRID
    lower = np.floor(place).astype(np.int64)
    share = (place - lower)[:, None, None]
    nodes = np.unique(np.concatenate([lower, lower + 1]))
    start = np.exp(GRID * nodes)
    table = simulated(model, start, shocks) / start[:, None, None]
    at: Integers = np.searchsorted(nodes, lower)
    per_unit = (1 - share) * table[at] + share * table[at + 1]
    return per_unit * volatility[:, None, None]


def simulated(model: Garch, volatility: Floats, shocks: Floats) -> Floats:
    """(n, h, levels) quantiles of the cumulative return less its mean, starting from `volatility` (n,)."""
    growth = model.beta + (model.alpha + model.gamma * (shocks < 0)) * shocks**2
    variance = np.repeat(volatility[:, None] ** 2, PATHS, axis=1)
    total = np.zeros_like(variance)
    values = np.empty((len(volatility), len(shocks), len(FINE_LEVELS)))
    half = PATHS // len(FINE_LEVELS) // 2
    for step, shock in enumerate(shocks):
        total += np.sqrt(variance) * shock
        variance *= growth[step]
        variance += model.omega
        ranked = np.sort(total, axis=1).reshape(len(total), len(FINE_LEVELS), 2 * half)
        values[:, step] = (ranked[..., half - 1] + ranked[..., half]) / 2
    return values
