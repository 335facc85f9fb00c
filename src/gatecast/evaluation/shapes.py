"""Arrays of forecasts and actual values whose shapes must agree."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from gatecast._typing import Floats


def paired(actual: ArrayLike, predicted: ArrayLike) -> tuple[Floats, Floats]:
    """Both as float64; `predicted` ends in the shape of `actual` and may have more axes in front.

    Raises
        ValueError: there is no value, or the shapes would only fit by broadcasting, as (N,) and (N, 1) do.
    """
    actual, predicted = np.asarray(actual, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    if actual.size == 0:
        raise ValueError("actual is empty; a score needs at least one value")
    if predicted.shape[max(predicted.ndim - actual.ndim, 0) :] != actual.shape:
        raise ValueError(
            f"predicted has shape {predicted.shape} and actual has {actual.shape}: predicted must end in the "
            "shape of actual; reshape one of them, e.g. with ravel()"
        )
    return actual, predicted


def alike(values: ArrayLike, actual: Floats, name: str) -> Floats:
    """One number, or one for each actual value, in the shape of `actual`.

    Raises
        ValueError: `values` have another shape.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.shape not in ((), actual.shape):
        raise ValueError(
            f"{name} has shape {values.shape}, not the shape of actual, {actual.shape}, and is not one number"
        )
    return np.broadcast_to(values, actual.shape)
