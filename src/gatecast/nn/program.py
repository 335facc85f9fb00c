"""Program: the training of one member, from its first weights to its best epoch, as one compiled program.

On a GPU one program trains many members side by side (`init`, `run` and `outputs` over a leading member
axis): all go through their epochs together, and who is done is masked until the last one is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gatecast.nn import kernel
from gatecast.nn.losses import RowLoss, loss_of
from gatecast.nn.network import apply, exact_products, init_params, shapes
from gatecast.nn.recurrent import Params
from gatecast.settings.network import Network
from gatecast.settings.training import Training

Shapes = dict[str, tuple[int, ...]]
T = TypeVar("T")

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


class OnDevice(NamedTuple):
    """A member on the device: what makes its key, and origins padded to the population's longest."""

    seed: Any
    fold: Any
    tag: Any
    scale: Any
    train: Any
    train_count: Any
    validation: Any
    validation_count: Any
    epochs: Any

    @property
    def key(self) -> jax.Array:
        """Its random key."""
        return key_of(self.seed, self.fold, self.tag)


class State(NamedTuple):
    """A member's training; its weights are one vector, so that a step of the optimizer is one operation."""

    params: jax.Array
    optimizer: optax.OptState
    best_params: jax.Array
    best_loss: jax.Array
    best_epoch: jax.Array
    epoch: jax.Array
    step: jax.Array
    order: jax.Array  # of the epoch's origins: drawn before its first step, however often the host looks in
    loss_sum: jax.Array
    losses: jax.Array
    validation_losses: jax.Array


@dataclass(frozen=True)
class Program:
    """The compiled part: one member, from its weights to its best epoch."""

    network: Network
    training: Training
    lookback: int
    batch: int

    @property
    def loss(self) -> RowLoss:
        """What training minimises, per row."""
        return loss_of(self.training, self.network)

    @property
    def optimizer(self) -> optax.GradientTransformation:
        """Its steps on the vector of weights."""
        return optimizer_of(self.training)

    def shapes(self, rows: Rows) -> Shapes:
        """Name and shape of every weight, in their vector's order."""
        horizon, features = rows.targets.shape[1], rows.features.shape[1]
        return shapes(self.network, features=features, lookback=self.lookback, horizon=horizon)

    def init(self, member: OnDevice, rows: Rows) -> State:
        """A member before its first step."""
        horizon, features = rows.targets.shape[1], rows.features.shape[1]
        drawn = init_params(
            self.network, member.key, features=features, lookback=self.lookback, horizon=horizon
        )
        params = jnp.concatenate([drawn[name].ravel() for name in self.shapes(rows)])
        none = jnp.full(self.training.epochs, jnp.nan, jnp.float32)
        zero = jnp.int32(0)
        return State(
            params=params,
            optimizer=self.optimizer.init(params),
            best_params=jnp.copy(params),
            best_loss=jnp.float32(jnp.inf),
            best_epoch=zero,
            epoch=jnp.copy(zero),
            step=jnp.copy(zero),
            order=jnp.zeros_like(member.train),
            loss_sum=jnp.float32(0),
            losses=none,
            validation_losses=jnp.copy(none),
        )

    def run(self, state: State, member: OnDevice, rows: Rows, budget: jax.Array) -> tuple[State, jax.Array]:
        """About `budget` training steps; returns the state and whether training is over.

        The end of an epoch is charged as the longest member's, so that members side by side stay together.
        """
        steps = (member.train_count + self.batch - 1) // self.batch
        longest = len(member.train) // self.batch

        def go_on(carry: tuple[State, jax.Array]) -> jax.Array:
            return ~self.over(carry[0], member) & (carry[1] > 0)

        def stretch(carry: tuple[State, jax.Array]) -> tuple[State, jax.Array]:
            state, budget = carry
            # beside others a member that waits is carried along: no steps of its own hold them up
            end = jnp.where(go_on(carry), jnp.minimum(steps, state.step + budget), state.step)
            budget = budget - (jnp.where(end == steps, longest, end) - state.step)
            state = self.train_steps(state, member, rows, end)
            state = jax.lax.cond(end == steps, lambda s: self.end_epoch(s, member, rows), lambda s: s, state)
            return state, budget

        with exact_products():
            state, _ = jax.lax.while_loop(go_on, stretch, (state, budget))
        return state, self.over(state, member)

    def over(self, state: State, member: OnDevice) -> jax.Array:
        """All epochs done, or `patience` epochs without a better validation loss."""
        done = state.epoch >= member.epochs
        if self.training.patience is None:
            return done
        waited = state.epoch - state.best_epoch >= self.training.patience
        return done | ((member.validation_count > 0) & waited)

    def train_steps(self, state: State, member: OnDevice, rows: Rows, end: jax.Array) -> State:
        """The steps state.step … end of the current epoch."""
        key = jax.random.fold_in(member.key, state.epoch + 1)
        order = jax.lax.cond(state.step == 0, lambda: self.order(key, member), lambda: state.order)

        def loss_of_batch(
            params: jax.Array, step: jax.Array, origins: jax.Array, weight: jax.Array
        ) -> jax.Array:
            x, y = window(rows, member.scale, origins, self.lookback), target(rows, member.scale, origins)
            weights = by_name(params, self.shapes(rows))
            output, _ = apply(self.network, weights, x, key=jax.random.fold_in(key, step))
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
        return state._replace(params=params, optimizer=optimizer, order=order, loss_sum=loss_sum, step=end)

    def order(self, key: jax.Array, member: OnDevice) -> jax.Array:
        """The epoch's origins in random order, the padding last."""
        if not self.training.shuffle:
            return member.train
        place = jnp.arange(len(member.train))
        draw = jax.random.uniform(key, place.shape)
        return member.train[jnp.argsort(jnp.where(place < member.train_count, draw, 2.0))]

    def end_epoch(self, state: State, member: OnDevice, rows: Rows) -> State:
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

    def validate(self, params: jax.Array, member: OnDevice, rows: Rows) -> jax.Array:
        """Mean loss over the validation origins; NaN where there are none."""
        weights = by_name(params, self.shapes(rows))
        chunk = min(CHUNK, len(member.validation))

        def add(index: jax.Array, total: jax.Array) -> jax.Array:
            # the last chunk is moved back to end with the array: its first rows were counted already
            start = jnp.minimum(index * chunk, len(member.validation) - chunk)
            place = start + jnp.arange(chunk)
            fresh = (place >= index * chunk) & (place < member.validation_count)
            origins = jax.lax.dynamic_slice(member.validation, (start,), (chunk,))
            output, _ = apply(self.network, weights, window(rows, member.scale, origins, self.lookback))
            loss = self.loss(output, target(rows, member.scale, origins))
            return total + jnp.sum(jnp.where(fresh, loss, 0.0))

        chunks = (member.validation_count + chunk - 1) // chunk
        return jax.lax.fori_loop(0, chunks, add, jnp.float32(0)) / member.validation_count


