import numpy as np
import pandas as pd
import pytest

import gatecast as gc


@pytest.mark.parametrize(
    ("words", "expected"),
    [(["train", "train", "Test"], [0, 0, 1]), (["train", "valid", "test"], None), (["a", "b", "b"], None)],
)
def test_train_and_test_are_read_as_zeros_and_ones(words, expected):
    frame = pd.DataFrame(
        {"date": pd.bdate_range("2020-01-01", periods=3), "close": [1.0, 2.0, 3.0], "part": words}
    )
    prices = gc.Prices.from_frame(frame, calendar="weekdays")
    if expected is None:
        assert "part" not in prices.table and "changes within a symbol" in prices.left_out["part"]
    else:
        assert np.array_equal(prices.table["part"], expected)
        assert "says test" in prices.choices["split"][0]
