"""Blocks of origins in another order, and windows with one input of other origins."""

import numpy as np
import pytest

from gatecast.models.moved_inputs import _windows, block_order
from gatecast.nn.program import Dataset

RNG = np.random.default_rng


@pytest.mark.parametrize(("count", "apart"), [(8, 4), (9, 4), (50, 7), (501, 21), (300, 1)])
def test_every_origin_gets_one_that_is_apart_and_blocks_stay_whole(count: int, apart: int) -> None:
    for seed in range(5):
        order = block_order(count, apart, RNG(seed))
        assert sorted(order) == list(range(count))
        assert np.abs(order - np.arange(count)).min() >= apart
        assert (np.diff(order) != 1).sum() < count // apart  # seams between the blocks


def test_orders_differ_with_the_seed_and_only_with_it() -> None:
    first, again, other = (block_order(200, 5, RNG(seed)) for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


@pytest.mark.parametrize("column", [None, 0, 2])
def test_windows_hold_their_own_rows_but_for_one_input(column: int | None) -> None:
    """Two features and one known in advance, two symbols: by hand from the rows."""
    rows, lookback, horizon, (left, right) = 12, 3, 2, (5, 4)
    features = RNG(0).normal(size=(rows, 3)).astype(np.float32)
    known = RNG(1).normal(size=(rows + 4, 1)).astype(np.float32)
    known_row = np.concatenate([np.arange(6), np.arange(6) + 8]).astype(np.int32)
    features[:, 2] = known[known_row, 0]
    zero = np.zeros((1, 2, 3), np.float32)
    dataset = Dataset(
        features, np.zeros((rows, horizon), np.float32), np.repeat([0, 1], 6).astype(np.int32),
        zero, zero + 1, zero[..., :2], zero[..., :2] + 1, known, known_row,
    )  # fmt: skip
    found = _windows(dataset, np.array([left, 10]), np.array([right, 11]), column, lookback, horizon)
    for place, (origin, source) in enumerate([(left, right), (10, 11)]):
        own = found.features[place * lookback :][:lookback]
        expected = features[origin - 2 : origin + 1].copy()
        after = known[known_row[origin] + 1 :][:horizon, 0]
        if column is not None:
            expected[:, column] = features[source - 2 : source + 1, column]
        if column == 2:
            after = known[known_row[source] + 1 :][:horizon, 0]
        np.testing.assert_array_equal(own, expected)
        bar = found.known_row[(place + 1) * lookback - 1]
        np.testing.assert_array_equal(found.known[bar + 1 :][:horizon, 0], after)
        assert set(found.symbol[place * lookback :][:lookback]) == {place}
