"""Scores: how far a forecast was from what came.

Every function takes `(y, forecast, …)`. `y` has any shape; `forecast` ends in the same shape and may have
more axes in front (models, seeds), which stay. `axis` (of y) says what is averaged; without it, all of y.
A shape that would only fit by broadcasting, such as (N,) against (N, 1), is refused. A score that is not
defined is NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gatecast._typing import Floats
from gatecast.forecasts import Forecasts, step_names

Score = Any  # a float where nothing is left of the shape, else an array

SCORES = [
    "skill", "mae", "rmse", "mape", "smape", "mase", "directional_accuracy", "mae_return", "rmse_return",
]  # fmt: skip
PRICE_SCORES = ("mae", "rmse")
SPREADS = ["skill", "rmse", "mase", "directional_accuracy"]

# A forecast far off or not finite scores inf or NaN; that is an answer, not a warning.
_quiet = np.errstate(over="ignore", invalid="ignore")


def scores(forecasts: Forecasts) -> pd.DataFrame:
    """Every score of every model: one row per model, symbol and step.

    model, symbol         where there are several symbols, also rows with symbol "all"
    step                  "1" … "h", and "all": every step counts the same; with one step "all" alone
    n                     forecasts scored: origins, times h where step is "all"
    skill                 1 - loss / loss of naive, a fraction, of the loss that `significance` tests: the
                          squared error as a fraction of the anchor, by that of naive in the training of that
                          symbol and fold; the mean over the symbols of a date, then over dates
    mae, rmse             in price; per symbol only
    mape, smape           fractions; for symbol "all" the mean over symbols
    mase                  against naive's error in the training of that fold (over all its steps); likewise
    directional_accuracy  a fraction
    mae_return, rmse_return   of the error as a fraction of the anchor, (y - forecast) / anchor
    …_spread              of skill, rmse, mase, directional_accuracy: the standard deviation (n - 1)
                          over the scores of the seeds; NaN for baselines and for a single seed
    reason                why a score of this row is NaN ("directional_accuracy: it forecasts no change");
                          empty where none is

    A network's row scores its ensemble. Takes time linear in the number of forecasts.
    """
    # Steps come first below: a sum over adjacent origins is several times faster than one with stride h.
    rows = {name: np.flatnonzero(forecasts.symbol == i) for i, name in enumerate(forecasts.symbols)}
    rows = {name: index for name, index in rows.items() if len(index)}
    steps = step_names(forecasts.horizon)
    records = []
    for model, ensemble in forecasts.forecast.items():
        members = np.concatenate([ensemble[None], forecasts.seeds.get(model, ensemble[None][:0])])
        members = np.ascontiguousarray(members.swapaxes(1, 2))
        tables = {name: _of_symbol(forecasts, index, members) for name, index in rows.items()}
        if len(rows) > 1:
            tables["all"] = _of_all(forecasts, rows, members, tables)
        for name, table in tables.items():
            index = rows.get(name, np.arange(len(forecasts.symbol)))
            for k, step in enumerate(steps):
                record: dict[str, object] = {"model": model, "symbol": name, "step": step}
                record["n"] = len(index) * (forecasts.horizon if step == "all" else 1)
                found = {score: float(values[0, k]) for score, values in table.items()}
                record |= found
                record |= {f"{score}_spread": _spread(table[score][1:, k]) for score in SPREADS}
                columns = slice(None) if step == "all" else slice(k, k + 1)
                missing = [score for score in SCORES if np.isnan(found[score])]
                record["reason"] = "; ".join(
                    f"{score}: {_why(score, forecasts, index, ensemble, columns, name)}" for score in missing
                )
                records.append(record)
    return pd.DataFrame.from_records(records)


def _of_symbol(forecasts: Forecasts, index: NDArray[np.int64], members: Floats) -> dict[str, Floats]:
    """Score → (members, h + 1) for the origins `index` of one symbol; the last column is all steps."""
    y, f = np.ascontiguousarray(forecasts.actual[index].T), members[:, :, index]
    anchor = np.broadcast_to(forecasts.anchor[index], y.shape)
    scale = np.broadcast_to(forecasts.naive_mae[index], y.shape)
    return {
        "skill": _skill(forecasts, index, members),
        "mae": _per_step(mae, y, f),
        "rmse": _per_step(rmse, y, f),
        "mape": _per_step(mape, y, f),
        "smape": _per_step(smape, y, f),
        "mase": _per_step(mase, y, f, scale),
        "directional_accuracy": _per_step(directional_accuracy, y, f, anchor),
    } | _of_returns(*_moves(y, f, anchor))


def _of_all(
    forecasts: Forecasts,
    rows: dict[str, NDArray[np.int64]],
    members: Floats,
    tables: dict[str, dict[str, Floats]],
) -> dict[str, Floats]:
    """The same over all symbols; `tables` holds each symbol's own."""
    y_move, f_move = _moves(np.ascontiguousarray(forecasts.actual.T), members, forecasts.anchor)
    still = np.zeros_like(y_move)
    unknown = np.full((len(members), forecasts.horizon + 1), np.nan)
    # A symbol where the data leave a score undefined has no say; a model that leaves it undefined gets none.
    having = {
        "mape": [name for name, index in rows.items() if forecasts.actual[index].all()],
        "smape": list(rows),
        "mase": [name for name, index in rows.items() if forecasts.naive_mae[index].all()],
    }
    return {
        **dict.fromkeys(PRICE_SCORES, unknown),
        **{
            score: np.mean([tables[name][score] for name in names], axis=0) if names else unknown
            for score, names in having.items()
        },
        "skill": _skill(forecasts, np.arange(len(forecasts.symbol)), members),
        "directional_accuracy": _per_step(directional_accuracy, y_move, f_move, still),
    } | _of_returns(y_move, f_move)


