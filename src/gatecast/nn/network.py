"""A network: recurrent layers, head, output; its weights as one flat dict."""

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from gatecast.nn import outputs
from gatecast.nn.cells import cell_of
from gatecast.nn.recurrent import Layer, Params, States, recurrent
from gatecast.settings.network import Network

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": jax.nn.relu,
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "linear": lambda x: x,
}


def shapes(
    network: Network, *, features: int, lookback: int, horizon: int, known: int = 0
) -> dict[str, tuple[int, ...]]:
    """Name and shape of every weight.

    Recurrent weights have torch.nn.LSTM's names and shapes; hidden layers of the head are mlp.0.weight
    (out, in), mlp.0.bias, …; the output layer is out.weight, out.bias; a student_t has a df per step. init
    "pytorch" has the second recurrent bias bias_hh; the others have it only where a GRU with reset_after
    needs it, as Keras.

    known: inputs known in advance, whose values at each of the h bars ahead the head reads beside the state.
    """
    cell = cell_of(network.cell, network.reset_after)
    size, directions = network.hidden_size, 2 if network.bidirectional else 1
    rows = cell.gates * size
    second_bias = network.init == "pytorch" or (network.cell == "gru" and network.reset_after)
    named: dict[str, tuple[int, ...]] = {}
    for layer in range(network.num_layers):
        for suffix in ("", "_reverse")[:directions]:
            place = f"_l{layer}{suffix}"
            named["weight_ih" + place] = (rows, features if layer == 0 else directions * size)
            named["weight_hh" + place] = (rows, size)
            named["bias_ih" + place] = (rows,)
            if second_bias:
                named["bias_hh" + place] = (rows,)
    width = directions * size * (lookback if network.head == "flatten" else 1) + horizon * known
    for index, out in enumerate((*network.mlp, outputs.width(network, horizon))):
        name = f"mlp.{index}" if index < len(network.mlp) else "out"
        named[f"{name}.weight"], named[f"{name}.bias"] = (out, width), (out,)
        width = out
    if network.output == "student_t":
        named["df"] = (horizon,)
    return named


def init_params(
    network: Network,
    key: Key[Array, ""],
    *,
    features: int,
    lookback: int,
    horizon: int,
    known: int = 0,
) -> Params:
    """Weights drawn as `network.init` describes (see Network); a distribution starts near the EWMA's."""
    named = shapes(network, features=features, lookback=lookback, horizon=horizon, known=known)
    keys = jax.random.split(key, len(named))
    bound_of = _pytorch_bound if network.init == "pytorch" else _glorot_bound
    bounds = {name: bound_of(network, name, named) for name in named if name != "df"}
    drawn = _uniform(keys, named, bounds)
    for place, (name, shape) in enumerate(named.items()):
        if name in bounds and not bounds[name]:
            drawn[name] = _keras_start(network, name, shape, keys[place])
    params = {name: drawn[name].astype(jnp.float32) for name in bounds}
    return params if network.output == "point" else outputs.neutral(params, network)


# Members are trained one per core. With threads inside a product, its bits would depend on their number.
ONE_THREAD = {"xla_cpu_multi_thread_eigen": False}


@contextlib.contextmanager
def exact_products() -> Iterator[None]:
    """While a program is traced: a GPU multiplies in single precision, not with factors cut to ten bits."""
    with jax.default_matmul_precision("float32"):
        yield


