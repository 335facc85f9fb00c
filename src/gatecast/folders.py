"""Folders that gatecast writes: whole or not at all, and never in the place of other people's files.

A folder that gatecast has written holds a marker, which lists the files written. Whatever is being written
lies in a workspace beside its place, `.NAME.gatecast-xxxxxxxx`, until it is whole:

    owner.json   which place it is for; locked as long as the process that writes lives
    new/         what is being written
    old/         what it replaces, from the moment it is moved away until the new folder stands

Work that takes long grows in the place itself, beside a run that it will replace if there is one, so that
another process can go on with it:

    work/            what is known already; owner.json is locked as long as the process that works on it lives
    progress.json    how far it is
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import stat
import sys
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from gatecast.errors import GatecastWarning, RunError
from gatecast.files import UNFINISHED, WRITTEN, exclusive, is_abandoned, is_there, not_written, try_lock
from gatecast.formatting import MOST_LETTERS, printable
from gatecast.language import say

MARKER = ".gatecast.json"
LARGEST_LIST = 4_000_000  # bytes of a file that lists files
NAMED = 5  # foreign files that a message names
RUN, FORECASTER, BACKTEST, RECIPES = "run", "forecaster", "backtest", "recipes"
UNFINISHED_RUN, WORK, PROGRESS = "unfinished run", "work", "progress.json"
OF_EVERY_RUN = {"experiment.toml", "prices.parquet", "forecasts.parquet", "training.parquet"}

_OWNER, _NEW, _OLD = "owner.json", "new", "old"
_OF_WORK = re.compile(
    r"\.gatecast\.json|owner\.json|\.?(experiment\.toml|prices\.parquet|progress\.json)(\.partial)?"
    r"|answers/[^/]+\.parquet|(members|forecasts)/.+\.safetensors(\.partial)?"
)
_WORKSPACE = re.compile(r"\..+\.gatecast-[a-z0-9_]{8}", re.DOTALL)


@contextlib.contextmanager
def new_folder(
    folder: str | Path, kind: str, *, overwrite: bool = False, finishing: bool = False, keep: bool = True
) -> Iterator[Path]:
    """A temporary folder that takes the place of `folder` when the block ends well; else it vanishes.

    kind: what is written (RUN, FORECASTER, BACKTEST); only a folder that gatecast wrote, of the same kind, is
    replaced. finishing: whether an unfinished run is replaced in any case, the one that this finishes.

    Raises
        RunError: `folder` is a file, is not empty (unless `overwrite`), must not be replaced, or cannot be
        written.
    """
    with _writing(folder) as place:
        _refuse(place, folder, kind, overwrite, finishing)
        with _workspace(place, place.parent) as workspace:
            new = workspace / _NEW
            yield new
            if not keep:
                return
            _write_marker(new / MARKER, kind, _files(new))
            with exclusive(place.parent):
                # something may have been put there meanwhile
                _refuse(place, folder, kind, overwrite, finishing)
                if (overwrite or finishing) and place.exists():
                    place.rename(workspace / _OLD)
                new.rename(place)
            WRITTEN.append(place)


@contextlib.contextmanager
def added_files(folder: str | Path, kind: str) -> Iterator[Path]:
    """A temporary folder whose files move into `folder` when the block ends well, one by one, each whole.

    Files of other people in `folder` stay as they are.

    Raises
        RunError: a file of the same name is there that gatecast did not write, or nothing can be written.
    """
    with _writing(folder) as place:
        inside = kind == RECIPES  # in a folder that is never replaced: what is above it need not be writable
        if inside:
            place.mkdir(exist_ok=True)
        with _workspace(place, place if inside else place.parent) as workspace:
            new = workspace / _NEW
            yield new
            names = _files(new)
            known = _refuse_taken(place, folder, kind, names)
            if not names:
                return
            place.mkdir(exist_ok=True)
            _write_marker(workspace / MARKER, kind, known | set(names))
            (workspace / MARKER).replace(place / MARKER)  # first: what follows is known to be gatecast's
            for name in names:
                (place / name).parent.mkdir(exist_ok=True)
                (new / name).replace(place / name)
            WRITTEN.append(place)


def check_added(folder: str | Path, kind: str, names: Iterable[str]) -> None:
    """Raise now what `added_files` would raise after long work that gives files of these names."""
    with added_files(folder, kind), _writing(folder) as place:
        _refuse_taken(place, folder, kind, names)


def check_folder(folder: str | Path, kind: str, *, overwrite: bool = False, finishing: bool = False) -> None:
    """Raise now what `new_folder` would raise after long work."""
    with new_folder(folder, kind, overwrite=overwrite, finishing=finishing, keep=False):
        pass


@contextlib.contextmanager
def work_folder(folder: str | Path) -> Iterator[Path]:
    """The folder of an unfinished run's work, made or found, this process's alone until the block ends.

    It stays if anything was finished or half done in it, so that another process goes on; else it vanishes.

    Raises
        RunError: another process works there, or nothing can be written.
    """
    with contextlib.ExitStack() as lock:
        place = Path(folder).resolve()
        made = [path for path in (place, *place.parents) if not path.exists()]
        with _writing(folder):
            work = place / WORK
            if not is_unfinished(place):
                _begin_work(place)
            with exclusive(work):
                owner = lock.enter_context((work / _OWNER).open("a+", encoding="utf-8"))
                if not try_lock(owner.fileno()) and sys.platform != "win32":
                    raise _busy(folder, (_read_json(work / _OWNER) or {}).get("process"))
                owner.truncate(0)
                json.dump({"process": os.getpid()}, owner)
                owner.flush()
        if sys.platform == "win32":
            lock.close()  # there a folder with an open file cannot be moved
        try:
            yield work
        finally:
            _leave(work, folder, made)


def _begin_work(place: Path) -> None:
    """Make the folder of work in `place`, which has its marker from its first moment on."""
    with _workspace(place, place.parent) as workspace:
        work = workspace / _NEW / WORK
        work.mkdir()
        _write_marker(work / MARKER, UNFINISHED_RUN, ())
        place.mkdir(exist_ok=True)
        work.rename(place / WORK)


def _leave(work: Path, folder: str | Path, made: Iterable[Path]) -> None:
    """Remove the work that nobody would go on with, and the folders made for it; of other work say where."""
    if not is_unfinished(work.parent):
        return
    if any(path.suffix in (".safetensors", ".parquet") for path in work.glob("*/**/*")):
        UNFINISHED.append(Path(folder))
    elif not any(_foreign_work(work)):
        shutil.rmtree(work, ignore_errors=True)
        (work.parent / PROGRESS).unlink(missing_ok=True)
        for path in made:
            with contextlib.suppress(OSError):  # it holds something else
                path.rmdir()


def clear_work(work: Path) -> None:
    """Remove what a `work_folder` holds of another run, or of other data."""
    for path in work.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name not in (MARKER, _OWNER):
            path.unlink()


def is_unfinished(place: Path) -> bool:
    """Whether there is the work of an unfinished run in `place`."""
    return (_read_json(place / WORK / MARKER) or {}).get("kind") == UNFINISHED_RUN


def worker_of(place: Path) -> int | None:
    """The process that works on the unfinished run in `place`; None where none does, or it cannot be told."""
    owner = place / WORK / _OWNER
    if not is_unfinished(place):
        return None
    with contextlib.suppress(OSError), exclusive(owner.parent):
        if not is_abandoned(owner):
            process = (_read_json(owner) or {}).get("process")
            return process if isinstance(process, int) else 0
    return None


def check_not_a_source(place: str | Path, sources: Iterable[str]) -> None:
    """Raise where prices are read from what would be replaced: `place` itself, or a file in it."""
    replaced = Path(place).resolve()
    for file in (path for path in map(Path, sources) if is_there(path) and path.is_file()):
        if replaced.is_file() and replaced.samefile(file):
            raise RunError(
                say("{place} is the file that the prices are read from; choose another name", place=place)
            )
        if file.resolve().is_relative_to(replaced):
            raise RunError(
                say(
                    "{place} holds the file that the prices are read from ({file}); choose another",
                    place=place,
                    file=file,
                )
            )


def check_not_a_part(file: str | Path) -> None:
    """Raise where a file is part of a folder that gatecast wrote, which would no longer be whole."""
    path = Path(file).resolve()
    for folder in path.parents[:2]:
        for kind in (RUN, FORECASTER, BACKTEST, RECIPES):
            if path.relative_to(folder).as_posix() in written_files(folder, kind):
                raise RunError(
                    say(
                        "{file} is part of the {kind} in {folder}; choose another name",
                        file=file,
                        kind=kind,
                        folder=folder,
                    )
                )


def written_files(place: Path, kind: str) -> set[str]:
    """The files that gatecast has written into `place` as a folder of this kind.

    The marker lists them; a run of a version without markers lists them in its scores.json.
    """
    marker = _read_json(place / MARKER)
    if marker is not None:
        names = marker.get("files")
        if marker.get("kind") != kind or not isinstance(names, list):
            return set()
        return {MARKER, *map(str, names)}
    if kind != RUN:
        return set()
    hashes = (_read_json(place / "scores.json") or {}).get("files")
    if not isinstance(hashes, dict) or not set(hashes) >= OF_EVERY_RUN:
        return set()
    return {"scores.json", *hashes}


@contextlib.contextmanager
def _writing(folder: str | Path) -> Iterator[Path]:
    """The place that `folder` names, its parents made; those that stay empty vanish again."""
    made: list[Path] = []
    try:
        place = Path(folder).resolve()
        _refuse_files(place, folder)
        made = [parent for parent in place.parents if not parent.exists()]
        place.parent.mkdir(parents=True, exist_ok=True)
        yield place
    except OSError as error:
        raise not_written(folder, error) from error
    finally:
        for parent in made:
            with contextlib.suppress(OSError):  # it holds what was written
                parent.rmdir()


@contextlib.contextmanager
def _workspace(place: Path, parent: Path) -> Iterator[Path]:
    """A workspace for `place` in `parent`; what dead processes left there is put in order before."""
    workspace: Path | None = None
    with contextlib.ExitStack() as lock:
        try:
            with exclusive(parent):
                _sweep(parent)
                workspace = Path(tempfile.mkdtemp(prefix=f".{place.name[:60]}.gatecast-", dir=parent))
                owner = lock.enter_context((workspace / _OWNER).open("w", encoding="utf-8"))
                try_lock(owner.fileno())
                json.dump({"place": place.name, "process": os.getpid()}, owner)
                owner.flush()
            (workspace / _NEW).mkdir()
            yield workspace
        finally:
            if workspace is not None:
                try:
                    _settle(workspace, place)
                except KeyboardInterrupt:  # in the midst of it
                    _settle(workspace, place)
                    raise


def _sweep(parent: Path) -> None:
    """Put in order what processes that are dead have left in `parent`; called while it is locked."""
    for workspace in [path for path in parent.iterdir() if _WORKSPACE.fullmatch(path.name)]:
        with contextlib.suppress(OSError):  # another user's, or on a disk that fails: it stays
            if not workspace.is_symlink():
                _settle_abandoned(workspace)


def _settle_abandoned(workspace: Path) -> None:
    owner = workspace / _OWNER
    if not owner.exists():
        workspace.rmdir()  # where it is not empty, it is not gatecast's, and an OSError
    elif is_abandoned(owner):
        name = (_read_json(owner) or {}).get("place")
        if isinstance(name, str) and PurePosixPath(name).name == name:
            _settle(workspace, workspace.with_name(name))
        elif [path.name for path in workspace.iterdir()] == [_OWNER]:  # it died while it wrote that
            owner.unlink()
            workspace.rmdir()


def _settle(workspace: Path, place: Path) -> None:
    """Remove a workspace; what was moved away for a folder that was never finished goes back first."""
    new, old = workspace / _NEW, workspace / _OLD
    if old.exists() and new.exists():
        _restore(old, place)
    shutil.rmtree(old, ignore_errors=True)
    shutil.rmtree(new, ignore_errors=True)
    for name in (MARKER, _OWNER):  # the owner last: as long as it is there, another process can go on here
        (workspace / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        workspace.rmdir()


def _restore(old: Path, place: Path) -> None:
    try:
        old.rename(place)  # over an empty folder as well
    except OSError:
        kept = Path(tempfile.mkdtemp(prefix=f"{place.name[:60]}.before-", dir=place.parent))
        old.rename(kept)
        warnings.warn(
            say(
                "{place}: gatecast was stopped while it replaced the folder that was there, and "
                "another has taken its place since; the older one is now {kept}",
                place=place,
                kept=kept,
            ),
            GatecastWarning,
            stacklevel=2,
        )


def _refuse_files(place: Path, folder: str | Path) -> None:
    blocked = next((path for path in (place, *place.parents) if path.exists() and not path.is_dir()), None)
    if blocked == place:
        raise RunError(say("{folder} is a file; choose another folder", folder=folder))
    if blocked is not None:
        raise RunError(
            say(
                "{folder}: there can be no folder below the file {blocked}; choose another folder",
                folder=folder,
                blocked=blocked,
            )
        )


def _refuse(place: Path, folder: str | Path, kind: str, overwrite: bool, finishing: bool) -> None:
    """Raise where `place`, which the user calls `folder`, must not be replaced."""
    overwrite = overwrite is True  # "no" is true as well
    if place.is_mount() or any(kept.is_relative_to(place) for kept in _kept_folders()):
        raise RunError(
            say(
                "{folder} is the current folder or one above it, your home folder or one above "
                "it, or a disk: it cannot be replaced; choose a folder in it",
                folder=folder,
            )
        )
    if not place.is_dir() or not any(place.iterdir()):
        return
    worker = worker_of(place) if kind == RUN else None
    if worker is not None and worker != os.getpid():
        raise _busy(folder, worker)
    unfinished = {path.name for path in place.iterdir()} <= {WORK, PROGRESS} and is_unfinished(place)
    if unfinished and not (overwrite or finishing):
        raise RunError(
            say(
                "{folder} holds an unfinished run; choose another folder, or replace this one "
                "(overwrite=True)",
                folder=folder,
            )
        )
    if not (overwrite or unfinished):
        raise RunError(
            say(
                "{folder} is not empty; choose another folder, or replace this one (overwrite=True)",
                folder=folder,
            )
        )
    linked = Path(os.path.abspath(folder)).is_symlink() or Path(folder).is_symlink()  # noqa: PTH100
    if linked and not (unfinished and finishing):
        raise RunError(
            say(
                "{folder} is a link to {place}; what is behind a link is not replaced. Give the "
                "folder itself",
                folder=folder,
                place=place,
            )
        )
    known = written_files(place, kind)
    if kind == RUN and is_unfinished(place):
        known.add(PROGRESS)
        known.add(f"{WORK}/{MARKER}")
    if foreign := list(islice(_foreign(place, known), NAMED + 1)):
        raise RunError(
            say(
                "{folder} holds what gatecast did not write as a {kind} ({listed}), and is not "
                "replaced. Choose another folder, or move that away",
                folder=folder,
                kind=kind,
                listed=_listed(foreign),
            )
        )


def _refuse_taken(place: Path, folder: str | Path, kind: str, names: Iterable[str]) -> set[str]:
    """The files in `place` that gatecast wrote; raise where one of `names` is there and none of them."""
    known = written_files(place, kind)
    if taken := [name for name in names if name not in known and os.path.lexists(place / name)]:
        raise RunError(
            say(
                "{folder}: gatecast did not write {listed}, and does not replace it. Move it "
                "away, or choose another folder",
                folder=folder,
                listed=_listed(taken),
            )
        )
    return known


def _kept_folders() -> Iterator[Path]:
    """Folders that are never replaced, nor any that holds them."""
    yield Path.cwd()
    with contextlib.suppress(RuntimeError):
        yield Path.home().resolve()
    with contextlib.suppress(ImportError, KeyError):  # HOME may have been set to another
        import pwd

        yield Path(pwd.getpwuid(os.getuid()).pw_dir).resolve()


def _foreign(place: Path, known: set[str]) -> Iterator[str]:
    """What lies in `place` and is not among the files `known`: files, links, folders of nothing known."""
    folders = {str(parent) for name in known for parent in PurePosixPath(name).parents}
    for root, below, files in os.walk(place, onerror=_raise):
        base = Path(root)
        if base == place and f"{WORK}/{MARKER}" in known and not (place / WORK).is_symlink():
            below.remove(WORK)
            yield from (f"{WORK}/{name}" for name in _foreign_work(place / WORK))
        for name in files:
            path = base / name
            if path.relative_to(place).as_posix() not in known or not stat.S_ISREG(path.lstat().st_mode):
                yield path.relative_to(place).as_posix()
        for name in list(below):
            path = base / name
            if path.relative_to(place).as_posix() not in folders or path.is_symlink() or path.is_mount():
                yield path.relative_to(place).as_posix() + "/"
                below.remove(name)  # one name for all that is in it


def _foreign_work(work: Path) -> Iterator[str]:
    """What lies in a folder of work and has none of the names that gatecast gives there."""
    for path in work.rglob("*"):
        name = path.relative_to(work).as_posix()
        if path.is_symlink() or (not path.is_dir() and not _OF_WORK.fullmatch(name)):
            yield name


def _busy(folder: str | Path, process: int | None) -> RunError:
    who = f"process {process}" if process else "another process"
    return RunError(
        say(
            "{folder}: {who} is working on the run in it. Wait for it, or choose another folder",
            folder=folder,
            who=who,
        )
    )


def _raise(error: OSError) -> None:
    raise error


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _write_marker(path: Path, kind: str, files: Iterable[str]) -> None:
    from gatecast._version import __version__

    marker = {"gatecast": __version__, "kind": kind, "files": sorted({*files} - {MARKER})}
    path.write_text(json.dumps(marker, indent=1), encoding="utf-8")


def _read_json(path: Path) -> dict[str, Any] | None:
    """The object in a file that may be anybody's; None if there is none."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode) or path.stat().st_size > LARGEST_LIST:
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _listed(names: list[str]) -> str:
    more = ", …" if len(names) > NAMED else ""
    return ", ".join(printable(name, MOST_LETTERS) for name in names[:NAMED]) + more
