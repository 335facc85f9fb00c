"""What is kept of a population: groups of members, finished or half trained, as arrays.

A group is the members that one program trains side by side; every array has them as its leading axis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

import jax
import numpy as np
from numpy.typing import NDArray

from gatecast.kept import Arrays, Keeper, key_of
from gatecast.nn import program
from gatecast.nn.engine import this_engine
from gatecast.nn.program import AnyArray, Dataset, OnDevice, Program, TrainingState

Tree = TypeVar("Tree")


class Finished(NamedTuple):
    """What is left of a group's `TrainingState` when its training is over."""

    best_params: AnyArray
    best_epoch: AnyArray
    epoch: AnyArray
    losses: AnyArray
    validation_losses: AnyArray


@dataclass(frozen=True)
class KeptGroup:
    """A group's place with a keeper, if there is one; found: what was kept there before.

    names: of its members; each is kept by itself when it is finished, the half-trained group under the first.
    """

    keeper: Keeper | None
    names: Sequence[str]
    key: str
    found: TrainingState | Finished | None = None

    def keep_half(self, states: TrainingState) -> None:
        """Keep all that another process goes on with."""
        if self.keeper is not None:
            self.keeper.keep(self.names[0], self.key, arrays_of(states), finished=False)

    def keep(self, result: Finished) -> None:
        """Keep the result of a training that is over."""
        if self.keeper is not None:
            for place, name in enumerate(self.names):
                own = Finished(*(part[place : place + 1] for part in result))
                self.keeper.keep(name, key_of(self.key, place), arrays_of(own))

    def filled(self, like: TrainingState, rows: int) -> KeptGroup:
        """The same with what the keeper finds. like: shapes and types; rows: of the data."""
        if self.keeper is None:
            return self
        one = Finished(*(_first(getattr(like, name)) for name in Finished._fields))
        results = [
            _finished(self.keeper.find(name, key_of(self.key, place)), one)
            for place, name in enumerate(self.names)
        ]
        whole = [result for result in results if result is not None]
        if len(whole) == len(self.names):
            joined = Finished(*(np.concatenate(parts) for parts in zip(*whole, strict=True)))
            return replace(self, found=joined)
        return replace(self, found=_half(self.keeper.find(self.names[0], self.key), like, rows))


def kept_groups(
    keeper: Keeper | None,
    one: Program,
    dataset: Dataset,
    rows: int,
    groups: Sequence[OnDevice],
    names: Sequence[Sequence[str]],
) -> list[KeptGroup]:
    """The groups' places, each under a key of all that its bits depend on: program, data, members, engine.

    rows: of the data, without their padding.
    """
    if keeper is None:
        return [KeptGroup(None, own, "") for own in names]
    like = jax.eval_shape(program.init, one, groups[0], dataset)
    described = (one.network, one.loss.__qualname__, one.optimizer, one.shuffle, one.lookback, one.batch)
    data = [None if part is None else np.asarray(part) for part in dataset]
    shared = key_of(*described, one.room, sorted(this_engine().items()), *data)
    keys = [key_of(shared, *map(np.asarray, jax.tree.leaves(group))) for group in groups]
    return [KeptGroup(keeper, own, key).filled(like, rows) for own, key in zip(names, keys, strict=True)]


def result_of(states: TrainingState) -> Finished:
    """What is left of states whose training is over."""
    return Finished(*(np.asarray(getattr(states, name)) for name in Finished._fields))


def arrays_of(state: TrainingState | Finished) -> Arrays:
    """Every array of a state by its path."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(state)
    return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in leaves}


def _finished(arrays: Mapping[str, NDArray[Any]] | None, like: Finished) -> Finished | None:
    """The result that arrays hold; None where they hold none like this one."""
    read = _read(arrays, like)
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
    """A tree like this one of the arrays of its paths; None where one has another shape or type."""
    leaves, structure = jax.tree_util.tree_flatten_with_path(like)
    shapes = {jax.tree_util.keystr(path): (leaf.shape, leaf.dtype) for path, leaf in leaves}
    if arrays is None or {name: (one.shape, one.dtype) for name, one in arrays.items()} != shapes:
        return None
    return jax.tree.unflatten(structure, [arrays[name] for name in shapes])


def _first(array: Any) -> Any:
    """Shape and type of the first member's part of an array."""
    return jax.eval_shape(lambda every: every[:1], array)


def _within(count: Any, of: Any) -> bool:
    """Whether counts (members,) are not negative and at most what there is in `of` (members, n)."""
    return bool(((count >= 0) & (count <= of.shape[-1])).all())
