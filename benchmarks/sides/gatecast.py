"""gatecast, through `fit_windows`, with the settings of its command line."""

from __future__ import annotations

# isort: off
from sides import prepared  # noqa: F401  (first: before JAX)

# isort: on
import math
import time
from typing import Any

import jax
import numpy as np
from jobs import LEARNING_RATE, Job

import gatecast as gc
from gatecast.nn.network import init_params, shapes
from gatecast.nn.program import key_of

_now: dict[str, Any] = {}


def network_of(job: Job, init: str = "pytorch") -> gc.Network:
    return gc.Network(
        cell=job.cell,
        hidden_size=job.hidden,
        num_layers=job.layers,
        mlp=job.mlp,
        activation="linear",
        init=init,
    )


def prepare(job: dict[str, Any], seeds: list[int], variant: str) -> dict[str, Any]:
    _now.update(job=Job.from_dict(job), arrays=Job.from_dict(job).arrays(), seeds=len(seeds))
    began = time.perf_counter()
    _train(_now["job"].epochs, "pytorch")
    first = time.perf_counter() - began
    second = once(_now["job"].epochs)["seconds"]
    own = _now["job"]
    named = shapes(network_of(own), features=own.features, lookback=own.lookback, horizon=1)
    return {
        "first_call_s": first,
        "probe_us": 1e6 * second / (own.steps * len(seeds)),
        "parameters": sum(math.prod(shape) for shape in named.values()),
        "versions": {"gatecast": gc.__version__, "jax": jax.__version__},
    }


def once(epochs: int) -> dict[str, Any]:
    began = time.perf_counter()
    _train(epochs, "pytorch")
    return {"seconds": time.perf_counter() - began}


def device_peak() -> dict[str, Any]:
    """MB of a GPU's memory that were in use at most."""
    return {"mb": (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use", 0) / 2**20}


def check(init: str) -> dict[str, Any]:
    history = _train(max(_now["job"].epochs, 2), init).history
    return {"losses": history[history["epoch"] == 2].sort_values("seed")["loss"].tolist()}


def write_weights(job: dict[str, Any], seeds: list[int], init: str, file: str) -> dict[str, Any]:
    """The first weights of every network, under torch.nn.LSTM's names, for the other sides.

    One array per name, the networks its leading axis; `seeds` says which.
    """
    own = Job.from_dict(job)
    network = network_of(own, init)

    def drawn(seed: jax.Array) -> dict[str, jax.Array]:
        key = key_of(seed, 0, network.tag)
        return init_params(network, key, features=own.features, lookback=own.lookback, horizon=1)

    weights = jax.jit(jax.vmap(drawn))(np.array(seeds, np.uint32))
    np.savez(file, seeds=seeds, **weights)
    return {}


def _train(epochs: int, init: str) -> Any:
    job, (X, y) = _now["job"], _now["arrays"]
    training = gc.Training(
        epochs=epochs,
        batch_size=job.batch,
        shuffle=False,
        learning_rate=LEARNING_RATE,
        patience=None,
        clip_norm=None,
    )
    return gc.fit_windows(network_of(job, init), training, X, y, seeds=_now["seeds"])
