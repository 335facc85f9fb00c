import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gatecast as gc
from gatecast.errors import SettingError
from gatecast.nn.network import apply

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 5, 2)).astype(np.float32)
Y = X[:, -1, 0]
SMALL = gc.Network(cell="gru", hidden_size=6)
QUICK = gc.Training(epochs=40, batch_size=16, learning_rate=0.02)


@pytest.fixture(scope="module")
def fit():
    return gc.fit_windows(SMALL, QUICK, X, Y, validation=(X[:10], Y[:10]), seeds=2)


def test_it_learns(fit):
    assert fit.predict(X).shape == (60,)
    assert np.mean((fit.predict(X) - Y) ** 2) < 0.2 * Y.var()


def test_windows_hold_what_was_given(fit):
    """The ensemble is the mean of the plain network applied to each window."""
    plain = [
        apply(SMALL, jax.tree.map(jnp.asarray, member.params), jnp.asarray(X))[0][:, 0]
        for member in fit.trained
    ]
    np.testing.assert_allclose(fit.predict(X), np.mean(plain, axis=0), atol=1e-6)


def test_the_state_goes_on_where_it_ended(fit):
    _, state = fit.predict(X[:, :3], return_state=True)
    assert state[0].shape == (2, 1, 60, 6)
    np.testing.assert_allclose(fit.predict(X[:, 3:], state=state), fit.predict(X), atol=1e-6)


def test_history_says_what_ends_the_training(fit):
    assert set(fit.history["stopping"]) == {"patience on validation"}
    assert fit.history.groupby("seed")["kept"].sum().tolist() == [1, 1]
    without = gc.fit_windows(SMALL, gc.Training(epochs=3, patience=1), X, Y).history
    assert "patience has no effect" in without["stopping"].iloc[0]
    assert without["kept"].tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (X[:, :, 0], Y, r"windows are \(N, T, F\)"),
        (X[:0], Y[:0], r"windows are \(N, T, F\)"),
        (X, Y[:-1], r"with 60 windows it is \(60,\)"),
        (X, Y[:, None, None], "with 60 windows"),
        (np.where(X > 2, np.nan, X), Y, "not finite"),
    ],
)
def test_wrong_arrays_are_refused(x, y, message):
    with pytest.raises(SettingError, match=message):
        gc.fit_windows(SMALL, QUICK, x, y)


def test_other_features_and_validation_of_another_shape_are_refused(fit):
    with pytest.raises(SettingError, match="fitted on 2"):
        fit.predict(X[:, :, :1])
    with pytest.raises(SettingError, match="validation has shapes"):
        gc.fit_windows(SMALL, QUICK, X, Y, validation=(X[:, :4], Y))
    with pytest.raises(SettingError, match="seeds = 0"):
        gc.fit_windows(SMALL, QUICK, X, Y, seeds=0)


@pytest.mark.parametrize("seed", [-1, 2**31 - 1])
def test_a_seed_that_is_no_seed_is_refused(seed):
    with pytest.raises(SettingError, match=f"seed = {seed}"):
        gc.fit_windows(SMALL, QUICK, X, Y, seeds=2, seed=seed)


def test_validation_is_the_last_share_of_the_windows_after_an_embargo():
    y = np.stack([Y, -Y, Y], axis=1)
    by_share = gc.fit_windows(SMALL, QUICK, X, y, validation=0.2)
    by_hand = gc.fit_windows(SMALL, QUICK, X[:45], y[:45], validation=(X[48:], y[48:]))
    assert by_share.history.equals(by_hand.history)
    assert by_share.predict(X).shape == y.shape
    np.testing.assert_array_equal(by_share.predict(X), by_hand.predict(X))


@pytest.mark.parametrize("share", [0.0, 1.0, -0.2, 0.99])
def test_a_share_that_leaves_nothing_to_train_on_is_refused(share):
    with pytest.raises(SettingError, match=r"must be a share between 0 and 1 that leaves some of the 60"):
        gc.fit_windows(SMALL, QUICK, X, Y, validation=share)


# Inside -------------------------------------------------------------------------------------------------


