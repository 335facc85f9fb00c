"""AutoARIMA, AutoETS and Theta of statsforecast (pip install statsforecast) as models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from gatecast._typing import Floats
from gatecast.distributions import LEVELS
from gatecast.models.foreign.functions import series_of, to_prices
from gatecast.models.foreign.imports import imported

CENTRAL = {round(100 * (1 - 2 * level)): level for level in LEVELS if level < 0.5}  # 80 → 0.1


@dataclass(frozen=True)
class _StatsForecast:
    """Quantiles of a model of statsforecast, fitted to one symbol: log prices, or prices that may be 0.

    Parameters
    ----------
    refit
        Whether it is chosen and estimated anew at every origin, which takes its time that often; else once
        per fold and symbol, on the bars before the test, and only filtered on to each origin.
    settings
        Of the model, as its authors name them: {"season_length": 5}.
    """

    refit: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)

    kind: ClassVar[str]

    def fit(
        self, histories: Sequence[pd.DataFrame], horizon: int
    ) -> Callable[[pd.DataFrame, int], dict[float, Floats]]:
        """What forecasts after a fit on each symbol's history."""
        if self.refit:
            return self.__call__
        fitted = {history.attrs["symbol"]: self._made().fit(series_of(history)) for history in histories}

        def forecast(history: pd.DataFrame, horizon: int) -> dict[float, Floats]:
            known = fitted[history.attrs["symbol"]]
            answer = known.forward(series_of(history), h=horizon, level=list(CENTRAL))
            return _quantiles(answer, history)

        return forecast

    def __call__(self, history: pd.DataFrame, horizon: int) -> dict[float, Floats]:
        """The quantiles of the next prices after a fit on this history."""
        answer = self._made().forecast(series_of(history), h=horizon, level=list(CENTRAL))
        return _quantiles(answer, history)

    def _made(self) -> Any:
        models = imported("statsforecast.models", "statsforecast", f"statsforecast's {self.kind}")
        return getattr(models, self.kind)(**self.settings)


@dataclass(frozen=True)
class AutoARIMA(_StatsForecast):
    """ARIMA, its orders chosen by AICc."""

    kind: ClassVar[str] = "AutoARIMA"


@dataclass(frozen=True)
class AutoETS(_StatsForecast):
    """Exponential smoothing, its form chosen by AICc."""

    kind: ClassVar[str] = "AutoETS"


@dataclass(frozen=True)
class Theta(_StatsForecast):
    """The standard Theta method."""

    kind: ClassVar[str] = "Theta"


def _quantiles(answer: Mapping[str, Any], history: pd.DataFrame) -> dict[float, Floats]:
    """Level → (h,) prices, of means and intervals of the series, which are symmetric."""
    found = {0.5: answer["mean"]}
    for interval, level in CENTRAL.items():
        found[level], found[1 - level] = answer[f"lo-{interval}"], answer[f"hi-{interval}"]
    return {
        level: to_prices(np.asarray(values, dtype=np.float64), history) for level, values in found.items()
    }
