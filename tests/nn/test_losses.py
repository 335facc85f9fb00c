import jax.numpy as jnp
import numpy as np
import pytest

from gatecast.experiment import Training
from gatecast.nn.losses import loss_of

OUTPUT = np.array([[1.0, 2.0], [0.0, -3.0]])
Y = np.array([[0.5, 2.0], [0.0, 0.0]])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("auto", [0.125, 4.5]),
        ("mse", [0.125, 4.5]),
        ("mae", [0.25, 1.5]),
        ("huber", [0.0625, 1.25]),
    ],
)
def test_against_numbers_by_hand(name, expected):
    loss = loss_of(Training(loss=name))
    np.testing.assert_allclose(loss(jnp.asarray(OUTPUT), jnp.asarray(Y)), expected)


@pytest.mark.parametrize("shape", [(2,), (2, 1), (1, 2)])
def test_refuses_to_broadcast(shape):
    with pytest.raises(ValueError, match="shape"):
        loss_of(Training())(jnp.zeros((2, 2)), jnp.zeros(shape))
