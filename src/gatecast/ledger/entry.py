"""Entry: one forecast of one price, as the record keeps it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gatecast.data.calendars import WEEKS
from gatecast.errors import LedgerError
from gatecast.ledger.closing import DOUBT, bar_closes_at, closes_at, exchange_of
from gatecast.settings.frequency import DAILY, INDEX, is_intraday
from gatecast.settings.reading import Reading

if TYPE_CHECKING:
    import pandas as pd

    from gatecast.data.prices import Prices
    from gatecast.data.timetable import Timetable
    from gatecast.settings.experiment import Experiment
    from gatecast.settings.training import Training

Key = tuple[str, dt.date, int, str]
Quantiles = Mapping[float, float]

# What is beside a forecast: the data and their dates, the other models, the test that made its record.
BESIDE = frozenset(Reading.model_fields) - {"adjust"} | {
    "source", "models", "networks", "training", "trainings", "folds", "test_size", "test_start",
    "test_rows", "split_column", "window"
}  # fmt: skip
# Settings that came later: they count where they are chosen, and the records before them stay as they are.
LATER = ("foreign", "means", "past", "future", "static", "market", "season", "anchor", "across_sessions")
# Numbers are the same when they are this close (log return; prices and df relatively): the last bits, which
# another processor or another library of mathematics may round otherwise, and nothing that means anything.
SAME = 1e-9
YEARS = range(1700, 2260)  # of a datetime64[ns]
NUMBERED = "the rows have no dates, only numbers, and a forecast of a numbered row cannot be dated"
LARGEST = 100  # log return, or a scale: e^100 times the price
NARROWEST = 1e-100  # a scale; its square is still a number


@dataclass(frozen=True)
class Entry:
    """One symbol's price at one step, forecast at the close of `origin`. Distances are log returns from it.

    symbol, origin, step, experiment   the key: the first answer to it stands
    experiment       short hash of every setting that decides the forecast; see `experiment_hash`
    origin, date, first   dates; of bars within days datetimes without a zone, by the clock of the data
    date             the session that is meant, as the calendar knew it
    source           what `gatecast.load` is given to read the symbol again; several are pooled
    column, adjust, calendar   the price that is forecast, and how it is read
    model            its name
    anchor           price at the origin
    forecast         median or point
    quantiles        level → log return, rising; None for a point forecast
    naive_quantiles  the same of the naive distribution
    location, scale, df   of the Student t, where it is one
    data             sha256 of the prices that were read (`Prices.sha256`)
    made             when, with a time zone
    version          of gatecast
    closes           when the bar of `date` closes, as far as it is known (see closing.py); UTC. None: it is
                     found out from symbol, source and calendar
    anchor_return    log return into the origin, from the session before it
    first            the first session of the symbol that was read
    history          hash of the symbol's prices from there to the origin; see `history.history_hash`
    frequency        of the bars; None: days
    resample         what the bars of the source were made to, where they were

    Raises
        LedgerError: a value that cannot be.
    """

    symbol: str
    origin: dt.date
    step: int
    experiment: str
    date: dt.date
    source: tuple[str, ...]
    column: str
    model: str
    anchor: float
    forecast: float
    data: str
    made: dt.datetime
    version: str
    quantiles: Quantiles | None = None
    naive_quantiles: Quantiles | None = None
    location: float | None = None
    scale: float | None = None
    df: float | None = None
    adjust: bool = False
    calendar: str | None = None
    closes: dt.datetime | None = None
    anchor_return: float | None = None
    first: dt.date | None = None
    history: str | None = None
    frequency: str | None = None
    resample: str | None = None

    def __post_init__(self) -> None:
        fault = next((text for text, wrong in self._faults() if wrong), None)
        if fault is not None:
            raise LedgerError(
                f"no forecast of {self.symbol[:40]!r} at {time_text(self.origin)}, step {self.step}: {fault}"
            )
        if self.closes is None:
            object.__setattr__(self, "closes", closes_at(self.date, self.exchange))

    @property
    def exchange(self) -> str | None:
        """The calendar of the symbol's exchange; None: it is not known."""
        return exchange_of(self.symbol, self.source, self.calendar)

    @property
    def backcast(self) -> bool:
        """Whether it was made when the bar it is for had closed already: it tells nothing of foresight."""
        return self.closes is None or self.made >= self.closes

    @property
    def in_doubt(self) -> bool:
        """Whether it is a backcast only because the exchange is not known: on some the bar was still open."""
        return self.exchange is None and self.closes is not None and self.made < self.closes + DOUBT

    def _faults(self) -> Iterable[tuple[str, bool]]:
        own = (self.location, self.scale, self.df)
        some = [number for number in own if number is not None]
        texts = (self.symbol, self.experiment, *self.source, self.column, self.model, self.data, self.version)
        yield "a text that no database can keep", not all(map(_storable, (*texts, self.calendar or "")))
        dates = [self.origin, self.date, self.made, self.first or self.origin, self.closes or self.date]
        yield "a date that is none of prices", not all(date.year in YEARS for date in dates)
        within = self.frequency is not None and is_intraday(self.frequency)
        times = [self.origin, self.date, self.first or self.origin]
        yield "a time of another kind", any(isinstance(time, dt.datetime) != within for time in times)
        yield "an empty symbol, experiment or source", not (self.symbol and self.experiment and self.source)
        yield f"step {self.step} is below 1", self.step < 1
        yield f"the date {self.date} is not after the origin", self.date <= self.origin
        for name, moment in (("made", self.made), ("closes", self.closes)):
            yield f"{name} {moment} has no time zone", moment is not None and moment.utcoffset() is None
        yield f"the anchor {self.anchor} is no price", not (math.isfinite(self.anchor) and self.anchor > 0)
        yield "a number is missing", not all(map(math.isfinite, (self.forecast, *some)))
        yield "location, scale and df go together", len(some) not in (0, 3)
        yield f"scale {self.scale}, df {self.df}", len(some) == 3 and not (some[1] > 0 and some[2] > 1)
        yield "the quantiles do not rise", not (_rise(self.quantiles) and _rise(self.naive_quantiles))
        yield "a log return that no price can have", not self._moderate()

    def _moderate(self) -> bool:
        numbers = [self.forecast, self.location, self.scale, self.anchor_return]
        for known in (self.quantiles, self.naive_quantiles):
            numbers += known.values() if known else ()
        sizes = [abs(number) for number in numbers if number is not None]
        return all(size <= LARGEST for size in sizes) and (self.scale is None or self.scale >= NARROWEST)

    @property
    def key(self) -> Key:
        """What can have one answer only."""
        return self.symbol, self.origin, self.step, self.experiment


