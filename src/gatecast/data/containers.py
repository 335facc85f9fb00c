"""The bytes of a file → the tables in it: told by how they begin, then by the ending of the name.

Compressed files and ZIP archives are unpacked, as far as memory allows.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

from gatecast.data.columnar import arrow_cells, parquet_cells
from gatecast.data.databases import tables_in
from gatecast.data.delimited import text_cells
from gatecast.data.json_tables import json_tables
from gatecast.data.raw import Cells, Table
from gatecast.data.workbooks import workbook_tables
from gatecast.errors import DataError, InputError
from gatecast.formatting import printable
from gatecast.language import say
from gatecast.memory import require_text
from gatecast.settings.reading import Reading

# How a file of a kind begins. A ZIP archive may be a workbook.
BEGINNINGS = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "workbook",
    b"PAR1": "parquet",
    b"ARROW1": "arrow",
    b"FEA1": "arrow",
    b"SQLite format 3\x00": "sqlite",
}
DUCKDB = b"DUCK"  # from the ninth byte on
ENDINGS = {
    **dict.fromkeys((".csv", ".tsv", ".txt", ".dat"), "text"),
    **dict.fromkeys((".json", ".jsonl", ".ndjson"), "json"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".feather", ".arrow"), "arrow"),
    **dict.fromkeys((".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"), "workbook"),
    ".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd", ".zip": "zip",
}  # fmt: skip
COMPRESSED = {"gzip", "bzip2", "xz", "zstd"}
# What cannot be told from its content, and what is damaged when it does not begin as it should.
BY_ENDING = {"json", "parquet", "arrow", "zip"}
HEAD = 16  # bytes that tell the kind
CHUNK = 1 << 20
DEEPEST = 3  # containers in each other
MOST_MEMBERS = 20_000
WEB_PAGE = (b"<!doctype html", b"<html")


def tables_of(path: Path) -> list[Table]:
    """The tables in a file.

    Raises
        InputError: it cannot be opened, is damaged or does not fit into memory.
    """
    file = str(path)
    try:
        with path.open("rb") as stream:
            kind = _kind(stream.read(HEAD), path.name)
        if kind in ("sqlite", "duckdb"):
            return tables_in(path, kind)
        if kind in ("text", "json", "workbook"):
            require_text(path.stat().st_size, file)
        content = path.read_bytes()
    except OSError as problem:
        raise DataError(say("cannot be read: {strerror}", strerror=problem.strerror), file=file) from None
    return _tables(content, path.name, file)


def symbol_of(name: str) -> str:
    """The name of a file without the endings that tell its kind: "BRK.B.csv.gz" → "BRK.B"."""
    stem, ending = name, PurePosixPath(name).suffix.lower()
    while stem and ENDINGS.get(ending) in (COMPRESSED | {"zip"}):
        stem = stem[: -len(ending)]
        ending = PurePosixPath(stem).suffix.lower()
    return (stem[: -len(ending)] if ending in ENDINGS else stem) or name


def _tables(content: bytes, name: str, file: str, depth: int = 0) -> list[Table]:
    """The tables in the content of a file or of a member of an archive."""
    if depth > DEEPEST:
        raise DataError(say("archives are packed in archives"), file=file, remedy=say("Unpack it first"))
    if not content or content.isspace():
        raise DataError(
            say("the file is empty"), file=file, remedy=say("Prices need a header, dates and closes")
        )
    kind = _kind(content[:HEAD], name)
    if kind in COMPRESSED:
        inner = _without_ending(name) if _ending(name) == kind else name
        return _tables(_unpacked(content, kind, file), inner, file, depth + 1)
    if kind == "zip":
        return _members(content, name, file, depth)
    if kind in ("sqlite", "duckdb"):
        raise DataError(say("a database in an archive is not read"), file=file, remedy=say("Unpack it first"))
    return READERS[kind](content, symbol_of(name), file)


def _kind(head: bytes, name: str) -> str:
    for beginning, kind in BEGINNINGS.items():
        if head.startswith(beginning):
            # A damaged Parquet file may begin well, and a workbook is an archive.
            return "workbook" if kind == "zip" and _ending(name) == "workbook" else kind
    if head[8:12] == DUCKDB:
        return "duckdb"
    kind = _ending(name)
    if kind in COMPRESSED:  # not any more: browsers unpack what they load
        return _kind(head, _without_ending(name))
    if kind in BY_ENDING or (kind == "workbook" and not _is_old_workbook(name)):
        return kind
    return "json" if kind == "" and head.lstrip()[:1] in (b"{", b"[") else "text"


def _ending(name: str) -> str:
    return ENDINGS.get(PurePosixPath(name).suffix.lower(), "")


def _without_ending(name: str) -> str:
    return name[: -len(PurePosixPath(name).suffix)]


def _is_old_workbook(name: str) -> bool:
    """Whether a file calls itself .xls, as many programs call the text that they write for spreadsheets."""
    return name.lower().endswith(".xls")


def _unpacked(content: bytes, kind: str, file: str) -> bytes:
    """The content of a compressed file.

    Raises
        InputError: it is damaged, cut off, or too large for the memory.
    """
    try:
        with _stream(content, kind) as stream:
            return _read_all(stream, file)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError) as problem:
        if isinstance(problem, InputError):
            raise
        raise DataError(
            say("this is not a whole {kind} file: {problem}", kind=kind, problem=printable(problem, 200)),
            file=file,
            remedy=say("It may have been cut off: get it again"),
        ) from None


def _stream(content: bytes, kind: str) -> IO[bytes] | Any:
    if kind == "zstd":
        import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]

        return pa.CompressedInputStream(pa.BufferReader(content), "zstd")
    openers: dict[str, Callable[[io.BytesIO], Any]] = {
        "gzip": lambda source: gzip.GzipFile(fileobj=source),
        "bzip2": bz2.BZ2File,
        "xz": lzma.LZMAFile,
    }
    return openers[kind](io.BytesIO(content))


def _read_all(stream: IO[bytes], file: str) -> bytes:
    """All there is, unless it grows beyond the memory: a small file can unpack to one without end."""
    parts, size = [], 0
    while part := stream.read(CHUNK):
        parts.append(part)
        size += len(part)
        require_text(size, file)
    return b"".join(parts)


def _members(content: bytes, name: str, file: str, depth: int) -> list[Table]:
    """The tables in a ZIP archive; one that is a workbook without saying so is read as one."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        inside = archive.namelist()
        if {"xl/workbook.xml", "xl/workbook.bin", "content.xml"} & set(inside):
            return READERS["workbook"](content, symbol_of(name), file)
        members = [
            member for member in archive.infolist() if not member.is_dir() and not _is_hidden(member.filename)
        ]
        if len(members) > 1:
            members = [member for member in members if _ending(member.filename)]
        if not members:
            raise DataError(say("there is no price file in the archive"), file=file)
        if len(members) > MOST_MEMBERS:
            raise DataError(
                say(
                    "there are {count:,} files in the archive; at most {most_members:,}",
                    count=len(members),
                    most_members=MOST_MEMBERS,
                ),
                file=file,
            )
        if any(member.flag_bits & 1 for member in members):
            remedy = "Unpack it, and give the file or the folder"
            raise DataError(say("the archive is protected by a password"), file=file, remedy=remedy)
        require_text(sum(member.file_size for member in members), file)
        unpacked = []
        for member in members:
            with archive.open(member) as stream:
                unpacked.append((member.filename, _read_all(stream, file)))
    except (
        zipfile.BadZipFile,
        OSError,
        EOFError,
        zlib.error,
        lzma.LZMAError,
        NotImplementedError,
        ValueError,
    ) as problem:
        if isinstance(problem, InputError):
            raise
        raise DataError(
            say("this is not a whole ZIP archive: {problem}", problem=printable(problem, 200)),
            file=file,
            remedy=say("It may have been cut off: get it again"),
        ) from None
    tables = []
    for inner, part in unpacked:
        place = file if len(unpacked) == 1 else f"{file}: {printable(inner)}"
        tables += _deferred(part, PurePosixPath(inner).name, place, depth + 1)
    return tables


def _deferred(content: bytes, name: str, file: str, depth: int) -> list[Table]:
    """The tables in a member; a member that is none is told when it is read, beside the others."""
    try:
        return _tables(content, name, file, depth)
    except DataError as problem:

        def refuse(_: Reading, problem: DataError = problem) -> Cells:
            raise problem

        return [Table(symbol_of(name), file, refuse)]


def _is_hidden(name: str) -> bool:
    """Whether a member is no file of its own, such as what macOS adds."""
    parts = PurePosixPath(name).parts
    return any(part.startswith((".", "__MACOSX")) for part in parts)


def _text(content: bytes, name: str, file: str) -> list[Table]:
    if content[:HEAD].lstrip().lower().startswith(WEB_PAGE):
        raise DataError(
            say("this is a web page, not a table"), file=file, remedy=say("Download the table itself")
        )
    return [Table(name, file, partial(text_cells, content, file))]


READERS: dict[str, Callable[[bytes, str, str], list[Table]]] = {
    "text": _text,
    "json": json_tables,
    "workbook": workbook_tables,
    "parquet": lambda content, name, file: [Table(name, file, partial(parquet_cells, content, file))],
    "arrow": lambda content, name, file: [Table(name, file, partial(arrow_cells, content, file))],
}
