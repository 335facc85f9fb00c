"""What is kept to be run again, compiled kernels and scripts: only what this user alone could have written.

A hash beside a file guards against accidents, not against a stranger who can write the hash as well. So the
folder and its file must be the user's, and nobody else may be able to write there or to exchange a folder on
the way to it; the hash, part of the file's name, then tells a whole file from one that was cut or edited.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gatecast.files import cache_folder

WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class UntrustedError(OSError):
    """A place that somebody else could have written to."""


def private_folder(name: str) -> Path:
    """A folder of this user's alone (mode 0700) in the cache folder; made where it is missing.

    Raises
        OSError: it cannot be made; UntrustedError: others own it, or can write to it or to a folder above.
    """
    folder = cache_folder().absolute() / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is no folder")
    for part in _way(folder):
        _check_owner(part, part.lstat(), mine=part == folder)
    folder.chmod(0o700)
    return folder


def keep(kind: str, name: str, ending: str, content: bytes) -> Path:
    """Write `content` whole or not at all; `kept` finds it in later processes.

    Raises
        OSError: see private_folder.
    """
    folder = private_folder(kind)
    file = folder / f"{name}.{_digest(content)}{ending}"
    handle, partial = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
    try:
        with os.fdopen(handle, "wb") as new:
            new.write(content)
            new.flush()
            os.fsync(new.fileno())
        Path(partial).replace(file)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
    _sync_folder(folder)
    return file


def kept(kind: str, name: str, ending: str) -> Path | None:
    """The file that `keep` wrote, if it is as it was written; what is not is deleted."""
    found = None
    with contextlib.suppress(OSError):
        for file in sorted(private_folder(kind).glob(f"{name}.{'?' * 64}{ending}")):
            if file.name == f"{name}.{_digest(_read(file))}{ending}":
                found = file
            else:
                file.unlink()
    return found


def _read(file: Path) -> bytes:
    """The content of a regular file of this user that nobody else can write; else nothing."""
    try:
        handle = os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except OSError:  # a symlink, or not to be read
        return b""
    with os.fdopen(handle, "rb") as opened:
        status = os.fstat(handle)
        try:
            _check_owner(file, status, mine=True)
        except UntrustedError:
            return b""
        return opened.read() if stat.S_ISREG(status.st_mode) else b""


def _check_owner(path: Path, status: os.stat_result, *, mine: bool) -> None:
    """Raise where somebody else could change `path`. mine: it is the user's own, not a folder on the way."""
    if not hasattr(os, "getuid"):  # Windows: a user's folders are the user's by its own lists of rights
        return
    me, mode = os.getuid(), status.st_mode
    if status.st_uid != me and (mine or status.st_uid != 0):
        raise UntrustedError(f"{path} belongs to another user")
    if stat.S_ISLNK(mode):
        return
    others = mode & WRITABLE_BY_OTHERS
    if not mine:
        if mode & stat.S_ISVTX:  # as /tmp: others may write there, but not exchange what is ours
            return
        if status.st_gid in (me, 0):  # a group of this user alone, which has the user's number, or root's
            others &= ~stat.S_IWGRP
    if others:
        raise UntrustedError(f"{path} can be written by other users")


def _way(path: Path) -> Iterator[Path]:
    """Every folder and link from the root to `path`, those that links lead to as well."""
    for part in (*reversed(path.parents), path):
        yield part
        if part.is_symlink():
            yield from _way(part.parent / part.readlink())


def _sync_folder(folder: Path) -> None:
    """The new name, too, is to outlive a power cut."""
    with contextlib.suppress(OSError):  # not every platform opens folders
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
