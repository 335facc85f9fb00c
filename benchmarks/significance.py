"""Power and size of the tests where the truth is known.

Call: `python benchmarks/significance.py power|size|pooled|coverage|crps|walks [REPS]`.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd

from gatecast.evaluation.losses import CRPS, SQUARED_ERROR
from gatecast.evaluation.multiple import confidence_set, spa
from gatecast.evaluation.power import needed
from gatecast.evaluation.significance import diebold_mariano, losses_by_date, significance
from gatecast.forecasts import DistributionForecast, Forecasts


def student(rng, bars, symbols):
    """Returns with correlation 0.5 between symbols, unit variance, and an independent copy of them."""

    def draw():
        own, common = rng.standard_normal((bars, symbols)), rng.standard_normal((bars, 1))
        normal = own if symbols == 1 else np.sqrt(0.5) * (own + common)
        return normal / np.sqrt(rng.chisquare(5, (bars, 1)) / 5) * np.sqrt(3 / 5)

    return draw(), draw()


def garch(rng, bars, symbols):
    """GJR-GARCH(1, 1) with t7 shocks, and a signal that moves with the same volatility."""
    shock, other = (rng.standard_t(7, bars + 500) * np.sqrt(5 / 7) for _ in range(2))
    variance, sigma = 1.0, np.empty(bars + 500)
    for t in range(bars + 500):
        sigma[t] = np.sqrt(variance)
        r = sigma[t] * shock[t]
        variance = 0.03 + (0.03 + 0.1 * (r < 0)) * r**2 + 0.89 * variance
    return (sigma * shock)[500:, None], (sigma * other)[500:, None]


def forecasts_of(returns, n, h):
    """Forecasts without models of n origins, h steps; anchors 1, log returns taken as changes."""
    symbols = returns.shape[1]
    bars = np.datetime64("2000-01-01") + np.arange(n + h)
    index = np.arange(n)[:, None] + np.arange(1, h + 1)
    y = np.cumsum(returns[index - 1], axis=1)  # (n, h, symbols)
    rows = y.transpose(2, 0, 1).reshape(-1, h)
    total = n * symbols
    return Forecasts(
        symbols=tuple(f"S{i}" for i in range(symbols)),
        symbol=np.repeat(np.arange(symbols), n),
        fold=np.zeros(total, np.int64),
        origin=np.tile(bars[:n], symbols),
        time=np.tile(bars[index], (symbols, 1)),
        anchor=np.ones(total),
        actual=1 + rows,
        naive_mae=np.ones(total),
        naive_mse=np.ones(total),
        forecast={"naive": np.ones_like(rows)},
        seeds={},
    )


def loss(returns, signal, n, h):
    index = np.arange(n)[:, None] + np.arange(h)
    y, f = (np.cumsum(x[index], axis=1) for x in (returns, signal))
    return ((y - f) ** 2).mean(axis=(1, 2))


def power(reps, draw, n, h, symbols=1, models=1, half=False, seed=0):
    rng, found, skills = np.random.default_rng(seed), [], []
    pooled = symbols > 1
    began = time.perf_counter()
    for rep in range(reps):
        rest, part = draw(rng, n + h, symbols)
        own = [draw(rng, n + h, symbols)[1] for _ in range(models - 1)]
        s, rounds = (skills[-1], 2) if skills else (6 / n, 4)
        for _ in range(rounds):  # the returns hold the part that has exactly the printed skill
            x = np.sqrt(s) * part
            y = x + np.sqrt(1 - s) * rest
            table = {"naive": loss(y, 0 * x, n, h), "oracle": loss(y, x, n, h)}
            for k, noise in enumerate(own):
                noise = np.sqrt(s) * noise
                table[f"m{k}"] = loss(y, 0.5 * x + 0.5 * noise if half else noise, n, h)
            losses = pd.DataFrame(table)
            forecasts = forecasts_of(y, n, h)
            tried = list(losses.columns.drop("naive"))
            away = needed(losses, "naive", tried, horizon=h, pooled=pooled, seed=rep)
            s = SQUARED_ERROR.detectable(forecasts, losses_by_date(forecasts, SQUARED_ERROR), "naive", away)
        how = {"horizon": h, "pooled": pooled, "seed": rep, "reps": 2000}
        test = diebold_mariano(losses["naive"] - losses["oracle"], h, pooled=pooled)
        ok = test.p_better < 0.05 and spa(losses, **how).p < 0.05
        if ok:
            members = confidence_set(losses, **how).members
            ok = "naive" not in members and "oracle" in members
        found.append(ok)
        skills.append(s)
    took = (time.perf_counter() - began) / reps
    others = ("half" if half else "noise") if models > 1 else ""
    print(
        f"{draw.__name__:8} n {n:5} h {h:3} symbols {symbols:3} models {models} {others:5} "
        f"printed {100 * np.median(skills):.2f} % (x n {np.median(skills) * n:.0f}) "
        f"found {100 * np.mean(found):.1f} %  {took:.2f} s each",
        flush=True,
    )


def size(reps, n, h, models=5, seed=0):
    """Models as good as naive: what rejects at 5 %, and how often the 90 % set loses one of two."""
    rng = np.random.default_rng(seed)
    counts = dict.fromkeys(("dm", "spa 1", "spa", "set", "beats naive", "better"), 0)
    for rep in range(reps):
        y = rng.standard_t(5, n + h - 1)
        move = np.convolve(y, np.ones(h), "valid")
        errors = [np.convolve(rng.standard_normal(n + h - 1), np.ones(h), "valid") for _ in range(models + 1)]
        names = ("naive", *"abcdefgh"[:models])
        losses = pd.DataFrame({k: (move - 0.3 * e) ** 2 for k, e in zip(names, errors, strict=True)})
        two = losses[["naive", "a"]]
        how = {"horizon": h, "seed": rep}
        dm = diebold_mariano(two["naive"] - two["a"], h)
        one, every = spa(two, **how).p, spa(losses, **how).p
        lost = len(confidence_set(two, **how).members) < 2
        members = confidence_set(losses, **how).members
        winner = losses.mean().drop("naive").idxmin()
        own = diebold_mariano(losses["naive"] - losses[winner], h).p_better
        counts["dm"] += dm.p_better < 0.05
        counts["spa 1"] += one < 0.05
        counts["spa"] += every < 0.05
        counts["set"] += lost
        counts["better"] += one < 0.05 and "naive" not in confidence_set(two, **how).members
        counts["beats naive"] += every < 0.05 and "naive" not in members and winner in members and own < 0.05
    shares = ", ".join(f"{name} {100 * count / reps:.1f} %" for name, count in counts.items())
    print(f"n {n:5} h {h:3} models {models}: {shares}", flush=True)


def autoregressive(rng, n, slope):
    from scipy.signal import lfilter

    noise = rng.standard_normal(n + 200) * np.sqrt(1 - slope**2)
    return lfilter([1], [1, -slope], noise)[200:]


def pooled_size(reps, n, small, seed=0):
    """Pooled differentials: AR(1) 0.2, or with 0.22 of the variance an AR(1) of 0.9 (`small`)."""
    rng, found = np.random.default_rng(seed), 0
    for _ in range(reps):
        d = autoregressive(rng, n, 0.2)
        if small:
            d = np.sqrt(0.78) * rng.standard_normal(n) + np.sqrt(0.22) * autoregressive(rng, n, 0.9)
        found += diebold_mariano(d, 1, pooled=True).p_better < 0.05
    what = "0.22 of the variance AR(1) 0.9" if small else "AR(1) 0.2"
    print(f"pooled, {what}, n {n}: {100 * found / reps:.1f} % rejected", flush=True)


def crps_power(reps, n, networks=1, seed=0):
    """An oracle of the CRPS that knows a log-volatility shock: y = b exp(τ v) ε; the baseline knows b."""

    from gatecast.distributions import StudentT

    taus = np.linspace(0.01, 0.6, 40)
    v, e = np.random.default_rng(9).standard_normal((2, 200_000))
    skills = []
    for tau in taus:  # for N(0, s) the CRPS has mean s / sqrt(π)
        scale, df = _mixture(tau)
        baseline = StudentT(np.zeros_like(v), np.full_like(v, scale), np.full_like(v, df))
        skills.append(1 - np.exp(tau**2 / 2) / np.sqrt(np.pi) / baseline.crps(np.exp(tau * v) * e).mean())
    rng, found, printed = np.random.default_rng(seed), 0, []
    normal = np.full((n, 1), 1e6)
    zero = np.zeros((n, 1))
    for rep in range(reps):
        b = 0.01 * np.exp(0.4 * autoregressive(rng, n, 0.97))[:, None]
        v, e = rng.standard_normal((n, 1)), rng.standard_normal((n, 1))
        others = rng.standard_normal((networks - 1, n, 1))
        parts = forecasts_of(np.zeros((n + 1, 1)), n, 1)

        def judged(tau, rep=rep, b=b, v=v, e=e, parts=parts, others=others):
            y = b * np.exp(tau * v) * e
            scale, df = _mixture(tau)
            baseline = StudentT(zero, b * scale, np.full((n, 1), df))
            oracle = StudentT(zero, b * np.exp(tau * v), normal)
            known = {"garch": DistributionForecast.of(baseline, y), "gru": _network(oracle, y)}
            for i, noise in enumerate(others):
                known[f"m{i}"] = _network(StudentT(zero, b * np.exp(tau * noise), normal), y)
            point = {name: np.ones((n, 1)) for name in ("naive", *known)}
            seeds = {name: np.ones((1, n, 1)) for name in known if name != "garch"}
            price = np.exp(y)
            forecasts = replace(
                parts,
                actual=price,
                forecast=point,
                seeds=seeds,
                distributions=known,
                naive_mse=np.full(n, 1e-4),
            )
            return significance(forecasts, CRPS, seed=rep)

        tau = 0.1
        for _ in range(3):
            tau = float(np.interp(judged(tau).detectable, skills, taus))
        tests = judged(tau)
        test = tests.models["gru"].diebold_mariano
        members = tests.confidence_set.members
        found += (
            tests.spa.p < 0.05 and "garch" not in members and "gru" in members
            and test.p_better < 0.05
        )  # fmt: skip
        printed.append(tests.detectable)
    s = np.median(printed)
    print(
        f"CRPS, n {n}, {networks} networks: printed {100 * s:.2f} % (x n {s * n:.1f}), "
        f"found {100 * found / reps:.1f} %",
        flush=True,
    )


def _network(distribution, y):

    return DistributionForecast.of(distribution, y, 100 * distribution.crps(y)[None])


def _mixture(tau):
    """Scale and df of the Student t with the variance and kurtosis of exp(τ v) ε."""
    excess = 3 * (np.exp(4 * tau**2) - 1)
    df = 4 + 6 / excess
    return np.exp(tau**2) * np.sqrt((df - 2) / df), df


def coverage(reps, n, h, seed=0):
    """How often the 95 % band around the nominal coverage holds the coverage of exact forecasts."""
    from gatecast.distributions import StudentT
    from gatecast.evaluation.coverage import coverage_bands

    rng, kept = np.random.default_rng(seed), {0.5: 0, 0.8: 0}
    scale = np.tile(0.01 * np.sqrt(np.arange(1, h + 1)), (n, 1))
    exact = StudentT(np.zeros((n, h)), scale, np.full((n, h), 1e6))
    for _ in range(reps):
        forecasts = forecasts_of(0.01 * rng.standard_normal((n + h, 1)), n, h)
        moves = forecasts.actual - 1
        forecasts = replace(
            forecasts,
            actual=np.exp(moves),
            distributions={"naive": DistributionForecast.of(exact, moves)},
            naive_mse=np.full(n, 1e-4),
        )
        for interval in kept:
            bands = coverage_bands(forecasts, coverage=interval, level=0.95).set_index("step")
            kept[interval] += not bands.loc[str(h), "outside"]
    shares = ", ".join(
        f"{100 * interval:.0f} % held in {100 * k / reps:.1f} %" for interval, k in kept.items()
    )
    print(f"coverage band, n {n:5} h {h:3}: {shares}", flush=True)


def walks(reps):
    """The whole comparison on random walks with GARCH-t steps: how often is naive said to be beaten?"""
    import gatecast as gc

    found, began = {}, time.perf_counter()
    for seed in range(reps):
        steps = 0.01 * garch(np.random.default_rng(seed), 1000, 1)[0][:, 0]
        days = pd.bdate_range("2015-01-01", periods=1000)
        frame = pd.DataFrame({"date": days, "close": 100 * np.exp(np.cumsum(steps))})
        prices = gc.Prices.from_frame(frame, calendar="weekdays")
        models = ["naive", "drift", "ewma", "ar", "gru", "lstm"]
        result = gc.compare(prices, models, network=gc.Network(hidden_size=8), seeds=2, folds=2)
        found[result.verdict.kind] = found.get(result.verdict.kind, 0) + 1
    print(f"{reps} random walks: {found}, {(time.perf_counter() - began) / reps:.1f} s each")


def main():
    what, reps = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else None
    if what == "power":
        for draw in (student, garch):
            for n in (375, 1258):
                power(reps or 1000, draw, n, 1)
        for h in (5, 20):
            power(reps or 1000, student, 1258, h)
        power(reps or 1000, student, 1258, 1, symbols=30)
        for models in (4, 8):
            for half in (False, True):
                power(reps or 1000, student, 1258, 1, models=models, half=half)
    elif what == "size":
        for n in (171, 1258):
            for h in (1, 5, 20):
                size(reps or 2000, n, h)
            size(reps or 2000, n, 1, models=7)
    elif what == "pooled":
        for n, small in ((171, False), (774, False), (774, True), (1258, True)):
            pooled_size(reps or 2000, n, small)
    elif what == "coverage":
        for n in (171, 1258):
            for h in (1, 5, 20):
                coverage(reps or 500, n, h)
    elif what == "walks":
        walks(reps or 100)
    elif what == "crps":
        for networks in (1, 4):
            crps_power(reps or 1000, 1258, networks)


if __name__ == "__main__":
    main()
