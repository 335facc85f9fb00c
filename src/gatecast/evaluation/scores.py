"""The table of scores: every metric of every model, symbol and step."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import numpy as np
import pandas as pd

from gatecast._typing import Floats, Integers
from gatecast.evaluation import metrics
from gatecast.evaluation.coverage import (
    COVERAGES,
    VAR_LEVELS,
    LikelihoodRatio,
    berkowitz,
    breached,
    christoffersen,
    held,
    in_time_order,
    independence,
    kupiec,
    uniformity,
)
from gatecast.evaluation.losses.pinball import PINBALL
from gatecast.evaluation.metrics import (
    CALIBRATION_TESTS,
    DISTRIBUTION_METRICS,
    INTERVALS,
    TAILS,
    Score,
    quiet,
)
from gatecast.forecasts import DistributionForecast, Forecasts, step_names
from gatecast.language import marked, say
from gatecast.problem.moves import DIFFERENCE

COLUMNS = ("model", "symbol", "step", "metric", "value", "std", "reason")
KEYS = ["model", "symbol", "step"]
IN_PRICE = marked("in price, so per symbol only")
DISTRIBUTION = ("crps", *(metric.name for metric in DISTRIBUTION_METRICS))

Table = dict[str, Floats]  # metric → (1 + seeds, h + 1): ensemble first; steps 1 … h, then all of them


def scores(forecasts: Forecasts) -> pd.DataFrame:
    """One row per model, symbol, step and metric.

    model, symbol  where there are several symbols, also rows with symbol "all"
    step           "1" … "h", and "all": every step counts the same; with one step "all" alone
    metric         see below, and `gatecast.evaluation.metrics.METRICS`
    value          a network's is that of its ensemble; NaN with a reason
    std            the standard deviation (n - 1) over the scores of the seeds; NaN for baselines, for a
                   single seed, and for what is known of the ensemble only
    reason         why the value is NaN; empty where it is not

    Of every model:
    skill                1 - loss / loss of the benchmark, naive or seasonal naive: a fraction, of the
                         squared error as a fraction of the anchor (of differences: in price), by that of
                         the benchmark in the training of that symbol and fold; the mean over the symbols of
                         a date, then over dates
    mae, rmse            in price; per symbol only
    mape, smape          fractions; for symbol "all" the mean over symbols; none of differences
    mase                 against the benchmark's error in the training of that fold (over all its steps);
                         likewise
    directional_accuracy a fraction
    mae_return, rmse_return   of the error as a fraction of the anchor; of differences in price
    crps                 of the log return x 100, or of the difference; of a point forecast the absolute error

    What is in price, and of differences that is all but shares and skills, is given per symbol only.

    Of a model with a distribution; for symbol "all" plain means over all rows, in which more volatile symbols
    weigh more (the tests of significance scale them):
    log_score, pinball   of the log return x 100, or of the difference; pinball: the mean over the 17 LEVELS
    coverage_50, …_80, …_95   share of the central intervals that held, fractions
    width_50, …_80, …_95      their mean width, log return x 100, or in price
    var_1, var_5         share below the quantile at 1 % and 5 %, fractions
    coverage_50_p, …     p-values of Kupiec's test that the interval has its coverage
    kupiec_p_1, _5, independence_p_1, _5, christoffersen_p_1, _5   p-values for the VaR at 1 % and 5 %: rate
                         of breaches, no clusters, and both at once (conditional coverage)
    pit_p, pit_flat_p    p-values of Berkowitz's test of the PIT, and of chi² on its histogram of 20 bins

    The tests take forecasts for independent, which those of several symbols on a date are not, nor those
    that overlap: they are given per symbol at step 1. For the rest see `coverage.coverage_bands`. Takes time
    linear in the number of forecasts.
    """
    rows, steps, records = in_time_order(forecasts), step_names(forecasts.horizon), []
    in_price = metrics.in_price(forecasts.move)
    for model in forecasts.forecast:
        known, points = forecasts.distributions.get(model), _points(forecasts, model, rows)
        means = _of_origins(forecasts, model)
        for symbol, index in rows.items():
            table = points[symbol] | {name: _means(values[:, index]) for name, values in means.items()}
            if symbol == "all" and len(rows) > 1:
                table |= {name: np.full_like(table[name], np.nan) for name in in_price if name in table}
            if forecasts.move.name == DIFFERENCE.name:
                table |= {name: np.full_like(table[name], np.nan) for name in metrics.OF_LEVEL}
            for name, values in table.items():
                std = values[1:].std(axis=0, ddof=1) if len(values) > 2 else np.full(values.shape[1], np.nan)
                for k, step in enumerate(steps):
                    value, columns = float(values[0, k]), slice(None) if step == "all" else slice(k, k + 1)
                    why = _why(forecasts, model, name, symbol, index, columns) if np.isnan(value) else ""
                    records.append((model, symbol, step, name, value, float(std[k]), why))
            tests = {} if known is None or symbol == "all" else _tests(known, forecasts.actual_return, index)
            for k, step in enumerate(steps if known is not None else ()):
                for metric in CALIBRATION_TESTS:
                    test = tests[metric.name] if tests and k == 0 else _not_independent(symbol)
                    records.append((model, symbol, step, metric.name, test.p, np.nan, test.reason))
    return pd.DataFrame.from_records(records, columns=list(COLUMNS))


def unscored(scores: pd.DataFrame, untrained: Collection[str]) -> pd.DataFrame:
    """A table of scores without the values of networks that did not train, and with the reason."""
    rows = scores["model"].isin(list(untrained))
    if not rows.any():
        return scores
    blank = {name: scores[name].mask(rows) for name in ("value", "std")}
    return scores.assign(**blank, reason=scores["reason"].mask(rows, say("it did not train")))


def wide(scores: pd.DataFrame, column: str = "value") -> pd.DataFrame:
    """One row per model, symbol and step of a table of scores, in its order; one column per metric."""
    table = scores.set_index([*KEYS, "metric"])[column].unstack("metric")  # noqa: PD010 - its twin sorts and fills
    order = pd.MultiIndex.from_frame(scores[KEYS].drop_duplicates())
    return table.reindex(index=order, columns=list(dict.fromkeys(scores["metric"]))).reset_index()


def headline_symbol(scores: pd.DataFrame) -> str:
    """The name of all symbols together: "all", or the only one."""
    symbols = set(scores["symbol"])
    return "all" if "all" in symbols else str(next(iter(symbols)))


def _points(forecasts: Forecasts, model: str, rows: Mapping[str, Integers]) -> dict[str, Table]:
    """Symbol → metrics of the point forecast."""
    # Steps come first: a sum over adjacent origins is several times faster than one with stride h.
    members = forecasts.members(model).swapaxes(1, 2)
    tables: dict[str, Table] = {}
    for symbol, index in rows.items():
        if symbol == "all" and len(rows) > 1:
            tables[symbol] = _of_all(forecasts, rows, members, tables)
        else:
            tables[symbol] = _of_symbol(forecasts, index, np.ascontiguousarray(members[:, :, index]))
    return tables


def _of_symbol(forecasts: Forecasts, index: Integers, members: Floats) -> Table:
    """Of the origins `index` of one symbol; members (1 + S, h, n)."""
    actual = np.ascontiguousarray(forecasts.actual[index].T)
    anchor, base, scale = (
        np.broadcast_to(values[index], actual.shape)
        for values in (forecasts.anchor, forecasts.base, forecasts.naive_mae)
    )
    return {
        "skill": _skill(forecasts, index, members),
        "mae": _per_step(metrics.mae, actual, members),
        "rmse": _per_step(metrics.rmse, actual, members),
        "mape": _per_step(metrics.mape, actual, members),
        "smape": _per_step(metrics.smape, actual, members),
        "mase": _per_step(metrics.mase, actual, members, scale),
        "directional_accuracy": _per_step(metrics.directional_accuracy, actual, members, anchor),
    } | _of_changes(*_changes(actual, members, base, anchor))


def _of_all(
    forecasts: Forecasts, rows: Mapping[str, Integers], members: Floats, tables: Mapping[str, Table]
) -> Table:
    """The same over all symbols; `tables` holds each symbol's own, members (1 + S, h, N)."""
    index = rows["all"]
    members = np.ascontiguousarray(members[:, :, index])
    actual, predicted = _changes(
        np.ascontiguousarray(forecasts.actual[index].T),
        members,
        forecasts.base[index],
        forecasts.anchor[index],
    )
    unknown = np.full((len(members), forecasts.horizon + 1), np.nan)
    # A symbol where the data leave a score undefined has no say; a model that leaves it undefined gets none.
    having = {
        "mape": [name for name in tables if forecasts.actual[rows[name]].all()],
        "smape": list(tables),
        "mase": [name for name in tables if forecasts.naive_mae[rows[name]].all()],
    }
    return {
        "skill": _skill(forecasts, index, members),
        **dict.fromkeys(("mae", "rmse"), unknown),
        **{
            metric: np.mean([tables[name][metric] for name in names], axis=0) if names else unknown
            for metric, names in having.items()
        },
        "directional_accuracy": _per_step(
            metrics.directional_accuracy, actual, predicted, np.zeros_like(actual)
        ),
    } | _of_changes(actual, predicted)


