"""A table as its source holds it, before it is tidied."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from gatecast.data.checks import Oddity
from gatecast.data.record import Record
from gatecast.settings.reading import Reading


@dataclass(frozen=True)
class Cells:
    """The cells of a table.

    frame      numbers where all cells are numbers, else what stands there
    oddities   what was done to get it
    semicolon  whether semicolons separate the cells
    choices    how it was read where it could have been read otherwise
    record     what `Prices.to_parquet` wrote beside the table
    """

    frame: pd.DataFrame
    oddities: tuple[Oddity, ...] = ()
    semicolon: bool = False
    choices: Mapping[str, str] = field(default_factory=dict)
    record: Record | None = None


@dataclass(frozen=True)
class Table:
    """One table of a source, read when it is asked for.

    name   of the symbol, where no column names one
    alone  the same where no other table of its source can be read; "": name
    place  for messages: a path, "prices.zip: AAA.csv", "prices.xlsx: sheet AAA"
    read   gives the cells, read in the way asked for; DataError for what is no table
    """

    name: str
    place: str
    read: Callable[[Reading], Cells]
    alone: str = ""
