"""Splits: a column of the data that says which rows are the test."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64

from gatecast.data.names import normal_name
from gatecast.errors import DataError, SettingError, did_you_mean
from gatecast.problem.problem import Problem


def split_rows(problem: Problem, column: str) -> Int64[np.ndarray, " symbols"]:
    """How many of the last rows of each symbol the column gives to the test: "test", or 1.

    Raises
        SettingError: there is no such column.
        DataError: a value that is neither 1 (test) nor 0 (train), a test row before a train row, or a symbol
            without test rows.
    """
    assert problem.table is not None
    table, name = problem.table, normal_name(column)
    if name not in table.columns:
        known = [own for own in table.columns if own not in ("symbol", "session")]
        raise SettingError(
            f"is no column of the data.{did_you_mean(name, known)} There are {', '.join(known)}",
            setting="split_column",
            value=column,
        )
    values = table[name].to_numpy()
    strange = np.flatnonzero(~np.isin(values, (0, 1)))
    for row in strange[:1].tolist():
        raise DataError(
            f'the column "{name}" says "{values[row]}" of a row of {problem.symbols[problem.symbol[row]]}',
            column=name,
            count=len(strange),
            remedy='Write "train" or "test", or 0 or 1, for every row',
        )
    tested = values == 1
    again = np.flatnonzero(tested[:-1] & ~tested[1:] & (problem.symbol[:-1] == problem.symbol[1:]))
    for row in again[:1].tolist():
        raise DataError(
            f"{problem.symbols[problem.symbol[row]]} has a row of the test before one to train on",
            column=name,
            count=len(again),
            remedy="The test must be the last rows of every symbol",
        )
    starts = np.unique(problem.first)
    counts = np.add.reduceat(tested.astype(np.int64), starts)
    for place in np.flatnonzero(counts == 0)[:1].tolist():
        raise DataError(
            f"{problem.symbols[problem.symbol[starts[place]]]} has no row of the test",
            column=name,
            count=int((counts == 0).sum()),
            remedy="Leave these symbols out, or give test_rows",
        )
    return counts
