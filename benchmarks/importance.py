"""Permutation importance where the truth is known: one input is planted, all others are noise.

Call: `python benchmarks/importance.py [DRAWS] [HORIZON] [SYMBOLS]`. Prints how often the 95 % interval of an
input lies above zero, holds it, and lies below.
"""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pandas as pd

import gatecast as gc

ROWS = 900
SHARE = 0.2  # of the variance of the next return that the planted input says
NETWORK = gc.Network(cell="gru", hidden_size=4)
TRAINING = gc.Training(epochs=15, patience=5, learning_rate=0.01, batch_size=64)


def prices_of(draw: int, symbols: int = 1) -> pd.DataFrame:
    """Returns that nobody could forecast without `planted`; `slow` and `fast` are noise."""
    rng, frames = np.random.default_rng([7, draw]), []
    for number in range(symbols):
        planted, fast, shock = rng.standard_normal((3, ROWS))
        slow = np.zeros(ROWS)
        for row in range(1, ROWS):
            slow[row] = 0.95 * slow[row - 1] + rng.standard_normal()
        returns = 0.01 * (np.sqrt(SHARE) * np.append(0, planted[:-1]) + np.sqrt(1 - SHARE) * shock)
        dates = pd.bdate_range("2015-01-01", periods=ROWS)
        columns = {"planted": planted, "fast": fast, "slow": slow}
        frames.append(
            pd.DataFrame(
                {"symbol": f"S{number}", "date": dates, "close": 100 * np.exp(np.cumsum(returns)), **columns}
            )
        )
    return pd.concat(frames, ignore_index=True)


def importance_of(draw: int, horizon: int = 1, symbols: int = 1, seeds: int = 1) -> pd.DataFrame:
    """The importance of every input in one draw."""
    prices = gc.Prices.from_frame(prices_of(draw, symbols), calendar="daily")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = gc.compare(
            prices, [{"gru": NETWORK}], training=TRAINING, past=["planted", "fast", "slow"], lookback=8,
            horizon=horizon, folds=2, seeds=seeds, seed=draw,
        )  # fmt: skip
        return result.importance()


def main() -> None:
    draws, horizon, symbols = (int(word) for word in (sys.argv[1:] + ["100", "1", "1"][len(sys.argv) - 1 :]))
    found = pd.concat([importance_of(draw, horizon, symbols) for draw in range(draws)])
    above, holds = found["low"] > 0, (found["low"] <= 0) & (found["high"] >= 0)
    table = found.assign(above=above, holds=holds, below=found["high"] < 0).groupby("input")
    print(
        f"{draws} draws, {horizon} steps, {symbols} symbols; intervals of 95 %: above 0, holding 0, below 0"
    )
    print(table.agg({"value": "mean", "above": "sum", "holds": "sum", "below": "sum"}).to_string())


if __name__ == "__main__":
    main()
