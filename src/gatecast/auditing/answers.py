"""What a pipeline answers, in one form."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from gatecast._typing import Floats, Integers
from gatecast.auditing.seeds import position, seeded
from gatecast.auditing.table import Table
from gatecast.data.columns import normal_name
from gatecast.data.frames import to_pandas
from gatecast.errors import InputError, did_you_mean
from gatecast.user_functions import named_function

Pipeline = Callable[[pd.DataFrame], Any]

KEYS = ["symbol", "origin", "date"]
PARTS = ("forecasts", "scores", "trained_until", "predict")
EXPECTED = (
    "Expected is a Series or an array with the forecast of each row, made at the row before, a DataFrame "
    "with the columns origin, date, forecast (and symbol, where there are several), "
    'or a dict {"forecasts": that frame, "scores": {"rmse": 1.14}, "trained_until": date, '
    '"predict": function(origins) -> the same columns}'
)
FILE = "the pipeline's forecasts"


@dataclass(frozen=True)
class Answer:
    """What one run of a pipeline returned.

    rows           symbol (number), origin, date (numbers of sessions), forecast, y (NaN where not returned),
                   asked (the origin as the pipeline writes it); sorted; only forecasts that are numbers
    scores         name → what the pipeline says
    trained_until  number of a session; None where it says nothing
    position       where the global random generators stood after the run
    """

    rows: pd.DataFrame
    scores: Mapping[str, float]
    trained_until: int | None
    predict: Callable[[list[Any]], Any] | None
    position: str = ""

    def array(self, name: str) -> Integers:
        """One of the whole-number columns as an array."""
        return self.rows[name].to_numpy(np.int64)

    @property
    def forecast(self) -> Floats:
        """(n,) the forecasts, in the unit of the target."""
        return self.rows["forecast"].to_numpy(np.float64)

    @property
    def symbol(self) -> Integers:
        """(n,) the symbol of each forecast."""
        return self.array("symbol")

    @property
    def origin(self) -> Integers:
        """(n,) the last session that each forecast may know."""
        return self.array("origin")

    @property
    def date(self) -> Integers:
        """(n,) the session that each forecast speaks of."""
        return self.array("date")


def named_pipeline(name: str) -> Pipeline:
    """The function that `module:function` names; see `gatecast.user_functions`."""
    pipeline: Pipeline = named_function(name, "pipeline")
    return pipeline


def ask(pipeline: Pipeline, frame: pd.DataFrame, table: Table, *, quiet: bool, seed: int) -> Answer:
    """Run the pipeline on a frame that is its own to spoil; what it prints is dropped.

    quiet  drop its warnings, too
    seed   of the global random generators
    Raises InputError for an answer that breaks the contract, and whatever the pipeline raises.
    """
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), seeded(seed):
        if quiet:
            warnings.simplefilter("ignore")
        returned = pipeline(frame)
        ended = position()
    return replace(_answer(returned, table), position=ended)


def predicted(answer: Answer, origins: list[Any], table: Table, *, seed: int) -> Answer:
    """What the pipeline's `predict` says for these origins."""
    assert answer.predict is not None
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), seeded(seed):
        warnings.simplefilter("ignore")
        return Answer(_rows(answer.predict(origins), table), {}, None, None)


def _answer(returned: Any, table: Table) -> Answer:
    if not isinstance(returned, Mapping):
        return Answer(_rows(returned, table), {}, None, None)
    for name in returned:
        if name not in PARTS:
            raise InputError(f'the pipeline returned "{name}".{did_you_mean(str(name), PARTS)} {EXPECTED}')
    if "forecasts" not in returned:
        raise InputError(f'the pipeline returned a dict without "forecasts". {EXPECTED}')
    predict = returned.get("predict")
    if predict is not None and not callable(predict):
        raise InputError(f"predict is no function: {predict!r}. {EXPECTED}")
    return Answer(
        _rows(returned["forecasts"], table),
        _scores(returned.get("scores")),
        _trained_until(returned.get("trained_until"), table),
        predict,
    )


def _rows(returned: Any, table: Table) -> pd.DataFrame:
    frame = _frame(returned, table)
    rows = pd.DataFrame({"origin": _days(frame, "origin", table), "date": _days(frame, "date", table)})
    rows["symbol"] = _symbol_numbers(frame, table)
    rows["forecast"] = _floats(frame, "forecast")
    rows["y"] = _floats(frame, "y") if "y" in frame.columns else np.nan
    rows["asked"] = frame["origin"].to_numpy(dtype=object)
    rows = rows[np.isfinite(rows["forecast"])]
    if rows.empty:
        raise InputError(f"the pipeline returned no forecast that is a number. {EXPECTED}")
    _check_times(rows, table)
    return rows.sort_values(KEYS, kind="stable", ignore_index=True)


