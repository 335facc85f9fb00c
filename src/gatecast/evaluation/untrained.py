"""Networks that did not train, and why: nothing can be said of what such a network has learned."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gatecast.evaluation.forecasts import Floats, Forecasts
from gatecast.evaluation.words import count

STILL = 1e-12  # of the price: a difference in forecast change that is rounding


def untrained(forecasts: Forecasts, training: pd.DataFrame) -> dict[str, str]:
    """Network → why it counts as not trained.

    training  the loss of every member and epoch: model, stage, fold, seed, symbol, epoch, loss

    Diverged: the loss was not a finite number in the first epoch of a training, so that the member forecasts
    with the weights it began with. Constant: within each fold the ensemble forecasts the same change of a
    symbol, or the same price, at every origin; no change at all is naive's forecast and is judged as such.
    """
    found = {}
    for name in forecasts.seeds:
        trainings, diverged = _diverged(training, name)
        if diverged:
            found[name] = f"{diverged} of its {count(trainings, 'training')} diverged in the first epoch"
        elif _constant(forecasts, name):
            found[name] = "it forecasts the same at every origin"
    return found


def _diverged(training: pd.DataFrame, name: str) -> tuple[int, int]:
    """How many trainings a network has, and how many of them diverged in their first epoch."""
    if training.empty:
        return 0, 0
    first = training.loc[(training["model"] == name) & (training["epoch"] == 1), "loss"]
    return len(first), int((~np.isfinite(first)).sum())


def _constant(forecasts: Forecasts, name: str) -> bool:
    price = forecasts.forecast[name]
    change = price / forecasts.anchor[:, None] - 1
    if not np.isfinite(change).all() or np.abs(change).max(initial=0.0) <= STILL:
        return False
    return _same(change, forecasts) or _same(price / np.abs(price).max(), forecasts)


def _same(values: Floats, forecasts: Forecasts) -> bool:
    """Whether values (N, h) are one row for each fold and symbol, and there are several origins in one."""
    groups = pd.DataFrame(values).groupby([forecasts.fold, forecasts.symbol])
    ranges = (groups.max() - groups.min()).to_numpy()
    return bool((ranges <= STILL).all()) and int(groups.size().max()) > 1
