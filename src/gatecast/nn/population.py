"""Population: many networks of one shape, trained by one compiled program.

Every member (fold x seed x …) has its own weights, origins, scales and random key; the windows of all are
gathered by origin from the same rows inside the training step, never laid out. The program trains one
member; the members are spread over the processor's cores, one thread each. A stopped member costs nothing,
and no member's numbers depend on who else is trained: small networks are so short of arithmetic that
stacking them into one product, as a GPU would want, ran up to 1.8 times slower on two cores.
"""

from __future__ import annotations

import math
import os
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from gatecast.errors import FitWarning
from gatecast.experiment import Network, Training
from gatecast.nn import kernel
from gatecast.nn.losses import RowLoss, loss_of
from gatecast.nn.network import apply, exact_products, init_params, shapes
from gatecast.nn.recurrent import Params

Weights = dict[str, NDArray[np.float32]]
Shapes = dict[str, tuple[int, ...]]
Progress = Callable[[int, int, int], None]  # members done, members, epochs done over all members
T = TypeVar("T")

LOOK_SECONDS = 0.5  # how long a compiled call may run before the host looks in
CHUNK = 512  # origins per forward pass in validation and prediction


class Rows(NamedTuple):
    """What all members share. S symbols, K scales (one per fold).

    features (rows, F), targets (rows, h), symbol (rows,); x_offset, x_scale (K, S, F);
    y_offset, y_scale (K, S, h).
    """

    features: Any
    targets: Any
    symbol: Any
    x_offset: Any
    x_scale: Any
    y_offset: Any
    y_scale: Any


@dataclass(frozen=True)
class Member:
    """One network of a population.

    seed, fold and tag (see Network.tag; for separate networks per symbol also the symbol) make its random
    key. scale: index into Rows' K. train, validation: origins; without validation the last epoch is kept.
    """

    seed: int
    fold: int
    tag: int
    scale: int
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    epochs: int

    @property
    def key(self) -> jax.Array:
        """Its random key, whatever its place in the list."""
        key = jax.random.key(self.seed)
        return jax.random.fold_in(jax.random.fold_in(key, self.fold), self.tag)


@dataclass(frozen=True)
class Trained:
    """A member after training: the weights of its best epoch (counted from 1; 0: it diverged at once).

    loss, validation_loss: per epoch that was run, in squared (absolute, …) scaled target units.
    """

    params: Weights
    best_epoch: int
    loss: NDArray[np.float32]
    validation_loss: NDArray[np.float32]


class _Member(NamedTuple):
    """A member on the device: origins padded to the population's longest."""

    key: jax.Array
    scale: Any
    train: jax.Array
    train_count: Any
    validation: jax.Array
    validation_count: Any
    epochs: Any


class _State(NamedTuple):
    """A member's training; its weights are one vector, so that a step of the optimizer is one operation."""

    params: jax.Array
    optimizer: optax.OptState
    best_params: jax.Array
    best_loss: jax.Array
    best_epoch: jax.Array
    epoch: jax.Array
    step: jax.Array
    loss_sum: jax.Array
    losses: jax.Array
    validation_losses: jax.Array


def train(
    network: Network,
    training: Training,
    rows: Rows,
    members: Sequence[Member],
    *,
    lookback: int,
    room: tuple[int, int] | None = None,
    progress: Progress | None = None,
) -> list[Trained]:
    """Train all members; the best validation epoch's weights are kept, always.

    room: training and validation origins to pad every member to, so that calls with other members share one
    compiled program; None: the longest member's.

    Raises
        KeyboardInterrupt: within two seconds of Ctrl-C.
    Warns
        FitWarning: a member whose loss was never finite; its first weights are kept.
    """
    longest = max(len(member.train) for member in members)
    validated = max(len(member.validation) for member in members)
    longest, validated = room or (longest, validated)
    batch = min(training.batch_size or longest, longest)
    padded = math.ceil(longest / batch) * batch
    rows = jax.device_put(rows)
    on_device = [_on_device(member, padded, max(validated, 1)) for member in members]
    program = _Program(network, training, lookback, batch)
    # compiled here, once, by a call of no steps: the threads below find both programs ready
    _run(program, _init(program, on_device[0].key, rows), on_device[0], rows, jnp.int32(0))
    epochs = np.zeros(len(members), dtype=int)
    interrupted = Event()

    def train_member(index: int) -> Trained:
        member, budget = on_device[index], 1
        state = _init(program, member.key, rows)
        while not interrupted.is_set():
            began = time.perf_counter()
            state, done = _run(program, state, member, rows, jnp.int32(budget))
            finished = bool(done)
            epochs[index] = int(state.epoch)
            if finished:
                break
            taken = max(time.perf_counter() - began, 1e-6)
            budget = int(min(max(budget * min(LOOK_SECONDS / taken, 10), 1), 2**30))
        return _trained(state, program.shapes(rows))

    def look(done: int) -> None:
        if progress is not None:
            progress(done, len(members), int(epochs.sum()))

    trained = _spread(train_member, range(len(members)), interrupted, look)
    if any(member.best_epoch == 0 for member in trained):
        lost = sum(member.best_epoch == 0 for member in trained)
        warnings.warn(
            f"{lost} of {len(members)} networks ({network.cell}) diverged in their first epoch and keep "
            "their first weights; try a smaller learning_rate or clip_norm=1",
            FitWarning,
            stacklevel=2,
        )
    return trained


