"""Tables of many symbols as short text, which the script of the page turns into rows again.

A number takes two bytes, as base64: its place between the lowest and the highest of its symbol and column, in
LEVELS steps. Flags and dates are runs: they hardly change from row to row.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gatecast._typing import Floats
from gatecast.report.marks import numbered, only_days

LEVELS = 65_534
MISSING = 65_535

Packed = dict[str, Any]  # plain data, for JSON


def packed(table: pd.DataFrame) -> Packed:
    """A table with the columns symbol and date, rows of a symbol in one piece and in time order.

    start     the first date of all, YYYY-MM-DD; days: from each date to the next, beginning with 0. Of times
              within days, "unit": "minutes", YYYY-MM-DDTHH:MM and the minutes between them; of rows that are
              numbered, "unit": "rows", their numbers
    numbers   the names of the columns of floats, flags: of all others, whole numbers
    symbols   name → [dates, *numbers, *flags]; dates: runs of steps through `days`, beginning at -1; a number
              is [low, step, text], for the last rows of the symbol: the first are missing; a flag is runs,
              [value, length, value, length, …]
    """
    table = numbered(table)
    times, unit = table["date"].to_numpy(), {}
    if times.dtype.kind == "i":
        unit = {"unit": "rows"}
    elif only_days(table):
        times = times.astype("datetime64[D]")
    else:
        times, unit = times.astype("datetime64[m]"), {"unit": "minutes"}
    dates, place = np.unique(times, return_inverse=True)
    columns = [name for name in table if name not in ("symbol", "date")]
    numbers = [name for name in columns if table[name].dtype.kind == "f"]
    flags = [name for name in columns if name not in numbers]
    values = {name: table[name].to_numpy() for name in columns}
    return {
        **unit,
        "start": int(dates[0]) if unit.get("unit") == "rows" else str(dates[0]),
        "days": np.diff(dates, prepend=dates[:1]).astype(int).tolist(),
        "numbers": numbers,
        "flags": flags,
        "symbols": {
            str(symbol): [
                _runs(np.diff(place[rows], prepend=-1)),
                *(_numbers(values[name][rows]) for name in numbers),
                *(_runs(values[name][rows].astype(int)) for name in flags),
            ]
            for symbol, rows in table.groupby("symbol", sort=False).indices.items()
        },
    }


def _numbers(column: Floats) -> list[Any]:
    finite = np.isfinite(column)
    if not finite.any():
        return [0, 1, ""]
    column, finite = column[np.argmax(finite) :], finite[np.argmax(finite) :]
    low, high = float(f"{column[finite].min():.9g}"), float(column[finite].max())
    step = float(f"{(high - low) / LEVELS:.9g}") or 1.0
    codes = np.full(len(column), MISSING)
    codes[finite] = np.clip(np.rint((column[finite] - low) / step), 0, LEVELS)
    return [low, step, base64.b64encode(codes.astype("<u2").tobytes()).decode()]


def _runs(column: NDArray[np.int64]) -> list[int]:
    first = np.flatnonzero(np.diff(column, prepend=column[0] + 1))
    lengths = np.diff(first, append=len(column))
    return [int(number) for pair in zip(column[first], lengths, strict=True) for number in pair]
