"""What docs/en/guides/intervals.md and benchmarks/acceptance.md say of ranges.

python benchmarks/ranges.py simulated              # coverage on 40 GJR-GARCH series, 20 sessions ahead
python benchmarks/ranges.py judged RUN_FOLDER      # the networks of a run against its baselines
python benchmarks/ranges.py held SOURCE …          # how often the ranges of har, lhar and GJR-GARCH held
python benchmarks/ranges.py stocks us_stocks_1999_2017.parquet     # gru against them on 30 stocks
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

import gatecast as gc
from gatecast.evaluation.coverage import coverage_bands
from gatecast.evaluation.scores import wide

LEVELS = (50, 80, 95)  # per cent
SERIES, SESSIONS, WARM_UP, HORIZON = 40, 2500, 500, 20
RIVALS, STOCKS = ("har", "lhar", "gjr-garch-t"), 30
OMEGA, ALPHA, GAMMA, BETA, DF = 0.02, 0.03, 0.10, 0.90, 6.0  # per cent², as of an index


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["simulated", "judged", "held", "stocks"])
    parser.add_argument("sources", nargs="*")
    arguments = parser.parse_args()
    if arguments.what == "simulated":
        simulated()
    elif arguments.what == "held":
        held(arguments.sources)
    elif arguments.what == "stocks":
        stocks(Path(arguments.sources[0]))
    else:
        judged(gc.open_run(arguments.sources[0]))


def simulated() -> None:
    """40 GJR-GARCH-t series, pooled, 20 sessions ahead: the largest error of coverage over all steps."""
    table = pd.concat([gjr_garch(number) for number in range(SERIES)])
    prices = gc.Prices.from_frame(table, calendar="daily")
    began = time.perf_counter()
    result = gc.compare(
        prices,
        ["gru", "ewma-t", "gjr-garch-t"],
        horizon=HORIZON,
        network=gc.Network(hidden_size=16, output="student_t"),
        folds=2,
        seeds=2,
    )
    print(f"{time.perf_counter() - began:.0f} s, {len(result.outcome.origin):,} origins x {HORIZON} steps")
    scores = of_distributions(result)
    scores = scores[(scores["symbol"] == "all") & (scores["step"] != "all")]
    for model, own in scores.groupby("model", sort=False):
        errors = (
            f"{level} % {100 * (own[f'coverage_{level}'] - level / 100).abs().max():.1f} points"
            for level in LEVELS
        )
        print(f"{model:<12} largest error of coverage over the steps: {', '.join(errors)}")


def of_distributions(result: gc.Result) -> pd.DataFrame:
    """The scores of models with a distribution: one row per model, symbol and step."""
    known = result.scores["model"].isin(list(result.outcome.distributions))
    return wide(result.scores[known])


def held(sources: list[str]) -> None:
    """CRPS and coverage of the range baselines on the last quarter of each source."""
    for source in sources:
        result = gc.compare(gc.load(source), list(RIVALS))
        scores, tested = of_distributions(result), pd.Series(result.outcome.symbol).value_counts()
        scores = scores[(scores["step"] == "all") & (scores["symbol"] != "all")]
        for row in scores.itertuples():
            ranges = ", ".join(f"{level} % {getattr(row, f'coverage_{level}'):.1%}" for level in LEVELS)
            count = tested[result.outcome.symbols.index(row.symbol)]
            print(f"{row.symbol:<12} {row.model:<12} CRPS {row.crps:.4f}, held {ranges}, n = {count}")


def stocks(source: Path) -> None:
    """gru against the range baselines on every fourth of the stocks without a gap, 2014 to 2017."""
    counts = pd.read_parquet(source, columns=["symbol"]).value_counts("symbol")
    whole = sorted(counts[counts == counts.max()].index)
    prices = gc.load(source, symbols=whole[::4][:STOCKS])
    network = gc.Network(hidden_size=16, output="student_t")
    result = gc.compare(prices, ["gru", *RIVALS], network=network, test_start="2014-01-02")
    judged(result)


def gjr_garch(seed: int) -> pd.DataFrame:
    """One series: symbol, date, close."""
    rng = np.random.default_rng(seed)
    shocks = rng.standard_t(DF, SESSIONS + WARM_UP) * np.sqrt((DF - 2) / DF)
    variance, returns = OMEGA / (1 - ALPHA - GAMMA / 2 - BETA), []
    for shock in shocks:
        change = np.sqrt(variance) * shock
        returns.append(change)
        variance = OMEGA + (ALPHA + GAMMA * (change < 0)) * change**2 + BETA * variance
    close = 100 * np.exp(np.cumsum(returns[WARM_UP:]) / 100)
    dates = pd.bdate_range("2005-01-03", periods=SESSIONS)
    return pd.DataFrame({"symbol": f"S{seed:02d}", "date": dates, "close": close})


def judged(result: gc.Result) -> None:
    """CRPS against every range baseline, coverage with Kupiec's tests, and the bands of each step."""
    scores, tests = of_distributions(result), result.significances["crps"].pair_frame
    first = scores[scores["step"].isin(["1", "all"])].drop_duplicates(["model", "symbol"])
    first = first.set_index(["model", "symbol"])
    symbols = result.outcome.symbols
    networks = [name for name in result.outcome.seeds if name in result.outcome.distributions]
    rivals = [name for name in result.outcome.distributions if name not in networks]
    for model in networks:
        for rival in rivals:
            own, other = (first.loc[name, "crps"].drop("all", errors="ignore") for name in (model, rival))
            judged = tests[(tests["model"] == model) & (tests["benchmark"] == rival)]
            one = judged[judged["symbol"] == "all"].iloc[0]
            print(
                f"{model} against {rival}: mean CRPS {100 * (1 - own.mean() / other.mean()):+.2f} % lower, "
                f"DM t = {one['dm']:.2f}, p = {one['dm_p']:.4f}; "
                f"lower for {(own < other).sum()} of {len(own)}"
            )
            if len(symbols) <= 5:
                for symbol in own.index:
                    each = judged[judged["symbol"] == symbol]
                    each = each.iloc[0] if len(each) else one
                    print(
                        f"  {symbol}: {100 * (1 - own[symbol] / other[symbol]):+.2f} %, "
                        f"t = {each['dm']:.2f}, p = {each['dm_p']:.5f}"
                    )
        if len(symbols) <= 5:
            for symbol in own.index:
                row = first.loc[(model, symbol)]
                held = (
                    f"{level} % {row[f'coverage_{level}']:.1%} (Kupiec p = {row[f'coverage_{level}_p']:.3f})"
                    for level in (80, 95)
                )
                print(f"{model}, {symbol}: held {', '.join(held)}")
        if result.outcome.horizon > 1:
            for level in LEVELS:
                bands = coverage_bands(result.outcome, coverage=level / 100, level=0.99, models=[model])
                outside = int(bands.loc[bands["step"].astype(str) != "all", "outside"].sum())
                print(f"{model}: {level} %, steps outside their 99 % HAC band: {outside}")
            low, high = result.outcome.distributions[model].interval(0.8)
            widths = np.median(high - low, axis=0)
            print(f"{model}: the median width grows with every step: {bool((np.diff(widths) > 0).all())}")


if __name__ == "__main__":
    main()
