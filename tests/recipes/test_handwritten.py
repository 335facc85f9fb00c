"""The cell by hand, as a loop and as a scan, and the engine's own on the same weights."""

import jax.numpy as jnp
import numpy as np
import pytest

from gatecast.recipes.frames import read_prices
from gatecast.recipes.google import TUTORIAL
from gatecast.recipes.handwritten import loop_lstm, scan_lstm

pytestmark = pytest.mark.filterwarnings("ignore::gatecast.errors.DataWarning")


def test_loop_scan_and_the_engine_agree_from_any_state(stand_in):
    prepared = TUTORIAL.prepare(read_prices(stand_in("google")))
    fit = TUTORIAL.fit(prepared, "lstm", 3, 0)
    weights, X = fit.trained[0].params, prepared.X[:40]
    rng = np.random.default_rng(0)
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
