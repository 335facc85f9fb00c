"""The calendar of a symbol, found from what the user says, its name, its time zone and its dates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from gatecast._typing import Bools, Dates
from gatecast.data.calendars import (
    AROUND_THE_CLOCK,
    WEEKS,
    ascending,
    check_calendar,
    sessions_of_all,
    weekday,
    zone_of,
)
from gatecast.data.exchanges import exchange_named
from gatecast.language import marked, say

DEFAULT = "XNYS"
# Of calendars with the same sessions the first here gives the name; exchanges that are not here come last.
ORDER = (
    DEFAULT, "XETR", "XPAR", "XLON", "XTKS", "XKRX", "XSHG", "XHKG", "XBOM", "XTSE", "XASX", "XSWX", "XAMS",
    "XMIL", "XMAD", "XBRU", "XLIS", "XSTO", "XCSE", "XOSL", "XHEL", "XWAR", "XTAI", "XSES", "BVMF", "XMEX",
    "XJSE", "XSAU", "XTAE", "weekdays", *(week for week in WEEKS if week != "weekdays"),
)  # fmt: skip

REGULAR = 0.05  # of the rows are on a day of the week that the data have regularly; in daily data 1/7 are
FEW_ROWS = 60  # with fewer the default is kept unless another calendar is clearly nearer
CLEARLY = 2  # disagreeing days
MOST_DISAGREEING = 1 / 2  # of the rows; with more the dates tell no exchange
LEAST_RECORDED = 1 / 2  # of the rows, for a calendar that does not speak of the whole span
MONDAY, FRIDAY, SATURDAY, SUNDAY = 0, 4, 5, 6

How = Literal["given", "suffix", "prefix", "name", "zone", "dates", "others", "default"]
SAID: dict[How, str] = {
    "given": marked("as given"),
    "suffix": marked("by the symbol's suffix"),
    "prefix": marked("by the symbol's prefix"),
    "name": marked("by the symbol's name"),
    "zone": marked("by the time zone of its stamps and its dates"),
    "dates": marked("by its dates"),
    "others": marked("as the other symbols: its dates do not tell more"),
    "default": marked("by default: its dates do not tell more"),
}


@dataclass(frozen=True)
class Found:
    """A calendar, and why it was taken.

    calendar     the code of an exchange, or a week
    how          what tells it
    also         calendars with the same sessions over the span of the dates
    rivals       calendars that the dates fit as well, or worse by a single day
    disagreeing  days on which the dates and the calendar differ, as far as it is recorded; None: not counted
    """

    calendar: str
    how: How
    also: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()
    disagreeing: int | None = None

    @property
    def is_certain(self) -> bool:
        """Whether the dates leave no other choice."""
        return self.how in ("dates", "zone") and not self.rivals

    def __post_init__(self) -> None:
        if self.how not in get_args(How):
            raise ValueError(self.how)

    @property
    def briefly(self) -> str:
        """The calendar and what tells it: "XKRX (by the symbol's suffix)"."""
        return f"{self.calendar} ({say(SAID[self.how])})"

    def __str__(self) -> str:
        said = say(SAID[self.how])
        if self.how in ("default", "others"):
            fit = len(self.also) + len(self.rivals)
            said += say("; {fit} other calendars fit them as well", fit=fit) if fit else ""
        elif self.also or self.rivals:
            said += say("; also {names}", names=_shortly(self.also)) if self.also else ""
            said += say("; {names} fits nearly as well", names=_shortly(self.rivals)) if self.rivals else ""
        return f"{self.calendar} ({said})"


def find_calendar(
    symbol: str,
    dates: ArrayLike,
    given: str | Mapping[str, str] | None = None,
    zones: Collection[str] = (),
) -> Found:
    """The calendar of one symbol.

    symbol  its name
    dates   (N,) its dates, in any order
    given   the user's calendar, or symbol → calendar
    zones   the time zones that its stamps can be of, where they say so

    In this order: the calendar that is given; "24/7" where Saturdays and Sundays are there regularly; that
    which the symbol's name tells; that which disagrees with the dates on the fewest days, among the exchanges
    of `zones` where there are any. A disagreeing day is a session without a date, or a date that is no
    session. Of calendars with the same sessions over the span the first in ORDER is taken. An exchange
    whose record begins or ends within the span competes where that holds at least half of the dates, and its
    disagreeing days are scaled up to all of them. With fewer than 60 dates "XNYS" (for weeks other than
    Monday to Friday: the week itself) is kept unless another one disagrees on at least two days less, and
    always where the disagreeing days are more than half as many as the dates: most rows are missing.
    """
    return find_calendars({symbol: dates}, given, {symbol: zones})[symbol]


def find_calendars(
    dates: Mapping[str, ArrayLike],
    given: str | Mapping[str, str] | None = None,
    zones: Mapping[str, Collection[str]] | None = None,
) -> dict[str, Found]:
    """The calendar of each symbol of one source, as `find_calendar` does it.

    Where the dates of a symbol leave a choice, that which most others have by their dates is taken if it is
    among those left. Symbols with the same dates are decided once.
    """
    zones = zones or {}
    fits: dict[tuple[bytes, frozenset[str]], _Fit] = {}
    daily: dict[bytes, bool] = {}
    found, key_of = {}, {}
    for symbol, own in dates.items():
        days = ascending(np.asarray(own, dtype="datetime64[D]"))
        if (same := days.tobytes()) not in daily:
            daily[same] = bool(_regular(days)[[FRIDAY, SATURDAY, SUNDAY]].all())
        told = _told(symbol, daily[same], given)
        if told is None:
            key = key_of[symbol] = same, frozenset(zones.get(symbol, ()))
            if key not in fits:
                fits[key] = _fit(*key)
            told = fits[key].first_choice
        found[symbol] = told
    certain = Counter(found[name].calendar for name in key_of if found[name].is_certain)
    if certain:
        usual = certain.most_common(1)[0][0]
        chosen = {key: fit.choice(usual) for key, fit in fits.items()}
        found |= {symbol: chosen[key] for symbol, key in key_of.items()}
    return found


def told_or_weekdays(symbol: str, given: str | Mapping[str, str] | None = None) -> Found:
    """The calendar that is given or that the symbol's name tells; else Monday to Friday."""
    return _told(symbol, False, given) or Found("weekdays", "default")


