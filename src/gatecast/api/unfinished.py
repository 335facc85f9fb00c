"""Unfinished runs: a run folder that grows while its comparison is computed, so that another process goes on.

`DIR/work` holds what was asked and found (experiment.toml, written last), the prices, every trained network
and every forecast that took long, each under a key of all that it depends on (`gatecast.kept`). When the run
is finished, its folder takes the place of DIR, whole or not at all.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import warnings
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from gatecast.data.prices import Prices
from gatecast.data.sources import load
from gatecast.errors import DataWarning, RunError
from gatecast.files import not_written
from gatecast.folders import (
    PROGRESS,
    RUN,
    WORK,
    check_folder,
    check_not_a_source,
    clear_work,
    is_unfinished,
    new_folder,
    work_folder,
)
from gatecast.formatting import printable, some
from gatecast.kept import Kept
from gatecast.language import say
from gatecast.profiling import stage
from gatecast.progress import noted
from gatecast.run import Run
from gatecast.settings.experiment import Experiment, Provenance
from gatecast.settings.toml import read_experiment, read_provenance, to_toml

BETWEEN = 1.0  # seconds from one writing of progress.json to the next
MEMBERS, FORECASTS = "members/", "forecasts/"  # as their files are named in `work`
EXPERIMENT, PRICES = "experiment.toml", "prices.parquet"


class Unfinished:
    """The run in a folder while it is computed: what is kept of it, and how far it is.

    trainings: how many there are to be, of every network, fold, seed and phase; None: not known yet.
    """

    def __init__(self, folder: str | Path, work: Path, *, overwrite: bool) -> None:
        self.folder, self.work, self.overwrite = folder, work, overwrite
        self.kept = Kept(work)
        self.trainings: int | None = None
        self._started = _now()
        self._said: dict[str, Any] = {"share": 0.0, "doing": "", "detail": ""}
        self._written = 0.0

    def finish(self, run: Run) -> None:
        """Write the run folder, which takes the place of all that was kept, whole or not at all.

        Raises
        ------
        RunError
            It cannot be written, or the folder has changed since.
        """
        with (
            stage("writing"),
            new_folder(self.folder, RUN, overwrite=self.overwrite, finishing=True) as partial,
        ):
            run.write(partial)

    @property
    def answers(self) -> Path:
        """The folder of what functions of the user's answered."""
        return self.work / "answers"

    @property
    def trained(self) -> int:
        """How many trainings are finished."""
        return sum(name.startswith(MEMBERS) for name in self.kept.done)

    def note(self, share: float, doing: str, detail: str) -> None:
        """Note how far the run is, for progress.json."""
        self._said = {"share": round(share, 4), "doing": doing, "detail": detail}
        if time.monotonic() - self._written > BETWEEN:
            self.write_progress("running")

    def write_progress(self, state: Literal["running", "stopped"]) -> None:
        """Write progress.json, whole; where that is not possible, it stays as it was."""
        self._written = time.monotonic()
        content = {
            "state": state,
            **self._said,
            "members": {"done": self.trained, "total": self.trainings},
            "started": self._started,
            "updated": _now(),
            "process": os.getpid(),
        }
        partial = self.work / f".{PROGRESS}.partial"
        with contextlib.suppress(OSError):
            partial.write_text(json.dumps(content, indent=1), encoding="utf-8")
            partial.replace(self.work.parent / PROGRESS)


@contextlib.contextmanager
def unfinished(
    folder: str | Path, experiment: Experiment, prices: Prices, found: Provenance, *, overwrite: bool = False
) -> Iterator[Unfinished]:
    """The run of an experiment in `folder`, begun or gone on with; it stays there when the block fails.

    overwrite: whether the run that is there may be replaced by this one when it is finished, and an
    unfinished one of another experiment at once.

    Raises
    ------
    RunError
        The folder holds another run, finished or not (unless `overwrite`), or must not be replaced; another
        process works on it; it cannot be written.
    """
    check_folder(folder, RUN, overwrite=overwrite, finishing=True)
    check_not_a_source(folder, prices.source)
    with work_folder(folder) as work:
        with _writing(folder):
            _prepare(work, folder, experiment, prices, found, overwrite)
        run = Unfinished(folder, work, overwrite=overwrite)
        run.write_progress("running")
        try:
            with noted(run.note):
                yield run
        except BaseException:
            run.write_progress("stopped")
            raise


def resumed(folder: str | Path) -> tuple[Experiment, Prices]:
    """What the unfinished run in a folder was asked, and its prices.

    Raises
    ------
    RunError
        There is none, or too little of it to go on with.
    """
    place = Path(folder)
    if not is_unfinished(place):
        finished = (place / "verdict.json").is_file()
        why = "the run in it is finished" if finished else "there is no unfinished run in it"
        raise RunError(say("{folder}: {why}, so there is nothing to go on with", folder=folder, why=why))
    file = place / WORK / EXPERIMENT
    if not file.is_file():
        raise RunError(
            say("{folder}: its run was stopped before it began; start it again as you did", folder=folder)
        )
    experiment = read_experiment(file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # given when the run was begun
        prices = load(place / WORK / PRICES)
    found = read_provenance(file)
    if found is None or not prices.has_hash(found.sha256):
        raise RunError(
            say("{place}: not the prices of the run; start it again as you did", place=place / WORK / PRICES)
        )
    return experiment, prices


def _prepare(
    work: Path, folder: str | Path, asked: Experiment, prices: Prices, found: Provenance, overwrite: bool
) -> None:
    """Make `work` that of the experiment, unless it is already; raise where it is another's."""
    file = work / EXPERIMENT
    if file.is_file():
        why = _differences(file, asked, prices)
        if not why:
            return
        if overwrite is not True:
            raise RunError(
                say(
                    "{folder} holds an unfinished run of {why}. Go on with that one, choose another "
                    "folder, or start anew in this one (overwrite=True)",
                    folder=folder,
                    why=why,
                )
            )
    clear_work(work)
    prices.to_parquet(work / PRICES)
    left_out = {"target"} - asked.model_fields_set  # the prices decide
    partial = work / f".{EXPERIMENT}.partial"
    partial.write_text(to_toml(asked, found, leave_out=left_out), encoding="utf-8")
    partial.replace(file)


def _differences(file: Path, asked: Experiment, prices: Prices) -> str:
    """In which settings an unfinished run differs from what is asked, or that its data do; else ""."""
    known, found = read_experiment(file), read_provenance(file)
    there, here = _flat(known.model_dump(mode="json")), _flat(asked.model_dump(mode="json"))
    unlike = [name for name in {**there, **here} if there.get(name) != here.get(name)]
    if unlike:
        said = [f"{name}: {_shown(there.get(name))} there, {_shown(here.get(name))} here" for name in unlike]
        return f"another experiment ({some(said, most=4)})"
    if found is None or not prices.has_hash(found.sha256):
        return "other data (prices have changed since; it keeps those that it began with)"
    return ""


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """ "training.epochs" → 50."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        own = {prefix + name: value}
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) and value else own
    return flat


def _shown(value: Any) -> str:
    return printable(json.dumps(value, ensure_ascii=False), 60)


@contextlib.contextmanager
def _writing(folder: str | Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise not_written(folder, error) from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
