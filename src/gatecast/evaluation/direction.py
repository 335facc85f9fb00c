"""Is the side of the forecast more often right than luck would have it?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatecast.evaluation.longrun import cosines, variance_of_mean
from gatecast.language import say


@dataclass(frozen=True)
class PesaranTimmermann:
    """Test of direction.

    accuracy, expected  share of moves whose side was right, and the share if forecast and move were
                        independent; fractions
    statistic, p        p: one-sided, "better than independent"; NaN with a `reason`
    n                   moves
    """

    statistic: float
    p: float
    accuracy: float
    expected: float
    n: int
    reason: str = ""


def pesaran_timmermann(
    y_move: ArrayLike, f_move: ArrayLike, date: NDArray[np.datetime64] | None = None
) -> PesaranTimmermann:
    """Directional test of Pesaran and Timmermann (1992).

    y_move, f_move  (n,) actual and forecast change; a y_move of 0 is left out, as in directional_accuracy.
                    A side is "up" (> 0) or not.
    date            (n,) for moves of several symbols: moves of a date are one observation, and the statistic
                    is a t of the mean covariance of the sides per date with its long-run variance
                    (`longrun`), in the way of Blaskowitz and Herwartz (2014), because 30 symbols that move
                    together are not 30 observations

    Without dates: S = (P - P*) / sqrt(V(P) - V(P*)), the paper's eq. 6 without the last term of V(P*), which
    is of order 1 / n²; S² is then Pearson's chi-square of the 2 x 2 table. The paper assumes no correlation
    in time: use changes that do not overlap (step 1).
    """
    from scipy.special import ndtr, stdtr

    y_move, f_move = np.asarray(y_move, dtype=np.float64), np.asarray(f_move, dtype=np.float64)
    if y_move.ndim != 1 or y_move.shape != f_move.shape:
        raise ValueError(f"y_move has shape {y_move.shape} and f_move {f_move.shape}; both must be (n,)")
    moved = y_move != 0
    up, forecast_up = y_move[moved] > 0, f_move[moved] > 0
    n = int(moved.sum())

    def undefined(reason: str) -> PesaranTimmermann:
        return PesaranTimmermann(np.nan, np.nan, np.nan, np.nan, n, reason)

    if n == 0:
        return undefined(say("the price never moves"))
    if not (np.isfinite(y_move).all() and np.isfinite(f_move).all()):
        return undefined(say("a forecast is not a finite number"))
    if not f_move[moved].any():
        return undefined(say("it forecasts no change"))
    share, forecast_share = up.mean(), forecast_up.mean()
    accuracy = float((up == forecast_up).mean())
    expected = float(share * forecast_share + (1 - share) * (1 - forecast_share))
    if forecast_share in (0, 1):
        return undefined(say("it always forecasts the same side"))
    if share in (0, 1):
        return undefined(say("the price always moves to the same side"))
    agreement = (up - share) * (forecast_up - forecast_share)
    if date is None:
        variance = share * (1 - share) * forecast_share * (1 - forecast_share) / n
        statistic = float(agreement.mean() / np.sqrt(variance))
    else:
        _, day = np.unique(date[moved], return_inverse=True)
        per_day = np.bincount(day, weights=agreement) / (n / (day.max() + 1))
        degrees = cosines(len(per_day), 1, pooled=True)
        variance = variance_of_mean(per_day, degrees)
        if variance <= 0:
            return undefined(say("one date only"))
        statistic = float(per_day.mean() / np.sqrt(variance))
        return PesaranTimmermann(statistic, float(stdtr(degrees, -statistic)), accuracy, expected, n)
    return PesaranTimmermann(statistic, float(ndtr(-statistic)), accuracy, expected, n)
