"""`metric`: the scores a pipeline reports, recomputed, and the usual wrong forms by their names."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd

from gatecast._typing import Floats
from gatecast.auditing.findings import Finding, Severity
from gatecast.auditing.outcome import Mask, Outcome
from gatecast.language import marked, plural, say

CLOSE = 2e-3  # relative: scores are often printed with three or four digits
FRACTION = marked("a fraction, not percent")
GIVEN = {
    "wrong form": marked(
        "{name} is given as {said:.6g}; recomputed from the forecasts it is {right:.6g}. The given number is "
        "{form}."
    ),
    "unknown": marked(
        "{name} is given as {said:.6g}; recomputed from the forecasts it is {right:.6g}. None of the usual "
        "wrong forms gives that number."
    ),
}
METRICS = ("rmse", "mse", "mae", "mape")
PARTS = {"test": "test", "val": "test", "validation": "test", "train": "train", "training": "train"}


def metric(outcome: Outcome) -> list[Finding]:
    """One finding for all scores that forecasts and truth do not give."""
    wrong: list[tuple[str, float, float, str]] = []
    for name, said in outcome.answer.scores.items():
        kind, part = _meaning(name)
        if kind is None:
            continue
        rights = [_score(kind, *_pair(outcome, rows)) for rows in _parts(outcome, part)]
        if not any(_near(said, value) for value in rights):
            wrong.append((name, said, rights[-1], _form(kind, said, outcome, part)))
    if not wrong:
        return []
    rows = np.isfinite(outcome.actual()) | np.isfinite(outcome.answer.rows["y"].to_numpy(np.float64))
    sentences = [
        say(GIVEN["wrong form" if form else "unknown"], name=name, said=said, right=right, form=form)
        for name, said, right, form in wrong
    ]
    _, said, right, _ = wrong[0]
    harmless: Severity = "note" if all(form == say(FRACTION) for *_, form in wrong) else "fault"
    first = outcome.table.label(int(outcome.answer.date[rows].min()))
    count = plural("{n:,} forecast", "{n:,} forecasts", int(rows.sum()))
    return [
        Finding(
            "metric", harmless, first, int(rows.sum()), said / right if right else np.nan,
            " ".join([*sentences, say("{count}, the first for {first}.", count=count, first=first)]),
            say(
                "Square before the mean, score in the unit of the target, and turn back forecasts, never "
                "errors: an error has no offset."
            ),
        )
    ]  # fmt: skip


def _meaning(name: str) -> tuple[str | None, str | None]:
    """The metric and the part that a name speaks of; (None, None) for one that is not known."""
    words = re.findall(r"[a-z]+", name.lower())
    metrics = [word for word in words if word in METRICS]
    parts = [PARTS[word] for word in words if word in PARTS]
    if len(metrics) != 1 or len(parts) > 1 or len(words) != 1 + len(parts):
        return None, None
    return metrics[0], parts[0] if parts else None


def _parts(outcome: Outcome, part: str | None) -> list[Mask]:
    """The rows that a score may be about, the likeliest last: all, and those after training."""
    answer = outcome.answer
    everything = np.ones(len(answer.rows), dtype=bool)
    if answer.trained_until is None:
        return [everything]
    after = answer.origin >= answer.trained_until
    if part == "train":
        return [~after] if not after.all() else [everything]
    chosen = [after] if part == "test" else [everything, after]
    return [rows for rows in chosen if rows.any()] or [everything]


def _pair(outcome: Outcome, rows: Mask) -> tuple[Floats, Floats]:
    """Forecasts, and the pipeline's truth (else the actual prices), of the rows that have both."""
    returned = outcome.answer.rows["y"].to_numpy(np.float64)
    y = returned if np.isfinite(returned).any() else outcome.actual()
    known = rows & np.isfinite(y)
    return outcome.answer.forecast[known], y[known]


def _score(kind: str, forecast: Floats, y: Floats) -> float:
    if not len(y):
        return float("nan")
    error = forecast - y
    if kind == "mae":
        return float(np.abs(error).mean())
    if kind == "mape":
        usable = y != 0
        return float(100 * np.abs(error[usable] / y[usable]).mean()) if usable.any() else float("nan")
    mse = float(np.mean(error**2))
    return mse if kind == "mse" else mse**0.5


def _form(kind: str, said: float, outcome: Outcome, part: str | None) -> str:
    """The name of the wrong form that gives what was said; "" where none does."""
    for rows in reversed(_parts(outcome, part)):
        for value, form in _wrong_forms(kind, outcome, *_pair(outcome, rows)):
            if _near(said, value):
                return form
    train = outcome.answer.trained_until
    if train is not None and part != "train":
        inside = outcome.answer.origin < train
        if inside.any() and _near(said, _score(kind, *_pair(outcome, inside))):
            return say("that of the forecasts inside training")
    return ""


def _wrong_forms(kind: str, outcome: Outcome, forecast: Floats, y: Floats) -> Iterator[tuple[float, str]]:
    if not len(y):
        return
    error, right = forecast - y, _score(kind, forecast, y)
    if kind == "mape":
        yield right / 100, say(FRACTION)
        return
    yield abs(float(error.mean())), say("|mean error|: errors of both signs cancel before they are squared")
    yield float(error.mean()) ** 2, say("the square of the mean error, not the mean of the squares")
    for other in METRICS:
        if other != kind:
            yield _score(other, forecast, y), say("the {metric}", metric=other.upper())
    apart = float(np.mean((forecast[:, None] - y[None, :]) ** 2)) if len(y) <= 2000 else np.nan
    yield apart, say("the mean over every pair of forecast and truth ((n,) against (n, 1))")
    yield apart**0.5, say("the root over every pair of forecast and truth ((n,) against (n, 1))")
    for low, room, scaler in _scalers(outcome, y):
        scaled = right / room**2 if kind == "mse" else right / room
        yield scaled, say("in scaled units ({scaler})", scaler=scaler)
        yield (
            right + low,
            say(
                "the {metric} turned back with the scaler's offset ({scaler}), as if it were a price",
                metric=kind.upper(),
                scaler=scaler,
            ),
        )


def _scalers(outcome: Outcome, y: Floats) -> Iterator[tuple[float, float, str]]:
    """Offset and width of the scalers that the target may have been put through."""
    table, trained = outcome.table, outcome.answer.trained_until
    target = table.values[table.target]
    fits = {say("all rows"): np.isfinite(target), say("the rows of the forecasts"): None}
    if trained is not None:
        fits[say("the rows of training")] = np.isfinite(target) & (table.day <= trained)
    for rows, mask in fits.items():
        values = pd.Series(y if mask is None else target[mask])
        if len(values) < 2 or values.min() == values.max():
            continue
        yield values.min(), values.max() - values.min(), say("from 0 to 1, {rows}", rows=rows)
        yield values.mean(), values.std(ddof=0), say("mean 0, deviation 1, {rows}", rows=rows)


def _near(said: float, value: float) -> bool:
    return bool(np.isclose(said, value, rtol=CLOSE, atol=1e-12))
