"""darts: BlockRNNModel with our head; as much switched off as it lets one."""

from __future__ import annotations

import logging
import os
import time
from typing import Any

import darts
import numpy as np
import torch
from darts import TimeSeries
from darts.models import BlockRNNModel
from jobs import LEARNING_RATE, Job

from sides.clock import QUIET, Clock

torch.set_num_threads(int(os.environ["BENCH_THREADS"]))
logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
_now: dict[str, Any] = {}


def model_of(job: Job, epochs: int, seed: int) -> Any:
    return BlockRNNModel(
        input_chunk_length=job.lookback,
        output_chunk_length=1,
        model=job.cell.upper(),
        hidden_dim=job.hidden,
        n_rnn_layers=job.layers,
        hidden_fc_sizes=list(job.mlp) or None,
        activation=None,
        batch_size=job.batch,
        n_epochs=epochs,
        optimizer_kwargs={"lr": LEARNING_RATE},
        random_state=seed,
        save_checkpoints=False,
        pl_trainer_kwargs={**QUIET, "callbacks": [Clock()]},
    )


def series_of(rows: np.ndarray) -> tuple[TimeSeries, TimeSeries | None]:
    """The target, and the other columns as past covariates."""
    past = TimeSeries.from_values(rows[:, 1:].astype(np.float32)) if rows.shape[1] > 1 else None
    return TimeSeries.from_values(rows[:, :1].astype(np.float32)), past


def prepare(job: dict[str, Any], seeds: list[int], variant: str) -> dict[str, Any]:
    own = Job.from_dict(job)
    _now.update(job=own, series=series_of(own.series()), seeds=seeds)
    began = time.perf_counter()
    model = _train(seeds[0], 1)
    first = time.perf_counter() - began
    Clock.reset()
    _train(seeds[0], 1)
    return {
        "first_call_s": first,
        "probe_us": 1e6 * Clock.seconds / Clock.steps,
        "parameters": sum(value.numel() for value in model.model.parameters()),
        "versions": {"darts": darts.__version__},
    }


def once(epochs: int) -> dict[str, Any]:
    Clock.reset()
    began = time.perf_counter()
    for seed in _now["seeds"]:
        _train(seed, epochs)
    whole = time.perf_counter() - began
    return {
        "seconds": Clock.seconds,
        "cpu_s": Clock.cpu,
        "start_up_s": (whole - Clock.seconds) / Clock.trainings,
        "steps": Clock.steps / Clock.trainings,
    }


def _train(seed: int, epochs: int) -> Any:
    model = model_of(_now["job"], epochs, seed)
    target, past = _now["series"]
    model.fit(target, past_covariates=past)
    return model


def walk(job: dict[str, Any], file: str, refits: int, stride: int, steps: int) -> dict[str, Any]:
    """One model and seed, historical_forecasts(retrain=True): `refits` trainings of about `steps` steps."""
    own, rows = Job.from_dict(job), np.load(file)["rows"]
    target, past = series_of(rows)
    start = len(rows) - 1 - stride * (refits - 1)
    per_epoch = -(-(start + stride * (refits - 1) // 2) // own.batch)
    model = model_of(own, max(round(steps / per_epoch), 1), 0)
    Clock.reset()
    Clock.breaks_off = False
    began = time.perf_counter()
    model.historical_forecasts(
        target,
        past_covariates=past,
        start=start,
        start_format="position",
        stride=stride,
        retrain=True,
        show_warnings=False,
    )
    return {
        "seconds": time.perf_counter() - began,
        "training_s": Clock.seconds,
        "refits": Clock.trainings,
        "steps": Clock.steps,
    }
