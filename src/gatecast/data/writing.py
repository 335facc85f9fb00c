"""Prices written to a file of the user's choice, never over their source."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gatecast.data.prices import Prices
from gatecast.errors import RunError
from gatecast.files import check_file, is_there, new_file
from gatecast.formatting import csv_safe
from gatecast.language import say
from gatecast.settings.frequency import INDEX, is_intraday

ENDINGS = (".csv", ".parquet")


def check_target(path: Path, sources: Iterable[str], *, overwrite: bool) -> None:
    """Raise RunError where `write_prices` could not write there, or would write over a source or into it."""
    for source in map(Path, sources):
        if not is_there(source):
            continue
        if source.is_dir() and source.resolve() in path.resolve().parents:
            raise RunError(
                say(
                    "{path} is in the folder {source}, which is read. Choose a place outside of it",
                    path=path,
                    source=source,
                )
            )
        if path.resolve() == source.resolve() or (is_there(path) and path.samefile(source)):
            raise RunError(
                say("{path} is the source itself, which is never changed. Choose another name", path=path)
            )
    check_file(path, ENDINGS, overwrite=overwrite)


def write_prices(prices: Prices, path: Path, *, overwrite: bool = False) -> None:
    """Writes prices as .csv or .parquet, whole or not at all; `gatecast.load` reads the same numbers.

    Raises
        RunError: the file is one of the sources or is there already (unless `overwrite`), its name has
        another ending, or it cannot be written.
    """
    check_target(path, prices.source, overwrite=overwrite)
    with new_file(path, ENDINGS, overwrite=overwrite) as partial:
        if path.suffix == ".parquet":
            prices.to_parquet(partial)
        else:
            table = prices.table.rename(columns={"session": "date"})
            if prices.frequency == INDEX:  # which are numbered anew when they are read
                table = table.drop(columns="date")
            form = "%Y-%m-%d %H:%M:%S" if is_intraday(prices.frequency) else "%Y-%m-%d"
            csv_safe(table).to_csv(partial, index=False, date_format=form, lineterminator="\n")