def key_of(seed: Any, fold: Any, tag: Any) -> jax.Array:
    """A member's random key."""
    return jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), fold), tag)


def each(function: Callable[..., T], *arrays: Any) -> T:
    """function over the members, the leading axis of all arrays; a member alone is not stacked."""
    if len(jax.tree.leaves(arrays)[0]) > 1:
        return jax.vmap(function)(*arrays)
    alone = function(*jax.tree.map(lambda leaf: leaf[0], arrays))
    return jax.tree.map(lambda leaf: leaf[None], alone)


@partial(jax.jit, static_argnums=0)
def init(program: Program, members: OnDevice, rows: Rows) -> State:
    """The states of members side by side before their first step."""
    return each(lambda member: program.init(member, rows), members)


@partial(jax.jit, static_argnums=0, donate_argnums=1)
def run(
    program: Program, states: State, members: OnDevice, rows: Rows, budget: jax.Array
) -> tuple[State, jax.Array]:
    """`Program.run` of members side by side: their states, and who is done (M,)."""
    return each(lambda state, member: program.run(state, member, rows, budget), states, members)


@partial(jax.jit, static_argnums=(0, 5))
def outputs(
    network: Network, params: Params, rows: Rows, scales: jax.Array, origins: jax.Array, lookback: int
) -> jax.Array:
    """Scaled outputs (M, chunks, B, h) of members' origins (M, chunks, B), a chunk at a time."""

    def one(params: Params, scale: jax.Array, origins: jax.Array) -> jax.Array:
        def forecast(part: jax.Array) -> jax.Array:
            return apply(network, params, window(rows, scale, part, lookback))[0]

        return jax.lax.map(forecast, origins)

    with exact_products():
        return each(one, params, scales, origins)


def window(rows: Rows, scale: jax.Array, origins: jax.Array, lookback: int) -> jax.Array:
    """The scaled windows (B, T, F) that end at `origins` (B,)."""
    if kernel.available(rows.features.dtype):
        return kernel.windows(
            rows.features, rows.symbol, origins, rows.x_offset, rows.x_scale, scale, lookback
        )
    return gathered(rows, scale, origins, lookback)


def gathered(rows: Rows, scale: jax.Array, origins: jax.Array, lookback: int) -> jax.Array:
    """`window` in JAX alone, which can be differentiated by the features."""
    sessions = origins[:, None] + jnp.arange(1 - lookback, 1)
    symbol = rows.symbol[origins]
    offset, spread = rows.x_offset[scale, symbol], rows.x_scale[scale, symbol]
    return (rows.features[sessions] - offset[:, None]) / spread[:, None]


def target(rows: Rows, scale: jax.Array, origins: jax.Array) -> jax.Array:
    """The scaled targets (B, h) of `origins` (B,)."""
    symbol = rows.symbol[origins]
    return (rows.targets[origins] - rows.y_offset[scale, symbol]) / rows.y_scale[scale, symbol]


def by_name(params: Any, shapes: Shapes, split: Callable[..., Sequence[Any]] = jnp.split) -> dict[str, Any]:
    """The weights of a vector by their names; split, because the gradient of a split is one vector again."""
    ends = np.cumsum([math.prod(shape) for shape in shapes.values()])
    parts = split(params, ends[:-1])
    return {name: part.reshape(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}


def optimizer_of(training: Training) -> optax.GradientTransformation:
    """What `training` names: clipping, weight decay into the gradient (but for adamw), then the step."""
    rate, decay = training.learning_rate, training.weight_decay
    known: dict[str, Callable[[], optax.GradientTransformation]] = {
        "adam": lambda: optax.adam(rate),
        "adamw": lambda: optax.adamw(rate, weight_decay=decay),
        "sgd": lambda: optax.sgd(rate),
        "rmsprop": lambda: optax.rmsprop(rate, decay=0.99),
    }
    steps = [known[training.optimizer]()]
    if decay and training.optimizer != "adamw":
        steps.insert(0, optax.add_decayed_weights(decay))
    if training.clip_norm is not None:
        steps.insert(0, optax.clip_by_global_norm(training.clip_norm))
    return optax.chain(*steps)
