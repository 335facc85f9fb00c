"""Functions of the user's own, named as module:function."""

from __future__ import annotations

import contextlib
import importlib
import sys
from types import BuiltinFunctionType
from typing import Any

from gatecast.errors import SettingError


def named_function(name: str, role: str) -> Any:
    """The function that `name`, "module:function", names; what its module prints goes to stderr.

    role: what it is for, as messages call it.

    Raises
        SettingError: no such module or function, a module that fails or wants to end the process, or a
        function that is built into Python, as sys:exit is: none of them takes a table of prices.
    """
    module, _, attribute = name.partition(":")
    how = "Write module:function, importable from here"
    try:
        with contextlib.redirect_stdout(sys.stderr):
            function = getattr(importlib.import_module(module), attribute)
    except KeyboardInterrupt:
        raise
    except BaseException as problem:  # a module may raise anything, SystemExit too
        kind = "" if isinstance(problem, (ImportError, AttributeError)) else f"{type(problem).__name__}: "
        raise SettingError(f'{role} "{name}": {kind}{problem}. {how}') from problem
    if not callable(function) or isinstance(function, BuiltinFunctionType):
        raise SettingError(f'{role} "{name}" is not a function of a table of prices. {how}')
    return function
