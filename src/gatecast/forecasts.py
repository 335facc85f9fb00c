"""Forecasts: what every model said about the same origins."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gatecast._typing import Floats
from gatecast.errors import RunError
from gatecast.ranges import PARAMETERS, QUANTILE_COLUMNS, Range, has_range

Part = TypeVar("Part")

COLUMNS = ["symbol", "model", "fold", "seed", "origin", "time", "step", "actual", "forecast"]
RANGE_COLUMNS = (*QUANTILE_COLUMNS, *PARAMETERS, "crps", "log_score", "pit")
KEYS = ["symbol", "fold", "origin", "step"]


def step_names(horizon: int) -> list[str]:
    """How tables name steps: "1" … "h" and "all"; with one step "all" alone, lest a row stand twice."""
    return ["all"] if horizon == 1 else [*map(str, range(1, horizon + 1)), "all"]


@dataclass(frozen=True)
class Forecasts:
    """Every forecast of a comparison; all prices in the currency of the data.

    Shapes: N origins (each once, over all folds and symbols), h steps, S seeds.

    symbols    names; `symbol` points into them
    symbol     (N,) int
    fold       (N,) int
    origin     (N,) datetime64[D], the session at whose close the forecast is made
    time       (N, h) datetime64[D], the session that step k = 1 … h speaks of
    anchor     (N,) last known price of the forecast column; naive's forecast
    actual     (N, h) the actual prices
    naive_mae  (N,) mean |actual - anchor| over training origins of that symbol and fold, and all steps; in price
    naive_mse  (N,) mean ((actual - anchor) / anchor)**2 over the same; a squared fraction
    forecast   model → (N, h); for a network the ensemble (mean over seeds)
    seeds      network → (S, N, h); baselines are not in it
    ranges     model → its distribution, where it has one
    """

    symbols: tuple[str, ...]
    symbol: NDArray[np.int64]
    fold: NDArray[np.int64]
    origin: NDArray[np.datetime64]
    time: NDArray[np.datetime64]
    anchor: Floats
    actual: Floats
    naive_mae: Floats
    naive_mse: Floats
    forecast: dict[str, Floats]
    seeds: dict[str, Floats]
    ranges: dict[str, Range] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows, horizon = self.actual.shape
        for name in ("symbol", "fold", "origin", "anchor", "naive_mae", "naive_mse"):
            if getattr(self, name).shape != (rows,):
                raise ValueError(f"{name} has shape {getattr(self, name).shape}, not {(rows,)}")
        for model, values in self.forecast.items():
            if values.shape != (rows, horizon):
                raise ValueError(f"forecast of {model} has shape {values.shape}, not {(rows, horizon)}")
        for model, values in self.seeds.items():
            if values.shape[1:] != (rows, horizon) or model not in self.forecast:
                raise ValueError(f"seeds of {model} have shape {values.shape}, not (S, {rows}, {horizon})")
        for model, known in self.ranges.items():
            if known.crps.shape != (rows, horizon) or model not in self.forecast:
                raise ValueError(f"range of {model} has shape {known.crps.shape}, not {(rows, horizon)}")

    @property
    def horizon(self) -> int:
        """Steps ahead."""
        return int(self.actual.shape[1])

    def without(self, models: Collection[str]) -> Forecasts:
        """The forecasts of all other models."""
        if not models:
            return self
        return replace(
            self,
            forecast=_without(self.forecast, models),
            seeds=_without(self.seeds, models),
            ranges=_without(self.ranges, models),
        )

    @property
    def scales(self) -> pd.DataFrame:
        """What `frame` does not hold: symbol, fold, naive_mae, naive_mse; one row per symbol and fold."""
        name = np.asarray(self.symbols, dtype=object)[self.symbol]
        columns = {
            "symbol": name,
            "fold": self.fold,
            "naive_mae": self.naive_mae,
            "naive_mse": self.naive_mse,
        }
        rows = pd.DataFrame(columns).iloc[np.argsort(self.symbol, kind="stable")]
        return rows.drop_duplicates(["symbol", "fold"], ignore_index=True)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The same as one long table (see `COLUMNS`); seed is null for an ensemble and for a baseline.

        Where a model has a range: its columns as in `Range.columns`, null in other rows; of a single seed
        only the CRPS.
        """
        parts = []
        for model, ensemble in self.forecast.items():
            known = self.ranges.get(model)
            parts.append(self._rows(model, None, ensemble))
            if known is not None:
                parts[-1] = parts[-1].assign(**known.columns(self.anchor))
            for seed, values in enumerate(self.seeds.get(model, ())):
                parts.append(self._rows(model, seed, values))
                if known is not None and len(known.seeds):
                    parts[-1] = parts[-1].assign(crps=known.seeds[seed].ravel())
        return pd.concat(parts, ignore_index=True)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, scales: pd.DataFrame) -> Forecasts:
        """The inverse of `frame` and `scales`, to recompute scores from forecasts.parquet.

        frame   the columns `COLUMNS`, with the model "naive" in it (its forecast is the anchor)
        scales  symbol, fold, naive_mae, naive_mse: one row per symbol and fold

        Rows may come in any order. RunError where a model misses a row, has one twice, or has one of its own.
        """
        naive = frame[(frame["model"] == "naive") & frame["seed"].isna()].sort_values("step", kind="stable")
        if naive.empty:
            raise RunError(
                'No forecasts of "naive" in the table; its forecast is the anchor. Run compare again.'
            )
        first = naive[naive["step"] == 1]
        origins, horizon = len(first), int(naive["step"].max())
        order = pd.concat([first[KEYS].assign(step=step) for step in range(1, horizon + 1)])
        where = pd.MultiIndex.from_frame(order)

        def values(part: pd.DataFrame, column: str, model: str) -> NDArray[Any]:
            index = pd.MultiIndex.from_frame(part[KEYS])
            found = index.get_indexer(where) if index.is_unique else np.array([-1])
            if len(part) != len(where) or (found < 0).any():
                raise RunError(f'"{model}" does not have every origin and step once. Run compare again.')
            return np.asarray(part[column].to_numpy()[found].reshape(horizon, origins).T)

        anchor = first["forecast"].to_numpy(np.float64)
        forecast: dict[str, Floats] = {}
        seeds: dict[str, dict[int, Floats]] = {}
        crps: dict[str, dict[int, Floats]] = {}
        columns: dict[str, dict[str, Floats]] = {}
        group: Any
        for group, part in frame.groupby(["model", "seed"], sort=False, dropna=False):
            model, seed = group
            rows = values(part, "forecast", model).astype(np.float64)
            if pd.isna(seed):
                forecast[model] = rows
                if has_range(part):
                    columns[model] = {
                        name: values(part, name, model) for name in RANGE_COLUMNS if name in part
                    }
            else:
                seeds.setdefault(model, {})[seed] = rows
                if "crps" in part and part["crps"].notna().all():
                    crps.setdefault(model, {})[seed] = values(part, "crps", model)
        symbols = tuple(dict.fromkeys(scales["symbol"]))
        scale = first[["symbol", "fold"]].merge(
            scales, how="left", on=["symbol", "fold"], validate="many_to_one"
        )
        if scale[["naive_mae", "naive_mse"]].isna().to_numpy().any():
            raise RunError("The scales lack a symbol and fold that has forecasts. Run compare again.")
        return cls(
            symbols=symbols,
            symbol=np.array([symbols.index(name) for name in first["symbol"]], dtype=np.int64),
            fold=first["fold"].to_numpy(np.int64),
            origin=first["origin"].to_numpy("datetime64[D]"),
            time=values(naive, "time", "naive").astype("datetime64[D]"),
            anchor=anchor,
            actual=values(naive, "actual", "naive").astype(np.float64),
            naive_mae=scale["naive_mae"].to_numpy(np.float64),
            naive_mse=scale["naive_mse"].to_numpy(np.float64),
            forecast=forecast,
            seeds={model: _stacked(by_seed) for model, by_seed in seeds.items()},
            ranges={
                model: Range.from_columns(
                    known,
                    anchor,
                    _stacked(crps[model]) if model in crps else np.empty((0, origins, horizon)),
                )
                for model, known in columns.items()
            },
        )

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
                "time": self.time.ravel(),
                "step": np.tile(np.arange(1, horizon + 1), len(self.symbol)),
                "actual": self.actual.ravel(),
                "forecast": values.ravel(),
            }
        )


def _without(part: dict[str, Part], models: Collection[str]) -> dict[str, Part]:
    return {name: values for name, values in part.items() if name not in models}


def _stacked(by_seed: dict[int, Floats]) -> Floats:
    return np.stack([rows for _, rows in sorted(by_seed.items())])
