"""What is kept of the prices that a forecast was made from, to see later whether they were revised."""

from __future__ import annotations

import hashlib
import json
import math

import numpy as np
import pandas as pd

from gatecast.data.columns import is_text


def history_hash(rows: pd.DataFrame, column: str) -> str:
    """sha256 of one symbol's sessions and values.

    rows    its rows from the first that was read to the origin, in order, as in `Prices.table`: symbol,
            session, columns of numbers; texts do not count
    column  the price that is forecast

    Empty columns do not count. adj_close counts only where it is forecast: every dividend changes all of it.
    """
    texts = [name for name in rows if name != "session" and is_text(rows[name])]
    values = rows.drop(columns=[*texts, *({"adj_close"} & set(rows.columns) - {column})])
    values = values.set_index("session").dropna(axis="columns", how="all").sort_index(axis="columns")
    numbers = values.to_numpy(dtype="<f8")
    digest = hashlib.sha256(json.dumps([list(values.columns), len(values)]).encode())
    times = values.index.to_numpy()
    unit = "D" if (times == times.astype("datetime64[D]")).all() else "s"
    digest.update(times.astype(f"datetime64[{unit}]").astype("<i8").tobytes())
    # One NaN and one zero: both have several patterns of bits.
    digest.update((np.where(np.isnan(numbers), np.nan, numbers) + 0.0).tobytes())
    return digest.hexdigest()


def return_into(series: pd.Series[float], place: int) -> float | None:
    """The log return of the session at `place` from the one before; None where there is none."""
    if place < 1:
        return None
    before, now = (float(price) for price in series.iloc[place - 1 : place + 1])
    return math.log(now) - math.log(before) if before > 0 and now > 0 else None
