"""lhar: the log scale of a skewed Student t, linear in log volatilities and in past falls."""

from __future__ import annotations

import numpy as np

from gatecast._typing import Floats, Integers
from gatecast.distributions import SkewedT
from gatecast.language import say
from gatecast.models.baselines.bars import (
    HALF_LIFE,
    bar_variance,
    combined,
    mean_over,
    sample_rows,
    too_few,
    warn_without_range,
    weights,
)
from gatecast.models.baselines.fitting import DF, Span, damped_newton, fit_student, per_symbol
from gatecast.models.baselines.volatility import ewma_of
from gatecast.problem.folds import Fold
from gatecast.problem.problem import Problem
from gatecast.problem.volatility import ewma_volatility

MEMORIES = (1, 5, 22, 66)  # bars: of days a day, a week, a month, a quarter
TRENDS = (5, 22)
PENALTY = 100.0  # bars' worth of likelihood: what holds each slope (per standard deviation) near zero
SLOPE, LOCATION, LOG_SKEW = 2.0, 2.0, 0.7  # the largest of each: beyond lies a fit of nothing
START_DF = 6.0
ENOUGH, TINY = 1e-5, 1e-9  # the smallest step of a fit that matters, and what keeps one finite


def lhar(problem: Problem, fold: Fold) -> SkewedT:
    """HAR with leverage on the scale of a skewed Student t; N test origins x h steps.

    With s the EWMA volatility of returns at the origin, the log of the scale over s √k is linear in

    - log(v / s), v² the mean bar variance over the last 1, 5, 22 and 66 bars (`bar_variance`);
    - log s, and log(w / s), w² the EWMA (0.94) of bar variances;
    - the leverage terms r / s, min(r, 0) / s, and the returns of the last 5 and 22 bars over s √5, s √22,

    as in Corsi and Renò (2012), Discrete-time volatility forecasting with persistent leverage effect, and the
    location is a constant times the scale. Fitted per symbol and step on the sample's k-bar returns by
    maximum likelihood, with a light penalty on slopes and skew; then the level of the scale and df once more,
    a return of 500 bars ago counting half.

    Warns
        FitWarning: symbols without ranges; fewer than 100 in-sample returns, constant ones or too few
            targets, where the `ewma-t` of the same returns is used instead.
    """
    warn_without_range(problem, fold, "lhar")
    return per_symbol(problem, fold, "lhar", _forecast)


def _forecast(span: Span) -> SkewedT:
    if trouble := too_few(span):
        span.warn(say("{trouble}; ewma-t is used instead", trouble=trouble))
        other = ewma_of(span)
        return SkewedT(other.location, other.scale, other.df, np.ones(other.shape))
    problem, sample = span.problem, sample_rows(span)
    variance, _ = bar_variance(span)
    inputs, asked = (_inputs(span, variance, rows) for rows in (sample, span.origins))
    x, centre, width = _standardised(inputs)
    at = np.array([0.0, *np.zeros(len(inputs)), 0.0, np.log(START_DF), 0.0])
    shape = len(span.origins), problem.horizon
    location, scale, df, skew = (np.empty(shape) for _ in range(4))
    for step in range(1, problem.horizon + 1):
        fitted = sample[sample <= span.end - step]
        u = span.ahead(fitted, step) / problem.unit(fitted)[:, step - 1]
        at = _maximum_likelihood(u, x[: len(u)], at, PENALTY * step / len(u))
        slopes, (place, _, log_skew) = at[1:-3] / width, at[-3:]
        z = u / np.exp(x[: len(u)] @ at[:-3]) - place
        folded = z * np.exp(np.where(z < 0, log_skew, -log_skew))  # as of a t without skew
        factor, df[:, step - 1] = fit_student(folded, weights(u, HALF_LIFE))
        log_scale = combined(float(at[0] - slopes @ centre), slopes.tolist(), asked)
        own = np.exp(log_scale) * problem.unit(span.origins)[:, step - 1]
        location[:, step - 1], scale[:, step - 1] = place * own, factor * own
        skew[:, step - 1] = np.exp(log_skew)
    return SkewedT(location, scale, df, skew)


def _inputs(span: Span, variance: Floats, rows: Integers) -> list[Floats]:
    """What the log scale over the EWMA volatility is linear in, (N,) each."""
    problem, first = span.problem, int(span.problem.first[span.begin])
    usual = problem.volatility[rows]
    own = np.zeros(len(variance) - first, dtype=np.int64)  # rows of one symbol
    least = np.broadcast_to(problem.least_volatility, problem.anchor.shape)[first : len(variance)]
    smooth = ewma_volatility(np.sqrt(variance[first:]), own, least=least)[rows - first]
    returns = np.nan_to_num(problem.returns)
    shock = returns[rows] / usual
    trends = zip(TRENDS, mean_over(returns, rows, first + 1, TRENDS), strict=True)
    return [
        *(np.log(mean) / 2 - np.log(usual) for mean in mean_over(variance, rows, first + 1, MEMORIES)),
        np.log(smooth / usual),
        np.log(usual),
        shock,
        np.minimum(shock, 0.0),
        *(mean * np.sqrt(bars) / usual for bars, mean in trends),
    ]


