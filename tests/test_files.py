"""A file is written whole or not at all."""

import os
from pathlib import Path

import pytest

from gatecast.errors import RunError
from gatecast.files import check_file, new_file

ENDINGS = (".csv", ".parquet")


def test_the_file_is_there_when_the_block_has_ended(tmp_path: Path) -> None:
    place = tmp_path / "below" / "a.csv"
    with new_file(place, ENDINGS) as partial:
        assert partial.suffix == ".csv"
        partial.write_text("whole")
        assert not place.exists()
    assert place.read_text() == "whole"
    assert [path.name for path in place.parent.iterdir()] == ["a.csv"]
    assert place.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("before", [None, "old"])
@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_a_block_that_fails_leaves_what_was_there(
    tmp_path: Path, before: str | None, error: type[BaseException]
) -> None:
    place = tmp_path / "a.csv"
    if before is not None:
        place.write_text(before)
    with pytest.raises(error), new_file(place, ENDINGS) as partial:
        partial.write_text("half")
        raise error
    assert [path.read_text() for path in tmp_path.iterdir()] == ([] if before is None else [before])


@pytest.mark.parametrize("name", ["a.xlsx", "a", "csv", "a.CSV", ".csv"])
@pytest.mark.parametrize("write", [check_file, lambda *what: new_file(*what).__enter__()])
def test_another_ending_is_refused(tmp_path: Path, name: str, write) -> None:
    with pytest.raises(RunError, match=rf"{name}: choose a name that ends in \.csv or \.parquet"):
        write(tmp_path / name, ENDINGS)
    assert not list(tmp_path.iterdir())


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(RunError, match=r"a\.csv is a folder; choose the name of a file"):
        check_file(tmp_path / "a.csv", ENDINGS)


def test_no_file_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("x")
    with pytest.raises(RunError, match=r"a\.csv: cannot be written \(.*\)\. Choose another place"):
        check_file(tmp_path / "there" / "a.csv", ENDINGS)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o555)
    with pytest.raises(RunError, match="Permission denied"):
        check_file(tmp_path / "closed" / "a.csv", ENDINGS)


def test_a_check_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("old")
    check_file(tmp_path / "a.csv", ENDINGS)
    check_file(tmp_path / "b.parquet", ENDINGS)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.csv", "old")]
