import numpy as np
import pytest

from gatecast.nn import program
from gatecast.nn.padding import padded, padded_size
from gatecast.nn.population import Member, predict, train
from gatecast.nn.program import Dataset
from gatecast.settings.network import Network
from gatecast.settings.training import Training


def data(rows: int, symbols: int = 1) -> Dataset:
    """Of which fewer rows are the first of more."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((rows, 1)).astype(np.float32)
    zero, one = np.zeros((1, symbols, 1), np.float32), np.ones((1, symbols, 1), np.float32)
    return Dataset(features, features * 2, np.zeros(rows, np.int32), zero, one, zero, one)


@pytest.mark.parametrize(
    ("count", "least", "size"),
    [
        (0, 1, 1),
        (1, 1, 1),
        (8, 1, 8),
        (9, 1, 10),
        (17, 1, 20),
        (1, 512, 512),
        (513, 512, 1024),
        (5000, 512, 5120),
    ],
)
def test_sizes(count, least, size):
    assert padded_size(count, least) == size


def test_a_size_holds_the_count_adds_little_and_is_its_own_size():
    counts = range(1, 3000)
    sizes = [padded_size(count) for count in counts]
    assert sizes == sorted(sizes)
    for count, size in zip(counts, sizes, strict=True):
        assert count <= size <= max(count * 1.25, 1) and padded_size(size) == size
    assert len(set(sizes)) < 50


def test_what_is_padded_stands_behind_the_data():
    whole = data(300, symbols=9)._replace(known=np.ones((600, 2), np.float32), known_row=np.arange(300))
    larger = padded(whole)
    assert [len(part) for part in (larger.features, larger.targets, larger.symbol, larger.known_row)] == [
        512
    ] * 4
    assert larger.known.shape == (1024, 2) and larger.x_scale.shape == (8, 16, 1)
    for before, after in zip(whole, larger, strict=True):
        kept = after[tuple(map(slice, before.shape))]
        np.testing.assert_array_equal(kept, before)
        assert after.sum() == before.sum() and after.dtype == before.dtype


def test_data_of_nearly_the_same_size_share_their_programs_and_its_bits():
    network, how = Network(cell="rnn", hidden_size=2), Training(epochs=2, batch_size=16)

    def outputs(rows: int, train_origins: int, validated: int) -> np.ndarray:
        member = Member(0, 0, 0, 0, np.arange(3, 3 + train_origins), np.arange(200, 200 + validated), 2)
        (trained,) = train(network, how, data(rows), [member], lookback=4)
        (found,) = predict(network, data(rows), [(trained.params, 0, np.arange(3, 103))], lookback=4)
        return found

    first = outputs(900, 90, 40)
    sizes = [compiled._cache_size() for compiled in (program.init, program.run, program.outputs)]
    again = outputs(950, 90, 40)
    outputs(600, 94, 60)
    assert [compiled._cache_size() for compiled in (program.init, program.run, program.outputs)] == sizes
    np.testing.assert_array_equal(first, again)
