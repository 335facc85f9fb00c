"""The scores of single forecasts: CRPS, PIT, and whether the intervals held."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gatecast._typing import Floats
from gatecast.distributions import Quantiles, StudentT
from gatecast.forecasts import PARAMETERS, PER_CENT
from gatecast.ledger.outcome import Outcome

INTERVALS = (50, 80, 95)  # per cent


def score(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """One row per outcome; see `Track.scores`. Numbers that a point forecast does not have are NaN."""
    entries = [outcome.entry for outcome in outcomes]
    realised = np.array([outcome.realised for outcome in outcomes], dtype=np.float64)
    forecast = np.array([entry.forecast for entry in entries], dtype=np.float64)
    frame = pd.DataFrame(
        {
            **{name: [getattr(entry, name) for entry in entries] for name in ("symbol", "origin", "step")},
            **{name: [getattr(entry, name) for entry in entries] for name in ("experiment", "model")},
            "date": [outcome.session for outcome in outcomes],
            "anchor": [entry.anchor for entry in entries],
            "revised": pd.Series([outcome.revised for outcome in outcomes], dtype=object),
            "forecast": forecast,
            "realised": realised,
            "error": PER_CENT * np.abs(realised - forecast),
            "naive_error": PER_CENT * np.abs(realised),
            **dict.fromkeys(
                ("pit", "crps", "naive_crps", *(f"inside_{level}" for level in INTERVALS)), np.nan
            ),
        }
    )
    own = [entry.quantiles for entry in entries]
    for rows, levels, values in _alike(own):
        y, quantiles = realised[rows, None], Quantiles(levels, values)
        _put(frame, "pit", rows, quantiles.cdf(y))
        _put(frame, "crps", rows, PER_CENT * quantiles.crps(y))
        for level in INTERVALS:
            tail = (100 - level) / 200
            low, high = np.moveaxis(quantiles.quantile([tail, 1 - tail]), -1, 0)
            _put(frame, f"inside_{level}", rows, (low <= y) & (y <= high))
    rows = np.array([at for at, entry in enumerate(entries) if entry.df is not None], dtype=np.int64)
    if len(rows):
        exact = StudentT(
            *(
                np.array([[getattr(entries[row], name)] for row in rows], dtype=np.float64)
                for name in PARAMETERS
            )
        )
        _put(frame, "pit", rows, exact.cdf(realised[rows, None]))
        _put(frame, "crps", rows, PER_CENT * exact.crps(realised[rows, None]))
    for rows, levels, values in _alike([entry.naive_quantiles for entry in entries]):
        _put(frame, "naive_crps", rows, PER_CENT * Quantiles(levels, values).crps(realised[rows, None]))
    return frame


def _alike(
    quantiles: Sequence[Any],
) -> Iterator[tuple[NDArray[np.int64], Floats, Floats]]:
    """(rows (N,), levels (Q,), values (N, 1, Q)) of those that are known at the same levels."""
    places: defaultdict[tuple[float, ...], list[int]] = defaultdict(list)
    for place, known in enumerate(quantiles):
        if known is not None:
            places[tuple(known)].append(place)
    for levels, rows in places.items():
        values = np.array([[list(quantiles[row].values())] for row in rows], dtype=np.float64)
        yield np.array(rows), np.array(levels), values


def _put(frame: pd.DataFrame, column: str, rows: NDArray[np.int64], values: NDArray[Any]) -> None:
    whole = frame[column].to_numpy(dtype=np.float64, copy=True)
    whole[rows] = values[:, 0]
    frame[column] = whole
