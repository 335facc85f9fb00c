"""Do networks find what a column says? Planted signals, and the same columns shuffled.

    python benchmarks/columns.py [--data 5] [--kinds past,future,joined,static] [--lookback 20]
    python benchmarks/columns.py --kinds size --models gru,lightgbm:LGBMRegressor,sklearn.linear_model:Ridge

Each kind is a market of 5,000 sessions (static: 20 symbols of 1,500) in which a column says SHARE of the
variance of the next return: as past covariate, as future covariate, in a series that is released two days
after its own date, with a sign that a static column turns, or by its size, which no straight line sees.
Beside a model's skill stands that of the same comparison with the rows of the column shuffled (static:
without the column), and how often the verdict says that it beats naive.
"""

from __future__ import annotations

import argparse
import time
import warnings
from itertools import product

import numpy as np
import pandas as pd

import gatecast as gc
from gatecast.errors import GatecastWarning

SHARE = 0.2  # of the variance of a return
SESSIONS, SYMBOLS, OF_EACH = 5000, 20, 1500
DAYS = pd.bdate_range("1990-01-01", periods=SESSIONS + 10)
RELEASED_AFTER = 2  # days
VOLATILITY = 0.01


def returns_of(signal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns of which `signal`, standard normal, says SHARE of the variance."""
    noise = rng.standard_normal(len(signal))
    return VOLATILITY * (np.sqrt(SHARE) * signal + np.sqrt(1 - SHARE) * noise)


def frame_of(returns: np.ndarray, symbol: str = "A", **columns: object) -> pd.DataFrame:
    close = 100 * np.exp(np.cumsum(returns))
    return pd.DataFrame({"symbol": symbol, "date": DAYS[: len(close)], "close": close, **columns})


def shuffled(values: np.ndarray, rng: np.random.Generator, shuffle: bool) -> np.ndarray:
    return rng.permutation(values) if shuffle else values


def past(rng: np.random.Generator, shuffle: bool) -> tuple[object, dict]:
    """The column of a session says what the next return is."""
    signal = rng.standard_normal(SESSIONS)
    returns = returns_of(np.append(0.0, signal[:-1]), rng)
    return frame_of(returns, vix=shuffled(signal, rng, shuffle)), {"past": ("vix",)}


def future(rng: np.random.Generator, shuffle: bool) -> tuple[object, dict]:
    """The column of a session, known in advance, says what its own return is."""
    signal = rng.standard_normal(SESSIONS)
    return frame_of(returns_of(signal, rng), planned=shuffled(signal, rng, shuffle)), {"future": ("planned",)}


def joined(rng: np.random.Generator, shuffle: bool) -> tuple[object, dict]:
    """What is released two days after its own date says what the return after its release is."""
    signal = rng.standard_normal(SESSIONS)  # by the session of the release
    returns = returns_of(np.append(0.0, signal[:-1]), rng)
    released = DAYS[:SESSIONS]
    table = pd.DataFrame(
        {
            "date": released - pd.Timedelta(days=RELEASED_AFTER),
            "released": released,
            "rate": shuffled(signal, rng, shuffle),
        }
    )
    prices = gc.join(
        gc.Prices.from_frame(frame_of(returns), calendar="weekdays"), table, known_after="released"
    )
    return prices, {"past": ("rate",)}


def static(rng: np.random.Generator, shuffle: bool) -> tuple[object, dict]:
    """The sign of what the past column says is that of the symbol's sector; shuffled: without the sector.

    One bar in a window: in a longer one the network sees which sign its symbol has, and needs no sector.
    """
    parts = []
    for number in range(SYMBOLS):
        sign = 1 if number % 2 else -1
        signal = rng.standard_normal(OF_EACH)
        returns = returns_of(sign * np.append(0.0, signal[:-1]), rng)
        sector = {} if shuffle else {"sector": "miner" if sign > 0 else "airline"}
        parts.append(frame_of(returns, f"S{number:02}", oil=signal, **sector))
    settings = {"past": ("oil",), "lookback": 1, "static": () if shuffle else ("sector",)}
    return pd.concat(parts, ignore_index=True), settings


def size(rng: np.random.Generator, shuffle: bool) -> tuple[object, dict]:
    """The size of the column, |x| - E|x|, says what the next return is."""
    x = rng.standard_normal(SESSIONS)
    signal = (np.abs(x) - np.sqrt(2 / np.pi)) / np.sqrt(1 - 2 / np.pi)
    returns = returns_of(np.append(0.0, signal[:-1]), rng)
    return frame_of(returns, vix=shuffled(x, rng, shuffle)), {"past": ("vix",)}


KINDS = {"past": past, "future": future, "joined": joined, "static": static, "size": size}


def skill_of(kind: str, seed: int, shuffle: bool, model: str = "gru", **how: int) -> tuple[float, bool]:
    """A model's skill in %, and whether the verdict says that it beats naive; how: settings of compare."""
    data, settings = KINDS[kind](np.random.default_rng([seed, list(KINDS).index(kind)]), shuffle)
    prices = data if isinstance(data, gc.Prices) else gc.Prices.from_frame(data, calendar="weekdays")
    result = gc.compare(prices, [model], **{**settings, **how})
    name = model.rpartition(":")[2]
    return 100 * result.significance.models[name].skill.value, result.verdict.kinds[name] == "beats naive"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=int, default=5, help="data sets of each kind")
    parser.add_argument("--kinds", default="past,future,joined,static")
    parser.add_argument("--models", default="gru")
    parser.add_argument("--lookback", type=int, help="bars in a window; else 20, of static 1")
    given = parser.parse_args()
    how = {} if given.lookback is None else {"lookback": given.lookback}
    warnings.simplefilter("ignore", GatecastWarning)
    print(f"{'column':8} {'model':14} {'':9} {'skill, %':28} {'mean':>6}  beats naive")
    for kind, model in product(given.kinds.split(","), given.models.split(",")):
        for shuffle in (False, True):
            began = time.perf_counter()
            found = [skill_of(kind, seed, shuffle, model, **how) for seed in range(given.data)]
            skills, beats = zip(*found, strict=True)
            what = ("without" if kind == "static" else "shuffled") if shuffle else "planted"
            row = " ".join(f"{skill:.1f}" for skill in skills)
            seconds = (time.perf_counter() - began) / given.data
            print(
                f"{kind:8} {model.rpartition(':')[2]:14} {what:9} {row:28} {np.mean(skills):6.2f}  "
                f"{sum(beats)} of {given.data}"
                f"  ({seconds:.0f} s each)",
                flush=True,
            )


if __name__ == "__main__":
    main()
