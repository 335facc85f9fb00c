"""Population: many networks of one shape, trained by one compiled program.

Every member (fold x seed x …) has its own weights, origins, scales and random key; the windows of all are
gathered by origin from the same rows inside the training step, never laid out. On a processor the program
trains one member, and the members are trained one per core, a thread each: a stopped member costs nothing,
no member's numbers depend on who else is trained, and stacking networks so short of arithmetic into one
product ran up to 1.8 times slower on two cores. A GPU has arithmetic to spare and pays for every operation it
is handed: there the program trains as many members side by side as its memory holds.
"""

from __future__ import annotations

import math
import os
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import chain
from threading import Event
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gatecast.errors import FitWarning
from gatecast.formatting import brief
from gatecast.kept import Keeper
from gatecast.nn import keeping, kernel, program
from gatecast.nn.cells import cell_of
from gatecast.nn.keeping import Finished
from gatecast.nn.padding import padded, padded_size
from gatecast.nn.program import Dataset, Hyperparameters, OnDevice, Shapes, by_name
from gatecast.settings.network import Network
from gatecast.settings.training import Training

Weights = dict[str, NDArray[np.float32]]
Progress = Callable[[int, int, int], None]  # members done, members, epochs done over all members
T = TypeVar("T")

LOOK_SECONDS = 0.5  # how long a compiled call may run before the host takes control
KEEP_SECONDS = 30.0  # of training that a process which is killed may lose
LEAST_BATCH = 32  # to which a batch of fewer origins is padded
LEAST_VALIDATION = 64
LARGEST = float(np.finfo(np.float32).max)
MEMORY_SHARE = 0.5  # of a GPU's memory: what members side by side may need by a rough count


@dataclass(frozen=True)
class Member:
    """One network of a population.

    seed, fold and tag (see Network.tag; for separate networks per symbol also the symbol) make its random
    key. scale: index into the Dataset's scales. train, validation: origins; without validation the last epoch
    is kept.
    """

    seed: int
    fold: int
    tag: int
    scale: int
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    epochs: int

    __repr__ = brief

    @property
    def key(self) -> jax.Array:
        """Its random key, whatever its place in the list."""
        return program.key_of(self.seed, self.fold, self.tag)


@dataclass(frozen=True)
class Trained:
    """A member after training: the weights of its best epoch (counted from 1; 0: it diverged at once).

    loss, validation_loss: per epoch that was run, in squared (absolute, …) scaled target units.
    """

    params: Weights
    best_epoch: int
    loss: NDArray[np.float32]
    validation_loss: NDArray[np.float32]

    __repr__ = brief


def train(
    network: Network,
    training: Training,
    dataset: Dataset,
    members: Sequence[Member],
    *,
    lookback: int,
    room: tuple[int, int] | None = None,
    progress: Progress | None = None,
    keeper: Keeper | None = None,
) -> list[Trained]:
    """All members, trained; each has the weights of its best validation epoch.

    room: training and validation origins to pad every member to, so that calls with other members (on a GPU:
    as many) share one compiled program; None: the longest member's.
    keeper: keeps members that are finished or half trained; what it knows of them is not trained again, and
    the bits are those of a training that was never stopped.

    Raises
        KeyboardInterrupt: within two seconds of Ctrl-C.
    Warns
        FitWarning: a member whose loss was never finite; its first weights are kept.
    """
    longest = max(len(member.train) for member in members)
    validated = max(len(member.validation) for member in members)
    longest, validated = room or (longest, validated)
    pace = training.pace(training_rows(members))
    batch = padded_size(longest, LEAST_BATCH)
    if pace.batch is not None and pace.batch < longest:
        batch = pace.batch
    steps = padded_size(math.ceil(longest / batch))
    side_by_side = _side_by_side(network, dataset, lookback, batch, len(members))
    rows = len(dataset.features)
    dataset = jax.device_put(padded(dataset))
    starts = range(0, len(members), side_by_side)
    groups = [
        _on_device(
            _filled(members[start : start + side_by_side], side_by_side),
            steps * batch,
            padded_size(validated, LEAST_VALIDATION),
            program.hyperparameters_of(training, pace),
        )
        for start in starts
    ]
    one = program.program_of(network, training, lookback=lookback, batch=batch)
    names = [[_name(member) for member in members[start : start + side_by_side]] for start in starts]
    kept = keeping.kept_groups(keeper, one, dataset, rows, groups, names)
    if any(not isinstance(group.found, Finished) for group in kept):
        # compiled here, once, by a call of no steps: the threads below find both programs ready
        program.run(one, program.init(one, groups[0], dataset), groups[0], dataset, jnp.int32(0))
    epochs, done = np.zeros(len(members), int), np.zeros(len(members), bool)
    interrupted = Event()

    def train_group(number: int) -> list[Trained]:
        group, known, budget = groups[number], kept[number], 1
        mine = slice(starts[number], starts[number] + side_by_side)
        count = len(members[mine])
        if isinstance(known.found, Finished):
            done[mine], epochs[mine] = True, known.found.epoch[:count]
            return _trained(known.found, one.shapes(dataset), count)
        states = known.found or program.init(one, group, dataset)
        last_kept = time.monotonic()
        while not interrupted.is_set():
            began = time.perf_counter()
            states, over = program.run(one, states, group, dataset, jnp.int32(budget))
            done[mine], epochs[mine] = (np.asarray(part)[:count] for part in (over, states.epoch))
            if done[mine].all():
                known.keep(keeping.result_of(states))
                break
            taken = max(time.perf_counter() - began, 1e-6)
            budget = int(min(max(budget * min(LOOK_SECONDS / taken, 10), 1), 2**30))
            if time.monotonic() - last_kept > KEEP_SECONDS:
                known.keep_half(states)
                last_kept = time.monotonic()
        return _trained(keeping.result_of(states), one.shapes(dataset), count)

    def look() -> None:
        if progress is not None:
            progress(int(done.sum()), len(members), int(epochs.sum()))

    look()  # compiled
    trained = list(chain.from_iterable(_in_threads(train_group, range(len(groups)), interrupted, look)))
    if any(member.best_epoch == 0 for member in trained):
        lost = sum(member.best_epoch == 0 for member in trained)
        warnings.warn(
            f"{lost} of {len(members)} networks ({network.cell}) diverged in their first epoch and keep "
            "their first weights; try a smaller learning_rate or clip_norm=1",
            FitWarning,
            stacklevel=2,
        )
    return trained


