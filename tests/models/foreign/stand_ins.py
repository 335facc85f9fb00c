"""Stand-ins for libraries that are not here: they speak the interface, and compute next to nothing.

Interfaces as of statsforecast 2.1, darts 0.48, neuralforecast 3.3, chronos-forecasting 2.3, tirex-ts 1.4,
timesfm 3.0 (its TimesFM 2.5) and the repository of Kronos in 2026.
"""

from __future__ import annotations

import contextlib
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

SPREAD = 0.02  # standard deviation of what is forecast, in log price


def modules() -> dict[str, ModuleType]:
    """Name → stand-in, for sys.modules."""
    parts: dict[str, dict[str, Any]] = {
        "statsforecast": {},
        "statsforecast.models": dict.fromkeys(("AutoARIMA", "AutoETS", "Theta"), Drift),
        "darts": {"TimeSeries": Series},
        "darts.models": {"LinearRegressionModel": Global},
        "neuralforecast": {"NeuralForecast": Trained},
        "neuralforecast.models": {"NHITS": Nhits},
        "chronos": {"Chronos2Pipeline": Chronos},
        "tirex": {"load_model": lambda weights, device: Tirex()},
        "timesfm": {"TimesFM_2p5_200M_torch": Timesfm, "ForecastConfig": SimpleNamespace},
        "model": {"Kronos": Hub, "KronosTokenizer": Hub, "KronosPredictor": Predictor},
        "torch": {
            "random": SimpleNamespace(fork_rng=lambda devices: contextlib.nullcontext()),
            "cuda": SimpleNamespace(device_count=lambda: 0),
            "manual_seed": Predictor.seeded,
            "Tensor": Hub,  # SciPy asks whether an array is one
        },
    }
    made = {}
    for name, contents in parts.items():
        made[name] = ModuleType(name)
        vars(made[name]).update(contents)
    return made


def quantiles(series: Any, horizon: int, levels: list[float]) -> np.ndarray:
    """(h, L): around the mean of the last three."""
    middle = np.asarray(series, dtype=np.float64)[-3:].mean()
    return np.tile(middle * np.exp(SPREAD * ndtri(levels)), (horizon, 1))


class Drift:
    """statsforecast: the last value and the mean change of what it was fitted on."""

    def __init__(self, season_length: int = 1) -> None:
        self.season_length = season_length

    def fit(self, y: np.ndarray) -> Drift:
        self.change = np.diff(y).mean()
        return self

    def forward(self, y: np.ndarray, h: int, level: list[int]) -> dict[str, np.ndarray]:
        assert all(isinstance(one, int) for one in level)
        mean = y[-1] + self.change * np.arange(1, h + 1)
        answer = {"mean": mean}
        for one in level:
            half = SPREAD * ndtri(0.5 + one / 200)
            answer |= {f"lo-{one}": mean - half, f"hi-{one}": mean + half}
        return answer

    def forecast(self, y: np.ndarray, h: int, level: list[int]) -> dict[str, np.ndarray]:
        return self.fit(y).forward(y, h, level)


