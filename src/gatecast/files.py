"""One file, written whole or not at all; and the folder of what can be made again."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gatecast.errors import RunError


def cache_folder() -> Path:
    """Where prices from the net, compiled programs and the page's script are kept: GATECAST_CACHE, or the
    platform's place."""
    if folder := os.environ.get("GATECAST_CACHE"):
        return Path(folder)
    import platformdirs

    return platformdirs.user_cache_path("gatecast")


@contextlib.contextmanager
def new_file(path: Path, endings: tuple[str, ...]) -> Iterator[Path]:
    """A temporary file beside `path` that takes its place when the block ends well; else it vanishes.

    Raises
        RunError: `path` is a folder, ends in none of `endings`, or cannot be written.
    """
    if path.suffix not in endings:
        raise RunError(f"{path}: choose a name that ends in {' or '.join(endings)}")
    if path.is_dir():
        raise RunError(f"{path} is a folder; choose the name of a file")
    partial: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
        partial = Path(name)
        os.close(handle)
        partial.chmod(0o644)
        yield partial
        partial.replace(path)
    except OSError as error:
        raise RunError(
            f"{path}: cannot be written ({error.strerror or error}). Choose another place"
        ) from error
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)


def check_file(path: Path, endings: tuple[str, ...]) -> None:
    """Raise now what `new_file` would raise after long work."""
    with contextlib.suppress(_Enough), new_file(path, endings):
        raise _Enough


class _Enough(Exception):
    """Ends the block of `new_file` before anything takes the file's place."""
