"""Forecasts whose truth is known, as tables for `judge`."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

import gatecast as gc
from gatecast._typing import Floats
from gatecast.errors import GatecastWarning

BEFORE, TESTED = 120, 400  # bars
STD = 0.01

Signal = Callable[[np.random.Generator, Floats], Floats]


def verdict_on(signal: Signal, seed: int, horizon: int, symbols: int) -> gc.Result:
    """The verdict on one model that forecasts the sum of `signal(rng, returns)` over the bars ahead."""
    rng = np.random.default_rng(seed)
    bars = BEFORE + TESTED
    common = rng.normal(size=(1, bars))
    share = 0.5 if symbols > 1 else 0.0
    returns = STD * (np.sqrt(share) * common + np.sqrt(1 - share) * rng.normal(size=(symbols, bars)))
    close = 100 * np.exp(np.cumsum(returns, axis=1))
    known = signal(rng, returns)
    days = pd.bdate_range("2022-01-03", periods=bars)
    names = [f"S{number:02}" for number in range(symbols)]
    prices = pd.DataFrame(
        {"symbol": np.repeat(names, bars), "date": np.tile(days, symbols), "close": close.ravel()}
    )
    origins = np.arange(BEFORE, bars - horizon)
    tables = []
    for number, name in enumerate(names):
        for step in range(1, horizon + 1):
            ahead = sum(known[number, origins + k] for k in range(1, step + 1))
            tables.append(
                pd.DataFrame(
                    {
                        "unique_id": name,
                        "ds": days[origins + step],
                        "cutoff": days[origins],
                        "mine": close[number, origins] * np.exp(ahead),
                    }
                )
            )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GatecastWarning)
        return gc.judge(pd.concat(tables), gc.Prices.from_frame(prices, calendar="weekdays"))


def oracle(share: float, factor: float = 1.0) -> Signal:
    """A part of every return with this share of its variance, times a factor: at 2 its skill is exactly 0."""

    def signal(rng: np.random.Generator, returns: Floats) -> Floats:
        noise = STD * rng.normal(size=returns.shape)
        if len(returns) > 1:  # as correlated as the returns
            noise = np.sqrt(0.5) * STD * rng.normal(size=(1, returns.shape[1])) + np.sqrt(0.5) * noise
        return factor * (share * returns + np.sqrt(share * (1 - share)) * noise)

    return signal


def noise(share: float) -> Signal:
    """What has nothing to do with the returns, with this share of their variance."""
    return lambda rng, returns: np.sqrt(share) * STD * rng.normal(size=returns.shape)


def beats(result: gc.Result) -> bool:
    """Whether the verdict says that the given model beats naive."""
    return result.verdict.kinds["mine"] == "beats naive"
