"""TiRex of NXAI (pip install tirex-ts) as a model; its weights, with a licence of their own, from a hub."""

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

LEVELS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]  # it always answers these


@dataclass(frozen=True)
class TiRex:
    """Quantiles that TiRex forecasts, zero-shot, from the prices alone (Auer et al. 2025).

    Parameters
    ----------
    weights
        A name on the hub, or a path.
    context
        How many of the last prices it reads, at most.
    device
        As PyTorch names it.
    trained_until
        Its authors state no day.
    """

    weights: str = "NX-AI/TiRex"
    context: int = 2048
    device: str = "cpu"
    trained_until: str = "unknown"

    batched: ClassVar[bool] = True

    @cached_property
    def _model(self) -> Any:
        return imported("tirex", "tirex-ts", "TiRex").load_model(self.weights, device=self.device)

    def __call__(self, histories: Sequence[pd.DataFrame], horizon: int) -> list[dict[float, Floats]]:
        """Level → (h,) prices, for each history."""
        series = [prices_of(history)[-self.context :].astype(np.float32) for history in histories]
        answers, _ = self._model.forecast(context=series, prediction_length=horizon, output_type="numpy")
        return [dict(zip(LEVELS, answer.T, strict=True)) for answer in answers]
