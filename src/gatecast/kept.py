"""Kept work: what took long to compute, written by name under the key of all that it depends on.

A run that was stopped finds it there and does not compute it again. A file that was cut, changed or made
from anything else (its key differs) counts as none, and is written anew.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from gatecast.errors import RunError
from gatecast.files import not_written
from gatecast.language import say

Arrays = dict[str, NDArray[Any]]
ENDING, PARTIAL = ".safetensors", ".partial"


@runtime_checkable
class Keeper(Protocol):
    """Who keeps named arrays, and gives them back."""

    def find(self, name: str, key: str) -> Arrays | None:
        """What was kept under this name and key; None where there is nothing."""

    def keep(self, name: str, key: str, arrays: Mapping[str, NDArray[Any]], *, finished: bool = True) -> None:
        """Keep arrays in the place of those that had the name; finished: nothing will take their place."""

    def part(self, name: str) -> Keeper:
        """A keeper whose names all begin with `name`."""


class Kept:
    """A folder of kept work, for one process; many threads may keep in it.

    done: the names of what is finished, as far as it was kept or found by this process.
    """

    def __init__(self, folder: Path, done: set[str] | None = None, prefix: str = "") -> None:
        self.folder, self.prefix = folder, prefix
        self.done: set[str] = set() if done is None else done

    def part(self, name: str) -> Kept:
        """The same folder, for names that begin with `name`."""
        return Kept(self.folder, self.done, f"{self.prefix}{name}/")

    def find(self, name: str, key: str) -> Arrays | None:
        """The arrays that were kept; None where there are none of this key, or the file is damaged."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self._file(name), "numpy") as file:
                said = file.metadata() or {}
                if said.get("key") != key:
                    return None
                arrays = {one: file.get_tensor(one) for one in file.keys()}  # noqa: SIM118 - no mapping
        except (OSError, SafetensorError, ValueError, TypeError, AttributeError):
            return None
        if said.get("sha256") != _digest(arrays):
            return None
        if said.get("finished") == "true":
            self.done.add(self.prefix + name)
        return arrays

    def keep(self, name: str, key: str, arrays: Mapping[str, NDArray[Any]], *, finished: bool = True) -> None:
        """Write the arrays, whole or not at all.

        Raises
            RunError: the disk is full, or the folder cannot be written.
        """
        from safetensors.numpy import save

        plain = {one: np.asarray(values, order="C") for one, values in arrays.items()}
        said = {"key": key, "sha256": _digest(plain), "finished": str(finished).lower()}
        file = self._file(name)
        partial = file.with_name(f".{file.name}{PARTIAL}")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(save(plain, metadata=said))
            partial.replace(file)
        except OSError as error:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            raise RunError(
                say("{not_written}. What was finished before is kept", not_written=not_written(file, error))
            ) from error
        if finished:
            self.done.add(self.prefix + name)

    def _file(self, name: str) -> Path:
        return self.folder / f"{self.prefix}{name}{ENDING}"


def key_of(*parts: object) -> str:
    """A hash of arrays, bytes, and of anything else by its repr; every part counts for itself."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            values = np.ascontiguousarray(part)
            about = f"{values.dtype.str}{values.shape}"
            content: Any = values.reshape(-1).view(np.uint8)
        else:
            about = type(part).__name__
            content = part if isinstance(part, bytes) else repr(part).encode()
        digest.update(f"{about} {len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()


def _digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    return key_of(*(part for name in sorted(arrays) for part in (name, arrays[name])))
