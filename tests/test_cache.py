"""The cache of what is run: only what this user wrote, whole, is found again."""

import os
import stat
from pathlib import Path

import pytest

from gatecast import cache
from gatecast.cache import UntrustedError, keep, kept, private_folder

WHOLE = b"a program " * 1000
pytestmark = pytest.mark.skipif(not hasattr(os, "getuid"), reason="owners and modes are those of POSIX")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder below a folder of the user's."""
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    monkeypatch.setenv("GATECAST_CACHE", str(home / "cache"))
    return home / "cache"


def test_what_was_kept_is_found_and_is_the_users_alone(place: Path) -> None:
    assert kept("programs", "one", ".so") is None
    file = keep("programs", "one", ".so", WHOLE)
    assert kept("programs", "one", ".so") == file and file.read_bytes() == WHOLE
    assert kept("programs", "another", ".so") is None
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [path.name for path in (place / "programs").iterdir()] == [file.name]


@pytest.mark.parametrize("change", ["cut", "empty", "edited", "longer", "link", "hard mode", "folder"])
def test_a_file_that_is_not_as_it_was_written_is_never_found(change: str, tmp_path: Path) -> None:
    file = keep("programs", "one", ".so", WHOLE)
    if change == "cut":
        os.truncate(file, len(WHOLE) // 2)
    elif change == "empty":
        os.truncate(file, 0)
    elif change == "edited":
        file.write_bytes(WHOLE.replace(b"program", b"pr0gram", 1))
    elif change == "longer":
        file.write_bytes(WHOLE + b"\0")
    elif change == "link":  # to the very same bytes, which their owner may change later
        elsewhere = tmp_path / "elsewhere"
        file.rename(elsewhere)
        file.symlink_to(elsewhere)
    elif change == "hard mode":
        file.chmod(0o666)
    else:
        file.unlink()
        file.mkdir()
    assert kept("programs", "one", ".so") is None
    if change != "folder":
        again = keep("programs", "one", ".so", WHOLE)
        assert kept("programs", "one", ".so") == again and again.read_bytes() == WHOLE
        assert not again.is_symlink()


def test_a_file_or_folder_of_another_user_is_never_found(monkeypatch: pytest.MonkeyPatch) -> None:
    keep("programs", "one", ".so", WHOLE)
    other = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: other)
    assert kept("programs", "one", ".so") is None
    with pytest.raises(UntrustedError, match="belongs to another user"):
        keep("programs", "one", ".so", WHOLE)


def test_a_file_that_another_user_laid_into_our_folder_is_never_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = keep("programs", "one", ".so", WHOLE)
    whole = os.fstat

    def of_another(handle: int) -> os.stat_result:
        status = list(whole(handle))
        status[stat.ST_UID] = os.getuid() + 1
        return os.stat_result(status)

    monkeypatch.setattr(os, "fstat", of_another)
    assert kept("programs", "one", ".so") is None
    assert not file.exists()


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o707])
def test_a_folder_that_others_can_write_to_holds_nothing_for_us(mode: int, place: Path) -> None:
    keep("programs", "one", ".so", WHOLE)
    (place / "programs").chmod(mode)
    assert kept("programs", "one", ".so") is None
    with pytest.raises(UntrustedError, match="can be written by other users"):
        private_folder("programs")


@pytest.mark.parametrize(("mode", "trusted"), [(0o777, False), (0o1777, True), (0o755, True)])
def test_a_folder_above_must_not_let_others_exchange_ours(mode: int, trusted: bool, place: Path) -> None:
    file = keep("programs", "one", ".so", WHOLE)
    place.parent.chmod(mode)
    assert (kept("programs", "one", ".so") == file) == trusted


def test_the_folders_behind_a_link_count_as_well(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = tmp_path / "free"
    (free / "real").mkdir(parents=True)
    (tmp_path / "link").symlink_to(free / "real")
    monkeypatch.setenv("GATECAST_CACHE", str(tmp_path / "link"))
    file = keep("programs", "one", ".so", WHOLE)
    assert kept("programs", "one", ".so") == file
    free.chmod(0o777)
    assert kept("programs", "one", ".so") is None


def test_a_group_of_the_user_alone_may_write_above(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place.mkdir()
    group = place.parent.stat().st_gid
    place.parent.chmod(0o775)
    status = place.parent.stat()
    monkeypatch.setattr(os, "getuid", lambda: status.st_uid)
    cache._check_owner(place.parent, _with(status, gid=status.st_uid), mine=False)
    with pytest.raises(UntrustedError):
        cache._check_owner(place.parent, _with(status, gid=group + 4711), mine=False)


def _with(status: os.stat_result, *, gid: int) -> os.stat_result:
    parts = list(status)
    parts[stat.ST_GID] = gid
    return os.stat_result(parts)


def test_a_crash_while_writing_leaves_no_half_file(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    def full(_: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        keep("programs", "one", ".so", WHOLE)
    assert list((place / "programs").iterdir()) == []


def test_no_place_at_all_is_said(place: Path) -> None:
    place.write_text("a file where the folder should be")
    assert kept("programs", "one", ".so") is None
    with pytest.raises(OSError, match=r"cache"):
        private_folder("programs")
