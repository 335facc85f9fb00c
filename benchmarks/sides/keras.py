"""Keras: one compiled model, given each network's first weights in turn; `fit` does the rest."""

from __future__ import annotations

import math
import os
import time
from typing import Any

import keras
import numpy as np
from jobs import LEARNING_RATE, LIMIT, Job, first_weights

if keras.backend.backend() == "torch":
    import torch

    torch.set_num_threads(int(os.environ["BENCH_THREADS"]))

LAYERS = {"rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}
_now: dict[str, Any] = {}


def prepare(job: dict[str, Any], seeds: list[int], variant: str, weights: str) -> dict[str, Any]:
    own = Job.from_dict(job)
    X, y = own.arrays()
    layer = LAYERS[own.cell]
    model = keras.Sequential([keras.Input((own.lookback, own.features))])
    for index in range(own.layers):
        model.add(layer(own.hidden, return_sequences=index < own.layers - 1))
    for size in (*own.mlp, 1):
        model.add(keras.layers.Dense(size))
    model.compile(
        keras.optimizers.Adam(LEARNING_RATE, epsilon=1e-8),
        loss="mse",
        steps_per_execution=10 if variant == "ten steps per execution" else 1,
    )
    starts = [_start(own, params) for params in first_weights(weights, seeds)]
    _now.update(job=own, model=model, X=X, y=y[:, None], starts=starts)
    first, second = (_train(starts[0], 1)[0] for _ in range(2))
    return {
        "first_call_s": first,
        "probe_us": 1e6 * second / own.batches,
        "parameters": model.count_params(),
        "versions": {"keras": keras.__version__},
    }


def once(epochs: int) -> dict[str, Any]:
    runs = [_train(start, epochs, LIMIT / len(_now["starts"])) for start in _now["starts"]]
    steps = sum(run[2] for run in runs) * _now["job"].batches
    return {"seconds": sum(run[0] for run in runs), "steps": steps / len(runs)}


def check() -> dict[str, Any]:
    return {"losses": [_train(start, 2)[1] for start in _now["starts"]]}


class _Limit(keras.callbacks.Callback):
    """No epoch is begun after `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.end = time.perf_counter() + seconds

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.model.stop_training = time.perf_counter() > self.end


def _train(start: list[np.ndarray], epochs: int, limit: float = math.inf) -> tuple[float, float, int]:
    """Seconds, the last epoch's mean loss, and epochs."""
    model, job = _now["model"], _now["job"]
    model.set_weights(start)
    for value in model.optimizer.variables:
        if value is not model.optimizer._learning_rate:
            value.assign(np.zeros(value.shape, value.dtype))
    began = time.perf_counter()
    history = model.fit(
        _now["X"], _now["y"], job.batch, epochs, verbose=0, shuffle=False, callbacks=[_Limit(limit)]
    )
    losses = history.history["loss"]
    return time.perf_counter() - began, losses[-1], len(losses)


def _start(job: Job, params: dict[str, np.ndarray]) -> list[np.ndarray]:
    """torch.nn.LSTM's weights as Keras': transposed; the GRU's gates z, r, n instead of r, z, n."""

    def gates(weight: np.ndarray) -> np.ndarray:
        if job.cell != "gru":
            return weight
        r, z, n = np.split(weight, 3)
        return np.concatenate([z, r, n])

    start = []
    for layer in range(job.layers):
        start += [gates(params[f"weight_{part}_l{layer}"]).T for part in ("ih", "hh")]
        biases = [gates(params[name]) for part in ("ih", "hh") if (name := f"bias_{part}_l{layer}") in params]
        start.append(np.stack(biases) if len(biases) == 2 else biases[0])
    for name in (*(f"mlp.{index}" for index in range(len(job.mlp))), "out"):
        start += [params[f"{name}.weight"].T, params[f"{name}.bias"]]
    return start
