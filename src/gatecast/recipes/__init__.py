"""Five tutorials that many people copy: each as it is written, with its faults, and each done right.

Every module holds one tutorial: `prepare` and `as_written` do what it does, `corrected` asks the same
question through the public road, `pipeline` and `corrected_pipeline` are the same two for `gatecast.audit`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from gatecast.errors import SettingError, did_you_mean

if TYPE_CHECKING:
    from gatecast.recipes.common import Recipe

NAMES = ("samsung", "kospi", "tesla", "california", "google")


def recipe_of(name: str) -> Recipe:
    """The recipe of that name.

    Raises
        SettingError: there is none.
    """
    if name not in NAMES:
        raise SettingError(
            f'there is no recipe "{name}".{did_you_mean(name, NAMES)} There are {", ".join(NAMES)}'
        )
    recipe: Recipe = import_module(f"gatecast.recipes.{name}").RECIPE
    return recipe