class Series:
    """darts: values (n, components, samples)."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    @classmethod
    def from_values(cls, values: np.ndarray) -> Series:
        return cls(values.reshape(-1, 1, 1))

    def all_values(self) -> np.ndarray:
        return self.values


class Local:
    """darts: a model of the series that it was fitted on, and of no other."""

    supports_transferable_series_prediction = False

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def fit(self, series: Any) -> Local:
        self.fitted = series if isinstance(series, list) else [series]
        self.change = np.concatenate([np.diff(one.values.ravel()) for one in self.fitted]).mean()
        return self

    def predict(self, n: int, series: Any = None, num_samples: int = 1, random_state: int = 0) -> Any:
        if isinstance(series, list):
            return [self.predict(n, one, num_samples, random_state) for one in series]
        last = (series or self.fitted[0]).values[-1]
        noise = np.random.default_rng(random_state).normal(0, SPREAD, (n, 1, num_samples))
        steps = self.change * np.arange(1, n + 1)[:, None, None]
        return Series(last + steps + (noise if num_samples > 1 else 0))


class Global(Local):
    """darts: a model that forecasts any series."""

    supports_transferable_series_prediction = True


class Nhits:
    """neuralforecast: a model to be trained."""

    def __init__(self, h: int, input_size: int, columns: tuple[str, ...] = ("",), **settings: Any) -> None:
        self.h, self.input_size, self.columns = h, input_size, columns


class Trained:
    """neuralforecast: models in training."""

    def __init__(self, models: list[Nhits], freq: int) -> None:
        (self.model,) = models

    def fit(self, df: pd.DataFrame) -> None:
        assert list(df.columns) == ["unique_id", "ds", "y"]
        self.change = df.groupby("unique_id")["y"].diff().mean()

    def predict(self, df: pd.DataFrame) -> pd.DataFrame:
        last = df.groupby("unique_id").last()
        assert (df.groupby("unique_id").size() <= max(self.model.input_size, 1)).all()
        parts = []
        for step in range(1, self.model.h + 1):
            part = pd.DataFrame({"unique_id": last.index, "ds": last["ds"].to_numpy() + step})
            for name in self.model.columns:
                side = SPREAD * (("-hi-" in name) - float("-lo-" in name))
                part[f"NHITS{name}"] = last["y"].to_numpy() + step * self.change + side
            parts.append(part)
        return pd.concat(parts).sort_values(["unique_id", "ds"], ignore_index=True)


class Chronos:
    """chronos: a pipeline."""

    @classmethod
    def from_pretrained(cls, weights: str, device_map: str) -> Chronos:
        return cls()

    def predict_quantiles(self, inputs: Any, prediction_length: int, quantile_levels: list[float]) -> Any:
        answers = [quantiles(one, prediction_length, quantile_levels)[None] for one in inputs]
        return answers, [answer[..., len(quantile_levels) // 2] for answer in answers]


class Tirex:
    """tirex: a model."""

    def forecast(self, context: Any, prediction_length: int, output_type: str) -> Any:
        assert output_type == "numpy"
        levels = np.arange(1, 10) / 10
        answers = np.stack([quantiles(one, prediction_length, levels) for one in context])
        return answers, answers[..., 4]


class Timesfm:
    """timesfm: a model, to be compiled for a context and a horizon."""

    forecast_config = None

    @classmethod
    def from_pretrained(cls, weights: str) -> Timesfm:
        return cls()

    def compile(self, settings: Any) -> None:
        self.forecast_config = settings

    def forecast(self, horizon: int, inputs: Any) -> Any:
        assert horizon <= self.forecast_config.max_horizon
        assert max(map(len, inputs)) <= self.forecast_config.max_context
        answers = np.stack([quantiles(one, horizon, np.arange(1, 10) / 10) for one in inputs])
        mean = answers.mean(axis=-1, keepdims=True)
        return mean[..., 0], np.concatenate([mean, answers], axis=-1)


class Hub:
    """Kronos: a model or a tokenizer."""

    @classmethod
    def from_pretrained(cls, weights: str) -> Hub:
        return cls()


class Predictor:
    """Kronos: draws one path for each of a list of tables, from numbers that PyTorch's seed decides."""

    rng = np.random.default_rng(0)

    def __init__(self, model: Hub, tokenizer: Hub, device: str, max_context: int) -> None:
        self.max_context = max_context

    @classmethod
    def seeded(cls, seed: int) -> None:
        cls.rng = np.random.default_rng(seed)

    def predict_batch(
        self, df_list: Any, x_timestamp_list: Any, y_timestamp_list: Any, pred_len: int, **drawing: Any
    ) -> list[pd.DataFrame]:
        table, known, later = df_list[0], x_timestamp_list[0], y_timestamp_list[0]
        assert len(df_list) == len(x_timestamp_list) == len(y_timestamp_list)
        assert len(table) == len(known.dt.day_of_week) <= self.max_context
        assert len(later.dt.hour) == pred_len and drawing["sample_count"] == 1
        assert not table.isna().any(axis=None)
        steps = np.exp(self.rng.normal(0, SPREAD, (len(df_list), pred_len, 1)).cumsum(axis=1))
        return [pd.DataFrame(path, later, table.columns) for path in steps * table.to_numpy()[-1]]
