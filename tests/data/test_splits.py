import numpy as np
import pytest

from gatecast.data.splits import find_splits


def walk(size=0.01, rows=400, seed=1):
    return 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, size, rows)))


def splits(close, opens=None, first=(0,), outside=None):
    outside = np.zeros(len(close), dtype=bool) if outside is None else outside
    return find_splits(close, opens, np.array(first), outside)


@pytest.mark.parametrize("ratio", [2, 3, 4, 5, 7, 10, 20, 50, 1.5, 1 / 2, 1 / 10])
def test_every_common_ratio_is_found(ratio):
    close = walk(size=0.005)
    close[200:] /= ratio
    found = splits(close)
    assert list(found) == [200]


def test_the_open_decides_between_a_crash_and_a_split():
    close = walk()
    opens = np.concatenate([[100.0], close[:-1]])
    close[200:] *= 0.5
    opens[201:] *= 0.5
    assert splits(close, opens) == {}
    opens[200] *= 0.5
    assert splits(close, opens) == {200: "2:1"}


def test_a_close_outside_its_range_is_judged_itself():
    close = walk()
    opens = np.concatenate([[100.0], close[:-1]])
    close[200] *= 0.5
    outside = np.arange(len(close)) == 200
    assert 200 in splits(close, opens, outside=outside)


def test_prices_that_often_halve_are_not_split():
    rng = np.random.default_rng(2)
    assert splits(np.exp(np.cumsum(rng.choice([-0.7, 0.7], 300)))) == {}


def test_the_border_between_two_symbols_is_no_jump():
    assert splits(np.concatenate([walk(), walk() / 2]), first=(0, 400)) == {}


def test_a_jump_that_is_no_ratio():
    close = walk()
    close[200:] *= 0.6
    assert splits(close) == {}
