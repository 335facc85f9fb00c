"""Program: the training of one member, from its first weights to its best epoch, as one compiled program.

On a GPU one program trains many members side by side (`init`, `run` and `outputs` over a leading member
axis): all go through their epochs together, and who is done is masked until the last one is.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, Key

from gatecast.nn import kernel
from gatecast.nn.losses import RowLoss, loss_of
from gatecast.nn.network import ONE_THREAD, apply, exact_products, init_params, shapes
from gatecast.nn.recurrent import Params
from gatecast.settings.network import Network
from gatecast.settings.training import Pace, Training

AnyArray = Any  # of NumPy on the host, of JAX on the device
Shapes = dict[str, tuple[int, ...]]
T = TypeVar("T")

CHUNK = 512  # origins per forward pass in validation and prediction
NEVER = 2**31 - 1  # epochs without a better one that no training waits for
SHORTEST_ROOM = 64  # epochs
# Weights in a row. XLA shares the rows of an array among threads. In one long vector it asks before each
# number whether the thread's share goes on, and computes one at a time.
BLOCK = 64


class Dataset(NamedTuple):
    """The features and targets that all members read, and their scales (one per fold) for each symbol.

    known: what is known in advance, of all bars and of the h after the last one of each symbol; its columns
    are the last of the features as well, and scaled as these. known_row: where in `known` a row stands.
    None: nothing is known.
    """

    features: Float[AnyArray, "rows features"]
    targets: Float[AnyArray, "rows horizon"]
    symbol: Int[AnyArray, " rows"]
    x_offset: Float[AnyArray, "scales symbols features"]
    x_scale: Float[AnyArray, "scales symbols features"]
    y_offset: Float[AnyArray, "scales symbols horizon"]
    y_scale: Float[AnyArray, "scales symbols horizon"]
    known: Float[AnyArray, "bars known"] | None = None
    known_row: Int[AnyArray, " rows"] | None = None

    @property
    def sizes(self) -> dict[str, int]:
        """The numbers of features, steps and known inputs, as `shapes` takes them."""
        known = 0 if self.known is None else self.known.shape[1]
        return {"features": self.features.shape[1], "horizon": self.targets.shape[1], "known": known}


class Hyperparameters(NamedTuple):
    """The numbers of a `Training`; they are given to the compiled program, which need not be made anew."""

    learning_rate: Float[AnyArray, ""]
    weight_decay: Float[AnyArray, ""]
    clip_norm: Float[AnyArray, ""]  # infinite: off
    patience: Int[AnyArray, ""]  # NEVER: off
    steps_per_epoch: Int[AnyArray, ""]  # at most; NEVER: an epoch is a pass over all training origins


class OnDevice(NamedTuple):
    """A member on the device: what makes its key, and origins padded to the population's longest."""

    seed: Int[AnyArray, ""]
    fold: Int[AnyArray, ""]
    tag: Int[AnyArray, ""]
    scale: Int[AnyArray, ""]
    train: Int[AnyArray, " train"]
    train_count: Int[AnyArray, ""]
    validation: Int[AnyArray, " validation"]
    validation_count: Int[AnyArray, ""]
    epochs: Int[AnyArray, ""]
    hyperparameters: Hyperparameters

    @property
    def key(self) -> Key[Array, ""]:
        """Its random key."""
        return key_of(self.seed, self.fold, self.tag)


class TrainingState(NamedTuple):
    """A member's training; its weights are one array, so that a step of the optimizer is one operation.

    The array is the vector of all weights in blocks, zeros behind.
    step: of the pass over the training origins, which is cut into one epoch or more.
    """

    params: Float[Array, "blocks block"]
    optimizer: optax.OptState
    best_params: Float[Array, "blocks block"]
    best_loss: Float[Array, ""]
    best_epoch: Int[Array, ""]
    epoch: Int[Array, ""]
    step: Int[Array, ""]
    order: Int[
        Array, " train"
    ]  # of the pass's origins: drawn before its first step, however often the host takes control
    loss_sum: Float[Array, ""]
    losses: Float[Array, " epochs"]
    validation_losses: Float[Array, " epochs"]


