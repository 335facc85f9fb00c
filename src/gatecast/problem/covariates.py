"""Covariates: columns beside the prices, by when they are known.

Past covariates are known up to the origin, future covariates in advance, static ones are constant per symbol.
All become features of the bar that they are of; what is known in advance is also kept for the h bars ahead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from jaxtyping import Float64, Int64, Shaped

from gatecast.data.names import STANDARD, normal_name
from gatecast.data.prices import Prices
from gatecast.data.timetable import Timetable
from gatecast.errors import DataError, SettingError, did_you_mean
from gatecast.language import say
from gatecast.problem.known import calendar_inputs
from gatecast.problem.market import market_features
from gatecast.problem.moves import LOG_RETURN, Move
from gatecast.problem.seasons import season_changes
from gatecast.settings.experiment import KNOWN_INPUTS, SEASON_CHANGE, TIME_OF_DAY
from gatecast.settings.frequency import DAILY, adjective, is_intraday, stamp

KEYS = ("symbol", "session")
PER_BAR = ("time_of_day", "hour", "minute")  # what only bars shorter than a day have


@dataclass(frozen=True)
class Chosen:
    """The covariates that are asked for.

    past, future, static: names of columns, or of KNOWN_INPUTS in `future`; market: mean return and volatility
    of all symbols; seen: names of the features that were fitted, whose categories are taken; None: those of
    the data; seasons: in bars, for SEASON_CHANGE, which `future` takes as well.
    """

    past: Sequence[str] = ()
    future: Sequence[str] = ()
    static: Sequence[str] = ()
    market: bool = False
    seen: Sequence[str] | None = None
    seasons: Sequence[int] = ()


@dataclass(frozen=True)
class Covariates:
    """What networks read beside the features of the prices.

    past     (rows) features known at the close of the row's bar
    static   (rows) features that are constant per symbol
    known    (rows and h more per symbol) what is known in advance, see `Problem.known`; NaN: not known
    """

    past: pd.DataFrame
    static: pd.DataFrame
    known: pd.DataFrame = field(default_factory=pd.DataFrame)


def covariates(
    prices: Prices, chosen: Chosen, *, column: str, horizon: int, move: Move = LOG_RETURN
) -> Covariates:
    """The covariates that are asked for, checked.

    column: the price that is forecast, of whose moves the market is made.

    Raises
        SettingError: a name that is no column, or is asked for twice; a static column that changes within a
            symbol; a known input that these bars do not have.
        DataError: a gap in a column.
    """
    columns = _checked_names(prices, chosen)
    past = prices.table[list(columns["past"])]
    _refuse_gaps(prices, past)
    if chosen.market:
        past = pd.concat([past, market_features(prices, column, move)], axis=1)
    return Covariates(
        past=past,
        static=_static(prices, columns["static"], chosen.seen),
        known=_with_seasons(
            _known(prices, [name for name in columns["future"] if name != SEASON_CHANGE], horizon),
            prices.table[column].to_numpy(dtype=np.float64),
            prices.first,
            chosen.seasons if SEASON_CHANGE in columns["future"] else (),
            horizon,
        ),
    )


def unused_columns(prices: Prices, names: Iterable[str]) -> tuple[str, ...]:
    """The columns of the data that are neither standard nor among these names."""
    named = {*KEYS, *STANDARD, *map(normal_name, names)}
    return tuple(name for name in prices.table.columns if name not in named)


def times_ahead(timetable: Timetable, last: np.datetime64, horizon: int) -> Shaped[np.ndarray, " {horizon}"]:
    """(h,) the times of the bars after `last`; NaT where the calendar is not recorded as far."""
    try:
        return timetable.after(last, horizon)
    except DataError:
        return np.full(horizon, np.datetime64("NaT"), dtype=last.dtype)


def _checked_names(prices: Prices, chosen: Chosen) -> dict[str, tuple[str, ...]]:
    """The names as the data have them, by the setting that asks for them.

    Raises
        SettingError: what is no column, is there twice, or cannot be what it is called.
    """
    known = [name for name in prices.table.columns if name not in KEYS]
    found: dict[str, tuple[str, ...]] = {}
    seen: dict[str, str] = {}
    for setting in ("past", "future", "static"):
        given = tuple(getattr(chosen, setting))
        found[setting] = tuple(_name(name, setting, known, prices) for name in given)
        for name in found[setting]:
            if name in seen:
                both = f"{seen[name]} and {setting}" if seen[name] != setting else f"{setting} twice"
                raise SettingError(
                    say('the column "{name}" is asked for as {both}; ask for it once', name=name, both=both)
                )
            seen[name] = setting
    return found


def _name(given: str, setting: str, known: Sequence[str], prices: Prices) -> str:
    name = normal_name(given)
    within = (TIME_OF_DAY,) if is_intraday(prices.frequency) else ()
    computed = (*KNOWN_INPUTS, *within, SEASON_CHANGE)
    if setting == "future" and name in PER_BAR and name not in (*computed, *known):
        why = "is the same for every daily bar, and says nothing; leave it out"
        if within:
            why = f'is no column of the data; "{TIME_OF_DAY}" holds the hour and the minute'
        elif prices.frequency != DAILY:
            why = f"says nothing of {adjective(prices.frequency)} bars; leave it out"
        raise SettingError(why, setting=setting, value=given)
    if setting == "future" and name in computed:
        if name in known:
            raise SettingError(
                say(
                    'is a column of the data and what the calendar says: rename the column "{name}"',
                    name=name,
                ),
                setting=setting,
                value=given,
            )
        return name
    if name not in known:
        reason = prices.left_out.get(name, "")
        said = (
            f"; what the calendar and the seasons say: {', '.join(computed)}" if setting == "future" else ""
        )
        names = [*known, *(computed if setting == "future" else ())]
        raise SettingError(
            reason
            or say(
                "is no column of the data.{did_you_mean} There are {known}{said}",
                did_you_mean=did_you_mean(name, names),
                known=", ".join(known),
                said=said,
            ),
            setting=setting,
            value=given,
        )
    if setting == "future" and name in STANDARD:
        raise SettingError(
            say("is a price or volume, which nobody knows in advance; ask for it as past"),
            setting=setting,
            value=given,
        )
    if setting != "static" and name in prices.texts:
        raise SettingError(say("is text; text can be static alone"), setting=setting, value=given)
    return name


def _refuse_gaps(prices: Prices, columns: pd.DataFrame) -> None:
    """Raise DataError where a value is missing after a symbol's first: leading gaps only delay a window."""
    for name in columns:
        known = np.isfinite(columns[name].to_numpy(dtype=np.float64))
        began = pd.Series(known).groupby(_owner(prices), sort=False).cummax().to_numpy()
        for row in np.flatnonzero(began & ~known)[:1].tolist():
            raise DataError(
                say('the column "{name}" has no value for {where}', name=name, where=_where(prices, row)),
                file=", ".join(prices.source),
                column=name,
                count=int((began & ~known).sum()),
                remedy=say(
                    "Fill it with what was known then, or leave the column out; gatecast.join "
                    "carries the last known value on"
                ),
            )
        empty = np.flatnonzero(~np.logical_or.reduceat(known, prices.first))
        for number in empty[:1]:
            raise DataError(
                say(
                    'the column "{name}" has no value for {symbols}',
                    name=name,
                    symbols=prices.symbols[number],
                ),
                file=", ".join(prices.source),
                column=name,
                count=len(empty),
                remedy=say("Leave these symbols or the column out"),
            )


