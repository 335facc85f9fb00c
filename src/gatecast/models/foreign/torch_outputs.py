"""Outputs and losses in PyTorch: what the numbers of a module mean, as those of a network in nn/ do."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gatecast.distributions import LEVELS
from gatecast.nn.outputs import LEAST_DF, MEDIAN, MOST_LOG_SCALE, NEUTRAL_GAPS, SMALL

NUMBERS = {"point": 1, "student_t": 3, "quantiles": len(LEVELS)}  # per step, that a module returns
Loss = Callable[[Tensor, Tensor], Tensor]


def outputs(kind: str, raw: Tensor) -> Tensor:
    """(B, h), of distributions (B, h, 3) location, scale and df or (B, h, Q) rising quantiles, in units of u.

    As `gatecast.nn.outputs.output`, but that the module itself gives the raw df: zeros are naive's point with
    the EWMA's interval.
    """
    if kind == "point":
        return raw
    location = SMALL * raw[..., :1]
    if kind == "student_t":
        scale = torch.exp(raw[..., 1:2].clamp(-MOST_LOG_SCALE, MOST_LOG_SCALE))
        df = LEAST_DF + 3 * torch.nn.functional.softplus(raw[..., 2:])
        return torch.cat([location, scale, df], dim=-1)
    gaps = torch.as_tensor(NEUTRAL_GAPS, dtype=raw.dtype, device=raw.device)
    gaps = gaps * torch.exp(raw[..., 1:].clamp(-MOST_LOG_SCALE, MOST_LOG_SCALE))
    down = -gaps[..., :MEDIAN].flip(-1).cumsum(-1).flip(-1)
    up = gaps[..., MEDIAN:].cumsum(-1)
    return location + torch.cat([down, torch.zeros_like(location), up], dim=-1)


def mse(output: Tensor, target: Tensor) -> Tensor:
    """The mean of (output - target)²."""
    return torch.nn.functional.mse_loss(output, target)


def mae(output: Tensor, target: Tensor) -> Tensor:
    """The mean of |output - target|."""
    return torch.nn.functional.l1_loss(output, target)


def huber(output: Tensor, target: Tensor) -> Tensor:
    """The mean of Huber's (1964) loss with threshold 1."""
    return torch.nn.functional.huber_loss(output, target)


def nll(output: Tensor, target: Tensor) -> Tensor:
    """The mean of - log density of Student's t."""
    location, scale, df = output.unbind(-1)
    return (torch.log(scale) - _log_density((target - location) / scale, df)).mean()


def crps(output: Tensor, target: Tensor) -> Tensor:
    """The mean CRPS of Student's t; see `gatecast.nn.losses.student_t_crps`."""
    location, scale, df = output.unbind(-1)
    z = (target - location) / scale
    tail = 2 * torch.exp(_log_density(z, df)) * (df + z**2) / (df - 1)
    apart = torch.exp(_log_beta_half(df - 0.5) - 2 * _log_beta_half(df / 2))
    return (scale * (z * (2 * _cdf(z, df) - 1) + tail - 2 * torch.sqrt(df) / (df - 1) * apart)).mean()


def pinball(output: Tensor, target: Tensor) -> Tensor:
    """The mean over levels of the pinball loss."""
    error = target[..., None] - output
    level = torch.as_tensor(LEVELS, dtype=output.dtype, device=output.device)
    return torch.maximum(level * error, (level - 1) * error).mean()


LOSSES: dict[str, Loss] = {
    "mse": mse, "mae": mae, "huber": huber, "nll": nll, "crps": crps, "pinball": pinball,
}  # fmt: skip


def _log_density(z: Tensor, df: Tensor) -> Tensor:
    return -0.5 * torch.log(df) - _log_beta_half(df / 2) - (df + 1) / 2 * torch.log1p(z**2 / df)


def _log_beta_half(b: Tensor) -> Tensor:
    """log B(1/2, b)."""
    return 0.5 * math.log(math.pi) + torch.lgamma(b) - torch.lgamma(b + 0.5)


def _cdf(z: Tensor, df: Tensor) -> Tensor:
    """Distribution function of the standard Student t, with derivatives; see `gatecast.nn.losses`."""
    node, weight = (_like(part, z) for part in np.polynomial.legendre.leggauss(32))
    angle = torch.arctan(z / torch.sqrt(df))[..., None]
    height = torch.exp((df[..., None] - 1) * torch.log(torch.cos(angle * (node + 1) / 2)))
    area = (height * weight / 2).sum(-1) * angle[..., 0]
    return 0.5 + area * torch.exp(-_log_beta_half(df / 2))


def _like(values: Any, tensor: Tensor) -> Tensor:
    return torch.as_tensor(values, dtype=tensor.dtype, device=tensor.device)
