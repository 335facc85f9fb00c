"""Run → the small tables that the charts of distributions draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gatecast.evaluation.coverage import (
    COVERAGES,
    coverage_bands,
    coverage_over_time,
    held,
    in_time_order,
    pit_histogram,
    value_at_risk,
)
from gatecast.evaluation.scores import headline_symbol
from gatecast.forecasts import DistributionForecast, Forecasts
from gatecast.problem.moves import LOG_RETURN, Move
from gatecast.report import frames

if TYPE_CHECKING:
    from gatecast.run import Run

RECENT = 125  # sessions of the fan, about six months
WINDOW = 125  # sessions of the rolling coverage
LEAST_WINDOW = 20
BINS = 20  # of the PIT histogram
MOST_DAYS = 1500  # of a symbol in the chart of the value at risk
MOST_COVERAGES = 4000  # dates of the rolling coverage
MOST_ROWS = 8000  # of that chart, over all symbols
CHANCE = 1.96  # standard errors: 95 % of a normal
PERCENTS = tuple(round(100 * coverage) for coverage in COVERAGES)


def shown_models(result: Run) -> list[str]:
    """What the charts show: the best network and the best baseline with a distribution; [] without one."""
    tests = result.significances.get("crps")
    if tests is None:
        return []
    known = result.outcome.distributions
    network = next((name for name in tests.networks if _complete(known[name])), None)
    shown = [name for name in (network, tests.benchmark) if name is not None]
    return shown or [name for name in tests.baselines if _complete(known[name])][:1]


def recent_intervals(result: Run, model: str, symbols: Sequence[str] | None = None) -> pd.DataFrame:
    """The last sessions of each symbol, with the actual price and the intervals of the day before.

    symbol, date, ahead, actual, median, low_50, high_50, low_80, …, high_95 (prices), outside (of the
    80 % interval). For longer horizons the one-day intervals end at the last origin; its own, one to h steps
    ahead, follow as rows with ahead = 1, the first of them the origin itself, where every bound is the price.
    symbols: those shown, by default.
    """
    rows = in_time_order(result.outcome)
    many = RECENT + (result.outcome.horizon > 1)  # the last origin is not a day of the band then
    shown = frames.shown_symbols(result) if symbols is None else symbols
    hits = held(result.outcome.distributions[model], result.outcome.actual_return, 0.8)[:, 0]
    parts = [_recent(result, model, symbol, rows[symbol][-many:], hits) for symbol in shown]
    return pd.concat(parts, ignore_index=True)


def pit_bars(result: Run, models: list[str]) -> pd.DataFrame:
    """`pit_histogram` of step 1 for each model, in per cent of the forecasts: model, left, right, share, low,
    high, off (outside the band).

    low, high: where 95 % of the bars of an exact distribution lie. Symbols move together, so with several
    of them the band comes from the differences between dates, not from the number of forecasts.
    """
    parts = []
    for model in models:
        bars = pit_histogram(result.outcome.distributions[model], BINS)
        expected = 100 / BINS
        if len(frames.tested_symbols(result)) > 1:
            half = CHANCE * _pit_error(result, model)
            bars["low"], bars["high"] = max(1 - half, 0.0), 1 + half
        share = expected * bars["density"]
        low, high = (expected * bars[name] for name in ("low", "high"))
        off = ((share < low) | (share > high)) & (bars["count"].sum() > 0)
        edges = bars[["left", "right"]]
        parts.append(edges.assign(model=model, share=share, low=low, high=high, off=off))
    return pd.concat(parts, ignore_index=True)


def window(result: Run) -> int:
    """Sessions of the rolling coverage: half of a short test, 0 where that is too little to draw."""
    dates = len(np.unique(result.outcome.origin))
    length = min(WINDOW, dates // 2)
    return length if length >= LEAST_WINDOW else 0


def rolling_coverage(result: Run, models: list[str]) -> pd.DataFrame:
    """model, date (of the last forecast made), held: the share of the last `window` days inside the
    80 % interval one day ahead, over all symbols, in per cent."""
    length = window(result)
    parts = [coverage_over_time(result.outcome, model, window=length).assign(model=model) for model in models]
    table = pd.concat(parts, ignore_index=True).rename(columns={"origin": "date"})
    table = table[table.groupby("model", sort=False).cumcount() % every_coverage(result) == 0]
    return table.assign(date=pd.DatetimeIndex(table["date"]), held=100 * table["held"])


def every_coverage(result: Run) -> int:
    """One date of how many is drawn of the rolling coverage; 1: every one."""
    return -(-len(np.unique(result.outcome.origin)) // MOST_COVERAGES)


def chance_of_window(result: Run, model: str, coverage: float = 0.8) -> tuple[float, float]:
    """Where the rolling coverage of exact intervals lies on 95 % of the dates, in per cent.

    Days are independent; symbols of one day are not, which the differences between the model's days show.
    """
    hits = held(result.outcome.distributions[model], result.outcome.actual_return, coverage)[:, 0]
    half = CHANCE * coverage_error(hits, result.outcome.origin, coverage, window(result))
    return 100 * max(coverage - half, 0.0), 100 * min(coverage + half, 1.0)


def coverage_error(
    hits: NDArray[np.float64], origin: NDArray[np.datetime64], coverage: float, days: int
) -> float:
    """Standard error of the share of hits over so many days, a fraction.

    That of independent hits where there is one a day; with several, more by as much as their daily means
    vary more than independent ones would.
    """
    daily = pd.Series(hits).groupby(origin).mean()
    mean = float(np.nanmean(hits)) if np.isfinite(hits).any() else coverage
    excess = daily.var(ddof=0) / (mean * (1 - mean)) if 0 < mean < 1 else 1.0
    return float(np.sqrt(excess * coverage * (1 - coverage) / days))


def values_at_risk(result: Run, model: str, symbols: Sequence[str] | None = None) -> pd.DataFrame:
    """symbol, date, change, var_1, var_5 (per cent of the last price, or differences), breach: 0, 5 or 1
    (the deepest VaR it fell below); the last sessions of the symbols, one day ahead.

    symbols: those shown, by default, as many as MOST_ROWS allow.
    """
    known = value_at_risk(result.outcome, model)
    rows = known.groupby("symbol", sort=False).indices
    shown = frames.shown_symbols(result) if symbols is None else symbols
    parts = [known.iloc[rows[name][-MOST_DAYS:]] for name in shown]
    if symbols is None:
        sizes = np.cumsum([len(part) for part in parts])
        parts = parts[: max(1, int(np.sum(sizes <= MOST_ROWS)))]
    table = pd.concat(parts, ignore_index=True)
    changes = {name: _change(table[name], result.outcome.move) for name in ("actual", "var_1", "var_5")}
    breach = np.select([table["breach_1"], table["breach_5"]], [1, 5], 0)
    return pd.DataFrame(
        {
            "symbol": table["symbol"],
            "date": pd.DatetimeIndex(table["date"]),
            "change": changes["actual"],
            "var_1": changes["var_1"],
            "var_5": changes["var_5"],
            "breach": breach,
        }
    )


def breaches(result: Run, model: str, symbol: str | None = None) -> dict[int, tuple[int, float, int]]:
    """VaR in per cent → how often it was breached one day ahead, how often it should be, of how many."""
    table = value_at_risk(result.outcome, model, symbol=symbol)
    table = table.dropna(subset=["actual", "var_1", "var_5"])
    return {
        percent: (int(table[f"breach_{percent}"].sum()), percent / 100 * len(table), len(table))
        for percent in (5, 1)
    }


def intervals_by_step(result: Run, models: list[str]) -> pd.DataFrame:
    """model, step, coverage of the 80 % interval, low, high (its 99 % band), width: per cent.

    The width is that of the log return, or of the difference; that of several symbols by what is usual of
    each, see `frames.in_usual_changes`.
    """
    symbol = headline_symbol(result.scores)
    known = {name: result.outcome.distributions[name] for name in models}
    bands = coverage_bands(result.outcome, models=list(known))
    bands = bands[(bands["symbol"] == symbol) & (bands["step"] != "all")]
    scores = result.scores
    own = (scores["symbol"] == symbol) & (scores["metric"] == "width_80")
    table = bands.merge(scores.loc[own, ["model", "step", "value"]], on=["model", "step"])
    if frames.in_usual_changes(result):
        table["value"] = [
            _usual_width(result.outcome, known[name], int(step))
            for name, step in zip(table["model"], table["step"], strict=True)
        ]
    percent = {name: 100 * table[name] for name in ("coverage", "low", "high")}
    return pd.DataFrame(
        {"model": table["model"], "step": table["step"].astype(int), **percent, "width": table["value"]}
    )


def _recent(
    result: Run, model: str, symbol: str, rows: NDArray[np.int64], hits: NDArray[np.float64]
) -> pd.DataFrame:
    outcome = result.outcome
    known, last = outcome.distributions[model], rows[-1]
    days = pd.DataFrame(
        {
            "symbol": symbol,
            "date": pd.DatetimeIndex(outcome.time[rows, 0]),
            "ahead": False,
            "actual": outcome.actual[rows, 0],
            **_bounds(outcome, known, outcome.anchor[rows], rows, 0),
            "outside": hits[rows] == 0,
        }
    )
    if outcome.horizon == 1:
        return days
    now, price = pd.DatetimeIndex(outcome.origin[[last]]), outcome.anchor[last]
    own = _bounds(outcome, known, price, last, slice(None))
    fan = pd.DataFrame(
        {
            "symbol": symbol,
            "date": now.append(pd.DatetimeIndex(outcome.time[last])),
            "ahead": True,
            "actual": np.append(price, outcome.actual[last]),
            **{name: np.append(price, bound) for name, bound in own.items()},
            "outside": False,
        }
    )
    return pd.concat([days[days["date"] <= now[0]], fan], ignore_index=True)


def _bounds(
    outcome: Forecasts,
    known: DistributionForecast,
    anchor: NDArray[np.float64] | np.float64,
    rows: NDArray[np.int64] | np.int64,
    steps: int | slice,
) -> dict[str, NDArray[np.float64]]:
    """median, low_50, high_50, … as prices."""
    bounds = {"median": known.median[rows, steps]}
    for percent, coverage in zip(PERCENTS, COVERAGES, strict=True):
        low, high = known.interval(coverage)
        bounds |= {f"low_{percent}": low[rows, steps], f"high_{percent}": high[rows, steps]}
    return {name: outcome.move.to_price(bound, anchor) for name, bound in bounds.items()}


def _usual_width(outcome: Forecasts, known: DistributionForecast, step: int) -> float:
    """The mean width of the 80 % interval, by naive's mean absolute error in training."""
    low, high = known.interval(0.8)
    usual = np.where(outcome.naive_mae > 0, outcome.naive_mae, np.nan)
    return float(np.nanmean((high - low)[:, step - 1] / usual))


def _pit_error(result: Run, model: str) -> float:
    """Standard error of a bar of the PIT histogram where its density should be 1: dates are independent."""
    pit = result.outcome.distributions[model].pit[:, 0]
    finite = np.isfinite(pit)
    bar = np.minimum((pit[finite] * BINS).astype(int), BINS - 1)
    inside = pd.DataFrame(np.eye(BINS)[bar]).groupby(result.outcome.origin[finite]).mean()
    mean = inside.mean().to_numpy()
    excess = inside.var(ddof=0).sum() / max(float(np.sum(mean * (1 - mean))), 1e-12)
    return float(np.sqrt(excess * (BINS - 1) / max(len(inside), 1)))


def _change(moves: pd.Series, move: Move) -> pd.Series:
    """Moves as changes in per cent, or in price."""
    return (100 * np.expm1(moves)).round(3) if move.name == LOG_RETURN.name else moves


def _complete(known: DistributionForecast) -> bool:
    return bool(np.isfinite(known.quantiles).all() and np.isfinite(known.pit).any())
