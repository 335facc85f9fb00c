"""Where a row of a table stands in its source, and what was found there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from gatecast.errors import DataError
from gatecast.formatting import named


@dataclass(frozen=True)
class Findings:
    """What was found in one source.

    problems  why it cannot be used
    choices   how it was read where it could have been read otherwise: "decimal mark" → what, and why
    doubts    choices that the source itself does not settle: what was taken, and how to take the other
    left_out  columns that were left out: normal name → why
    """

    problems: list[DataError] = field(default_factory=list)
    choices: dict[str, str] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """A source of N rows, as the user sees it.

    file      a path, "yahoo:TSLA", "DataFrame"
    written   normal name of a column → its name in the source
    row       (N,) data rows below the header, counted from 1
    findings  where problems are gathered, to be said together; None: the first is raised
    asked     (N,) rows that the user asks for: of others nothing is refused; None: all
    """

    file: str
    written: Mapping[str, str]
    row: NDArray[np.int64]
    findings: Findings | None = None
    asked: NDArray[np.bool_] | None = None

    def of(self, rows: NDArray[np.bool_]) -> Place:
        """The place of some of its rows."""
        asked = None if self.asked is None else self.asked[rows]
        return replace(self, row=self.row[rows], asked=asked)

    def error(
        self, what: str, column: str, position: int, value: object, remedy: str = "", count: int = 1
    ) -> DataError:
        """A DataError that names the cell of `column` at `position` = 0 … N - 1."""
        row = int(self.row[position])
        name = self.written.get(column, column)
        return DataError(what, file=self.file, row=row, column=name, value=value, count=count, remedy=remedy)

    def refuse(
        self,
        what: str,
        column: str,
        rows: NDArray[np.bool_],
        value: Callable[[int], object],
        remedy: str = "",
    ) -> None:
        """Note that the cells of `column` in these rows (N,) cannot be used; no row: nothing is wrong."""
        rows = rows if self.asked is None else rows & self.asked
        if rows.any():
            first = int(rows.argmax())
            self.note(self.error(what, column, first, value(first), remedy, int(rows.sum())))

    def note(self, problem: DataError) -> None:
        """Gather a problem, or raise it where nobody gathers them."""
        if self.findings is None:
            raise problem
        self.findings.problems.append(problem)

    def choose(self, about: str, choice: str) -> None:
        """Say how something was read that could have been read otherwise."""
        if self.findings is not None:
            self.findings.choices[about] = choice

    def leave_out(self, column: str, why: str) -> None:
        """Note why a column is left out."""
        if self.findings is not None:
            self.findings.left_out[column] = why

    def doubt(self, text: str) -> None:
        """Say a choice that the source itself does not settle: one sentence, and how to take the other."""
        if self.findings is not None:
            self.findings.doubts.append(text)

    @property
    def columns(self) -> str:
        """The columns as the source writes them, as a list for a message."""
        return named(self.written.values())
