"""Which forecasts moved when later rows were changed, and which causes that fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd

from gatecast.auditing.answers import KEYS, Answer
from gatecast.auditing.reruns import Reruns, Trial
from gatecast.language import marked, plural, say

ALL = 0.9  # of the forecasts: so many moved where something is fitted on all rows; not all need to notice
ENOUGH = 5  # forecasts of which something can be said
SAME = 1e-9  # typical moves: no further apart are the forecasts of one and the same fit
NEAR = 25  # bars, a little more than a month: a reach that differs from cut to cut may be so long

Scope = Literal["all", "ahead", "some"]

AHEAD = {
    "by": marked(
        "Only forecasts made within {bars} before the first changed row moved{beyond}, none of {older:,} "
        "older ones: the pipeline looks {bars} ahead of the origin."
    ),
    "up to": marked(
        "Only forecasts made within {bars} before the first changed row moved{beyond}, none of {older:,} "
        "older ones: the pipeline looks up to {bars} ahead of the origin."
    ),
}
SHIFTED = marked(
    "a centred window, a shift the wrong way (shift(-k)), or a filter that is run both ways. Let every "
    "window end at the origin."
)
BLOCKS = marked(
    "bars resampled to a longer interval and labelled with its start, gaps filled backwards or interpolated, "
    "or a model refitted at intervals on rows up to the end of the interval. Label a longer bar with its "
    "last row, fill forwards, and fit on the rows up to the origin."
)
CHOICE = marked(
    "a choice made by looking at later rows (selected features, the number of epochs in early stopping on "
    "the test, a model or setting picked by its score there)"
)
SEVERAL = marked(
    "Several causes fit, and the audit cannot tell them apart: a model trained on later rows (a random or "
    "shuffled split, cross-validation that ignores time), features selected or training stopped by looking "
    "at them, target encoding, or a scaler fitted on all rows."
)
SEVERAL_DERIVED = marked(
    "Several causes fit, and the audit cannot tell them apart: a model trained on later rows (a random or "
    "shuffled split, cross-validation that ignores time), features selected or training stopped by looking "
    "at them, target encoding, or a scaler of returns or other derived columns, fitted on all rows."
)
TRAIN_ONLY = marked("Fit on the rows up to the end of training only, and apply that to the rest.")


@dataclass(frozen=True)
class Leak:
    """What one run on changed later rows moved among the forecasts that cannot know them.

    could  these forecasts: origin, date, forecast, size, moved, and age: how many bars the first changed row
           lies after the origin
    """

    trial: Trial
    could: pd.DataFrame

    @cached_property
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
    """Sentences for a finding of later rows: which forecasts moved, and the causes that fit.

    answered  a sentence about forecasts that move with the row of their own date, or ""
    """
    moving = [leak for leak in leaks if len(leak.moved)]
    scope = scope_of(leaks)
    beyond = say(" by more than chance") if any(leak.trial.noisy for leak in moving) else ""
    if scope == "ahead":
        return _ahead(leaks, beyond)
    most = max(moving, key=lambda leak: (len(leak.moved), leak.share))
    whole = len(most.moved) == len(most.could)
    of = say("all {n:,}", n=len(most.could))
    if not whole:
        of = say("{some:,} of the {n:,}", some=len(most.moved), n=len(most.could))
    text = say(
        "In the run that moved most ({what}), {of} forecasts that cannot know the "
        "changed rows moved{beyond}, the oldest of them made {bars} before the first "
        "changed row",
        what=most.trial.what,
        of=of,
        beyond=beyond,
        bars=plural("{n:,} bar", "{n:,} bars", most.reach),
    )
    if scope == "some":
        return f"{text}.", _remedy_some(reruns)
    quiet = _quiet_after(leaks)
    remedy = _remedy_all(leaks, reruns, answered)
    if quiet is None:
        return say("{text}: something is fitted on, or computed from, all rows.", text=text), remedy
    text = say(
        "{text}: something is fitted on, or computed from, later rows. Changes of the rows after {date} "
        "alone moved none.",
        text=text,
        date=reruns.table.label(quiet),
    )
    if reruns.answer.trained_until is None:
        remedy += " " + say(
            "If these are forecasts of rows that the model was trained on, return trained_until, and the "
            "audit says so."
        )
    return text, remedy


def scope_of(leaks: Sequence[Leak]) -> Scope:
    """Whether all forecasts moved that cannot know the changed rows, or those of a few bars before, or "
    "some."""
    moving = [leak for leak in leaks if len(leak.moved)]
    farthest = max(leak.reach for leak in moving)
    older = max(int((leak.could["age"] > farthest).sum()) for leak in moving)
    oldest = max(int(leak.could["age"].max()) for leak in moving)
    reaches = _reaches(leaks, farthest)
    alike = len(reaches) > 1 and min(reaches) == farthest
    if older >= ENOUGH and farthest <= oldest / 2 and (alike or farthest <= NEAR):
        return "ahead"
    most = max(len(leak.could) for leak in moving)
    whole = [leak for leak in moving if leak.share >= ALL and len(leak.could) >= max(ENOUGH, most / 4)]
    return "all" if whole else "some"