def _where(prices: Prices, row: int) -> str:
    symbol, session = prices.table.loc[row, list(KEYS)]
    return f"{symbol} on {stamp(session)}"


def _owner(prices: Prices) -> Int64[np.ndarray, " rows"]:
    """The number of each row's symbol."""
    return np.repeat(np.arange(len(prices.first)), _sizes(prices))


def _sizes(prices: Prices) -> Int64[np.ndarray, " symbols"]:
    return np.diff(np.append(prices.first, len(prices.table)))


def _static(prices: Prices, names: Iterable[str], seen: Sequence[str] | None) -> pd.DataFrame:
    """Numbers as they are, texts as one column for each category: 1 where it is the symbol's."""
    parts = {}
    for name in names:
        column = prices.table[name]
        _refuse_changes(prices, column)
        if name not in prices.texts:
            _refuse_gaps(prices, column.to_frame())
            parts[name] = column.to_numpy(dtype=np.float64)
            continue
        own = column.fillna("").astype(str).to_numpy(dtype=object)
        categories = sorted(set(own))
        if seen is not None:
            prefix = f"{name}="
            fitted = [one.removeprefix(prefix) for one in seen if one.startswith(prefix)]
            for strange in [one for one in categories if one not in fitted][:1]:
                symbol = prices.table["symbol"].iloc[int((own == strange).argmax())]
                raise DataError(
                    say(
                        '{symbol} has the {name} "{strange}", which was not among those fitted ({fitted})',
                        symbol=symbol,
                        name=name,
                        strange=strange,
                        fitted=", ".join(fitted),
                    ),
                    remedy=say("Leave it out, or fit again with it"),
                )
            categories = fitted
        parts |= {f"{name}={category}": (own == category) * 1.0 for category in categories}
    return pd.DataFrame(parts, index=prices.table.index)


