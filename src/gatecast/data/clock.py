"""Changed clocks: local times within days that come twice when the clocks go back, as times in UTC."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gatecast._typing import Dates, Integers
from gatecast.data.oddities import Oddity
from gatecast.settings.frequency import stamp

HOUR = 3600
# Where most local times within days come from; the first in which all times of a series exist is taken.
ZONES = (
    "America/New_York", "America/Chicago", "Europe/London", "Europe/Berlin", "Europe/Athens",
    "America/Los_Angeles", "Australia/Sydney", "Pacific/Auckland",
)  # fmt: skip


def unfolded(
    moments: Dates, codes: Integers, names: tuple[str, ...], zone: str | None
) -> tuple[Dates, list[Oddity]]:
    """Times in UTC where an hour comes twice, the others as they are; and what is said of it.

    moments  (N,) datetime64[s], local, in the order of the source
    codes    (N,) number of the symbol; names: of the symbols
    zone     their time zone; None: the first of ZONES in which they all exist, each once

    An hour that comes twice is one in which the times, in the order of the source, go back an hour for once.
    Where no zone explains it, the times stay as they are, and stand twice.
    """
    found, said = moments.copy(), []
    for code in np.unique(codes):
        rows = np.flatnonzero((codes == code) & ~np.isnat(moments))
        own = moments[rows].astype(np.int64)
        if len(own) < 3:
            continue
        if own[0] > own[-1]:
            rows, own = rows[::-1], own[::-1]
        steps = np.diff(own)
        usual = int(np.median(steps))
        back = np.flatnonzero((steps <= 0) & (steps >= usual - HOUR))
        if usual <= 0 or not len(back) or len(back) != int((steps <= 0).sum()):
            continue
        for name in ZONES if zone is None else (zone,):
            utc = _in_utc(moments[rows], name)
            if utc is not None:
                found[rows] = utc
                twice = [stamp(moments[rows[at + 1]]) for at in back]
                text = (
                    f"{names[code]}: the clock went back at {twice[0]}"
                    + (f" and {len(twice) - 1} more times" if len(twice) > 1 else "")
                    + f", as in {name}; the times are kept in UTC."
                )
                said.append(Oddity("clock", len(twice), text, tuple(f"{one}: twice" for one in twice[:5])))
                break
    return found, said


def _in_utc(local: Dates, zone: str) -> Dates | None:
    """Local times, in their order, in UTC; None where the zone's clock did not show them."""
    try:
        aware = pd.DatetimeIndex(local).tz_localize(zone, ambiguous="infer", nonexistent="raise")
    except (ValueError, KeyError):
        return None
    utc = aware.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[s]")
    return np.asarray(utc) if (np.diff(utc.astype(np.int64)) > 0).all() else None
