"""Kronos as a model: a foundation model of candlesticks. Its code comes from a repository, not from pip."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from gatecast._typing import Floats
from gatecast.models.foreign.imports import imported

PRICES = ["open", "high", "low", "close"]
SOURCE = "https://github.com/shiyu-coder/Kronos (its folder on PYTHONPATH)"


@dataclass(frozen=True)
class Kronos:
    """Paths of prices that Kronos draws, zero-shot, from open, high, low, close and volume (Shi et al. 2025).

    Parameters
    ----------
    weights, tokenizer
        Names on the hub, or folders.
    context
        How many of the last bars it reads, at most; 512 is the most that small and base take.
    paths
        How many make its distribution.
    temperature, top_p
        Of the drawing, as its authors have them.
    seed
        Of the drawing, the same at every origin.
    device
        As PyTorch names it.
    trained_until
        Its training ends in February 2024, its validation in May; its authors count what follows as out of
        sample (issue 204 of the repository).
    """

    weights: str = "NeoQuasar/Kronos-small"
    tokenizer: str = "NeoQuasar/Kronos-Tokenizer-base"
    context: int = 512
    paths: int = 50
    temperature: float = 1.0
    top_p: float = 0.9
    seed: int = 0
    device: str = "cpu"
    trained_until: str = "2024-05-31"

    @cached_property
    def _predictor(self) -> Any:
        kronos = imported("model", SOURCE, "Kronos")
        return kronos.KronosPredictor(
            kronos.Kronos.from_pretrained(self.weights),
            kronos.KronosTokenizer.from_pretrained(self.tokenizer),
            device=self.device,
            max_context=self.context,
        )

    def __call__(self, history: pd.DataFrame, horizon: int) -> Floats:
        """(S, h) prices of S paths."""
        torch = imported("torch", "torch", "Kronos")
        bars = candles(history.iloc[-self.context :])
        known, later = pd.Series(history.index[-self.context :]), pd.Series(following(history.index, horizon))
        alike = [bars] * self.paths
        # a path each: it takes the mean of the samples of one
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            torch.manual_seed(self.seed)
            drawn = self._predictor.predict_batch(
                alike, [known] * self.paths, [later] * self.paths,
                pred_len=horizon, T=self.temperature, top_p=self.top_p, sample_count=1, verbose=False,
            )  # fmt: skip
        return np.stack([path[history.attrs["column"]].to_numpy(dtype=np.float64) for path in drawn])


def candles(history: pd.DataFrame) -> pd.DataFrame:
    """Open, high, low, close, and volume where it is known throughout; what a bar lacks is its close."""
    close = history["close"]
    bars = pd.DataFrame({name: history.get(name, close).fillna(close) for name in PRICES})
    if "volume" in history and history["volume"].notna().all():
        bars["volume"] = history["volume"]
    return bars.reset_index(drop=True)


def following(times: pd.Index, horizon: int) -> pd.DatetimeIndex:
    """The next bars' times as far as the last ones show them: on weekdays, or at the usual distance."""
    index = pd.DatetimeIndex(times)
    gaps = np.diff(index.to_numpy()[-250:])
    usual = pd.Timedelta(np.median(gaps.astype("timedelta64[ns]").astype(np.int64)), unit="ns")
    if usual == pd.Timedelta(days=1) and (index[-250:].day_of_week < 5).all():
        return pd.bdate_range(index[-1] + pd.Timedelta(days=1), periods=horizon)
    return pd.DatetimeIndex([index[-1] + usual * step for step in range(1, horizon + 1)])
