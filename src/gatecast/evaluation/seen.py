"""Test days that a model trained elsewhere may have seen, and its skill on the others."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gatecast import formatting
from gatecast.evaluation.losses import DEFAULT_LOSSES, Loss
from gatecast.evaluation.significance import significance
from gatecast.forecasts import Forecasts
from gatecast.formatting import count
from gatecast.settings.frequency import noun
from gatecast.settings.names import UNKNOWN


def seen_notes(forecasts: Forecasts, trained_until: Mapping[str, str], *, seed: int) -> list[str]:
    """One or two sentences on each model that was trained on other data.

    Parameters
    ----------
    forecasts
        Of the whole test.
    trained_until
        Model → the last day that it was trained on, or "unknown".
    seed
        Of the Monte Carlo of the tests.
    """
    notes = []
    days, bar = len(np.unique(forecasts.origin)), noun(forecasts.frequency)
    for model, until in trained_until.items():
        if until == UNKNOWN:
            notes.append(
                f"The model {model} was trained elsewhere, until an unknown day: it may have seen all "
                f"{count(days, f'test {bar}')}, so that its errors prove nothing"
            )
            continue
        unseen = forecasts.time[:, 0] >= np.datetime64(until, "D") + 1
        later = len(np.unique(forecasts.origin[unseen]))
        if later == days:
            notes.append(f"The model {model} was trained elsewhere, until {until}, before the test")
            continue
        notes.append(
            f"The model {model} was trained elsewhere and may have seen the bars up to {until}, "
            f"{days - later:,} of {count(days, f'test {bar}')}"
        )
        if later:
            rest = forecasts.of_origins(unseen)
            notes += [
                _on_the_rest(rest, model, loss, later, seed) for loss in DEFAULT_LOSSES if loss.models(rest)
            ]
    return notes


def _on_the_rest(forecasts: Forecasts, model: str, loss: Loss, days: int, seed: int) -> str:
    """The skill of a model on the days that it cannot have seen."""
    tests = significance(forecasts, loss, seed=seed)
    own = tests.models.get(model)
    on = f"On the {count(days, noun(forecasts.frequency))} that {model} cannot have seen,"
    if own is None or not np.isfinite(own.skill.value):
        return f"{on} its {loss.name} cannot be compared"
    skill = f"{on} its skill in {loss.name} against {tests.benchmark} is {formatting.change(own.skill.value)}"
    if not np.isfinite(own.skill.low):
        return f"{skill}; they are too few for a test"
    ends = formatting.interval(own.skill.low, own.skill.high, formatting.change)
    p = formatting.p_value(own.diebold_mariano.p_better)
    return f"{skill} (90 % interval {ends}; Diebold-Mariano test, one-sided, {p})"
