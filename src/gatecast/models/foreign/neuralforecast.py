"""Any model of neuralforecast (pip install neuralforecast) as a model."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from gatecast._typing import Floats
from gatecast.models.foreign.functions import series_of, to_prices
from gatecast.models.foreign.imports import imported

INTERVAL = re.compile(r"-(lo|hi)-([\d.]+)$")
Answer = Floats | dict[float, Floats]


def nhits(horizon: int) -> Any:
    """NHITS on 60 log prices, a thousand steps of its default loss."""
    models = imported("neuralforecast.models", "neuralforecast", "neuralforecast's NHITS")
    return models.NHITS(
        h=horizon, input_size=60, logger=False, enable_progress_bar=False, enable_checkpointing=False
    )


@dataclass(frozen=True)
class NeuralForecast:
    """Forecasts of a model of neuralforecast, on log prices (prices, where they may be 0 or below), numbered
    bar by bar.

    It is fitted once per fold, on the histories of all symbols. With a loss of quantiles or of a distribution
    that has a median it forecasts a distribution, else a point.

    Parameters
    ----------
    make
        horizon → a new model with this h.
    """

    make: Callable[[int], Any] = nhits

    batched: ClassVar[bool] = True

    def fit(
        self, histories: Sequence[pd.DataFrame], horizon: int
    ) -> Callable[[Sequence[pd.DataFrame], int], list[Answer]]:
        """What forecasts after a fit on the histories."""
        library = imported("neuralforecast", "neuralforecast", "a model of neuralforecast")
        model = self.make(horizon)
        trained = library.NeuralForecast(models=[model], freq=1)
        trained.fit(df=_frame([series_of(history) for history in histories]))

        def forecast(histories: Sequence[pd.DataFrame], horizon: int) -> list[Answer]:
            read = model.input_size if model.input_size > 0 else 0
            frame = _frame([series_of(history)[-read:] for history in histories])
            answers = trained.predict(df=frame).set_index(["unique_id", "ds"])
            return [_answer(answers.loc[number], history) for number, history in enumerate(histories)]

        return forecast

    def __call__(self, histories: Sequence[pd.DataFrame], horizon: int) -> list[Answer]:
        """The forecasts after a fit on these histories."""
        return self.fit(histories, horizon)(histories, horizon)


def _frame(series: Sequence[Floats]) -> pd.DataFrame:
    """The long table of series that neuralforecast reads: unique_id, ds, y."""
    lengths = [len(values) for values in series]
    return pd.DataFrame(
        {
            "unique_id": np.repeat(np.arange(len(series)), lengths),
            "ds": np.concatenate([np.arange(length) for length in lengths]),
            "y": np.concatenate(series),
        }
    )


def _answer(forecast: pd.DataFrame, history: pd.DataFrame) -> Answer:
    """Prices (h,), or level → prices, of the columns NHITS, or NHITS-median, NHITS-lo-80, NHITS-hi-80, …"""
    prices = to_prices(forecast.to_numpy(dtype=np.float64), history)
    found: dict[float, Floats] = {}
    for name, values in zip(forecast.columns, prices.T, strict=True):
        if interval := INTERVAL.search(str(name)):
            side = -1 if interval[1] == "lo" else 1
            found[round(0.5 + side * float(interval[2]) / 200, 6)] = values
        elif str(name).endswith("-median"):
            found[0.5] = values
    return found if len(found) > 1 else prices[:, 0]
