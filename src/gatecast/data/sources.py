"""`gatecast.load`: samples, files, DataFrames and Yahoo → Prices."""

from __future__ import annotations

import difflib
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Unpack

import pandas as pd

from gatecast.data.checks import Oddity
from gatecast.data.containers import tables_of
from gatecast.data.databases import DATABASES, EXAMPLE, database_tables
from gatecast.data.delimited import longer_rows_refused
from gatecast.data.folders import files_in, is_pattern, matching
from gatecast.data.frames import MEMORY, frame_tables
from gatecast.data.prices import Prices, iso
from gatecast.data.raw import Table
from gatecast.data.tables import Tidy, tidy
from gatecast.data.unusable import unusable
from gatecast.errors import DataError, DataWarning, InputError, SettingError, did_you_mean
from gatecast.files import is_there
from gatecast.formatting import shortened, some
from gatecast.language import plural, say
from gatecast.settings.reading import Reading, ReadingOptions
from gatecast.settings.signatures import takes_settings

SAMPLES = {"sp500": "SP500", "nasdaq": "NASDAQ"}
MOST_FAILED = 100  # files of a folder that are named
WORKERS = min(os.cpu_count() or 1, 8)


@takes_settings(ReadingOptions, Reading)
def load(source: Any, *, symbol: str | None = None, **reading: Unpack[ReadingOptions]) -> Prices:
    """Daily prices from a sample, a file, a DataFrame, Yahoo, or a list of these.

    One row per symbol and session. A table with a column symbol, ticker, name or unique_id is many symbols;
    any other is one, named after its file. Needed are dates (a column or the index) and closes; column names
    in any case, "Adj Close", numbers like "1,008.64" and all unambiguous dates are understood. Time stamps
    are cut to the exchange's local date. Rows without any price, notes, copies and snapshots of a session
    and a session that has not closed yet are left out; rows out of order are sorted. Rows outside start, end
    and symbols are not judged.

    Parameters
    ----------
    source
        "sample:sp500", "sample:nasdaq" (S&P 500 and Nasdaq, 1999-2018, of `arch.data`); "yahoo:TSLA" (as
        traded, though Yahoo adjusts all history for splits, with adj_close; an answer is kept in the cache
        folder and serves for 12 hours, or while there is no network); a file (text, spreadsheet, JSON,
        Parquet, Arrow, SQLite, DuckDB, also compressed or in a ZIP archive); a folder of such files or a
        pattern ("data/*.csv"), one for each symbol; "sqlite:///prices.db?table=prices"; a DataFrame, lazy
        frame or Series of pandas, polars or Arrow; a dict of columns, or of such tables by symbol; or a list
        of these. What each may hold: the guide "Data".
    symbol
        The name of a table without symbols; None: that of its file, "prices" for a DataFrame.

    Warns
    -----
    DataWarning
        Everything odd, once per kind; it stays in `Prices.oddities`.

    Raises
    ------
    DataError
        What cannot be used; names file, row, column and value.
    """
    prices = _assembled(source, symbol, reading)
    for oddity in prices.oddities:
        warnings.warn(oddity.text, DataWarning, stacklevel=2)
    return prices


@takes_settings(ReadingOptions, Reading)
def fix(source: Any, *, symbol: str | None = None, **reading: Unpack[ReadingOptions]) -> Prices:
    """The prices that `load` gives, repaired; what was changed is in `Prices.changes`.

    Earlier prices are divided by the ratio of a split that they are not adjusted for, and their volume is
    multiplied; cells in other units than most are brought to these; rows that repeat one price to the end of
    a symbol are dropped. What is ambiguous stays, and is in `Prices.oddities`. The source is not changed.

    Parameters
    ----------
    source, symbol
        As `load` takes them.
    """
    return _assembled(source, symbol, reading, repaired=True)


def _assembled(source: Any, symbol: str | None, reading: ReadingOptions, *, repaired: bool = False) -> Prices:
    if symbol is not None and not isinstance(symbol, str):
        raise SettingError(say("must be text in quotes"), setting="symbol", value=symbol)
    sources = list(source) if isinstance(source, list | tuple) else [source]
    if any(isinstance(one, Prices) for one in sources):
        raise DataError(
            say("these are prices that were read already"),
            remedy=say("Pass them on as they are, or load their source again with other settings"),
        )
    if not sources:
        raise DataError(say("there is no source"), remedy=say('Give a path, "sample:sp500" or "yahoo:TSLA"'))
    days = {name: iso(value, name) for name, value in reading.items() if name in ("start", "end")}
    given: dict[str, Any] = {**reading, **days}
    how = Reading(**given)
    with longer_rows_refused():
        parts = [part for one in sources for part in _parts(one, symbol, how)]
    prices = assembled(parts, how, repaired=repaired)
    if symbol is not None and symbol.strip() not in prices.symbols:
        raise SettingError(
            say("the data name their symbols themselves: {names}. Leave it out", names=some(prices.symbols)),
            setting="symbol",
            value=symbol,
        )
    return prices


