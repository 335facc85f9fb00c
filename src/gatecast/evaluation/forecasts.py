"""Forecasts: what every model said about the same origins."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]

COLUMNS = ["symbol", "model", "fold", "seed", "origin", "date", "step", "y", "forecast"]


@dataclass(frozen=True)
class Forecasts:
    """Every forecast of a comparison; all prices in the currency of the data.

    Shapes: N origins (each once, over all folds and symbols), h steps, S seeds.

    symbols    names; `symbol` points into them
    symbol     (N,) int
    fold       (N,) int
    origin     (N,) datetime64[D], the session at whose close the forecast is made
    date       (N, h) datetime64[D], the session that step k = 1 … h speaks of
    anchor     (N,) last known price of the forecast column; naive's forecast
    y          (N, h) what came
    naive_mae  (N,) mean |y - anchor| over training origins of that symbol and fold, and all steps; in price
    naive_mse  (N,) mean ((y - anchor) / anchor)**2 over the same; a squared fraction
    forecast   model → (N, h); for a network the ensemble (mean over seeds)
    seeds      network → (S, N, h); baselines are not in it
    """

    symbols: tuple[str, ...]
    symbol: NDArray[np.int64]
    fold: NDArray[np.int64]
    origin: NDArray[np.datetime64]
    date: NDArray[np.datetime64]
    anchor: Floats
    y: Floats
    naive_mae: Floats
    naive_mse: Floats
    forecast: dict[str, Floats]
    seeds: dict[str, Floats]

    def __post_init__(self) -> None:
        rows, horizon = self.y.shape
        for name in ("symbol", "fold", "origin", "anchor", "naive_mae", "naive_mse"):
            if getattr(self, name).shape != (rows,):
                raise ValueError(f"{name} has shape {getattr(self, name).shape}, not {(rows,)}")
        for model, values in self.forecast.items():
            if values.shape != (rows, horizon):
                raise ValueError(f"forecast of {model} has shape {values.shape}, not {(rows, horizon)}")
        for model, values in self.seeds.items():
            if values.shape[1:] != (rows, horizon) or model not in self.forecast:
                raise ValueError(f"seeds of {model} have shape {values.shape}, not (S, {rows}, {horizon})")

    @property
    def horizon(self) -> int:
        """Steps ahead."""
        return self.y.shape[1]

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The same as one long table (see `COLUMNS`); seed is null for an ensemble and for a baseline."""
        parts = []
        for model, ensemble in self.forecast.items():
            parts.append(self._rows(model, None, ensemble))
            for seed, values in enumerate(self.seeds.get(model, ())):
                parts.append(self._rows(model, seed, values))
        return pd.concat(parts, ignore_index=True)

    def _rows(self, model: str, seed: int | None, values: Floats) -> pd.DataFrame:
        horizon = self.horizon
        repeat = np.repeat(np.arange(len(self.symbol)), horizon)
        return pd.DataFrame(
            {
                "symbol": np.asarray(self.symbols, dtype=object)[self.symbol[repeat]],
                "model": model,
                "fold": self.fold[repeat],
                "seed": pd.array([seed] * len(repeat), dtype="Int64"),
                "origin": self.origin[repeat],
                "date": self.date.ravel(),
                "step": np.tile(np.arange(1, horizon + 1), len(self.symbol)),
                "y": self.y.ravel(),
                "forecast": values.ravel(),
            }
        )
