"""Comparisons of a tutorial's networks → its corrected side, and its forecasts for the audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import gatecast as gc
from gatecast.formatting import number, p_value
from gatecast.language import plural, say
from gatecast.recipes.arithmetic import mae, rmse
from gatecast.recipes.errors import ModelError, model_error, printed
from gatecast.recipes.pictures import errors_picture
from gatecast.recipes.side import Side

KINDS = {
    "beats naive": "significantly better than naive",
    "worse than naive": "significantly worse than naive",
    "no evidence": "no evidence that it is better than naive",
}


def judged(results: Mapping[str, gc.Result], *, unit: str, decimals: int) -> Side:
    """The corrected side of networks that were asked for the price, or its change, on the same sessions.

    results: by what was asked for; unit, decimals: of the price.
    """
    errors = errors_of(results)
    best = [best_network(errors, asked) for asked in results]
    naive = f"{number(errors[0].rmse, decimals)} {unit}"
    beaten = any(
        result.verdict.kinds.get(name) == "beats naive"
        for result in results.values()
        for name in result.outcome.seeds
    )
    return Side(
        facts={asked.replace(" ", "_"): result_facts(result) for asked, result in results.items()},
        sentences=(
            scope(next(iter(results.values())), naive),
            *(worth(result, one) for result, one in zip(results.values(), best, strict=True)),
        ),
        numbers={
            "RMSE": f"{number(best[0].rmse, decimals)} {unit} ({best[0].name})",
            "RMSE of naive, the same sessions": naive,
            "RMSE over naive's": number(best[0].ratio, 2),
            "one seed to another": f"{best[0].between} times naive's",
        },
        pictures={
            "corrected": errors_picture(
                errors[1:], title=f"{'A' if beaten else 'No'} network beats 'tomorrow = today'"
            )
        },
        table=printed(errors, unit, decimals, "naive's"),
    )


def from_result(result: gc.Result, model: str) -> dict[str, Any]:
    """The forecasts of a comparison as `gatecast.audit` takes them."""
    rows = result.forecasts
    rows = rows[(rows["model"] == model) & rows["seed"].isna()]
    kept = rows[["origin", "time", "forecast", "actual"]].reset_index(drop=True)
    kept = kept.rename(columns={"time": "date", "actual": "y"})
    return {"forecasts": kept, "scores": {"rmse": rmse(kept["forecast"].to_numpy(), kept["y"].to_numpy())}}


def errors_of(results: Mapping[str, gc.Result]) -> list[ModelError]:
    """The errors of every model beside naive, which is first; a network's group is what it was asked for.

    The baselines are the same whatever the networks were asked for, and have no group.
    """
    errors: dict[tuple[str, str], ModelError] = {}
    for asked, result in results.items():
        outcome = result.outcome
        for name, forecast in outcome.forecast.items():
            seeds = list(outcome.seeds.get(name, ()))
            group, test = asked if seeds else "", result.significance.models.get(name)
            p = test.diebold_mariano.p_better if test else np.nan
            error = model_error(name, group, forecast, seeds, outcome.actual, outcome.forecast["naive"], p)
            errors.setdefault((name, group), error)
    return list(errors.values())


def best_network(errors: Sequence[ModelError], asked: str) -> ModelError:
    """The network with the smallest error of those asked for this."""
    mine = [error for error in errors if error.group == asked]
    return mine[int(np.nanargmin([error.ratio for error in mine]))]


def result_facts(result: gc.Result) -> dict[str, Any]:
    """What a comparison found, for JSON."""
    outcome, experiment = result.outcome, result.compared
    return {
        "test_first": str(outcome.time.min()),
        "test_last": str(outcome.time.max()),
        "test_rows": len(outcome.actual),
        "folds": experiment.folds,
        "seeds": experiment.seeds,
        "verdict": result.verdict.kind,
        "models": {
            name: {"rmse": rmse(forecast, outcome.actual), "mae": mae(forecast, outcome.actual)}
            for name, forecast in outcome.forecast.items()
        },
    }


def scope(result: gc.Result, naive: str) -> str:
    """What was forecast, and naive's error."""
    times, experiment = result.outcome.time, result.compared
    return say(
        "{count:,} sessions, {min} to {max}, in {folds}, {seeds} seeds each: naive, the "
        "forecast 'tomorrow = today', has an RMSE of {naive}.",
        count=len(times),
        min=times.min(),
        max=times.max(),
        folds=plural("{n:,} fold", "{n:,} folds", experiment.folds),
        seeds=experiment.seeds,
        naive=naive,
    )


def worth(result: gc.Result, best: ModelError) -> str:
    """What the best network is worth beside naive."""
    name = best.name
    which = "the best of the networks" if len(result.outcome.seeds) > 1 else "the network"
    if name in result.untrained:
        return f"Asked for {best.group}, {which}, {name}, did not train: {result.untrained[name]}."
    test = result.significance.models[name].diebold_mariano
    p = f"one-sided Diebold-Mariano {p_value(test.p_better)}"
    sentence = (
        f"Asked for {best.group}, {which}, {name}, has {number(best.ratio, 2)} times naive's RMSE "
        f"({f'no Diebold-Mariano test: {test.reason}' if test.reason else p}): "
        f"{KINDS[result.verdict.kinds[name]]}."
    )
    return " ".join([sentence, *(f"{note}." for note in result.notes)])
