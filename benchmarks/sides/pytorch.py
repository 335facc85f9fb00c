"""PyTorch, a plain training loop over tensors in memory (no DataLoader, which would only cost time).

variant: "adam" (torch.optim.Adam as it comes), "fused" (Adam in one kernel), "compiled" (torch.compile of the
forward pass and loss around nn.LSTM, which it leaves as it is; fused Adam), "compiled-cell" (the same with
the cell written out, so that the compiler sees all of it), "stacked" (all networks at once: the cell written
out, torch.func.vmap over their weights, fused Adam). BENCH_DEVICE: cpu or cuda.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from jobs import LEARNING_RATE, LIMIT, Job, first_weights
from torch import Tensor, nn
from torch.nn.functional import mse_loss

torch.set_num_threads(int(os.environ["BENCH_THREADS"]))
torch.set_default_device(os.environ.get("BENCH_DEVICE", "cpu"))
torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = (
    False  # single precision, as gatecast
)
_now: dict[str, Any] = {}


class Network(nn.Module):
    """Recurrent layers, linear hidden layers, one output from the last state."""

    def __init__(
        self, cell: str, features: int, hidden: int, layers: int, mlp: tuple[int, ...], both: bool = False
    ) -> None:
        super().__init__()
        layer = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[cell]
        self.recurrent = layer(features, hidden, layers, batch_first=True, bidirectional=both)
        self.both, self.hidden = both, hidden
        sizes = (hidden * (1 + both), *mlp, 1)
        self.head = nn.Sequential(*(nn.Linear(*pair) for pair in pairwise(sizes)))

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.recurrent(x)
        last = states[:, -1]
        if self.both:
            last = torch.cat([last[:, : self.hidden], states[:, 0, self.hidden :]], dim=1)
        return self.head(last)[:, 0]


class Written(Network):
    """The same weights, the cell's equations in tensor operations."""

    def forward(self, x: Tensor) -> Tensor:
        cell = {nn.RNN: _rnn, nn.LSTM: _lstm, nn.GRU: _gru}[type(self.recurrent)]
        states = list(x.unbind(1))
        for weights in self.recurrent.all_weights:
            w_ih, w_hh, b_ih, b_hh = weights
            zero = torch.zeros(len(x), self.hidden)
            carry, outputs = (zero, zero), []
            for state in states:
                carry = cell(state @ w_ih.T + b_ih, carry[0] @ w_hh.T + b_hh, carry)
                outputs.append(carry[0])
            states = outputs
        return self.head(states[-1])[:, 0]


def _rnn(x: Tensor, h: Tensor, carry: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    return torch.tanh(x + h), carry[1]


def _lstm(x: Tensor, h: Tensor, carry: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    i, f, g, o = (x + h).chunk(4, 1)
    c = torch.sigmoid(f) * carry[1] + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def _gru(x: Tensor, h: Tensor, carry: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    (x_r, x_z, x_n), (h_r, h_z, h_n) = x.chunk(3, 1), h.chunk(3, 1)
    r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
    n = torch.tanh(x_n + r * h_n)
    return n + z * (carry[0] - n), carry[1]


def prepare(job: dict[str, Any], seeds: list[int], variant: str, weights: str) -> dict[str, Any]:
    _now.clear()
    torch._dynamo.reset()
    own = Job.from_dict(job)
    X, y = (torch.tensor(part) for part in own.arrays())
    kind = Written if variant in ("compiled-cell", "stacked") else Network
    network = kind(own.cell, own.features, own.hidden, own.layers, own.mlp)

    def loss(x: Tensor, y: Tensor) -> Tensor:
        return mse_loss(network(x), y)

    _now.update(
        network=network,
        loss=torch.compile(loss) if variant.startswith("compiled") else loss,
        fused=variant != "adam",
        stacked=variant == "stacked",
        batches=list(zip(X.split(own.batch), y.split(own.batch), strict=True)),
        starts=[_start(params) for params in first_weights(weights, seeds)],
    )
    first, second = (_timed() for _ in range(2))
    return {
        "first_call_s": first,
        "probe_us": 1e6 * second / (own.batches * (len(seeds) if variant == "stacked" else 1)),
        "parameters": sum(value.numel() for value in network.parameters()),
        "versions": {"torch": torch.__version__},
    }


def _timed() -> float:
    began = time.perf_counter()
    _train_stacked(1) if _now["stacked"] else _train(_now["starts"][0], 1)
    return time.perf_counter() - began


def once(epochs: int) -> dict[str, Any]:
    began = time.perf_counter()
    if _now["stacked"]:
        steps = _train_stacked(epochs, began + LIMIT)[1]
    else:
        steps = sum(_train(start, epochs, began + LIMIT)[1] for start in _now["starts"]) / len(_now["starts"])
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return {"seconds": time.perf_counter() - began, "steps": steps}


def check() -> dict[str, Any]:
    if _now["stacked"]:
        return {"losses": _train_stacked(2)[0]}
    return {"losses": [_train(start, 2)[0] for start in _now["starts"]]}


def _train(start: dict[str, Tensor], epochs: int, deadline: float = math.inf) -> tuple[float, int]:
    """The mean loss of the last epoch, and the steps made: at least one, others only before the deadline."""
    network, batches = _now["network"], _now["batches"]
    loss_of: Callable[[Tensor, Tensor], Tensor] = _now["loss"]
    network.load_state_dict(start)
    optimizer = torch.optim.Adam(network.parameters(), LEARNING_RATE, fused=_now["fused"] or None)
    total, steps = torch.zeros(()), 0
    for _ in range(epochs):
        total = torch.zeros(())
        for x, y in batches:
            if steps and time.perf_counter() > deadline:
                return math.nan, steps
            steps += 1
            optimizer.zero_grad()
            loss = loss_of(x, y)
            loss.backward()
            optimizer.step()
            total += loss.detach()
    return float(total) / len(batches), steps


def _train_stacked(epochs: int, deadline: float = math.inf) -> tuple[list[float], int]:
    """All networks at once: the mean losses of the last epoch, one per network, and the steps made."""
    network, batches, starts = _now["network"], _now["batches"], _now["starts"]
    params = {
        name: torch.stack([start[name] for start in starts]).to(torch.get_default_device()).requires_grad_()
        for name in starts[0]
    }

    def loss_of(params: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return mse_loss(torch.func.functional_call(network, params, (x,)), y)

    losses_of = torch.func.vmap(loss_of, in_dims=(0, None, None))
    optimizer = torch.optim.Adam(params.values(), LEARNING_RATE, fused=True)
    total, steps = torch.zeros(len(starts)), 0
    for _ in range(epochs):
        total = torch.zeros(len(starts))
        for x, y in batches:
            if steps and time.perf_counter() > deadline:
                return [], steps
            steps += 1
            optimizer.zero_grad()
            losses = losses_of(params, x, y)
            losses.sum().backward()
            optimizer.step()
            total += losses.detach()
    return (total / len(batches)).tolist(), steps


def _start(params: dict[str, np.ndarray]) -> dict[str, Tensor]:
    """gatecast's first weights under the names of `Network`."""
    dense = sorted({name.rpartition(".")[0] for name in params if "." in name})
    head = {name: f"head.{index}" for index, name in enumerate(dense)}  # mlp.0, mlp.1, …, out
    start = {}
    for name, value in params.items():
        layer, _, part = name.rpartition(".")
        start[f"{head[layer]}.{part}" if layer else f"recurrent.{name}"] = torch.from_numpy(value)
    return start
