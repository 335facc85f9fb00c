"""Libraries that gatecast does not bring along, imported where a model that needs one is used."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from gatecast.errors import SettingError


def imported(module: str, package: str, who: str) -> ModuleType:
    """A module of somebody else's.

    Parameters
    ----------
    module
        Its name.
    package
        What pip installs.
    who
        Needs it, as a message begins.

    Raises
    ------
    SettingError
        It is not installed, or its import fails.
    """
    try:
        return import_module(module)
    except ImportError as error:
        remedy = f"pip install '{package}'" if "://" not in package else f"get it from {package}"
        raise SettingError(f"{who} needs {module.partition('.')[0]} ({error}): {remedy}") from error