def _storable(text: str) -> bool:
    """UTF-8 without a NUL: PostgreSQL keeps no other text."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def _rise(quantiles: Quantiles | None) -> bool:
    """Levels in (0, 1), rising; values rising, or equal."""
    if quantiles is None:
        return True
    levels, values = list(quantiles), list(quantiles.values())
    return (
        len(levels) > 1
        and levels[0] > 0
        and levels[-1] < 1
        and all(low < high for low, high in pairwise(levels))
        and all(map(math.isfinite, values))
        and all(low <= high for low, high in pairwise(values))
    )


def experiment_hash(experiment: Experiment, model: str, frequency: str = DAILY) -> str:
    """16 hex digits that stand for every setting that decides a forecast of `model`.

    Network, training, lookback, horizon, seeds, column …: everything but BESIDE, so that a setting that is
    new counts until it is named there. The data and their dates are not among them: the record has their
    sha256. The frequency of their bars counts where these are no days.
    """
    network = experiment.networks.get(model)
    fields = type(experiment).model_fields
    unchosen = {
        name
        for name in LATER
        if getattr(experiment, name) == fields[name].get_default(call_default_factory=True)
    }
    if experiment.features is None or experiment.replace_features:  # a function's features alone, as ever
        unchosen.add("replace_features")
    deciding = {
        "model": model,
        "network": None if network is None else network.model_dump(mode="json"),
        "training": None if network is None else _training(experiment.training_of(model)),
        **experiment.model_dump(mode="json", exclude={*BESIDE, *unchosen}),
    }
    if frequency != DAILY:
        deciding["frequency"] = frequency
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()[:16]


def _training(training: Training) -> dict[str, Any]:
    """How a network is trained; the epoch that goes with batch_size is not named."""
    later = {"steps_per_epoch"} if training.steps_per_epoch == "auto" else set()
    return training.model_dump(mode="json", exclude=later)


def entries_of(
    table: pd.DataFrame,
    *,
    model: str,
    experiment: Experiment,
    prices: Prices,
    column: str | None = None,
    made: dt.datetime | None = None,
) -> list[Entry]:
    """The entries of a forecast.

    table   one row per symbol and step: symbol, origin, date, step, anchor, forecast (prices); for a
            distribution q01 … q99 (prices), naive_q01 … naive_q99 (those of the naive one) and, for a
            Student t, location, scale, df (log return). Columns that are missing or empty: there is none.
    model   its name; `experiment` what decides it
    prices  that were read, up to the origins; the paths they came from are kept in full, to be found from
            any folder
    column  the price that was forecast; None: the experiment's
    made    when; None: now

    Raises
        LedgerError: rows that have no dates.
    """
    from gatecast._version import __version__

    if prices.frequency == INDEX:
        raise LedgerError(NUMBERED)
    column, frequency = column or experiment.column, prices.frequency
    common: dict[str, Any] = {
        "experiment": experiment_hash(experiment, model, frequency),
        "source": tuple(_findable(word) for word in prices.source),
        "column": column,
        "model": model,
        "data": prices.sha256,
        "made": made or dt.datetime.now(dt.UTC),
        "version": __version__,
        "adjust": experiment.adjust,
        "frequency": None if frequency == DAILY else frequency,
        "resample": experiment.resample,
    }
    known = {str(symbol): rows for symbol, rows in prices.table.groupby("symbol", sort=False)}
    histories = {
        (symbol, origin): {
            "calendar": _calendar(experiment, prices, symbol),
            **_history(known[symbol], origin, column, frequency),
        }
        for symbol, origin in dict.fromkeys(zip(table["symbol"], table["origin"], strict=True))
    }
    rows = table.to_dict(orient="records")
    return [
        _entry(row, common | histories[row["symbol"], row["origin"]], prices.timetable[row["symbol"]])
        for row in rows
    ]


def _calendar(experiment: Experiment, prices: Prices, symbol: str) -> str | None:
    """That which was given; else, of bars within days, whose times tell the exchange, the one found."""
    given = experiment.calendar_of(symbol)
    if given is not None or not is_intraday(prices.frequency) or prices.calendar[symbol] in WEEKS:
        return given
    return prices.calendar[symbol]


def _history(rows: pd.DataFrame, origin: pd.Timestamp, column: str, frequency: str) -> dict[str, Any]:
    """What of one symbol's prices says later whether they were revised."""
    from gatecast.ledger.history import history_hash, return_into

    read = rows[rows["session"] <= origin]
    return {
        "first": time_of(read["session"].iloc[0], frequency),
        "history": history_hash(read, column),
        "anchor_return": return_into(read[column], len(read) - 1),
    }


