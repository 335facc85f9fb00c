"""Functions and models of the user's own, named as module:object."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import sys
from types import BuiltinFunctionType
from typing import Any

from gatecast.errors import SettingError
from gatecast.language import say


def named_function(name: str, role: str) -> Any:
    """The function that `name`, "module:function", names; what its module prints goes to stderr.

    role: what it is for, as messages call it.

    Raises
        SettingError: as `named_object`, or it is no function of a table of prices.
    """
    function = named_object(name, f'{role} "{name}"', kind="function")
    if not callable(function):
        raise SettingError(
            say(
                '{role} "{name}" is not a function of a table of prices. {how}',
                role=role,
                name=name,
                how=_how("function"),
            )
        )
    return function


def named_object(name: str, role: str, kind: str = "object") -> Any:
    """The object that `name`, "module:object", names; what its module prints goes to stderr.

    role: what it is for, as messages begin.

    Raises
        SettingError: no such module or object, a module that fails or wants to end the process, or a
        function that is built into Python, as sys:exit is: none of them takes a table of prices.
    """
    module, _, attribute = name.partition(":")
    try:
        with contextlib.redirect_stdout(sys.stderr):
            found = getattr(importlib.import_module(module), attribute)
    except KeyboardInterrupt:
        raise
    except BaseException as problem:  # a module may raise anything, SystemExit too
        what = "" if isinstance(problem, (ImportError, AttributeError)) else f"{type(problem).__name__}: "
        raise SettingError(f"{role}: {what}{problem}. {_how(kind)}") from problem
    if isinstance(found, BuiltinFunctionType):
        raise SettingError(
            say("{role} is not a function of a table of prices. {how}", role=role, how=_how(kind))
        )
    return found


def source_of(thing: Any) -> str:
    """The source of a function or class; "" where there is none to be read."""
    with contextlib.suppress(OSError, TypeError):
        return inspect.getsource(thing)
    return ""


def _how(kind: str) -> str:
    return f"Write module:{kind}, importable from here"
