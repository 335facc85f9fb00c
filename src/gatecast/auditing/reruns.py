"""Running a pipeline again and again on changed tables, within a budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from gatecast.auditing.answers import Answer, Pipeline, ask, predicted
from gatecast.auditing.noise import Unchanged
from gatecast.auditing.seeds import seedable
from gatecast.auditing.table import Table, Values
from gatecast.errors import InputError
from gatecast.language import say
from gatecast.progress import Bar

FULL, QUICK = 35, 12
# On unchanged prices, where chance is to be measured: of three runs the largest distance is by luck so small
# that one in ten quick audits took chance for a leak; of five, one in a hundred.
CHANCE_RUNS = 5


ChangeOf = Literal["row", "rows", "order", "columns"]


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
    """What moved when only the rows of the sessions after < session <= until were changed.

    change          one row, all rows in between (or only their order), or some columns
    against         the runs on unchanged prices that `moves` is judged by
    drew_otherwise  whether the run drew more or fewer random numbers than on the unchanged prices
    """

    what: str
    change: ChangeOf
    after: int
    until: int
    answer: Answer
    against: Unchanged
    moves: pd.DataFrame
    drew_otherwise: bool

    @property
    def many(self) -> bool:
        """Whether all rows after a cut were changed."""
        return self.change in ("rows", "order")

    @property
    def noisy(self) -> bool:
        """Whether the moves are judged against what chance moves."""
        return self.against.by_chance

    @property
    def known(self) -> pd.Series:
        """The forecasts made and due before the first changed row."""
        return self.moves["date"] <= self.after


@dataclass
class Reruns:
    """A pipeline, its table, and everything that was run so far.

    seed        of the changes, and of the global random generators in every run that is compared
    answer      on the unchanged prices
    unchanged   the answers of all runs on them
    over_seeds  the same with other seeds: where it is measured, the judge of runs that drew otherwise
    """

    pipeline: Pipeline
    table: Table
    budget: int
    bar: Bar
    seed: int
    tried: list[Rerun] = field(default_factory=list)
    over_seeds: Unchanged | None = None

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.answer = self._first()
        self.unchanged = self._unchanged()

    @property
    def left(self) -> int:
        """How many runs the budget still has."""
        return self.budget - len(self.tried)

    def changed(self, what: str, values: Values, after: int, until: int, change: ChangeOf) -> Trial | None:
        """Run on other values in the sessions after < session <= until.

        None where nothing differs, the budget is spent, or the run gave no forecasts; `tried` says which.
        """
        frame = self.table.changed(values)
        if self.left < 1 or frame.equals(self.table.frame):
            return None
        tried = self._tried(what, lambda: ask(self.pipeline, frame, self.table, quiet=True, seed=self.seed))
        return None if tried is None else self._trial(what, change, after, until, *tried)

    def judged_again(self, trial: Trial) -> Trial:
        """The same run by all that is known about chance by now."""
        return self._trial(trial.what, trial.change, trial.after, trial.until, trial.answer, trial.moves)

    def measure_seeds(self) -> None:
        """Run on unchanged prices with other seeds, which move forecasts as other numbers drawn do."""
        answers = [self.answer]
        while len(answers) < CHANCE_RUNS and self.left > 0:
            answers.append(self._again(self.seed + len(answers)))
        self.over_seeds = Unchanged.of(answers, self.table.unit)

    def predicted(self, what: str, origins: pd.DataFrame, seed: int) -> Answer | None:
        """What `predict` says for some origins: rows of the answer, in the order to ask in.

        None where the budget is spent or it gave no forecasts.
        """
        if self.left < 1:
            return None
        asked = list(origins["asked"])
        tried = self._tried(
            what, lambda: predicted(self.answer, asked, self.table, seed=seed), only=origins["origin"]
        )
        return None if tried is None else tried[0]

    def _trial(
        self, what: str, change: ChangeOf, after: int, until: int, answer: Answer, moves: pd.DataFrame
    ) -> Trial:
        """moves  by the runs on unchanged prices; by those with other seeds where these judge the run"""
        drew_otherwise, against = answer.position != self.answer.position, self.unchanged
        if drew_otherwise and self.over_seeds is not None:
            against = self.over_seeds
            moves = against.moves(answer)
        return Trial(what, change, after, until, answer, against, moves, drew_otherwise)

    def _first(self) -> Answer:
        """On the prices as they are; again where the run itself imports a library that was not seeded."""
        answer: Answer | None = None
        before = seedable()
        while answer is None or seedable() != before:
            before = seedable()
            self._show(say("as it is"))
            try:
                answer = ask(self.pipeline, self.table.frame.copy(), self.table, quiet=False, seed=self.seed)
            except InputError:
                raise
            except (Exception, SystemExit) as problem:
                raise InputError(
                    say(
                        "the pipeline ends with {problem} on the unchanged prices. It gets the table with "
                        "its own column names and index; run it alone first",
                        problem=_named(problem),
                    )
                ) from problem
            self.tried.append(Rerun(say("nothing"), 0))
        return answer

    def _unchanged(self) -> Unchanged:
        """Run again from the same seed and, where the two differ, from others."""
        answers = [self.answer, self._again(self.seed)]
        if Unchanged.of(answers, self.table.unit).by_chance:
            answers += [self._again(self.seed + number) for number in range(1, CHANCE_RUNS - 1)]
        return Unchanged.of(answers, self.table.unit)

    def _again(self, seed: int) -> Answer:
        self._show(say("as it is, again"))
        try:
            answer = ask(self.pipeline, self.table.frame.copy(), self.table, quiet=True, seed=seed)
        except (Exception, SystemExit) as problem:
            raise InputError(
                say(
                    "the pipeline ran once, but another run on the same prices ends with {problem}",
                    problem=_named(problem),
                )
            ) from problem
        what = (
            say("nothing, again") if seed == self.seed else say("nothing, but the seed ({seed})", seed=seed)
        )
        self.tried.append(Rerun(what, Unchanged.of([self.answer, answer], self.table.unit).differing))
        return answer

    def _tried(
        self, what: str, run: Callable[[], Answer], *, only: pd.Series | None = None
    ) -> tuple[Answer, pd.DataFrame] | None:
        """The answer of a run and what moved; how many (only of some origins) is kept in `tried`."""
        self._show(what)
        try:
            answer = run()
        except (Exception, SystemExit) as problem:
            self.tried.append(Rerun(what, None, _named(problem)))
            return None
        moves = self.unchanged.moves(answer)
        counted = moves if only is None else moves[moves["origin"].isin(only)]
        self.tried.append(Rerun(what, int(counted["moved"].sum())))
        return answer, moves

    def _show(self, what: str) -> None:
        self.bar.show(len(self.tried), self.budget, "audit", what)


def _named(problem: BaseException) -> str:
    text = " ".join(str(problem).split())
    return f"{type(problem).__name__}: {text[:300]}" if text else type(problem).__name__