def predict(
    network: Network,
    rows: Rows,
    jobs: Sequence[tuple[Weights, int, NDArray[np.int64]]],
    *,
    lookback: int,
) -> list[NDArray[np.float64]]:
    """Outputs of each job (weights, scale, origins (N,)), scaled back, in float64: (N, h) or (N, h, P)."""
    longest = max(len(origins) for _, _, origins in jobs)
    chunk = min(CHUNK, longest)
    padded = math.ceil(longest / chunk) * chunk
    device_rows = jax.device_put(rows)

    def one(job: tuple[Weights, int, NDArray[np.int64]]) -> NDArray[np.float64]:
        params, scale, origins = job
        windows = _pad(origins, padded).reshape(-1, chunk)
        scaled = _outputs(network, params, device_rows, np.int32(scale), windows, lookback)
        symbol = np.asarray(rows.symbol)[origins]
        flat = np.asarray(scaled, dtype=np.float64).reshape(padded, *scaled.shape[2:])[: len(origins)]
        back, offset = (np.asarray(part)[scale, symbol] for part in (rows.y_scale, rows.y_offset))
        if flat.ndim == 3:
            back, offset = back[..., None], offset[..., None]
        return flat * back + offset

    one(jobs[0])  # compiled here, once
    return _spread(one, jobs, Event(), lambda done: None)


