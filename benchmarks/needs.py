"""The skill that a test on daily index prices finds four times in five, by days and by models tried.

Call: `python benchmarks/needs.py`. It prints the table of docs/en/verdict.md, and takes some minutes.

Prices are stretches of the S&P 500 and of the Nasdaq, 1999 to 2018. Models know nothing: their forecasts are
returns of other days within 15, with random signs, as large as what the oracle knows. "unlike": independent
of each other; "alike": half of each is the oracle's, too.
"""

from __future__ import annotations

import numpy as np

import gatecast as gc
from gatecast._typing import Floats
from gatecast.evaluation.losses import SQUARED_ERROR
from gatecast.evaluation.power import NEAR, needed
from gatecast.evaluation.significance import losses_by_date
from gatecast.forecasts import Forecasts

DAYS = (250, 500, 1000, 2500)
KINDS = ((1, ""), (4, "unlike"), (4, "alike"), (8, "unlike"), (8, "alike"))  # models tried
MOST = 5  # stretches of an index
ROUNDS = 3  # from the skill to forecasts as large, and to the skill again


def stretches(days: int) -> list[Floats]:
    """Returns (days,) of both indices, their stretches evenly taken from those that do not overlap."""
    found = []
    for name in ("sp500", "nasdaq"):
        returns = np.diff(np.log(gc.load(f"sample:{name}").table["close"].to_numpy()))
        whole = returns[len(returns) % days :].reshape(-1, days)
        found += [*whole[np.unique(np.linspace(0, len(whole) - 1, MOST).round().astype(int))]]
    return found


def without_models(returns: Floats) -> Forecasts:
    """Naive's forecasts of these returns, one day ahead."""
    n = len(returns)
    days = np.datetime64("2000-01-01") + np.arange(n + 1)
    return Forecasts(
        symbols=("index",),
        symbol=np.zeros(n, np.int64),
        fold=np.zeros(n, np.int64),
        origin=days[:-1],
        time=days[1:, None],
        anchor=np.ones(n),
        actual=1 + returns[:, None],
        naive_mae=np.ones(n),
        naive_mse=np.ones(n),
        forecast={"naive": np.ones((n, 1))},
        seeds={},
    )


def signal(returns: Floats, rng: np.random.Generator) -> Floats:
    """(n,) that moves as the returns of its time do and knows nothing of them."""
    here = np.arange(len(returns))
    away = rng.integers(1, NEAR + 1, len(here)) * rng.choice([-1, 1], len(here))
    there = np.where((here + away < 0) | (here + away >= len(here)), here - away, here + away)
    return returns[there] * rng.choice([-1.0, 1.0], len(here))


def need(returns: Floats, models: int, kind: str, seed: int = 0) -> float:
    """The skill that is found four times in five in one of so many models, a fraction."""
    forecasts, rng = without_models(returns), np.random.default_rng(seed)
    naive = losses_by_date(forecasts, SQUARED_ERROR)
    known, *others = (signal(returns, rng) for _ in range(models))
    if kind == "alike":
        others = [(known + other) / 2 for other in others]
    share = 0.02
    for _ in range(ROUNDS if others else 1):
        losses = naive.assign(oracle=(1 - share) * naive["naive"])
        for number, other in enumerate(others):
            losses[f"m{number}"] = (returns - np.sqrt(share) * other) ** 2
        tried = list(losses.columns.drop("naive"))
        away = needed(losses, "naive", tried, horizon=1, pooled=False, seed=seed)
        share = SQUARED_ERROR.detectable(forecasts, naive, "naive", away)
    return share


def cell(days: int, models: int, kind: str) -> str:
    """The median over the stretches, as the table has it."""
    needs = [need(returns, models, kind) for returns in stretches(days)]
    return f"{100 * np.median(needs):.1f} %"


def main() -> None:
    """Print the table."""
    for days in DAYS:
        print("|", " | ".join([f"{days:,}", *(cell(days, *kind) for kind in KINDS)]), "|", flush=True)


if __name__ == "__main__":
    main()
