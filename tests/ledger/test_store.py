"""The ledger: what is written stands, and what goes wrong is one clear message."""

import contextlib
import datetime as dt
import os
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gatecast.errors import LedgerError
from gatecast.ledger import Ledger, place, store
from gatecast.ledger.place import engine_of, url_of

from .conftest import make_entry  # isort: skip

LATER = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)


def test_entries_come_back_as_they_were(where: str) -> None:
    """To the last bit and microsecond, in the order in which they were stored."""
    entries = [
        make_entry(step=2),
        make_entry(
            symbol="005930.KS", source=("/tmp/ä b.csv", "yahoo:005930.KS"), adjust=True, calendar="daily"
        ),
        make_entry(symbol="'; DROP TABLE x; --", anchor=0.1 + 0.2, forecast=-1 / 3),
        make_entry(symbol="B", location=None, scale=None, df=None, naive_quantiles=None),
        make_entry(symbol="C", location=None, scale=None, df=None, naive_quantiles=None, quantiles=None),
    ]
    for entry in entries:
        assert Ledger(where).append([entry]) == ((entry,), ())
    assert Ledger(where).entries() == entries
    assert {entry.made.utcoffset() for entry in Ledger(where).entries()} == {dt.timedelta(0)}


def test_the_same_answer_is_stored_once(where: str) -> None:
    """Made later, elsewhere, by a newer version: the first stands as it was made."""
    ledger, first = Ledger(where), [make_entry(step=step) for step in (1, 2)]
    assert ledger.append(first).stored == tuple(first)
    again = [make_entry(step=step, made=LATER, version="9.9", source=("x.csv",)) for step in (1, 2, 3)]
    assert Ledger(where).append(again) == ((again[2],), tuple(first))
    assert ledger.entries() == [*first, again[2]]


def test_what_is_appended_as_a_backcast_is_said(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "a.db")
    before = dt.datetime(2018, 12, 31, 22, tzinfo=dt.UTC)
    assert ledger.append([make_entry(made=before, step=step) for step in (1, 2)]).note is None
    morning = make_entry(made=before + dt.timedelta(hours=11), step=3)
    other = make_entry(made=before, step=4, date=dt.date(2019, 1, 7))
    early = make_entry(made=before + dt.timedelta(days=1, hours=11), step=5)
    note = ledger.append([morning, other, early]).note
    assert note == (
        "backcast: 1 of 3 forecasts will count in no track record; made on 2019-01-02 09:00 UTC, when the "
        "bar of SP500 for 2019-01-02 may have closed: the exchange is not known, and so a bar counts as "
        "closed an hour before its date begins in UTC. Give the calendar (such as --calendar XNYS) when "
        "forecasting"
    )
    known = [replace(early, made=LATER)]
    assert ledger.append(known).note == note.replace("of 3", "of 1")  # as it stands, not as it was made again


def test_another_answer_is_refused_and_nothing_of_it_written(where: str) -> None:
    ledger = Ledger(where)
    ledger.append([make_entry(step=step) for step in (1, 2)])
    other = {"forecast": 0.0010, "data": "cd34" * 16, "made": LATER}
    with pytest.raises(LedgerError) as refused:
        ledger.append([make_entry(step=step, **other) for step in (1, 2)] + [make_entry(symbol="NEW")])
    assert str(refused.value) == (
        "the forecast of SP500 made on 2018-12-31 for step 1 stands since 2026-11-21 11:15 UTC: "
        "the median was +0.12 %, now +0.10 %; the data differ (sha256 ab12ab12… then, cd34cd34… now). "
        f"The same for 1 more. Nothing was added to {ledger.place}: the first answer counts. "
        "To see another one without recording it: --no-ledger"
    )
    assert ledger.entries() == [make_entry(step=step) for step in (1, 2)]


