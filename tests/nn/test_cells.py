"""Shapes of arrays: in the tests the engine's annotations are checked wherever it is traced."""

import jax
import jax.numpy as jnp
import pytest
from jaxtyping import TypeCheckError

from gatecast.nn import fast, kernel, recurrent
from gatecast.nn.cells import LayerWeights, cell_of, lstm_step
from gatecast.nn.losses import squared_error

B, T, F, H = 2, 4, 3, 5


def layer_weights(features: int = F, gates: int = 4 * H) -> LayerWeights:
    return LayerWeights(*(jnp.zeros(shape) for shape in ((gates, features), gates, (gates, H), gates)))


@pytest.mark.slow
@pytest.mark.usefixtures("shapes_checked")
def test_a_step_takes_the_shapes_of_its_annotation_and_no_others():
    _, _, weight_hh, bias_hh = layer_weights()
    state, x = (jnp.zeros((B, H)),) * 2, jnp.zeros((B, 4 * H))
    values = lstm_step(weight_hh, bias_hh, state, x)
    assert [values[name].shape for name in cell_of("lstm").states] == [(B, H)] * 2
    for wrong in (
        (weight_hh.T, bias_hh, state, x),
        (weight_hh, bias_hh[1:], state, x),
        (weight_hh, bias_hh, (jnp.zeros((B + 1, H)),) * 2, x),
        (weight_hh, bias_hh, state, x[None]),
        (weight_hh, bias_hh, state, x.astype(int)),
    ):
        with pytest.raises(TypeCheckError):
            lstm_step(*wrong)


@pytest.mark.slow
@pytest.mark.usefixtures("shapes_checked")
@pytest.mark.parametrize("layer", [fast.layer, kernel.layer, recurrent.textbook])
def test_a_layer_refuses_an_input_without_its_batch_also_while_it_is_traced(layer):
    def run(x):
        return layer(cell_of("lstm"), x, None, layer_weights(), reverse=False)

    with pytest.raises(TypeCheckError, match="batch time features"):
        jax.eval_shape(run, jnp.zeros((T, F)))


@pytest.mark.slow
@pytest.mark.usefixtures("shapes_checked")
def test_a_loss_that_would_broadcast_is_refused():
    with pytest.raises(TypeCheckError):
        squared_error(jnp.zeros((B, 1)), jnp.zeros((B, H)))
