"""The cell by hand, as a loop and as a scan, and the engine's own on the same weights."""

import jax.numpy as jnp
import numpy as np

import gatecast as gc
from gatecast.recipes.handwritten import loop_lstm, scan_lstm


def test_loop_scan_and_the_engine_agree_from_any_state():
    rng = np.random.default_rng(0)
    X, y = rng.uniform(size=(70, 7, 2)), rng.uniform(size=70)
    training = gc.Training(epochs=3, batch_size=35, learning_rate=0.01)
    fit = gc.fit_windows(gc.Network(hidden_size=4, init="glorot"), training, X, y)
    weights, X = fit.trained[0].params, X[:40]
    h, c = (rng.normal(0, 0.5, (40, 4)).astype(np.float32) for _ in range(2))
    loop, loop_state = loop_lstm(weights, X, (jnp.asarray(h), jnp.asarray(c)))
    scan, scan_state = scan_lstm(weights, X, (jnp.asarray(h), jnp.asarray(c)))
    engine, engine_state = fit.predict(X, state=(h[None, None], c[None, None]), return_state=True)
    np.testing.assert_allclose(loop, scan, atol=1e-6)
    np.testing.assert_allclose(scan, engine, atol=1e-6)
    for ours, scanned, theirs in zip(loop_state, scan_state, engine_state, strict=True):
        np.testing.assert_allclose(ours, scanned, atol=1e-6)
        np.testing.assert_allclose(scanned, np.asarray(theirs)[0, 0], atol=1e-6)
    assert np.abs(np.asarray(scan) - fit.predict(X)).max() > 1e-3, "the state matters"
