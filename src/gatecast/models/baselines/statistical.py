"""The forecasts of a statistician: smoothed returns, and an autoregression."""

from __future__ import annotations

import warnings

import numpy as np

from gatecast._typing import Floats, Integers
from gatecast.distributions import Point
from gatecast.errors import FitWarning
from gatecast.language import say
from gatecast.models.baselines.fitting import sample_spans
from gatecast.problem.folds import Fold
from gatecast.problem.problem import Problem
from gatecast.problem.volatility import DECAY

MAX_LAGS = 10  # bars: of days two weeks; more, and AIC finds lags in noise
ROWS_PER_LAG = 10


def ewma(problem: Problem, fold: Fold) -> Point:
    """The exponentially weighted mean of past returns, carried on at every step; (N, h).

    m(i) = Σ_j 0.94^j r(i-j) / Σ_j 0.94^j over all returns of the symbol up to the origin; step k is k · m.
    Nothing is fitted: the decay is the daily one of RiskMetrics, Technical Document (4th ed., 1996), which
    smooths squared returns with it.
    """
    import pandas as pd

    smoothed = pd.Series(problem.returns).groupby(problem.symbol, sort=False).ewm(alpha=1 - DECAY).mean()
    mean = smoothed.to_numpy()[fold.test]
    return Point(np.arange(1, problem.horizon + 1) * mean[:, None])


def ar(problem: Problem, fold: Fold) -> Point:
    """AR(p) with a constant on log returns, or on differences, p ≤ 10 by AIC, fitted per symbol; (N, h).

    Fitted by conditional least squares on train and validation together (a baseline has no other use for
    validation), then run over the test origins with its coefficients fixed: step k is the sum of the
    first k iterated forecasts. At most one lag per 10 in-sample returns. Lütkepohl, New Introduction to
    Multiple Time Series Analysis (2005), sections 2.2.3 and 4.3.

    Warns
        FitWarning: constant returns, too few of them, a fit that fails or is not stationary; the mean
            in-sample return, AR(0), is then used and the warning says so.
    """
    returns = problem.returns
    forecast = np.empty((len(fold.test), problem.horizon))
    present, begins, ends = sample_spans(problem, fold)
    edges = np.searchsorted(problem.symbol[fold.test], np.append(present, len(problem.symbols)))
    for n, symbol in enumerate(present):
        tested = slice(edges[n], edges[n + 1])
        if len(fold.test[tested]):
            label = f"ar: {problem.symbols[symbol]} fold {fold.number}"
            sample = slice(begins[n], ends[n] + 1)
            constant, lags = _fit(returns[sample], problem.move.rounding(problem.anchor[sample]), label)
            forecast[tested] = _iterate(returns, fold.test[tested], problem.horizon, constant, lags)
    return Point(np.cumsum(forecast, axis=1))


def _fit(returns: Floats, rounding: float, label: str) -> tuple[float, Floats]:
    """Constant and lag coefficients (p,), the newest first; rounding: see `Move.rounding`."""
    most = min(MAX_LAGS, len(returns) // ROWS_PER_LAG)
    if np.ptp(returns) <= rounding:
        return _mean_only(returns, f"{label}: constant returns")
    if most == 0:
        return _mean_only(returns, f"{label}: {len(returns)} in-sample returns are too few for a lag")
    try:
        constant, *lags = _least_squares(returns, most)
    except (np.linalg.LinAlgError, RuntimeWarning) as error:
        return _mean_only(returns, f"{label}: the fit failed ({error})")
    root = max(np.abs(np.roots([1.0, *-np.array(lags)])), default=0.0)
    if root >= 1:
        return _mean_only(returns, f"{label}: AR({len(lags)}) is not stationary (root {root:.3f})")
    return constant, np.array(lags)


def _least_squares(returns: Floats, most: int) -> list[float]:
    """1 + p coefficients by least squares on all rows that have p lags, p the best of 0 … `most` by AIC.

    The orders are compared on the same rows, those that have `most` lags, out of one QR decomposition: behind
    the design, what is left of the target below row p of R is the residual of AR(p).
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        triangle = np.linalg.qr(_lagged(returns, most)).R
        squares = np.cumsum(triangle[::-1, -1] ** 2)[::-1][1:]  # the residuals' sums of squares, p = 0 … most
        rows = len(returns) - most
        aic = rows * np.log(squares / rows) + 2 * np.arange(most + 1)
        best = _lagged(returns, int(np.argmin(aic)))
        return np.linalg.lstsq(best[:, :-1], best[:, -1])[0].tolist()


def _lagged(returns: Floats, lags: int) -> Floats:
    """(n - lags, lags + 2) a constant, the lags, the newest first, and the return that they explain."""
    known = [returns[lags - back : len(returns) - back] for back in range(1, lags + 1)]
    return np.column_stack([np.ones(len(returns) - lags), *known, returns[lags:]])


def _mean_only(returns: Floats, what: str) -> tuple[float, Floats]:
    mean = float(returns.mean())
    used = "mean zero" if mean == 0 else f"mean {mean:.3g}"
    warnings.warn(
        say("{what}; AR(0) with {used} is used instead", what=what, used=used), FitWarning, stacklevel=4
    )
    return mean, np.empty(0)


def _iterate(returns: Floats, origins: Integers, horizon: int, constant: float, lags: Floats) -> Floats:
    """(N, h) forecasts of the next returns, each read from those known and forecast before it.

    Lag by lag, not one matrix product: its last bit would depend on the number of origins.
    """
    path = np.empty((len(origins), len(lags) + horizon))
    path[:, : len(lags)] = returns[origins[:, None] - np.arange(len(lags))[::-1]]
    for step in range(len(lags), path.shape[1]):
        path[:, step] = constant
        for back, weight in enumerate(lags, start=1):
            path[:, step] += weight * path[:, step - back]
    return path[:, len(lags) :]
