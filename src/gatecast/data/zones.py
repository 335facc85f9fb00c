"""Time zones: the dates of stamps in UTC where the exchange is, and what stamps say of where that is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from gatecast._typing import Bools, Dates, Integers
from gatecast.data.calendars import AROUND_THE_CLOCK, WEEKS, check_calendar, exchanges, zone_of
from gatecast.data.checks import Oddity, listed
from gatecast.data.dates import moments_of
from gatecast.data.detection import find_calendar, is_shifted
from gatecast.data.exchanges import exchange_named
from gatecast.data.numbered import are_positions
from gatecast.data.place import Place
from gatecast.language import plural, say
from gatecast.settings.reading import Reading

OFFSET = re.compile(r":\d{2}(?:\.\d+)?\s*(?:GMT|UTC)?\s*([+-])(\d{2}):?(\d{2})$")
SAMPLE = 24  # stamps that are asked for their zone
LEAST_DATES = 8  # to speak of the days of the week
MOST_DISAGREEING = 0.03  # of the dates and one more, for a zone that is found from the stamps


@dataclass(frozen=True)
class Localised:
    """Stamps as local dates and times.

    moments   (N,) datetime64[s]; their dates are the sessions
    zones     symbol → the time zones of exchanges that its stamps can be of, where they say so
    oddities  what was done to the dates and is not told by the source
    """

    moments: Dates
    zones: dict[str, frozenset[str]]
    oddities: tuple[Oddity, ...] = ()


def localised(
    column: pd.Series, place: Place, codes: Integers, symbols: tuple[str, ...], reading: Reading
) -> Localised:
    """The local date and time of each row.

    column   (N,) dates or stamps
    codes    (N,) number of the symbol
    symbols  their names

    Dates stay as they are, and so do stamps with the offset of their zone. Stamps in UTC are converted to the
    time zone that is given, else to that of the calendar that is given or that the symbol's name tells, else
    to that in which they are all midnights of sessions; else their dates in UTC are taken. Stamps without a
    zone are local, unless their week shows that they are in UTC.

    Raises
        DataError: what is no date; a week that is moved by a day, where nothing tells the time zone.
    """
    in_utc = False

    def from_utc(moments: Dates, _: Integers) -> Dates:
        nonlocal in_utc
        in_utc = True
        return moments

    moments = moments_of(column, place, codes, from_utc, reading)
    known = ~np.isnat(moments)
    if not known.any() or are_positions(moments):
        return Localised(moments, {})
    if known.all():
        return _localised(column, moments, place, codes, symbols, reading, in_utc=in_utc)
    part = _localised(
        column[known], moments[known], place.of(known), codes[known], symbols, reading, in_utc=in_utc
    )
    local = moments.copy()
    local[known] = part.moments
    return Localised(local, part.zones, part.oddities)


def _localised(
    column: pd.Series,
    moments: Dates,
    place: Place,
    codes: Integers,
    symbols: tuple[str, ...],
    reading: Reading,
    *,
    in_utc: bool,
) -> Localised:
    """The same for rows that have a moment, which is local or in UTC."""
    written = None if in_utc else _zones_written(column, moments)
    if written is not None:
        return Localised(moments, dict.fromkeys(symbols, written))
    given = None if reading.timezone is None else _zones_like(reading.timezone, moments)
    zones = {} if given is None else dict.fromkeys(symbols, given)
    if _midnights(moments) or not (in_utc or _is_shifted(moments)):
        return Localised(moments, zones)
    if reading.timezone is not None:
        return Localised(_converted(moments, reading.timezone), zones)

    told = [_zone_told(name, reading) for name in symbols]
    zone = np.array(told, dtype=object)[codes]
    unknown = np.array([one is None for one in told])[codes]
    if unknown.any():
        found = _midnight_zones(np.unique(moments[unknown]))
        if not found and _is_shifted(moments[unknown]):
            raise _undecided(column, moments, unknown, place)
        zone[unknown] = found[0] if found else "UTC"
        zones = {symbols[code]: frozenset(found) for code in np.unique(codes[unknown])} if found else {}
    local = moments.copy()
    for name in set(zone.tolist()):
        local[zone == name] = _converted(moments[zone == name], name)
    said = (local.astype("datetime64[D]") != moments.astype("datetime64[D]")) & (unknown | (not in_utc))
    if not said.any():
        return Localised(local, zones)
    of = listed([symbols[code] for code in np.unique(codes[said])])
    first, count = int(said.argmax()), int(said.sum())
    start = (
        say("the stamps are in UTC") if in_utc else say("the stamps have no time zone and are taken as UTC")
    )
    change = say(
        "{utc} in UTC is {local} in {zone}",
        utc=_shown(moments[first]),
        local=_shown(local[first]),
        zone=zone[first],
    )
    text = say(
        "{of}: {start}; {rows} the date of the exchange, not that in UTC ({change}); "
        'timezone="UTC" keeps the dates in UTC.',
        of=of,
        start=start,
        rows=plural("{n:,} row has", "{n:,} rows have", count),
        change=change,
    )
    return Localised(local, zones, (Oddity("timezone", count, text, (change,)),))


def _zone_told(symbol: str, reading: Reading) -> str | None:
    """The time zone of the calendar that is given, or that the symbol's name tells."""
    given = reading.calendar_of(symbol)
    named = exchange_named(symbol)
    calendar = check_calendar(given) if given is not None else named.calendar if named is not None else None
    if calendar is None or (calendar in WEEKS and calendar != AROUND_THE_CLOCK):
        return None
    return zone_of(calendar)