def _reaches(leaks: Sequence[Leak], farthest: int) -> list[int]:
    """How far ahead the forecasts before each cut look, where older ones are there to tell."""
    cuts: dict[int, int] = {}
    for leak in leaks:
        if leak.trial.change == "rows" and len(leak.could) and leak.could["age"].max() > farthest:
            cuts[leak.trial.after] = max(leak.reach, cuts.get(leak.trial.after, 0))
    return list(cuts.values())


def _ahead(leaks: Sequence[Leak], beyond: str) -> tuple[str, str]:
    """A window reaches equally far before every cut; a block of rows as far as the block goes on."""
    farthest = max(leak.reach for leak in leaks)
    bars = plural("{n:,} bar", "{n:,} bars", farthest)
    beyond_it = pd.concat([leak.could[leak.could["age"] > farthest] for leak in leaks])
    older = len(beyond_it[KEYS].drop_duplicates())
    reaches = _reaches(leaks, farthest)
    shifted, blocks = say(SHIFTED), say(BLOCKS)
    alike = len(reaches) > 1 and min(reaches) == farthest
    text = say(AHEAD["by" if alike else "up to"], bars=bars, beyond=beyond, older=older)
    if alike:
        return text, say(
            "It does so before each of {cuts} cuts. What fits: {shifted}", cuts=len(reaches), shifted=shifted
        )
    if len(reaches) > 1 and min(reaches) <= farthest / 2:
        return text, say(
            "How far differs among {cuts} cuts, from {least} to {bars}. What fits: {blocks}",
            cuts=len(reaches),
            least=min(reaches),
            bars=bars,
            blocks=blocks,
        )
    return text, say("Two kinds of causes fit. Either {shifted} Or {blocks}", shifted=shifted, blocks=blocks)


def _quiet_after(leaks: Sequence[Leak]) -> int | None:
    """The first cut from which on no change of the rows behind it moved a forecast; None where all did."""
    loud = max(leak.trial.after for leak in leaks if leak.trial.many and len(leak.moved))
    return min(
        (leak.trial.after for leak in leaks if leak.trial.many and leak.trial.after > loud), default=None
    )


def _remedy_all(leaks: Sequence[Leak], reruns: Reruns, answered: str) -> str:
    moving = [leak for leak in leaks if len(leak.moved)]
    train_only, choice = say(TRAIN_ONLY), say(CHOICE)
    if _is_choice(moving, reruns):
        return say(
            "Changes after different dates made the same other forecasts, so the later rows have only a few "
            "effects. What fits: {choice}, or a fit on all rows whose result is the same for all extreme "
            "values. {train_only}",
            choice=choice,
            train_only=train_only,
        )
    order = [leak for leak in leaks if leak.trial.change == "order"]
    single = [leak for leak in leaks if not leak.trial.many]
    if order and not any(len(leak.moved) for leak in order):
        if any(leak.share >= ALL for leak in single):
            fits = say(
                "the mean and the deviation of a scaler, ranks, or means per category (target encoding)"
            )
        else:
            fits = say("the minimum and the maximum of a scaler, or a limit for clipping")
        return say(
            "The same rows in another order moved nothing. What fits: {fits}, taken from all rows; or "
            "{choice} that comes out the same in this order. {train_only}",
            fits=fits,
            choice=choice,
            train_only=train_only,
        )
    if scattered(reruns.answer):
        return say(
            "The dates of the forecasts are scattered among other rows, which fits a random split: the model "
            "is trained on rows that come later. Split by time. {train_only}",
            train_only=train_only,
        )
    if answered:
        return say(
            "{answered} What fits both: rows that are forecast are trained on. {train_only}",
            answered=answered,
            train_only=train_only,
        )
    if order:
        return say(
            "The same later rows in another order moved forecasts, too: a scaler of the columns as they "
            "stand would not have noticed. {several} {train_only}",
            several=say(SEVERAL_DERIVED),
            train_only=train_only,
        )
    return f"{say(SEVERAL)} {train_only}"


def _remedy_some(reruns: Reruns) -> str:
    return say(
        "Several causes fit: {split}a model that was trained on later rows, or looks up the nearest ones; "
        "ranks, quantiles or means per category (target encoding) over all rows; a filter that is run both "
        "ways and fades. {train_only}",
        split=say("a random split; ") if scattered(reruns.answer) else "",
        train_only=say(TRAIN_ONLY),
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
        if len(both) >= ENOUGH and (distance <= SAME).all():
            return True
    return False


def scattered(answer: Answer) -> bool:
    """Whether the forecast dates lie irregularly among others, as after a random split."""
    gaps = np.diff(np.unique(answer.date))
    if len(gaps) < 4 * ENOUGH:
        return False
    return bool(gaps.mean() > 1.4 and gaps.std() > 0.5 * (gaps.mean() - 0.5) and np.unique(gaps).size > 2)
