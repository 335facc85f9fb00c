"""Parquet and Arrow files → their tables."""

from __future__ import annotations

import io
from typing import Any

import pandas as pd

from gatecast.data.columns import MOST_COLUMNS, too_many_columns
from gatecast.data.raw import Cells
from gatecast.data.record import stored
from gatecast.errors import DataError, InputError
from gatecast.language import say
from gatecast.memory import require_table
from gatecast.settings.reading import Reading


def parquet_cells(content: bytes, file: str, _: Reading) -> Cells:
    """The table of a Parquet file, and what gatecast wrote beside it."""
    table, frame = parquet_table(content, file)
    return Cells(frame, record=stored(table, file))


def parquet_table(content: bytes, file: str, *, lists: bool = False) -> tuple[Any, pd.DataFrame]:
    """The table of a Parquet file, as Arrow's and as pandas'; its cells may be lists of numbers with `lists`.

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
        _check_cells(parquet.schema_arrow, file, lists=lists)
        table = parquet.read()
        return table, _frame_of(table)
    except (pa.ArrowException, ValueError, OSError, OverflowError) as problem:
        raise _unreadable(problem, "a Parquet file", file) from None


def arrow_cells(content: bytes, file: str, _: Reading) -> Cells:
    """The table of a Feather file, an Arrow file or an Arrow stream."""
    import pyarrow as pa
    import pyarrow.feather as feather  # type: ignore[import-untyped,unused-ignore]

    try:
        source = pa.BufferReader(content)
        if content.startswith(b"FEA1"):
            table = feather.read_table(source)
        else:
            is_file = content.startswith(b"ARROW1")
            reader = pa.ipc.open_file(source) if is_file else pa.ipc.open_stream(source)
            if len(reader.schema) > MOST_COLUMNS:
                raise too_many_columns(len(reader.schema), file)
            _check_cells(reader.schema, file)
            table = reader.read_all()
        require_table(table.num_rows, table.num_columns, file)
        return Cells(_frame_of(table))
    except (pa.ArrowException, ValueError, OSError, OverflowError) as problem:
        raise _unreadable(problem, "an Arrow file", file) from None


def _unreadable(problem: Exception, kind: str, file: str) -> InputError:
    if isinstance(problem, InputError):
        return problem
    reason = (str(problem).splitlines() or [type(problem).__name__])[0]
    return DataError(say("this is not {kind}: {reason}", kind=kind, reason=reason), file=file)


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


def _check_cells(schema: Any, file: str, *, lists: bool = False) -> None:
    """Raise DataError where the cells of a column are lists or tables."""
    for field in schema:
        if lists and field.type.num_fields == 1 and not field.type.field(0).type.num_fields:
            continue
        if field.type.num_fields:
            raise DataError(
                say(
                    "its cells are of the type {type}, not numbers, dates or text", type=str(field.type)[:40]
                ),
                file=file,
                column=field.name,
                remedy=say("Write the file without this column"),
            )
