"""Five tutorials that many people copy: each as it is written, with its faults, and each done right.

Every module holds one tutorial, top to bottom as its author tells it; `Tutorial` is what is done with each.
`gatecast.audit` takes the two pipelines of a module: `gatecast audit gatecast.recipes.tesla:pipeline FILE`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from gatecast.errors import SettingError, did_you_mean
from gatecast.language import say

if TYPE_CHECKING:
    from gatecast.recipes.tutorial import Tutorial

NAMES = ("samsung", "kospi", "tesla", "california", "google")


def recipe_of(name: str) -> Tutorial:
    """The tutorial of that name.

    Raises
        SettingError: there is none.
    """
    if name not in NAMES:
        raise SettingError(
            say(
                'there is no recipe "{name}".{meant} There are {names}',
                name=name,
                meant=did_you_mean(name, NAMES),
                names=", ".join(NAMES),
            )
        )
    tutorial: Tutorial = import_module(f"gatecast.recipes.{name}").TUTORIAL
    return tutorial