@dataclass(frozen=True)
class _Program:
    """The compiled part: one member, from its weights to its best epoch."""

    network: Network
    training: Training
    lookback: int
    batch: int

    @property
    def loss(self) -> RowLoss:
        return loss_of(self.training, self.network)

    @property
    def optimizer(self) -> optax.GradientTransformation:
        return _optimizer(self.training)

    def shapes(self, rows: Rows) -> Shapes:
        horizon, features = rows.targets.shape[1], rows.features.shape[1]
        return shapes(self.network, features=features, lookback=self.lookback, horizon=horizon)

    def init(self, key: jax.Array, rows: Rows) -> _State:
        horizon, features = rows.targets.shape[1], rows.features.shape[1]
        drawn = init_params(self.network, key, features=features, lookback=self.lookback, horizon=horizon)
        params = jnp.concatenate([drawn[name].ravel() for name in self.shapes(rows)])
        none = jnp.full(self.training.epochs, jnp.nan, jnp.float32)
        zero = jnp.int32(0)
        return _State(
            params=params,
            optimizer=self.optimizer.init(params),
            best_params=jnp.copy(params),
            best_loss=jnp.float32(jnp.inf),
            best_epoch=zero,
            epoch=jnp.copy(zero),
            step=jnp.copy(zero),
            loss_sum=jnp.float32(0),
            losses=none,
            validation_losses=jnp.copy(none),
        )

    def run(self, state: _State, member: _Member, rows: Rows, budget: jax.Array) -> tuple[_State, jax.Array]:
        """At most `budget` training steps; returns the state and whether training is over."""
        steps = (member.train_count + self.batch - 1) // self.batch

        def go_on(carry: tuple[_State, jax.Array]) -> jax.Array:
            return ~self.over(carry[0], member) & (carry[1] > 0)

        def stretch(carry: tuple[_State, jax.Array]) -> tuple[_State, jax.Array]:
            state, budget = carry
            end = jnp.minimum(steps, state.step + budget)
            budget = budget - (end - state.step)
            state = self.train_steps(state, member, rows, end)
            state = jax.lax.cond(end == steps, lambda s: self.end_epoch(s, member, rows), lambda s: s, state)
            return state, budget

        with exact_products():
            state, _ = jax.lax.while_loop(go_on, stretch, (state, budget))
        return state, self.over(state, member)

    def over(self, state: _State, member: _Member) -> jax.Array:
        """All epochs done, or `patience` epochs without a better validation loss."""
        done = state.epoch >= member.epochs
        if self.training.patience is None:
            return done
        waited = state.epoch - state.best_epoch >= self.training.patience
        return done | ((member.validation_count > 0) & waited)

    def train_steps(self, state: _State, member: _Member, rows: Rows, end: jax.Array) -> _State:
        """The steps state.step … end of the current epoch."""
        key = jax.random.fold_in(member.key, state.epoch + 1)
        order = self.order(key, member)

        def loss_of_batch(
            params: jax.Array, step: jax.Array, origins: jax.Array, weight: jax.Array
        ) -> jax.Array:
            x, y = _window(rows, member.scale, origins, self.lookback), _target(rows, member.scale, origins)
            named = _named(params, self.shapes(rows))
            output, _ = apply(self.network, named, x, key=jax.random.fold_in(key, step))
            return jnp.sum(weight * self.loss(output, y)) / jnp.sum(weight)

        def one_step(
            step: jax.Array, carry: tuple[jax.Array, optax.OptState, jax.Array]
        ) -> tuple[jax.Array, optax.OptState, jax.Array]:
            params, optimizer, loss_sum = carry
            place = step * self.batch + jnp.arange(self.batch)
            weight = (place < member.train_count).astype(jnp.float32)
            origins = jax.lax.dynamic_slice(order, (step * self.batch,), (self.batch,))
            loss, gradient = jax.value_and_grad(loss_of_batch)(params, step, origins, weight)
            update, optimizer = self.optimizer.update(gradient, optimizer, params)
            return params + jnp.asarray(update), optimizer, loss_sum + loss * jnp.sum(weight)

        params, optimizer, loss_sum = jax.lax.fori_loop(
            state.step, end, one_step, (state.params, state.optimizer, state.loss_sum)
        )
        return state._replace(params=params, optimizer=optimizer, loss_sum=loss_sum, step=end)

    def order(self, key: jax.Array, member: _Member) -> jax.Array:
        """The epoch's origins in random order, the padding last."""
        if not self.training.shuffle:
            return member.train
        place = jnp.arange(len(member.train))
        draw = jax.random.uniform(key, place.shape)
        return member.train[jnp.argsort(jnp.where(place < member.train_count, draw, 2.0))]

    def end_epoch(self, state: _State, member: _Member, rows: Rows) -> _State:
        """Score the validation origins and keep the weights if they are the best so far."""
        validation_loss = self.validate(state.params, member, rows)
        loss = state.loss_sum / member.train_count
        epoch = state.epoch + 1
        score = jnp.where(member.validation_count > 0, validation_loss, -epoch.astype(jnp.float32))
        better = (score < state.best_loss) & jnp.isfinite(loss)
        return state._replace(
            best_params=jnp.where(better, state.params, state.best_params),
            best_loss=jnp.where(better, score, state.best_loss),
            best_epoch=jnp.where(better, epoch, state.best_epoch),
            epoch=epoch,
            step=jnp.int32(0),
            loss_sum=jnp.float32(0),
            losses=state.losses.at[state.epoch].set(loss),
            validation_losses=state.validation_losses.at[state.epoch].set(validation_loss),
        )

    def validate(self, params: jax.Array, member: _Member, rows: Rows) -> jax.Array:
        """Mean loss over the validation origins; NaN where there are none."""
        named = _named(params, self.shapes(rows))
        chunk = min(CHUNK, len(member.validation))

        def add(index: jax.Array, total: jax.Array) -> jax.Array:
            # the last chunk is moved back to end with the array: its first rows were counted already
            start = jnp.minimum(index * chunk, len(member.validation) - chunk)
            place = start + jnp.arange(chunk)
            fresh = (place >= index * chunk) & (place < member.validation_count)
            origins = jax.lax.dynamic_slice(member.validation, (start,), (chunk,))
            output, _ = apply(self.network, named, _window(rows, member.scale, origins, self.lookback))
            loss = self.loss(output, _target(rows, member.scale, origins))
            return total + jnp.sum(jnp.where(fresh, loss, 0.0))

        chunks = (member.validation_count + chunk - 1) // chunk
        return jax.lax.fori_loop(0, chunks, add, jnp.float32(0)) / member.validation_count


