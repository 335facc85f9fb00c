"""Networks on disk: weights as safetensors, the rest as JSON; loading runs no code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gatecast.errors import RunError
from gatecast.experiment import Network, Training
from gatecast.nn.fitting import FittedNetwork
from gatecast.nn.network import shapes
from gatecast.nn.population import Member, Trained
from gatecast.problem.scaling import Scale

NO_ROWS = np.zeros(0, dtype=np.int64)
NO_LOSS = np.zeros(0, dtype=np.float32)
MOST_LOOKBACK = 1_000_000  # bars
SCALE_ARRAYS = ("x_offset", "x_scale", "y_offset", "y_scale")


def save_network(
    fitted: FittedNetwork,
    stem: Path,
    *,
    arrays: Mapping[str, NDArray[Any]] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> None:
    """Write `stem`.safetensors (weights, scales, `arrays`) and `stem`.json (settings, members, `extra`).

    The JSON holds the SHA-256 of the weights' file and of itself.
    """
    from safetensors.numpy import save

    tensors = {f"extra/{name}": np.ascontiguousarray(value) for name, value in (arrays or {}).items()}
    tensors |= {
        f"{index}/{name}": np.ascontiguousarray(value)
        for index, member in enumerate(fitted.trained)
        for name, value in member.params.items()
    }
    for index, scale in enumerate(fitted.scales):
        tensors |= {f"scale/{index}/{name}": getattr(scale, name) for name in SCALE_ARRAYS}
    weights = save(tensors)
    members = [
        {
            "seed": m.seed,
            "fold": m.fold,
            "tag": m.tag,
            "scale": m.scale,
            "owner": owner,
            "epoch": t.best_epoch,
        }
        for m, owner, t in zip(fitted.members, fitted.owner, fitted.trained, strict=True)
    ]
    content = {
        "network": fitted.network.model_dump(mode="json"),
        "training": fitted.training.model_dump(mode="json"),
        "lookback": fitted.lookback,
        "members": members,
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        **(extra or {}),
    }
    stem.parent.mkdir(parents=True, exist_ok=True)
    stem.with_name(stem.name + ".safetensors").write_bytes(weights)
    text = json.dumps({"sha256": _digest(content), **content}, indent=1, allow_nan=False)
    stem.with_name(stem.name + ".json").write_text(text, encoding="utf-8")


def load_network(stem: Path) -> tuple[FittedNetwork, dict[str, Any], dict[str, NDArray[Any]]]:
    """Read what `save_network` wrote: the network, the whole JSON, and the extra arrays.

    Raises
        RunError: a file is missing, was changed, or is something else (a pickle, say).
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    settings_file = stem.with_name(stem.name + ".json")
    weights_file = stem.with_name(stem.name + ".safetensors")
    content = _read(settings_file)
    weights = _bytes(weights_file)
    if hashlib.sha256(weights).hexdigest() != content["weights_sha256"]:
        raise RunError(
            f"{weights_file}: these are not the weights that were saved (their SHA-256 differs from the one "
            f"in {settings_file.name}). The file was changed, damaged or replaced: save the model again"
        )
    try:
        arrays = load(weights)
        network, training = Network(**content["network"]), Training(**content["training"])
        members, trained = [], []
        for index, entry in enumerate(content["members"]):
            members.append(
                Member(
                    entry["seed"],
                    entry["fold"],
                    entry["tag"],
                    entry["scale"],
                    NO_ROWS,
                    NO_ROWS,
                    entry["epoch"],
                )
            )
            prefix = f"{index}/"
            params = {
                name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)
            }
            trained.append(Trained(params, entry["epoch"], NO_LOSS, NO_LOSS))
        count = 1 + max(member.scale for member in members)
        scales = [Scale(*(arrays[f"scale/{i}/{name}"] for name in SCALE_ARRAYS)) for i in range(count)]
        _check(network, content["lookback"], [one.params for one in trained], scales)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise RunError(f"{stem}: not a model of this version of gatecast ({error})") from None
    fitted = FittedNetwork(
        network=network,
        training=training,
        lookback=content["lookback"],
        members=tuple(members),
        owner=tuple(entry["owner"] for entry in content["members"]),
        trained=tuple(trained),
        scales=tuple(scales),
        history=pd.DataFrame(),
    )
    prefix = "extra/"
    extra = {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
    return fitted, content, extra


def _check(
    network: Network, lookback: int, weights: Sequence[Mapping[str, NDArray[Any]]], scales: Sequence[Scale]
) -> None:
    """Raise ValueError where arrays are not those that the settings ask for: native code reads them."""
    if not isinstance(lookback, int) or not 0 < lookback < MOST_LOOKBACK:
        raise ValueError(f"lookback is {str(lookback)[:20]}")
    symbols, features = scales[0].x_offset.shape
    horizon = scales[0].y_offset.shape[1]
    for number, scale in enumerate(scales):
        for name in SCALE_ARRAYS:
            width = features if name.startswith("x") else horizon
            _check_array(f"scale/{number}/{name}", getattr(scale, name), (symbols, width))
    if network.num_layers > min(len(params) for params in weights):
        raise ValueError("it lacks the weights of some layers")
    expected = shapes(network, features=features, lookback=lookback, horizon=horizon)
    for number, params in enumerate(weights):
        if params.keys() != expected.keys():
            raise ValueError(f"network {number} has other weights than its settings ask for")
        for name, shape in expected.items():
            _check_array(f"{number}/{name}", params[name], shape)


def _check_array(name: str, values: NDArray[Any], shape: tuple[int, ...]) -> None:
    if values.shape != shape or values.dtype.kind != "f":
        raise ValueError(f"{name} has shape {values.shape} and type {values.dtype}, not {shape} and float")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} holds a number that is not finite")


def _read(path: Path) -> dict[str, Any]:
    text = _bytes(path)
    try:
        content = json.loads(text.decode("utf-8"))
        digest = content.pop("sha256")
    except (ValueError, KeyError, AttributeError, TypeError):
        raise RunError(f"{path}: not a model file of gatecast (JSON with a sha256)") from None
    if digest != _digest(content):
        raise RunError(f"{path}: was changed after it was saved (its SHA-256 differs): save the model again")
    return content


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RunError(f"{path}: cannot be read ({error.strerror})") from None


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
