"""Splits: a column of the data that says which rows are the test."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64

from gatecast.data.names import normal_name
from gatecast.errors import DataError, SettingError, did_you_mean
from gatecast.language import say
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
            say(
                "is no column of the data.{did_you_mean} There are {known}",
                did_you_mean=did_you_mean(name, known),
                known=", ".join(known),
            ),
            setting="split_column",
            value=column,
        )
    values = table[name].to_numpy()
    tested = values == 1
    starts = np.unique(problem.first)
    counts = np.add.reduceat(tested.astype(np.int64), starts)
    strange = np.flatnonzero(~np.isin(values, (0, 1)))
    again = np.flatnonzero(tested[:-1] & ~tested[1:] & (problem.symbol[:-1] == problem.symbol[1:]))
    for rows, what, remedy in (
        (strange, 'the column "{column}" says "{value}" of a row of {symbol}',
         'Write "train" or "test", or 0 or 1, for every row'),
        (again, "{symbol} has a row of the test before one to train on",
         "The test must be the last rows of every symbol"),
        (starts[counts == 0], "{symbol} has no row of the test",
         "Leave these symbols out, or give test_rows"),
    ):  # fmt: skip
        if len(rows):
            symbol = problem.symbols[problem.symbol[rows[0]]]
            said = what.format(column=name, value=values[rows[0]], symbol=symbol)
            raise DataError(said, column=name, count=len(rows), remedy=remedy)
    return counts
