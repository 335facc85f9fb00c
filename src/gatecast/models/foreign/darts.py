"""Any model of darts (pip install darts) as a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from gatecast._typing import Floats
from gatecast.models.foreign.functions import series_of, to_prices
from gatecast.models.foreign.imports import imported


def linear_regression(horizon: int) -> Any:
    """A linear regression on the last twenty log prices."""
    models = imported("darts.models", "darts", "darts' LinearRegressionModel")
    return models.LinearRegressionModel(lags=20, output_chunk_length=horizon)


@dataclass(frozen=True)
class Darts:
    """Forecasts of a model of darts, numbered bar by bar, on log prices, or on prices that may be 0.

    A model that can forecast other series than those it was fitted on is fitted once per fold, on the
    histories of all symbols; any other is fitted at every origin.

    Parameters
    ----------
    make
        horizon → a new model.
    samples
        Of a model that is probabilistic, how many paths make its distribution; 1: a point forecast.
    seed
        Of the paths.
    """

    make: Callable[[int], Any] = linear_regression
    samples: int = 1
    seed: int = 0

    batched: ClassVar[bool] = True

    def fit(
        self, histories: Sequence[pd.DataFrame], horizon: int
    ) -> Callable[[Sequence[pd.DataFrame], int], list[Floats]]:
        """What forecasts after a fit on the histories, where darts can; else the model itself."""
        model = self.make(horizon)
        if not getattr(model, "supports_transferable_series_prediction", False):
            return self.__call__
        model.fit([_series(history) for history in histories])

        def forecast(histories: Sequence[pd.DataFrame], horizon: int) -> list[Floats]:
            series = [_series(history) for history in histories]
            if self.samples == 1:
                answers = model.predict(n=horizon, series=series)
                return [_prices(*pair) for pair in zip(answers, histories, strict=True)]
            # one by one: what is drawn for an origin must not depend on the others of its batch
            how = {"num_samples": self.samples, "random_state": self.seed}
            drawn = (model.predict(n=horizon, series=one, **how) for one in series)
            return [_prices(*pair) for pair in zip(drawn, histories, strict=True)]

        return forecast

    def __call__(self, histories: Sequence[pd.DataFrame], horizon: int) -> list[Floats]:
        """The forecasts of models that are fitted to each history."""
        drawn = {} if self.samples == 1 else {"num_samples": self.samples, "random_state": self.seed}
        fitted = [self.make(horizon).fit(_series(history)) for history in histories]
        answers = (model.predict(horizon, **drawn) for model in fitted)
        return [_prices(*pair) for pair in zip(answers, histories, strict=True)]


def _series(history: pd.DataFrame) -> Any:
    darts = imported("darts", "darts", "a model of darts")
    return darts.TimeSeries.from_values(series_of(history))


def _prices(forecast: Any, history: pd.DataFrame) -> Floats:
    """(h,), or of several paths (S, h), prices of a series on the scale of `series_of`."""
    paths = to_prices(np.asarray(forecast.all_values(), dtype=np.float64)[:, 0], history)
    return paths.T if paths.shape[1] > 1 else paths[:, 0]
