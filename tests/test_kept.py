import errno
from pathlib import Path

import numpy as np
import pytest

from gatecast.errors import RunError
from gatecast.kept import Kept, key_of

ARRAYS = {"weights": np.arange(6, dtype=np.float32).reshape(2, 3), "epoch": np.int32(4), "none": np.zeros(0)}


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    kept = Kept(tmp_path).part("gru")
    kept.keep("fold-0", "key", ARRAYS)
    return kept


def file_of(kept: Kept) -> Path:
    return kept.folder / "gru" / "fold-0.safetensors"


def test_what_is_kept_is_found_by_its_name_and_key(kept: Kept) -> None:
    found = Kept(kept.folder).part("gru").find("fold-0", "key")
    assert found is not None and found.keys() == ARRAYS.keys()
    for name, values in ARRAYS.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_array_equal(found[name], values)
    assert kept.find("fold-0", "another") is None and kept.find("fold-1", "key") is None


def test_what_is_finished_is_counted_by_whoever_kept_or_found_it(kept: Kept) -> None:
    kept.keep("fold-1", "key", ARRAYS, finished=False)
    other = Kept(kept.folder)
    for name in ("fold-0", "fold-1"):
        other.part("gru").find(name, "key")
    assert kept.done == other.done == {"gru/fold-0"}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content[:-3],
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: content[:20],
        lambda content: b"",
        lambda content: b"\xff" * 8 + content,
    ],
)
def test_a_damaged_file_counts_as_none_and_is_written_anew(kept: Kept, spoil) -> None:
    file_of(kept).write_bytes(spoil(file_of(kept).read_bytes()))
    assert kept.find("fold-0", "key") is None
    kept.keep("fold-0", "key", ARRAYS)
    assert kept.find("fold-0", "key") is not None


def test_a_full_disk_is_said_and_what_was_kept_before_stays(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(RunError, match="Free some space"):
        patch.setattr(Path, "write_bytes", full)
        kept.keep("fold-0", "key", {"weights": np.ones(3)})
    assert [path.name for path in file_of(kept).parent.iterdir()] == ["fold-0.safetensors"]
    np.testing.assert_array_equal(kept.find("fold-0", "key")["weights"], ARRAYS["weights"])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ab", "c"), ("a", "bc")),
        ((np.zeros(2),), (np.zeros((2, 1)),)),
        ((np.zeros(2, np.float32),), (np.zeros(1, np.float64),)),
        ((1,), ("1",)),
        ((None,), ()),
    ],
)
def test_every_part_counts_in_a_key(one: tuple[object, ...], other: tuple[object, ...]) -> None:
    assert key_of(*one) == key_of(*one) != key_of(*other)
