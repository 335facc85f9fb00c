"""Chronos-2 of Amazon (pip install chronos-forecasting) as a model; its weights come from a hub."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from gatecast._typing import Floats
from gatecast.models.foreign.functions import prices_of
from gatecast.models.foreign.imports import imported

LEVELS = [0.01, *(round(0.05 * step, 2) for step in range(1, 20)), 0.99]  # it was trained on these


@dataclass(frozen=True)
class Chronos2:
    """Quantiles that Chronos-2 forecasts, zero-shot, from the prices alone (Ansari et al. 2025).

    Parameters
    ----------
    weights
        A name on the hub, or a folder.
    context
        How many of the last prices it reads, at most.
    device
        As PyTorch names it.
    trained_until
        Its authors state no day.
    """

    weights: str = "amazon/chronos-2"
    context: int = 2048
    device: str = "cpu"
    trained_until: str = "unknown"

    batched: ClassVar[bool] = True

    @cached_property
    def _pipeline(self) -> Any:
        chronos = imported("chronos", "chronos-forecasting>=2.2", "Chronos-2")
        return chronos.Chronos2Pipeline.from_pretrained(self.weights, device_map=self.device)

    def __call__(self, histories: Sequence[pd.DataFrame], horizon: int) -> list[dict[float, Floats]]:
        """Level → (h,) prices, for each history."""
        series = [prices_of(history)[-self.context :].astype(np.float32) for history in histories]
        how = {"prediction_length": horizon, "quantile_levels": LEVELS}
        answers, _ = self._pipeline.predict_quantiles(series, **how)
        return [dict(zip(LEVELS, np.asarray(answer)[0].T, strict=True)) for answer in answers]
