"""The same table in every container is the same prices; a damaged container is one clear message."""

import bz2
import gzip
import io
import json
import lzma
import sqlite3
import zipfile

import pandas as pd
import pyarrow as pa
import pytest

import gatecast as gc
from gatecast import memory
from gatecast.data.containers import symbol_of
from gatecast.errors import DataError, DataWarning, InputError

DAYS = ["2021-03-01", "2021-03-02", "2021-03-03"]
TABLE = pd.DataFrame({"Date": DAYS, "Open": [1.5, 2.5, 3.5], "Close": [1.25, 2.0, 3.75], "Volume": [7, 8, 9]})
CSV = TABLE.to_csv(index=False).encode()


def zipped(members, **options):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content, **options)
    return stream.getvalue()


def zstd(content):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()


def feather():
    stream = io.BytesIO()
    TABLE.to_feather(stream)
    return stream.getvalue()


def arrow_stream():
    table = pa.Table.from_pandas(TABLE)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue().to_pybytes()


def sqlite(*tables):
    connection = sqlite3.connect(":memory:")
    for name in tables:
        TABLE.to_sql(name, connection, index=False)
    return connection.serialize()


HELD = {
    "a.csv": CSV,
    "a.tsv": TABLE.to_csv(index=False, sep="\t").encode(),
    "a.dat": CSV,
    "a": CSV,
    "a.prices": CSV,
    "a.csv.gz": gzip.compress(CSV),
    "a.gz": gzip.compress(CSV[:40]) + gzip.compress(CSV[40:]),
    "a.csv.bz2": bz2.compress(CSV),
    "a.csv.xz": lzma.compress(CSV),
    "a.csv.zst": zstd(CSV),
    "unpacked.csv.gz": CSV,
    "a.zip": zipped({"b.csv": CSV, "__MACOSX/._b.csv": b"x", "readme.md": b"x"}),
    "gz.zip": zipped({"a.csv.gz": gzip.compress(CSV)}),
    "zipped.csv": zipped({"a.csv": CSV}),
    "a.parquet": TABLE.to_parquet(),
    "parquet without ending": TABLE.to_parquet(),
    "parquet.gz": gzip.compress(TABLE.to_parquet()),
    "a.feather": feather(),
    "arrow without ending": feather(),
    "a.arrow": arrow_stream(),
    "a.json": TABLE.to_json(orient="records").encode(),
    "a.jsonl": TABLE.to_json(orient="records", lines=True).encode(),
    "json without ending": TABLE.to_json(orient="records").encode(),
    "a.db": sqlite("prices"),
}


@pytest.mark.parametrize("name", HELD)
def test_a_table_is_the_same_in_every_container(name, tmp_path):
    (tmp_path / name).write_bytes(HELD[name])
    prices = gc.load(tmp_path / name)
    assert list(prices.table.columns[2:]) == ["open", "close", "volume"]
    assert list(prices.table["close"]) == [1.25, 2.0, 3.75]
    assert prices.source == (str(tmp_path / name),)
    assert prices.sha256 == gc.load(TABLE).sha256