def _of_changes(actual: Floats, predicted: Floats) -> Table:
    return {
        "mae_return": _per_step(metrics.mae, actual, predicted),
        "rmse_return": _per_step(metrics.rmse, actual, predicted),
    }


@quiet
def _skill(forecasts: Forecasts, index: Integers, members: Floats) -> Floats:
    """(1 + S, h + 1) the skill of the origins `index`, each weighing one over the origins of its date."""
    usable = (forecasts.naive_mse[index] > 0) & (forecasts.base[index] != 0)
    index, members = index[usable], members[:, :, usable]
    if not len(index):
        return np.full((len(members), forecasts.horizon + 1), np.nan)
    _, day, of_date = np.unique(forecasts.origin[index], return_inverse=True, return_counts=True)
    scale = np.sqrt(forecasts.naive_mse[index] * of_date[day])
    actual, predicted = _changes(
        np.ascontiguousarray(forecasts.actual[index].T),
        members,
        forecasts.base[index],
        forecasts.anchor[index],
    )
    benchmark = np.zeros_like(actual)
    if forecasts.season > 1:
        reference = np.ascontiguousarray(forecasts.reference[index].T)
        benchmark = _changes(reference, members, forecasts.base[index], forecasts.anchor[index])[0] / scale
    return _per_step(metrics.r2, actual / scale, predicted / scale, benchmark)


