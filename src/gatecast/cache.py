"""The folder of programs that JAX compiled: only where this user alone could have written.

JAX runs what it finds there. So the folder must be the user's, and nobody else may be able to write there or
to exchange a folder on the way to it. No library and no script of gatecast is ever taken from a cache.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from gatecast.files import cache_folder

WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class UntrustedError(OSError):
    """A place that somebody else could have written to."""


def private_folder(name: str) -> Path | None:
    """A folder of this user's alone (mode 0700) in the cache folder, made where it is missing; None: no
    cache is wanted.

    Raises
        OSError: it cannot be made; UntrustedError: others own it, or can write to it or to a folder above.
    """
    above = cache_folder()
    if above is None:
        return None
    folder = above.absolute() / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is no folder")
    for part in _way(folder):
        _check_owner(part, part.lstat(), mine=part == folder)
    folder.chmod(0o700)
    return folder


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