def time_of(stamp: pd.Timestamp, frequency: str | None) -> dt.date:
    """The time of a bar as an entry has it: a datetime of bars within days, else a date."""
    within = frequency is not None and is_intraday(frequency)
    return stamp.to_pydatetime() if within else stamp.date()


def time_text(time: dt.date) -> str:
    """A time of a bar in words: "2021-03-01", "2021-03-01 09:30"."""
    return f"{time:%Y-%m-%d %H:%M}" if isinstance(time, dt.datetime) else time.isoformat()


def _entry(row: Mapping[Any, Any], common: Mapping[str, Any], timetable: Timetable) -> Entry:
    from gatecast.forecasts import PARAMETERS

    anchor, symbol, frequency = float(row["anchor"]), str(row["symbol"]), common["frequency"]
    exchange = exchange_of(symbol, common["source"], common["calendar"])
    own: dict[str, Any] = {name: float(row[name]) if _is_there(row, name) else None for name in PARAMETERS}
    return Entry(
        symbol=symbol,
        origin=time_of(row["origin"], frequency),
        step=int(row["step"]),
        date=time_of(row["time"], frequency),
        closes=bar_closes_at(np.datetime64(row["time"]), timetable, exchange),
        anchor=anchor,
        forecast=_log_return(float(row["forecast"]), anchor),
        quantiles=_quantiles(row, "", anchor),
        naive_quantiles=_quantiles(row, "naive_", anchor),
        **own,
        **common,
    )


