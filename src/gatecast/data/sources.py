"""`gatecast.load`: samples, files, DataFrames and Yahoo → Prices."""

from __future__ import annotations

import difflib
import io
import re
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

import pandas as pd

from gatecast.data.checks import Oddity, counted
from gatecast.data.columns import MOST_COLUMNS, normal_name, too_many_columns
from gatecast.data.names import SYMBOL_NAMES
from gatecast.data.numbers import MISSING, number
from gatecast.data.prices import Prices, iso, stored, to_pandas
from gatecast.data.tables import Tidy, tidy
from gatecast.data.text import Text, text_of
from gatecast.errors import DataError, DataWarning, InputError, did_you_mean
from gatecast.files import is_there
from gatecast.formatting import shortened
from gatecast.memory import require_table
from gatecast.settings.reading import Reading, ReadingOptions
from gatecast.settings.signatures import takes_settings

SAMPLES = {"sp500": "SP500", "nasdaq": "NASDAQ"}
CSV_ENDINGS = {".csv", ".txt", ".tsv"}
PARQUET_ENDINGS = {".parquet", ".pq"}
MOST_FAILED = 100  # files of a folder that are named

YFINANCE = re.compile(r"(Price,.*\r?\nTicker|Ticker,.*\r?\nPrice),.*\r?\nDate,")
# Before 3.1 pandas gets the last bit of a number wrong unless told not to; since then telling is deprecated.
EXACT: dict[str, Any] = (
    {"float_precision": "round_trip"}
    if [int(part) for part in pd.__version__.split(".")[:2]] < [3, 1]
    else {}
)


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
        folder and serves for 12 hours, or while there is no network); a path ending in .csv, .txt, .tsv or
        .parquet, or a folder of such files, one for each symbol; a pandas or polars DataFrame; or a list of
        these.
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
    sources = list(source) if isinstance(source, list | tuple) else [source]
    if not sources:
        raise DataError("there is no source", remedy='Give a path, "sample:sp500" or "yahoo:TSLA"')
    days = {name: iso(value, name) for name, value in reading.items() if name in ("start", "end")}
    given: dict[str, Any] = {**reading, **days}
    how = Reading(**given)
    parts = [part for one in sources for part in _parts(one, symbol, how)]
    prices = Prices.assemble(parts, start=how.start, end=how.end, symbols=how.symbols, adjust=how.adjust)
    for oddity in prices.oddities:
        warnings.warn(oddity.text, DataWarning, stacklevel=2)
    return prices


def examine(source: Any, reading: Reading) -> list[Tidy]:
    """What each file of a source holds, and all that is wrong where one cannot be used."""
    try:
        return _parts(source, None, reading)
    except DataError as problem:
        return [Tidy(pd.DataFrame(), (str(problem.file or source),), {}, problems=(problem,))]


def prices_of(source: Any, calendar: str | Mapping[str, str] | None = None) -> Prices:
    """The prices themselves, or those of anything that `load` takes, by this calendar."""
    return source if isinstance(source, Prices) else load(source, calendar=calendar)


def _parts(source: Any, symbol: str | None, reading: Reading) -> list[Tidy]:
    """What one source holds: a folder all its price files, one that cannot be read is named and left out."""
    folder = Path(source) if isinstance(source, str | Path) else None
    if folder is None or not is_there(folder) or not folder.is_dir():
        return [_read(source, symbol, reading)]
    files = sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in CSV_ENDINGS | PARQUET_ENDINGS and not file.name.startswith(".")
    )
    if not files or (folder / "experiment.toml").is_file():
        remedy = "Give one file in it, or a folder of .csv or .parquet files, one for each symbol"
        raise DataError("this is a folder without price files", file=str(folder), remedy=remedy)
    parts, failed = [], {}
    for file in files:
        try:
            parts.append(_read_file(file, None, reading).usable())
        except DataError as problem:
            failed[file.name] = problem
    if not parts:
        raise next(iter(failed.values()))
    if failed:
        first = "; ".join(f"{name}: {shortened(str(problem))}" for name, problem in list(failed.items())[:3])
        text = f"{folder}: {counted(len(failed), 'file', 'files')} could not be read and left out ({first})."
        lines = tuple(shortened(str(problem)) for problem in list(failed.values())[:MOST_FAILED])
        parts[0] = replace(
            parts[0], oddities=(Oddity("unreadable", len(failed), text, lines), *parts[0].oddities)
        )
    return parts