def training_rows(members: Sequence[Member]) -> int:
    """The most rows of a member of the first fold, train and validation: known before any test begins.

    The same in a search and in the refit on train and validation together.
    """
    first = min(member.fold for member in members)
    return max(len(one.train) + len(one.validation) for one in members if one.fold == first)


def history(members: Sequence[Member], trained: Sequence[Trained]) -> pd.DataFrame:
    """One row per member and epoch: fold, seed, epoch, loss and validation_loss in float64, and kept."""
    epochs = [len(result.loss) for result in trained]
    epoch = np.concatenate([np.arange(1, count + 1) for count in epochs])
    losses, validation = (
        np.concatenate([getattr(result, name) for result in trained]).astype(np.float64)
        for name in ("loss", "validation_loss")
    )
    return pd.DataFrame(
        {
            "fold": np.repeat([member.fold for member in members], epochs),
            "seed": np.repeat([member.seed for member in members], epochs),
            "epoch": epoch,
            "loss": losses,
            "validation_loss": validation,
            "kept": epoch == np.repeat([result.best_epoch for result in trained], epochs),
        }
    )


def predict(
    network: Network,
    dataset: Dataset,
    jobs: Sequence[tuple[Weights, int, NDArray[np.int64]]],
    *,
    lookback: int,
) -> list[NDArray[np.float64]]:
    """Outputs of each job (weights, scale, origins (N,)), scaled back, in float64: (N, h) or (N, h, P).

    Always in whole chunks: products of another size may round differently, and what is forecast from an
    origin must not depend, by a single bit, on how many others are asked for.
    """
    longest = max(len(origins) for _, _, origins in jobs)
    chunk = program.CHUNK
    chunks = math.ceil(longest / chunk)
    room = padded_size(chunks) * chunk
    side_by_side = _side_by_side(network, dataset, lookback, chunk, len(jobs))
    on_device = jax.device_put(padded(dataset))

    def some(start: int) -> list[NDArray[np.float64]]:
        mine = jobs[start : start + side_by_side]
        weights, scales, origins = zip(*_filled(mine, side_by_side), strict=True)
        params = {name: np.stack([one[name] for one in weights]) for name in weights[0]}
        windows = np.stack([_pad(part, room).reshape(-1, chunk) for part in origins])
        scale = np.array(scales, np.int32)
        scaled = program.outputs(network, params, on_device, scale, windows, np.int32(chunks), lookback)
        flat = np.asarray(scaled, dtype=np.float64).reshape(side_by_side, room, *scaled.shape[3:])
        return [scaled_back(dataset, scale, asked, flat[n]) for n, (_, scale, asked) in enumerate(mine)]

    first = some(0)  # compiled here, once
    rest = _in_threads(some, range(side_by_side, len(jobs), side_by_side), Event(), lambda: None)
    return list(chain(first, *rest))


