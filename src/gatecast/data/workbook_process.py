"""A process that reads a spreadsheet: its bytes on stdin, its sheets as JSON on stdout.

A process of its own, since a file of five kilobytes can make the reader ask for more memory than any machine
has, which ends the process that asks. Imports nothing of gatecast. Arguments: the most bytes it may use; the
folders where Python looks for packages.
"""

from __future__ import annotations

import datetime
import io
import json
import sys


def main() -> None:
    """Write {"sheets": [[name, [[cell, …], …]], …]}, or {"problem": why not}."""
    _bound_memory(int(sys.argv[1]))
    sys.path[:] = sys.argv[2:]
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(sys.stdin.buffer.read()))
        sheets = [[name, _rows(book, name)] for name in book.sheet_names]
        answer: dict[str, object] = {"sheets": sheets}
    except PasswordError:
        answer = {"problem": "password"}
    except (CalamineError, ValueError, OSError) as problem:
        answer = {"problem": str(problem) or type(problem).__name__}
    sys.stdout.buffer.write(json.dumps(answer).encode())


def _rows(book: object, name: str) -> list[list[str]]:
    rows = book.get_sheet_by_name(name).to_python(skip_empty_area=True)  # type: ignore[attr-defined]
    return [[_text(cell) for cell in row] for row in rows]


def _text(cell: object) -> str:
    """The cell as a text file would have it; one number for the other."""
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 2**53 else repr(cell)
    if isinstance(cell, datetime.datetime):
        return str(cell.date()) if cell.time() == datetime.time() else str(cell)
    return " ".join(str(cell).split())


def _bound_memory(most: int) -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    except (ImportError, OSError, ValueError):
        pass


if __name__ == "__main__":
    main()