def apply(
    network: Network,
    params: Params,
    x: Float[Array, "batch time features"],
    *,
    ahead: Float[Array, "batch inputs"] | None = None,
    state: States | None = None,
    key: Key[Array, ""] | None = None,
    run: Layer | None = None,
) -> tuple[Float[Array, "batch horizon *parameters"], States]:
    """The outputs of the windows x and the final states.

    Outputs are in scaled target units; distributions have several parameters (see gatecast.nn.outputs).
    Every output reads the state after the newest time step. ahead: what is known in advance of the h bars
    ahead, beside that state; None where nothing is. key: draws dropout; None when not training. run: as in
    `recurrent`.
    """
    states, final = recurrent(
        params,
        cell_of(network.cell, network.reset_after),
        x,
        num_layers=network.num_layers,
        bidirectional=network.bidirectional,
        dropout=network.dropout,
        key=key,
        state=state,
        run=run,
    )
    if network.head == "flatten":
        y = states.reshape(states.shape[0], -1)
    else:
        directions = 2 if network.bidirectional else 1
        y = jnp.concatenate(list(final[0][-directions:]), axis=-1)
    y = ACTIVATIONS[network.state_activation](y)
    if ahead is not None:
        y = jnp.concatenate([y, ahead], axis=-1)
    for index in range(len(network.mlp)):
        y = ACTIVATIONS[network.activation](_dense(params, f"mlp.{index}", y))
    raw = ACTIVATIONS[network.output_activation](_dense(params, "out", y))
    return outputs.output(network, params, raw), final


def _dense(params: Params, name: str, x: Float[Array, "batch in"]) -> Float[Array, "batch out"]:
    return x @ params[f"{name}.weight"].T + params[f"{name}.bias"]


def _uniform(
    keys: Key[Array, " weights"], named: dict[str, tuple[int, ...]], bounds: Mapping[str, float | None]
) -> Params:
    """Weights drawn between ± their bound, each with its own key, where they have one.

    The matrices are drawn together, and so are the vectors: a generator in a program takes longer to compile
    than all else that a start needs. As many numbers as the longest wants are drawn for each; its own are the
    first of them, as if it were drawn alone.
    """
    drawn: Params = {}
    for dimensions in (1, 2):
        names = [name for name, bound in bounds.items() if bound and len(named[name]) == dimensions]
        if not names:
            continue
        most = max(math.prod(named[name]) for name in names)
        draw = jax.vmap(partial(_between, count=most))
        places = np.array([list(named).index(name) for name in names])
        numbers = draw(keys[places], jnp.array([bounds[name] for name in names], jnp.float32))
        for row, name in zip(numbers, names, strict=True):
            drawn[name] = row[: math.prod(named[name])].reshape(named[name])
    return drawn


def _between(key: Key[Array, ""], limit: Float[Array, ""], count: int) -> Float[Array, " count"]:
    """Numbers drawn uniformly from -limit to limit."""
    return jax.random.uniform(key, (count,), minval=-limit, maxval=limit)


def _pytorch_bound(network: Network, name: str, named: dict[str, tuple[int, ...]]) -> float:
    """PyTorch's bound: 1/sqrt(hidden_size) in recurrent layers, 1/sqrt(fan_in) in linear ones."""
    layer = name.removesuffix("bias").removesuffix("weight")
    recurrent_part = name.startswith(("weight_", "bias_"))
    return 1 / math.sqrt(network.hidden_size if recurrent_part else named[layer + "weight"][1])


def _glorot_bound(network: Network, name: str, named: dict[str, tuple[int, ...]]) -> float | None:
    """The bound of Glorot and Bengio (2010); None for what Keras starts otherwise.

    The fans are those of the whole matrix with all gates, as in Keras.
    """
    vector = len(named[name]) == 1
    return None if vector or _is_orthogonal(network, name) else math.sqrt(6 / sum(named[name]))


def _keras_start(network: Network, name: str, shape: tuple[int, ...], key: Key[Array, ""]) -> Array:
    """Keras' defaults for what is not Glorot's; init "glorot" is without orthogonality and forget bias."""
    if _is_orthogonal(network, name):
        return jax.random.orthogonal(key, shape[0], shape=(), m=shape[1])
    size = network.hidden_size
    if name.startswith("bias_ih") and network.cell == "lstm" and network.init == "keras":
        return jnp.zeros(shape).at[size : 2 * size].set(1.0)
    return jnp.zeros(shape)


def _is_orthogonal(network: Network, name: str) -> bool:
    return name.startswith("weight_hh") and network.init == "keras"
