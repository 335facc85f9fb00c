"""The packages that `pip install gatecast` leaves out, and what is said where one of them is needed."""

from __future__ import annotations

from importlib.util import find_spec

from gatecast.language import say

EXTRAS = {"sqlalchemy": "ledger", "vl_convert": "png", "yfinance": "yahoo"}


def needed(module: str, what: str) -> str:
    """What to install for `what`, which needs a module of EXTRAS; empty where that is installed."""
    if find_spec(module) is not None:
        return ""
    command = f'pip install "gatecast[{EXTRAS[module]}]"'
    return say("{what} need a package that is not installed: {command}", what=what, command=command)
