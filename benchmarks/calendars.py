"""The table of trading sessions, src/gatecast/data/calendars.npz, made of exchange_calendars.

    python3 -m venv ENV && ENV/bin/pip install "pandas<3" exchange_calendars
    ENV/bin/python benchmarks/calendars.py [YEAR]

YEAR is the last year of the table, three years from now by default. Under pandas 3 exchange_calendars 4.13
cannot build XTAE, XBEL, ASEX, XBSE and XCYS, and loses the Saturdays and Sundays of XKRX, XBOM and XMOS:
hence an environment of its own, which needs nothing of gatecast. Run it again when a new version of
exchange_calendars is out: tests/data/test_calendars.py compares the table with the installed one.
"""

from __future__ import annotations

import datetime
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
from exchange_calendars import calendar_utils

WEEKS = {"24/5", "24/7"}  # gatecast has its own
FILE = Path(__file__).parents[1] / "src" / "gatecast" / "data" / "calendars.npz"
FIRST = "1990-01-01"  # a Monday: a byte of the table is a week


def build(code: str, last: str):
    """The calendar over what it records of the table's span; its first and last recorded day."""
    source = calendar_utils._default_calendar_factories[code]
    first = max([FIRST, *(str(bound.date()) for bound in [source.bound_min()] if bound is not None)])
    last = min([last, *(str(bound.date()) for bound in [source.bound_max()] if bound is not None)])
    return calendar_utils.get_calendar(code, start=first, end=last), first, last


def closes(calendar) -> np.ndarray:
    """Minutes from the midnight that begins each session, where the exchange is, to its close."""
    local = calendar.closes.dt.tz_convert(calendar.tz).dt.tz_localize(None)
    return ((local - local.index).dt.total_seconds() // 60).to_numpy().astype(np.uint16)


def main(year: int) -> None:
    last_day = f"{year}-12-31"
    weeks = -(-int((np.datetime64(last_day) + 1 - np.datetime64(FIRST)).astype(int)) // 7)
    days = np.datetime64(FIRST) + np.arange(7 * weeks)
    known = calendar_utils.get_calendar_names(include_aliases=True)
    aliases = {name: calendar_utils.resolve_alias(name) for name in known}
    codes = sorted({*aliases.values()} - WEEKS)
    recorded, zones, bits, changes = [], [], [], []
    for number, code in enumerate(codes):
        calendar, first, last = build(code, last_day)
        sessions = calendar.sessions.to_numpy().astype("datetime64[D]")
        minutes = closes(calendar)
        new = np.append(True, minutes[1:] != minutes[:-1])
        recorded.append((first, last))
        zones.append(str(calendar.tz))
        bits.append(np.packbits(np.isin(days, sessions).reshape(weeks, 7), axis=1)[:, 0])
        place = (sessions[new] - days[0]).astype(np.uint16)
        changes.append(np.stack([np.full(len(place), number, np.uint16), place, minutes[new]]))
        print(code, first, last, len(sessions), new.sum(), flush=True)
    others = {name: code for name, code in aliases.items() if name != code and code not in WEEKS}
    number, day, minutes = np.concatenate(changes, axis=1)
    np.savez_compressed(
        FILE,
        source=np.array([f"exchange_calendars {version('exchange_calendars')}"]),
        first=days[:1],
        code=np.array(codes),
        zone=np.array(zones),
        recorded=np.array(recorded, dtype="datetime64[D]"),
        sessions=np.stack(bits),  # a byte a week, its highest bit Monday, its lowest unused
        # Sessions from which on the close is another: number of the calendar, day from `first` on as the
        # difference from the one before (modulo 2**16), minutes.
        close=np.stack([number, np.diff(day, prepend=day.dtype.type(0)), minutes]),
        alias=np.array(list(others.items())),
    )
    print(FILE, FILE.stat().st_size, "bytes")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(int(sys.argv[1]) if len(sys.argv) > 1 else datetime.date.today().year + 3)
