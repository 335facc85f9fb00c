"""A run of a tutorial: both sides, or one, on its own download or on a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from gatecast.errors import SettingError
from gatecast.formatting import plain
from gatecast.language import say
from gatecast.recipes.frames import label_of
from gatecast.recipes.side import Side
from gatecast.recipes.tutorial import Tutorial


@dataclass(frozen=True)
class Run:
    """A tutorial after a run; a side that was not asked for is None."""

    tutorial: Tutorial
    data: str
    frame: pd.DataFrame
    as_written: Side | None
    corrected: Side | None

    @property
    def sides(self) -> dict[str, Side]:
        """The sides that were run."""
        both = {"as_written": self.as_written, "corrected": self.corrected}
        return {name: side for name, side in both.items() if side is not None}

    def summary(self) -> dict[str, Any]:
        """The facts as plain data for JSON."""
        index = self.frame.index
        data = {"rows": len(index), "first": label_of(index[0]), "last": label_of(index[-1])}
        facts = {name: side.facts for name, side in self.sides.items()}
        return plain({"recipe": self.tutorial.name, "data": {"source": self.data, **data}, **facts})


def run(
    tutorial: Tutorial,
    *,
    data: str | None = None,
    as_written: bool = True,
    corrected: bool = True,
    epochs: int | None = None,
    seed: int = 0,
) -> Run:
    """A run of a tutorial, on its own download or on the file `data`.

    Raises
        SettingError: the tutorial needs a file and there is none; DataError: the data cannot be used.
    """
    if epochs is not None and epochs < 1:
        raise SettingError(say("epochs = {epochs}: must be at least 1", epochs=epochs))
    source = source_of(tutorial, data)
    dates = (tutorial.start, tutorial.end) if data is None else (None, None)
    frame = tutorial.read(source, *dates)
    return Run(
        tutorial,
        source,
        frame,
        tutorial.as_written(frame, epochs or tutorial.training.epochs, seed) if as_written else None,
        tutorial.corrected(frame, epochs or tutorial.corrected_training.epochs, seed) if corrected else None,
    )


def source_of(tutorial: Tutorial, data: str | None) -> str:
    """The file given, else Yahoo where the tutorial downloads from there."""
    if data is not None:
        return data
    if tutorial.yahoo is None:
        raise SettingError(
            say("{name} needs --data FILE. {found}", name=tutorial.name, found=say(tutorial.found))
        )
    return f"yahoo:{tutorial.yahoo}"
