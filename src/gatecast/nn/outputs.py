"""Outputs: what the numbers of a network's last layer mean, in units of what is known at the origin.

A distribution is forecast in units of u = move / (volatility · sqrt(k)) at step k, where the volatility
is the EWMA's at the origin. Its neutral output, all zero, is naive's point with the EWMA's interval.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from gatecast._typing import Floats
from gatecast.distributions import FARTHEST, LEVELS, Quantiles, StudentT, bounded
from gatecast.nn.recurrent import Params
from gatecast.settings.network import Network

PER_STEP = {"point": 1, "student_t": 2, "quantiles": len(LEVELS)}
SMALL = 0.1  # start of a distribution's output weights, size of its location: an untrained one is neutral
LEAST_DF, MOST_DF = 2.1, 1e6
MOST_LOG_SCALE = 4.0  # a scale of more than e⁴ times the EWMA's, or less than e⁻⁴, is a fit gone wild
MEDIAN = LEVELS.index(0.5)


def width(network: Network, horizon: int) -> int:
    """The number of outputs of the last linear layer."""
    return PER_STEP[network.output] * horizon


def neutral(params: Params, network: Network) -> Params:
    """Freshly drawn weights with the output layer near zero: the untrained distribution is the EWMA's."""
    start = {"out.weight": SMALL * params["out.weight"], "out.bias": jnp.zeros_like(params["out.bias"])}
    horizon = len(params["out.bias"]) // PER_STEP[network.output]
    df = {"df": jnp.zeros(horizon, jnp.float32)} if network.output == "student_t" else {}
    return {**params, **start, **df}


def output(
    network: Network, params: Params, raw: Float[Array, "batch width"]
) -> Float[Array, "batch horizon *parameters"]:
    """The last layer's numbers as outputs.

    "point": (B, h). "student_t": (B, h, 3), location, scale and df, in units of u: location 0.1 · o1, scale
    exp(o2), and df = 2.1 + 3 softplus(w), one for each step: sums of returns have thinner tails.
    "quantiles": (B, h, Q) in units of u, rising by construction: the median 0.1 · o, and steps to both
    sides that are those of Student's t with 5 degrees of freedom times exp(o).
    """
    if network.output == "point":
        return raw
    numbers = raw.reshape(raw.shape[0], -1, PER_STEP[network.output])
    log_scale = jnp.clip(numbers[..., 1:], -MOST_LOG_SCALE, MOST_LOG_SCALE)
    location = SMALL * numbers[..., :1]
    if network.output == "student_t":
        df = LEAST_DF + 3 * jax.nn.softplus(params["df"])[:, None]
        return jnp.concatenate([location, jnp.exp(log_scale), jnp.broadcast_to(df, location.shape)], axis=-1)
    gaps = jnp.asarray(NEUTRAL_GAPS, raw.dtype) * jnp.exp(log_scale)
    down = -jnp.cumsum(gaps[..., :MEDIAN][..., ::-1], axis=-1)[..., ::-1]
    up = jnp.cumsum(gaps[..., MEDIAN:], axis=-1)
    return location + jnp.concatenate([down, jnp.zeros_like(location), up], axis=-1)


def distributions(
    network: Network,
    outputs: Floats,
    unit: Floats,
    farthest: float | Floats = FARTHEST,
    neutral: float | Floats = 0.0,
) -> list[StudentT] | list[Quantiles]:
    """Distributions of the move: outputs (S, N, h, P) of S seeds, unit (N, h) volatility · sqrt(k).

    farthest: (N, h) where those of a network that diverged are put; neutral: (N, h) the move that a location
    of zero stands for.
    """
    if network.output == "student_t":
        return [
            StudentT(
                bounded(one[..., 0] * unit + neutral, farthest),
                np.minimum(one[..., 1] * unit, farthest),
                np.minimum(one[..., 2], MOST_DF),
            )
            for one in outputs
        ]
    bound, middle = np.expand_dims(farthest, -1), np.expand_dims(neutral, -1)
    return [Quantiles(np.array(LEVELS), bounded(one * unit[..., None] + middle, bound)) for one in outputs]


def _neutral_gaps() -> Floats:
    """(Q - 1,) the distances between the quantiles of a Student t with 5 degrees of freedom."""
    from scipy.special import stdtrit

    return np.diff(stdtrit(5.0, np.array(LEVELS)))


NEUTRAL_GAPS = _neutral_gaps()
