"""Writes recurrent.npz: outputs and gradients of PyTorch's recurrent layers, in float64.

Run with PyTorch 2.13 installed: python tests/golden/make_recurrent.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

B, T, F, H = 3, 5, 2, 4
CASES = {
    f"{cell}-{layers}-{'both' if both else 'one'}": (cell, layers, both)
    for cell in ("rnn", "lstm", "gru", "gru_reset_before")
    for layers in (1, 2)
    for both in (False, True)
}
MODULES = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}


def reset_before(params: dict[str, torch.Tensor], x: torch.Tensor, layers: int, both: bool):
    """A GRU as Cho et al. (2014) wrote it: the reset gate acts before the recurrent product."""
    outputs, finals = x, []
    for layer in range(layers):
        directions = []
        for suffix in ("", "_reverse")[: 1 + both]:
            w_ih, w_hh, b_ih, b_hh = (
                params[f"{name}_l{layer}{suffix}"]
                for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            )
            h, states = torch.zeros(B, H, dtype=x.dtype), []
            for t in range(T)[:: -1 if suffix else 1]:
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


def golden(cell: str, layers: int, both: bool) -> dict[str, np.ndarray]:
    torch.manual_seed(layers + 10 * both)
    module = MODULES[cell[:3] if cell.startswith("gru") else cell](
        F, H, num_layers=layers, bidirectional=both, batch_first=True, dtype=torch.float64
    )
    params = dict(module.named_parameters())
    x = torch.randn(B, T, F, dtype=torch.float64, requires_grad=True)
    if cell == "gru_reset_before":
        outputs, final = reset_before(params, x, layers, both)
    else:
        outputs, final = module(x)
    finals = final if isinstance(final, tuple) else (final,)
    weight = torch.randn(outputs.shape, dtype=torch.float64)
    loss = (weight * outputs).sum() + sum((part**2).sum() for part in finals)
    loss.backward()
    arrays = {"x": x, "weight": weight, "outputs": outputs, "grad/x": x.grad}
    arrays |= {f"final/{i}": part for i, part in enumerate(finals)}
    arrays |= {f"params/{name}": value for name, value in params.items()}
    arrays |= {f"grad/{name}": value.grad for name, value in params.items()}
    return {name: value.detach().numpy() for name, value in arrays.items()}


if __name__ == "__main__":
    everything = {
        f"{case}/{name}": value
        for case, arguments in CASES.items()
        for name, value in golden(*arguments).items()
    }
    np.savez_compressed(Path(__file__).with_name("recurrent.npz"), **everything)
