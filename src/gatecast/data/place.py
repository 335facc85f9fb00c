"""Where a cell stands in its source, for messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gatecast.errors import DataError
from gatecast.formatting import named


@dataclass(frozen=True)
class Place:
    """A source of N rows, as the user sees it.

    file     a path, "yahoo:TSLA", "DataFrame"
    written  normal name of a column → its name in the source
    row      (N,) data rows below the header, counted from 1
    """

    file: str
    written: Mapping[str, str]
    row: NDArray[np.int64]

    def of(self, rows: NDArray[np.bool_]) -> Place:
        """The place of some of its rows."""
        return replace(self, row=self.row[rows])

    def error(self, what: str, column: str, position: int, value: object, remedy: str = "") -> DataError:
        """A DataError that names the cell of `column` at `position` = 0 … N - 1."""
        row = int(self.row[position])
        name = self.written.get(column, column)
        return DataError(what, file=self.file, row=row, column=name, value=value, remedy=remedy)

    @property
    def columns(self) -> str:
        """The columns as the source writes them, as a list for a message."""
        return named(self.written.values())
