from __future__ import annotations

import numpy as np

from gatecast.evaluation import longrun


def test_a_fast_transform_of_many_dates_gives_the_same(monkeypatch) -> None:
    x = np.random.default_rng(0).normal(size=(501, 3))
    laid_out = longrun.cosine_averages(x, 20)
    monkeypatch.setattr(longrun, "MOST_WEIGHTED", 500)
    np.testing.assert_allclose(longrun.cosine_averages(x, 20), laid_out, rtol=1e-10, atol=1e-12)
    one = longrun.cosine_averages(x[:, 0], 20)
    np.testing.assert_allclose(one, laid_out[:, 0], rtol=1e-10, atol=1e-12)