@pytest.mark.parametrize(
    "other",
    [{"symbol": "B"}, {"origin": dt.date(2018, 12, 28)}, {"step": 2}, {"experiment": "f" * 16}],
    ids=lambda other: next(iter(other)),
)
def test_each_part_of_the_key_counts(other: dict[str, object], where: str) -> None:
    ledger = Ledger(where)
    entries = make_entry(), make_entry(forecast=0.1, **other)
    assert len(ledger.append(entries).stored) == 2
    assert len(ledger.append(entries).known) == 2


def test_one_call_holds_one_answer(where: str) -> None:
    ledger = Ledger(where)
    assert ledger.append([]) == ((), ())
    assert ledger.entries() == []
    assert len(ledger.append([make_entry(), make_entry(made=LATER)]).stored) == 1
    with pytest.raises(ValueError, match="two forecasts of B at 2018-12-31 for step 1"):
        ledger.append([make_entry(symbol="B"), make_entry(symbol="B", forecast=0.1)])
    assert len(ledger.entries()) == 1


CHANGES = {
    "sqlite": ["INSERT OR REPLACE INTO gatecast_forecasts SELECT * FROM gatecast_forecasts"],
    "postgresql": ["TRUNCATE gatecast_forecasts"],
}


def test_the_database_itself_refuses_to_change_what_is_written(where: str) -> None:
    ledger = Ledger(where)
    ledger.append([make_entry()])
    engine = engine_of(url_of(where))
    for change in (
        "UPDATE gatecast_forecasts SET forecast = 0",
        "UPDATE gatecast_forecasts SET id = id + 1 WHERE step = 1",
        "DELETE FROM gatecast_forecasts",
        *CHANGES[engine.dialect.name],
    ):
        stands = pytest.raises(DBAPIError, match="a forecast once written is never changed or deleted")
        with stands, engine.begin() as connection:
            connection.execute(text(change))
    assert ledger.entries() == [make_entry()]


def test_a_newer_ledger_is_refused(where: str) -> None:
    Ledger(where).append([make_entry()])
    with engine_of(url_of(where)).begin() as connection:
        connection.execute(text("INSERT INTO gatecast_ledger VALUES (4, '2030-01-01')"))
    for use in (Ledger(where).entries, Ledger(where).prepare, lambda: Ledger(where).append([make_entry()])):
        with pytest.raises(LedgerError, match=r"version 4, and this gatecast knows 3\. Install a newer"):
            use()


def test_a_file_is_written_through_to_the_disk(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "er" / "ledger.db"
    ledger = Ledger(file)
    assert ledger.entries() == []
    assert list(tmp_path.iterdir()) == []
    ledger.append([make_entry()])
    with engine_of(url_of(file)).connect() as connection:
        pragmas = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")
        ]
    assert pragmas == ["wal", 2]
    assert [path.name for path in file.parent.iterdir()] == ["ledger.db"]  # all is closed


