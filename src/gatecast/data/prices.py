"""Prices: one row per symbol and session, checked when made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gatecast._typing import Dates
from gatecast.data.checks import Oddity, check, listed, starts
from gatecast.data.columns import is_text
from gatecast.data.detection import Found
from gatecast.data.frames import to_pandas
from gatecast.data.names import STANDARD
from gatecast.data.record import METADATA
from gatecast.data.repairs import Change, repair
from gatecast.data.resampling import resampled
from gatecast.data.spacing import times_of
from gatecast.data.tables import Tidy, tidy, with_columns, without_empty
from gatecast.data.timetable import Timetable, timetable_of
from gatecast.errors import DataError, SettingError, did_you_mean
from gatecast.language import say
from gatecast.settings.frequency import DAILY, each, plain_time, stamp
from gatecast.settings.reading import Reading

__all__ = ["Oddity", "Prices"]

MOST_LINES = 8  # of calendars in a report
# What `check` can see again in the table itself is not stored.
READ_ONCE = {
    "calendar", "timezone", "unsorted", "open-session", "revised", "cached",
    "no-price", "note", "copy", "snapshot", "misplaced", "close-column",
    "encoding", "preface", "clock", "resampled", "header", "unreadable", "volume-text", "wide", "reading",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Prices:
    """Prices of one or several symbols, one row per symbol and session, sorted, with closes.

    Attributes
    ----------
    table
        RangeIndex; symbol (str), session (datetime64, midnight, no time zone), then float64: those there are
        of open, high, low, close, adj_close, volume, then every other numeric column of the source under its
        lower-case name, and every column of text that is one per symbol (sector), "" where it is missing. In
        the currency of the data. NaN where a cell is missing or impossible, never in close, which may be zero
        or below.
    source
        Where they come from: "yahoo:TSLA", a path, …
    oddities
        What is odd in them.
    calendar
        Symbol → code of an exchange ("XNYS", "XKRX", …), or a week ("24/7": every day).
    choices
        How the sources were read where they could have been read otherwise: "decimal mark" → what was taken,
        and why.
    found
        Symbol → why its calendar was taken.
    changes
        What was repaired, where that was asked for.
    left_out
        Columns of the sources that are not in the table: name → why.
    frequency
        The spacing of the bars: "1min" … "12h", "1d", "1w", "1mo", "1q", "1y", or "index": rows without
        dates, which stand at times that only number them (`gatecast.settings.frequency.time_at`).
    """

    table: pd.DataFrame
    source: tuple[str, ...]
    oddities: tuple[Oddity, ...]
    calendar: dict[str, str]
    choices: dict[str, tuple[str, ...]] = field(default_factory=dict)
    found: dict[str, Found] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)
    frequency: str = DAILY

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        source: str = "DataFrame",
        symbol: str = "prices",
        calendar: str | Mapping[str, str] | None = None,
        adjust: bool = False,
        now: pd.Timestamp | None = None,
        frequency: str | None = None,
    ) -> Prices:
        """Checked prices from a pandas or polars DataFrame: the one place where they are made.

        Gives no warnings: see `oddities`.

        Parameters
        ----------
        frame
            Dates (a column or the index), closes, and what else there is; see `gatecast.load`.
        source
            For messages and the record.
        symbol
            The symbol's name where no column gives one.
        calendar
            One code, or symbol → code; guessed from symbol and dates where None.
        adjust
            Scale open, high, low and close by adj_close / close.
        now
            The current moment (with a time zone); a session that has not closed by then is left out.
        frequency
            The spacing of the bars; found from their times where None.

        Raises
        ------
        DataError
            Prices that cannot be used.
        """
        reading = Reading(calendar=calendar, frequency=frequency)
        part = tidy(to_pandas(frame), source=source, symbol=symbol, reading=reading, now=now)
        return cls.assemble([part], adjust=adjust)

    @classmethod
    def assemble(
        cls,
        parts: Sequence[Tidy],
        *,
        start: object = None,
        end: object = None,
        symbols: Iterable[str] | None = None,
        adjust: bool = False,
        repaired: bool = False,
        resample: str | None = None,
    ) -> Prices:
        """One Prices of several sources; resample: the frequency that their bars are made into.

        Raises DataError for a source that cannot be used, and where a symbol has a date in two of them.
        """
        parts = [part.usable() for part in parts]
        if resample is not None:
            parts = [_resampled(part, resample) for part in parts]
        table = _joined(parts)
        frequency = _one_frequency(parts)
        if symbols is not None:
            table = _selected(table, symbols)
        table = without_empty(_between(table, start, end))
        calendar = {name: code for part in parts for name, code in part.calendar.items()}
        calendar = {name: calendar[name] for name in table["symbol"].unique()}
        table, changes = repair(table) if repaired else (table, ())
        if adjust:
            table = _adjusted(table)
        table, oddities = check(table, starts(table), calendar, frequency)
        read = tuple(oddity for part in parts for oddity in part.oddities)
        source = tuple(dict.fromkeys(name for part in parts for name in part.source))
        found = {name: one for part in parts for name, one in part.found.items() if name in calendar}
        left_out = {name: why for part in parts for name, why in part.left_out.items()}
        choices = _choices(parts)
        return cls(table, source, read + oddities, calendar, choices, found, changes, left_out, frequency)

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """The symbols in order."""
        return tuple(self.table["symbol"].iloc[self.first])

    @cached_property
    def first(self) -> NDArray[np.int64]:
        """(S,) row where each symbol starts."""
        return starts(self.table)

    @cached_property
    def times(self) -> Dates:
        """(N,) the time of each row's bar: datetime64[D], or datetime64[s] where bars lie within days."""
        return times_of(self.table, self.frequency)

    @cached_property
    def timetable(self) -> dict[str, Timetable]:
        """Symbol → when its bars come."""
        own = np.split(self.times, self.first[1:])
        return {
            symbol: timetable_of(times, self.frequency, self.calendar[symbol])
            for symbol, times in zip(self.symbols, own, strict=True)
        }

    @cached_property
    def sha256(self) -> str:
        """Hash of the content: sessions, all values, and which symbol each is of where there are several.

        Not of where they come from, nor of the name of a single symbol, which may be that of its file.
        """
        return self._hash(self.symbols if len(self.symbols) > 1 else ())

    @cached_property
    def sha256_with_names(self) -> str:
        """The same with the name of a single symbol, as files keep it and earlier versions made it."""
        return self._hash(self.symbols)

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The columns of text, one text per symbol."""
        return tuple(name for name in self.table.columns[2:] if is_text(self.table[name]))

    def has_hash(self, sha256: str) -> bool:
        """Whether these are the data of a hash, of this version or of one that read no texts."""
        known = {self.sha256, self.sha256_with_names}
        if self.texts:
            numbers = replace(self, table=self.table.drop(columns=list(self.texts)))
            known |= {numbers.sha256, numbers.sha256_with_names}
        return sha256 in known

    def _hash(self, symbols: Sequence[str]) -> str:
        digest = hashlib.sha256()
        digest.update(json.dumps([symbols, self.first.tolist(), list(self.table.columns)]).encode())
        digest.update(self.times.astype("<i8").tobytes())
        for name in self.table.columns[2:]:
            if name in self.texts:
                digest.update(json.dumps(self.table[name].iloc[self.first].tolist()).encode())
                continue
            values = self.table[name].to_numpy().astype("<f8")
            # One NaN and one zero: both have several patterns of bits.
            digest.update((np.where(np.isnan(values), np.nan, values) + 0.0).tobytes())
        return digest.hexdigest()

    def with_columns(self, columns: Mapping[str, pd.Series], source: str) -> Prices:
        """The same with more columns, which are of `source` too."""
        return replace(self, table=with_columns(self.table, columns), source=(*self.source, source))

    def select(self, symbols: str | Iterable[str]) -> Prices:
        """The prices of these symbols only. Raises DataError for a symbol that is not there."""
        names = [symbols] if isinstance(symbols, str) else list(symbols)
        kept = tuple(oddity for oddity in self.oddities if oddity.kind in READ_ONCE)
        part = Tidy(self.table, self.source, self.calendar, kept, found=self.found, frequency=self.frequency)
        chosen = self.assemble([part], symbols=names)
        return replace(chosen, choices=self.choices, left_out=self.left_out)

    def to_parquet(self, path: str | Path) -> None:
        """Writes one Parquet file; `gatecast.load` makes equal prices (same sha256) of it."""
        import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]
        import pyarrow.parquet as pq  # type: ignore[import-untyped,unused-ignore]

        kept = [vars(oddity) for oddity in self.oddities if oddity.kind in READ_ONCE]
        record = {
            "source": self.source,
            "calendar": self.calendar,
            "found": {name: vars(one) for name, one in self.found.items()},
            "oddities": kept,
            "texts": self.texts,
            "frequency": self.frequency,
            "sha256": self.sha256_with_names,
        }
        content = pa.Table.from_pandas(self.table, preserve_index=False)
        metadata = {**(content.schema.metadata or {}), METADATA: json.dumps(record).encode()}
        pq.write_table(content.replace_schema_metadata(metadata), path)

    def report(self) -> str:
        """What there is and what is odd, as `gatecast data check` prints it."""
        lines = [
            say("source    {source}", source=", ".join(self.source)),
            say("symbols   {n:,}: {names}", n=len(self.symbols), names=_listed(self.symbols)),
            say("rows      {n:,}", n=len(self.table)),
            (say("sessions  {range}") if self.frequency == DAILY else say("bars      {range}")).format(
                range=self._range() + self._spacing()
            ),
            say("columns   {names}", names=", ".join(self.table.columns[2:])),
            *(
                f"          {line}" if n else say("calendar  {name}", name=line)
                for n, line in enumerate(self._calendars())
            ),
            *(
                say("read      {about}: {taken}", about=about, taken=_listed(taken, 3))
                for about, taken in self.choices.items()
            ),
            f"sha256    {self.sha256}",
            "",
        ]
        if not self.oddities:
            lines.append(say("nothing odd"))
        for oddity in self.oddities:
            lines.append(f"{oddity.kind}: {oddity.text}")
            lines += [f"    {row}" for row in oddity.rows]
        return "\n".join(lines)

    def summary(self) -> dict[str, Any]:
        """The same as plain data for JSON; dates as YYYY-MM-DD."""
        return {
            "source": list(self.source),
            "usable": True,
            "symbols": list(self.symbols),
            "rows": len(self.table),
            "frequency": self.frequency,
            "first_session": plain_time(self.times.min(), self.frequency),
            "last_session": plain_time(self.times.max(), self.frequency),
            "columns": list(self.table.columns[2:]),
            "calendar": dict(self.calendar),
            "found": {name: asdict(one) for name, one in self.found.items()},
            "read": {about: list(taken) for about, taken in self.choices.items()},
            "sha256": self.sha256,
            "oddities": [oddity.summary() for oddity in self.oddities],
        }

    def _calendars(self) -> list[str]:
        """What `report` says of the calendars: each once, and with several the symbols that it is of."""
        of: dict[str, list[str]] = {}
        several = len(self.calendar) > 1
        for name, code in self.calendar.items():
            one = self.found.get(name)
            text = code if one is None else one.briefly if several else str(one)
            of.setdefault(text, []).append(name)
        lines = [text + (f": {listed(names)}" if len(of) > 1 else "") for text, names in of.items()]
        return lines if len(lines) <= MOST_LINES else [*lines[:MOST_LINES], f"… ({len(lines)} in all)"]

    def _range(self) -> str:
        return f"{stamp(self.times.min(), self.frequency)} .. {stamp(self.times.max(), self.frequency)}"

    def _spacing(self) -> str:
        """What `report` says of bars that are no days."""
        if self.frequency == DAILY:
            return ""
        rules = list(dict.fromkeys(one.rule for one in self.timetable.values() if one.rule))
        return f": {', '.join([each(self.frequency), *rules[:3]])}"

    def __repr__(self) -> str:
        odd = f"{len(self.oddities)} kinds of oddities" if self.oddities else "nothing odd"
        columns = ", ".join(self.table.columns[2:])
        size = f"{len(self.table):,} rows, {self._range()}"
        return f"<Prices of {_listed(self.symbols)}: {size}, {columns}; {odd}>"

    def _repr_html_(self) -> str:
        import html

        return f"<pre>{html.escape(self.report())}</pre>{self.table.head().to_html(index=False)}"


def _listed(names: Sequence[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f", … ({len(names):,} in all)" if len(names) > most else "")


def _choices(parts: Sequence[Tidy]) -> dict[str, tuple[str, ...]]:
    """What was chosen in any of the sources, each choice once."""
    abouts = dict.fromkeys(about for part in parts for about in part.choices)
    return {
        about: tuple(dict.fromkeys(part.choices[about] for part in parts if about in part.choices))
        for about in abouts
    }


def _resampled(part: Tidy, to: str) -> Tidy:
    table, said = resampled(part.table, part.frequency, part.calendar, to)
    return replace(part, table=table, oddities=(*part.oddities, *said), frequency=to)


def _one_frequency(parts: Sequence[Tidy]) -> str:
    """The frequency of all parts. Raises DataError where they differ."""
    of: dict[str, list[str]] = {}
    for part in parts:
        of.setdefault(part.frequency, []).extend(part.calendar)
    if len(of) > 1:
        said = "; ".join(f"{each(one)} of {listed(names)}" for one, names in of.items())
        raise DataError(
            say("the sources have bars of different lengths: {said}", said=said),
            remedy=say('Give those of one length, or make them alike, as by resample="1w"'),
        )
    return next(iter(of))


def _joined(parts: Sequence[Tidy]) -> pd.DataFrame:
    if len(parts) == 1:
        return parts[0].table
    # Most sources are of one symbol, sorted by date already.
    tables = [part.table for part in sorted(parts, key=lambda part: min(part.calendar))]
    table = pd.concat(tables, ignore_index=True)
    extras = sorted(set(table.columns) - {"symbol", "session", *STANDARD})
    table = table[["symbol", "session", *(name for name in STANDARD if name in table.columns), *extras]]
    words = [name for name in extras if is_text(table[name])]
    table[words] = table[words].fillna("")
    if sum(len(part.calendar) for part in parts) == len(parts) == len({min(part.calendar) for part in parts}):
        return table
    table = table.sort_values(["symbol", "session"], kind="stable", ignore_index=True)
    again = table.duplicated(["symbol", "session"]).to_numpy()
    if again.any():
        name, session = table.loc[again, ["symbol", "session"]].iloc[0]
        raise DataError(
            say("{name} has the date {session} in two sources", name=name, session=stamp(session)),
            remedy=say("Give each symbol once, or the sources with dates that do not overlap"),
        )
    return table


def _selected(table: pd.DataFrame, symbols: Iterable[str]) -> pd.DataFrame:
    known = set(table["symbol"].unique())
    wanted = [symbols] if isinstance(symbols, str) else list(symbols)
    for name in wanted:
        if name not in known:
            raise DataError(
                say(
                    'there is no symbol "{name}" in the data.{did_you_mean}',
                    name=name,
                    did_you_mean=did_you_mean(name, known),
                ),
                remedy=f"It has {_listed(sorted(known))}",
            )
    if not wanted:
        raise SettingError(say("No symbol is selected. Name at least one, or leave symbols out for all."))
    return table[table["symbol"].isin(wanted)].reset_index(drop=True)


def _between(table: pd.DataFrame, start: object, end: object) -> pd.DataFrame:
    earliest, latest = day(start, "start"), day(end, "end")
    keep = np.ones(len(table), dtype=bool)
    if earliest is not None:
        keep &= (table["session"] >= earliest).to_numpy()
    if latest is not None:
        keep &= (table["session"] < latest + pd.Timedelta(days=1)).to_numpy()
    if not keep.any():
        span = f"{stamp(table['session'].min())} .. {stamp(table['session'].max())}"
        given = [f"{name} {value}" for name, value in (("start", start), ("end", end)) if value is not None]
        raise DataError(
            say("there are no rows with {given}", given=" and ".join(given)),
            remedy=say("The data have {span}", span=span),
        )
    return table if keep.all() else table[keep].reset_index(drop=True)


def moment(value: object) -> pd.Timestamp | None:
    """The time that `value` means, without a time zone; None where it means none."""
    asked = str(value) if isinstance(value, Integral) else value  # 20210301; pandas would count nanoseconds
    try:
        stamp = pd.NaT if isinstance(asked, float) else pd.Timestamp(asked)  # type: ignore[arg-type]
        if pd.isna(stamp):
            return None
        stamp.date()  # of the years 1 to 9999
        return stamp.tz_localize(None)
    except (ValueError, TypeError, NotImplementedError):
        return None


def day(value: object, name: str) -> pd.Timestamp | None:
    """The day that `value`, the argument `name`, means: midnight without a time zone."""
    if value is None:
        return None
    found = moment(value)
    # datetime.now() is a day; a text with a time of day asks for more than is done
    if found is None or (isinstance(value, str) and found != found.normalize()):
        raise SettingError(
            say("{name} is not a date: {value}. Write it as YYYY-MM-DD.", name=name, value=value)
        )
    return found.normalize()


def iso(value: object, name: str) -> str | None:
    """The day that `value`, the argument `name`, means, as YYYY-MM-DD."""
    given = day(value, name)
    return None if given is None else str(given.date())


def _adjusted(table: pd.DataFrame) -> pd.DataFrame:
    if "adj_close" not in table.columns:
        raise DataError(
            say("adjust=True needs the adjusted close, and there is none"),
            remedy=say(
                'Say which column it is, as adj_close="Adjusted", or leave adjust out: the '
                "prices are then not adjusted"
            ),
        )
    empty = ~(table["adj_close"] > 0).to_numpy()
    if empty.any():
        name, session = table.loc[empty, ["symbol", "session"]].iloc[0]
        raise DataError(
            say(
                "adjust=True needs the adjusted close of every row; {name} has none on {session}",
                name=name,
                session=stamp(session),
            ),
            remedy=say(
                "Take it from the source, choose other dates, or leave adjust out: the prices "
                "are then not adjusted"
            ),
        )
    below = (table["close"] <= 0).to_numpy()
    if below.any():
        name, session = table.loc[below, ["symbol", "session"]].iloc[0]
        raise DataError(
            say(
                "adjust=True multiplies by adjusted close / close, which means nothing where a "
                "close is zero or below, as that of {name} on {date}",
                name=name,
                date=session.date(),
            ),
            remedy=say("Leave adjust out: the prices are then not adjusted"),
        )
    factor = table["adj_close"] / table["close"]
    scaled = {name: table[name] * factor for name in ("open", "high", "low") if name in table.columns}
    return table.assign(**scaled, close=table["adj_close"])
