"""Functions of a history as models: they are called at every origin with the rows up to it."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gatecast._typing import Floats, Integers
from gatecast.distributions import Point, Quantiles, bounded
from gatecast.errors import SettingError
from gatecast.formatting import brief
from gatecast.language import say
from gatecast.models.foreign.answers import Answer, Answers, answer_of
from gatecast.models.model import Forecast
from gatecast.problem.folds import Fold
from gatecast.problem.moves import LOG_RETURN, MOVES, Move
from gatecast.problem.problem import Problem
from gatecast.profiling import stage
from gatecast.progress import report
from gatecast.settings.base import check_whole
from gatecast.settings.names import UNKNOWN
from gatecast.settings.reading import check_date
from gatecast.user_functions import source_of

BATCH = 64  # histories that are cut, and that a batched function is given, at once
BETWEEN = 20  # seconds from one writing of answers to the next


@dataclass(frozen=True)
class Function:
    """A function of a history that forecasts the next prices, and how it is called.

    `function(history, horizon)` gets the rows of one symbol up to the origin and nothing else: a DataFrame
    with the sessions as its index and the columns open, high, low, close, volume, … that there are;
    `history.attrs` has "symbol" and "column", the price to forecast. It returns one of

    - h prices, (h,); for one step also a number;
    - quantiles: a mapping or DataFrame, level → (h,) prices; levels as 0.1, "0.1", "q10" or "p10";
    - samples, (S, h) prices with S of 20 or more paths.

    A function that has a method `fit(histories, horizon)` is fitted once per fold, on the histories of all
    symbols up to the last bar before the test; it returns the function that is then called.

    Parameters
    ----------
    function
        What is called.
    batched
        Whether it takes a list of histories, and returns a list of answers.
    processes
        How many of them call it side by side; it must then be found by its name in a module.
    answers
        A Parquet file of answers: what stands in it is not asked again, and new answers are added to it. A
        run folder holds those of its functions in answers/.
    trained_until
        Of a model that was trained on other data: the last day of these, "2024-12-31", or "unknown". The bars
        up to it may have been seen; the verdict says so and judges the others apart.
    """

    function: Callable[..., Any]
    batched: bool = False
    processes: int = 1
    answers: str | Path | None = None
    trained_until: str | None = None

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise SettingError(say("must be callable"), setting="function", value=self.function)
        check_whole(1, processes=self.processes)
        if self.trained_until != UNKNOWN:
            check_date("trained_until", self.trained_until)


@dataclass(frozen=True)
class FunctionModel:
    """A function of the user's as a model.

    Parameters
    ----------
    name
        For messages.
    asked
        What is called, and how.
    column
        The price that is forecast.
    answers
        What was answered before, and what is.
    """

    name: str
    asked: Function
    column: str
    answers: Answers = field(default_factory=Answers)

    def fit(self, problem: Problem, folds: Sequence[Fold]) -> list[FittedFunction]:
        """The function for every fold: fitted where it can be, else itself."""
        histories = Histories(problem, self.column)
        identity = _identity(self.asked.function)
        fitted = []
        for place, fold in enumerate(folds):
            function, key = self.asked.function, identity
            if hasattr(function, "fit"):
                ends = histories.before(problem.session[fold.test].min())
                known = [histories.up_to(end) for end in ends]
                report(place / len(folds), f"fold {place + 1} of {len(folds)}")
                with stage(f"model {self.name}"), contextlib.redirect_stdout(sys.stderr):
                    function = self._called(function.fit, known, problem.horizon)
                key = hashlib.sha256((identity + "".join(map(histories.key, ends))).encode()).hexdigest()
            fitted.append(FittedFunction(self, function, key, histories))
        return fitted

    def _called(self, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except SettingError:
            raise
        except Exception as error:  # the user's code may raise anything
            raise SettingError(
                say(
                    'model "{name}" failed ({name_2}: {error})',
                    name=self.name,
                    name_2=type(error).__name__,
                    error=error,
                )
            ) from error


@dataclass(frozen=True)
class FittedFunction:
    """A function that forecasts from histories.

    key: of all that it was fitted on, and of its source; answers are kept under it; histories: of the problem
    that it was fitted on, for all folds.
    """

    model: FunctionModel
    function: Callable[..., Any]
    key: str
    histories: Histories

    __repr__ = brief

    def predict(self, problem: Problem, origins: Integers) -> Forecast:
        """The forecasts of `origins` (N,), each from the rows up to it."""
        with stage(f"model {self.model.name}"):
            same = problem is self.histories.problem
            histories = self.histories if same else Histories(problem, self.model.column)
            measured = "" if problem.move.name == LOG_RETURN.name else f"/{problem.move.name}"
            keys = [f"{self.key}/{histories.key(int(row))}/{problem.horizon}{measured}" for row in origins]
            known = self.model.answers
            missing = [place for place, key in enumerate(keys) if key not in known]
            written = time.monotonic()
            for count, (place, answer) in enumerate(self._asked(histories, origins, missing), start=1):
                known.add(keys[place], answer)
                report(count / len(missing), f"{count} of {len(missing)} origins")
                if time.monotonic() - written > BETWEEN or count == len(missing):
                    known.write()
                    written = time.monotonic()
            distribution = _distribution([known[key] for key in keys], problem, origins, self.model.name)
            return Forecast(distribution, (distribution,))

    def _asked(
        self, histories: Histories, origins: Integers, places: Sequence[int]
    ) -> Iterator[tuple[int, Answer]]:
        """What the function answers at some places of `origins`, in order."""
        horizon = histories.problem.horizon
        size = BATCH if self.model.asked.batched else 1
        chunks = [places[start : start + size] for start in range(0, len(places), size)]
        known = _ahead(histories.up_to(int(origins[place])) for place in places)
        given = (list(islice(known, len(chunk))) for chunk in chunks)
        for chunk, answers in zip(chunks, self._answered(given, horizon), strict=True):
            if len(answers) != len(chunk):
                raise SettingError(
                    say(
                        'model "{name}" returned {count} answers for {count_2} histories',
                        name=self.model.name,
                        count=len(answers),
                        count_2=len(chunk),
                    )
                )
            for place, answer in zip(chunk, answers, strict=True):
                try:
                    kept = answer_of(answer, horizon, histories.problem.move)
                except SettingError as error:
                    raise SettingError(f"{self._where(histories, int(origins[place]))}: {error}") from error
                yield place, kept

    def _where(self, histories: Histories, row: int) -> str:
        problem = histories.problem
        symbol, session = problem.symbols[problem.symbol[row]], problem.session[row]
        return f'model "{self.model.name}", {symbol} at the close of {session}'

    def _answered(self, given: Iterable[list[pd.DataFrame]], horizon: int) -> Iterator[Sequence[Any]]:
        """The answers of chunks of histories, one after the other or by several processes."""
        batched, processes = self.model.asked.batched, self.model.asked.processes
        with contextlib.redirect_stdout(sys.stderr):
            if processes == 1:
                for histories in given:
                    yield self.model._called(_answers, self.function, histories, horizon, batched)
                return
            with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
                asked = [pool.submit(_answers, self.function, chunk, horizon, batched) for chunk in given]
                for one in asked:
                    yield self.model._called(one.result)


@dataclass(frozen=True)
class Histories:
    """The rows of a problem's prices up to an origin, and a key of what stands in them."""

    problem: Problem
    column: str
    _tables: dict[int, pd.DataFrame] = field(default_factory=dict, repr=False)
    _keys: dict[int, str] = field(default_factory=dict, repr=False)

    def up_to(self, row: int) -> pd.DataFrame:
        """The rows of the symbol of `row` up to it; the later ones are not in it."""
        first = int(self.problem.first[row])
        history = self._table(first).iloc[: row - first + 1]
        history.attrs = {"symbol": self.problem.symbols[self.problem.symbol[row]], "column": self.column}
        if self.problem.move.name != LOG_RETURN.name:
            history.attrs["move"] = self.problem.move.name
        return history

    def before(self, session: np.datetime64) -> list[int]:
        """The last row of every symbol that lies before `session`."""
        rows = np.flatnonzero(self.problem.session < session)
        symbol = self.problem.symbol[rows]
        return [int(rows[symbol == one][-1]) for one in np.unique(symbol)]

    def key(self, row: int) -> str:
        """A hash of the rows up to `row`, of their sessions and of the symbol."""
        if row not in self._keys:
            first, last = int(self.problem.first[row]), int(self.problem.last[row])
            table = self._table(first)
            numbers = table.select_dtypes("number").to_numpy(dtype=np.float64)
            sessions = self.problem.session[first : last + 1].astype("<M8[D]").astype("<f8")
            rows = np.ascontiguousarray(np.column_stack([sessions, numbers]))
            name = self.problem.symbols[self.problem.symbol[row]]
            digest = hashlib.sha256("/".join([name, self.column, *table.columns]).encode())
            for place, values in enumerate(rows):
                digest.update(values)
                self._keys[first + place] = digest.hexdigest()
        return self._keys[row]

    def _table(self, first: int) -> pd.DataFrame:
        """All rows of the symbol that starts at `first`."""
        if first not in self._tables:
            table = self.problem.table
            assert table is not None
            own = table.iloc[first : int(self.problem.last[first]) + 1]
            self._tables[first] = own.set_index("session").drop(columns="symbol")
        return self._tables[first]


