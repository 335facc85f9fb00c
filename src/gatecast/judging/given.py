"""A table of forecasts, read: one frame per model with one row per symbol, origin and bar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from gatecast._typing import Floats
from gatecast.data.columnar import parquet_table
from gatecast.data.columns import symbols_of
from gatecast.data.containers import tables_of
from gatecast.data.frames import MEMORY, to_pandas
from gatecast.data.numbered import whole_numbers
from gatecast.data.numbers import are_numbers, decimal_marks, number
from gatecast.data.place import Findings, Place
from gatecast.data.spacing import as_times
from gatecast.data.wide import without_index
from gatecast.data.zones import localised
from gatecast.distributions import FINE_LEVELS
from gatecast.errors import DataError
from gatecast.files import is_there
from gatecast.forecasts import PARAMETERS, SCALES, move_of
from gatecast.formatting import printable, some
from gatecast.judging.columns import Columns, Own, columns_of
from gatecast.language import plural, say
from gatecast.problem.moves import DIFFERENCE, LOG_RETURN, Move
from gatecast.settings.frequency import DAILY, INDEX, time_at
from gatecast.settings.names import BASELINES
from gatecast.settings.reading import Reading

KEYS = ["symbol", "origin", "time"]
FIRST_CELLS = 50  # that tell a column of numbers
ONLY = "forecast"  # the name of a model that the table does not name
OF_A_RUN = {"symbol", "model", "fold", "seed", "origin", "time", "step", "forecast"}


@dataclass(frozen=True)
class GivenModel:
    """The forecasts of one model, as prices.

    table       symbol, origin (NaT: the table does not say), time, step (NaN: likewise), row of the source,
                actual and naive_scale, naive_mae where there are any
    point       (M,) the point forecast; None: the median
    levels      (Q,) rising; quantiles (M, Q)
    parameters  (M, 3) location, scale and df of the move; None where there is a row without
    """

    table: pd.DataFrame
    point: Floats | None
    levels: Floats
    quantiles: Floats
    parameters: Floats | None


@dataclass(frozen=True)
class Given:
    """What a table holds.

    models     name → its forecasts
    baselines  those that are gatecast's own baselines, of a table that gatecast made
    notes      how the table was read, one sentence each
    move       what the parameters of its distributions are of, and what its prices can be
    """

    source: tuple[str, ...]
    models: dict[str, GivenModel]
    baselines: tuple[str, ...]
    notes: tuple[str, ...]
    move: Move = LOG_RETURN


def read_given(
    source: Any,
    column: str,
    calendar: Mapping[str, str],
    frequency: str = DAILY,
    move: Move = LOG_RETURN,
) -> Given:
    """The forecasts in a table: a file, or a frame of any library.

    Parameters
    ----------
    column
        The price that is forecast.
    calendar
        Symbol → calendar of the prices, for time stamps in UTC.
    frequency
        Of the prices.
    move
        Differences where a price is zero or below; a table that gatecast made says it itself.

    Raises
    ------
    DataError
        What cannot be used; names file, row, column and value.
    """
    of_file = isinstance(source, str | Path)
    file = str(source) if of_file else MEMORY
    frame = without_index(_file(Path(source)) if of_file else to_pandas(source))
    frame = frame.set_axis([printable(str(name).strip()) for name in frame.columns], axis=1)
    frame = frame.dropna(how="all")
    if frame.empty:
        raise DataError(
            say("there are no rows"), file=file, remedy=say("A table of forecasts needs dates and forecasts")
        )
    if not frame.columns.is_unique:
        again = str(frame.columns[frame.columns.duplicated()][0])
        raise DataError(
            say("two columns have one name"), file=file, column=again, remedy=say("Keep one of them")
        )
    notes: list[str] = []
    of_run = set(frame.columns) >= OF_A_RUN
    if of_run:
        written = _move(frame, file)
        frame = frame[frame["seed"].isna()].drop(columns="move", errors="ignore")
        if written.name != move.name:  # parameters and scales of other moves are of no use
            move = DIFFERENCE
            stale = [] if written.name == move.name else [*PARAMETERS, *SCALES]
            frame = frame.drop(columns=stale, errors="ignore")
    row = frame.index.to_numpy(np.int64) + 1
    frame = frame.reset_index(drop=True)
    place = Place(file, {name: name for name in frame.columns}, row, Findings())
    numeric = [name for name in frame.columns if _holds_numbers(frame[name])]
    columns = columns_of(list(frame.columns), numeric, column)
    if columns.time is None:
        raise _missing("dates of the bars that are forecast", "time", place)
    if not columns.models:
        raise _missing("forecasts", "forecast", place)
    if columns.unread:
        notes.append(say("Not read, for want of numbers: {unread}", unread=some(columns.unread, most=5)))
    table = _keys(frame, columns, place, calendar, frequency)
    if columns.model is None:
        named = {name or ONLY: (own, np.ones(len(frame), bool)) for name, own in columns.models.items()}
    else:
        if set(columns.models) != {""}:
            extra = [name for name in columns.models if name]
            notes.append(
                say(
                    "The column of models names them; not read as forecasts: {extra}",
                    extra=", ".join(extra[:5]),
                )
            )
        if "" not in columns.models:
            raise _missing("forecasts", "forecast", place)
        labels = frame[columns.model].astype(str).str.strip()
        named = {
            printable(name): (columns.models[""], (labels == name).to_numpy()) for name in labels.unique()
        }
    models = {
        name: _model(name, frame[rows], own, table[rows], columns, place.of(rows), move, notes)
        for name, (own, rows) in named.items()
    }
    mine = tuple(name for name in models if name in BASELINES) if of_run else ()
    if set(mine) == set(models):
        mine = ()
    models = {_free(name, mine): one for name, one in models.items() if not (name == "naive" and mine)}
    for problem in place.findings.problems if place.findings else ():
        raise problem
    return Given((file,), models, tuple(name for name in mine if name != "naive"), tuple(notes), move)


def _move(frame: pd.DataFrame, file: str) -> Move:
    """What the distributions of a table that gatecast made are of."""
    try:
        return move_of(frame)
    except ValueError as error:
        remedy = "Give the table as gatecast wrote it"
        raise DataError(str(error), file=file, column="move", remedy=remedy) from None


def _free(name: str, mine: tuple[str, ...]) -> str:
    """The name, unless it is that of a baseline which gatecast computes beside it."""
    return f"{name} (given)" if name in BASELINES and name not in mine else name


def _file(path: Path) -> pd.DataFrame:
    file = str(path)
    if not is_there(path) or path.is_dir():
        raise DataError(
            say("there is no such file of forecasts"), file=file, remedy=say("Give a table in one file")
        )
    if path.suffix.lower() in (".parquet", ".pq"):
        return parquet_table(path.read_bytes(), file, lists=True)[1]
    tables = tables_of(path)
    return pd.concat([table.read(Reading()).frame for table in tables], ignore_index=True)


def _missing(what: str, name: str, place: Place) -> DataError:
    return DataError(
        say("there is no column with the {what}", what=what),
        file=place.file,
        remedy=say('Name it "{name}"; the columns are: {columns}', name=name, columns=place.columns),
    )


def _holds_numbers(column: pd.Series) -> bool:
    if pd.api.types.is_bool_dtype(column.dtype) or pd.api.types.is_datetime64_any_dtype(column.dtype):
        return False
    if pd.api.types.is_numeric_dtype(column.dtype):
        return True
    cells = list(column.dropna().iloc[:FIRST_CELLS])
    if cells and isinstance(cells[0], list | tuple | np.ndarray):
        return True
    return are_numbers([str(cell) for cell in cells])


def _keys(
    frame: pd.DataFrame, columns: Columns, place: Place, calendar: Mapping[str, str], frequency: str
) -> pd.DataFrame:
    """symbol, origin, time, step, row, actual and scales of every row."""
    if columns.symbol is None:
        codes, symbols = np.zeros(len(frame), np.int64), cast(tuple[str, ...], ("",))
    else:
        codes, symbols = symbols_of(frame[[columns.symbol]].set_axis(["symbol"], axis=1), "", place)
    reading = Reading(calendar={name: code for name, code in calendar.items() if name in symbols} or None)

    def dates(name: str | None) -> Any:
        if name is None:
            return np.full(len(frame), np.datetime64("NaT", "D"))
        if frequency == INDEX:
            if (numbers := whole_numbers(frame[name])) is None:
                raise DataError(
                    say("the rows of the prices are numbered, and this column holds no whole numbers"),
                    file=place.file,
                    column=name,
                    remedy=say("Give the number of the row that each forecast is of"),
                )
            return time_at(numbers)
        moments = localised(frame[name].rename(name), place, codes, symbols, reading).moments
        return as_times(moments, frequency)

    table = pd.DataFrame(
        {
            "symbol": np.asarray(symbols, dtype=object)[codes],
            "origin": dates(columns.origin).astype("datetime64[s]"),
            "time": dates(columns.time).astype("datetime64[s]"),
            "row": place.row,
        }
    )
    others = {"step": columns.step, "actual": columns.actual, **columns.scales}
    for name, written in others.items():
        table[name] = np.nan if written is None else _floats(frame[written], place)
    if place.findings and place.findings.problems:
        raise DataError.of(place.findings.problems)
    return table


def _floats(column: pd.Series, place: Place) -> Floats:
    """(M,) the numbers of a column, NaN where a cell is empty."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(np.float64, na_value=np.nan)
    cells = list(column.astype(object).where(column.notna(), ""))
    mark = decimal_marks(cells)[:1] or "."
    read = [number(cell, mark) for cell in cells]
    wrong = np.array([value is None for value in read])
    place.refuse(say("not a number"), str(column.name), wrong, lambda row: cells[row], "Write 1008.64")
    return np.array([np.nan if value is None else value for value in read], np.float64)


