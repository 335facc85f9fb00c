"""The track record: the forecasts of a ledger against the actual prices, beside the naive intervals.

Forecasts that were made when the bar had closed already, backcasts, are scored apart and count in no record.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gatecast.errors import SettingError, did_you_mean
from gatecast.evaluation.hac import long_run_variance, newey_west_lags
from gatecast.formatting import change, number, p_value, percent, plain, printable, text_table
from gatecast.language import marked, plural, say
from gatecast.ledger.entry import time_text
from gatecast.ledger.outcome import outcomes_of
from gatecast.ledger.scoring import INTERVALS, score
from gatecast.settings.reading import check_date

if TYPE_CHECKING:
    from gatecast.ledger.entry import Entry
    from gatecast.ledger.store import Ledger, Reading

Key = tuple[str, str, str, int | str]  # model, experiment, symbol, step
Numbers = dict[tuple[str, str], tuple[str, ...]]  # see `Track.numbers`
GROUP = ["model", "experiment", "symbol"]
ALL = "all"
BACKCASTS = marked(
    "made when the bar that they are for had closed already. They are what the settings would have "
    "forecast, no foresight, and count in no record"
)
DRIFTED = marked("{earlier} in the earlier half, {later} in the later: its calibration has drifted ({p})")
NO_DRIFT = marked("{earlier} in the earlier half, {later} in the later: chance may explain it ({p})")
LEAST = 40  # origins, to speak of drift
DRIFT = 0.01  # significance: a record is looked at again and again


@dataclass(frozen=True)
class Drift:
    """Whether the 80 % interval held as often in the later half of the origins as in the earlier.

    earlier, later  the share that lay inside, a fraction
    p               of a difference like this by chance; NaN where there are too few origins
    """

    origins: int
    earlier: float
    later: float
    p: float

    @property
    def text(self) -> str:
        """In words."""
        if math.isnan(self.p):
            return say(
                "too few to speak of drift ({n} origins; it takes {least})", n=self.origins, least=LEAST
            )
        earlier, later = percent(self.earlier, 1), percent(self.later, 1)
        return say(DRIFTED if self.p < DRIFT else NO_DRIFT, earlier=earlier, later=later, p=p_value(self.p))


@dataclass(frozen=True)
class Record:
    """The due forecasts of one model, experiment and symbol ("all": together), at one step or "all".

    number, experiments  which of how many experiments of this model and symbol, in the order in which they
                         were first recorded, backcasts and what could not be scored among them
    missed       forecasts that could not be scored
    coverage     per cent of a central interval → share of actual returns inside it; empty for point forecasts
    crps, naive_crps, skill        means, log return x 100; 1 - crps / naive_crps, where both are there
    mae, naive_mae, mae_skill      the same of |median - return|, naive's median being 0
    An undefined number is NaN.
    """

    model: str
    experiment: str
    symbol: str
    step: int | str
    number: int
    experiments: int
    due: int
    pending: int
    missed: int
    coverage: dict[int, float]
    crps: float
    naive_crps: float
    skill: float
    mae: float
    naive_mae: float
    mae_skill: float
    drift: Drift | None

    @property
    def text(self) -> str | None:
        """A sentence; None for point forecasts, and where nothing is due."""
        if not self.coverage or self.drift is None:
            return None
        which = ""
        if self.experiments > 1:
            which = say(", {number} of {n} experiments", number=self.number, n=self.experiments)
        return say(
            "{model} ({experiment}{which}) on {symbol}: its 80 % interval held {share} of the time; {drift}.",
            model=self.model,
            experiment=self.experiment[:8],
            which=which,
            symbol=self.symbol,
            share=percent(self.coverage[80], 1),
            drift=self.drift.text,
        )

    def summary(self) -> dict[str, Any]:
        """The same as plain data."""
        drift = None if self.drift is None else vars(self.drift)
        return {**vars(self), "drift": drift, "text": self.text}


@dataclass(frozen=True)
class Track:
    """What there is in the ledger at `place`.

    scores     one row per due forecast: symbol, origin, step, experiment, model, date (its session), anchor
               (as stored), revised (what of the prices is another now), forecast and realised (log return),
               error and naive_error (absolute, log return x 100) and, for intervals, pit, crps, naive_crps
               (log return x 100), inside_50, inside_80, inside_95
    backcasts  the same of those that were made when the bar had closed already
    unscored   one row per other forecast: model, experiment, symbol, step, backcast, and pending: whether it
               is only not due yet; `notes` say why the others could not be scored
    numbers    (model, symbol or "all") → its experiments, in the order in which they were first recorded
    rows       how many forecasts the ledger has, those that were not selected among them
    head       the last hash of the ledger's chain; None: it is empty
    """

    place: str
    scores: pd.DataFrame
    backcasts: pd.DataFrame
    unscored: pd.DataFrame
    numbers: Numbers
    rows: int
    head: str | None
    notes: tuple[str, ...]

    @property
    def pending(self) -> pd.DataFrame:
        """Those of `unscored` that are no backcasts and will be due."""
        return self.unscored[self.unscored["pending"] & ~self.unscored["backcast"]]

    @property
    def missed(self) -> int:
        """How many could not be scored, backcasts among them."""
        return int((~self.unscored["pending"]).sum())

    @cached_property
    def records(self) -> tuple[Record, ...]:
        """Per model and experiment: every symbol and all of them, over all steps and at each."""
        unscored = self.unscored[~self.unscored["backcast"]]
        return tuple(_records(self.scores, unscored, self.numbers))

    @cached_property
    def backcast_records(self) -> tuple[Record, ...]:
        """The same of the backcasts: no track record, but what the settings would have forecast."""
        unscored = self.unscored[self.unscored["backcast"]]
        return tuple(_records(self.backcasts, unscored, self.numbers))

    @property
    def total(self) -> int:
        """How many forecasts these are."""
        return len(self.scores) + len(self.backcasts) + len(self.unscored)

    @property
    def text(self) -> str:
        """What the command line prints."""
        if not self.rows:
            return say(
                "No forecast is recorded in {place} yet; gatecast forecast records them.", place=self.place
            )
        due, pending = len(self.scores), len(self.pending)
        backcasts = self.total - due - pending - self.missed
        lines = [
            say(
                "{place}: {n:,} forecasts, {due:,} due, {pending:,} pending",
                place=self.place,
                n=self.total,
                due=due,
                pending=pending,
            )
        ]
        lines[0] += say(", {n:,} backcasts", n=backcasts) if backcasts else ""
        lines[0] += say(", {n:,} not scored", n=self.missed) if self.missed else ""
        lines[0] += say("; selected from {n:,}", n=self.rows) if self.rows > self.total else ""
        lines += _tables(self.records)
        sentences = [record.text for record in overall(self.records) if record.text]
        lines += ["", *sentences] if sentences else []
        if self.backcast_records:
            lines += ["", say("Backcasts: {what}.", what=say(BACKCASTS)), *_tables(self.backcast_records)]
        if self.notes:
            lines += ["", *(f"- {note}" for note in self.notes)]
        lines += [
            "",
            say("All {n:,} rows fit their chain, which ends with {head}.", n=self.rows, head=self.head),
        ]
        return "\n".join(map(printable, lines))

    def summary(self) -> dict[str, Any]:
        """The same as plain data for JSON; undefined numbers are None, dates YYYY-MM-DD."""
        apart = self.unscored[self.unscored["backcast"]]
        return plain(
            {
                "ledger": self.place,
                "rows": self.rows,
                "selected": self.total,
                "chain": self.head,
                "due": len(self.scores),
                "pending": len(self.pending),
                "not_scored": self.missed,
                "records": [record.summary() for record in self.records],
                "scores": _dated(self.scores),
                "backcasts": {
                    "meaning": BACKCASTS,
                    "due": len(self.backcasts),
                    "pending": int(apart["pending"].sum()),
                    "not_scored": int((~apart["pending"]).sum()),
                    "records": [record.summary() for record in self.backcast_records],
                    "scores": _dated(self.backcasts),
                },
                "notes": list(self.notes),
            }
        )


def track_record(
    ledger: Ledger,
    *,
    symbols: str | Sequence[str] | None = None,
    models: str | Sequence[str] | None = None,
    since: str | None = None,
) -> Track:
    """The record of a ledger: fetch the prices since, and score every forecast that is due.

    Parameters
    ----------
    symbols, models
        Of these only; None: of all.
    since
        The first origin, YYYY-MM-DD.

    Raises
    ------
    LedgerError
        The ledger cannot be read, or something other than gatecast changed it.
    SettingError
        No forecast of a symbol or model that is asked for, or `since` is no date.
    """
    reading = ledger.read()
    selected = _selected(reading.entries, symbols, models, since)
    found = outcomes_of(selected)
    numbers = _numbers(reading.entries)
    unscored = [(entry, True) for entry in found.pending] + [(entry, False) for entry, _ in found.missed]
    rows = [
        (entry.model, entry.experiment, entry.symbol, entry.step, entry.backcast, pending)
        for entry, pending in unscored
    ]
    frame = pd.DataFrame(rows, columns=[*GROUP, "step", "backcast", "pending"])
    return Track(
        place=ledger.place,
        scores=score([outcome for outcome in found.due if not outcome.backcast]),
        backcasts=score([outcome for outcome in found.due if outcome.backcast]),
        unscored=frame.astype({"backcast": bool, "pending": bool}),
        numbers=numbers,
        rows=len(reading.entries),
        head=reading.head,
        notes=(*found.notes, *_several(numbers, selected), *_unchained(reading)),
    )


def _selected(
    entries: Sequence[Entry],
    symbols: str | Sequence[str] | None,
    models: str | Sequence[str] | None,
    since: str | None,
) -> Sequence[Entry]:
    """The forecasts that are asked for."""
    check_date("since", since)
    symbols, models = ((one,) if isinstance(one, str) else one for one in (symbols, models))
    for setting, wanted in (("symbol", symbols), ("model", models)):
        known = {getattr(entry, setting) for entry in entries}
        for name in wanted or () if entries else ():
            if name not in known:
                raise SettingError(
                    f"no forecast of it is recorded.{did_you_mean(name, known)}", setting=setting, value=name
                )
    return [
        entry
        for entry in entries
        if (since is None or time_text(entry.origin) >= since)
        and (symbols is None or entry.symbol in symbols)
        and (models is None or entry.model in models)
    ]


def overall(records: Iterable[Record]) -> list[Record]:
    """Of every model and experiment the record over all steps and symbols."""
    widest: dict[tuple[str, str], Record] = {}
    for record in records:
        key = record.model, record.experiment
        if record.step == ALL and (key not in widest or record.symbol == ALL):
            widest[key] = record
    return list(widest.values())


def _numbers(entries: Iterable[Entry]) -> Numbers:
    known: defaultdict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for entry in entries:
        for symbol in (entry.symbol, ALL):
            known[entry.model, symbol][entry.experiment] = None
    return {key: tuple(experiments) for key, experiments in known.items()}


def _several(numbers: Numbers, selected: Iterable[Entry]) -> Iterator[str]:
    shown = {(entry.model, entry.symbol) for entry in selected}
    for (model, symbol), experiments in numbers.items():
        if len(experiments) > 1 and (model, symbol) in shown:
            yield say(
                "{model} on {symbol}: {n} experiments (settings or seeds) are recorded, and all are shown, "
                "each with its number: the best of several looks better than it is",
                model=model,
                symbol=symbol,
                n=len(experiments),
            )


def _unchained(reading: Reading) -> Iterator[str]:
    if reading.unchained and reading.since is not None:
        yield plural(
            "row 1 is older than the ledger's chain, which was made on {since:%Y-%m-%d}: it does not "
            "show what was changed before",
            "rows 1 to {n:,} are older than the ledger's chain, which was made on {since:%Y-%m-%d}: it "
            "does not show what was changed before",
            reading.unchained,
            since=reading.since,
        )


def _tables(records: Iterable[Record]) -> list[str]:
    """Those over all steps: intervals and points apart, and those of which nothing is due."""
    shown = [record for record in records if record.step == ALL]
    intervals = [record for record in shown if record.coverage]
    points = [record for record in shown if record.due and not record.coverage]
    waiting = [record for record in shown if not record.due]
    lines = []
    if intervals:
        lines += ["", say("Intervals (CRPS of the log return x 100, against that of the naive intervals):")]
        heads = [*(say("{number} %", number=level) for level in INTERVALS), "CRPS", "naive", say("skill")]
        lines += _table(intervals, heads, _interval_cells)
    if points:
        lines += ["", say("Points (mean absolute error of the log return x 100, against no change):")]
        lines += _table(points, ["MAE", "naive", say("skill")], _point_cells)
    if waiting:
        lines += ["", say("Nothing scored yet:"), *_table(waiting, [], lambda record: [])]
    return lines


def _table(records: Sequence[Record], heads: list[str], cells: Callable[[Record], list[str]]) -> list[str]:
    """What identifies every record and what is due of it; then its scores."""
    rows = [
        [
            *(record.model, record.experiment[:8], f"{record.number}/{record.experiments}", record.symbol),
            *(f"{record.due:,}", f"{record.pending:,}"),
            *cells(record),
        ]
        for record in records
    ]
    first = [
        *(say("model"), say("experiment"), say("number"), say("symbol")),
        *(say("due"), say("pending")),
    ]
    return text_table([*first, *heads], rows, words=4).splitlines()


def _dated(scores: pd.DataFrame) -> list[dict[Any, Any]]:
    """One dict per row, its dates as text."""
    texts = {
        name: [time_text(time).replace(" ", "T") for time in scores[name]] for name in ("origin", "date")
    }
    return scores.assign(**texts).to_dict("records")


def _records(scores: pd.DataFrame, unscored: pd.DataFrame, numbers: Numbers) -> Iterator[Record]:
    keys = pd.concat([frame[[*GROUP, "step"]] for frame in (scores, unscored) if len(frame)] or [unscored])
    for model, experiment in sorted(set(zip(keys["model"], keys["experiment"], strict=True))):
        own = keys[(keys["model"] == model) & (keys["experiment"] == experiment)]
        symbols = sorted(set(own["symbol"]))
        for symbol in [*symbols, ALL] if len(symbols) > 1 else symbols:
            steps = sorted(
                set(map(int, own["step"] if symbol == ALL else own[own["symbol"] == symbol]["step"]))
            )
            for step in [ALL, *steps] if len(steps) > 1 else [ALL]:
                key: Key = (str(model), str(experiment), str(symbol), step)  # type: ignore[assignment]
                among = numbers[key[0], key[2]]
                yield _record(key, among, _chosen(scores, key), _chosen(unscored, key), horizon=steps[-1])


def _chosen(frame: pd.DataFrame, key: Key) -> pd.DataFrame:
    keep = np.ones(len(frame), dtype=bool)
    for name, value in zip((*GROUP, "step"), key, strict=True):
        if value != ALL:
            keep &= (frame[name] == value).to_numpy()
    return frame[keep]


def _record(
    key: Key, among: tuple[str, ...], due: pd.DataFrame, unscored: pd.DataFrame, horizon: int
) -> Record:
    own = due[due["crps"].notna()]
    both = own[own["naive_crps"].notna()]
    return Record(
        *key,
        number=among.index(key[1]) + 1,
        experiments=len(among),
        due=len(due),
        pending=int(unscored["pending"].sum()),
        missed=int((~unscored["pending"]).sum()),
        coverage={level: _mean(own[f"inside_{level}"]) for level in INTERVALS} if len(own) else {},
        crps=_mean(own["crps"]),
        naive_crps=_mean(both["naive_crps"]),
        skill=_skill(both["crps"], both["naive_crps"]),
        mae=_mean(due["error"]),
        naive_mae=_mean(due["naive_error"]),
        mae_skill=_skill(due["error"], due["naive_error"]),
        drift=drift(own["inside_80"], own["origin"], horizon) if len(own) else None,
    )


def drift(inside: pd.Series[float], origin: Iterable[object], horizon: int) -> Drift:
    """Whether the share `inside` (0 or 1 per forecast) changed from the earlier half of the origins.

    All forecasts of one origin (its steps, its symbols) count as one: their mean. Two origins' forecasts
    overlap by up to horizon - 1 sessions; the variance of both means is Hansen and Hodrick's (1980), or
    Newey and West's (1987) where that is not positive.
    """
    series = inside.astype(float).groupby(np.asarray(list(origin))).mean().to_numpy()
    n = len(series)
    if n < LEAST:
        return Drift(n, math.nan, math.nan, math.nan)
    parts = series[: n // 2], series[n // 2 :]
    earlier, later = (float(part.mean()) for part in parts)
    rest = np.concatenate([part - part.mean() for part in parts])
    variance = long_run_variance(rest, horizon - 1, "rectangular")
    if variance <= 0:
        variance = long_run_variance(rest, newey_west_lags(n, horizon), "bartlett")
    error = math.sqrt(variance * (1 / len(parts[0]) + 1 / len(parts[1])))
    if error == 0:
        return Drift(n, earlier, later, float(earlier == later))
    return Drift(n, earlier, later, math.erfc(abs(later - earlier) / error / math.sqrt(2)))


def _mean(values: pd.Series[Any]) -> float:
    return float(values.astype(float).mean()) if len(values) else math.nan


def _skill(own: pd.Series[Any], naive: pd.Series[Any]) -> float:
    """1 - own / naive of the means; NaN where there is nothing, or naive's is zero."""
    beside = _mean(naive)
    return 1 - _mean(own) / beside if beside > 0 else math.nan


def _interval_cells(record: Record) -> list[str]:
    shares = [percent(record.coverage[level], 1) for level in INTERVALS]
    return [*shares, number(record.crps, 3), number(record.naive_crps, 3), change(record.skill, 1)]


def _point_cells(record: Record) -> list[str]:
    return [number(record.mae, 3), number(record.naive_mae, 3), change(record.mae_skill, 1)]