def _read(source: Any, symbol: str | None, reading: Reading) -> Tidy:
    if isinstance(source, Path):
        return _read_file(source, symbol, reading)
    if not isinstance(source, str):
        return tidy(to_pandas(source), source="DataFrame", symbol=symbol or "prices", reading=reading)
    scheme, colon, rest = source.partition(":")
    # One letter is a drive of Windows.
    if not colon or len(scheme) == 1 or is_there(Path(source)):
        return _read_file(Path(source), symbol, reading)
    if scheme == "sample":
        return _read_sample(rest, reading)
    if scheme == "yahoo":
        from gatecast.data.yahoo import read_yahoo

        return read_yahoo(rest, reading)
    raise DataError(
        f'there is no kind of source "{scheme}:".{did_you_mean(scheme, ["sample", "yahoo"])}',
        value=source,
        remedy='Give "sample:sp500", "sample:nasdaq", "yahoo:TSLA", or a path',
    )


def _read_sample(name: str, reading: Reading) -> Tidy:
    if name not in SAMPLES:
        raise DataError(
            f'there is no sample "{name}".{did_you_mean(name, SAMPLES)}',
            remedy="The samples are " + " and ".join(f"sample:{known}" for known in SAMPLES),
        )
    from importlib import import_module

    frame = import_module(f"arch.data.{name}").load()
    return tidy(frame, source=f"sample:{name}", symbol=SAMPLES[name], reading=reading)


def _read_file(path: Path, symbol: str | None, reading: Reading) -> Tidy:
    file = str(path)
    if not is_there(path):
        raise DataError(f"there is no such file.{_near(path)}", file=file)
    if path.is_dir():
        raise DataError("this is a folder", file=file, remedy="Give one file in it")
    ending = path.suffix.lower()
    if ending not in CSV_ENDINGS | PARQUET_ENDINGS:
        raise DataError(
            f'files ending in "{ending}" are not understood', file=file, remedy="Give a .csv or .parquet file"
        )
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise DataError(f"cannot be read: {problem.strerror}", file=file) from None
    if not content.strip():
        raise DataError("the file is empty", file=file, remedy="Prices need a header, dates and closes")
    if ending in PARQUET_ENDINGS:
        return _read_parquet(content, file, symbol or path.stem, reading)
    text = text_of(content, file, reading.encoding, reading.columns.values())
    european = text.separator == ";"
    part = tidy(
        _read_csv(text, file), source=file, symbol=symbol or path.stem, reading=reading, european=european
    )
    return replace(part, oddities=(*text.oddities, *part.oddities), choices={**text.choices, **part.choices})


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


def _read_csv(text: Text, file: str) -> pd.DataFrame:
    """The cells: numbers where pandas sees only numbers, otherwise the text as it stands."""
    try:
        with warnings.catch_warnings():
            # Rows longer than the header would otherwise lose cells.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            warnings.filterwarnings("ignore", message="overflow encountered")
            if YFINANCE.match(text.table):
                return _levels_of_yfinance(text.table)
            return _without_symbol_line(_cells(text))
    except pd.errors.EmptyDataError:
        raise DataError("the file is empty", file=file) from None
    except (pd.errors.ParserError, pd.errors.ParserWarning, ValueError) as problem:
        raise _unreadable(problem, file) from None


def _cells(text: Text) -> pd.DataFrame:
    table = text.table
    if (count := table.partition("\n")[0].count(text.separator) + 1) > MOST_COLUMNS:
        raise too_many_columns(count, "the file")
    options: dict[str, Any] = {
        "sep": text.separator,
        "skip_blank_lines": False,
        "skipinitialspace": True,
        "index_col": False,
    }
    names = pd.read_csv(io.StringIO(table), nrows=0, **options).columns
    symbols = [name for name in names if normal_name(name) in SYMBOL_NAMES]
    return pd.read_csv(
        io.StringIO(table),
        # A symbol may be called NA, TRUE or 005930.
        dtype=str if text.marks_are_open else dict.fromkeys(symbols, str),
        keep_default_na=False,
        na_values={name: list(MISSING) for name in names if name not in symbols},
        low_memory=False,
        **EXACT,
        **options,
    )


