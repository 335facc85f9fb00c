"""Writes recurrent.npz: outputs and gradients of PyTorch's recurrent layers, in float64.

Run with PyTorch 2.13 installed: python tests/golden/make_recurrent.py
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

F, H = 3, 5
CELLS = ("rnn", "lstm", "gru", "gru_reset_before")
MODULES = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}


class Form(NamedTuple):
    """B windows of T time steps; given: they start from states that are not zero."""

    layers: int
    both: bool
    B: int = 3
    T: int = 5
    given: bool = True


FORMS = {
    "one": Form(1, False, given=False),
    "both": Form(1, True),
    "two": Form(2, False),
    "two-both": Form(2, True, B=9),  # more than one block of the kernel's
    "one-window": Form(1, False, B=1, T=21),
    "one-step": Form(1, True, T=1),
}


def reset_before(params: dict[str, torch.Tensor], x: torch.Tensor, start: torch.Tensor, form: Form):
    """A GRU as Cho et al. (2014) wrote it: the reset gate acts before the recurrent product."""
    outputs, finals = x, []
    for layer in range(form.layers):
        directions = []
        for suffix in ("", "_reverse")[: 1 + form.both]:
            w_ih, w_hh, b_ih, b_hh = (
                params[f"{name}_l{layer}{suffix}"]
                for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            )
            h, states = start[len(finals)], []
            for t in range(form.T)[:: -1 if suffix else 1]:
                x_r, x_z, x_n = (outputs[:, t] @ w_ih.T + b_ih).chunk(3, -1)
                r = torch.sigmoid(x_r + h @ w_hh[:H].T + b_hh[:H])
                z = torch.sigmoid(x_z + h @ w_hh[H : 2 * H].T + b_hh[H : 2 * H])
                n = torch.tanh(x_n + (r * h) @ w_hh[2 * H :].T + b_hh[2 * H :])
                h = (1 - z) * n + z * h
                states.append(h)
            directions.append(torch.stack(states[:: -1 if suffix else 1], 1))
            finals.append(h)
        outputs = torch.cat(directions, -1)
    return outputs, torch.stack(finals)


def golden(cell: str, form: Form) -> dict[str, np.ndarray]:
    """Results, and gradients of the sum of all results, each times a weight of its own."""
    torch.manual_seed(form.layers + 10 * form.both + 100 * form.B)
    module = MODULES[cell.removesuffix("_reset_before")](
        F, H, num_layers=form.layers, bidirectional=form.both, batch_first=True, dtype=torch.float64
    )
    params = dict(module.named_parameters())
    draw = torch.randn if form.given else torch.zeros
    places = form.layers * (1 + form.both)
    start = [
        draw(places, form.B, H, dtype=torch.float64).requires_grad_() for _ in range(1 + (cell == "lstm"))
    ]
    x = torch.randn(form.B, form.T, F, dtype=torch.float64, requires_grad=True)
    if cell == "gru_reset_before":
        outputs, final = reset_before(params, x, start[0], form)
    else:
        outputs, final = module(x, tuple(start) if len(start) > 1 else start[0])
    finals = final if isinstance(final, tuple) else (final,)
    results = {"outputs": outputs} | {f"final/{i}": part for i, part in enumerate(finals)}
    weights = {name: torch.randn_like(value) for name, value in results.items()}
    sum((weights[name] * value).sum() for name, value in results.items()).backward()
    inputs = {f"params/{name}": value for name, value in params.items()} | {"x": x}
    if form.given:
        inputs |= {f"start/{i}": part for i, part in enumerate(start)}
    arrays = inputs | results
    arrays |= {f"weight/{name}": value for name, value in weights.items()}
    arrays |= {f"grad/{name}": value.grad for name, value in inputs.items()}
    return {name: value.detach().numpy() for name, value in arrays.items()}


def trained(cell: str) -> dict[str, np.ndarray]:
    """Weights before and after twenty steps of Adam, and the batches of windows and targets."""
    torch.manual_seed(0)
    module = MODULES[cell](F, H, batch_first=True, dtype=torch.float64)
    before = {name: value.detach().numpy().copy() for name, value in module.named_parameters()}
    optimizer = torch.optim.Adam(module.parameters(), lr=0.01)
    x, y = torch.randn(20, 4, 6, F, dtype=torch.float64), torch.randn(20, 4, H, dtype=torch.float64)
    for windows, targets in zip(x, y, strict=True):
        optimizer.zero_grad()
        ((module(windows)[0][:, -1] - targets) ** 2).mean().backward()
        optimizer.step()
    after = {name: value.detach().numpy() for name, value in module.named_parameters()}
    arrays = {"x": x.numpy(), "y": y.numpy()} | {f"before/{name}": value for name, value in before.items()}
    return arrays | {f"after/{name}": value for name, value in after.items()}


if __name__ == "__main__":
    everything = {
        f"{cell}/{name}/{key}": value
        for cell in CELLS
        for name, form in FORMS.items()
        for key, value in golden(cell, form).items()
    }
    everything |= {f"{cell}/trained/{key}": value for cell in MODULES for key, value in trained(cell).items()}
    np.savez_compressed(Path(__file__).with_name("recurrent.npz"), **everything)