@quiet
def _changes(actual: Floats, predicted: Floats, base: Floats, anchor: Floats) -> tuple[Floats, Floats]:
    """Changes from the anchor, divided by the base; NaN where that is 0."""
    base = np.where(base == 0, np.nan, base)
    changes: tuple[Floats, Floats] = (actual - anchor) / base, (predicted - anchor) / base
    return changes


@quiet
def _per_step(metric: Callable[..., Score], actual: Floats, *others: Floats) -> Floats:
    """(1 + S, h + 1): the metric of each step of actual (h, n), then of all; what is not finite is NaN."""
    values = np.column_stack([metric(actual, *others, axis=1), metric(actual, *others)])
    return np.where(np.isfinite(values), values, np.nan)


def _of_origins(forecasts: Forecasts, model: str) -> Table:
    """Metric → (1 + S, N, h) what is averaged over origins and steps."""
    crps, seeds = forecasts.crps(model)
    found = {"crps": np.concatenate([crps[None], seeds])}
    known, y = forecasts.distributions.get(model), forecasts.actual_return
    if known is None:
        return found
    ends = {name: known.interval(coverage) for name, coverage in zip(INTERVALS, COVERAGES, strict=True)}
    alone = {
        "log_score": known.log_score,
        "pinball": PINBALL.of(forecasts, model),
        **{f"coverage_{name}": held(known, y, c) for name, c in zip(INTERVALS, COVERAGES, strict=True)},
        **{f"width_{name}": forecasts.move.factor * (high - low) for name, (low, high) in ends.items()},
        **{f"var_{name}": breached(known, y, level) for name, level in zip(TAILS, VAR_LEVELS, strict=True)},
    }
    return found | {name: values[None] for name, values in alone.items()}


