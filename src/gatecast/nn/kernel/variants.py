"""The kernel's variants that were built with the package, and the best one for this processor."""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache
from pathlib import Path

from gatecast.errors import SettingError

BUILT = Path(__file__).parent / "built"  # by hatch_build.py: processor.so, x86-64-v3.float32.so, …
ENDING = ".dll" if sys.platform == "win32" else ".so"
VARIABLE = "GATECAST_KERNEL"
OFF = "off"


def file_of(variant: str, number: str) -> Path:
    """The library of a variant; number: "float32" or "float64"."""
    return BUILT / f"{variant}.{number}{ENDING}"


def runnable() -> list[str]:
    """The variants that are here and that this processor runs, the best one first."""
    level = _level()
    fitting = [f"x86-64-v{n}" for n in range(level, 1, -1)] if level else ["arm64"]
    return [name for name in fitting if file_of(name, "float32").is_file()]


def choice() -> str | None:
    """The variant that GATECAST_KERNEL asks for, else the best one; None where it is off, or there is none.

    Raises
        SettingError: what GATECAST_KERNEL asks for is not here, or this processor cannot run it.
    """
    asked, names = os.environ.get(VARIABLE, ""), runnable()
    if asked == OFF:
        return None
    if asked and asked not in names:
        raise SettingError(
            "this processor runs no such variant of the kernel, of those that were built. Choose "
            f"{', '.join([*names, OFF])}, or leave it out for the best one",
            setting=VARIABLE,
            value=asked,
        )
    return asked or next(iter(names), None)


@cache
def _level() -> int:
    """This processor's level of x86-64; 0 for another architecture, and where nothing was built."""
    try:
        return ctypes.CDLL(str(BUILT / f"processor{ENDING}")).gatecast_level()
    except OSError:
        return 0
