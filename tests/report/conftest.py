"""Results made to order, without any training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from gatecast.api.result import Result
from gatecast.data.prices import Prices
from gatecast.data.spacing import as_times
from gatecast.distributions import StudentT
from gatecast.forecasts import DistributionForecast, Forecasts
from gatecast.report.page import page
from gatecast.settings.experiment import Experiment
from gatecast.settings.network import Network

from ..markets import provenance_of  # isort: skip

SESSIONS, TESTED, EPOCHS = 200, 60, 6


def make_result(
    symbols: tuple[str, ...] = ("AAA",),
    networks: tuple[str, ...] = ("lstm", "gru"),
    baselines: tuple[str, ...] = ("naive", "drift"),
    *,
    horizon: int = 1,
    folds: int = 2,
    seeds: int = 3,
    sessions: int = SESSIONS,
    tested: int = TESTED,
    constant: bool = False,
    broken: str | None = None,
    warnings: tuple[str, ...] = (),
    distributions: dict[str, float] | None = None,
    frequency: str = "1d",
) -> Result:
    """Random walks; networks that forecast small noise; `broken`: a model whose forecasts are NaN.

    distributions: model → the scale of its distribution, in standard deviations of the walk (1 is right).
    """
    rng = np.random.default_rng(0)
    steps = 0.0 if constant else 0.01 * rng.normal(size=(len(symbols), sessions))
    close = 100 * np.exp(np.cumsum(steps + np.zeros((len(symbols), sessions)), axis=1))
    frame = pd.DataFrame({"symbol": np.repeat(symbols, sessions), "close": close.ravel()})
    if frequency != "index":
        frame["date"] = np.tile(times(frequency, sessions), len(symbols))
    prices = Prices.from_frame(frame, calendar=None if frequency == "index" else "24/7", frequency=frequency)
    numbers = frequency == "index"
    days = pd.DatetimeIndex(prices.times[:sessions]) if numbers else times(frequency, sessions)
    place = [symbols.index(name) for name in prices.symbols]
    outcome = _forecasts(
        prices.symbols, close[place], days, networks, baselines, horizon, folds, seeds, tested, broken
    )
    outcome = replace(
        outcome,
        distributions={name: walk(outcome, scale) for name, scale in (distributions or {}).items()},
        frequency=frequency,
        origin=as_times(outcome.origin, frequency),
        time=as_times(outcome.time, frequency),
    )
    experiment = Experiment(
        models=(*baselines, *networks),
        networks=dict.fromkeys(networks, Network()),
        horizon=horizon,
        folds=folds,
        seeds=seeds,
    )
    training = _training(networks, folds, seeds)
    return Result(experiment, provenance_of(prices), prices, outcome, training, warnings, (), {})


def times(frequency: str, count: int) -> pd.DatetimeIndex:
    """Of bars without a gap; those of five minutes from the middle of a day on."""
    starts = {"1d": "2018-01-01", "1h": "2018-01-01", "5min": "2018-01-01 12:00"}
    steps = {"1d": "D", "1h": "h", "5min": "5min", "1w": "W-FRI", "1mo": "ME"}
    return pd.date_range(starts.get(frequency, "1990-01-01"), periods=count, freq=steps[frequency])


def walk(outcome: Forecasts, scale: float) -> DistributionForecast:
    """What a walk does in k steps: a Student t near the normal, its scale 0.01 √k times `scale`."""
    y = np.log(outcome.actual / outcome.anchor[:, None])
    shape = np.ones_like(y)
    width = 0.01 * scale * np.sqrt(np.arange(1, outcome.horizon + 1))
    return DistributionForecast.of(StudentT(0 * shape, width * shape, 200.0 * shape), y)


def _forecasts(
    symbols: tuple[str, ...],
    close: np.ndarray,
    days: pd.DatetimeIndex,
    networks: tuple[str, ...],
    baselines: tuple[str, ...],
    horizon: int,
    folds: int,
    seeds: int,
    tested: int,
    broken: str | None,
) -> Forecasts:
    rng = np.random.default_rng(1)
    day = days.to_numpy()
    origins = np.arange(close.shape[1] - tested - horizon, close.shape[1] - horizon)
    ahead = origins[:, None] + 1 + np.arange(horizon)
    anchor = close[:, origins].ravel()
    rows = len(anchor)
    noise = {name: 0.002 * rng.normal(size=(seeds, rows, horizon)) for name in networks}
    members = {name: anchor[:, None] * (1 + moves) for name, moves in noise.items()}
    forecast = {name: anchor[:, None] * np.ones(horizon) for name in baselines}
    forecast |= {name: values * (1 + 0.0005 * place) for place, (name, values) in enumerate(forecast.items())}
    forecast |= {name: values.mean(axis=0) for name, values in members.items()}
    if broken is not None:
        forecast[broken] = np.full((rows, horizon), np.nan)
    return Forecasts(
        symbols=symbols,
        symbol=np.repeat(np.arange(len(symbols)), tested),
        fold=np.tile(np.arange(tested) * folds // tested, len(symbols)),
        origin=np.tile(day[origins], len(symbols)),
        time=np.tile(day[ahead], (len(symbols), 1)),
        anchor=anchor,
        actual=close[:, ahead].reshape(rows, horizon),
        naive_mae=np.full(rows, 0.8),
        naive_mse=np.full(rows, 1e-4),
        forecast=forecast,
        seeds=members,
    )


def _training(networks: tuple[str, ...], folds: int, seeds: int) -> pd.DataFrame:
    index = pd.MultiIndex.from_product(
        [networks, ["search", "refit"], range(folds), range(seeds), range(1, EPOCHS + 1)],
        names=["model", "stage", "fold", "seed", "epoch"],
    )
    table = index.to_frame(index=False).assign(symbol=None)
    search = table["stage"] == "search"
    table["loss"] = 1 - 0.01 * table["epoch"]
    table["validation_loss"] = (1 + 0.01 * table["epoch"]).where(search)
    table["kept"] = table["epoch"] == 1
    return table if networks else pd.DataFrame()


@pytest.fixture(scope="session")
def result() -> Result:
    return make_result()


@pytest.fixture(scope="session")
def text(result: Result) -> str:
    return page(result)