def _means(values: Floats) -> Floats:
    """(1 + S, n, h) → (1 + S, h + 1): the mean of each step, then over all; what is not finite is NaN."""
    of_step = values.mean(axis=1)
    means = np.column_stack([of_step, of_step.mean(axis=1)])
    return np.where(np.isfinite(means), means, np.nan)


def _tests(known: DistributionForecast, y: Floats, index: Integers) -> dict[str, LikelihoodRatio]:
    """Test → its result for step 1 of one symbol, whose origins `index` are in time order."""
    tests: dict[str, LikelihoodRatio] = {}
    n = len(index)
    for name, coverage in zip(INTERVALS, COVERAGES, strict=True):
        misses = 1 - held(known, y, coverage)[index, 0]
        tests[f"coverage_{name}_p"] = (
            kupiec(int(misses.sum()), n, 1 - coverage) if np.isfinite(misses).all() else _not_finite()
        )
    for name, level in zip(TAILS, VAR_LEVELS, strict=True):
        hits = breached(known, y, level)[index, 0]
        usable = bool(np.isfinite(hits).all())
        tests[f"kupiec_p_{name}"] = kupiec(int(hits.sum()), n, level) if usable else _not_finite()
        tests[f"independence_p_{name}"] = independence(hits) if usable else _not_finite()
        tests[f"christoffersen_p_{name}"] = christoffersen(hits, level) if usable else _not_finite()
    return tests | {"pit_p": berkowitz(known.pit[index, 0]), "pit_flat_p": uniformity(known.pit[index, 0])}


def _undefined(reason: str) -> LikelihoodRatio:
    return LikelihoodRatio(np.nan, np.nan, reason)


def _not_finite() -> LikelihoodRatio:
    return _undefined(say("a quantile or an actual return is not a finite number"))


def _not_independent(symbol: str) -> LikelihoodRatio:
    if symbol == "all":
        return _undefined(say("symbols move together; per symbol at step 1 only"))
    return _undefined(say("forecasts that overlap are not independent; per symbol at step 1 only"))


def _why(forecasts: Forecasts, model: str, metric: str, symbol: str, index: Integers, columns: slice) -> str:
    """Why this metric of these origins and steps is undefined."""
    known = forecasts.distributions.get(model)
    actual, predicted = forecasts.actual[index, columns], forecasts.forecast[model][index, columns]
    anchor = forecasts.anchor[index, None]
    if symbol == "all" and len(forecasts.symbols) > 1 and metric in metrics.in_price(forecasts.move):
        return say(IN_PRICE)
    if metric == "log_score" and known is not None and np.isnan(known.log_score).all():
        return say("the quantiles alone give no density")
    if known is not None and metric in DISTRIBUTION:
        return say("a quantile, score or actual return is not a finite number")
    if symbol == "all" and metric in ("mae", "rmse"):
        return say(IN_PRICE)
    if metric in metrics.OF_LEVEL and forecasts.move.name == DIFFERENCE.name:
        return say("a price may be 0 or below, and a share of it says nothing")
    if not np.isfinite(predicted).all():
        return say("a forecast is not a finite number")
    if metric == "mape" and (actual == 0).any():
        return say("a price is 0")
    if metric == "mase" and (forecasts.naive_mae[index] == 0).any():
        return say("{benchmark} makes no error in training", benchmark=forecasts.benchmark)
    if metric == "skill" and (actual == forecasts.reference[index, columns]).all():
        return say("{benchmark} makes no error", benchmark=forecasts.benchmark)
    if metric == "skill" and not forecasts.naive_mse[index].any():
        return say("{benchmark} makes no error in training", benchmark=forecasts.benchmark)
    if metric == "directional_accuracy":
        return say("the price never moves") if (actual == anchor).all() else say("it forecasts no change")
    if metric == "crps":
        return say("a price or a forecast is not above 0")
    if (forecasts.base[index] == 0).any():
        return say("an anchor is 0")
    return say("an error is too large to square")