def assembled(parts: Sequence[Tidy], reading: Reading, *, repaired: bool = False) -> Prices:
    """The prices of parts, as far as `reading` wants them. Raises DataError where they cannot be used."""
    return Prices.assemble(
        parts,
        start=reading.start,
        end=reading.end,
        symbols=reading.symbols,
        adjust=reading.adjust,
        repaired=repaired,
        resample=reading.resample,
    )


def examine(source: Any, reading: Reading) -> list[Tidy]:
    """What each file of a source holds, and all that is wrong where one cannot be used."""
    try:
        with longer_rows_refused():
            return _parts(source, None, reading)
    except DataError as problem:
        return [unusable(source, problem)]


def prices_of(source: Any, calendar: str | Mapping[str, str] | None = None) -> Prices:
    """The prices themselves, or those of anything that `load` takes, by this calendar."""
    return source if isinstance(source, Prices) else load(source, calendar=calendar)


def _parts(source: Any, symbol: str | None, reading: Reading) -> list[Tidy]:
    """What one source holds."""
    if not isinstance(source, str | Path):
        return [_tidied(table, MEMORY, reading) for table in frame_tables(source, symbol)]
    path = Path(source)
    if isinstance(source, str) and not is_there(path):
        scheme, colon, rest = source.partition(":")
        if colon and len(scheme) > 1:  # one letter is a drive of Windows
            return _read_scheme(scheme, rest, source, symbol, reading)
    if is_there(path) and path.is_dir():
        return _read_files(files_in(path), str(path), reading)
    if not is_there(path) and is_pattern(str(path)):
        return _read_files(matching(str(path)), str(path), reading)
    return _read_file(path, symbol, reading)


def _read_scheme(scheme: str, rest: str, source: str, symbol: str | None, reading: Reading) -> list[Tidy]:
    if scheme == "sample":
        return [_read_sample(rest, reading)]
    if scheme == "yahoo":
        from gatecast.data.yahoo import read_yahoo

        return [read_yahoo(rest, reading)]
    if scheme in DATABASES:
        return [_tidied(table, source, reading, symbol) for table in database_tables(source)]
    schemes = ["sample", "yahoo", *DATABASES]
    raise DataError(
        say(
            'there is no kind of source "{scheme}:".{did_you_mean}',
            scheme=scheme,
            did_you_mean=did_you_mean(scheme, schemes),
        ),
        value=source,
        remedy=say(
            'Give "sample:sp500", "sample:nasdaq", "yahoo:TSLA", a table of a database '
            "({example}), or a path",
            example=EXAMPLE,
        ),
    )


def _read_sample(name: str, reading: Reading) -> Tidy:
    if name not in SAMPLES:
        raise DataError(
            say(
                'there is no sample "{name}".{did_you_mean}',
                name=name,
                did_you_mean=did_you_mean(name, SAMPLES),
            ),
            remedy=say("The samples are ") + " and ".join(f"sample:{known}" for known in SAMPLES),
        )
    # Importing arch takes a second, and its sample is a file beside it.
    arch = find_spec("arch")
    folders = [] if arch is None else arch.submodule_search_locations or []
    files = [path for folder in folders if (path := Path(folder, "data", name, f"{name}.csv.gz")).is_file()]
    if files:
        frame = pd.read_csv(files[0], parse_dates=["Date"])
    else:
        frame = import_module(f"arch.data.{name}").load()
    return tidy(frame, source=f"sample:{name}", symbol=SAMPLES[name], reading=reading)


def _read_files(files: Sequence[Path], source: str, reading: Reading) -> list[Tidy]:
    """The prices in several files, those that cannot be read named and left out."""

    def read(file: Path) -> list[Tidy] | InputError:
        return _attempt(lambda: _read_file(file, None, reading))

    with ThreadPoolExecutor(WORKERS) as pool:
        found = list(pool.map(read, files))
    return _readable(
        {file.name: parts for file, parts in zip(files, found, strict=True)}, source, say("file"), reading
    )


