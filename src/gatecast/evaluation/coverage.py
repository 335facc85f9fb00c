"""Do prediction intervals hold as often as they should? Tests of coverage, and what a chart of it needs.

The tests are our own: no declared library has those of Kupiec, Christoffersen and Berkowitz.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gatecast._typing import Floats
from gatecast.evaluation.hac import long_run_variance, newey_west_lags
from gatecast.forecasts import DistributionForecast, Forecasts
from gatecast.language import say

COVERAGES = (0.5, 0.8, 0.95)
VAR_LEVELS = (0.01, 0.05)
ROUNDING = 1e-12  # of a log return: a quantile that equals the actual return, and that went through a file


@dataclass(frozen=True)
class LikelihoodRatio:
    """A likelihood-ratio test: statistic and p-value; both NaN with a `reason`."""

    statistic: float
    p: float
    reason: str = ""


def kupiec(breaches: int, n: int, level: float) -> LikelihoodRatio:
    """Test of unconditional coverage: is the rate of breaches `level`? Kupiec (1995); chi² with 1 degree.

    breaches of n forecasts; level in (0, 1), 0.01 for a VaR of 1 %. With no breach, or nothing else, the
    statistic is its limit, for 0 log 0 = 0: - 2 n log(1 - level), or - 2 n log(level).
    """
    if not 0 <= breaches <= n or not 0 < level < 1:
        raise ValueError(
            f"breaches {breaches} of {n} at level {level}: need 0 <= breaches <= n, 0 < level < 1"
        )
    if n == 0:
        return _untested(say("there is no forecast"))
    return _ratio(_log_likelihood(breaches, n, level), _log_likelihood(breaches, n, breaches / n), 1)


def independence(hits: ArrayLike) -> LikelihoodRatio:
    """Do breaches come alone? Christoffersen (1998), LR_ind; chi² with 1 degree.

    hits  (n,) whether each forecast was breached, in time order
    The alternative is a Markov chain in which a breach makes the next one more, or less, likely. Without a
    breach, or with nothing else, both likelihoods are 1 and p is 1.
    """
    transitions = _transitions(hits)
    if transitions.sum() == 0:
        return _untested(say("a test of independence needs two forecasts"))
    after = transitions.sum(axis=1)
    null = _log_likelihood(transitions[:, 1].sum(), transitions.sum(), transitions[:, 1].sum() / after.sum())
    chain = sum(_log_likelihood(row[1], row.sum(), row[1] / max(row.sum(), 1)) for row in transitions)
    return _ratio(null, chain, 1)


def christoffersen(hits: ArrayLike, level: float) -> LikelihoodRatio:
    """Test of conditional coverage: the right rate of breaches, and no clusters. Christoffersen (1998).

    hits (n,) as in `independence`. LR_cc = LR_uc + LR_ind with all three given the first forecast, as the
    paper has it; chi² with 2 degrees.
    """
    transitions = _transitions(hits)
    total = int(transitions.sum())
    if total == 0:
        return _untested(say("a test of conditional coverage needs two forecasts"))
    statistic = kupiec(int(transitions[:, 1].sum()), total, level).statistic + independence(hits).statistic
    return _chi2(statistic, 2)


def berkowitz(pit: ArrayLike) -> LikelihoodRatio:
    """Are probability integral transforms independent and uniform? Berkowitz (2001); chi² with 3 degrees.

    pit  (n,) of one step ahead, in time order
    Their normal scores z are tested for mean 0, variance 1 and no autocorrelation against a normal AR(1),
    given the first: Σ z² - m log σ² - m, σ² the residual variance of z on its past, m = n - 1. A pit of 0
    or 1 counts as 1e-12 from it.
    """
    from scipy.special import ndtri

    u = np.asarray(pit, dtype=np.float64)
    if u.ndim != 1:
        raise ValueError(f"pit must be (n,), not {u.shape}")
    if not np.isfinite(u).all():
        return _untested(say("a PIT is not a finite number"))
    if len(u) < 10:
        return _untested(say("only {n} forecasts; a test of the PIT needs 10", n=len(u)))
    z = ndtri(np.clip(u, 1e-12, 1 - 1e-12))
    past = z[:-1] - z[:-1].mean()
    now = z[1:] - z[1:].mean()
    slope = past @ now / max(past @ past, 1e-300)
    variance = np.mean((now - slope * past) ** 2)
    if variance < 1e-12:
        return _untested(say("the PIT is the same on every date"))
    m = len(now)
    return _chi2(float(z[1:] @ z[1:] - m * np.log(variance) - m), 3)


def uniformity(pit: ArrayLike, bins: int = 20) -> LikelihoodRatio:
    """Pearson's chi² test that a PIT histogram is flat, bins - 1 degrees; Diebold, Gunther and Tay (1998).

    pit (n,) of one step ahead: under the right distribution they are independent. Needs 5 in each bin.
    """
    u = np.asarray(pit, dtype=np.float64)
    if not np.isfinite(u).all():
        return _untested(say("a PIT is not a finite number"))
    if len(u) < 5 * bins:
        return _untested(
            say(
                "only {n} forecasts; a histogram of {bins} bins needs {needed}",
                n=len(u),
                bins=bins,
                needed=5 * bins,
            )
        )
    counts = np.histogram(u, bins, (0, 1))[0]
    return _chi2(float(np.sum((counts - len(u) / bins) ** 2) * bins / len(u)), bins - 1)


def held(known: DistributionForecast, y: Floats, coverage: float) -> Floats:
    """(N, h) 1 where the log return y lies in the central interval (0.5, 0.8 or 0.95), 0 where not.

    NaN where either is missing.
    """
    low, high = known.interval(coverage)
    inside = (low <= y + ROUNDING) & (y - ROUNDING <= high)
    return np.where(np.isfinite(low + high + y), inside, np.nan)


def breached(known: DistributionForecast, y: Floats, level: float) -> Floats:
    """(N, h) 1 where the log return y is below the quantile at `level`: a breach of the VaR; else 0."""
    quantile = known.at(level)
    return np.where(np.isfinite(quantile + y), y < quantile - ROUNDING, np.nan)


def in_time_order(forecasts: Forecasts) -> dict[str, NDArray[np.int64]]:
    """Symbol → its rows by origin; where there are several symbols, last "all" → all rows."""
    order = np.argsort(forecasts.origin, kind="stable")
    rows = {name: order[forecasts.symbol[order] == i] for i, name in enumerate(forecasts.symbols)}
    rows = {name: index for name, index in rows.items() if len(index)}
    return rows | {"all": order} if len(rows) > 1 else rows


def coverage_bands(
    forecasts: Forecasts,
    *,
    coverage: float = 0.8,
    level: float = 0.99,
    models: Sequence[str] | None = None,
) -> pd.DataFrame:
    """How often intervals held at each step, and the band that exact ones lie in with probability `level`.

    One row per model, symbol ("all" too where several) and step ("1" … "h", "all"): model, symbol, step,
    nominal, coverage, low, high (fractions), dates, outside (bool). The band is around the nominal coverage.

    k-step forecasts overlap and symbols move together, so there is one hit rate per date (mean over symbols,
    for step "all" over steps too), with the long-run variance of Newey and West (1987) and at least 2 k - 1
    lags. With few dates that variance comes out too small by far; it is at least what overlap alone implies
    where daily returns are independent and normal (`_overlap_variance`). Without it, 95 % intervals 20 steps
    ahead fall outside their 99 % band in 10 % of cases; with it in under 1 %.
    """
    from scipy.special import ndtri

    y, horizon = forecasts.actual_return, forecasts.horizon
    half = ndtri((1 + level) / 2)
    rows = {name: (index, *_days(forecasts, index)) for name, index in in_time_order(forecasts).items()}
    records = []
    for model in forecasts.distributions if models is None else models:
        hits = held(forecasts.distributions[model], y, coverage)
        hits = np.column_stack([hits, hits.mean(axis=1)])
        for symbol, (index, day, of_date) in rows.items():
            for place in range(horizon + 1):
                step = min(place + 1, horizon)
                rate = np.bincount(day, weights=hits[index, place]) / of_date
                least = _overlap_variance(coverage, step if place < horizon else -horizon) / of_date.mean()
                variance = max(long_run_variance(rate, _lags(len(rate), step), "bartlett"), least)
                width = half * np.sqrt(variance / len(rate))
                low, high = max(coverage - width, 0.0), min(coverage + width, 1.0)
                share = float(rate.mean())
                records.append(
                    {
                        "model": model,
                        "symbol": symbol,
                        "step": "all" if place == horizon else str(step),
                        "nominal": coverage,
                        "coverage": share,
                        "low": low if np.isfinite(share) else np.nan,
                        "high": high if np.isfinite(share) else np.nan,
                        "dates": len(rate),
                        "outside": share < low or share > high,
                    }
                )
    return pd.DataFrame.from_records(records)


def coverage_over_time(
    forecasts: Forecasts,
    model: str,
    *,
    coverage: float = 0.8,
    window: int = 125,
    step: int = 1,
    symbol: str | None = None,
) -> pd.DataFrame:
    """Share of the last `window` origin dates on which the interval held: origin, held (a fraction).

    The first row is the date that completes a window; empty where there are fewer dates. Each date is the
    mean over its symbols, or one `symbol`.
    """
    index = _rows_of(forecasts, symbol)
    hits = held(forecasts.distributions[model], forecasts.actual_return, coverage)[index, step - 1]
    by_date = pd.Series(hits).groupby(forecasts.origin[index]).mean()
    rolling = by_date.rolling(window).mean().iloc[window - 1 :]
    return pd.DataFrame({"origin": rolling.index, "held": rolling.to_numpy()})


def pit_histogram(
    known: DistributionForecast,
    bins: int = 20,
    *,
    step: int = 1,
    rows: NDArray[np.int64] | slice = slice(None),
) -> pd.DataFrame:
    """PIT histogram of a step: left, right, count, density, low, high; one row per bin.

    density: 1 everywhere where the distribution is right. low, high: where 95 % of the bins of a right one
    lie if its PITs are independent (binomial), as they are for one symbol and step 1. rows: some origins.
    """
    from scipy.special import bdtr

    pit = known.pit[rows, step - 1]
    pit = pit[np.isfinite(pit)]
    count, edges = np.histogram(pit, bins, (0, 1))
    n = max(len(pit), 1)
    binomial = bdtr(np.arange(len(pit) + 1), len(pit), 1 / bins)
    low, high = (float(np.searchsorted(binomial, tail)) * bins / n for tail in (0.025, 0.975))
    return pd.DataFrame(
        {
            "left": edges[:-1],
            "right": edges[1:],
            "count": count,
            "density": count * bins / n,
            "low": low,
            "high": high,
        }
    )


def value_at_risk(
    forecasts: Forecasts, model: str, *, step: int = 1, symbol: str | None = None
) -> pd.DataFrame:
    """Value at risk of every origin and the actual return, for all symbols or one.

    symbol, origin, date; actual: the log return; var_1, var_5: the quantiles at 1 % and 5 % (log
    return, below 0 as a rule); breach_1, breach_5: whether the actual return was below.
    """
    index = _rows_of(forecasts, symbol)
    known, y = forecasts.distributions[model], forecasts.actual_return
    table: dict[str, object] = {
        "symbol": np.asarray(forecasts.symbols, dtype=object)[forecasts.symbol[index]],
        "origin": forecasts.origin[index],
        "date": forecasts.time[index, step - 1],
        "actual": y[index, step - 1],
    }
    for level in VAR_LEVELS:
        table[f"var_{100 * level:.0f}"] = known.at(level)[index, step - 1]
    for level in VAR_LEVELS:
        table[f"breach_{100 * level:.0f}"] = breached(known, y, level)[index, step - 1] == 1
    return pd.DataFrame(table)


def _rows_of(forecasts: Forecasts, symbol: str | None) -> NDArray[np.int64]:
    rows = in_time_order(forecasts)
    return rows[symbol] if symbol is not None else rows.get("all", next(iter(rows.values())))


def _days(forecasts: Forecasts, index: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which date each of these rows is of, and how many rows each date has."""
    _, day, of_date = np.unique(forecasts.origin[index], return_inverse=True, return_counts=True)
    return day, of_date


