"""Memory that a job would need, compared with what there is, before the job begins."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path

from gatecast.errors import InputError
from gatecast.formatting import decimals_beside
from gatecast.language import say

GIB = 1 << 30
NUMBER = 8  # bytes of a float64
TABLE_COPIES = 6  # a table of prices while it is read and checked
TEXT_COPIES = 10  # of the bytes of a text: decoded, cut into cells, as a table, checked
FEWEST_COLUMNS = 5  # what a table of dates and closes alone becomes: symbol, session, prices and their checks


def available() -> int | None:
    """Bytes that this process can still have, as far as the system says; None where it does not say."""
    limits = [*_of_machine(), *_of_group(), *_of_process()]
    return min(limits) if limits else None


def require(needed: float, what: str, remedy: str) -> None:
    """Raise InputError if `needed` bytes are not there.

    Raises
        InputError: `what` needs them, `remedy` says how it needs less.
    """
    there = available()
    if there is not None and needed > there:
        size, free = needed / GIB, math.floor(10 * there / GIB) / 10
        asked = f"{size:,.{decimals_beside(free, size, 1)}f}"
        raise InputError(
            say(
                "{what} would need about {needed} GiB of memory, and {there:,.1f} GiB are available. "
                "{remedy}",
                what=what,
                needed=asked,
                there=free,
                remedy=remedy,
            )
        )


def require_table(rows: int, columns: int, file: str) -> None:
    """Raise InputError if a table of prices of this size cannot be read."""
    what = f"{file}: reading {rows:,} rows of {columns:,} columns"
    needed = TABLE_COPIES * NUMBER * rows * max(columns, FEWEST_COLUMNS)
    require(needed, what, "Give a file with fewer rows or columns")


def require_text(size: int, file: str) -> None:
    """Raise InputError if a file of prices of so many bytes, unpacked, cannot be read."""
    what = f"{file}: reading {size / GIB:,.1f} GiB"
    require(TEXT_COPIES * size, what, "Give a file with fewer rows or columns")


def _of_machine() -> list[int]:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return [int(line.split()[1]) * 1024]
    return []


def _of_group() -> list[int]:
    """What the control group leaves: a container's limit."""
    for limit, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        with contextlib.suppress(OSError, ValueError):  # "max": no limit
            return [max(int(Path(limit).read_text()) - int(Path(used).read_text()), 0)]
    return []


def _of_process() -> list[int]:
    """What `ulimit -v` leaves."""
    with contextlib.suppress(ImportError, OSError, ValueError, IndexError):
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_AS)
        if soft != resource.RLIM_INFINITY:
            used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            return [max(soft - used, 0)]
    return []
