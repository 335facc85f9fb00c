"""Ranges: what every model said about the distribution of the same targets, and how it was scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gatecast._typing import Floats
from gatecast.distributions import LEVELS, Distribution, StudentT

QUANTILE_COLUMNS = tuple(f"q{100 * level:04.1f}".replace(".0", "").replace(".", "_") for level in LEVELS)
PARAMETERS = ("location", "scale", "df")
PER_CENT = 100.0  # CRPS and log score are those of the log return x 100


@dataclass(frozen=True)
class Range:
    """A model's distribution of the log return from the origin, and its scores. N origins, h steps, S seeds.

    quantiles  (N, h, 17) log returns at `gatecast.distributions.LEVELS`
    crps       (N, h) continuous ranked probability score of the log return x 100
    log_score  (N, h) - log density of the log return x 100; NaN where there is no density
    pit        (N, h) probability integral transform of what came, in [0, 1]
    location, scale, df   (N, h) of a Student t, in log return; None for other distributions
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

    @classmethod
    def of(cls, distribution: Distribution, y: Floats, seeds: Floats | None = None) -> Range:
        """Score a distribution by the log returns y (N, h) that came.

        seeds: (S, N, h) the CRPS of each seed, log return x 100.
        """
        own = distribution if isinstance(distribution, StudentT) else None
        return cls(
            quantiles=distribution.quantile(LEVELS),
            crps=PER_CENT * distribution.crps(y),
            log_score=distribution.log_score(y) + np.log(PER_CENT),
            pit=distribution.cdf(y),
            location=None if own is None else own.location,
            scale=None if own is None else own.scale,
            df=None if own is None else own.df,
            seeds=np.empty((0, *y.shape)) if seeds is None else seeds,
        )

    @classmethod
    def joined(cls, parts: Sequence[Range]) -> Range:
        """Ranges of several folds, their origins one after the other; parameters only where all have them."""
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

    @property
    def median(self) -> Floats:
        """(N, h) log return."""
        return self.quantiles[..., LEVELS.index(0.5)]

    def at(self, level: float) -> Floats:
        """(N, h) the quantile at one of LEVELS, in log return."""
        return self.quantiles[..., LEVELS.index(level)]

    def interval(self, coverage: float) -> tuple[Floats, Floats]:
        """The central interval with this probability, (N, h) each, in log return: 0.5, 0.8 or 0.95."""
        tail = round((1 - coverage) / 2, 6)
        return self.at(tail), self.at(round(1 - tail, 6))

    def columns(self, anchor: Floats) -> dict[str, Floats]:
        """Column → values (N · h,) of forecasts.parquet: quantiles as prices, given the anchors (N,)."""
        columns = _columns(self.quantiles, self if self.scale is not None else None, anchor)
        return columns | {name: getattr(self, name).ravel() for name in ("crps", "log_score", "pit")}

    @classmethod
    def from_columns(cls, columns: dict[str, Floats], anchor: Floats, seeds: Floats) -> Range:
        """The inverse of `columns`, each given as (N, h)."""
        prices = np.stack([columns[name] for name in QUANTILE_COLUMNS], axis=-1)
        parametric = "scale" in columns and bool(np.isfinite(columns["scale"]).all())
        location, scale, df = (columns[name] if parametric else None for name in PARAMETERS)
        return cls(
            quantiles=np.log(prices / anchor[:, None, None]),
            crps=columns["crps"],
            log_score=columns["log_score"],
            pit=columns["pit"],
            location=location,
            scale=scale,
            df=df,
            seeds=seeds,
        )


def distribution_columns(distribution: Distribution, anchor: Floats) -> dict[str, Floats]:
    """The same columns of a distribution whose targets are still to come, without the scores."""
    own = distribution if isinstance(distribution, StudentT) else None
    return _columns(distribution.quantile(LEVELS), own, anchor)


def _columns(quantiles: Floats, own: Range | StudentT | None, anchor: Floats) -> dict[str, Floats]:
    """Quantiles (N, h, 17) as prices, and the parameters of `own`; (N · h,) each."""
    prices = anchor[:, None, None] * np.exp(quantiles)
    columns = {name: prices[..., place].ravel() for place, name in enumerate(QUANTILE_COLUMNS)}
    return columns | {name: getattr(own, name).ravel() for name in PARAMETERS if own is not None}


def has_range(frame: pd.DataFrame) -> bool:
    """Whether rows of forecasts.parquet hold a distribution."""
    return "q50" in frame.columns and bool(frame["q50"].notna().all())
