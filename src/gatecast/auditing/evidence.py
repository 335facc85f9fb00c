"""What the reruns showed, and which forecasts answer the one row that was changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gatecast.auditing.reruns import Trial

LOCAL = 3  # a forecast answers one session when it moves this many times as much as the median before it
QUANTILE = 0.98  # and more than this share of those before it
NEIGHBOURS = (
    10  # and LOCAL times as much as the median of so many sessions just before it, and all before them
)


@dataclass(frozen=True)
class Evidence:
    """What the reruns showed.

    silent   nothing moved in any of them, not even when every row up to the last origin was changed
    rows     session s → what moved when that session's row was changed inside its old range
    future   what moved when rows after a cut were changed
    columns  names of columns changed together (mostly one) → what moved, per session
    """

    silent: bool
    rows: dict[int, Trial]
    future: list[Trial]
    columns: dict[tuple[str, ...], dict[int, Trial]]


def at_date(trial: Trial) -> pd.Series:
    """The forecasts for the one session that was changed."""
    return trial.moves["date"] == trial.until


def stands_out(trial: Trial) -> pd.Series:
    """Which forecasts answer the changed session itself, and do not only move with the earlier ones.

    A row that a model is trained on moves all its forecasts, those of unusual inputs most: hence more than
    most of them, and more than those just before it, whose inputs are alike. A row that is looked up moves a
    few here and there: hence more than any of those.
    """
    moves = trial.moves
    before = moves[trial.known]
    level = 0.0
    if len(before):
        size, near = before["size"], before["size"][before["date"] > trial.after - NEIGHBOURS]
        far = size[(before["date"] <= trial.after - NEIGHBOURS) & np.isfinite(size)]
        level = max(LOCAL * size.median(), float(np.quantile(size, QUANTILE, method="lower")))
        level = max(level, LOCAL * near.median()) if len(near) else level
        rare = len(far) and (far > 0).mean() < 1 - QUANTILE
        level = max(level, float(far.max())) if rare else level
    return moves["moved"] & (moves["size"] > level)


def answer_of(trial: Trial) -> float:
    """The largest move among the forecasts for the changed session that answer it; 0 where none does."""
    return float(trial.moves["size"][stands_out(trial) & at_date(trial)].to_numpy().max(initial=0.0))
