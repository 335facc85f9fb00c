"""What is kept of a population: groups of members, finished or half trained, as arrays.

A group is the members that one program trains side by side; every array has them as its leading axis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import jax
import numpy as np
from numpy.typing import NDArray

from gatecast.kept import Arrays, Keeper, key_of
from gatecast.nn import program
from gatecast.nn.engine import this_engine
from gatecast.nn.program import Dataset, OnDevice, Program, TrainingState

Tree = TypeVar("Tree")


class Finished(NamedTuple):
    """What is left of a group's `TrainingState` when its training is over."""

    best_params: NDArray[np.float32]
    best_epoch: NDArray[np.int32]
    epoch: NDArray[np.int32]
    losses: NDArray[np.float32]
    validation_losses: NDArray[np.float32]


@dataclass(frozen=True)
class KeptGroup:
    """A group's place with a keeper, if there is one; found: what was kept there before."""

    keeper: Keeper | None
    name: str
    key: str
    found: TrainingState | Finished | None = None

    def keep(self, states: TrainingState, *, finished: bool) -> None:
        """Keep the result of a training that is over, or all that another process goes on with."""
        if self.keeper is not None:
            arrays = arrays_of(result_of(states) if finished else states)
            self.keeper.keep(self.name, self.key, arrays, finished=finished)


def kept_groups(
    keeper: Keeper | None, one: Program, dataset: Dataset, groups: Sequence[OnDevice], names: Sequence[str]
) -> list[KeptGroup]:
    """The groups' places, each under a key of all that its bits depend on: program, data, members, engine."""
    if keeper is None:
        return [KeptGroup(None, name, "") for name in names]
    like = jax.eval_shape(program.init, one, groups[0], dataset)
    described = (one.network, one.loss.__qualname__, one.optimizer, one.shuffle, one.lookback, one.batch)
    data = [None if part is None else np.asarray(part) for part in dataset]
    shared = key_of(*described, one.room, sorted(this_engine().items()), *data)
    kept = []
    for group, name in zip(groups, names, strict=True):
        key = key_of(shared, *map(np.asarray, jax.tree.leaves(group)))
        arrays = keeper.find(name, key)
        found = _finished(arrays, like) or _half(arrays, like, len(dataset.features))
        kept.append(KeptGroup(keeper, name, key, found))
    return kept


def result_of(states: TrainingState) -> Finished:
    """What is left of states whose training is over."""
    return Finished(*(np.asarray(getattr(states, name)) for name in Finished._fields))


def arrays_of(state: TrainingState | Finished) -> Arrays:
    """Every array of a state by its path."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(state)
    return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in leaves}


def _finished(arrays: Mapping[str, NDArray[Any]] | None, like: TrainingState) -> Finished | None:
    """The result that arrays hold; None where they hold none of a state like this one."""
    read = _read(arrays, Finished(*(getattr(like, name) for name in Finished._fields)))
    fine = read is not None and _within(read.epoch, read.losses) and (read.best_epoch <= read.epoch).all()
    return read if fine else None


def _half(arrays: Mapping[str, NDArray[Any]] | None, like: TrainingState, rows: int) -> TrainingState | None:
    """The half-trained state that arrays hold; None where they hold none like this one.

    rows: of the data, which compiled code reads at the origins in `order`.
    """
    read = _read(arrays, like)
    if read is None or not (_within(read.epoch, read.losses) and _within(read.step, read.order)):
        return None
    inside = ((read.order >= 0) & (read.order < rows)).all() and (read.best_epoch <= read.epoch).all()
    return jax.device_put(read) if inside else None


def _read(arrays: Mapping[str, NDArray[Any]] | None, like: Tree) -> Tree | None:
    """A tree `like` this one, its leaves the arrays of their paths; None where one differs in shape or type."""
    leaves, structure = jax.tree_util.tree_flatten_with_path(like)
    shapes = {jax.tree_util.keystr(path): (leaf.shape, leaf.dtype) for path, leaf in leaves}
    if arrays is None or {name: (one.shape, one.dtype) for name, one in arrays.items()} != shapes:
        return None
    return jax.tree.unflatten(structure, [arrays[name] for name in shapes])


def _within(count: Any, of: Any) -> bool:
    """Whether counts (members,) are not negative and at most what there is in `of` (members, n)."""
    return bool(((count >= 0) & (count <= of.shape[-1])).all())
