"""Networks that did not train, and why: nothing can be said of what such a network has learned."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from gatecast._typing import Floats
from gatecast.forecasts import Forecasts
from gatecast.language import plural, say
from gatecast.problem.moves import DIFFERENCE, FARTHEST_UNITS
from gatecast.problem.targets import away, is_astray

BEYOND = 1e4  # of naive's mean errors in training: where a difference is no move of a price any more
STILL = 1e-12  # of the price: a difference in forecast change that is rounding
ASTRAY = 1000  # times as far from the last price as the actual prices, on average: no fit ends there


def untrained(forecasts: Forecasts, training: pd.DataFrame, others: Collection[str] = ()) -> dict[str, str]:
    """Network → why it counts as not trained.

    training  the loss of every member and epoch: model, stage, fold, seed, symbol, epoch, loss
    others    models that are no networks: what they forecast may be the same at every origin

    Diverged: the loss was not a finite number in the first epoch of a training, so that the member forecasts
    with the weights it began with; or a seed's forecasts lie at the bound of what is taken for a price, or
    ASTRAY times as far from the last prices, as moves, as the actual ones. Constant: within each fold
    the ensemble forecasts the same change of a symbol, or the same price, at every origin; no change at all
    is naive's forecast and is judged as such.
    """
    found = {}
    for name in forecasts.seeds:
        trainings, diverged = _diverged(training, name)
        if diverged:
            found[name] = plural(
                "{diverged} of its {n:,} training diverged in the first epoch",
                "{diverged} of its {n:,} trainings diverged in the first epoch",
                trainings,
                diverged=diverged,
            )
        elif _astray(forecasts, name):
            found[name] = say("it diverged: its forecasts lie far beyond any price")
        elif name not in others and _constant(forecasts, name):
            found[name] = say("it forecasts the same at every origin")
    return found


def _diverged(training: pd.DataFrame, name: str) -> tuple[int, int]:
    """How many trainings a network has, and how many of them diverged in their first epoch."""
    if training.empty:
        return 0, 0
    first = training.loc[(training["model"] == name) & (training["epoch"] == 1), "loss"]
    return len(first), int((~np.isfinite(first)).sum())


def _astray(forecasts: Forecasts, name: str) -> bool:
    """Whether a seed's forecasts are no prices any more."""
    seeds, anchor, move = forecasts.seeds[name], forecasts.anchor, forecasts.move
    actual = float(away(forecasts.actual, anchor, move).mean())
    usual = np.where(forecasts.naive_mae > 0, forecasts.naive_mae, np.inf)[:, None]
    return is_astray(seeds, anchor, usual * (BEYOND / FARTHEST_UNITS), move) or bool(
        actual > 0 and away(seeds, anchor, move).mean(axis=(1, 2)).max() > ASTRAY * actual
    )


def _constant(forecasts: Forecasts, name: str) -> bool:
    price = forecasts.forecast[name]
    largest = float(np.abs(price).max(initial=0.0)) or 1.0
    change = forecasts.changes(price)
    change = change / largest if forecasts.move.name == DIFFERENCE.name else change
    if not np.isfinite(change).all() or np.abs(change).max(initial=0.0) <= STILL:
        return False
    return _same(change, forecasts) or _same(price / largest, forecasts)


def _same(values: Floats, forecasts: Forecasts) -> bool:
    """Whether values (N, h) are one row for each fold and symbol, and there are several origins in one."""
    groups = pd.DataFrame(values).groupby([forecasts.fold, forecasts.symbol])
    widths = (groups.max() - groups.min()).to_numpy()
    return bool((widths <= STILL).all()) and int(groups.size().max()) > 1