def _model(
    name: str,
    frame: pd.DataFrame,
    own: Own,
    table: pd.DataFrame,
    columns: Columns,
    place: Place,
    move: Move,
    notes: list[str],
) -> GivenModel:
    """The forecasts of one model; rows without any are left out, counted."""
    levels = np.array(sorted(own.quantiles), np.float64)
    quantiles = np.empty((len(frame), 0))
    point = None
    if own.point is not None and columns.sample is not None:
        table, quantiles = _of_sample_rows(
            table, frame[columns.sample], _floats(frame[own.point], place), place
        )
        levels = FINE_LEVELS
        notes.append(say("{name}: distributions are those of its samples", name=name))
    elif own.point is not None and _is_lists(frame[own.point]):
        quantiles, levels = _of_lists(frame[own.point], place), FINE_LEVELS
        notes.append(say("{name}: distributions are those of its samples", name=name))
    else:
        point = None if own.point is None else _floats(frame[own.point], place)
        if len(levels):
            columns_of_levels = [own.quantiles[level] for level in levels]
            quantiles = np.column_stack([_floats(frame[one], place) for one in columns_of_levels])
    parameters = None
    if set(own.parameters) == set(PARAMETERS):
        found = np.column_stack([_floats(frame[own.parameters[one]], place) for one in PARAMETERS])
        parameters = found if np.isfinite(found).all() else None
        wrong = np.isfinite(found).all(axis=1) & ((found[:, 1] <= 0) | (found[:, 2] <= 1))
        place.refuse(
            "no Student t",
            own.parameters["scale"],
            wrong,
            lambda row: found[row, 1],
            "A scale is above 0, and df is above 1",
        )
    if np.isnan(quantiles).all() and point is not None:  # a point among models with distributions
        levels, quantiles = np.empty(0), np.empty((len(table), 0))
    if len(levels) == 1 and point is None:  # a median alone is a point
        point = quantiles[:, 0]
    if len(levels) < 2:
        levels, quantiles = np.empty(0), np.empty((len(table), 0))
    every = quantiles if point is None else np.column_stack([point, quantiles])
    empty = np.isnan(every).all(axis=1)
    if empty.any():
        notes.append(
            say(
                "{name}: {rows} without a forecast left out",
                name=name,
                rows=plural("{n:,} row", "{n:,} rows", int(empty.sum())),
            )
        )
        table, every, quantiles = pd.DataFrame(table[~empty]), every[~empty], quantiles[~empty]
        point = None if point is None else point[~empty]
        parameters = None if parameters is None else parameters[~empty]
    usable = move.is_price(every)
    unusable = ~usable.all(axis=1)
    if unusable.any():
        first = int(unusable.argmax())
        bad = every[first][~usable[first]][0]
        raise DataError(
            say("a forecast of {name} is no {price}", name=name, price=say(move.price)),
            file=place.file,
            row=int(table["row"].iloc[first]),
            value="empty" if np.isnan(bad) else f"{bad:g}",
            count=int(unusable.sum()),
            remedy=say("Forecasts are prices: turn forecasts of returns into prices, or leave the row out"),
        )
    crossed = (np.diff(quantiles, axis=1) < 0).any(axis=1)
    if crossed.any():
        notes.append(
            say(
                "{name}: in {rows} quantiles cross; they were sorted",
                name=name,
                rows=plural("{n:,} row", "{n:,} rows", int(crossed.sum())),
            )
        )
        quantiles = np.sort(quantiles, axis=1)
    if (
        len(levels)
        and parameters is None
        and point is not None
        and not ((levels > 0.4) & (levels < 0.6)).any()
    ):
        at = int(np.searchsorted(levels, 0.5))
        if 0 < at < len(levels) and ((quantiles[:, at - 1] <= point) & (point <= quantiles[:, at])).all():
            levels, quantiles = np.insert(levels, at, 0.5), np.insert(quantiles, at, point, axis=1)
            notes.append(say("{name}: its forecast is taken as the median of its distribution", name=name))
    return GivenModel(table.reset_index(drop=True), point, levels, quantiles, parameters)


