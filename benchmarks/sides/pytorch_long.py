"""walk as loops in PyTorch: search with early stopping, refit, forecast; windows laid out once per fold."""

from __future__ import annotations

import copy
import time
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from sides.pytorch import LEARNING_RATE, Network


def walk(walk: dict[str, Any], file: str, tasks: list[list[Any]], variant: str) -> dict[str, Any]:
    """tasks: [model, seed, fold] to do here."""
    arrays = np.load(file)
    began, models = time.perf_counter(), {name: {"seconds": 0.0, "steps": 0} for name in walk["models"]}
    for name, seed, fold in tasks:
        start = time.perf_counter()
        models[name]["steps"] += _member(walk, arrays, name, seed, fold, fused=variant == "fused")
        models[name]["seconds"] += time.perf_counter() - start
    versions = {"torch": torch.__version__}
    return {"seconds": time.perf_counter() - began, "models": models, "versions": versions}


def _member(walk: dict[str, Any], arrays: Any, name: str, seed: int, fold: int, *, fused: bool) -> int:
    """Steps of both stages."""
    torch.manual_seed(1000 * fold + seed)
    cell, both = walk["models"][name]
    network = Network(cell, arrays["rows"].shape[1], walk["hidden"], 1, (), both)
    first = copy.deepcopy(network.state_dict())
    X, y = _windows(arrays, fold, "search", "train", walk["lookback"])
    held = _windows(arrays, fold, "search", "validation", walk["lookback"])
    best, best_epoch, steps, optimizer = float("inf"), 1, 0, _optimizer(network, fused)
    for epoch in range(1, walk["epochs"] + 1):
        steps += _epoch(network, optimizer, X, y, walk["batch"])
        with torch.no_grad():
            loss = float(mse_loss(network(held[0]), held[1]))
        if loss < best:
            best, best_epoch, _ = loss, epoch, copy.deepcopy(network.state_dict())
        if epoch - best_epoch >= walk["patience"]:
            break
    network.load_state_dict(first)
    optimizer = _optimizer(network, fused)
    X, y = _windows(arrays, fold, "refit", "train_validation", walk["lookback"])
    for _ in range(best_epoch):
        steps += _epoch(network, optimizer, X, y, walk["batch"])
    with torch.no_grad():
        network(_windows(arrays, fold, "refit", "test", walk["lookback"])[0])
    return steps


def _optimizer(network: Network, fused: bool) -> torch.optim.Optimizer:
    return torch.optim.Adam(network.parameters(), LEARNING_RATE, fused=fused or None)


def _epoch(network: Network, optimizer: torch.optim.Optimizer, X: Tensor, y: Tensor, batch: int) -> int:
    order = torch.randperm(len(X)).split(batch)
    for part in order:
        optimizer.zero_grad()
        mse_loss(network(X[part]), y[part]).backward()
        optimizer.step()
    return len(order)


def _windows(arrays: Any, fold: int, stage: str, part: str, lookback: int) -> tuple[Tensor, Tensor]:
    origins = arrays[f"{fold}/{part}"]
    sessions = origins[:, None] + np.arange(1 - lookback, 1)
    x, y = arrays[f"{fold}/{stage}/x"][sessions], arrays[f"{fold}/{stage}/y"][origins]
    return torch.from_numpy(x), torch.from_numpy(y)