@dataclass(frozen=True)
class Program:
    """What is compiled: one member, from its weights to its best epoch.

    room: of epochs, for whose losses there is room.
    """

    network: Network
    loss: RowLoss
    optimizer: Literal["adam", "adamw", "sgd", "rmsprop"]
    shuffle: bool
    lookback: int
    batch: int
    room: int

    def shapes(self, dataset: Dataset) -> Shapes:
        """Name and shape of every weight, in their vector's order."""
        return shapes(self.network, lookback=self.lookback, **dataset.sizes)

    def init(self, member: OnDevice, dataset: Dataset) -> TrainingState:
        """A member before its first step."""
        drawn = init_params(self.network, member.key, lookback=self.lookback, **dataset.sizes)
        params = in_blocks([drawn[name].ravel() for name in self.shapes(dataset)])
        none = jnp.full(self.room, jnp.nan, jnp.float32)
        zero = jnp.int32(0)
        return TrainingState(
            params=params,
            optimizer=self.optimizer_steps(member, dataset).init(params),
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

    def run(
        self, state: TrainingState, member: OnDevice, dataset: Dataset, budget: Int[Array, ""]
    ) -> tuple[TrainingState, Bool[Array, ""]]:
        """The state after about `budget` training steps, and whether training is over.

        The end of an epoch is charged as the longest member's, so that members side by side stay together.
        """
        longest = jnp.minimum(len(member.train) // self.batch, member.hyperparameters.steps_per_epoch)

        def go_on(carry: tuple[TrainingState, Array]) -> Array:
            return ~self.over(carry[0], member) & (carry[1] > 0)

        def stretch(carry: tuple[TrainingState, Array]) -> tuple[TrainingState, Array]:
            state, budget = carry
            begin, stop = self.epoch_of(state.step, member)
            # beside others a member that waits is carried along: no steps of its own hold them up
            end = jnp.where(go_on(carry), jnp.minimum(stop, state.step + budget), state.step)
            budget = budget - (jnp.where(end == stop, begin + longest, end) - state.step)
            state = self.train_steps(state, member, dataset, end)
            state = jax.lax.cond(
                end == stop, lambda s: self.end_epoch(s, member, dataset), lambda s: s, state
            )
            return state, budget

        with exact_products():
            state, _ = jax.lax.while_loop(go_on, stretch, (state, budget))
        return state, self.over(state, member)

    def steps_of(self, member: OnDevice) -> Int[Array, ""]:
        """The number of steps of a pass over the training origins."""
        return (member.train_count + self.batch - 1) // self.batch

    def epoch_of(self, step: Int[Array, ""], member: OnDevice) -> tuple[Int[Array, ""], Int[Array, ""]]:
        """The first step of the epoch that a pass is in at `step`, and the one after its last.

        A pass is cut into epochs of equal length, as few as `steps_per_epoch` allows.
        """
        steps = self.steps_of(member)
        epochs = -(-steps // member.hyperparameters.steps_per_epoch)
        length = -(-steps // epochs)
        begin = step // length * length
        return begin, jnp.minimum(begin + length, steps)

    def over(self, state: TrainingState, member: OnDevice) -> Bool[Array, ""]:
        """Whether all epochs are done, or `patience` epochs without a better validation loss."""
        waited = state.epoch - state.best_epoch >= member.hyperparameters.patience
        return (state.epoch >= member.epochs) | ((member.validation_count > 0) & waited)

    def optimizer_steps(self, member: OnDevice, dataset: Dataset) -> optax.GradientTransformation:
        """The member's steps on its weights in blocks."""
        weights = sum(map(math.prod, self.shapes(dataset).values()))
        return optimizer_of(self.optimizer, member.hyperparameters, weights)

    def train_steps(
        self, state: TrainingState, member: OnDevice, dataset: Dataset, end: Int[Array, ""]
    ) -> TrainingState:
        """The state after the steps state.step … end of the current epoch."""
        key = jax.random.fold_in(member.key, state.epoch + 1)
        order = jax.lax.cond(state.step == 0, lambda: self.order(key, member), lambda: state.order)
        steps = self.optimizer_steps(member, dataset)

        def loss_of_batch(
            params: Float[Array, "blocks block"],
            step: Int[Array, ""],
            origins: Int[Array, " batch"],
            weight: Float[Array, " batch"],
        ) -> Float[Array, ""]:
            x, y = (
                window(dataset, member.scale, origins, self.lookback),
                target(dataset, member.scale, origins),
            )
            weights = by_name(params, self.shapes(dataset))
            later = ahead(dataset, member.scale, origins)
            output, _ = apply(self.network, weights, x, ahead=later, key=jax.random.fold_in(key, step))
            return jnp.sum(weight * self.loss(output, y)) / jnp.sum(weight)

        def one_step(
            step: Array, carry: tuple[Array, optax.OptState, Array]
        ) -> tuple[Array, optax.OptState, Array]:
            params, optimizer, loss_sum = carry
            place = step * self.batch + jnp.arange(self.batch)
            weight = (place < member.train_count).astype(jnp.float32)
            origins = jax.lax.dynamic_slice(order, (step * self.batch,), (self.batch,))
            loss, gradient = jax.value_and_grad(loss_of_batch)(params, step, origins, weight)
            update, optimizer = steps.update(gradient, optimizer, params)
            return params + jnp.asarray(update), optimizer, loss_sum + loss * jnp.sum(weight)

        params, optimizer, loss_sum = jax.lax.fori_loop(
            state.step, end, one_step, (state.params, state.optimizer, state.loss_sum)
        )
        return state._replace(params=params, optimizer=optimizer, order=order, loss_sum=loss_sum, step=end)

    def order(self, key: Key[Array, ""], member: OnDevice) -> Int[Array, " train"]:
        """The origins of a pass in random order, the padding last."""
        if not self.shuffle:
            return member.train
        place = jnp.arange(len(member.train))
        draw = jax.random.uniform(key, place.shape)
        return member.train[jnp.argsort(jnp.where(place < member.train_count, draw, 2.0))]

    def end_epoch(self, state: TrainingState, member: OnDevice, dataset: Dataset) -> TrainingState:
        """The state with the validation loss recorded, its weights the best so far or not."""
        validation_loss = self.validate(state.params, member, dataset)
        begin, stop = self.epoch_of(state.step - 1, member)
        seen = jnp.minimum(stop * self.batch, member.train_count) - begin * self.batch
        loss = state.loss_sum / seen
        epoch = state.epoch + 1
        score = jnp.where(member.validation_count > 0, validation_loss, -epoch.astype(jnp.float32))
        better = (score < state.best_loss) & jnp.isfinite(loss)
        return state._replace(
            best_params=jnp.where(better, state.params, state.best_params),
            best_loss=jnp.where(better, score, state.best_loss),
            best_epoch=jnp.where(better, epoch, state.best_epoch),
            epoch=epoch,
            step=jnp.where(stop == self.steps_of(member), 0, stop),
            loss_sum=jnp.float32(0),
            losses=state.losses.at[state.epoch].set(loss),
            validation_losses=state.validation_losses.at[state.epoch].set(validation_loss),
        )

    def validate(
        self, params: Float[Array, "blocks block"], member: OnDevice, dataset: Dataset
    ) -> Float[Array, ""]:
        """Mean loss over the validation origins; NaN where there are none."""
        weights = by_name(params, self.shapes(dataset))
        chunk = min(CHUNK, len(member.validation))

        def add(index: Array, total: Array) -> Array:
            # the last chunk is moved back to end with the array: its first rows were counted already
            start = jnp.minimum(index * chunk, len(member.validation) - chunk)
            place = start + jnp.arange(chunk)
            fresh = (place >= index * chunk) & (place < member.validation_count)
            origins = jax.lax.dynamic_slice(member.validation, (start,), (chunk,))
            x, later = (
                window(dataset, member.scale, origins, self.lookback),
                ahead(dataset, member.scale, origins),
            )
            output, _ = apply(self.network, weights, x, ahead=later)
            loss = self.loss(output, target(dataset, member.scale, origins))
            return total + jnp.sum(jnp.where(fresh, loss, 0.0))

        chunks = (member.validation_count + chunk - 1) // chunk
        return jax.lax.fori_loop(0, chunks, add, jnp.float32(0)) / member.validation_count


def key_of(seed: Any, fold: Any, tag: Any) -> Key[Array, ""]:
    """A member's random key."""
    return jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), fold), tag)


def each(function: Callable[..., T], *arrays: Any) -> T:
    """The results of function for all members, the arrays' leading axis; a single member is not stacked."""
    if len(jax.tree.leaves(arrays)[0]) > 1:
        return jax.vmap(function)(*arrays)
    alone = function(*jax.tree.map(lambda leaf: leaf[0], arrays))
    return jax.tree.map(lambda leaf: leaf[None], alone)


@partial(jax.jit, static_argnums=0, compiler_options=ONE_THREAD)
def init(program: Program, members: OnDevice, dataset: Dataset) -> TrainingState:
    """The states of members side by side before their first step."""
    return each(lambda member: program.init(member, dataset), members)


@partial(jax.jit, static_argnums=0, donate_argnums=1, compiler_options=ONE_THREAD)
def run(
    program: Program, states: TrainingState, members: OnDevice, dataset: Dataset, budget: Int[Array, ""]
) -> tuple[TrainingState, Bool[Array, " members"]]:
    """`Program.run` of members side by side: their states, and who is done."""
    return each(lambda state, member: program.run(state, member, dataset, budget), states, members)


@partial(jax.jit, static_argnums=(0, 6), compiler_options=ONE_THREAD)
def outputs(
    network: Network,
    params: Params,
    dataset: Dataset,
    scales: Int[Array, " members"],
    origins: Int[Array, "members chunks chunk"],
    count: Int[Array, ""],
    lookback: int,
) -> Float[Array, "members chunks chunk horizon *parameters"]:
    """Scaled outputs of the first `count` chunks of members' origins, a chunk at a time."""

    def one(params: Params, scale: Array, origins: Array) -> Array:
        def forecast(part: Array) -> Array:
            x, later = window(dataset, scale, part, lookback), ahead(dataset, scale, part)
            return apply(network, params, x, ahead=later)[0]

        def put(chunk: Array, found: Array) -> Array:
            return found.at[chunk].set(forecast(origins[chunk]))

        like = jax.eval_shape(forecast, origins[0])
        return jax.lax.fori_loop(0, count, put, jnp.zeros((len(origins), *like.shape), like.dtype))

    with exact_products():
        return each(one, params, scales, origins)


def window(
    dataset: Dataset, scale: Int[Array, ""] | int, origins: Int[Array, " batch"], lookback: int
) -> Float[Array, "batch time features"]:
    """The scaled windows that end at `origins`."""
    if kernel.available(dataset.features.dtype):
        return kernel.windows(
            dataset.features, dataset.symbol, origins, dataset.x_offset, dataset.x_scale, scale, lookback
        )
    return gathered(dataset, scale, origins, lookback)


def gathered(
    dataset: Dataset, scale: Int[Array, ""] | int, origins: Int[Array, " batch"], lookback: int
) -> Float[Array, "batch time features"]:
    """`window` in JAX alone, which can be differentiated by the features."""
    rows = origins[:, None] + jnp.arange(1 - lookback, 1)
    symbol = dataset.symbol[origins]
    offset, divisor = dataset.x_offset[scale, symbol], dataset.x_scale[scale, symbol]
    return (dataset.features[rows] - offset[:, None]) / divisor[:, None]


def ahead(
    dataset: Dataset, scale: Int[Array, ""] | int, origins: Int[Array, " batch"]
) -> Float[Array, "batch inputs"] | None:
    """What is known in advance of the h bars after `origins`, scaled, bar after bar; None: nothing is."""
    if dataset.known is None or dataset.known_row is None:
        return None
    count = dataset.known.shape[1]
    rows = dataset.known_row[origins][:, None] + jnp.arange(1, dataset.targets.shape[1] + 1)
    symbol = dataset.symbol[origins]
    offset, divisor = (part[scale, symbol, -count:] for part in (dataset.x_offset, dataset.x_scale))
    scaled = (dataset.known[rows] - offset[:, None]) / divisor[:, None]
    return scaled.reshape(len(origins), -1)


def target(
    dataset: Dataset, scale: Int[Array, ""] | int, origins: Int[Array, " batch"]
) -> Float[Array, "batch horizon"]:
    """The scaled targets of `origins`."""
    symbol = dataset.symbol[origins]
    return (dataset.targets[origins] - dataset.y_offset[scale, symbol]) / dataset.y_scale[scale, symbol]


def in_blocks(parts: Sequence[Float[Array, " _"]]) -> Float[Array, "blocks block"]:
    """The parts of a vector in blocks, zeros behind."""
    behind = jnp.zeros(-sum(map(len, parts)) % BLOCK, jnp.float32)
    return jnp.concatenate([*parts, behind]).reshape(-1, BLOCK)


def by_name(params: Any, shapes: Shapes, split: Callable[..., Sequence[Any]] = jnp.split) -> dict[str, Any]:
    """The weights of a vector in blocks by their names; split: its gradient is one vector again."""
    ends = np.cumsum([math.prod(shape) for shape in shapes.values()])
    *parts, _ = split(params.reshape(-1), ends)
    return {name: part.reshape(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}


def program_of(network: Network, training: Training, *, lookback: int, batch: int) -> Program:
    """The program for these settings; many a Training shares one, its numbers are `hyperparameters_of`."""
    return Program(
        network=network,
        loss=loss_of(training, network),
        optimizer=training.optimizer,
        shuffle=training.shuffle,
        lookback=lookback,
        batch=batch,
        room=max(SHORTEST_ROOM, 1 << (training.epochs - 1).bit_length()),
    )


def hyperparameters_of(training: Training, pace: Pace) -> Hyperparameters:
    """The numbers of `training` at this pace, as the program takes them."""
    return Hyperparameters(
        learning_rate=np.float32(pace.learning_rate),
        weight_decay=np.float32(training.weight_decay),
        clip_norm=np.float32(np.inf if training.clip_norm is None else training.clip_norm),
        patience=_at_most(training.patience),
        steps_per_epoch=_at_most(pace.steps_per_epoch),
    )


def _at_most(limit: int | None) -> np.int32:
    return np.int32(NEVER if limit is None else min(limit, NEVER))


def optimizer_of(name: str, numbers: Hyperparameters, weights: int) -> optax.GradientTransformation:
    """The optimizer of that name: clipping, weight decay in the gradient (not for adamw), then the step.

    weights: how many there are, in blocks with zeros behind.
    """
    rate, decay = numbers.learning_rate, numbers.weight_decay
    steps: dict[str, Callable[[], optax.GradientTransformation]] = {
        "adam": lambda: optax.adam(rate),
        "adamw": lambda: optax.adamw(rate, weight_decay=decay),
        "sgd": lambda: optax.sgd(rate),
        "rmsprop": lambda: optax.rmsprop(rate, decay=0.99),
    }
    before = [] if name == "adamw" else [optax.add_decayed_weights(decay)]
    return optax.chain(clip(numbers.clip_norm, weights), *before, steps[name]())


def clip(most: Float[AnyArray, ""], weights: int) -> optax.GradientTransformation:
    """optax.clip_by_global_norm of a gradient in blocks, bit for bit as of its vector of `weights`."""

    def clipped(gradient: Any, _: Any) -> Any:
        norm = optax.tree.norm(gradient.reshape(-1)[:weights])
        return jax.lax.select(norm < most, gradient, gradient / norm * most)

    return optax.stateless(clipped)
