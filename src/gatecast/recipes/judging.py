"""Comparisons on the public road → the corrected side of a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from gatecast.api.result import Result
from gatecast.recipes.common import Forecasts, Side, mae, rmse
from gatecast.recipes.pictures import errors_picture
from gatecast.report.tables import number, p_value


def judged(asked: Mapping[str, Result], *, unit: str, decimals: int) -> Side:
    """The corrected side of networks that were `asked` for the price, or its change, on the same sessions.

    unit, decimals: of the price.
    """
    errors = error_table(asked)
    first = next(iter(asked.values()))
    naive = errors.loc[errors["model"] == "naive", "rmse"].item()
    networks = errors[errors["network"]]
    says = [_scope(first, naive, unit, decimals)]
    for what, result in asked.items():
        mine = networks[networks["model"].str.endswith(f", {what}")]
        says.append(_worth(what, mine, result))
    own = _best(networks[networks["model"].str.endswith(f", {next(iter(asked))}")])
    return Side(
        facts={what.replace(" ", "_"): result_facts(result) for what, result in asked.items()},
        says=tuple(says),
        numbers={
            "RMSE": f"{number(own['rmse'], decimals)} {unit} ({own['model'].partition(',')[0]})",
            "RMSE of naive, the same sessions": f"{number(naive, decimals)} {unit}",
            "RMSE over naive's": number(own["ratio"], 2),
            "one seed to another": f"{number(own['low'], 2)} to {number(own['high'], 2)} times naive's",
        },
        pictures={"corrected": errors_picture(errors[errors["model"] != "naive"], title=_message(asked))},
        table=_printed(errors, unit, decimals),
    )


def from_result(result: Result, model: str) -> Forecasts:
    """The forecasts of a comparison, for the audit."""
    rows = result.forecasts
    rows = rows[(rows["model"] == model) & rows["seed"].isna()]
    kept = rows[["origin", "time", "forecast", "actual"]].reset_index(drop=True)
    kept = kept.rename(columns={"time": "date", "actual": "y"})
    return {"forecasts": kept, "scores": {"rmse": rmse(kept["forecast"].to_numpy(), kept["y"].to_numpy())}}


def error_table(asked: Mapping[str, Result]) -> pd.DataFrame:
    """One row per model, naive first: model, network, rmse (price), ratio (to naive's), low and high
    (ratio of the best and the worst seed), p (Diebold-Mariano against naive, two-sided).

    asked: what the networks were asked for → the result. The baselines are the same in all.
    """
    rows: list[dict[str, Any]] = []
    for what, result in asked.items():
        outcome = result.outcome
        naive = rmse(outcome.forecast["naive"], outcome.actual)
        for name, forecast in outcome.forecast.items():
            network = name in outcome.seeds
            if not network and any(row["model"] == name for row in rows):
                continue
            error = rmse(forecast, outcome.actual)
            seeds = [rmse(member, outcome.actual) / naive for member in outcome.seeds.get(name, ())]
            test = result.significance.models.get(name)
            rows.append(
                {
                    "model": f"{name}, {what}" if network else name,
                    "network": network,
                    "rmse": error,
                    "ratio": error / naive,
                    "low": min(seeds, default=np.nan),
                    "high": max(seeds, default=np.nan),
                    "p": test.diebold_mariano.p_better if test else np.nan,
                }
            )
    return pd.DataFrame(rows)


def result_facts(result: Result) -> dict[str, Any]:
    """What a comparison found, for --json."""
    outcome, experiment = result.outcome, result.experiment
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


def _printed(errors: pd.DataFrame, unit: str, decimals: int) -> pd.DataFrame:
    spread = [
        f"{number(low, 2)} to {number(high, 2)}" if network else ""
        for network, low, high in zip(errors["network"], errors["low"], errors["high"], strict=True)
    ]
    return pd.DataFrame(
        {
            "model": errors["model"],
            f"RMSE, {unit}": [number(value, decimals) for value in errors["rmse"]],
            "over naive's": [number(value, 3) for value in errors["ratio"]],
            "from seed to seed": spread,
            "one-sided Diebold-Mariano p": [p_value(value) for value in errors["p"]],
        }
    )


def _message(asked: Mapping[str, Result]) -> str:
    beaten = any(
        result.verdict.kinds.get(name) == "beats naive"
        for result in asked.values()
        for name in result.outcome.seeds
    )
    return ("A network beats" if beaten else "No network beats") + " 'tomorrow = today'"


def _scope(result: Result, naive: float, unit: str, decimals: int) -> str:
    dates, experiment = result.outcome.time, result.experiment
    folds = f"{experiment.folds} fold" + ("s" if experiment.folds > 1 else "")
    return (
        f"{len(dates):,} sessions, {dates.min()} to {dates.max()}, in {folds}, {experiment.seeds} seeds "
        f"each: naive, the forecast 'tomorrow = today', has an RMSE of {number(naive, decimals)} {unit}."
    )


def _worth(what: str, networks: pd.DataFrame, result: Result) -> str:
    best = _best(networks)
    name = best["model"].removesuffix(f", {what}")
    who = f"the network, {name}," if len(networks) == 1 else f"the best of the networks, {name},"
    if name in result.untrained:
        return f"Asked for {what}, {who} did not train: {result.untrained[name]}."
    kind = {
        "beats naive": "better than naive by more than luck",
        "worse than naive": "worse than naive by more than luck",
        "no evidence": "no evidence that it is better than naive",
    }[result.verdict.kinds[name]]
    return (
        f"Asked for {what}, {who} has {number(best['ratio'], 2)} times naive's RMSE "
        f"({_tested(result, name)}): {kind}." + "".join(f" {note}." for note in result.notes)
    )


def _best(networks: pd.DataFrame) -> pd.Series:
    return networks.iloc[int(networks["ratio"].argmin())]


def _tested(result: Result, name: str) -> str:
    test = result.significance.models[name].diebold_mariano
    if test.reason:
        return f"no Diebold-Mariano test: {test.reason}"
    p = p_value(test.p_better)
    return f"one-sided Diebold-Mariano p {p}" if p.startswith("<") else f"one-sided Diebold-Mariano p = {p}"
