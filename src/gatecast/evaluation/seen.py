"""Test days that a model trained elsewhere may have seen, and its skill on the others."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gatecast import formatting
from gatecast.evaluation.losses import DEFAULT_LOSSES, Loss
from gatecast.evaluation.significance import significance
from gatecast.forecasts import Forecasts
from gatecast.language import say
from gatecast.settings.frequency import count_bars, count_tested
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
    days, frequency = len(np.unique(forecasts.origin)), forecasts.frequency
    for model, until in trained_until.items():
        if until == UNKNOWN:
            notes.append(
                say(
                    "The model {model} was trained elsewhere, until an unknown day: it may have seen all "
                    "{days}, so that its errors prove nothing",
                    model=model,
                    days=count_tested(days, frequency),
                )
            )
            continue
        unseen = forecasts.time[:, 0] >= np.datetime64(until, "D") + 1
        later = len(np.unique(forecasts.origin[unseen]))
        if later == days:
            notes.append(
                say(
                    "The model {model} was trained elsewhere, until {until}, before the test",
                    model=model,
                    until=until,
                )
            )
            continue
        notes.append(
            say(
                "The model {model} was trained elsewhere and may have seen the bars up to {until}, "
                "{seen:,} of {days}",
                model=model,
                until=until,
                seen=days - later,
                days=count_tested(days, frequency),
            )
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
    places = {
        "days": count_bars(days, forecasts.frequency),
        "model": model,
        "loss": say(loss.name),
        "benchmark": tests.benchmark,
    }
    if own is None or not np.isfinite(own.skill.value):
        return say("On the {days} that {model} cannot have seen, its {loss} cannot be compared", **places)
    places["skill"] = formatting.change(own.skill.value)
    if not np.isfinite(own.skill.low):
        return say(
            "On the {days} that {model} cannot have seen, its skill in {loss} against {benchmark} is "
            "{skill}; they are too few for a test",
            **places,
        )
    return say(
        "On the {days} that {model} cannot have seen, its skill in {loss} against {benchmark} is {skill} "
        "(90 % interval {ends}; Diebold-Mariano test, one-sided, {p})",
        ends=formatting.interval(own.skill.low, own.skill.high, formatting.change),
        p=formatting.p_value(own.diebold_mariano.p_better),
        **places,
    )
