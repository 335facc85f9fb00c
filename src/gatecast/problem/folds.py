"""Folds: walk-forward splits, cut by date over all symbols."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Int64, Shaped

from gatecast.errors import SettingError
from gatecast.formatting import brief
from gatecast.language import say
from gatecast.problem.problem import Problem
from gatecast.settings.frequency import session_noun

MIN_TRAINING_ORIGINS = 10  # fewer, and a standard deviation says nothing: the symbol is left out of the fold


@dataclass(frozen=True)
class Fold:
    """One training and what it is tested on: three arrays of origins (row numbers).

        sessions ──────────────────────────────────────────────────────────────────────►
        | train ................. | embargo | validation ... | embargo | test ........ |

    An embargo is `horizon` sessions: the last target of every training origin is dated before the first
    validation session, the last target of every validation origin before the first test session. Where
    symbols have different sessions, origins whose last target is dated later than that are cut as well.
    `left_out`: symbols with fewer than MIN_TRAINING_ORIGINS training origins; they are in no part.
    """

    number: int
    train: Int64[np.ndarray, " train"]
    validation: Int64[np.ndarray, " validation"]
    test: Int64[np.ndarray, " test"]
    left_out: tuple[str, ...] = ()

    __repr__ = brief

    @property
    def train_validation(self) -> Int64[np.ndarray, " known"]:
        """Train and validation together, sorted: what may be fitted on before the test."""
        return np.sort(np.concatenate([self.train, self.validation]))

    @property
    def validation_fold(self) -> Fold:
        """The same with validation in the place of the test: rows that a model is not fitted on."""
        return Fold(self.number, self.train, self.validation[:0], self.validation, self.left_out)


def cut_folds(
    problem: Problem,
    *,
    folds: int = 5,
    test_size: float = 0.25,
    test_start: str | None = None,
    validation_size: float = 0.15,
    window: str = "expanding",
) -> list[Fold]:
    """Cut the last `test_size` of the sessions into `folds` equal stretches, each with its own training.

        expanding                                   sliding
        0 | train....... |e| val |e|TTT|            0 | train....... |e| val |e|TTT|
        1 | train.......... |e| val |e|TTT|         1    | train....... |e| val |e|TTT|
        2 | train............. |e| val |e|TTT|      2       | train....... |e| val |e|TTT|

    The session after a test origin lies in its stretch: its first target, unless the symbol misses that
    session. `test_start` (a date: the first session forecast) replaces `test_size`.
    `validation_size`: share of the sessions before the test. A sliding window keeps as many sessions with
    training origins as the first fold has.

    Raises
        SettingError: a fold is left without training, validation or test origins.
    """
    if not problem.ready.any():
        raise _too_few(problem, 0)
    sessions, horizon = problem.sessions, problem.horizon
    first_window = int(np.searchsorted(sessions, problem.session[problem.ready].min()))
    tested = _tested_sessions(sessions, test_size, test_start)
    begin = len(sessions) - 1 - tested
    edges = begin + np.round(np.linspace(0, tested, folds + 1)).astype(int)
    first_train_end = _before_embargoes(int(edges[0]), horizon, validation_size)[0]
    cut = []
    for number, (start, end) in enumerate(pairwise(edges)):
        train_end, validation_start, validation_end = _before_embargoes(int(start), horizon, validation_size)
        train_start = first_window + train_end - first_train_end if window == "sliding" else 0
        if start >= end or min(train_end, validation_start) <= 0:
            raise _too_few(problem, number)
        cut.append(
            _fold(
                problem,
                number,
                train=(train_start, train_end),
                validation=(validation_start, validation_end),
                test=(int(start), int(end)),
            )
        )
    return cut


def cut_folds_by_position(
    problem: Problem,
    *,
    folds: int = 5,
    test_size: float = 0.25,
    test_rows: int | Int64[np.ndarray, " symbols"] | None = None,
    validation_size: float = 0.15,
    window: str = "expanding",
) -> list[Fold]:
    """Cut the last rows of every symbol into `folds` stretches, whatever their dates, as `cut_folds` does.

        long    | train ................... | embargo | validation ... | embargo | test .... |
        short                    | train .. | embargo | val | embargo | test |

    For series that have no dates, or none in common: each is cut by its own number of rows, and one rule of
    time holds for each. `test_rows` (of all symbols or one by one) replaces `test_size`: the last rows of a
    symbol, which are all forecast, are one fold. With as many as the horizon, there is one origin per symbol,
    its last row before them.

    Raises
        SettingError: as `cut_folds`; or fewer test rows than the horizon.
    """
    sizes = _sizes(problem)
    if test_rows is None:
        tested = np.maximum(np.round(test_size * sizes).astype(int), 1)
    else:
        tested, folds = np.broadcast_to(np.asarray(test_rows, dtype=int), sizes.shape), 1
        _check_test_rows(problem, tested)
    steps = np.stack([np.round(np.linspace(0, own, folds + 1)).astype(int) for own in tested])
    return _by_position(problem, (sizes - 1 - tested)[:, None] + steps, validation_size, window == "sliding")


def future_fold_by_position(problem: Problem, *, validation_size: float = 0.15) -> Fold:
    """The fold whose test is the future, as `future_fold`, every symbol cut by its own number of rows.

    Raises
        SettingError: as `future_fold`.
    """
    last = _sizes(problem) - 1
    return _by_position(problem, np.stack([last, last + 1], axis=1), validation_size, future=True)[0]


def _sizes(problem: Problem) -> Int64[np.ndarray, " symbols"]:
    """The number of rows of every symbol."""
    return np.unique(problem.last) + 1 - np.unique(problem.first)


def _by_position(
    problem: Problem,
    edges: Int64[np.ndarray, "symbols edges"],
    validation_size: float,
    sliding: bool = False,
    future: bool = False,
) -> list[Fold]:
    """The folds between these edges: of each symbol the place of a fold's first test origin, and its end.

    future: whether the test may have no targets yet.
    """
    starts, sizes, folds = np.unique(problem.first), _sizes(problem), edges.shape[1] - 1
    parts: dict[str, list[list[Int64[np.ndarray, " origins"]]]] = {
        name: [[] for _ in range(folds)] for name in ("train", "validation", "test")
    }
    for start, size, own in zip(starts, sizes, edges, strict=True):
        rows = start + np.flatnonzero(problem.ready[start : start + size])
        place = rows - start
        known = future | (place + problem.horizon < size)
        first_end = _before_embargoes(int(own[0]), problem.horizon, validation_size)[0]
        for number, (begin, end) in enumerate(pairwise(own)):
            train, since, until = _before_embargoes(int(begin), problem.horizon, validation_size)
            oldest = (int(place[0]) if len(place) else 0) + train - first_end if sliding else 0
            parts["train"][number].append(rows[(place >= oldest) & (place < train)])
            parts["validation"][number].append(rows[(place >= since) & (place < until)])
            parts["test"][number].append(rows[(place >= begin) & (place < end) & known])
    return [
        _without_short(problem, number, {name: np.concatenate(own[number]) for name, own in parts.items()})
        for number in range(folds)
    ]


def _check_test_rows(problem: Problem, tested: Int64[np.ndarray, " symbols"]) -> None:
    symbol = int(tested.argmin())
    if tested[symbol] < problem.horizon:
        name = problem.symbols[problem.symbol[np.unique(problem.first)[symbol]]]
        raise SettingError(
            say(
                "{name} has {tested} test rows, and {horizon} are forecast from its last row "
                "before them: give a smaller horizon, or more test rows",
                name=name,
                tested=tested[symbol],
                horizon=problem.horizon,
            )
        )


def future_fold(problem: Problem, *, validation_size: float = 0.15) -> Fold:
    """The fold whose test is the future: its test origins are the last session of every symbol.

    Raises
        SettingError: too few sessions for training or validation.
    """
    end = len(problem.sessions)
    train_end, validation_start, validation_end = _before_embargoes(end - 1, problem.horizon, validation_size)
    if min(train_end, validation_start) <= 0:
        raise _too_few(problem, 0)
    parts = {"train": (0, train_end), "validation": (validation_start, validation_end)}
    return _fold(problem, 0, **parts, test=None)


def _tested_sessions(
    sessions: Shaped[np.ndarray, " sessions"], test_size: float, test_start: str | None
) -> int:
    if test_start is None:
        return max(round(test_size * len(sessions)), 1)
    tested = int((sessions >= np.datetime64(test_start, "D")).sum())
    if not 0 < tested < len(sessions):
        raise SettingError(
            say(
                "test_start {test_start}: the data run from {sessions} to {sessions_2}; choose a "
                "date that leaves sessions on both sides",
                test_start=test_start,
                sessions=sessions[0],
                sessions_2=sessions[-1],
            )
        )
    return tested


def _before_embargoes(test: int, horizon: int, validation_size: float) -> tuple[int, int, int]:
    """(end of train, start of validation, end of validation): an embargo lies before validation and test.

    test, and what is returned: positions in the sessions of all symbols, or in the rows of one series.
    """
    # Where series have dates the embargo is cut twice: here by position, `horizon` sessions, for all symbols;
    # in `_fold` by `due`, the date of the last target: a symbol that misses sessions has it beyond these.
    validation_end = test - horizon
    validation_start = validation_end - max(round(validation_size * validation_end), 1)
    return validation_start - horizon, validation_start, validation_end


def _fold(
    problem: Problem,
    number: int,
    *,
    train: tuple[int, int],
    validation: tuple[int, int],
    test: tuple[int, int] | None,
) -> Fold:
    sessions = problem.sessions

    def origins(part: tuple[int, int], before: np.datetime64 | None) -> Int64[np.ndarray, " origins"]:
        """Origins of the part whose last target is known, and dated before `before`."""
        inside = (problem.session >= sessions[part[0]]) & (problem.session <= sessions[part[1] - 1])
        due = ~np.isnat(problem.due) if before is None else problem.due < before
        return np.flatnonzero(inside & due & problem.ready)

    last_origins = np.unique(problem.last)
    parts = {
        "train": origins(train, sessions[validation[0]]),
        "validation": origins(validation, sessions[test[0] if test else len(sessions) - 1]),
        "test": origins(test, None) if test else last_origins[problem.ready[last_origins]],
    }
    return _without_short(problem, number, parts)


def _without_short(problem: Problem, number: int, parts: dict[str, Int64[np.ndarray, " origins"]]) -> Fold:
    """The fold of these origins, without the symbols that have too few to train on."""
    counts = np.bincount(problem.symbol[parts["train"]], minlength=len(problem.symbols))
    short = np.flatnonzero(counts < MIN_TRAINING_ORIGINS)
    kept = {name: rows[~np.isin(problem.symbol[rows], short)] for name, rows in parts.items()}
    if any(len(rows) == 0 for rows in kept.values()):
        raise _too_few(problem, number)
    return Fold(number, **kept, left_out=tuple(problem.symbols[s] for s in short))


def _too_few(problem: Problem, number: int) -> SettingError:
    longest, sessions = int(np.bincount(problem.symbol).max()), f"{session_noun(problem.frequency)}s"
    return SettingError(
        say(
            "too few {sessions}: fold {number} has no training, validation or test rows "
            "left. The data have {count} {sessions} (at most {longest} per symbol); lookback "
            "{lookback} and horizon {horizon} are taken off each end, and "
            "{min_training_origins} training rows are the least. Give more {sessions}, or a "
            "smaller lookback, horizon, test_size or number of folds",
            sessions=sessions,
            number=number,
            count=len(problem.sessions),
            longest=longest,
            lookback=problem.lookback,
            horizon=problem.horizon,
            min_training_origins=MIN_TRAINING_ORIGINS,
        )
    )