def prices_of(history: pd.DataFrame) -> Floats:
    """(N,) the prices that are forecast, of a history as a function gets it."""
    return history[history.attrs["column"]].to_numpy(dtype=np.float64)


def series_of(history: pd.DataFrame) -> Floats:
    """(N,) the prices as a model of a series reads them: their logs, or, where one may be 0, as they are.

    `to_prices` is the inverse.
    """
    move = _move(history)
    return move.of(prices_of(history), move.origin)


def to_prices(values: Floats, history: pd.DataFrame) -> Floats:
    """The prices that values on the scale of `series_of` stand for."""
    move = _move(history)
    return move.to_price(values, move.origin)


def _move(history: pd.DataFrame) -> Move:
    return MOVES[history.attrs.get("move", LOG_RETURN.name)]


def _ahead(histories: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """The same histories, cut some at a time: one alone, after a long call, takes three times as long."""
    waiting = iter(histories)
    while block := list(islice(waiting, BATCH)):
        yield from block


def _answers(
    function: Callable[..., Any], histories: list[pd.DataFrame], horizon: int, batched: bool
) -> Sequence[Any]:
    """What the function answers to some histories."""
    return function(histories, horizon) if batched else [function(one, horizon) for one in histories]


def _identity(function: Callable[..., Any]) -> str:
    """A hash of what the function is: its name, its source, and its settings where it shows them."""
    kind = function if inspect.isroutine(function) else type(function)
    source = source_of(kind)
    shown = "" if kind is function else repr(function)
    text = f"{kind.__module__}:{kind.__qualname__}\n{source}\n{'' if ' at 0x' in shown else shown}"
    return hashlib.sha256(text.encode()).hexdigest()


def _distribution(
    answers: Sequence[Answer], problem: Problem, origins: Integers, name: str
) -> Point | Quantiles:
    """The answers of all origins, in price, as moves."""
    levels = answers[0].levels
    if any(answer.levels != levels for answer in answers):
        raise SettingError(
            say(
                'model "{name}" answers in different ways at different origins: give a point, or '
                "the same quantiles, at every one",
                name=name,
            )
        )
    prices = np.stack([answer.prices for answer in answers])
    moves = problem.move.of(prices, problem.anchor[origins, None, None])
    returns = bounded(moves, np.expand_dims(problem.farthest(origins), -1))
    return Quantiles(np.array(levels), returns) if levels else Point(returns[..., 0])
