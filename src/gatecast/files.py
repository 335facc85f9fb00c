"""One file, written whole or not at all; and the folder of what can be made again."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gatecast.errors import RunError
from gatecast.language import say

if sys.platform != "win32":
    import fcntl

# For the last words of a process that is stopped: what it has put in its place, what it leaves unfinished.
WRITTEN: list[Path] = []
UNFINISHED: list[Path] = []
_PARTIAL = re.compile(r"\..*\.gatecast-[a-z0-9_]{8}\.[a-z]+", re.DOTALL)


def cache_folder() -> Path | None:
    """Where prices from the net and programs that JAX compiled are kept: GATECAST_CACHE, or the platform's
    place. None: GATECAST_CACHE=off, nothing is kept."""
    folder = os.environ.get("GATECAST_CACHE")
    if folder:
        return None if folder == "off" else Path(folder)
    import platformdirs

    return platformdirs.user_cache_path("gatecast")


def is_there(path: Path) -> bool:
    """Whether there is a file or a folder of this name, which may be too long for one."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def not_written(place: str | Path, error: OSError) -> RunError:
    """The error of a place that cannot be written, with what to do."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    remedy = "Free some space, or choose a folder on another disk" if full else "Choose another folder"
    return RunError(
        say(
            "{place}: cannot be written ({strerror}). {remedy}",
            place=place,
            strerror=error.strerror or error,
            remedy=remedy,
        )
    )


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextlib.contextmanager
def new_file(path: Path, endings: tuple[str, ...], *, overwrite: bool = True) -> Iterator[Path]:
    """A temporary file beside `path` that takes its place when the block ends well; else it vanishes.

    Raises
        RunError: `path` is a folder, is there already (unless `overwrite`), ends in none of `endings`, or
        cannot be written.
    """
    if path.suffix not in endings:
        raise RunError(
            say("{path}: choose a name that ends in {endings}", path=path, endings=" or ".join(endings))
        )
    if path.is_dir():
        raise RunError(say("{path} is a folder; choose the name of a file", path=path))
    if os.path.lexists(path) and overwrite is not True:  # "no" is true as well
        raise RunError(
            say("{path} is there already; choose another name, or replace it (overwrite=True)", path=path)
        )
    partial: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as lock:
            with exclusive(path.parent):
                _remove_abandoned(path.parent)
                prefix = f".{path.stem[:60]}.gatecast-"
                handle, name = tempfile.mkstemp(prefix=prefix, suffix=path.suffix, dir=path.parent)
                lock.callback(os.close, handle)
                partial = Path(name)
                try_lock(handle)
            partial.chmod(0o644)
            yield partial
            partial.replace(path)
    except OSError as error:
        raise RunError(
            say(
                "{path}: cannot be written ({strerror}). Choose another place",
                path=path,
                strerror=error.strerror or error,
            )
        ) from error
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)


def check_file(path: Path, endings: tuple[str, ...], *, overwrite: bool = True) -> None:
    """Raise now what `new_file` would raise after long work."""
    with contextlib.suppress(_Enough), new_file(path, endings, overwrite=overwrite):
        raise _Enough


class _Enough(Exception):
    """Ends the block of `new_file` before anything takes the file's place."""


@contextlib.contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """One process of gatecast at a time in here, for this folder; where there are no locks, all of them."""
    if sys.platform == "win32":
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def try_lock(handle: int) -> bool:
    """Lock a file until it is closed; False where another process holds it, or where there are no locks."""
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def is_abandoned(path: Path) -> bool:
    """Whether this is the user's own file and its process is dead; where there are no locks, never."""
    if sys.platform == "win32":
        return False
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        status = os.fstat(handle)
        return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and try_lock(handle)
    finally:
        os.close(handle)


def _remove_abandoned(folder: Path) -> None:
    """Remove the temporary files of dead processes; called while the folder is locked."""
    for partial in [path for path in folder.iterdir() if _PARTIAL.fullmatch(path.name)]:
        with contextlib.suppress(OSError):
            if is_abandoned(partial):
                partial.unlink()
