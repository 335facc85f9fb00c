"""Which forecasts moved when later rows were changed, and which causes that fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd

from gatecast.evaluation.audit.answers import KEYS, Answer
from gatecast.evaluation.audit.noise import TINY
from gatecast.evaluation.audit.reruns import Reruns, Trial

ALL = 0.95  # of the forecasts: so many are "all"
ENOUGH = 5  # forecasts of which something can be said

Scope = Literal["all", "ahead", "some"]

SHIFTED = (
    "a centred window, a shift the wrong way (shift(-k)), or a filter that is run both ways. Let every "
    "window end at the origin."
)
BLOCKS = (
    "bars resampled to a longer interval and labelled with its start, gaps filled backwards or interpolated, "
    "or a model refitted at intervals on rows up to the end of the interval. Label a longer bar with its "
    "last row, fill forwards, and fit on the rows up to the origin."
)
CHOICE = (
    "a choice made by looking at later rows: selected features, the number of epochs (early stopping on the "
    "test), or a model or setting picked by its score there. Choose on the rows up to the end of training."
)
SEVERAL = (
    "Several causes fit, and the audit cannot tell them apart: a model trained on later rows (a random or "
    "shuffled split, cross-validation that ignores time), features selected or training stopped by looking "
    "at them, target encoding, or a scaler"
)
TRAIN_ONLY = "Fit on the rows up to the end of training only, and apply that to the rest."


@dataclass(frozen=True)
class Leak:
    """What one run on changed later rows moved among the forecasts that cannot know them.

    could  these forecasts: origin, date, forecast, size, moved, and age: how many bars the first changed row
           lies after the origin
    """

    trial: Trial
    could: pd.DataFrame

    @property
    def moved(self) -> pd.DataFrame:
        """Those that moved."""
        return self.could[self.could["moved"]]

    @property
    def share(self) -> float:
        """How much of them."""
        return float(self.could["moved"].mean())

    @property
    def reach(self) -> int:
        """How far before the change the earliest of them was made; 0 where none moved."""
        return int(self.moved["age"].max()) if len(self.moved) else 0


def leak_of(trial: Trial, could: pd.DataFrame) -> Leak:
    """The leak of a run, for some of its forecasts."""
    return Leak(trial, could.assign(age=trial.after + 1 - could["origin"]))


def described(leaks: Sequence[Leak], reruns: Reruns, answered: str) -> tuple[str, str]:
    """Two sentences for a finding of later rows: which forecasts moved, and the causes that fit."""
    moving = [leak for leak in leaks if len(leak.moved)]
    scope = _scope(moving)
    farthest = max(leak.reach for leak in moving)
    beyond = " by more than chance" if any(leak.trial.noisy for leak in moving) else ""
    if scope == "ahead":
        older = len(
            pd.concat([leak.could[leak.could["age"] > farthest] for leak in leaks])[KEYS].drop_duplicates()
        )
        text = (
            f"Only forecasts made within {_bars(farthest)} before the first changed row moved{beyond}, none "
            f"of {older:,} older ones: the pipeline looks {_bars(farthest)} ahead of the origin."
        )
        return text, _remedy_ahead(leaks, farthest)
    most = max(moving, key=lambda leak: (len(leak.moved), leak.share))
    of = f"{len(most.moved):,} of the {len(most.could):,}"
    if scope == "all" and len(most.moved) == len(most.could):
        of = f"all {len(most.could):,}"
    text = (
        f"In the run that moved most ({most.trial.what}), {of} forecasts that cannot know the changed rows "
        f"moved{beyond}, the oldest of them made {_bars(most.reach)} before the first changed row"
    )
    if scope == "some":
        return f"{text}.", _remedy_some(reruns)
    quiet = _quiet_after(leaks)
    if quiet is None:
        return f"{text}: something is fitted on, or computed from, all rows.", _remedy_all(
            leaks, reruns, answered
        )
    text = (
        f"{text}: something is fitted on, or computed from, later rows. Changes of the rows after "
        f"{reruns.table.label(quiet)} alone moved none."
    )
    remedy = _remedy_all(leaks, reruns, answered)
    if reruns.answer.trained_until is None:
        remedy += (
            " If these are forecasts of rows that the model was trained on, return trained_until, and the "
            "audit says so."
        )
    return text, remedy


def _quiet_after(leaks: Sequence[Leak]) -> int | None:
    """The first cut from which on no change of the rows behind it moved a forecast; None where all did."""
    loud = max(leak.trial.after for leak in leaks if leak.trial.many and len(leak.moved))
    return min(
        (leak.trial.after for leak in leaks if leak.trial.many and leak.trial.after > loud), default=None
    )


def _scope(moving: Sequence[Leak]) -> Scope:
    farthest = max(leak.reach for leak in moving)
    older = max(int((leak.could["age"] > farthest).sum()) for leak in moving)
    oldest = max(int(leak.could["age"].max()) for leak in moving)
    if older >= ENOUGH and farthest <= oldest / 2:
        return "ahead"
    enough = [leak for leak in moving if len(leak.could) >= ENOUGH]
    return "all" if enough and all(leak.share >= ALL for leak in enough) else "some"


def _remedy_ahead(leaks: Sequence[Leak], farthest: int) -> str:
    """A window reaches equally far before every cut; a block of rows as far as the block goes on."""
    cuts = [leak for leak in leaks if leak.trial.change == "rows" and leak.could["age"].max() > farthest]
    reaches = [leak.reach for leak in cuts]
    if len(cuts) > 1 and min(reaches) == farthest:
        return f"It looks equally far in each of {len(cuts)} runs. What fits: {SHIFTED}"
    if len(cuts) > 1 and min(reaches) <= farthest / 2:
        return f"In {len(cuts)} runs it looks {min(reaches)} to {farthest} bars ahead. What fits: {BLOCKS}"
    return f"Two kinds of causes fit. Either {SHIFTED} Or {BLOCKS}"


def _remedy_all(leaks: Sequence[Leak], reruns: Reruns, answered: str) -> str:
    moving = [leak for leak in leaks if len(leak.moved)]
    if _is_choice(moving, reruns):
        return f"Runs on different changes gave the same other forecasts. What fits: {CHOICE}"
    order = [leak for leak in leaks if leak.trial.change == "order"]
    single = [leak for leak in leaks if not leak.trial.many]
    if order and not any(len(leak.moved) for leak in order):
        if any(leak.share >= ALL for leak in single):
            fits = "the mean and the standard deviation of a scaler, or a mean per category (target encoding)"
        else:
            fits = "the minimum and the maximum of a scaler, a quantile, or a clipping limit"
        return (
            "The same rows in another order moved nothing, so it is a statistic of the values alone. "
            f"What fits: {fits}, taken from all rows. {TRAIN_ONLY}"
        )
    if scattered(reruns.answer):
        return (
            "The dates of the forecasts are scattered among other rows, which fits a random split: the model "
            f"is trained on rows that come later. Split by time. {TRAIN_ONLY}"
        )
    if answered:
        return f"{answered} What fits both: rows that are forecast are among the training rows. {TRAIN_ONLY}"
    if order:
        return (
            "The same later rows in another order moved forecasts, too: a scaler of the columns as they "
            f"stand would not have noticed. {SEVERAL} of returns or other derived columns, fitted on all "
            f"rows. {TRAIN_ONLY}"
        )
    return f"{SEVERAL} fitted on all rows. {TRAIN_ONLY}"


def _remedy_some(reruns: Reruns) -> str:
    split = "a random split, " if scattered(reruns.answer) else ""
    return (
        f"Several causes fit: {split}a model that looks up or was trained on later rows (nearest neighbours, "
        "trees, a shuffled split), blocks of rows that share a fit, or a filter that is run both ways and "
        f"fades. {TRAIN_ONLY}"
    )


def _is_choice(moving: Sequence[Leak], reruns: Reruns) -> bool:
    """Whether changes of rows after different cuts made the same other forecasts.

    What is fitted to the rows themselves takes another value for each change; a choice among a few does not.
    """
    unit = reruns.table.unit
    for one, other in combinations([leak for leak in moving if leak.trial.many], 2):
        if one.trial.after == other.trial.after:
            continue
        both = one.moved.merge(other.moved, on=KEYS)
        distance = (both["forecast_x"] - both["forecast_y"]).abs() / unit[both["symbol"].to_numpy(np.int64)]
        if len(both) >= ENOUGH and (distance <= TINY).all():
            return True
    return False


def scattered(answer: Answer) -> bool:
    """Whether the forecast dates lie irregularly among others, as after a random split."""
    gaps = np.diff(np.unique(answer.date))
    if len(gaps) < 4 * ENOUGH:
        return False
    return bool(gaps.mean() > 1.4 and gaps.std() > 0.5 * (gaps.mean() - 0.5) and np.unique(gaps).size > 2)


def _bars(count: int) -> str:
    return "1 bar" if count == 1 else f"{count} bars"