def _lags(dates: int, step: int) -> int:
    return newey_west_lags(dates, 2 * step if step > 1 else 1)


@lru_cache(maxsize=256)
def _overlap_variance(coverage: float, step: int) -> float:
    """Long-run variance of the hits of exact k-step intervals where daily returns are independent and normal.

    coverage (1 - coverage) at step 1; else with twice the autocovariances P(|X| < q, |Y| < q) - coverage²
    of sums that share k - j of k returns (correlation 1 - j / k), by Gauss-Legendre. step -h: of the mean
    hit over steps 1 … h, as if its steps moved as one.
    """
    from scipy.special import ndtr, ndtri

    if step < 0:
        return float(np.mean([np.sqrt(_overlap_variance(coverage, k)) for k in range(1, 1 - step)]) ** 2)
    q = ndtri((1 + coverage) / 2)
    node, weight = _gauss_legendre(100)
    x, mass = q * node, q * weight * np.exp(-((q * node) ** 2) / 2) / np.sqrt(2 * np.pi)
    shared = 1 - np.arange(1, step)[:, None] / step
    rest = np.sqrt(1 - shared**2)
    both = (ndtr((q - shared * x) / rest) - ndtr((-q - shared * x) / rest)) @ mass
    return float(coverage * (1 - coverage) + 2 * np.sum(both - coverage**2))