DAMAGED = {
    "a.csv.gz": (gzip.compress(CSV)[:-12], "not a whole gzip file"),
    "a.csv.bz2": (bz2.compress(CSV)[:-12], "not a whole bzip2 file"),
    "a.csv.xz": (lzma.compress(CSV)[:-12], "not a whole xz file"),
    "a.csv.zst": (zstd(CSV)[:-12], "not a whole zstd file"),
    "a.zip": (zipped({"a.csv": CSV})[:-12], "not a whole ZIP archive"),
    "no.zip": (CSV, "not a whole ZIP archive"),
    "empty.zip": (zipped({}), "no price file in the archive"),
    "words.zip": (zipped({"a.md": b"x", "b.md": b"y"}), "no price file in the archive"),
    "deep.zip": (
        zipped({"a.zip": zipped({"a.zip": zipped({"a.zip": zipped({"a.zip": CSV})})})}),
        "Unpack it",
    ),
    "db.zip": (zipped({"a.db": sqlite("prices")}), "a database in an archive is not read"),
    "empty.gz": (gzip.compress(b""), "the file is empty"),
    "a.feather": (feather()[:-40], "not an Arrow file"),
    "no.arrow": (CSV, "not an Arrow file"),
    "a.html": (b"<!DOCTYPE html><html><body>1</body></html>", "a web page, not a table"),
    "page.csv": (b"\n<html><table></table></html>", "a web page, not a table"),
    "a.db": (sqlite("prices")[:4000], "the database cannot be read|no table"),
    "two.db": (sqlite("first", "second"), r"several tables.*sqlite:///.*two.db\?table=first.*first, second"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_container_is_one_message(name, tmp_path):
    content, words = DAMAGED[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=words) as caught:
        gc.load(tmp_path / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_zip_with_a_password_is_refused(tmp_path):
    content = bytearray(zipped({"a.csv": CSV}))
    for header, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.find(header) + place] |= 1  # the flag of an encrypted member
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DataError, match=r"protected by a password\. Unpack it"):
        gc.load(tmp_path / "a.zip")


def test_members_of_an_archive_are_symbols_and_a_bad_one_is_named(tmp_path):
    members = {"x/AAA.csv": CSV, "x/BBB.csv": CSV, "x/notes.txt": b"no prices\n1\n"}
    (tmp_path / "all.zip").write_bytes(zipped(members))
    with pytest.warns(DataWarning, match=r"notes\.txt"):
        prices = gc.load(tmp_path / "all.zip")
    assert prices.symbols == ("AAA", "BBB")
    assert prices.source == (str(tmp_path / "all.zip"),)
    with pytest.raises(DataError, match=r"all\.zip: x/notes\.txt: there is no column of dates"):
        gc.load(tmp_path / "all.zip", strict=True)


@pytest.mark.parametrize(
    "pack", [gzip.compress, bz2.compress, lzma.compress, zstd, lambda content: zipped({"a.csv": content})]
)
def test_what_unpacks_to_more_than_the_memory_is_refused(pack, tmp_path, monkeypatch):
    (tmp_path / "bomb").write_bytes(pack(b"Date,Close\n" + bytes(8_000_000)))
    monkeypatch.setattr(memory, "available", lambda: 20_000_000)
    with pytest.raises(InputError, match=r"bomb: reading 0.0 GiB would need about"):
        gc.load(tmp_path / "bomb")


@pytest.mark.parametrize(
    ("file", "symbol"),
    [
        ("AAA.csv", "AAA"),
        ("BRK.B.csv.gz", "BRK.B"),
        ("BRK.B", "BRK.B"),
        ("005930.KS", "005930.KS"),
        ("a.xlsx", "a"),
        (".csv", ".csv"),
    ],
)
def test_the_symbol_is_the_name_without_endings_of_files(file, symbol):
    assert symbol_of(file) == symbol


def test_the_hash_is_that_of_the_numbers_whatever_the_file_is_called(tmp_path):
    for name in ("one.csv", "two.csv"):
        (tmp_path / name).write_bytes(CSV)
    one, two = gc.load(tmp_path / "one.csv"), gc.load(tmp_path / "two.csv")
    assert one.symbols != two.symbols
    assert one.sha256 == two.sha256
    both = gc.load([tmp_path / "one.csv", tmp_path / "two.csv"])
    assert both.sha256 != one.sha256
    assert both.select("one").sha256 == one.sha256
    one.to_parquet(tmp_path / "stored.parquet")
    assert gc.load(tmp_path / "stored.parquet").sha256 == one.sha256


def test_json_that_has_no_lines_is_told_by_place(tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps({"date": DAYS[0], "close": 1}) + "\n{broken\n")
    with pytest.raises(DataError, match=r"a\.jsonl: the line is no JSON.*row 2"):
        gc.load(tmp_path / "a.jsonl")
