"""Forecasts made to order, and what goes with them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from gatecast._typing import Floats
from gatecast.data.prices import Prices
from gatecast.distributions import StudentT
from gatecast.forecasts import DistributionForecast, Forecasts
from gatecast.settings.experiment import Provenance


def provenance_of(prices: Prices) -> Provenance:
    """That of prices made for a test."""
    return Provenance(
        gatecast="0.1.0",
        source=prices.source,
        sha256=prices.sha256,
        symbols=prices.symbols,
        first="2000-01-01",
        last="2020-01-01",
    )


def reread(forecasts: Forecasts, folder: Path, *, shuffled: bool) -> Forecasts:
    """The forecasts as they come back from a file, its rows in another order where `shuffled`."""
    forecasts.frame.to_parquet(folder / "forecasts.parquet", index=False)
    frame = pd.read_parquet(folder / "forecasts.parquet")
    if shuffled:
        frame = frame.sample(frac=1, random_state=0)
    return Forecasts.from_frame(frame, forecasts.scales)


class Market:
    """Random walks of some symbols, and forecasts of them given as changes (fractions of the anchor)."""

    def __init__(
        self,
        symbols: int = 1,
        dates: int = 60,
        horizon: int = 1,
        folds: int = 2,
        seed: int = 0,
        common: float = 0.0,
    ) -> None:
        rng = np.random.default_rng(seed)
        sessions = dates + horizon
        shocks = np.sqrt(common) * rng.normal(size=(1, sessions)) + np.sqrt(1 - common) * rng.normal(
            size=(symbols, sessions)
        )
        prices = 100 * np.exp(np.cumsum(0.01 * shocks, axis=1))
        days = np.datetime64("2020-01-01") + np.arange(sessions)
        self.rng, self.prices, self.days, self.horizon = rng, prices, days, horizon
        self.names = tuple(f"S{i}" for i in range(symbols))
        ahead = np.arange(dates)[:, None] + 1 + np.arange(horizon)
        self.parts = {
            "symbols": self.names,
            "symbol": np.repeat(np.arange(symbols), dates),
            "fold": np.tile(np.arange(dates) * folds // dates, symbols),
            "origin": np.tile(days[:dates], symbols),
            "time": np.tile(days[ahead], (symbols, 1)),
            "anchor": prices[:, :dates].ravel(),
            "actual": prices[:, ahead].reshape(-1, horizon),
            "naive_mae": np.full(symbols * dates, 0.8),
            "naive_mse": np.full(symbols * dates, 1e-4),
        }

    @property
    def shape(self) -> tuple[int, int]:
        return self.parts["actual"].shape

    @property
    def moves(self) -> Floats:
        """The actual changes, as fractions of the anchor."""
        return self.parts["actual"] / self.parts["anchor"][:, None] - 1

    @property
    def history(self) -> dict[str, pd.Series]:
        index = pd.DatetimeIndex(self.days)
        return {name: pd.Series(row, index=index) for name, row in zip(self.names, self.prices, strict=True)}

    def forecasts(
        self, moves: Mapping[str, Floats], seeds: Mapping[str, Floats] | None = None, **parts: object
    ) -> Forecasts:
        """moves: model → (N, h) or what broadcasts to it; seeds: network → (S, N, h), also as changes."""
        parts = self.parts | parts
        anchor = parts["anchor"][:, None]
        forecast = {"naive": np.repeat(anchor, self.horizon, axis=1)}
        members = {name: anchor * (1 + move) for name, move in (seeds or {}).items()}
        forecast |= {name: values.mean(0) for name, values in members.items()}
        forecast |= {name: anchor * (1 + np.broadcast_to(move, self.shape)) for name, move in moves.items()}
        return Forecasts(**parts, forecast=forecast, seeds=members)

    def student(
        self, wrong: float = 1.0, noise: float = 0.0, df: float = 1e6, seeds: int = 0
    ) -> DistributionForecast:
        """The true distribution, its scale `wrong` times too large and off at random by `noise` (log)."""
        steps = np.arange(1, self.horizon + 1)
        y = np.log1p(self.moves)

        def drawn() -> StudentT:
            scale = 0.01 * wrong * np.sqrt(steps) * np.exp(noise * self.rng.normal(size=self.shape))
            return StudentT(np.zeros(self.shape), scale, np.full(self.shape, df))

        members = [100 * drawn().crps(y) for _ in range(seeds)]
        return DistributionForecast.of(drawn(), y, np.stack(members) if members else None)

    def distributed(self, models: Mapping[str, DistributionForecast], **parts: object) -> Forecasts:
        """Forecasts of no change with these distributions; those that have seeds are networks."""
        networks = {name: np.zeros_like(known.seeds) for name, known in models.items() if len(known.seeds)}
        baselines = {name: 0.0 for name in models if name not in networks}
        return self.forecasts(baselines, networks, distributions=dict(models), **parts)