def _standardised(inputs: list[Floats]) -> tuple[Floats, Floats, Floats]:
    """x (N, 1 + inputs), the first column ones and the others of mean 0 and deviation 1; the means, the
    deviations (1 where an input never changes).
    """
    values = np.stack(inputs, axis=1)
    centre, width = values.mean(axis=0), values.std(axis=0)
    width = np.where(width > 1e-9, width, 1.0)
    return np.column_stack([np.ones(len(values)), (values - centre) / width]), centre, width


def _maximum_likelihood(u: Floats, x: Floats, start: Floats, penalty: float) -> Floats:
    """(1 + inputs + 3,) constant and slopes of the log scale, location over scale, log df, log skew.

    u (n,): returns in units of their EWMA volatility. Its scale is kept within a tenth and ten times the
    median |u| of those that are not zero. Berndt, Hall, Hall and Hausman (1974): steps by the products of the
    scores, kept within the bounds and halved until they gain.
    """
    size = np.abs(u[u != 0])
    typical = float(np.log(np.median(size))) if len(size) else 0.0
    slopes = x.shape[1] - 1
    low = np.array([typical - np.log(10), *[-SLOPE] * slopes, -LOCATION, np.log(DF[0]), -LOG_SKEW])
    high = np.array([typical + np.log(10), *[SLOPE] * slopes, LOCATION, np.log(DF[1]), LOG_SKEW])
    held = penalty * np.array([0.0, *[1.0] * slopes, 0.0, 0.0, 1.0])
    weight = weights(u)

    def penalised(at: Floats) -> tuple[float, Floats, Floats]:
        losses, scores = skewed_loss(at, u, x)
        slope = weight @ scores + held * at
        return float(weight @ losses + held @ at**2 / 2), slope, (scores.T * weight) @ scores + np.diag(held)

    def step(at: Floats, slope: Floats, curve: Floats) -> Floats:
        return _step(slope, curve, low - at, high - at)

    return damped_newton(penalised, step, np.clip(start, low, high), low, high, enough=ENOUGH)


def _step(slope: Floats, curve: Floats, down: Floats, up: Floats) -> Floats:
    """The step to the lowest point of a parabola, at most 1 long in any direction.

    down, up: how far each parameter may go; those that would go further stop there, the others follow.
    """
    step, free = np.zeros(len(slope)), np.ones(len(slope), dtype=bool)
    while free.any():
        pull = slope[free] + curve[np.ix_(free, ~free)] @ step[~free]
        step[free] = -np.linalg.solve(curve[np.ix_(free, free)] + TINY * np.eye(free.sum()), pull)
        beyond = (step < down) | (step > up)
        if not beyond.any():
            break
        step[beyond] = np.clip(step, down, up)[beyond]
        free &= ~beyond
    return step / max(np.abs(step).max(), 1.0)


def skewed_loss(at: Floats, u: Floats, x: Floats) -> tuple[Floats, Floats]:
    """(n,) the negative log density of u under the parameters of `_maximum_likelihood`, (n, parameters) its
    gradient.

    The density is that of `gatecast.distributions.SkewedT`, its scale exp(x · slopes).
    """
    from scipy.special import betaln, psi

    log_scale = x @ at[:-3]
    place, log_df, log_skew = (float(value) for value in at[-3:])
    df = np.exp(log_df)
    q = u * np.exp(-log_scale)
    z = q - place
    side = np.where(z < 0, 1.0, -1.0)
    squeeze = np.exp(2 * log_skew * side)
    w = z**2 * squeeze / df
    tail = np.log1p(w)
    pull = (df + 1) * w / (1 + w)
    by_z = (df + 1) * squeeze * z / (df * (1 + w))
    by_df = (psi(df / 2) - psi(df / 2 + 0.5)) / 2  # of log B(1/2, df/2)
    losses = log_scale + (df + 1) / 2 * tail + log_df / 2 + betaln(0.5, df / 2) + np.log(np.cosh(log_skew))
    of_shape = [-by_z, (df * tail + 1 - pull) / 2 + df * by_df, np.tanh(log_skew) + pull * side]
    return losses, np.column_stack([x * (1 - by_z * q)[:, None], *of_shape])