def _refuse_changes(prices: Prices, column: pd.Series) -> None:
    """Raise SettingError where a static column has two values of one symbol."""
    first = np.repeat(prices.first, _sizes(prices))
    values = column.to_numpy()
    other = (values != values[first]) & ~(pd.isna(values) & pd.isna(values[first]))
    for row in np.flatnonzero(other)[:1].tolist():
        raise SettingError(
            say(
                "changes within a symbol: {where} it is {values}, and {values_2} for {where_2} "
                "(row {row}). Ask for it as past",
                where=_where(prices, int(first[row])),
                values=values[first[row]],
                values_2=values[row],
                where_2=_where(prices, row),
                row=row,
            ),
            setting="static",
            value=str(column.name),
        )


def _known(prices: Prices, names: Sequence[str], horizon: int) -> pd.DataFrame:
    """Every symbol's rows, and after them the h bars ahead: calendar inputs, and columns of the data."""
    if not names:
        return pd.DataFrame()
    own = [name for name in names if name not in (*KNOWN_INPUTS, TIME_OF_DAY)]
    _refuse_gaps(prices, prices.table[own])
    sessions = prices.times
    ends = np.append(prices.first[1:], len(sessions))
    parts = []
    for symbol, start, end in zip(prices.symbols, prices.first, ends, strict=True):
        timetable = prices.timetable[symbol]
        times = np.append(sessions[start:end], times_ahead(timetable, sessions[end - 1], horizon))
        columns: dict[str, Float64[np.ndarray, " bars"]] = {}
        for name in names:
            if name in own:
                values = prices.table[name].to_numpy(dtype=np.float64)[start:end]
                columns[name] = np.append(values, np.full(horizon, np.nan))
            else:
                columns |= calendar_inputs(name, times, timetable.calendar)
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def _with_seasons(
    known: pd.DataFrame,
    price: Float64[np.ndarray, " rows"],
    first: Int64[np.ndarray, " symbols"],
    seasons: Sequence[int],
    horizon: int,
) -> pd.DataFrame:
    """`known` and what the last seasons say of the same bars."""
    if not seasons:
        return known
    parts = [pd.DataFrame(season_changes(own, seasons, horizon)) for own in np.split(price, first[1:])]
    return pd.concat([known, pd.concat(parts, ignore_index=True)], axis=1)
