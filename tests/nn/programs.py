"""Weights and forward passes as one program each; else JAX compiles every operation of theirs by itself."""

import jax

from gatecast.nn.network import apply, init_params

drawn = jax.jit(init_params, static_argnums=0, static_argnames=("features", "lookback", "horizon", "known"))
applied = jax.jit(apply, static_argnums=0)
