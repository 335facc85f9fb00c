"""neuralforecast: its RNN, LSTM, GRU their decoder cut down to ours, all that can be switched off is."""

from __future__ import annotations

import logging
import os
import time
from typing import Any

import neuralforecast
import numpy as np
import pandas as pd
import torch
from jobs import LEARNING_RATE, Job
from neuralforecast import NeuralForecast
from neuralforecast.losses.pytorch import MSE
from neuralforecast.models import GRU, LSTM, RNN

from sides.clock import QUIET, Clock

torch.set_num_threads(int(os.environ["BENCH_THREADS"]))
logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
CELLS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}
_now: dict[str, Any] = {}


def model_of(job: Job, steps: int, seed: int) -> Any:
    return CELLS[job.cell](
        h=1,
        input_size=job.lookback,
        encoder_n_layers=job.layers,
        encoder_hidden_size=job.hidden,
        decoder_layers=1 + len(job.mlp),
        decoder_hidden_size=job.mlp[0] if job.mlp else job.hidden,
        recurrent=False,
        hist_exog_list=[f"x{index}" for index in range(1, job.features)] or None,
        loss=MSE(),
        max_steps=steps,
        val_check_steps=steps,
        learning_rate=LEARNING_RATE,
        batch_size=1,
        windows_batch_size=job.batch,
        scaler_type="identity",
        random_seed=seed,
        callbacks=[Clock()],
        **QUIET,
    )


def frame_of(rows: np.ndarray) -> pd.DataFrame:
    columns = {"unique_id": "one", "ds": np.arange(len(rows)), "y": rows[:, 0]}
    return pd.DataFrame(columns | {f"x{index}": rows[:, index] for index in range(1, rows.shape[1])})


def prepare(job: dict[str, Any], seeds: list[int], variant: str) -> dict[str, Any]:
    own = Job.from_dict(job)
    _now.update(job=own, frame=frame_of(own.series()), seeds=seeds)
    began = time.perf_counter()
    model = _train(seeds[0], own.batches)
    first = time.perf_counter() - began
    Clock.reset()
    _train(seeds[0], own.batches)
    return {
        "first_call_s": first,
        "probe_us": 1e6 * Clock.seconds / Clock.steps,
        "parameters": sum(value.numel() for value in model.parameters()),
        "versions": {"neuralforecast": neuralforecast.__version__},
    }


def once(epochs: int) -> dict[str, Any]:
    Clock.reset()
    began = time.perf_counter()
    for seed in _now["seeds"]:
        _train(seed, epochs * _now["job"].batches)
    whole = time.perf_counter() - began
    return {
        "seconds": Clock.seconds,
        "cpu_s": Clock.cpu,
        "start_up_s": (whole - Clock.seconds) / Clock.trainings,
        "steps": Clock.steps / Clock.trainings,
    }


def _train(seed: int, steps: int) -> Any:
    forecaster = NeuralForecast([model_of(_now["job"], steps, seed)], freq=1)
    forecaster.fit(_now["frame"], val_size=0)
    return forecaster.models[0]


def walk(job: dict[str, Any], file: str, refits: int, stride: int, steps: int) -> dict[str, Any]:
    """One model and seed through cross_validation(refit=True): `refits` trainings of `steps` steps."""
    own, rows = Job.from_dict(job), np.load(file)["rows"]
    Clock.reset()
    Clock.breaks_off = False
    began = time.perf_counter()
    forecaster = NeuralForecast([model_of(own, steps, 0)], freq=1)
    forecaster.cross_validation(frame_of(rows), n_windows=refits, step_size=stride, refit=True)
    return {
        "seconds": time.perf_counter() - began,
        "training_s": Clock.seconds,
        "refits": Clock.trainings,
        "steps": Clock.steps,
    }
