"""Forecasts: what every model predicts at the same origins."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gatecast._typing import Floats
from gatecast.data.spacing import as_times
from gatecast.distributions import LEVELS, Distribution, Point, StudentT
from gatecast.errors import RunError
from gatecast.formatting import brief
from gatecast.language import say
from gatecast.problem.moves import LOG_RETURN, MOVES, Move
from gatecast.settings.frequency import DAILY, INDEX, position_of, time_at
from gatecast.settings.names import SEASONAL_NAIVE

QUANTILE_COLUMNS = tuple(f"q{100 * level:04.1f}".replace(".0", "").replace(".", "_") for level in LEVELS)
PARAMETERS = ("location", "scale", "df")
PER_CENT = LOG_RETURN.factor  # scores of log returns are those of the log return x 100
Part = TypeVar("Part")

COLUMNS = ["symbol", "model", "fold", "seed", "origin", "time", "step", "actual", "forecast"]
DISTRIBUTION_COLUMNS = (*QUANTILE_COLUMNS, *PARAMETERS, "crps", "log_score", "pit")
SCALES = ("naive_scale", "naive_mae")  # of an origin: what its losses are divided by
KEYS = ["symbol", "fold", "origin", "step"]


def level_of(text: str) -> float:
    """0.1 of "0.1" or "10", the number in the name of a quantile; 0.025 of "02_5", as gatecast writes it."""
    value = float(text.replace("_", "."))
    return round(value if "." in text and value < 1 else value / 100, 9)


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
    origin     (N,) datetime64[D] or [s], the time of the bar at whose close the forecast is made
    time       (N, h) of the bar that is forecast at step k = 1 … h
    anchor     (N,) last known price of the forecast column; naive's forecast
    actual     (N, h) the actual prices
    naive_mae  (N,) mean |actual - anchor| over training origins of that symbol and fold, all steps; in price
    naive_mse  (N,) mean ((actual - anchor) / base)**2 over the same; a squared fraction, or price squared.
               Both are of the benchmark, with its forecast in place of the anchor where that is not naive
    forecast   model → (N, h); for a network the ensemble (mean over seeds)
    seeds      network → (S, N, h); baselines are not in it
    distributions  model → its distribution, where it has one
    frequency  of the bars
    season     bars of the season that the targets are measured from; 1: from the last price
    move       what distributions are of, and errors are measured on the scale of: log return or difference
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
    distributions: dict[str, DistributionForecast] = field(default_factory=dict)
    frequency: str = DAILY
    season: int = 1
    move: Move = LOG_RETURN

    __repr__ = brief

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
        for model, known in self.distributions.items():
            if known.crps.shape != (rows, horizon) or model not in self.forecast:
                raise ValueError(
                    f"distribution of {model} has shape {known.crps.shape}, not {(rows, horizon)}"
                )

    @property
    def horizon(self) -> int:
        """Steps ahead."""
        return int(self.actual.shape[1])

    @property
    def benchmark(self) -> str:
        """The baseline that point forecasts are judged against: what an output of zero stands for."""
        return "naive" if self.season == 1 else SEASONAL_NAIVE

    @property
    def reference(self) -> Floats:
        """(N, h) the prices that the benchmark forecasts."""
        if self.season == 1:
            return np.broadcast_to(self.anchor[:, None], self.actual.shape)
        return self.forecast[self.benchmark]

    @cached_property
    def test_starts(self) -> NDArray[np.datetime64]:
        """(folds,) the first origin of each fold's test, in the order of their numbers."""
        return np.array([self.origin[self.fold == fold].min() for fold in np.unique(self.fold)])

    @cached_property
    def actual_return(self) -> Floats:
        """(N, h) the actual moves from the origin, log returns or differences.

        NaN where a price has none: a log return is of prices above 0.
        """
        return self._move(self.actual)

    @property
    def base(self) -> Floats:
        """(N,) what changes in price are divided by to be compared: the anchor; of differences 1."""
        return self.move.base(self.anchor)

    def changes(self, price: Floats) -> Floats:
        """(…, N, h) the changes from the anchor to these prices, as fractions of it, or as differences."""
        return self.move.change(price, self.anchor[:, None])

    def members(self, model: str) -> Floats:
        """(1 + S, N, h) the prices that a model forecasts: its ensemble, then each of its seeds."""
        return np.stack([self.forecast[model], *self.seeds.get(model, ())])

    def crps(self, model: str) -> tuple[Floats, Floats]:
        """The CRPS of a model (N, h) and of each of its seeds (S, N, h), of the move x its factor.

        A point forecast is the distribution `Point`.
        """
        known = self.distributions.get(model)
        if known is not None:
            return known.crps, known.seeds
        points = (Point(self._move(price)) for price in self.members(model))
        scored = np.stack([self.move.factor * point.crps(self.actual_return) for point in points])
        return scored[0], scored[1:]

    def beside(self, others: Forecasts, order: Sequence[str]) -> Forecasts:
        """The same with other models' forecasts of the same origins, the models in `order`."""

        def both(own: Mapping[str, Part], theirs: Mapping[str, Part]) -> dict[str, Part]:
            known = {**own, **theirs}
            return {model: known[model] for model in order if model in known}

        return replace(
            self,
            forecast=both(self.forecast, others.forecast),
            seeds=both(self.seeds, others.seeds),
            distributions=both(self.distributions, others.distributions),
        )

    def without(self, models: Collection[str]) -> Forecasts:
        """The forecasts of all other models."""
        if not models:
            return self
        return replace(
            self,
            forecast=_without(self.forecast, models),
            seeds=_without(self.seeds, models),
            distributions=_without(self.distributions, models),
        )

    def of_origins(self, rows: NDArray[np.bool_]) -> Forecasts:
        """The forecasts of some origins; rows (N,)."""
        names = ("symbol", "fold", "origin", "time", "anchor", "actual", "naive_mae", "naive_mse")
        return replace(
            self,
            **{name: getattr(self, name)[rows] for name in names},
            forecast={name: values[rows] for name, values in self.forecast.items()},
            seeds={name: values[:, rows] for name, values in self.seeds.items()},
            distributions={name: known.of_origins(rows) for name, known in self.distributions.items()},
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

        naive_scale, which is `naive_mse`, and naive_mae: with them the table can be judged alone. Where a
        model has a distribution: its columns as in `DistributionForecast.columns`, null in other rows; of a
        single seed only the CRPS. Where moves are not log returns, a column `move` says what they are.
        """
        return pd.concat(self._tables(), ignore_index=True)

    def to_parquet(self, file: str | Path) -> None:
        """Write `frame` without ever holding it: a table for each model and seed after the other."""
        import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]
        import pyarrow.parquet as pq  # type: ignore[import-untyped,unused-ignore]

        columns = self.of_origins(np.arange(len(self.symbol)) == 0).frame
        schema = pa.Schema.from_pandas(columns, preserve_index=False)
        with pq.ParquetWriter(file, schema) as writer:
            for table in self._tables():
                rows = table.reindex(columns=columns.columns)
                writer.write_table(pa.Table.from_pandas(rows, schema, preserve_index=False))

    def _tables(self) -> Iterator[pd.DataFrame]:
        """The parts of `frame`: of each model the ensemble, then its seeds."""
        same = {} if self.move.name == LOG_RETURN.name else {"move": self.move.name}
        for model, ensemble in self.forecast.items():
            known = self.distributions.get(model)
            own = known.columns(self.anchor, self.move) if known is not None else {}
            yield self._rows(model, None, ensemble).assign(**own, **same)
            for seed, values in enumerate(self.seeds.get(model, ())):
                scored = known is not None and len(known.seeds)
                of_seed = {"crps": known.seeds[seed].ravel()} if known is not None and scored else {}
                yield self._rows(model, seed, values).assign(**of_seed, **same)

    @classmethod
    def from_frame(
        cls, frame: pd.DataFrame, scales: pd.DataFrame, frequency: str = DAILY, season: int = 1
    ) -> Forecasts:
        """The inverse of `frame` and `scales`, to recompute scores from forecasts.parquet.

        frame   the columns `COLUMNS`, with the model "naive" in it (its forecast is the anchor)
        scales  symbol, fold, naive_mae, naive_mse: one row per symbol and fold, for frames of earlier
                versions, without `SCALES`
        frequency, season  as in the class

        Rows may come in any order. RunError where a model misses a row, has one twice, or has one of its own.
        """
        naive = frame[(frame["model"] == "naive") & frame["seed"].isna()].sort_values("step", kind="stable")
        if naive.empty:
            raise RunError(
                say('No forecasts of "naive" in the table; its forecast is the anchor. Run compare again.')
            )
        first = naive[naive["step"] == 1]
        origins, horizon = len(first), int(naive["step"].max())
        order = pd.concat([first[KEYS].assign(step=step) for step in range(1, horizon + 1)])
        where = pd.MultiIndex.from_frame(order)

        def values(part: pd.DataFrame, column: str, model: str) -> NDArray[Any]:
            index = pd.MultiIndex.from_frame(part[KEYS])
            found = index.get_indexer(where) if index.is_unique else np.array([-1])
            if len(part) != len(where) or (found < 0).any():
                raise RunError(
                    say('"{model}" does not have every origin and step once. Run compare again.', model=model)
                )
            return np.asarray(part[column].to_numpy()[found].reshape(horizon, origins).T)

        anchor, move = first["forecast"].to_numpy(np.float64), move_of(frame)
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
                if has_distribution(part):
                    columns[model] = {
                        name: values(part, name, model) for name in DISTRIBUTION_COLUMNS if name in part
                    }
            else:
                seeds.setdefault(model, {})[seed] = rows
                if "crps" in part and part["crps"].notna().all():
                    crps.setdefault(model, {})[seed] = values(part, "crps", model)
        symbols = tuple(dict.fromkeys(scales["symbol"]))
        scale = first[["symbol", "fold"]].merge(
            scales, how="left", on=["symbol", "fold"], validate="many_to_one"
        )
        if set(SCALES) <= set(first):
            scale = first.rename(columns={"naive_scale": "naive_mse"})
        if scale[["naive_mae", "naive_mse"]].isna().to_numpy().any():
            raise RunError(say("The scales lack a symbol and fold that has forecasts. Run compare again."))
        return cls(
            symbols=symbols,
            symbol=np.array([symbols.index(name) for name in first["symbol"]], dtype=np.int64),
            fold=first["fold"].to_numpy(np.int64),
            origin=_times_in(first["origin"].to_numpy(), frequency),
            time=_times_in(values(naive, "time", "naive"), frequency),
            anchor=anchor,
            actual=values(naive, "actual", "naive").astype(np.float64),
            naive_mae=scale["naive_mae"].to_numpy(np.float64),
            naive_mse=scale["naive_mse"].to_numpy(np.float64),
            forecast=forecast,
            seeds={model: _stacked(by_seed) for model, by_seed in seeds.items()},
            distributions={
                model: DistributionForecast.from_columns(
                    known,
                    anchor,
                    move,
                    _stacked(crps[model]) if model in crps else np.empty((0, origins, horizon)),
                )
                for model, known in columns.items()
            },
            frequency=frequency,
            season=season,
            move=move,
        )

    def _move(self, price: Floats) -> Floats:
        """(N, h) the moves to prices (N, h); NaN where one has none."""
        to, of = (
            np.where(self.move.is_price(values), values, np.nan) for values in (price, self.anchor[:, None])
        )
        return self.move.of(to, of)

    def _rows(self, model: str, seed: int | None, values: Floats) -> pd.DataFrame:
        horizon = self.horizon
        repeat = np.repeat(np.arange(len(self.symbol)), horizon)
        return pd.DataFrame(
            {
                "symbol": np.asarray(self.symbols, dtype=object)[self.symbol[repeat]],
                "model": model,
                "fold": self.fold[repeat],
                "seed": pd.array([seed] * len(repeat), dtype="Int64"),
                "origin": written(self.origin[repeat], self.frequency),
                "time": written(self.time.ravel(), self.frequency),
                "step": np.tile(np.arange(1, horizon + 1), len(self.symbol)),
                "actual": self.actual.ravel(),
                "forecast": values.ravel(),
                "naive_scale": self.naive_mse[repeat],
                "naive_mae": self.naive_mae[repeat],
            }
        )


@dataclass(frozen=True)
class DistributionForecast:
    """A model's distribution of the move from the origin, and its scores. N origins, h steps, S seeds.

    A move is a log return, or a difference; scores are of the move x its factor: 100 for log returns, 1 for
    differences.

    quantiles  (N, h, 17) moves at `gatecast.distributions.LEVELS`
    crps       (N, h) continuous ranked probability score
    log_score  (N, h) - log density; NaN where there is no density
    pit        (N, h) probability integral transform of the actual move, in [0, 1]
    location, scale, df   (N, h) of a Student t, of the move; None for other distributions
    seeds      (S, N, h) the CRPS of each seed alone; S is 0 for a baseline
    """

    quantiles: Floats
    crps: Floats
    log_score: Floats
    pit: Floats
    location: Floats | None
    scale: Floats | None
    df: Floats | None
    seeds: Floats

    __repr__ = brief

    @classmethod
    def of(
        cls, distribution: Distribution, y: Floats, seeds: Floats | None = None, move: Move = LOG_RETURN
    ) -> DistributionForecast:
        """A distribution scored by the actual moves y (N, h).

        seeds  (S, N, h) the CRPS of each seed, of the move x its factor
        """
        own = distribution if isinstance(distribution, StudentT) else None
        return cls(
            quantiles=distribution.quantile(LEVELS),
            crps=move.factor * distribution.crps(y),
            log_score=distribution.log_score(y) + np.log(move.factor),
            pit=distribution.cdf(y),
            location=None if own is None else own.location,
            scale=None if own is None else own.scale,
            df=None if own is None else own.df,
            seeds=np.empty((0, *y.shape)) if seeds is None else seeds,
        )

    @classmethod
    def joined(cls, parts: Sequence[DistributionForecast]) -> DistributionForecast:
        """Those of several folds, their origins one after the other; parameters only where all have them."""
        own = all(part.scale is not None for part in parts)

        def of(name: str) -> Floats:
            return np.concatenate([getattr(part, name) for part in parts])

        return cls(
            quantiles=of("quantiles"),
            crps=of("crps"),
            log_score=of("log_score"),
            pit=of("pit"),
            location=of("location") if own else None,
            scale=of("scale") if own else None,
            df=of("df") if own else None,
            seeds=np.concatenate([part.seeds for part in parts], axis=1),
        )

    def of_origins(self, rows: NDArray[np.bool_]) -> DistributionForecast:
        """The distributions of some origins; rows (N,)."""
        names = ("quantiles", "crps", "log_score", "pit", *(PARAMETERS if self.scale is not None else ()))
        return replace(self, seeds=self.seeds[:, rows], **{name: getattr(self, name)[rows] for name in names})

    @property
    def median(self) -> Floats:
        """(N, h) moves."""
        return self.quantiles[..., LEVELS.index(0.5)]

    def at(self, level: float) -> Floats:
        """(N, h) the quantile at one of LEVELS, as a move."""
        return self.quantiles[..., LEVELS.index(level)]

    def interval(self, coverage: float) -> tuple[Floats, Floats]:
        """The central interval with this probability, (N, h) each, as moves: 0.5, 0.8 or 0.95."""
        tail = round((1 - coverage) / 2, 6)
        return self.at(tail), self.at(round(1 - tail, 6))

    def columns(self, anchor: Floats, move: Move = LOG_RETURN) -> dict[str, Floats]:
        """Column → values (N · h,) of forecasts.parquet: quantiles as prices, given the anchors (N,)."""
        columns = _columns(self.quantiles, self if self.scale is not None else None, anchor, move)
        return columns | {name: getattr(self, name).ravel() for name in ("crps", "log_score", "pit")}

    @classmethod
    def from_columns(
        cls, columns: dict[str, Floats], anchor: Floats, move: Move, seeds: Floats
    ) -> DistributionForecast:
        """The inverse of `columns`, each given as (N, h)."""
        prices = np.stack([columns[name] for name in QUANTILE_COLUMNS], axis=-1)
        parametric = "scale" in columns and bool(np.isfinite(columns["scale"]).all())
        location, scale, df = (columns[name] if parametric else None for name in PARAMETERS)
        return cls(
            quantiles=move.of(prices, anchor[:, None, None]),
            crps=columns["crps"],
            log_score=columns["log_score"],
            pit=columns["pit"],
            location=location,
            scale=scale,
            df=df,
            seeds=seeds,
        )


def distribution_columns(distribution: Distribution, anchor: Floats, move: Move) -> dict[str, Floats]:
    """The same columns of a distribution whose actual moves are not known yet, without the scores."""
    own = distribution if isinstance(distribution, StudentT) else None
    return _columns(distribution.quantile(LEVELS), own, anchor, move)


def _columns(
    quantiles: Floats, own: DistributionForecast | StudentT | None, anchor: Floats, move: Move
) -> dict[str, Floats]:
    """Quantiles (N, h, 17) as prices, and the parameters of `own`; (N · h,) each."""
    prices = move.to_price(quantiles, anchor[:, None, None])
    columns = {name: prices[..., place].ravel() for place, name in enumerate(QUANTILE_COLUMNS)}
    return columns | {name: getattr(own, name).ravel() for name in PARAMETERS if own is not None}


def written(times: NDArray[np.datetime64], frequency: str) -> NDArray[Any]:
    """Times as tables have them: rows that are only numbered by their numbers."""
    return np.asarray(position_of(times)) if frequency == INDEX else times


def _times_in(values: NDArray[Any], frequency: str) -> NDArray[np.datetime64]:
    """The inverse of `written`."""
    return np.asarray(time_at(values)) if frequency == INDEX else as_times(values, frequency)


def move_of(frame: pd.DataFrame) -> Move:
    """What the distributions in rows of forecasts.parquet are of.

    Raises
        ValueError: a move that is none.
    """
    names = frame["move"].unique().tolist() if "move" in frame.columns else [LOG_RETURN.name]
    if len(names) != 1 or names[0] not in MOVES:
        raise ValueError(f"its moves are not all one of {', '.join(MOVES)}")
    return MOVES[names[0]]


def has_distribution(frame: pd.DataFrame) -> bool:
    """Whether rows of forecasts.parquet hold a distribution."""
    return "q50" in frame.columns and bool(frame["q50"].notna().all())


def _without(part: dict[str, Part], models: Collection[str]) -> dict[str, Part]:
    return {name: values for name, values in part.items() if name not in models}


def _stacked(by_seed: dict[int, Floats]) -> Floats:
    return np.stack([rows for _, rows in sorted(by_seed.items())])