def _read_file(path: Path, symbol: str | None, reading: Reading) -> list[Tidy]:
    """The prices in the tables of a file, those that cannot be read named and left out."""
    file = str(path)
    if not is_there(path):
        raise DataError(say("there is no such file.{near}", near=_near(path)), file=file)
    tables = tables_of(path)
    if len(tables) == 1:
        return [_tidied(tables[0], file, reading, symbol)]
    found = {table.place: _attempt(lambda t=table: [_tidied(t, file, reading)]) for table in tables}  # type: ignore[misc]
    read = [table for table in tables if not isinstance(found[table.place], InputError)]
    if len(read) == 1 and read[0].alone:
        only = replace(read[0], name=symbol or read[0].alone)
        found[only.place] = [_tidied(only, file, reading)]
    return _readable(found, file, say("table"), reading)


def _attempt(read: Callable[[], list[Tidy]]) -> list[Tidy] | InputError:
    """What is read, or why it cannot be."""
    try:
        return [part.usable() for part in read()]
    except SettingError:
        raise
    except InputError as problem:
        return problem


def _readable(
    found: Mapping[str, list[Tidy] | InputError], source: str, what: str, reading: Reading
) -> list[Tidy]:
    """The parts that could be read; the first says which could not.

    Raises
        InputError: none could be, or one could not and reading is strict.
    """
    failed = {name: parts for name, parts in found.items() if isinstance(parts, InputError)}
    read = [part for parts in found.values() if not isinstance(parts, InputError) for part in parts]
    if failed and (reading.strict or not read):
        raise next(iter(failed.values()))
    if not failed:
        return read
    first = "; ".join(_said(name, problem) for name, problem in list(failed.items())[:3])
    text = plural(
        "{source}: {n:,} {what} could not be read and left out ({first}).",
        "{source}: {n:,} {what}s could not be read and left out ({first}).",
        len(failed),
        source=source,
        what=what,
        first=first,
    )
    lines = tuple(shortened(str(problem)) for problem in list(failed.values())[:MOST_FAILED])
    note = Oddity("unreadable", len(failed), text, lines)
    return [replace(read[0], oddities=(note, *read[0].oddities)), *read[1:]]


def _said(name: str, problem: InputError) -> str:
    """The problem and the file or table that it is of, each once."""
    text = str(problem)
    _, place, rest = text.partition(f"{name}: ")
    return f"{name}: {shortened(rest if place else text)}"


def _tidied(table: Table, source: str, reading: Reading, symbol: str | None = None) -> Tidy:
    """The prices of a table. source: what they are recorded to come from; symbol: its name, if given."""
    cells, name = table.read(reading), symbol or table.name
    if cells.record is None:
        part = tidy(cells.frame, source=table.place, symbol=name, reading=reading, european=cells.semicolon)
        return replace(
            part,
            source=(source,),
            oddities=(*cells.oddities, *part.oddities),
            choices={**cells.choices, **part.choices},
        )
    own = Reading(
        calendar=reading.calendar or cells.record.calendar,
        frequency=reading.frequency or cells.record.frequency,
    )
    part = tidy(cells.frame, source=table.place, symbol=name, reading=own, texts=cells.record.texts)
    if Prices.assemble([part]).sha256_with_names != cells.record.sha256:
        raise DataError(
            say(
                "its prices were changed after gatecast wrote it (their SHA-256 differs from the one stored)"
            ),
            file=table.place,
            remedy=say("Load the original source, or write the changed table without gatecast's metadata"),
        )
    found = part.found if reading.calendar else {**part.found, **cells.record.found}
    oddities = cells.record.oddities + part.oddities
    return Tidy(
        part.table, cells.record.source, part.calendar, oddities, found=found, frequency=part.frequency
    )


def _near(path: Path) -> str:
    """Did you mean a file beside it, or a sample?"""
    word = path.name
    folder = path.parent
    if folder == Path() and word.lower() in SAMPLES:
        return f' Did you mean "sample:{word.lower()}"?'
    if not is_there(folder) or not folder.is_dir():
        return f' The folder "{folder}" does not exist either.'
    near = difflib.get_close_matches(word, [other.name for other in folder.iterdir()], n=1)
    return f' Did you mean "{folder / near[0]}"?' if near else ""