_init = jax.jit(_Program.init, static_argnums=0)
_run = jax.jit(_Program.run, static_argnums=0, donate_argnums=1)


@partial(jax.jit, static_argnums=(0, 5))
def _outputs(
    network: Network, params: Params, rows: Rows, scale: jax.Array, origins: jax.Array, lookback: int
) -> jax.Array:
    """Scaled outputs (chunks, B, h) of origins (chunks, B), a chunk at a time."""

    def one(part: jax.Array) -> jax.Array:
        return apply(network, params, _window(rows, scale, part, lookback))[0]

    with exact_products():
        return jax.lax.map(one, origins)


def _window(rows: Rows, scale: jax.Array, origins: jax.Array, lookback: int) -> jax.Array:
    """The scaled windows (B, T, F) that end at `origins` (B,)."""
    sessions = origins[:, None] + jnp.arange(1 - lookback, 1)
    symbol = rows.symbol[origins]
    offset, spread = rows.x_offset[scale, symbol], rows.x_scale[scale, symbol]
    return (rows.features[sessions] - offset[:, None]) / spread[:, None]


def _target(rows: Rows, scale: jax.Array, origins: jax.Array) -> jax.Array:
    """The scaled targets (B, h) of `origins` (B,)."""
    symbol = rows.symbol[origins]
    return (rows.targets[origins] - rows.y_offset[scale, symbol]) / rows.y_scale[scale, symbol]


def _optimizer(training: Training) -> optax.GradientTransformation:
    rate, decay = training.learning_rate, training.weight_decay
    named: dict[str, Callable[[], optax.GradientTransformation]] = {
        "adam": lambda: optax.adam(rate),
        "adamw": lambda: optax.adamw(rate, weight_decay=decay),
        "sgd": lambda: optax.sgd(rate),
        "rmsprop": lambda: optax.rmsprop(rate, decay=0.99),
    }
    steps = [named[training.optimizer]()]
    if decay and training.optimizer != "adamw":
        steps.insert(0, optax.add_decayed_weights(decay))
    if training.clip_norm is not None:
        steps.insert(0, optax.clip_by_global_norm(training.clip_norm))
    return optax.chain(*steps)


def _on_device(member: Member, train: int, validation: int) -> _Member:
    return _Member(
        key=member.key,
        scale=np.int32(member.scale),
        train=jnp.asarray(_pad(member.train, train)),
        train_count=np.int32(len(member.train)),
        validation=jnp.asarray(_pad(member.validation, validation)),
        validation_count=np.int32(len(member.validation)),
        epochs=np.int32(member.epochs),
    )


def _pad(origins: NDArray[np.int64], length: int) -> NDArray[np.int32]:
    """Origins (N,) padded with the first of them, whose window is whole."""
    fill = origins[0] if len(origins) else 0
    return np.concatenate([origins, np.full(length - len(origins), fill)]).astype(np.int32)


def _named(params: Any, shapes: Shapes, split: Callable[..., Sequence[Any]] = jnp.split) -> dict[str, Any]:
    """The weights of a vector by their names; split, because the gradient of a split is one vector again."""
    ends = np.cumsum([math.prod(shape) for shape in shapes.values()])
    parts = split(params, ends[:-1])
    return {name: part.reshape(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}


def _trained(state: _State, shapes: Shapes) -> Trained:
    epochs = int(state.epoch)
    return Trained(
        params=_named(np.asarray(state.best_params), shapes, np.split),
        best_epoch=int(state.best_epoch),
        loss=np.asarray(state.losses)[:epochs],
        validation_loss=np.asarray(state.validation_losses)[:epochs],
    )


def _spread(
    work: Callable[[Any], T], jobs: Sequence[Any], interrupted: Event, look: Callable[[int], None]
) -> list[T]:
    """work(job) for every job, one thread per core (compiled programs run outside the interpreter lock)."""
    threads = max(
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 1
    )

    def counted(job: Any) -> T:
        with kernel.one_more_network():
            return work(job)

    with ThreadPoolExecutor(min(threads, len(jobs))) as pool:
        futures = [pool.submit(counted, job) for job in jobs]
        try:
            pending = set(futures)
            while pending:
                finished, pending = wait(pending, timeout=0.2)
                for future in finished:
                    future.result()
                look(len(futures) - len(pending))
        except BaseException:
            interrupted.set()
            for future in futures:
                future.cancel()
            raise
    return [future.result() for future in futures]
