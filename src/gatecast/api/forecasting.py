"""What every forecast of given prices shares: their problem, the last bars, and the table that comes out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from gatecast._typing import Dates, Integers
from gatecast.data.calendars import sessions_between
from gatecast.data.prices import Prices
from gatecast.data.timetable import Timetable
from gatecast.distributions import Point
from gatecast.errors import DataError, DataWarning, RunError
from gatecast.forecasts import distribution_columns, written
from gatecast.formatting import count, some
from gatecast.language import say
from gatecast.models.model import Forecast, median
from gatecast.problem.problem import Problem
from gatecast.problem.targets import is_astray
from gatecast.settings.frequency import DAILY, INDEX, session_noun, stamp

LATE = 10  # sessions that a symbol may be behind the last of the others; more, and it has ended


def matching_problem(
    prices: Prices,
    problem_of: Callable[[Prices, Sequence[str]], Problem],
    symbols: Sequence[str],
    names: Sequence[str],
) -> Problem:
    """The problem of other prices, their symbols numbered as in the fit.

    Parameters
    ----------
    problem_of
        Prices and the features that were read → their problem.
    symbols, names
        Those that were fitted, and the features that were read.

    Raises
    ------
    DataError
        A symbol that was not fitted, or other features.
    """
    unknown = [symbol for symbol in prices.symbols if symbol not in symbols]
    if unknown:
        raise DataError(
            say(
                "{unknown} was not among the symbols fitted ({symbols}, …)",
                unknown=", ".join(unknown[:5]),
                symbols=", ".join(symbols[:5]),
            ),
            remedy=say("Fit again with these symbols, or select the ones fitted"),
        )
    if "market_return" in names and (missing := [one for one in symbols if one not in prices.symbols]):
        text = f"the market is that of the symbols in these prices, without {some(missing)}"
        warnings.warn(text, DataWarning, stacklevel=4)
    problem = problem_of(prices, names)
    if problem.names != tuple(names):
        raise DataError(
            say(
                "these prices give the features {names}; fitted were {names_2}",
                names=", ".join(problem.names),
                names_2=", ".join(names),
            ),
            remedy=say("Give the same columns as in fit, or fit again"),
        )
    number = np.array([symbols.index(symbol) for symbol in prices.symbols])
    return replace(problem, symbols=tuple(symbols), symbol=number[problem.symbol])


def last_origins(
    problem: Problem, timetable: Mapping[str, Timetable], obstacle: Callable[[int], str]
) -> tuple[Integers, dict[str, str]]:
    """The last row of every symbol that can be forecast, and why the others cannot.

    Parameters
    ----------
    obstacle
        Row → why it cannot be forecast from, beside a window that is too short; empty where it can.

    Raises
    ------
    DataError
        None can.
    """
    last, left_out = [], {}
    for row in np.unique(problem.last):
        symbol = problem.symbols[problem.symbol[row]]
        reason = _too_short(problem, row) or obstacle(row) or _ended(problem, row, timetable[symbol])
        if reason:
            left_out[symbol] = reason
        else:
            last.append(row)
    if not last:
        raise DataError(
            say("no symbol can be forecast: {left_out}", left_out=named(left_out)),
            remedy=say("Give more sessions, or fit again with all there are"),
        )
    return np.array(last, dtype=np.int64), left_out


def forecast_table(
    predicted: Forecast, problem: Problem, origins: Integers, timetable: Mapping[str, Timetable]
) -> pd.DataFrame:
    """The forecasts of `origins`, one row per symbol and step (see Forecaster.forecast).

    Raises
    ------
    RunError
        Forecasts that are no prices.
    """
    members = problem.to_price(np.stack([median(one) for one in predicted.members]), origins)
    if is_astray(members, problem.anchor[origins], problem.unit(origins), problem.move):
        raise RunError(
            say(
                "this network's training diverged, its forecasts lie far beyond any price: fit "
                "it again with a smaller learning_rate, or with clip_norm = 1"
            )
        )
    horizon, anchor = problem.horizon, problem.anchor[origins, None]
    price = problem.to_price(predicted.median, origins)
    symbols = np.array([problem.symbols[symbol] for symbol in problem.symbol[origins]], dtype=object)
    several = len(members) > 1
    columns = {
        "symbol": np.repeat(symbols, horizon),
        "origin": written(np.repeat(problem.session[origins], horizon), problem.frequency),
        "time": written(_times(problem, origins, timetable).ravel(), problem.frequency),
        "step": np.tile(np.arange(1, horizon + 1), len(origins)),
        "anchor": np.repeat(anchor, horizon),
        "forecast": price.ravel(),
        "change": problem.move.change(price, anchor).ravel(),
        "std_over_seeds": members.std(axis=0, ddof=1).ravel() if several else np.full(price.size, np.nan),
    }
    if not isinstance(predicted.distribution, Point):
        columns |= distribution_columns(predicted.distribution, problem.anchor[origins], problem.move)
    table = pd.DataFrame(columns)
    numbers = table.select_dtypes("number").drop(columns="std_over_seeds")
    if not np.isfinite(numbers.to_numpy()).all():
        raise RunError(say("this network's forecasts are no finite numbers: fit it again"))
    return table


def named(left_out: Mapping[str, str]) -> str:
    """'A (why); B (why)' for a warning."""
    return some([f"{symbol} ({reason})" for symbol, reason in left_out.items()], "; ")


def _times(problem: Problem, origins: Integers, timetable: Mapping[str, Timetable]) -> Dates:
    """(N, h) the times that are forecast: those of the prices, and by the timetable after their last."""
    rows = origins[:, None] + np.arange(1, problem.horizon + 1)
    last = problem.last[origins, None]
    times = problem.session[np.minimum(rows, last)]
    for row in np.unique(last[rows[:, -1:] > last]):
        symbol = problem.symbols[problem.symbol[row]]
        later = timetable[symbol].after(problem.session[row], problem.horizon)
        mine = (last == row) & (rows > row)
        times[mine] = later[(rows - row - 1)[mine]]
    return times


def _too_short(problem: Problem, row: int) -> str:
    if problem.ready[row]:
        return ""
    sessions = row - problem.first[row] + 1
    return f"{count(sessions, session_noun(problem.frequency))}: too few for a window of {problem.lookback}"


def _ended(problem: Problem, row: int, timetable: Timetable) -> str:
    """That a symbol ended at `row`, its last, more than LATE of its own sessions before the others' last.

    A session that its exchange was closed on is none of its own; where the calendar knows less than half of
    its latest dates, every session of the others counts.
    """
    if timetable.frequency == INDEX:
        return ""  # numbers of several series have nothing to do with each other
    own = problem.session[problem.first[row] : row + 1][-250:]
    later = problem.sessions[np.searchsorted(problem.sessions, own[-1], side="right") :]
    if len(later) > LATE and timetable.frequency == DAILY:
        regular = sessions_between(timetable.calendar, own[0], later[-1])
        if np.isin(own, regular).mean() > 0.5:
            later = later[np.isin(later, regular)]
    if len(later) <= LATE:
        return ""
    what = f"{session_noun(timetable.frequency)}s"
    ended, newest = (stamp(time, timetable.frequency) for time in (own[-1], problem.sessions[-1]))
    return f"ended on {ended}, {len(later)} {what} before the last of the others ({newest})"
