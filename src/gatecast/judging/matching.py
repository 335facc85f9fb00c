"""Given forecasts matched with the bars of the prices: which origin and step each is of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from gatecast._typing import Bools, Dates, Floats, Integers
from gatecast.data.spacing import as_times
from gatecast.distributions import Distribution, Point, Quantiles, StudentT
from gatecast.errors import DataError
from gatecast.formatting import some
from gatecast.judging.given import Given, GivenModel
from gatecast.language import plural, say
from gatecast.problem.moves import Move
from gatecast.problem.problem import Problem
from gatecast.settings.frequency import stamp

FAR = 20.0  # usual moves: a forecast farther from the last price is absurd
OTHER = 1e-3  # of a price: an actual price of the table that differs by more is another one
MOST_STEPS = 1000


@dataclass(frozen=True)
class Matched:
    """The forecasts of one model at N origins (rows of the problem, rising), h steps each, as moves."""

    distribution: Distribution
    point: Floats


@dataclass(frozen=True)
class Match:
    """What all models of a table forecast.

    origins     (N,) rows of the problem, rising
    scale, mae  (N,) the scale of an origin that the table carries: naive's mean squared change in
                training, and its mean absolute error; NaN where it carries none
    notes       what did not match, one sentence each
    """

    origins: Integers
    horizon: int
    models: dict[str, Matched]
    scale: Floats
    mae: Floats
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Placed:
    """The rows of one model that match: their origin (row of the problem) and step."""

    model: GivenModel
    kept: Integers
    origin: Integers
    step: Integers

    def of(self, horizon: int) -> Integers:
        """The origins that have every step from 1 to `horizon`."""
        origins, counts = np.unique(self.origin, return_counts=True)
        return origins[counts == horizon]

    def at(self, origins: Integers) -> Integers:
        """(N, h) rows of the table, given origins that have every step."""
        wanted = np.isin(self.origin, origins)
        order = np.lexsort((self.step[wanted], self.origin[wanted]))
        return self.kept[wanted][order].reshape(len(origins), -1)


def match(given: Given, problem: Problem, file: str) -> Match:
    """The forecasts of `given` at the bars of `problem`, whose horizon does not count.

    Raises
    ------
    DataError
        Nothing matches; an origin that is not before the bar it forecasts; a forecast that stands twice.
    """
    notes: list[str] = []
    symbol = _symbols(given, problem, file, notes)
    placed = {
        name: _placed(name, model, problem, symbol, file, notes) for name, model in given.models.items()
    }
    horizon = max(int(one.step.max()) for one in placed.values())
    if horizon > MOST_STEPS:
        raise DataError(
            say(
                "the forecasts reach {horizon:,} bars ahead; at most {most_steps:,} are judged",
                horizon=horizon,
                most_steps=MOST_STEPS,
            ),
            file=file,
            remedy=say("See whether its origins are the last bars that the forecasts were made from"),
        )
    complete = {name: one.of(horizon) for name, one in placed.items()}
    for name, one in placed.items():
        short = len(np.unique(one.origin)) - len(complete[name])
        if short:
            notes.append(
                say(
                    "{name}: {origins} without all {horizon} steps that have an actual price are left out",
                    name=name,
                    origins=plural("{n:,} origin", "{n:,} origins", short),
                    horizon=horizon,
                )
            )
    origins = complete[next(iter(complete))]
    for found in complete.values():
        origins = np.intersect1d(origins, found)
    for name, found in complete.items():
        if beside := len(found) - len(origins):
            notes.append(
                say(
                    "{name}: {origins} that another model lacks are left out",
                    name=name,
                    origins=plural("{n:,} origin", "{n:,} origins", beside),
                )
            )
    if not len(origins):
        raise DataError(
            say(
                "no origin has forecasts of all {horizon} steps by {placed}",
                horizon=horizon,
                placed=some(list(placed), most=5),
            ),
            file=file,
            remedy=say("Give every step from 1 to the last of the same origins for all models"),
        )
    models, at = {}, np.empty((0, 0), np.int64)
    for name, one in placed.items():
        at = one.at(origins)
        models[name] = _matched(one.model, at, problem.anchor[origins], problem.move)
        _note_absurd(name, models[name], problem, origins, notes)
    first = one.model.table
    scale, mae = (
        first[name].to_numpy(np.float64)[at[:, 0]] if name in first else np.full(len(origins), np.nan)
        for name in ("naive_scale", "naive_mae")
    )
    return Match(origins, horizon, models, scale, mae, tuple(notes))


def _symbols(given: Given, problem: Problem, file: str, notes: list[str]) -> dict[str, int]:
    """Name in the table → number of the symbol."""
    known = {name: number for number, name in enumerate(problem.symbols)}
    written = sorted({str(name) for one in given.models.values() for name in one.table["symbol"].unique()})
    if written == [""] and len(known) > 1:
        raise DataError(
            say(
                "there is no column of symbols, and the prices are of {symbols}",
                symbols=plural("{n:,} symbol", "{n:,} symbols", len(known)),
            ),
            file=file,
            remedy=say("Add a column symbol, or give the prices of one symbol"),
        )
    if len(written) == len(known) == 1:
        if written[0] not in ("", problem.symbols[0]):
            notes.append(
                say(
                    'The forecasts of "{written}" are taken to be of {symbols}',
                    written=written[0],
                    symbols=problem.symbols[0],
                )
            )
        return {written[0]: 0}
    if strangers := [name for name in written if name not in known]:
        if len(strangers) == len(written):
            raise DataError(
                say("no symbol of the table has prices: {strangers}", strangers=some(strangers, most=5)),
                file=file,
                remedy=say("The prices are of {symbols}", symbols=some(list(problem.symbols), most=5)),
            )
        notes.append(
            say("Symbols without prices are left out: {strangers}", strangers=some(strangers, most=5))
        )
    return {name: known[name] for name in written if name in known}


def _placed(
    name: str, model: GivenModel, problem: Problem, symbol: dict[str, int], file: str, notes: list[str]
) -> _Placed:
    table = model.table
    code: Integers = table["symbol"].map(symbol).fillna(-1).to_numpy().astype(np.int64)
    time, origin = (as_times(table[name].to_numpy(), problem.frequency) for name in ("time", "origin"))
    said = partial(stamp, frequency=problem.frequency)
    late = ~np.isnat(origin) & (origin >= time)
    if late.any():
        first = int(late.argmax())
        raise DataError(
            say(
                "the origin of a forecast by {name} is not before the bar that it forecasts ({said})",
                name=name,
                said=said(time[first]),
            ),
            file=file,
            row=int(table["row"].iloc[first]),
            column="origin",
            value=said(origin[first]),
            count=int(late.sum()),
            remedy=say("The origin is the last bar that was known when the forecast was made"),
        )
    bars = pd.MultiIndex.from_arrays([problem.symbol, problem.session])
    row = bars.get_indexer(pd.MultiIndex.from_arrays([code, time])).astype(np.int64)
    first_row, last_row = _ends(problem, code)
    last = problem.session[last_row]
    ahead = (code >= 0) & (time > last)
    stray = (code >= 0) & (row < 0) & ~ahead
    for rows, what in ((ahead, say("after the last price")), (stray, say("of bars without a price"))):
        if rows.any():
            days = [said(day) for day in np.unique(time[rows])]
            notes.append(
                say(
                    "{name}: {forecasts} {what} left out ({days})",
                    name=name,
                    forecasts=plural("{n:,} forecast", "{n:,} forecasts", int(rows.sum())),
                    what=what,
                    days=some(days, most=3),
                )
            )
    if np.isnat(origin).all():
        step = table["step"].to_numpy(np.float64)
        known = np.isfinite(step).all()
        start = row - (step.astype(np.int64) if known else 1)
        if not known:
            notes.append(
                say(
                    "{name}: the table does not say when a forecast was made; each is taken to be "
                    "made at the bar before the one that it forecasts",
                    name=name,
                )
            )
    else:
        start, moved = _bar_at(problem, code, origin)
        if moved:
            notes.append(
                say(
                    "{name}: {forecasts} with an origin that is no bar; the last bar before it is taken",
                    name=name,
                    forecasts=plural("{n:,} forecast", "{n:,} forecasts", moved),
                )
            )
    usable = (code >= 0) & (row >= 0) & (start >= first_row) & (row > start)
    if early := int(((code >= 0) & (row >= 0) & ~usable).sum()):
        notes.append(
            say(
                "{name}: {forecasts} with an origin before the first price left out",
                name=name,
                forecasts=plural("{n:,} forecast", "{n:,} forecasts", early),
            )
        )
    if not usable.any():
        raise DataError(
            say("no forecast by {name} is of a bar of the prices", name=name),
            file=file,
            column="time",
            value=said(time[0]),
            remedy=say(
                "The prices are of {said} to {said_2}",
                said=said(problem.session.min()),
                said_2=said(problem.session.max()),
            ),
        )
    kept = np.flatnonzero(usable)
    placed = _Placed(model, kept, start[kept], (row - start)[kept])
    twice = pd.DataFrame({"o": placed.origin, "s": placed.step}).duplicated().to_numpy()
    if twice.any():
        at = kept[int(twice.argmax())]
        raise DataError(
            say("{name} forecasts a bar twice from one origin", name=name),
            file=file,
            row=int(table["row"].iloc[at]),
            column="time",
            value=said(time[at]),
            count=int(twice.sum()),
            remedy=say("Keep one; if they were made at different bars, say in a column origin at which"),
        )
    _note_other_prices(name, table, kept, problem.anchor[row[kept]], notes)
    return placed


def _ends(problem: Problem, code: Integers) -> tuple[Integers, Integers]:
    """The first and the last row of each symbol (M,); those of the first for -1."""
    starts = np.flatnonzero(np.diff(problem.symbol, prepend=-1))
    last = np.append(starts[1:], len(problem.symbol)) - 1
    return starts[np.maximum(code, 0)], last[np.maximum(code, 0)]


def _bar_at(problem: Problem, code: Integers, day: Dates) -> tuple[Integers, int]:
    """The last row of a symbol up to a day (-1: none), and how many days are no bars."""
    found = np.full(len(code), -1)
    moved = 0
    for symbol in np.unique(code[code >= 0]):
        rows = np.flatnonzero(problem.symbol == symbol)
        asked = code == symbol
        at = np.searchsorted(problem.session[rows], day[asked], side="right") - 1
        found[asked] = np.where(at >= 0, rows[np.maximum(at, 0)], -1)
        moved += int(((at >= 0) & (problem.session[rows[np.maximum(at, 0)]] != day[asked])).sum())
    return found, moved


def _matched(model: GivenModel, at: Integers, anchor: Floats, move: Move) -> Matched:
    """The forecasts of rows (N, h) of the table, given the anchors (N,)."""
    if model.parameters is not None:
        distribution: Distribution = StudentT(*(model.parameters[at, n] for n in range(3)))
    elif len(model.levels):
        distribution = Quantiles(model.levels, move.of(model.quantiles[at], anchor[:, None, None]))
    else:
        assert model.point is not None
        distribution = Point(move.of(model.point[at], anchor[:, None]))
    if model.point is not None:
        return Matched(distribution, move.of(model.point[at], anchor[:, None]))
    return Matched(distribution, distribution.quantile([0.5])[..., 0])


def _note_absurd(name: str, matched: Matched, problem: Problem, origins: Integers, notes: list[str]) -> None:
    """Say which forecasts are more than FAR usual moves from the last price."""
    usual = pd.Series(np.abs(problem.returns)).groupby(problem.symbol).median().to_numpy()
    steps = np.sqrt(np.arange(1, matched.point.shape[1] + 1))
    far: Bools = np.abs(matched.point) > FAR * usual[problem.symbol[origins], None] * steps
    if not far.any():
        return
    at, step = np.unravel_index(int(far.argmax()), far.shape)
    price = problem.move.to_price(matched.point[at], problem.anchor[origins[at], None])[step]
    origin = stamp(problem.session[origins[at]], problem.frequency)
    where = f"{problem.symbols[problem.symbol[origins[at]]]} from {origin}: {price:g}"
    notes.append(
        say(
            "{name}: {forecasts} of {size:,} lie more than {far:g} usual moves from the last "
            "price ({where} after {anchor:g}); see whether they are prices in the same unit "
            "and with the same adjustments",
            name=name,
            forecasts=plural("{n:,} forecast", "{n:,} forecasts", int(far.sum())),
            size=far.size,
            far=FAR,
            where=where,
            anchor=problem.anchor[origins[at]],
        )
    )


def _note_other_prices(
    name: str, table: pd.DataFrame, kept: Integers, price: Floats, notes: list[str]
) -> None:
    """Say where the actual prices in the table are others."""
    own = table["actual"].to_numpy(np.float64)[kept]
    other = np.abs(own - price) > OTHER * np.abs(price)
    if other.any():
        first = int(other.argmax())
        notes.append(
            say(
                "{name}: in {rows} of {count:,} the actual price of the table is another than "
                "that of the prices ({own:g} and {price:g} in row {iloc}); the prices count",
                name=name,
                rows=plural("{n:,} row", "{n:,} rows", int(other.sum())),
                count=len(own),
                own=own[first],
                price=price[first],
                iloc=int(table["row"].iloc[kept[first]]),
            )
        )


def after(origins: Sequence[int] | Integers, problem: Problem, day: str) -> Bools:
    """Whether the first bar that an origin forecasts is after a day."""
    return problem.session[np.asarray(origins) + 1] >= np.datetime64(day, "D") + 1
