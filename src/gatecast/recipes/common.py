"""What the worked examples share: what a recipe is, its data, its scalers, and a run of both its sides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gatecast._typing import Floats
from gatecast.data.prices import Prices
from gatecast.data.sources import load
from gatecast.errors import DataError, SettingError
from gatecast.formatting import plain

if TYPE_CHECKING:
    from gatecast.report.marks import Drawn

Forecasts = dict[str, Any]  # what gatecast.audit takes: forecasts, scores, trained_until, predict

COLUMNS = {
    "open": "Open", "high": "High", "low": "Low", "close": "Close", "adj_close": "Adj Close",
    "volume": "Volume",
}  # fmt: skip


@dataclass(frozen=True)
class Side:
    """One way of doing it, after a run.

    facts: computed from the arrays of this run, for --json; says: what it shows, in sentences; numbers: the
    few to set beside the other side's, under the same names; table: one row per model, as printed.
    """

    facts: dict[str, Any]
    says: tuple[str, ...]
    numbers: dict[str, str]
    pictures: dict[str, Drawn]
    table: pd.DataFrame | None = None


class Difference(NamedTuple):
    """What the tutorial does and what is right, one sentence each; `finds`: the audit's word for it."""

    written: str
    right: str
    finds: str = ""


@dataclass(frozen=True)
class Recipe:
    """A tutorial.

    does: what it does, in a paragraph; found: where its file is found; target: the column it forecasts;
    yahoo, start, end: the symbol that it downloads, if it does, and the first and the last date.
    as_written, corrected: (frame, epochs, seed) → Side, with `epochs` and `corrected_epochs` where the user
    gives none. pipeline, corrected_pipeline: frame → what `gatecast.audit` takes, trained for a few epochs.
    """

    name: str
    title: str
    does: str
    found: str
    target: str
    epochs: int
    corrected_epochs: int
    as_written: Callable[[pd.DataFrame, int, int], Side]
    corrected: Callable[[pd.DataFrame, int, int], Side]
    pipeline: Callable[[pd.DataFrame], Forecasts]
    corrected_pipeline: Callable[[pd.DataFrame], Forecasts]
    differences: tuple[Difference, ...]
    yahoo: str | None = None
    start: str | None = None
    end: str | None = None
    read: Callable[[str], pd.DataFrame] | None = None
    note: str = ""

    @property
    def faults(self) -> frozenset[str]:
        """What the audit finds in the tutorial."""
        return frozenset(difference.finds for difference in self.differences if difference.finds)


@dataclass(frozen=True)
class Run:
    """A recipe after a run; a side that was not asked for is None."""

    recipe: Recipe
    data: str
    frame: pd.DataFrame
    as_written: Side | None
    corrected: Side | None

    def summary(self) -> dict[str, Any]:
        """The facts as plain data for JSON."""
        sides = {"as_written": self.as_written, "corrected": self.corrected}
        index = self.frame.index
        return plain(
            {
                "recipe": self.recipe.name,
                "data": {
                    "source": self.data,
                    "rows": len(index),
                    "first": label_of(index[0]),
                    "last": label_of(index[-1]),
                },
                **{name: side.facts for name, side in sides.items() if side is not None},
            }
        )


def run(
    recipe: Recipe,
    *,
    data: str | None = None,
    as_written: bool = True,
    corrected: bool = True,
    epochs: int | None = None,
    seed: int = 0,
) -> Run:
    """Run a recipe, on its own download or on the file `data`.

    Raises
        SettingError: the recipe needs a file and there is none; DataError: the data cannot be used.
    """
    if epochs is not None and epochs < 1:
        raise SettingError(f"epochs = {epochs}: must be at least 1")
    source = source_of(recipe, data)
    dates = (recipe.start, recipe.end) if data is None else (None, None)
    frame = recipe.read(source) if recipe.read else read_prices(source, *dates)
    return Run(
        recipe,
        source,
        frame,
        recipe.as_written(frame, epochs or recipe.epochs, seed) if as_written else None,
        recipe.corrected(frame, epochs or recipe.corrected_epochs, seed) if corrected else None,
    )


def source_of(recipe: Recipe, data: str | None) -> str:
    """The file given, else Yahoo where the tutorial downloads from there."""
    if data is not None:
        return data
    if recipe.yahoo is None:
        raise SettingError(f"{recipe.name} needs --data FILE. {recipe.found}")
    return f"yahoo:{recipe.yahoo}"


def read_prices(source: str, start: str | None = None, end: str | None = None) -> pd.DataFrame:
    """Prices under the names that Yahoo's downloads have, with the dates as index."""
    table = load(source, start=start, end=end).table
    names = {name: written for name, written in COLUMNS.items() if name in table.columns}
    return table.set_index("session")[list(names)].rename(columns=names).rename_axis("Date")


def as_prices(frame: pd.DataFrame, symbol: str) -> Prices:
    """The frame of a recipe for the public road."""
    return Prices.from_frame(frame, source=symbol, symbol=symbol)


def dated(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its dates as index, also where it is a CSV file as pandas reads it."""
    if "Date" not in frame.columns:
        return frame
    return frame.drop(columns="Date").set_index(pd.DatetimeIndex(pd.to_datetime(frame["Date"])))


def require(frame: pd.DataFrame, columns: Sequence[str], rows: int) -> None:
    """Raise a DataError where a column is missing or the rows are too few for the tutorial."""
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        has = ", ".join(map(str, frame.columns))
        raise DataError(f"there is no column {', '.join(missing)}", remedy=f"The data have {has}")
    if len(frame) < rows:
        raise DataError(f"there are {len(frame)} rows, and the tutorial needs at least {rows}")


class Scaler(NamedTuple):
    """x ↦ (x - offset) / scale, column by column; as honest as the rows it was fitted on."""

    offset: Any
    scale: Any

    def forward(self, x: Floats) -> Floats:
        """To scaled units."""
        return (x - self.offset) / self.scale

    def back(self, x: Floats) -> Floats:
        """To the units of the data."""
        return x * self.scale + self.offset


def minmax(x: Floats) -> Scaler:
    """To 0 … 1, as scikit-learn's MinMaxScaler."""
    low, spread = x.min(axis=0), np.ptp(x, axis=0)
    return Scaler(low, np.where(spread > 0, spread, 1.0))


def standard(x: Floats) -> Scaler:
    """To mean 0 and standard deviation 1, as scikit-learn's StandardScaler."""
    spread = x.std(axis=0)
    return Scaler(x.mean(axis=0), np.where(spread > 0, spread, 1.0))


def rmse(forecast: Floats, actual: Floats) -> float:
    """Root of the mean squared error."""
    return float(np.sqrt(np.mean((forecast - actual) ** 2)))


def mae(forecast: Floats, actual: Floats) -> float:
    """Mean absolute error."""
    return float(np.mean(np.abs(forecast - actual)))


def label_of(index: Any) -> Any:
    """A date as text; a row number as it is."""
    return f"{index:%Y-%m-%d}" if isinstance(index, pd.Timestamp) else index


def forecasts_frame(
    index: pd.Index, rows: Sequence[int] | NDArray[np.int64], **columns: Floats
) -> pd.DataFrame:
    """What the audit asks for: the row before is the origin, the row itself the date."""
    rows = np.asarray(rows)
    return pd.DataFrame({"origin": index[rows - 1], "date": index[rows], **columns})
