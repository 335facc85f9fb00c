"""One-day jumps that look like a stock split the earlier prices are not adjusted for."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gatecast._typing import Floats

# Price before / price after → the split's name.
RATIOS = {
    ratio: name
    for new, old in ((3, 2), (2, 1), (3, 1), (4, 1), (5, 1), (7, 1), (10, 1), (20, 1), (50, 1))
    for ratio, name in ((new / old, f"{new}:{old}"), (old / new, f"{old}:{new} (reverse)"))
}
# How far (in logs) from a ratio the price may open after the split. A real move of a half or a third is
# rarer near 3:2, and so has less room, than one that halves the price or more.
TOLERANCE, NARROW_TOLERANCE = 0.05, 0.025
# A split is a jump of at least so many times the symbol's usual daily move (its median absolute log return).
UNUSUAL = 10.0
# So many usual daily moves the price may make between the open and the close after the split.
REST_OF_DAY = 5.0


def find_splits(
    close: Floats, opens: Floats | None, first: NDArray[np.int64], outside: NDArray[np.bool_]
) -> dict[int, str]:
    """Row after each jump → the split it looks like, such as "2:1".

    close    (N,) prices, symbol after symbol
    opens    (N,) or None where there are none
    first    (S,) row where each symbol starts
    outside  (N,) where the close is not within the day's low and high

    A split happens over night, so where there is an open it is the open that is compared with the close
    before: crashes go on during the day, splits do not. A close outside its own day's range is compared
    itself.
    """
    level = np.log(close)
    change = np.diff(level, prepend=np.nan)
    change[first] = np.nan
    size = pd.Series(np.abs(change))
    symbol = np.repeat(np.arange(len(first)), np.diff(first, append=len(close)))
    usual = size.groupby(symbol).transform("median").to_numpy()
    smallest = np.log(1.5) - 2 * NARROW_TOLERANCE
    found = {}
    for row in np.flatnonzero((np.abs(change) > smallest) & (np.abs(change) > UNUSUAL * usual)):
        over_night = change[row]
        if opens is not None and not np.isnan(opens[row]) and not outside[row]:
            over_night = np.log(opens[row]) - level[row - 1]
        name = _ratio(-over_night, -change[row], REST_OF_DAY * usual[row])
        if name:
            found[int(row)] = name
    return found


def _ratio(over_night: float, whole_day: float, rest: float) -> str | None:
    """The split whose log ratio is near the fall of the price over night, and not too far from the day's."""
    for ratio, name in RATIOS.items():
        tolerance = NARROW_TOLERANCE if name.startswith(("3:2", "2:3")) else TOLERANCE
        if abs(over_night - np.log(ratio)) < tolerance and abs(whole_day - np.log(ratio)) < tolerance + rest:
            return name
    return None