def _midnight_zones(moments: Dates) -> list[str]:
    """The time zones of exchanges in which these stamps in UTC are all midnights of sessions.

    Several have the same dates. The first is that of the exchange with the fewest disagreeing days.
    """
    few = moments[_spread(len(moments))]
    fits = {}
    for zone in _exchange_zones():
        if not _midnights(_converted(few, zone)) or not _midnights(local := _converted(moments, zone)):
            continue
        found = find_calendar("", local, zones=[zone])
        wrong = found.disagreeing if found.how == "zone" else None
        if wrong is not None and wrong <= 1 + MOST_DISAGREEING * len(local):
            fits[zone] = wrong, local.tobytes()
    order = sorted(fits, key=lambda zone: fits[zone][0])
    return [zone for zone in order if fits[zone][1] == fits[order[0]][1]]


def _undecided(column: pd.Series, moments: Dates, unknown: Bools, place: Place) -> Exception:
    weekday = (moments.astype("datetime64[D]").astype(np.int64) + 3) % 7
    early = bool((unknown & (weekday == 6)).any())
    position = int((unknown & (weekday == (6 if early else 5))).argmax())
    week = "from Sunday to Thursday, a day early" if early else "from Tuesday to Saturday, a day late"
    return place.error(
        f"these stamps run {week} for most exchanges, and nothing tells their time zone",
        str(column.name),
        position,
        column.iloc[position],
        'Name that of the exchange, as in timezone="Asia/Tokyo"; timezone="UTC" keeps the dates as they are',
    )


def _zones_written(column: pd.Series, moments: Dates) -> frozenset[str] | None:
    """The time zones of exchanges with the offsets that the stamps have; None where they have none."""
    places = _spread(len(column))
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        name = str(column.dt.tz)
        if name in _exchange_zones():
            return frozenset({name})
        offsets = [stamp.utcoffset() for stamp in column.iloc[places]]
    elif OFFSET.search(str(column.iloc[0]).strip()) is None:
        return None
    else:
        found = [OFFSET.search(str(cell).strip()) for cell in column.iloc[places].astype(object)]
        offsets = [one and _offset(one) for one in found]
    if None in offsets:
        return None
    stamps = [pd.Timestamp(moment).to_pydatetime() for moment in moments[places]]
    return frozenset(
        zone
        for zone in _exchange_zones()
        if all(
            stamp.replace(tzinfo=ZoneInfo(zone)).utcoffset() == offset
            for stamp, offset in zip(stamps, offsets, strict=True)
        )
    )


def _zones_like(zone: str, moments: Dates) -> frozenset[str]:
    """The time zones of exchanges with the same offsets at these moments."""
    if zone in _exchange_zones():
        return frozenset({zone})
    few = moments[_spread(len(moments))]
    return frozenset(
        one for one in _exchange_zones() if (_converted(few, one) == _converted(few, zone)).all()
    )


@cache
def _exchange_zones() -> tuple[str, ...]:
    return tuple(dict.fromkeys(zone_of(code) for code in exchanges()))


def _converted(moments: Dates, zone: str) -> Dates:
    """Moments in UTC as local ones."""
    if zone == "UTC":
        return moments
    local = pd.DatetimeIndex(moments, tz="UTC").tz_convert(zone).tz_localize(None)
    return np.asarray(local.to_numpy(), dtype="datetime64[s]")


def _midnights(moments: Dates) -> bool:
    return bool((moments == moments.astype("datetime64[D]")).all())


def _is_shifted(moments: Dates) -> bool:
    days = np.unique(moments.astype("datetime64[D]"))
    return len(days) >= LEAST_DATES and is_shifted(days)


def _spread(count: int) -> Integers:
    """Up to SAMPLE places from the first to the last."""
    return np.unique(np.linspace(0, count - 1, SAMPLE).astype(np.int64))


def _offset(found: re.Match[str]) -> timedelta:
    size = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return -size if found[1] == "-" else size


def _shown(moment: np.datetime64) -> str:
    return f"{pd.Timestamp(moment):%Y-%m-%d %H:%M}"