def _log_return(price: float, anchor: float) -> float:
    """NaN for what is no price, such as a negative level: no Entry is made of it."""
    return math.log(price) - math.log(anchor) if anchor > 0 and price > 0 else math.nan


def _quantiles(row: Mapping[Any, Any], prefix: str, anchor: float) -> dict[float, float] | None:
    from gatecast.distributions import LEVELS
    from gatecast.forecasts import QUANTILE_COLUMNS

    names = [prefix + name for name in QUANTILE_COLUMNS]
    if not any(_is_there(row, name) for name in names):
        return None
    return {level: _log_return(float(row[name]), anchor) for level, name in zip(LEVELS, names, strict=True)}


def _is_there(row: Mapping[Any, Any], name: str) -> bool:
    value = row.get(name)
    return value is not None and not math.isnan(float(value))


def _findable(word: str) -> str:
    return str(Path(word).resolve()) if Path(word).exists() else word


def differences(then: Entry, now: Entry) -> list[str]:
    """In words, what of a second answer differs from the first; empty: it is the same answer.

    When it was made, from where, by which version and for which date of the calendar does not count.
    """
    changes = [
        f"the {name} was {getattr(then, name)}, now {getattr(now, name)}"
        for name in ("model", "column", "adjust")
        if getattr(then, name) != getattr(now, name)
    ]
    if not math.isclose(then.anchor, now.anchor, rel_tol=SAME):
        changes.append(f"the anchor was {both(then.anchor, now.anchor, ',.{}f')}")
    if not _close(then.forecast, now.forecast):
        what = "forecast" if now.quantiles is None else "median"
        changes.append(f"the {what} was {both(then.forecast, now.forecast, '+.{}%')}")
    changes += _of_quantiles(then.quantiles, now.quantiles, "")
    changes += _of_quantiles(then.naive_quantiles, now.naive_quantiles, "naive ")
    for name in ("location", "scale", "df"):
        was, new = getattr(then, name), getattr(now, name)
        if (was is None) != (new is None):
            changes.append(f"the {name} was {was}, now {new}")
        elif was is not None and not math.isclose(
            was, new, rel_tol=SAME if name == "df" else 0, abs_tol=SAME
        ):
            changes.append(f"the {name} was {both(was, new, '.{}f')}")
    if then.data != now.data:
        changes.append(f"the data differ (sha256 {then.data[:8]}… then, {now.data[:8]}… now)")
    if changes and then.version != now.version:
        changes.append(f"gatecast was {then.version}, now {now.version}")
    return changes


def _of_quantiles(then: Quantiles | None, now: Quantiles | None, whose: str) -> list[str]:
    if then is None or now is None:
        was, new = ("no", "one") if then is None else ("a", "none")
        return [] if then is now else [f"there was {was} {whose}distribution, now {new}"]
    if list(then) != list(now):
        return [f"the {whose}distribution had {len(then)} quantiles, now {len(now)} or others"]
    level = max(then, key=lambda level: abs(then[level] - now[level]))
    if _close(then[level], now[level]):
        return []
    changed = both(then[level], now[level], "+.{}%")
    return [f"the {100 * level:g} % quantile of the {whose}distribution was {changed}"]


def _close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=0, abs_tol=SAME)


def both(was: float, now: float, form: str) -> str:
    """'1.20, now 1.21', with as many digits as show the difference."""
    texts = [[format(value, form.format(digits)) for value in (was, now)] for digits in range(2, 12)]
    then, new = next((pair for pair in texts if pair[0] != pair[1]), texts[-1])
    return f"{then}, now {new}".replace("%", " %")
