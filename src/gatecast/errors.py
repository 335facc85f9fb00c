"""Every exception and warning of gatecast.

    GatecastError
    └── InputError (ValueError)      the user's input is wrong; the command line ends with 2
        ├── DataError                prices: names file, row, column and value where they are known
        ├── SettingError             a model, an option or an experiment file
        ├── RunError                 a run folder or a model file that cannot be read or written
        ├── LedgerError              a record of forecasts that cannot be used, or refuses a second answer
        └── NotFittedError           a method that needs `fit` first

    GatecastWarning (UserWarning)
    ├── DataWarning                  something odd in the prices; counted and kept with the run
    ├── FitWarning                   a fit that did not converge
    ├── DrawingWarning               a chart or a page that could not be drawn; what it shows was written
    └── LedgerWarning                a record of forecasts that lost its protection, or a backcast in it

A message says what is wrong, where, and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from gatecast.formatting import MOST_LETTERS, MOST_OF_PATH, printable, shortened
from gatecast.language import marked, say

ROW, COLUMN, VALUE = marked("row {place}"), marked("column {place}"), marked("value {place}")


class GatecastError(Exception):
    """Base of all errors that gatecast raises on purpose."""


class InputError(GatecastError, ValueError):
    """The user's input is wrong; the message says what to do, with what the input says made harmless."""

    def __init__(self, message: str) -> None:
        super().__init__(shortened(message))


class DataError(InputError):
    """Prices that cannot be used: what is wrong, where it is first, in how many rows, and what to do.

    problems: all that is wrong with the source, this first.
    """

    def __init__(
        self,
        what: str,
        *,
        file: object = None,
        row: object = None,
        column: object = None,
        value: object = None,
        count: int = 1,
        remedy: str = "",
        beside: Sequence[DataError] = (),
    ) -> None:
        where = [
            say(name, place=printable(place, MOST_LETTERS))
            for name, place in ((ROW, row), (COLUMN, column), (VALUE, value))
            if place is not None
        ]
        if count > 1:
            where.append(say("{n:,} such rows", n=count))
        text = printable(what) + (f" ({', '.join(where)})" if where else "")
        end = "" if text.endswith((".", "?")) else "."
        self.text = text + (f"{end} {printable(remedy)}" if remedy else "")
        place = f"{printable(file, MOST_OF_PATH)}: " if file is not None else ""
        super().__init__(
            "\n".join(
                [place + self.text, *(say("  also: {problem}", problem=other.text) for other in beside)]
            )
        )
        self.what, self.file, self.row, self.column, self.value = what, file, row, column, value
        self.count, self.remedy = count, remedy
        self.problems: tuple[DataError, ...] = (self, *beside)

    @classmethod
    def of(cls, problems: Sequence[DataError]) -> DataError:
        """One error for all problems of a source."""
        first, *others = problems
        return cls(
            first.what,
            file=first.file,
            row=first.row,
            column=first.column,
            value=first.value,
            count=first.count,
            remedy=first.remedy,
            beside=others,
        )


class SettingError(InputError):
    """A model, an option or an experiment file that cannot be used.

    setting, value: which one, and what it was, where that is known.
    """

    def __init__(self, what: str, *, setting: str | None = None, value: object = None) -> None:
        given = f"{printable(setting, MOST_LETTERS)} = {printable(repr(value), MOST_LETTERS)}"
        super().__init__(what if setting is None else f"{given}: {what}")
        self.what, self.setting, self.value = what, setting, value


class RunError(InputError):
    """A run folder or a model file that cannot be read or written."""


class LedgerError(InputError):
    """A record of forecasts that cannot be used, or that refuses another answer to the same question."""


class NotFittedError(InputError):
    """A method that needs `fit` first."""


class GatecastWarning(UserWarning):
    """Base of all warnings that gatecast gives."""


class DataWarning(GatecastWarning):
    """Something odd in the prices."""


class FitWarning(GatecastWarning):
    """A fit that did not converge."""


class EngineWarning(GatecastWarning):
    """A run was made with another engine, so its networks may come out a little different here."""


class DrawingWarning(GatecastWarning):
    """A chart or a page that could not be drawn; what it shows was written before."""


class LedgerWarning(GatecastWarning):
    """What protects a record of forecasts was missing, or a forecast counts in no record."""


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """' Did you mean "gru"?' for the known word nearest to `word`, else ''."""
    by_small_letters = {name.lower(): name for name in known}
    near = difflib.get_close_matches(str(word).lower(), by_small_letters, n=1)
    return say(' Did you mean "{name}"?', name=by_small_letters[near[0]]) if near else ""