def _without_symbol_line(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame without the line of symbols that yfinance writes below the header, the symbol as a column."""
    if len(frame) < 2 or not frame.iloc[:1, 0].isna().all():
        return frame
    names = set(frame.iloc[0, 1:].astype(str))
    if len(names) != 1 or number(name := names.pop()) is not None:
        return frame
    return frame.iloc[1:].reset_index(drop=True).assign(symbol=name)


def _levels_of_yfinance(text: str) -> pd.DataFrame:
    """What `yfinance.download(…).to_csv()` writes: prices, symbols and the word Date are three lines."""
    return pd.read_csv(io.StringIO(text), header=[0, 1], index_col=0, low_memory=False, **EXACT)


def _unreadable(problem: Exception, file: str) -> DataError:
    """In our words what pandas says of text that is no table."""
    said = str(problem)
    quotes = "Put numbers with commas in quotes"
    if found := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", said):
        expected, line, seen = map(int, found.groups())
        what = f"the row has {seen} cells and the header {expected}"
        return DataError(what, file=file, row=line - 1, remedy=quotes)
    if "Length of header" in said:
        return DataError("the rows have more cells than the header", file=file, remedy=quotes)
    if found := re.search(r"EOF inside string starting at row (\d+)", said):
        return DataError("a quote is opened and never closed", file=file, row=int(found[1]))
    return DataError(f"this is no table: {said}", file=file, remedy="Give a CSV file with one header line")


def parquet_table(content: bytes, file: str) -> tuple[Any, pd.DataFrame]:
    """The table of a Parquet file, as Arrow's and as pandas'.

    Raises
        InputError: it is none, has too many columns, or does not fit into memory.
    """
    import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]
    import pyarrow.parquet as pq  # type: ignore[import-untyped,unused-ignore]

    try:
        parquet = pq.ParquetFile(io.BytesIO(content))
        rows, columns = parquet.metadata.num_rows, parquet.metadata.num_columns
        if columns > MOST_COLUMNS:
            raise too_many_columns(columns, file)
        require_table(rows, columns, file)
        _check_cells(parquet.schema_arrow, file)
        table = parquet.read()
        return table, _frame_of(table)
    except (pa.ArrowException, ValueError, OSError, OverflowError) as problem:
        if isinstance(problem, InputError):
            raise
        reason = (str(problem).splitlines() or [type(problem).__name__])[0]
        raise DataError(f"this is not a Parquet file: {reason}", file=file) from None


def _read_parquet(content: bytes, file: str, stem: str, reading: Reading) -> Tidy:
    table, frame = parquet_table(content, file)
    record = stored(table, file)
    if record is None:
        return tidy(frame, source=file, symbol=stem, reading=reading)
    part = tidy(
        frame, source=file, symbol=stem, reading=Reading(calendar=reading.calendar or record.calendar)
    )
    if Prices.assemble([part]).sha256 != record.sha256:
        raise DataError(
            "its prices were changed after gatecast wrote it (their SHA-256 differs from the one stored)",
            file=file,
            remedy="Load the original source, or write the changed table without gatecast's metadata",
        )
    return Tidy(part.table, record.source, part.calendar, record.oddities + part.oddities)


def _frame_of(table: Any) -> pd.DataFrame:
    """The table with the index that pandas wrote down; without it where that note is damaged."""
    try:
        frame: pd.DataFrame = table.to_pandas()
    except Exception:  # whatever a damaged note leads to
        try:
            frame = table.replace_schema_metadata(None).to_pandas()
        except Exception as problem:  # a time zone that nobody knows, a date that pandas cannot hold
            raise ValueError(f"pandas cannot hold it ({problem})") from None
    return frame


def _check_cells(schema: Any, file: str) -> None:
    """Raise DataError where the cells of a column are lists or tables."""
    for field in schema:
        if field.type.num_fields:
            raise DataError(
                f"its cells are of the type {str(field.type)[:40]}, not numbers, dates or text",
                file=file,
                column=field.name,
                remedy="Write the file without this column",
            )
