"""Networks on disk: weights as safetensors, the rest as JSON; loading runs no code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gatecast.errors import RunError
from gatecast.language import say
from gatecast.models.networks import FittedNetwork
from gatecast.nn.network import shapes
from gatecast.nn.population import Member, Trained
from gatecast.problem.scaling import Scale
from gatecast.settings.network import Network
from gatecast.settings.training import Training

NO_ROWS = np.zeros(0, dtype=np.int64)
NO_LOSS = np.zeros(0, dtype=np.float32)
SCALE_ARRAYS = ("x_offset", "x_scale", "y_offset", "y_scale")
Small = Annotated[int, Field(ge=0, le=1_000_000)]
Word = Annotated[int, Field(ge=0, lt=2**32)]  # 32 bits


class SavedMember(BaseModel):
    """What the JSON says of one network; owner: the symbol that it is of, None where it serves all."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    seed: Word
    fold: Small
    tag: Word
    scale: Small
    owner: Small | None
    epoch: Small


class SavedNetwork(BaseModel):
    """What the JSON says of all networks, beside what others add to it."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    network: dict[str, Any]
    training: dict[str, Any]
    lookback: Annotated[int, Field(ge=1, le=1_000_000)]
    known: Small = 0
    members: Annotated[list[SavedMember], Field(min_length=1, max_length=100_000)]
    weights_sha256: str


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
    saved = SavedNetwork(
        network=fitted.network.model_dump(mode="json"),
        training=fitted.training.model_dump(mode="json"),
        lookback=fitted.lookback,
        known=fitted.known,
        members=[
            SavedMember(seed=m.seed, fold=m.fold, tag=m.tag, scale=m.scale, owner=owner, epoch=t.best_epoch)
            for m, owner, t in zip(fitted.members, fitted.owner, fitted.trained, strict=True)
        ],
        weights_sha256=hashlib.sha256(weights).hexdigest(),
    )
    content = {**saved.model_dump(mode="json"), **(extra or {})}
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
    try:
        saved = SavedNetwork.model_validate(content)
        if hashlib.sha256(weights).hexdigest() != saved.weights_sha256:
            raise RunError(
                say(
                    "{weights_file}: these are not the weights that were saved (their SHA-256 "
                    "differs from the one in {name}). The file was changed or damaged: save the "
                    "model again",
                    weights_file=weights_file,
                    name=settings_file.name,
                )
            )
        arrays = load(weights)
        network, training = Network(**saved.network), Training(**saved.training)
        grouped = _by_prefix(arrays)
        weights_of = [grouped.get(str(index), {}) for index in range(len(saved.members))]
        count = 1 + max(member.scale for member in saved.members)
        scales = [{name: arrays[f"scale/{i}/{name}"] for name in SCALE_ARRAYS} for i in range(count)]
        _check(network, saved, weights_of, scales)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, RunError):
            raise
        raise not_a_model(stem, error) from None
    fitted = FittedNetwork(
        network=network,
        training=training,
        lookback=saved.lookback,
        known=saved.known,
        members=tuple(
            Member(one.seed, one.fold, one.tag, one.scale, NO_ROWS, NO_ROWS, one.epoch)
            for one in saved.members
        ),
        owner=tuple(member.owner for member in saved.members),
        trained=tuple(
            Trained(params, member.epoch, NO_LOSS, NO_LOSS)
            for params, member in zip(weights_of, saved.members, strict=True)
        ),
        scales=tuple(Scale(**scale) for scale in scales),
        history=pd.DataFrame(),
    )
    return fitted, content, grouped.get("extra", {})


def not_a_model(path: Path, error: Exception, what: str = "model") -> RunError:
    """What to raise where a file is no model; `error` says why."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    else:
        why = f"{error} is missing" if isinstance(error, KeyError) else str(error)
    return RunError(
        say("{path}: not a {what} of this version of gatecast ({why})", path=path, what=what, why=why[:200])
    )


def _by_prefix(arrays: Mapping[str, NDArray[Any]]) -> dict[str, dict[str, NDArray[Any]]]:
    """What stands before the first slash of a name → the rest of the name → array."""
    grouped: dict[str, dict[str, NDArray[Any]]] = {}
    for name, value in arrays.items():
        prefix, _, rest = name.partition("/")
        grouped.setdefault(prefix, {})[rest] = value
    return grouped


def _check(
    network: Network,
    saved: SavedNetwork,
    weights: Sequence[Mapping[str, NDArray[Any]]],
    scales: Sequence[Mapping[str, NDArray[Any]]],
) -> None:
    """Raise ValueError where arrays are not those that the settings ask for: native code reads them."""
    if any(scales[0][name].ndim != 2 for name in ("x_offset", "y_offset")):
        raise ValueError("its scales are no tables")
    symbols, features = scales[0]["x_offset"].shape
    horizon = scales[0]["y_offset"].shape[1]
    if any(member.owner is not None and member.owner >= symbols for member in saved.members):
        raise ValueError(f"a network is of a symbol that is none of the {symbols}")
    for number, scale in enumerate(scales):
        for name in SCALE_ARRAYS:
            width = features if name.startswith("x") else horizon
            check_array(f"scale/{number}/{name}", scale[name], (symbols, width))
        if (scale["x_scale"] <= 0).any() or (scale["y_scale"] <= 0).any():
            raise ValueError(f"scale {number} divides by 0 or less")
    if network.num_layers > min(len(params) for params in weights):
        raise ValueError("it lacks the weights of some layers")
    if saved.known > features:
        raise ValueError(f"it knows {saved.known} inputs in advance, and has {features} features")
    expected = shapes(network, features=features, lookback=saved.lookback, horizon=horizon, known=saved.known)
    for number, params in enumerate(weights):
        if params.keys() != expected.keys():
            raise ValueError(f"network {number} has other weights than its settings ask for")
        for name, shape in expected.items():
            check_array(f"{number}/{name}", params[name], shape)


def check_array(name: str, values: NDArray[Any], shape: tuple[int, ...], kinds: str = "f") -> None:
    """Raise ValueError where an array has another shape or kind of numbers, or one that is not finite."""
    if values.shape != shape or values.dtype.kind not in kinds:
        raise ValueError(f"{name} has shape {values.shape} and type {values.dtype}, not {shape} and numbers")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} holds a number that is not finite")


def _read(path: Path) -> dict[str, Any]:
    text = _bytes(path)
    try:
        content = json.loads(text.decode("utf-8"))
        digest = content.pop("sha256")
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        raise RunError(say("{path}: not a model file of gatecast (JSON with a sha256)", path=path)) from None
    if digest != _digest(content):
        raise RunError(
            say(
                "{path}: was changed after it was saved (its SHA-256 differs): save the model again",
                path=path,
            )
        )
    return content


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RunError(
            say("{path}: cannot be read ({strerror})", path=path, strerror=error.strerror)
        ) from None


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