@lru_cache(maxsize=1)
def _gauss_legendre(n: int) -> tuple[Floats, Floats]:
    return np.polynomial.legendre.leggauss(n)


def _transitions(hits: ArrayLike) -> NDArray[np.int64]:
    """(2, 2) how often state i was followed by state j; state 1 is a breach."""
    state = np.asarray(hits)
    if state.ndim != 1 or not np.isin(state, (0, 1)).all():
        raise ValueError("hits must be (n,) of 0 and 1")
    state = state.astype(np.int64)
    return np.bincount(2 * state[:-1] + state[1:], minlength=4).reshape(2, 2)


def _log_likelihood(breaches: float, n: float, rate: float) -> float:
    """Of a Bernoulli sequence; 0 log 0 is 0."""
    from scipy.special import xlog1py, xlogy

    return float(xlogy(breaches, rate) + xlog1py(n - breaches, -rate))


def _ratio(null: float, alternative: float, degrees: int) -> LikelihoodRatio:
    return _chi2(2 * (alternative - null), degrees)


def _chi2(statistic: float, degrees: int) -> LikelihoodRatio:
    from scipy.special import chdtrc

    statistic = max(statistic, 0.0)  # below by rounding only
    return LikelihoodRatio(statistic, float(chdtrc(degrees, statistic)))


def _untested(reason: str) -> LikelihoodRatio:
    return LikelihoodRatio(np.nan, np.nan, reason)
