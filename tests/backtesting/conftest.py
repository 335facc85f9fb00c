"""Runs made to order: prices, and forecasts given as log returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import pytest

from gatecast.api.result import Result
from gatecast.data.prices import Prices
from gatecast.forecasts import Forecasts
from gatecast.settings.experiment import Experiment
from gatecast.settings.network import Network

from ..markets import provenance_of  # isort: skip


def made_run(
    frame: pd.DataFrame,
    moves: Mapping[str, np.ndarray],
    first: int = 0,
    *,
    networks: tuple[str, ...] = (),
    calendar: str = "daily",
) -> Result:
    """A run whose origins are the rows `first` … n - 2 of every symbol.

    frame: as for Prices.from_frame, with a column symbol; moves: model → log returns, one for each origin in
    the order of the sorted table.
    """
    prices = Prices.from_frame(frame, calendar=calendar)
    table = prices.table
    place = table.groupby("symbol").cumcount().to_numpy()
    size = table.groupby("symbol")["close"].transform("size").to_numpy()
    rows = np.flatnonzero((place >= first) & (place < size - 1))
    close = table["close"].to_numpy()
    session = prices.times
    anchor = close[rows]
    forecast = {"naive": anchor[:, None].copy()}
    forecast |= {name: (anchor * np.exp(move))[:, None] for name, move in moves.items()}
    symbols = list(prices.symbols)
    outcome = Forecasts(
        symbols=prices.symbols,
        symbol=np.array([symbols.index(name) for name in table["symbol"].iloc[rows]], dtype=np.int64),
        fold=np.zeros(len(rows), dtype=np.int64),
        origin=session[rows],
        time=session[rows + 1][:, None],
        anchor=anchor,
        actual=close[rows + 1][:, None],
        naive_mae=np.ones(len(rows)),
        naive_mse=np.ones(len(rows)),
        forecast=forecast,
        seeds={name: forecast[name][None] for name in networks},
        frequency=prices.frequency,
    )
    experiment = Experiment(
        models=tuple(forecast),
        networks=dict.fromkeys(networks, Network()),
    )
    return Result(experiment, provenance_of(prices), prices, outcome, pd.DataFrame(), (), (), {})


def frame_of(close: list[float], opened: list[float] | None = None, symbol: str = "A") -> pd.DataFrame:
    """Sessions on the days from Monday, 2015-01-05."""
    days = pd.bdate_range("2015-01-05", periods=len(close))
    frame = pd.DataFrame({"symbol": symbol, "date": days, "close": close})
    return frame if opened is None else frame.assign(open=opened)


@pytest.fixture(scope="session")
def run_of() -> Callable[..., Result]:
    return made_run


@pytest.fixture(scope="session")
def closes() -> Callable[..., pd.DataFrame]:
    return frame_of
