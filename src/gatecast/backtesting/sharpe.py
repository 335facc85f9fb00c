"""The Sharpe ratio and how sure one can be of it.

Everything is per period (not annualised) unless said otherwise, over a riskless rate of zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

EULER = 0.5772156649015329
STILL = 1e-14  # returns that vary less than this do not vary


@dataclass(frozen=True)
class Sharpe:
    """Of n returns; all NaN with a `reason` where it is not defined.

    ratio     mean / standard deviation (n - 1), per period
    error     its standard error
    skew, kurtosis   of the returns; 0 and 3 for a normal distribution
    """

    ratio: float
    error: float
    skew: float
    kurtosis: float
    n: int
    reason: str = ""

    @property
    def t(self) -> float:
        """ratio / error."""
        return self.ratio / self.error


def sharpe(returns: ArrayLike) -> Sharpe:
    """The ratio of returns (n,)."""
    x = np.asarray(returns, dtype=np.float64)
    nothing = (math.nan,) * 4
    if len(x) < 2:
        return Sharpe(*nothing, len(x), f"{len(x)} returns are too few")
    if not x.any():
        return Sharpe(*nothing, len(x), "it never traded")
    std = float(x.std(ddof=1))
    if std <= STILL:
        return Sharpe(*nothing, len(x), "its returns do not vary")
    z = (x - x.mean()) / x.std()
    skew, kurtosis = float(np.mean(z**3)), float(np.mean(z**4))
    ratio = float(x.mean()) / std
    return Sharpe(ratio, standard_error(ratio, len(x), skew, kurtosis), skew, kurtosis, len(x))


def standard_error(ratio: float, n: int, skew: float = 0.0, kurtosis: float = 3.0) -> float:
    """√((1 - skew SR + (kurtosis - 1)/4 SR²) / (n - 1)); Mertens (2002), as in Bailey and López de Prado
    (2012), The Sharpe Ratio Efficient Frontier. With skew 0 and kurtosis 3 it is Lo's (2002) for independent
    returns.
    """
    return math.sqrt(max(1 - skew * ratio + (kurtosis - 1) / 4 * ratio**2, 0.0) / (n - 1))


def probabilistic(found: Sharpe, benchmark: float = 0.0) -> float:
    """One minus the p-value of a true ratio that is no higher than `benchmark` (per period); Bailey and
    López de Prado (2012), the probabilistic Sharpe ratio.
    """
    if not found.error > 0:
        return math.nan
    return NormalDist().cdf((found.ratio - benchmark) / found.error)


def best_of_luck(trials: int, variance: float) -> float:
    """The ratio to expect of the best of independent `trials` whose true ratios are all zero.

    √variance ((1 - γ) Φ⁻¹(1 - 1/N) + γ Φ⁻¹(1 - 1/(N e))), variance that of the ratios over the trials; Bailey
    and López de Prado (2014), The Deflated Sharpe Ratio. 0 for one trial.
    """
    if trials < 2:
        return 0.0
    quantile = NormalDist().inv_cdf
    highest = (1 - EULER) * quantile(1 - 1 / trials) + EULER * quantile(1 - 1 / (trials * math.e))
    return math.sqrt(variance) * highest


def deflated(found: Sharpe, trials: int, variance: float) -> float:
    """One minus the p-value of a true ratio that is no higher than the best of `trials` by luck is expected
    to be; Bailey and López de Prado (2014). Over 0.95: significant at 5 %, one-sided.
    """
    return probabilistic(found, best_of_luck(trials, variance))


def drawdown(equity: ArrayLike) -> float:
    """The deepest fall from an earlier height, a fraction: 0.2 is 20 %. equity (n,)."""
    money = np.asarray(equity, dtype=np.float64)
    high = np.maximum.accumulate(money)
    return float(np.max(1 - money / high))