def scaled_back(
    dataset: Dataset, scale: int, origins: NDArray[np.int64], scaled: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Outputs (N, …) of the network's (at least N, …), for origins (N,), all finite.

    What is not, of a network that diverged, becomes the largest number of single precision.
    """
    scaled = np.nan_to_num(scaled, nan=LARGEST, posinf=LARGEST, neginf=-LARGEST)
    symbol = np.asarray(dataset.symbol)[origins]
    factor, offset = (np.asarray(part)[scale, symbol] for part in (dataset.y_scale, dataset.y_offset))
    if scaled.ndim == 3:
        factor, offset = factor[..., None], offset[..., None]
    return scaled[: len(origins)] * factor + offset


def _side_by_side(network: Network, dataset: Dataset, lookback: int, batch: int, members: int) -> int:
    """The number of members of one program: one on a processor, on a GPU what fits, in groups of one size.

    A rough count of the residuals of `gatecast.nn.fast` for a batch.
    """
    device = jax.devices()[0]
    if device.platform == "cpu":
        return 1
    layers = network.num_layers * (2 if network.bidirectional else 1)
    residuals = 3 * cell_of(network.cell).gates + 8
    numbers = layers * (residuals * network.hidden_size + dataset.features.shape[1]) * lookback
    most = (device.memory_stats() or {}).get("bytes_limit", 2**32) * MEMORY_SHARE
    fitting = max(int(most / (4 * numbers * max(batch, program.CHUNK / 4))), 1)
    return math.ceil(members / math.ceil(members / fitting))


def _filled(jobs: Sequence[T], length: int) -> list[T]:
    """The jobs, the last of them repeated until there are `length`."""
    return [*jobs, *[jobs[-1]] * (length - len(jobs))]


def _on_device(
    members: Sequence[Member], train: int, validation: int, hyperparameters: Hyperparameters
) -> OnDevice:
    """Members side by side: every array has them as its leading axis."""

    def numbers(name: str, kind: type = np.int32) -> NDArray[Any]:
        return np.array([getattr(member, name) for member in members], kind)

    def origins(name: str, length: int) -> tuple[jax.Array, NDArray[np.int32]]:
        parts = [getattr(member, name) for member in members]
        counts = np.array([len(part) for part in parts], np.int32)
        return jnp.asarray(np.stack([_pad(part, length) for part in parts])), counts

    train_origins, train_count = origins("train", train)
    validation_origins, validation_count = origins("validation", validation)
    return OnDevice(
        seed=numbers("seed", np.uint32),
        fold=numbers("fold", np.uint32),
        tag=numbers("tag", np.uint32),
        scale=numbers("scale"),
        train=train_origins,
        train_count=train_count,
        validation=validation_origins,
        validation_count=validation_count,
        epochs=numbers("epochs"),
        hyperparameters=Hyperparameters(*(np.repeat(number, len(members)) for number in hyperparameters)),
    )


def _pad(origins: NDArray[np.int64], length: int) -> NDArray[np.int32]:
    """Origins (N,) padded with the first of them; with row 0, which nobody counts, where there are none."""
    fill = origins[0] if len(origins) else 0
    return np.concatenate([origins, np.full(length - len(origins), fill)]).astype(np.int32)


def _trained(result: Finished, shapes: Shapes, members: int) -> list[Trained]:
    """The first `members` of a group, trained."""
    return [
        Trained(
            params=by_name(result.best_params[n], shapes, np.split),
            best_epoch=int(result.best_epoch[n]),
            loss=result.losses[n, : result.epoch[n]],
            validation_loss=result.validation_losses[n, : result.epoch[n]],
        )
        for n in range(members)
    ]


def _name(member: Member) -> str:
    """The name under which a member is kept."""
    return f"fold-{member.fold}-seed-{member.seed}-{member.tag:08x}"


def _in_threads(
    work: Callable[[Any], T], jobs: Sequence[Any], interrupted: Event, look: Callable[[], None]
) -> list[T]:
    """The results of work(job) for every job.

    On a processor there is one thread per core (compiled programs run outside the interpreter lock), on a GPU
    one job follows the other.
    """
    threads = _cores() if jax.default_backend() == "cpu" else 1

    def counted(job: Any) -> T:
        with kernel.one_more_network():
            return work(job)

    with ThreadPoolExecutor(min(threads, len(jobs)) or 1) as pool:
        futures = [pool.submit(counted, job) for job in jobs]
        try:
            pending = set(futures)
            while pending:
                finished, pending = wait(pending, timeout=0.2)
                for future in finished:
                    future.result()
                look()
        except BaseException:
            interrupted.set()
            for future in futures:
                future.cancel()
            raise
    return [future.result() for future in futures]


def _cores() -> int:
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(affinity or 1, 1)
