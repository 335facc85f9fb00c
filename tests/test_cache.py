"""The folder of compiled programs: only where this user alone could have written."""

import os
import stat
from pathlib import Path

import pytest

from gatecast import cache
from gatecast.cache import UntrustedError, private_folder

pytestmark = pytest.mark.skipif(not hasattr(os, "getuid"), reason="owners and modes are those of POSIX")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder below a folder of the user's."""
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    monkeypatch.setenv("GATECAST_CACHE", str(home / "cache"))
    return home / "cache"


def test_it_is_made_and_the_users_alone(place: Path) -> None:
    assert private_folder("programs") == place / "programs" == private_folder("programs")
    assert stat.S_IMODE((place / "programs").stat().st_mode) == 0o700


def test_no_cache_is_wanted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GATECAST_CACHE", "off")
    monkeypatch.chdir(tmp_path)
    assert private_folder("programs") is None and not (tmp_path / "off").exists()


def test_a_folder_of_another_user_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    private_folder("programs")
    other = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: other)
    with pytest.raises(UntrustedError, match="belongs to another user"):
        private_folder("programs")


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o707])
def test_a_folder_that_others_can_write_to_is_refused(mode: int, place: Path) -> None:
    private_folder("programs")
    (place / "programs").chmod(mode)
    with pytest.raises(UntrustedError, match="can be written by other users"):
        private_folder("programs")


def trusted() -> bool:
    try:
        return private_folder("programs") is not None
    except UntrustedError:
        return False


@pytest.mark.parametrize(("mode", "expected"), [(0o777, False), (0o1777, True), (0o755, True)])
def test_a_folder_above_must_not_let_others_exchange_ours(mode: int, expected: bool, place: Path) -> None:
    place.parent.chmod(mode)
    assert trusted() == expected


def test_the_folders_behind_a_link_count_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = tmp_path / "free"
    (free / "real").mkdir(parents=True)
    (tmp_path / "link").symlink_to(free / "real")
    monkeypatch.setenv("GATECAST_CACHE", str(tmp_path / "link"))
    assert trusted()
    free.chmod(0o777)
    assert not trusted()


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


def test_no_place_at_all_is_said(place: Path) -> None:
    place.write_text("a file where the folder should be")
    with pytest.raises(OSError, match=r"cache"):
        private_folder("programs")
