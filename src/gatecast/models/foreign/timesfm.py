"""TimesFM 2.5 of Google (pip install 'timesfm[torch]') as a model; its weights come from a hub."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import pandas as pd

from gatecast._typing import Floats
from gatecast.models.foreign.functions import prices_of
from gatecast.models.foreign.imports import imported

LEVELS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]  # it always answers these, after the mean
AT_ONCE = 32  # series; it fills the last of its batches up with zeros
LONGEST = 128  # steps that it forecasts in one pass


@dataclass(frozen=True)
class TimesFM:
    """Quantiles that TimesFM 2.5 forecasts, zero-shot, from the prices alone (Das et al. 2024).

    Parameters
    ----------
    weights
        A name on the hub, or a folder.
    context
        How many of the last prices it reads, at most.
    trained_until
        Its authors state no day for this version.
    """

    weights: str = "google/timesfm-2.5-200m-pytorch"
    context: int = 1024
    trained_until: str = "unknown"

    batched: ClassVar[bool] = True

    @cached_property
    def _model(self) -> Any:
        timesfm = imported("timesfm", "timesfm[torch]", "TimesFM")
        return timesfm.TimesFM_2p5_200M_torch.from_pretrained(self.weights)

    def _compiled(self, horizon: int) -> Any:
        """The model, ready for `horizon` steps."""
        model, most = self._model, max(horizon, LONGEST)
        if model.forecast_config is None or model.forecast_config.max_horizon < most:
            timesfm = imported("timesfm", "timesfm[torch]", "TimesFM")
            settings = timesfm.ForecastConfig(
                max_context=self.context,
                max_horizon=most,
                normalize_inputs=True,
                per_core_batch_size=AT_ONCE,
                use_continuous_quantile_head=True,
                force_flip_invariance=True,
                infer_is_positive=True,
                fix_quantile_crossing=True,
            )
            model.compile(settings)
        return model

    def __call__(self, histories: Sequence[pd.DataFrame], horizon: int) -> list[dict[float, Floats]]:
        """Level → (h,) prices, for each history."""
        series = [prices_of(history)[-self.context :] for history in histories]
        _, answers = self._compiled(horizon).forecast(horizon=horizon, inputs=series)
        return [dict(zip(LEVELS, answer[:, 1:].T, strict=True)) for answer in answers]
