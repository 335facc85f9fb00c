"""Spreadsheets (.xlsx, .xlsm, .xlsb, .xls, .ods) → one table for each sheet that holds something."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

from gatecast.data.delimited import text_cells
from gatecast.data.raw import Cells, Table
from gatecast.errors import DataError
from gatecast.formatting import printable
from gatecast.language import say
from gatecast.memory import GIB, available
from gatecast.settings.reading import Reading

SECONDS = 120.0
LEAST = GIB // 2  # bytes of memory for the process that reads
SHARE = 2  # of the memory that is available it may use one half


def workbook_tables(content: bytes, name: str, file: str) -> list[Table]:
    """The sheets of a workbook that are not empty; the only one has the name of the file, others their own.

    Raises
        DataError: it is damaged, protected by a password, or all its sheets are empty.
    """
    sheets = [(title, rows) for title, rows in _sheets(content, file) if any(any(row) for row in rows)]
    if not sheets:
        raise DataError(
            say("all its sheets are empty"), file=file, remedy=say("Prices need a header, dates and closes")
        )
    return [
        Table(
            name if len(sheets) == 1 else title,
            file if len(sheets) == 1 else f"{file}: sheet {title}",
            partial(_cells, rows, f"{file}: sheet {title}"),
            alone=name,
        )
        for title, rows in ((printable(title), rows) for title, rows in sheets)
    ]


def _sheets(content: bytes, file: str) -> list[tuple[str, list[list[str]]]]:
    most = max((available() or 8 * GIB) // SHARE, LEAST)
    program = Path(__file__).with_name("workbook_process.py")
    # The current folder is no place to look for packages: what is in it may be anybody's.
    places = [place for place in sys.path if place]
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(program), str(most), *places],
            input=content,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
        answer: dict[str, Any] = (
            json.loads(done.stdout) if done.returncode == 0 else {"problem": _last_words(done)}
        )
    except subprocess.TimeoutExpired:
        answer = {"problem": f"it takes longer than {SECONDS:.0f} seconds"}
    if "sheets" in answer:
        return [(title, rows) for title, rows in answer["sheets"]]
    if answer["problem"] == "password":
        remedy = "Save it without the password, or as CSV"
        raise DataError(say("the workbook is protected by a password"), file=file, remedy=remedy)
    raise DataError(
        say("the workbook cannot be read: {problem}", problem=printable(answer["problem"], 200)),
        file=file,
        remedy=say("Open it in a spreadsheet program and save it again, or as CSV"),
    )


def _last_words(done: subprocess.CompletedProcess[bytes]) -> str:
    """Why the process ended: it asked for more memory than it may have, or met what it cannot read."""
    said = done.stderr.decode(errors="replace")
    if "memory allocation" in said or "MemoryError" in said or done.returncode == -9:
        return "it asks for more memory than there is"
    if "No module named" in said:
        return "the package python-calamine is missing (pip install python-calamine)"
    return "it is damaged"


def _cells(rows: list[list[str]], file: str, reading: Reading) -> Cells:
    """The cells of a sheet, by the same way as those of a text file."""
    text = io.StringIO()
    csv.writer(text, delimiter="\t", lineterminator="\n").writerows(rows)
    return text_cells(text.getvalue().encode(), file, reading, separator="\t")
