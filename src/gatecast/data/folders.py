"""The price files in a folder, or that a pattern such as "data/*.csv" matches: one for each symbol."""

from __future__ import annotations

import glob
from collections.abc import Iterable
from pathlib import Path

from gatecast.data.containers import ENDINGS
from gatecast.errors import DataError
from gatecast.language import say

KINDS = ".csv, .xlsx, .parquet"


def files_in(folder: Path) -> list[Path]:
    """The price files in a folder, not in those below it, in the order of their names.

    Raises
        DataError: there are none, or gatecast wrote it.
    """
    _refuse_run(folder)
    files = [file for file in folder.iterdir() if file.suffix.lower() in ENDINGS and _is_plain(file)]
    if not files:
        raise DataError(
            say("this is a folder without price files"),
            file=str(folder),
            remedy=say(
                "Give one file in it, or a folder of price files ({kinds}, …), one for each symbol",
                kinds=KINDS,
            ),
        )
    return sorted(files)


def is_pattern(path: str) -> bool:
    """Whether a path stands for several, as "data/*.csv" does."""
    return glob.has_magic(path)


def matching(pattern: str) -> list[Path]:
    """The files that a pattern matches, in the order of their names; folders below only where it has "**".

    Raises
        DataError: there are none, or gatecast wrote the folder that one is in.
    """
    found = glob.iglob(pattern, recursive=True)  # noqa: PTH207  (an absolute pattern is one, too)
    files = [file for file in map(Path, found) if _is_plain(file)]
    if not files:
        raise DataError(say("no file matches"), file=pattern, remedy=say('Write it as in "data/*.csv"'))
    for folder in _folders(files):
        _refuse_run(folder)
    return sorted(set(files))


def _is_plain(file: Path) -> bool:
    return file.is_file() and not file.name.startswith(".")


def _folders(files: Iterable[Path]) -> list[Path]:
    return sorted({file.parent for file in files})


def _refuse_run(folder: Path) -> None:
    if (folder / "experiment.toml").is_file():
        raise DataError(
            say("this is a folder without price files: gatecast wrote it"),
            file=str(folder),
            remedy=say(
                "Give the prices in it ({folder}), or a folder of price files",
                folder=folder / "prices.parquet",
            ),
        )