def is_shifted(dates: ArrayLike) -> bool:
    """Whether the week of the dates looks moved: Sundays and no Fridays, or Saturdays and no Mondays."""
    there = _regular(np.asarray(dates, dtype="datetime64[D]"))
    return bool((there[SUNDAY] and not there[FRIDAY]) or (there[SATURDAY] and not there[MONDAY]))


def _told(symbol: str, daily: bool, given: str | Mapping[str, str] | None) -> Found | None:
    """The calendar where the dates need no look; daily: they are on all days of the week."""
    if isinstance(given, str):
        return Found(check_calendar(given), "given")
    if given is not None and symbol in given:
        return Found(check_calendar(given[symbol]), "given")
    if daily:
        return Found(AROUND_THE_CLOCK, "dates")
    named = exchange_named(symbol)
    return None if named is None else Found(named.calendar, named.by)


def _regular(days: Dates) -> Bools:
    """(7,) on which days of the week, Monday first, the dates fall regularly."""
    return np.bincount(weekday(days), minlength=7) > REGULAR * len(days)


@lru_cache(maxsize=64)
def _fit(days: bytes, zones: frozenset[str]) -> _Fit:
    """The fit of these dates: most files of a folder have the same."""
    return _Fit(np.frombuffer(days, dtype="datetime64[D]"), zones)


class _Fit:
    """How well each calendar fits the dates (N,), ascending, of one symbol; zones: as for `find_calendar`.

    first_choice: the calendar by these dates alone.
    """

    def __init__(self, days: Dates, zones: Collection[str]) -> None:
        self.rows, self.by_zone = len(days), False
        self.codes: tuple[str, ...] = ()
        self.first_choice = Found(DEFAULT, "default")
        if not len(days):
            return
        grid = sessions_of_all(days[0], days[-1])
        order = _order(grid.codes)
        within = [place for place in order if zone_of(grid.codes[place]) in zones] if zones else []
        self.by_zone = bool(within)
        self.grid, self.order = grid, within or order
        self.codes = tuple(grid.codes[place] for place in self.order)
        there = np.isin(grid.days, days, assume_unique=True)
        share = np.count_nonzero(grid.known[:, there], axis=1)[self.order] / max(there.sum(), 1)
        wrong = np.count_nonzero((grid.sessions != there) & grid.known, axis=1)[self.order]
        self.wrong = np.where(share >= LEAST_RECORDED, wrong / np.maximum(share, LEAST_RECORDED), np.inf)
        if not there.any() or np.isinf(self.wrong).all():
            self.codes = ()
        self.first_choice = self.choice(None)

    def choice(self, usual: str | None) -> Found:
        """The calendar by these dates; where they leave a choice that allows it, the `usual` one."""
        if not self.codes:
            return Found(usual or DEFAULT, "default" if usual is None else "others")
        best = int(self.wrong.argmin())
        few, none = self.rows < FEW_ROWS, self.wrong[best] > MOST_DISAGREEING * self.rows
        near = self.wrong < self.wrong[best] + CLEARLY
        how: How = "zone" if self.by_zone else "dates"
        if usual in self.codes and (none or near[self.codes.index(usual)]):
            place = self.codes.index(usual)
            best, how = place, how if place == best else "others"
        elif none or (few and near[self._default()]):
            best, how = self._default(), how if self.by_zone else "default"
        same = self._same_as(best)
        also = tuple(code for code, one in zip(self.codes, same, strict=True) if one)
        rivals: list[str] = []
        left = near & ~same
        while left.any():
            rival = int(left.argmax())
            rivals.append(self.codes[rival])
            left &= ~self._same_as(rival)
        code = self.codes[best]
        return Found(
            code,
            how,
            tuple(name for name in also if name != code),
            tuple(name for name in rivals if name != code),
            round(float(self.wrong[best])),
        )

    def _default(self) -> int:
        """The place of the calendar that is kept where the dates do not tell more."""
        if self.by_zone or DEFAULT not in self.codes:
            return 0
        place = self.codes.index(DEFAULT)
        weeks = [self.codes.index(week) for week, days in WEEKS.items() if days != WEEKS["weekdays"]]
        nearest = min(weeks, key=lambda week: self.wrong[week])
        return nearest if self.wrong[nearest] + CLEARLY <= self.wrong[place] else place

    def _same_as(self, place: int) -> Bools:
        """(C,) the calendars with the same sessions over the span of the dates, itself included."""
        sessions, known = self.grid.sessions, self.grid.known
        own = self.order[place]
        same = (sessions == sessions[own]) & (known == known[own])
        return np.asarray(same.all(axis=1))[self.order]


@cache
def _order(codes: tuple[str, ...]) -> list[int]:
    """The places of the calendars, as ORDER has them, the others by the alphabet."""
    rank = {code: place for place, code in enumerate(ORDER)}
    return sorted(range(len(codes)), key=lambda place: (rank.get(codes[place], len(rank)), codes[place]))


def _shortly(codes: Sequence[str]) -> str:
    """The calendars, the first three by name."""
    return ", ".join(codes[:3]) + (f" and {len(codes) - 3} more" if len(codes) > 3 else "")