def test_where_the_ledger_is(own_ledger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Ledger().place == str(own_ledger)
    monkeypatch.chdir(tmp_path)
    for words in ("a.db", "./a.db", "sqlite:///a.db", f"sqlite:///{tmp_path / 'a.db'}", Path("a.db")):
        assert Ledger(words).place == str(tmp_path / "a.db")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Ledger("~/b.db").place == str(tmp_path / "b.db")
    for empty in (False, True):
        monkeypatch.setenv("GATECAST_LEDGER", "") if empty else monkeypatch.delenv("GATECAST_LEDGER")
        monkeypatch.setattr("platformdirs.user_data_dir", lambda name: str(tmp_path / name))
        assert Ledger().place == str(tmp_path / "gatecast" / "ledger.db")
    for scheme in ("postgres", "postgresql", "postgresql+psycopg"):
        place = Ledger(f"{scheme}://me:secret@example.org/prices").place
        assert place == "postgresql+psycopg://me:***@example.org/prices"


@pytest.mark.parametrize(
    "where", ["mysql://a/b", "sqlite://", "sqlite:///:memory:", "postgresql+asyncpg://a/b"]
)
def test_other_databases_are_refused(where: str) -> None:
    with pytest.raises(LedgerError, match=r"cannot be kept in .* Give a file, or postgresql://"):
        Ledger(where)


def test_an_address_that_is_none() -> None:
    with pytest.raises(LedgerError, match="no address of a database"):
        Ledger("://x")


def both_refuse(where: str | Path, message: str, *, reading: bool = True) -> None:
    """Writing, and reading too where that needs what is missing."""
    for use in (Ledger(where).prepare, lambda: Ledger(where).append([make_entry()])):
        with pytest.raises(LedgerError, match=message):
            use()
    if reading:
        with pytest.raises(LedgerError, match=message):
            Ledger(where).entries()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("date,close\n2020-01-01,1\n" * 100)
    both_refuse(
        tmp_path / "a.csv", r"a\.csv: this is no ledger \(file is not a database\)\. Choose another file"
    )
    assert (tmp_path / "a.csv").read_text().startswith("date,close")
    both_refuse(tmp_path, "the ledger cannot be used .unable to open database file.")


def test_a_file_whose_schema_is_damaged(tmp_path: Path) -> None:
    """SQLite cites what it cannot read, which need not be text."""
    Ledger(tmp_path / "a.db").append([make_entry()])
    whole = (tmp_path / "a.db").read_bytes()
    (tmp_path / "a.db").write_bytes(
        whole.replace(b"EATE TABLE gatecast_chain", b"\xd6ATE TABLE gatecast_chain")
    )
    both_refuse(tmp_path / "a.db", r"a\.db: the ledger is damaged \(malformed database schema")


def test_a_database_of_another_program(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "history.db")) as connection:
        connection.execute("CREATE TABLE visits (x)")
    before = (tmp_path / "history.db").read_bytes()
    both_refuse(tmp_path / "history.db", 'another program\'s database .it has a table "visits".')
    assert (tmp_path / "history.db").read_bytes() == before


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    both_refuse(tmp_path / "file" / "ledger.db", r"the ledger cannot be made \(.+\)\. Choose", reading=False)


@pytest.fixture
def somebody() -> Iterator[None]:
    """Not root, who may write everywhere."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield
    if root:
        os.seteuid(0)


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_a_folder_and_a_file_that_may_not_be_written(request: pytest.FixtureRequest) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Ledger(Path(folder) / "ledger.db").append([make_entry()])
        (Path(folder) / "ledger.db").chmod(0o444)
        Path(folder).chmod(0o555)
        request.getfixturevalue("somebody")
        both_refuse(
            Path(folder) / "new.db", r"cannot be used \(unable to open database file\)", reading=False
        )
        both_refuse(Path(folder) / "ledger.db", r"cannot be used \(.+\)\. Choose", reading=False)
        if os.getuid() != os.geteuid():
            os.seteuid(os.getuid())
        Path(folder).chmod(0o755)


def test_a_ledger_that_another_program_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (place, store):
        monkeypatch.setattr(module, "PATIENCE", 0.2)
    Ledger(tmp_path / "a.db").append([make_entry()])
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match=r"another program has been writing .* for 0\.2 seconds"):
            Ledger(tmp_path / "a.db").append([make_entry(step=2)])
        assert len(Ledger(tmp_path / "a.db").entries()) == 1  # readers need not wait
    assert len(Ledger(tmp_path / "a.db").append([make_entry(step=2)]).stored) == 1


def test_a_server_that_does_not_answer() -> None:
    pytest.importorskip("psycopg")
    message = r"://me:\*\*\*@127\.0\.0\.1:1/x: the ledger cannot be used .*refused.* See that the server"
    both_refuse("postgresql://me:secret@127.0.0.1:1/x", message)


def test_postgresql_without_its_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(LedgerError, match=r'pip install "gatecast\[postgres\]"'):
        Ledger("postgresql://example.org/prices")
