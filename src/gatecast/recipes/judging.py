"""Comparisons of a tutorial's networks → its corrected side, and its forecasts for the audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import gatecast as gc
from gatecast.formatting import number, p_value
from gatecast.language import marked, plural, say
from gatecast.recipes.arithmetic import mae, rmse
from gatecast.recipes.errors import ModelError, amount, model_error, printed
from gatecast.recipes.pictures import errors_picture
from gatecast.recipes.side import Side

KINDS = {
    "beats naive": marked("significantly better than naive"),
    "worse than naive": marked("significantly worse than naive"),
    "no evidence": marked("no evidence that it is better than naive"),
}
BEATEN = {
    True: marked("A network beats 'tomorrow = today', {first} to {last}"),
    False: marked("No network beats 'tomorrow = today', {first} to {last}"),
}
UNTRAINED = {
    "one": marked("Asked for {asked}, the network, {name}, did not train: {why}."),
    "many": marked("Asked for {asked}, the best of the networks, {name}, did not train: {why}."),
}
WORTH = {
    "one": marked("Asked for {asked}, the network, {name}, has {ratio} times naive's RMSE ({test}): {kind}."),
    "many": marked(
        "Asked for {asked}, the best of the networks, {name}, has {ratio} times naive's RMSE ({test}): "
        "{kind}."
    ),
}


def judged(results: Mapping[str, gc.Result], *, unit: str, decimals: int) -> Side:
    """The corrected side of networks that were asked for the price, or its change, on the same sessions.

    results: by what was asked for; unit, decimals: of the price.
    """
    errors = errors_of(results)
    best = [best_network(errors, asked) for asked in results]
    naive = amount(errors[0].rmse, unit, decimals)
    beaten = any(
        result.verdict.kinds.get(name) == "beats naive"
        for result in results.values()
        for name in result.outcome.seeds
    )
    times = next(iter(results.values())).outcome.time
    first, last = times.min(), times.max()
    return Side(
        facts={asked.replace(" ", "_"): result_facts(result) for asked, result in results.items()},
        sentences=(
            scope(next(iter(results.values())), naive),
            *(worth(result, one) for result, one in zip(results.values(), best, strict=True)),
        ),
        numbers={
            "RMSE": f"{amount(best[0].rmse, unit, decimals)} ({best[0].name})",
            say("RMSE of naive, the same sessions"): naive,
            say("RMSE over naive's"): number(best[0].ratio, 2),
            say("one seed to another"): say("{ratios} times naive's", ratios=best[0].between),
        },
        pictures={
            "corrected": lambda: errors_picture(
                errors[1:],
                title=say(BEATEN[beaten], first=first, last=last),
            )
        },
        table=printed(errors, unit, decimals, say("over naive's")),
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
    name, asked = best.name, say(best.group)
    networks = "many" if len(result.outcome.seeds) > 1 else "one"
    if name in result.untrained:
        return say(UNTRAINED[networks], asked=asked, name=name, why=result.untrained[name])
    test = result.significance.models[name].diebold_mariano
    sentence = say(
        WORTH[networks],
        asked=asked,
        name=name,
        ratio=number(best.ratio, 2),
        test=say("no Diebold-Mariano test: {reason}", reason=test.reason)
        if test.reason
        else say("one-sided Diebold-Mariano {p}", p=p_value(test.p_better)),
        kind=say(KINDS[result.verdict.kinds[name]]),
    )
    return " ".join([sentence, *(f"{note}." for note in result.notes)])