def _of_returns(y_move: Floats, f_move: Floats) -> dict[str, Floats]:
    return {
        "mae_return": _per_step(mae, y_move, f_move),
        "rmse_return": _per_step(rmse, y_move, f_move),
    }


@_quiet
def _skill(forecasts: Forecasts, index: NDArray[np.int64], members: Floats) -> Floats:
    """(members, h + 1) the skill of the origins `index`, each weighing one over the origins of its date."""
    index = index[(forecasts.naive_mse[index] > 0) & (forecasts.anchor[index] != 0)]
    if not len(index):
        return np.full((len(members), forecasts.horizon + 1), np.nan)
    _, day, of_date = np.unique(forecasts.origin[index], return_inverse=True, return_counts=True)
    scale = np.sqrt(forecasts.naive_mse[index] * of_date[day])
    y_move, f_move = _moves(
        np.ascontiguousarray(forecasts.actual[index].T), members[:, :, index], forecasts.anchor[index]
    )
    return _per_step(r2, y_move / scale, f_move / scale, np.zeros_like(y_move))


@_quiet
def _moves(y: Floats, forecast: Floats, anchor: Floats) -> tuple[Floats, Floats]:
    """Changes from the anchor as fractions of it; NaN where the anchor is 0."""
    base = _nonzero(anchor)
    moves: tuple[Floats, Floats] = (y - anchor) / base, (forecast - anchor) / base
    return moves


@_quiet
def _per_step(score: Callable[..., Score], y: Floats, *others: Floats) -> Floats:
    """(members, h + 1): the score of each step of y (h, n), then of all; what is not finite is NaN."""
    values = np.column_stack([score(y, *others, axis=1), score(y, *others)])
    return np.where(np.isfinite(values), values, np.nan)


def _spread(values: Floats) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def _why(
    score: str,
    forecasts: Forecasts,
    index: NDArray[np.int64],
    ensemble: Floats,
    columns: slice,
    symbol: str,
) -> str:
    """Why this score of these origins and steps is undefined."""
    y, f, anchor = forecasts.actual[index, columns], ensemble[index, columns], forecasts.anchor[index, None]
    if symbol == "all" and score in PRICE_SCORES:
        return "in price, so per symbol only"
    if not np.isfinite(f).all():
        return "a forecast is not a finite number"
    if score == "mape" and (y == 0).any():
        return "a price is 0"
    if score == "mase" and (forecasts.naive_mae[index] == 0).any():
        return "naive makes no error in training"
    if score == "skill" and (y == anchor).all():
        return "naive makes no error"
    if score == "skill" and not forecasts.naive_mse[index].any():
        return "naive makes no error in training"
    if score == "directional_accuracy":
        return "the price never moves" if (y == anchor).all() else "it forecasts no change"
    return "an anchor is 0" if (anchor == 0).any() else "an error is too large to square"


@_quiet
def mae(y: ArrayLike, forecast: ArrayLike, *, axis: int | None = None) -> Score:
    """Mean absolute error, in the unit of y."""
    y, forecast = _pair(y, forecast)
    return _mean(np.abs(forecast - y), y, axis)


@_quiet
def rmse(y: ArrayLike, forecast: ArrayLike, *, axis: int | None = None) -> Score:
    """Root of the mean squared error, in the unit of y."""
    return _plain(np.sqrt(_mse(y, forecast, axis)))


