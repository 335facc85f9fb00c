"""Folders and patterns: a file for each symbol."""

import gzip

import pytest

import gatecast as gc
from gatecast.errors import DataError, DataWarning

CSV = "Date,Close\n2021-03-01,1\n2021-03-02,2\n"


@pytest.fixture
def folder(tmp_path):
    for name in ("AAA.csv", "BBB.dat", "sub/CCC.csv", ".hidden.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(CSV)
    (tmp_path / "DDD.csv.gz").write_bytes(gzip.compress(CSV.encode()))
    (tmp_path / "notes.md").write_text("no prices")
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "symbols"),
    [
        ("", ("AAA", "BBB", "DDD")),
        ("*.csv", ("AAA",)),
        ("*.csv*", ("AAA", "DDD")),
        ("[AB]*", ("AAA", "BBB")),
        ("**/*.csv", ("AAA", "CCC")),
        ("*/*.csv", ("CCC",)),
    ],
)
def test_files_of_a_folder_and_of_a_pattern(folder, pattern, symbols):
    prices = gc.load(str(folder / pattern))
    assert prices.symbols == symbols
    assert len(prices.source) == len(symbols)


def test_a_file_that_cannot_be_read_is_named(folder):
    with pytest.warns(DataWarning, match=r"1 file could not be read and left out \(notes.md"):
        assert gc.load(f"{folder}/*").symbols == ("AAA", "BBB", "DDD")
    with pytest.raises(DataError, match=r"notes\.md"):
        gc.load(f"{folder}/*", strict=True)


def test_a_name_that_looks_like_a_pattern(folder):
    (folder / "x[1].csv").write_text(CSV)
    assert gc.load(folder / "x[1].csv").symbols == ("x[1]",)


def test_what_has_no_price_files_is_refused(folder):
    with pytest.raises(DataError, match=r"nothing\*.csv: no file matches"):
        gc.load(f"{folder}/nothing*.csv")
    (folder / "sub" / "experiment.toml").write_text("")
    for source in (folder / "sub", f"{folder}/sub/*.csv", f"{folder}/**/*.csv"):
        with pytest.raises(DataError, match=r"gatecast wrote it.*prices.parquet"):
            gc.load(source)
