"""What Samsung's tutorial prepares, on the file it had."""

import numpy as np
import pytest

from gatecast.recipes.frames import read_prices
from gatecast.recipes.samsung import TUTORIAL, adjusted_close, download

pytestmark = pytest.mark.filterwarnings("ignore::gatecast.errors.DataWarning")


def test_what_it_prepares(real):
    frame = read_prices(real("samsung"))
    prepared = TUTORIAL.prepare(frame)
    assert (len(prepared.price), prepared.split, len(prepared.actual)) == (98, 79, 19)
    assert [prepared.date(i) for i in (0, 78, 79, 97)] == [
        "2022-01-04",
        "2022-04-29",
        "2022-05-02",
        "2022-05-30",
    ]
    assert prepared.X.shape == (98, 1, 5), "Open, High, Low, Adj Close and Volume"
    np.testing.assert_allclose(prepared.X.mean(axis=(0, 1)), 0, atol=1e-12)
    np.testing.assert_allclose(prepared.X.std(axis=(0, 1)), 1)
    assert (prepared.y.min(), prepared.y.max()) == (0, 1)
    ratio = (frame["Adj Close"] / frame["Close"]).loc["2022-01-04":"2022-05-30"]
    assert ratio.between(0.969, 0.976).all(), "the answer itself"
    without = frame.drop(columns="Adj Close")
    assert TUTORIAL.prepare(without).X.shape == (98, 1, 4), "the text's input_size=4"
    assert "the answer itself" in adjusted_close(download(frame))[0]
    assert adjusted_close(download(without)) == ()
