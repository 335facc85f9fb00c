"""Run → the small tables that the charts draw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gatecast.evaluation.significance import skill_by_step
from gatecast.language import say
from gatecast.problem.moves import DIFFERENCE

if TYPE_CHECKING:
    from gatecast.evaluation.significance import Significance
    from gatecast.run import Run

MOST_SYMBOLS = 12  # on a page that shows every one of them; beyond, see `gatecast.report.symbols`
MOST_PRICES = 20_000  # rows of the forecast chart
MOST_TESTED = 15_000  # bars of the test in that chart; earlier ones are thinned
MOST_CHANGES = 20_000  # points of the changes chart, over all models
OF_MANY = 8_000  # points of the changes chart of more than MOST_SYMBOLS symbols
MOST_LINES = 50  # networks per model in the loss chart

Label = Callable[[str], str]


def leading_model(result: Run) -> str:
    """The model to show: the network with the highest skill, else the best baseline, else naive."""
    judged = result.significance.models
    for names in (list(result.outcome.seeds), list(judged)):
        skills = {name: judged[name].skill.value for name in names if name in judged}
        finite = {name: value for name, value in skills.items() if np.isfinite(value)}
        if finite:
            return max(finite, key=finite.__getitem__)
    return next(iter([*result.outcome.seeds, *judged, "naive"]))


def tested_symbols(result: Run) -> list[str]:
    """The symbols that have test origins, in order."""
    return [result.outcome.symbols[i] for i in np.unique(result.outcome.symbol)]


def are_many(result: Run) -> bool:
    """Whether there are more symbols than a list of choices can offer."""
    return len(tested_symbols(result)) > MOST_SYMBOLS


def shown_symbols(result: Run) -> list[str]:
    """The first symbols, as many as a chart of prices can carry; of many symbols the typical one."""
    tested = tested_symbols(result)
    if are_many(result):
        return [typical_symbol(result)]
    rows = len(result.outcome.origin) / len(tested)
    return tested[: max(1, int(MOST_PRICES * 0.75 / rows))]


def skill_of_symbols(result: Run, model: str) -> pd.Series[float]:
    """Symbol → skill of the squared error against naive, a fraction, of every tested symbol; NaN: none."""
    scores = result.scores
    own = scores[(scores["model"] == model) & (scores["metric"] == "skill") & (scores["step"] == "all")]
    return own.set_index("symbol")["value"].reindex(tested_symbols(result))


def typical_symbol(result: Run) -> str:
    """The symbol in the middle of the skills of the model shown; without any, the first symbol."""
    skill = skill_of_symbols(result, leading_model(result)).dropna().sort_values(kind="stable")
    return str(skill.index[(len(skill) - 1) // 2]) if len(skill) else tested_symbols(result)[0]


def shown_steps(result: Run, models: int = 1) -> tuple[int, ...]:
    """The first step and the last; of several models the first alone."""
    horizon = result.outcome.horizon
    return (1,) if horizon == 1 or models > 1 else (1, horizon)


def forecast_field(step: int, place: int = 0) -> str:
    """The column of a forecast: that of the first model, or of the one at another place."""
    return f"forecast_{step}" if place == 0 else f"forecast_{step}_{place}"


def prices_and_forecasts(
    result: Run,
    models: str | Sequence[str],
    symbols: Sequence[str] | None = None,
    *,
    start: pd.Timestamp | None = None,
    end: pd.Timestamp | None = None,
    most: int | None = None,
) -> pd.DataFrame:
    """Actual prices and the forecasts for the same session, from start to end.

    symbol, date, actual, test (1 from the first session forecast), fold (1, 2, … on the first session
    forecast in each fold, else 0), and for each shown step k: forecast_k, low_k, high_k (the lowest and
    highest seed); of several models forecast_1, forecast_1_1, … and no seeds. symbols: those shown, by
    default. Sessions before the test are thinned where all are more than `most` (MOST_PRICES).
    """
    names = [models] if isinstance(models, str) else list(models)
    chosen = shown_symbols(result) if symbols is None else symbols
    parts = [_of_symbol(result, names, symbol) for symbol in chosen]
    parts = [part[_between(part["date"], start, end)] for part in parts]
    tested = sum(int(part["test"].sum()) for part in parts)
    earlier = sum(map(len, parts)) - tested
    room = (MOST_PRICES if most is None else most) - tested
    every = max(1, int(np.ceil(earlier / max(room, 1000))))
    if most is None and tested > MOST_TESTED:
        parts = [_thinned(part, every_price(result)) for part in parts]
    kept = [part[part["test"].to_numpy() | (np.arange(len(part)) % every == 0)] for part in parts]
    return pd.concat(kept, ignore_index=True)


def every_price(result: Run) -> int:
    """One bar of how many is drawn before the last MOST_TESTED of a test; 1: every one."""
    longest = int(np.bincount(result.outcome.symbol).max())
    return max(1, int(np.ceil((longest - MOST_TESTED) / 5000)) + 1) if longest > MOST_TESTED else 1


def _thinned(part: pd.DataFrame, every: int) -> pd.DataFrame:
    """The rows of one symbol: of the test the last MOST_TESTED, before them one in `every`, and its folds'
    first."""
    tested = part["test"].to_numpy()
    old = tested & (np.cumsum(tested[::-1])[::-1] > MOST_TESTED)
    return part[~old | (np.arange(len(part)) % every == 0) | (part["fold"] > 0).to_numpy()]


def changes(result: Run, most: int = MOST_CHANGES) -> pd.DataFrame:
    """model, forecast and actual change over the horizon, in per cent of the last known price.

    Of differences: in price, or, with several symbols, by naive's mean absolute error in training.

    Without naive. The same origins for every model, evenly thinned to `most` points in all; what is not
    finite is left out.
    """
    outcome = result.outcome
    names = [name for name in outcome.forecast if name != "naive"]
    rows = slice(None, None, _every_change(result, most))
    anchor = outcome.anchor[rows]
    unit = outcome.naive_mae[rows] if in_usual_changes(result) else 1.0

    def change(price: NDArray[np.float64]) -> NDArray[np.float64]:
        return outcome.move.factor * outcome.move.change(price[rows, -1], anchor) / unit

    with np.errstate(all="ignore"):
        parts = [
            pd.DataFrame(
                {
                    "model": name,
                    "forecast": change(outcome.forecast[name]),
                    "actual": change(outcome.actual),
                }
            )
            for name in names
        ]
    table = pd.concat(parts) if parts else pd.DataFrame(columns=["model", "forecast", "actual"])
    finite = np.isfinite(table[["forecast", "actual"]].to_numpy(np.float64)).all(axis=1)
    return table[finite].reset_index(drop=True)


def in_usual_changes(result: Run) -> bool:
    """Whether changes are divided by what is usual of each symbol: differences may be in several units."""
    return result.outcome.move.name == DIFFERENCE.name and len(tested_symbols(result)) > 1


def unit_of_changes(result: Run) -> str:
    """The unit of `changes`."""
    return say("usual changes") if in_usual_changes(result) else say(result.outcome.move.in_change)


def unit_of_widths(result: Run) -> str:
    """The unit of the widths of intervals in `gatecast.report.distribution_frames.intervals_by_step`."""
    return say("usual changes") if in_usual_changes(result) else say(result.outcome.move.unit)


def points_of_changes(result: Run, most: int = MOST_CHANGES) -> int:
    """Forecasts of each model in `changes`, with those that are not finite."""
    return len(range(0, len(result.outcome.anchor), _every_change(result, most)))


def _every_change(result: Run, most: int) -> int:
    models = sum(name != "naive" for name in result.outcome.forecast)
    most = min(most, OF_MANY) if are_many(result) else most
    return max(1, int(np.ceil(len(result.outcome.anchor) * models / most)))


def skills(tests: Significance) -> pd.DataFrame:
    """model, network (or baseline), skill, low, high in per cent; best first, undefined last."""
    table = tests.frame
    if table.empty:
        return table
    table = table[["model", "skill", "low", "high"]].sort_values(
        "skill", ascending=False, kind="stable", ignore_index=True
    )
    return _in_per_cent(table.assign(network=table["model"].isin(tests.networks)))


def skills_by_step(result: Run, tests: Significance) -> pd.DataFrame:
    """model, step, skill against the benchmark, low, high in per cent."""
    return _in_per_cent(skill_by_step(result.judged, tests.loss, str(tests.benchmark)))


def losses(training: pd.DataFrame) -> pd.DataFrame:
    """model, line (one network), epoch, loss, validation_loss, kept; of the search for the best epoch.

    With more than MOST_LINES networks of a model, every so many are left out.
    """
    table = training[training["stage"] == "search"].reset_index(drop=True)
    keys = ["model", "fold", "seed", "symbol"]
    table = table.assign(line=table.groupby(keys, sort=False, dropna=False).ngroup())
    place = table["line"] - table.groupby("model")["line"].transform("min")
    every = np.ceil((table.groupby("model")["line"].transform("nunique")) / MOST_LINES)
    return table.loc[place % every == 0, ["model", "line", "epoch", "loss", "validation_loss", "kept"]]


def relative_losses(training: pd.DataFrame) -> pd.DataFrame:
    """`losses`, each divided by what it was after the first epoch: folds and symbols differ in level.

    With rows `median` = 1: the median over the networks of a model, while at least half of them train.
    """
    table = losses(training)
    fields = ["loss", "validation_loss"]
    table[fields] /= table.groupby("line")[fields].transform("first")
    grouped = table.groupby(["model", "epoch"], sort=False)
    count = grouped["line"].transform("size")
    half = count >= table.groupby("model")["line"].transform("nunique") / 2
    median = table[half].groupby(["model", "epoch"], sort=False)[fields].median().reset_index()
    return pd.concat(
        [table.assign(median=0), median.assign(median=1, line=-1, kept=False)], ignore_index=True
    )


def symmetric_limit(table: pd.DataFrame) -> float:
    """Half the side of the frame of the changes: what nearly all of them need, and no more than three times
    what the actual ones need, so that one wild model does not make dots of the others."""
    if table.empty:
        return 1.0
    actual = float(table["actual"].abs().quantile(0.995))
    forecast = float(table["forecast"].abs().quantile(0.995))
    return max(actual, min(forecast, 3 * actual)) or 1.0


def skill_frame(table: pd.DataFrame) -> tuple[float, float]:
    """Left and right end of the frame of the skills, in per cent: all intervals and 0, but no more than five
    times what the median model needs."""
    reach = table[["low", "high"]].abs().max(axis=1).dropna()
    if reach.empty or reach.max() == 0:
        return -1.0, 1.0
    limit = 5 * max(float(reach.median()), 0.01)
    left = max(min(float(table["low"].min()), 0.0), -limit)
    right = min(max(float(table["high"].max()), 0.0), limit)
    return left - 0.05 * (right - left), right + 0.05 * (right - left)


def _of_symbol(result: Run, models: Sequence[str], symbol: str) -> pd.DataFrame:
    outcome, prices = result.outcome, result.prices
    place = prices.symbols.index(symbol)
    ends = np.append(prices.first, len(prices.table))
    mine = prices.table.iloc[ends[place] : ends[place + 1]]
    rows = np.flatnonzero(outcome.symbol == outcome.symbols.index(symbol))
    date = pd.DatetimeIndex(mine["session"])
    first = pd.Series(outcome.time[rows, 0]).groupby(outcome.fold[rows]).min()
    starts = pd.Series(np.arange(len(first)) + 1, pd.DatetimeIndex(first))
    columns = {
        "symbol": symbol,
        "date": date,
        "actual": mine[result.experiment.column].to_numpy(),
        "test": date >= starts.index.min(),
        "fold": starts.reindex(date, fill_value=0).to_numpy(),
    }
    for step in shown_steps(result, len(models)):
        at = pd.DatetimeIndex(outcome.time[rows, step - 1])
        values = {
            forecast_field(step, place): outcome.forecast[model][rows, step - 1]
            for place, model in enumerate(models)
        }
        members = outcome.seeds.get(models[0]) if len(models) == 1 else None
        if members is not None and len(members) > 1:
            values[f"low_{step}"] = members[:, rows, step - 1].min(axis=0)
            values[f"high_{step}"] = members[:, rows, step - 1].max(axis=0)
        columns |= {name: pd.Series(column, at).reindex(date).to_numpy() for name, column in values.items()}
    return pd.DataFrame(columns)


def _between(
    dates: pd.Series[pd.Timestamp], start: pd.Timestamp | None, end: pd.Timestamp | None
) -> pd.Series[bool]:
    inside = pd.Series(data=True, index=dates.index)
    if start is not None:
        inside &= dates >= start
    if end is not None:
        inside &= dates <= end
    return inside


def _in_per_cent(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(**{name: 100 * table[name] for name in ("skill", "low", "high")})
