"""Running a pipeline again and again on changed tables, within a budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from gatecast.errors import InputError
from gatecast.evaluation.audit.answers import Answer, Pipeline, Unchanged, ask, predicted
from gatecast.evaluation.audit.table import Table, Values
from gatecast.progress import Bar

FULL, QUICK = 35, 12
# On unchanged prices, where the first two differ: of three runs the spread is by luck so small that one in
# ten quick audits took chance for a leak; of five, one in a hundred.
CHANCE_RUNS = 5


@dataclass(frozen=True)
class Rerun:
    """One run of the pipeline.

    change  what was changed
    moved   how many forecasts moved; None where the run gave none
    error   what it raised, or what was wrong with its answer; "" where it ended well
    """

    change: str
    moved: int | None
    error: str = ""


@dataclass(frozen=True)
class Trial:
    """What moved when only the rows of the sessions after < session <= until were changed."""

    after: int
    until: int
    moves: pd.DataFrame


@dataclass
class Reruns:
    """A pipeline, its table, and everything that was run so far."""

    pipeline: Pipeline
    table: Table
    budget: int
    bar: Bar
    rng: np.random.Generator
    tried: list[Rerun] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.answer = self._first()
        self.unchanged = self._unchanged()

    @property
    def left(self) -> int:
        """How many runs the budget still has."""
        return self.budget - len(self.tried)

    def changed(self, what: str, values: Values, after: int, until: int) -> Trial | None:
        """Run on other values in the sessions after < session <= until.

        None where nothing differs, the budget is spent, or the run gave no forecasts; `tried` says which.
        """
        frame = self.table.changed(values)
        if self.left < 1 or frame.equals(self.table.frame):
            return None
        moves = self._tried(what, lambda: ask(self.pipeline, frame, self.table, quiet=True))
        return None if moves is None else Trial(after, until, moves)

    def predicted(self, what: str, origins: pd.DataFrame) -> pd.DataFrame | None:
        """What moves when `predict` is asked for some origins: rows of the answer, in the order to ask in."""
        moves = self._tried(
            what,
            lambda: predicted(self.answer, list(origins["asked"]), self.table),
            only=origins["origin"],
        )
        return None if moves is None else moves[self.moved(moves)]

    def moved(self, moves: pd.DataFrame) -> pd.Series:
        """Which forecasts moved."""
        return moves["size"] > self.unchanged.threshold

    def _first(self) -> Answer:
        self._show("as it is")
        try:
            answer = ask(self.pipeline, self.table.frame.copy(), self.table, quiet=False)
        except InputError:
            raise
        except (Exception, SystemExit) as problem:
            raise InputError(
                f"the pipeline ends with {_named(problem)} on the unchanged prices. "
                "It gets the table with its own column names and index; run it alone first"
            ) from problem
        self.tried.append(Rerun("nothing", 0))
        return answer

    def _unchanged(self) -> Unchanged:
        """Run again on the same prices: twice in all, and more where the two differ."""
        answers = [self.answer]
        wanted = 2
        while len(answers) < wanted:
            self._show("as it is, again")
            try:
                answers.append(ask(self.pipeline, self.table.frame.copy(), self.table, quiet=True))
            except (Exception, SystemExit) as problem:
                raise InputError(
                    f"the pipeline ran once, but a second run on the same prices ends with {_named(problem)}"
                ) from problem
            unchanged = Unchanged.of(answers, self.table.unit)
            self.tried.append(Rerun("nothing, again", _differing(unchanged)))
            if unchanged.by_chance:
                wanted = CHANCE_RUNS
        return unchanged

    def _tried(
        self, what: str, run: Callable[[], Answer], *, only: pd.Series | None = None
    ) -> pd.DataFrame | None:
        """How far the forecasts (only of some origins) moved in a run; kept in `tried`, however it ends."""
        self._show(what)
        try:
            moves = self.unchanged.moves(run())
        except (Exception, SystemExit) as problem:
            self.tried.append(Rerun(what, None, _named(problem)))
            return None
        if only is not None:
            moves = moves[moves["origin"].isin(only)]
        self.tried.append(Rerun(what, int(self.moved(moves).sum())))
        return moves

    def _show(self, what: str) -> None:
        self.bar.show(len(self.tried), self.budget, "audit", what)


def _differing(unchanged: Unchanged) -> int:
    width = unchanged.bounds["high"] - unchanged.bounds["low"]
    return int((width > 0).sum()) + len(unchanged.seen) - len(unchanged.bounds)


def _named(problem: BaseException) -> str:
    text = " ".join(str(problem).split())
    return f"{type(problem).__name__}: {text[:300]}" if text else type(problem).__name__