def _frame(returned: Any, table: Table) -> pd.DataFrame:
    if isinstance(returned, pd.Series | np.ndarray) and returned.ndim == 1:
        return _by_row(returned, table)
    try:
        frame = to_pandas(returned)
    except InputError:
        raise InputError(f"the pipeline returned {_kind(returned)}. {EXPECTED}") from None
    named = [name for name in frame.index.names if name is not None]
    if named and not set(named) & set(frame.columns):
        frame = frame.reset_index()
    frame = frame.set_axis([normal_name(name) for name in frame.columns], axis=1)
    if "date" not in frame.columns:
        frame = frame.rename(columns={"time": "date"})
    for name in ("origin", "date", "forecast"):
        if list(frame.columns).count(name) != 1:
            columns = ", ".join(frame.columns) or "none"
            raise InputError(f'the forecasts need one column "{name}"; they have: {columns}. {EXPECTED}')
    if frame.empty:
        raise InputError(f"the pipeline returned no forecasts: the frame has no rows. {EXPECTED}")
    return frame.reset_index(drop=True)


def _by_row(returned: pd.Series | np.ndarray, table: Table) -> pd.DataFrame:
    """Forecasts of the rows of the table, each made at the row before of its symbol."""
    index = table.frame.index
    if isinstance(returned, np.ndarray) or returned.index.equals(index):
        place = np.arange(len(returned))
        if len(returned) != len(index):
            raise InputError(
                f"the pipeline returned {len(returned)} numbers, and the table has {len(index)} rows: return "
                f"one per row, NaN where there is no forecast, or a Series with their index. {EXPECTED}"
            )
    else:
        place = index.get_indexer_for(returned.index)
        if not index.is_unique or (place < 0).any():
            raise InputError(
                f"the pipeline returned a Series whose index is not that of the table's rows. {EXPECTED}"
            )
    order = np.lexsort((table.day, table.symbol))
    first = np.diff(table.symbol[order], prepend=-1) != 0
    before = np.full(len(index), -1)
    before[order[1:]] = np.where(first[1:], -1, order[:-1])
    known = before[place] >= 0
    row = place[known]
    sessions = np.arange(table.last + 1) if table.sessions is None else table.sessions
    return pd.DataFrame(
        {
            "symbol": np.array(table.symbols, dtype=object)[table.symbol[row]],
            "origin": sessions[table.day[before[row]]],
            "date": sessions[table.day[row]],
            "forecast": np.asarray(returned)[known],
        }
    )


def _kind(returned: Any) -> str:
    shape = f" of shape {returned.shape}" if hasattr(returned, "shape") else ""
    return "nothing" if returned is None else f"a {type(returned).__name__}{shape}"


def _days(frame: pd.DataFrame, name: str, table: Table) -> Integers:
    if frame[name].isna().any():
        raise InputError(f"{FILE}: {name} is empty in row {int(frame[name].isna().argmax())}. {EXPECTED}")
    return table.days_of(frame[name], FILE)


def _floats(frame: pd.DataFrame, name: str) -> Floats:
    try:
        return frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        raise InputError(f"{FILE}: {name} holds {frame[name].iloc[0]!r}, not one number per row") from None


def _symbol_numbers(frame: pd.DataFrame, table: Table) -> Integers:
    if len(table.symbols) == 1:
        return np.zeros(len(frame), dtype=np.int64)
    if "symbol" not in frame.columns:
        raise InputError(f"{FILE} need a column symbol: the table has {len(table.symbols)} of them")
    names = frame["symbol"].astype(str)
    for name in names[~names.isin(table.symbols)]:
        raise InputError(f'{FILE}: the table has no symbol "{name}".{did_you_mean(name, table.symbols)}')
    return np.searchsorted(np.array(table.symbols, dtype=object), names.to_numpy(dtype=object))


def _check_times(rows: pd.DataFrame, table: Table) -> None:
    again = rows.duplicated(KEYS)
    if again.any():
        row = rows[again].iloc[0]
        raise InputError(
            f"{FILE}: two forecasts of origin {table.label(row['origin'])} for {table.label(row['date'])}; "
            "return one per symbol, origin and date"
        )
    wrong = rows[(rows["origin"] >= rows["date"]) | (rows["origin"] > table.last)]
    for _, row in wrong.iterrows():
        raise InputError(
            f"{FILE}: origin {table.label(row['origin'])}, date {table.label(row['date'])}; "
            "the origin is the last session that the forecast knows, and lies before its date"
        )


def _scores(given: Any) -> dict[str, float]:
    if given is None:
        return {}
    try:
        return {str(name): float(value) for name, value in given.items()}
    except (AttributeError, TypeError, ValueError):
        raise InputError(f"scores are names and numbers, not {given!r}. {EXPECTED}") from None


def _trained_until(given: Any, table: Table) -> int | None:
    if given is None:
        return None
    return int(table.days_of(pd.Series([given], name="trained_until"), "the pipeline's answer")[0])
