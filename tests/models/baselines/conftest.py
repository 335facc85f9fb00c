"""Problems for baselines: random walks of one symbol or several, with gaps and other starts."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from gatecast.data.prices import Prices
from gatecast.problem.problem import Problem, make_problem

GARCH = {"mean": 0.0003, "omega": 4e-6, "alpha": 0.03, "gamma": 0.1, "beta": 0.88, "df": 6.0}


def frame_of(closes: dict[str, np.ndarray], freq: str = "B", start: str = "2000-01-03") -> pd.DataFrame:
    """symbol, date, open, close: an open beside the close, so that there is another column to forecast."""
    parts = [
        pd.DataFrame(
            {
                "symbol": symbol,
                "date": pd.date_range(start, periods=len(close), freq=freq),
                "open": close * np.exp(0.01 * np.sin(np.arange(len(close)))),
                "close": close,
            }
        )
        for symbol, close in closes.items()
    ]
    return pd.concat(parts, ignore_index=True)


def walk(sessions: int = 300, seed: int = 0, drift: float = 0.0) -> np.ndarray:
    return 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(drift, 0.01, sessions)))


def three_symbols() -> pd.DataFrame:
    """One whole, one that starts late and ends early, one with missing sessions and a year without any."""
    frame = frame_of({symbol: walk(300, seed) for seed, symbol in enumerate("ABC")})
    place = frame.groupby("symbol").cumcount()
    late = (frame["symbol"] == "B") & ((place < 90) | (place > 290))
    holes = (frame["symbol"] == "C") & (np.random.default_rng(9).random(len(frame)) < 0.1)
    frame = frame[~(late | holes)].reset_index(drop=True)
    after = (frame["symbol"] == "C") & (frame["date"] > pd.Timestamp("2000-05-01"))
    frame.loc[after, "date"] += pd.Timedelta(days=364)
    before = (frame["symbol"] != "C") & (frame["date"] < pd.Timestamp("2000-05-01"))
    frame.loc[~before & (frame["symbol"] != "C"), "date"] += pd.Timedelta(days=364)
    return frame


def with_range(frame: pd.DataFrame) -> pd.DataFrame:
    """The same with high and low around open and close."""
    rng = np.random.default_rng(2)
    body = frame[["open", "close"]]
    high = body.max(axis=1) * np.exp(0.002 + rng.exponential(0.004, len(frame)))
    low = body.min(axis=1) * np.exp(-0.002 - rng.exponential(0.004, len(frame)))
    return frame.assign(high=high, low=low)


def garch_returns(sessions: int, seed: int = 0) -> np.ndarray:
    """Log returns of a GJR-GARCH(1,1)-t: a day's volatility 1 %, df 6; see GARCH for the parameters."""
    rng = np.random.default_rng(seed)
    shocks = rng.standard_t(GARCH["df"], sessions) * np.sqrt(1 - 2 / GARCH["df"])
    returns, variance = np.empty(sessions), 1e-4
    for t, shock in enumerate(shocks):
        residual = np.sqrt(variance) * shock
        returns[t] = GARCH["mean"] + residual
        weight = GARCH["alpha"] + GARCH["gamma"] * (shock < 0)
        variance = GARCH["omega"] + weight * residual**2 + GARCH["beta"] * variance
    return returns


def as_problem(frame: pd.DataFrame, **how) -> Problem:
    prices = Prices.from_frame(frame, calendar="daily")
    return make_problem(prices, **{"lookback": 5, "horizon": 1, **how})


@pytest.fixture(scope="session")
def make() -> Callable[..., Problem]:
    return as_problem


@pytest.fixture(scope="session")
def frame() -> Callable[..., pd.DataFrame]:
    return frame_of


@pytest.fixture(scope="session")
def random_walk() -> Callable[..., np.ndarray]:
    return walk


@pytest.fixture(scope="session")
def ragged() -> Callable[[], pd.DataFrame]:
    return three_symbols


@pytest.fixture(scope="session")
def ranged() -> Callable[[pd.DataFrame], pd.DataFrame]:
    return with_range


@pytest.fixture(scope="session")
def simulated_garch() -> Callable[..., np.ndarray]:
    return garch_returns


@pytest.fixture(scope="session")
def truth() -> dict[str, float]:
    """The parameters of `simulated_garch`."""
    return GARCH
