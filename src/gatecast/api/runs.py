"""The runs below a folder: finished, being computed, or stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from gatecast.errors import InputError, RunError
from gatecast.folders import PROGRESS, WORK, is_unfinished, worker_of
from gatecast.formatting import printable
from gatecast.language import say
from gatecast.settings.experiment import Experiment, Provenance
from gatecast.settings.judged import Judged
from gatecast.settings.toml import read_asked, read_provenance

LARGEST = 50_000_000  # bytes of a verdict.json
DEEPEST = 3  # folders below the one that is searched


@dataclass(frozen=True)
class ListedRun:
    """What a list of runs says of one.

    share: how much is done, from 0 to 1; changed: when it was finished, or last noted how far it is (UTC);
    verdict: of the point forecasts in a few words, where the run is finished; replaces: whether a finished
    run stands in the folder until this one takes its place.
    """

    folder: str
    state: Literal["finished", "running", "stopped", "damaged"]
    share: float
    changed: str
    source: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    verdict: str = ""
    replaces: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain data."""
        return {**asdict(self), "source": list(self.source), "models": list(self.models)}


def runs_in(folder: str | Path) -> list[ListedRun]:
    """The runs in a folder and below it, the newest last.

    Raises
    ------
    RunError
        There is no such folder.
    """
    if not Path(folder).is_dir():
        raise RunError(
            say("{folder}: there is no such folder. Give the one that runs are saved in", folder=folder)
        )
    found = [_listed(place) for place in _places(Path(folder))]
    return sorted(found, key=lambda run: (run.changed, run.folder))


def _places(folder: Path, depth: int = 0) -> Iterator[Path]:
    """Folders that hold a run; none below such a one, below a hidden one or behind a link."""
    if (folder / "verdict.json").is_file() or is_unfinished(folder):
        yield folder
    elif depth <= DEEPEST:
        with os.scandir(folder) as entries:
            below = sorted(one.name for one in entries if one.is_dir(follow_symlinks=False))
        for name in below:
            if not name.startswith("."):
                yield from _places(folder / name, depth + 1)


def _listed(place: Path) -> ListedRun:
    unfinished = is_unfinished(place)
    file = (place / WORK if unfinished else place) / "experiment.toml"
    verdict = _read(place / "verdict.json")
    said = _read(place / PROGRESS) if unfinished else {}
    changed = _changed(place / PROGRESS if unfinished else place / "verdict.json")
    share = said.get("share")
    asked, found = _asked(file)
    state: Literal["finished", "running", "stopped", "damaged"] = "finished"
    if unfinished:
        state = "stopped" if worker_of(place) is None else "running"
    elif asked is None or not verdict:
        state = "damaged"
    judged = verdict.get("verdict")
    kind = judged.get("kind", "") if isinstance(judged, dict) else ""
    return ListedRun(
        folder=str(place),
        state=state,
        share=(float(share) if isinstance(share, int | float) else 0.0) if unfinished else 1.0,
        changed=changed,
        source=() if asked is None else (found.source if found else asked.source),
        models=() if asked is None else asked.models,
        verdict=printable(str(kind), 60) if state == "finished" else "",
        replaces=unfinished and bool(verdict),
    )


def _asked(file: Path) -> tuple[Experiment | Judged | None, Provenance | None]:
    try:
        return read_asked(file), read_provenance(file)
    except InputError:
        return None, None


def _read(file: Path) -> dict[str, Any]:
    """The object in a JSON file that may be anybody's; an empty one where there is none."""
    try:
        if file.stat().st_size > LARGEST:
            return {}
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _changed(file: Path) -> str:
    """When a file was changed, in UTC; "" where there is none."""
    try:
        return datetime.fromtimestamp(file.stat().st_mtime, UTC).isoformat(timespec="seconds")
    except OSError:
        return ""