@_quiet
def mape(y: ArrayLike, forecast: ArrayLike, *, axis: int | None = None) -> Score:
    """Mean absolute error as a fraction of |y|: 0.02 is 2 %. NaN where a y is 0."""
    y, forecast = _pair(y, forecast)
    return _mean(np.abs(forecast - y) / _nonzero(np.abs(y)), y, axis)


@_quiet
def smape(y: ArrayLike, forecast: ArrayLike, *, axis: int | None = None) -> Score:
    """Symmetric MAPE, the mean of 2 |y - f| / (|y| + |f|): a fraction between 0 and 2; 0 where both are 0.

    The form of the M3 competition (Makridakis and Hibon 2000).
    """
    y, forecast = _pair(y, forecast)
    size = np.abs(y) + np.abs(forecast)
    return _mean(2 * np.abs(forecast - y) / np.where(size == 0, 1.0, size), y, axis)


@_quiet
def mase(y: ArrayLike, forecast: ArrayLike, scale: ArrayLike, *, axis: int | None = None) -> Score:
    """Mean absolute scaled error: the mean of |y - f| / scale. NaN where a scale is 0.

    scale  naive's mean absolute error in training, in the unit of y: one number, or one for each y
    Below 1: better than naive was in training. Hyndman and Koehler (2006), eq. 3.
    """
    y, forecast = _pair(y, forecast)
    return _mean(np.abs(forecast - y) / _nonzero(_like(scale, y, "scale")), y, axis)


@_quiet
def r2(y: ArrayLike, forecast: ArrayLike, naive: ArrayLike, *, axis: int | None = None) -> Score:
    """R2 out of sample against naive: 1 - MSE / MSE of naive. NaN where naive makes no error.

    Above 0: better than naive. Campbell and Thompson (2008), eq. 1, with naive in the mean's place.
    """
    return _plain(1 - _mse(y, forecast, axis) / _nonzero(np.asarray(_mse(y, _like(naive, y, "naive"), axis))))


@_quiet
def directional_accuracy(
    y: ArrayLike, forecast: ArrayLike, anchor: ArrayLike, *, axis: int | None = None
) -> Score:
    """Share of the moves of y from the anchor whose sign was forecast; a fraction.

    Left out: a y equal to its anchor (no side was right). A forecast equal to its anchor misses. NaN where
    no y moves, or where the forecast never does: it takes no side.
    """
    y, forecast = _pair(y, forecast)
    anchor = _like(anchor, y, "anchor")
    moved, side = np.sign(y - anchor), np.sign(forecast - anchor)
    axes = _axes(y, axis)
    hits = ((moved == side) & (moved != 0)).sum(axes)
    taken = (side != 0).any(axes) & np.isfinite(side).all(axes)
    return _plain(hits / np.where(taken, _nonzero(np.asarray((moved != 0).sum(axes))), np.nan))


def _mse(y: ArrayLike, forecast: ArrayLike, axis: int | None) -> Score:
    y, forecast = _pair(y, forecast)
    return _mean(np.square(forecast - y), y, axis)


def _pair(y: ArrayLike, forecast: ArrayLike) -> tuple[Floats, Floats]:
    y, forecast = np.asarray(y, dtype=np.float64), np.asarray(forecast, dtype=np.float64)
    if y.size == 0:
        raise ValueError("y is empty; a score needs at least one value")
    if forecast.shape[max(forecast.ndim - y.ndim, 0) :] != y.shape:
        raise ValueError(
            f"forecast has shape {forecast.shape} and y has {y.shape}: forecast must end in the shape of y; "
            "reshape one of them, e.g. with ravel()"
        )
    return y, forecast


def _like(values: ArrayLike, y: ArrayLike, name: str) -> Floats:
    values, y = np.asarray(values, dtype=np.float64), np.asarray(y)
    if values.shape not in ((), y.shape):
        raise ValueError(
            f"{name} has shape {values.shape}, not the shape of y, {y.shape}, and is no single number"
        )
    return np.broadcast_to(values, y.shape)


def _nonzero(values: Floats) -> Floats:
    """Zeros become NaN: a denominator that warns nobody."""
    return np.where(values == 0, np.nan, values)


def _axes(y: Floats, axis: int | None) -> tuple[int, ...]:
    """Axes of y counted from the end, so that they hold for a forecast with more axes in front."""
    return tuple(range(-y.ndim, 0)) if axis is None else (axis % y.ndim - y.ndim,)


def _mean(values: Floats, y: Floats, axis: int | None) -> Score:
    return _plain(values.mean(_axes(y, axis)))


def _plain(score: Any) -> Score:
    return float(score) if np.ndim(score) == 0 else score