def _is_lists(column: pd.Series) -> bool:
    return column.dtype == object and isinstance(column.dropna().iloc[0], list | tuple | np.ndarray)


def _of_lists(column: pd.Series, place: Place) -> Floats:
    """(M, L) the quantiles of every list of samples at FINE_LEVELS."""
    found = []
    for at, cell in enumerate(column):
        is_list = isinstance(cell, list | tuple | np.ndarray)
        values = np.asarray(cell if is_list else [], dtype=np.float64).ravel()
        if not len(values):
            raise place.error("no samples", str(column.name), at, cell, "Give every row its list of samples")
        found.append(np.quantile(values, FINE_LEVELS, method="hazen"))
    return np.stack(found)


def _of_sample_rows(
    table: pd.DataFrame, sample: pd.Series, values: Floats, place: Place
) -> tuple[pd.DataFrame, Floats]:
    """One row per origin and bar, and the quantiles (M, L) of its samples."""
    keys = table[KEYS].assign(sample=sample.to_numpy())
    if (again := keys.duplicated().to_numpy()).any():
        first = int(again.argmax())
        raise place.error("a sample stands twice", str(sample.name), first, sample.iloc[first], "Keep one")
    groups = table.assign(value=values).groupby(KEYS, sort=False, dropna=False)
    quantiles = [np.quantile(part, FINE_LEVELS, method="hazen") for _, part in groups["value"]]
    return groups.first().reset_index().drop(columns="value"), np.stack(quantiles)
