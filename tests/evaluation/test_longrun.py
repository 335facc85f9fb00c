from __future__ import annotations

import numpy as np
import pytest

from gatecast.evaluation import longrun


def test_a_fast_transform_of_many_dates_gives_the_same(monkeypatch) -> None:
    x = np.random.default_rng(0).normal(size=(501, 3))
    laid_out = longrun.cosine_averages(x, 20)
    monkeypatch.setattr(longrun, "MOST_WEIGHTED", 500)
    np.testing.assert_allclose(longrun.cosine_averages(x, 20), laid_out, rtol=1e-10, atol=1e-12)
    one = longrun.cosine_averages(x[:, 0], 20)
    np.testing.assert_allclose(one, laid_out[:, 0], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("dates", "horizon", "said"),
    [
        (150, 20, "150 dates at 20 steps are about 7.5 independent periods"),
        (159, 20, "159 dates at 20 steps are about 7.95 independent periods"),
        (160, 20, ""),
    ],
)
def test_too_few_periods_are_fewer_in_words_too(dates, horizon, said) -> None:
    wanted = f"{said}; the tests need 8, which takes 160 dates" if said else ""
    assert longrun.too_few(dates, horizon) == wanted