def test_the_last_hidden_state_gives_the_prediction(fit):
    seeds = []
    for seed, member in enumerate(fit.trained):
        found = fit.trace(X, seed=seed)
        assert set(found) == {"reset_l0", "update_l0", "candidate_l0", "hidden_l0"}
        assert {values.shape for values in found.values()} == {(60, 5, 6)}
        weight, bias = member.params["out.weight"], member.params["out.bias"]
        seeds.append(found["hidden_l0"][:, -1] @ weight[0] + bias[0])
    np.testing.assert_allclose(np.mean(seeds, axis=0), fit.predict(X), atol=1e-6)
    np.testing.assert_array_equal(fit.trace(X)["hidden_l0"], fit.trace(X, seed=0)["hidden_l0"])


def test_saliency_sums_to_what_a_linear_network_forecasts_beyond_zeros():
    """With tiny weights tanh is linear: the forecast less that of zeros is the sum over the window."""
    network = gc.Network(cell="rnn", hidden_size=3)
    fit = gc.fit_windows(network, gc.Training(epochs=1), X, np.stack([Y, Y], axis=1), seeds=2)
    for member in fit.trained:
        for name, value in member.params.items():
            member.params[name] = value * (0 if "bias" in name else 5e-3 if name == "weight_ih_l0" else 1)
    for step in (1, 2):
        found = fit.saliency(X, step=step)
        assert found.shape == X.shape
        beyond = fit.predict(X)[:, step - 1] - fit.predict(0 * X)[:, step - 1]
        np.testing.assert_allclose(found.sum(axis=(1, 2)), beyond, atol=1e-6)
        assert np.abs(beyond).max() > 5e-4


def test_what_cannot_be_looked_into_is_refused(fit):
    for call, message in [
        (lambda: fit.trace(X[:, :, :1]), "fitted on 2"),
        (lambda: fit.trace(X, seed=2), "no such seed; they are 0 to 1"),
        (lambda: fit.saliency(X, step=2), "steps 1 to 1"),
        (lambda: fit.plot_gates(X), r"one window is \(T, F\)"),
        (lambda: fit.plot_gates(X[0], names=["a"]), "give 2 different ones"),
    ]:
        with pytest.raises(SettingError, match=message):
            call()


def test_a_state_of_other_windows_is_refused() -> None:
    windows = np.random.default_rng(0).normal(size=(20, 4, 1))
    fit = gc.fit_windows(gc.Network(hidden_size=2), gc.Training(epochs=1), windows, windows[:, 0, 0], seeds=2)
    _, state = fit.predict(windows[:3], return_state=True)
    assert fit.predict(windows[:3], state=state).shape == (3,)
    says = r"for as many windows: \(2, 1, 4, 2\) for each of hidden, cell"
    for wrong in (state, state[:1], "x", [1, 2], 3):
        with pytest.raises(SettingError, match=says):
            fit.predict(windows[:4], state=wrong)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"seeds": 1.5}, "seeds = 1.5: must be a whole number of at least 1"),
        ({"seeds": "2"}, "seeds = '2': must be a whole number"),
        ({"seed": -1}, "seed = -1: must be a whole number of at least 0"),
        ({"validation": "last"}, "validation = 'last': must be a share between 0 and 1, or a pair"),
        ({"validation": np.float32(2)}, "must be a share between 0 and 1"),
        ({"validation": 1}, "validation = 1: must be a share between 0 and 1"),
        ({"validation": (np.zeros((3, 4, 1)),)}, "or a pair (X, y)"),
    ],
)
def test_an_argument_of_a_wrong_kind_is_refused_by_its_name(wrong, says) -> None:
    with pytest.raises(SettingError) as refused:
        gc.fit_windows(gc.Network(), gc.Training(), np.zeros((20, 4, 1)), np.zeros(20), **wrong)
    assert says in str(refused.value)


def test_a_loss_of_distributions_is_refused() -> None:
    with pytest.raises(SettingError, match="loss = 'nll': fits no points"):
        gc.fit_windows(gc.Network(), gc.Training(loss="nll"), np.zeros((20, 4, 1)), np.zeros(20))
