"""The errors of models beside a reference: for the table of a page, its picture and its sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from gatecast._typing import Floats
from gatecast.formatting import number, p_cell
from gatecast.language import say
from gatecast.recipes.arithmetic import rmse


class ModelError(NamedTuple):
    """A model's RMSE beside that of a reference.

    name, group: messages, which are said when they are printed; group: of several evaluations, the one that
    it belongs to; ratio: to the reference's RMSE; seeds: that of each seed, none for a baseline; p: of a
    one-sided Diebold-Mariano test against the reference.
    """

    name: str
    group: str
    rmse: float
    ratio: float
    seeds: tuple[float, ...] = ()
    p: float = np.nan

    @property
    def model(self) -> str:
        """The name with its group."""
        return f"{say(self.name)}, {say(self.group)}" if self.group else say(self.name)

    @property
    def between(self) -> str:
        """The ratios of the best and the worst seed."""
        if not self.seeds:
            return ""
        best, worst = number(min(self.seeds), 2), number(max(self.seeds), 2)
        return say("{least} to {most}", least=best, most=worst)


def amount(value: float, unit: str, decimals: int) -> str:
    """An error, or a price, with its unit."""
    return say("{number} {unit}", number=number(value, decimals), unit=say(unit))


def model_error(
    name: str,
    group: str,
    forecast: Floats,
    seeds: Iterable[Floats],
    actual: Floats,
    reference: Floats,
    p: float = np.nan,
) -> ModelError:
    """The error of a forecast (N,) and of those of its seeds beside a reference's (N,)."""
    error, unit = rmse(forecast, actual), rmse(reference, actual)
    return ModelError(name, group, error, error / unit, tuple(rmse(one, actual) / unit for one in seeds), p)


def printed(errors: Sequence[ModelError], unit: str, decimals: int, ratio: str) -> pd.DataFrame:
    """The table of a page, as text; ratio: the head of the column of ratios."""
    columns = {
        say("model"): [error.model for error in errors],
        say("RMSE, {unit}", unit=say(unit)): [number(error.rmse, decimals) for error in errors],
        ratio: [number(error.ratio, 3) for error in errors],
        say("from seed to seed"): [error.between for error in errors],
        say("one-sided Diebold-Mariano p"): [p_cell(error.p) for error in errors],
    }
    tested = any(np.isfinite(error.p) for error in errors)
    return pd.DataFrame(columns if tested else dict(list(columns.items())[:-1]))
