"""How far the forecasts of runs on the same prices lie apart, and which moves are larger than that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.special import ndtri, stdtrit

from gatecast._typing import Floats, Integers
from gatecast.auditing.answers import KEYS, Answer

TINY = 1e-4  # of a typical one-bar move, or of a forecast's own where that is smaller: less is rounding
SINGLE = 1e-6  # of a forecast: less is the rounding of single precision
RARE = 1e-4  # how often chance alone may move a forecast beyond the threshold
SIGNIFICANT = 0.02  # level of the test of all forecasts together
CLEARLY = 1.25  # and times as far from runs on unchanged prices as these from each other


@dataclass(frozen=True)
class Unchanged:
    """The answers of runs on the same prices: between what bounds each forecast lies by itself.

    runs   index symbol, origin, date: a column per run; NaN where a run made no such forecast
    unit   (symbols,) the typical one-bar move
    """

    runs: pd.DataFrame
    unit: Floats

    @classmethod
    def of(cls, answers: Sequence[Answer], unit: Floats) -> Unchanged:
        """The bounds of one or more answers."""
        runs = pd.concat([series_of(one) for one in answers], axis=1, keys=range(len(answers)))
        return cls(runs, unit)

    @cached_property
    def bounds(self) -> pd.DataFrame:
        """low and high of the forecasts that every run made, and how far apart they are, in typical moves."""
        made = self.runs[self.runs.notna().all(axis=1)]
        low, high = made.min(axis=1), made.max(axis=1)
        width = (high - low).to_numpy() / self.unit[_symbols(made.index)]
        return pd.DataFrame({"low": low, "high": high, "width": width})

    @property
    def sometimes(self) -> pd.Index:
        """The forecasts that come and go."""
        return self.runs.index[self.runs.isna().any(axis=1)]

    @cached_property
    def rounding(self) -> Floats:
        """(symbols,) a smaller move of a forecast is rounding; in typical moves."""
        first = self.runs[0].dropna()
        symbol, values = _symbols(first.index), first.to_numpy()
        tolerance = np.full(len(self.unit), TINY)
        for number in np.unique(symbol):
            own = values[symbol == number]
            steps = np.abs(np.diff(own))
            typical = np.median(steps[steps > 0]) if steps.any() else np.inf
            least = SINGLE * np.median(np.abs(own)) / self.unit[number]
            tolerance[number] = min(TINY, max(TINY * typical / self.unit[number], least))
        return tolerance

    @cached_property
    def by_chance(self) -> bool:
        """Whether runs on the same prices differ."""
        wide = self.bounds["width"].to_numpy() > self.rounding[_symbols(self.bounds.index)]
        return bool(wide.any() or len(self.sometimes))

    @property
    def differing(self) -> int:
        """How many forecasts differ between two runs, or come and go."""
        return int((self.bounds["width"] > 0).sum()) + len(self.sometimes)

    @property
    def largest_distance(self) -> float:
        """The largest distance between two runs, in typical moves."""
        return float(self.bounds["width"].max()) if len(self.bounds) else 0.0

    @cached_property
    def threshold(self) -> float:
        """By how many typical moves a forecast must leave its bounds to have moved; 0 without chance.

        The largest distance itself where every forecast has noise of its own, and the largest of so many
        distances is known well; up to 3.5 times where all share the noise of a few runs, whose largest
        distance is not.
        """
        if not self.by_chance:
            return 0.0
        degrees = (self.runs.shape[1] - 1) * self._dimensions
        return self.largest_distance * float(stdtrit(degrees, RARE) / ndtri(RARE))

    @property
    def _dimensions(self) -> float:
        """About how many independent parts the noise has: 1 where it moves all forecasts together."""
        made = self.runs.loc[self.bounds.index].to_numpy()
        residuals = made - made.mean(axis=1, keepdims=True)
        gram = residuals.T @ residuals
        count = made.shape[1]
        if count < 2 or not np.trace(gram) > 0:
            return 1.0
        ratio = float(np.trace(gram) ** 2 / np.sum(gram**2))  # of a Wishart matrix: count - 1 where many
        return 1 + (ratio - 1) * count / max(count - 1 - ratio, 1e-3)

    def moves(self, answer: Answer) -> pd.DataFrame:
        """symbol, origin, date, forecast, by how many typical moves it left its bounds, and whether it moved.

        The size is infinite for a forecast that appears or disappears.
        """
        new = series_of(answer)
        if new.index.equals(self.bounds.index):
            joined = self.bounds.assign(new=new.to_numpy())
        else:
            joined = self.bounds.join(new.rename("new"), how="outer")
            joined = joined[~joined.index.isin(self.sometimes)]
        symbol = _symbols(joined.index)
        new_, low, high = (joined[name].to_numpy(np.float64) for name in ("new", "low", "high"))
        size = np.maximum(np.maximum(low - new_, new_ - high), 0) / self.unit[symbol]
        size = np.where(np.isnan(size), np.inf, size)
        moved = size > np.maximum(self.rounding[symbol], self.threshold)
        return joined.index.to_frame(index=False).assign(forecast=new_, size=size, moved=moved)


def series_of(answer: Answer) -> pd.Series:
    """The forecasts by symbol, origin and date."""
    return answer.rows.set_index(KEYS)["forecast"]


@dataclass(frozen=True)
class Apart:
    """Two groups of runs: how far forecasts lie from the other group's and from the first's own, and p.

    p is that of a permutation test: how often other runs named "unchanged" lie as close together and as far
    from the rest.
    """

    between: float
    within: float
    p: float

    @property
    def by_more_than_chance(self) -> bool:
        """Whether the difference is significant, and not small beside chance."""
        return self.p <= SIGNIFICANT and self.between >= CLEARLY * self.within


def apart(unchanged: Unchanged, changed: Sequence[pd.Series], until: int) -> Apart | None:
    """Whether runs on changed prices give other forecasts for dates up to `until`; None for too few."""
    runs = pd.concat([unchanged.runs, *changed], axis=1).dropna()
    runs = runs[runs.index.get_level_values("date") <= until]
    if len(runs) < 5 or not changed:
        return None
    values = (runs.to_numpy() / unchanged.unit[_symbols(runs.index)][:, None]).T
    distance = np.array([np.sqrt(np.mean((values - one) ** 2, axis=1)) for one in values])
    own, count = unchanged.runs.shape[1], len(distance)
    groups = np.array(list(combinations(range(count), own)))  # the first is the unchanged runs
    inside = np.zeros((len(groups), count))
    np.put_along_axis(inside, groups, 1.0, axis=1)
    near = inside @ distance
    within = (near * inside).sum(axis=1) / (own * (own - 1))
    between = (near * (1 - inside)).sum(axis=1) / (own * (count - own))
    contrast = between - within
    return Apart(float(between[0]), float(within[0]), float(np.mean(contrast >= contrast[0] - 1e-12)))


def _symbols(index: pd.Index) -> Integers:
    return index.get_level_values("symbol").to_numpy(np.int64)
