"""The chain: what something other than gatecast did to a ledger is found, named, and ends with 2."""

import contextlib
import re
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from gatecast.errors import LedgerError, LedgerWarning
from gatecast.ledger import Entry, Ledger
from gatecast.ledger.chain import NO_LINK, broken, link_to, links_after
from gatecast.ledger.place import engine_of, url_of
from gatecast.ledger.rows import read, row_of
from gatecast.ledger.schema import chain, forecasts

from . import version1  # isort: skip
from .conftest import make_entry  # isort: skip

ROWS = 5
OFF = {
    "sqlite": [
        f"DROP TRIGGER IF EXISTS {prefix}_no_{event}"
        for prefix in ("gatecast", "gatecast_chain")
        for event in ("update", "delete", "replace")
    ],
    "postgresql": [
        f"ALTER TABLE IF EXISTS {table.name} DISABLE TRIGGER USER" for table in (forecasts, chain)
    ],
}


def entries(count: int = ROWS) -> list[Entry]:
    return [make_entry(step=step, forecast=0.001 * step) for step in range(1, count + 1)]


def tamper(where: str, *statements: str) -> None:
    """As somebody would: the triggers are put out of action first."""
    engine = engine_of(url_of(where))
    with engine.begin() as connection:
        for statement in (*OFF[engine.dialect.name], *statements):
            connection.exec_driver_sql(statement)


def refusal(where: str) -> str:
    """What reading says, now and once more, after the triggers are back."""
    with pytest.warns(LedgerWarning, match="was missing"), pytest.raises(LedgerError) as first:
        Ledger(where).read()
    with pytest.raises(LedgerError) as second:
        Ledger(where).read()
    assert str(first.value) == str(second.value)
    return str(first.value)


DELETE = "DELETE FROM gatecast_{} WHERE {}"
SWAP = [
    f"UPDATE gatecast_forecasts SET id = {new} WHERE id = {old}" for old, new in ((2, 99), (4, 2), (99, 4))
]
SWAP_LINKS = [
    f"UPDATE gatecast_chain SET forecast = {new} WHERE forecast = {old}"
    for old, new in ((2, 99), (4, 2), (99, 4))
]
COPY = ", ".join(f'"{column.name}"' for column in forecasts.columns if column.name not in ("id", "symbol"))


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        (["UPDATE gatecast_forecasts SET forecast = 0.5 WHERE id = 3"], {3: "was changed"}),
        (
            ["UPDATE gatecast_forecasts SET forecast = 0.5 WHERE id IN (1, 5)"],
            {1: "was changed", 5: "was ch"},
        ),
        ([DELETE.format("forecasts", "id = 3")], {3: "was deleted"}),
        ([DELETE.format("forecasts", "id = 5")], {5: "was deleted"}),
        ([DELETE.format("forecasts", "id > 0")], dict.fromkeys(range(1, ROWS + 1), "was deleted")),
        (
            [DELETE.format("forecasts", "id = 3"), DELETE.format("chain", "forecast = 3")],
            {4: "does not follow row 2 (row 3 was deleted, or rows were reordered)"},
        ),
        (
            [DELETE.format("forecasts", "id < 3"), DELETE.format("chain", "forecast < 3")],
            {3: "is not the first that was written (rows 1 to 2 were deleted, or rows were reordered)"},
        ),
        (SWAP, {2: "was changed", 4: "was changed"}),
        (
            [*SWAP, *SWAP_LINKS],
            {2: "was changed", 3: "does not follow row 2", 4: "was changed", 5: "does not"},
        ),
        ([DELETE.format("chain", "forecast = 5")], {5: "was not written by gatecast"}),
        (
            ["UPDATE gatecast_chain SET hash = 'x' WHERE forecast = 3"],
            {3: "was changed", 4: "does not follow"},
        ),
        (
            [
                f"INSERT INTO gatecast_forecasts (id, symbol, {COPY}) "
                f"SELECT 77, 'BEST', {COPY} FROM gatecast_forecasts WHERE id = 1"
            ],
            {77: "was not written by gatecast"},
        ),
    ],
    ids=lambda value: None if isinstance(value, dict) else value[0][:60],
)
def test_what_was_done_to_a_row_is_named(where: str, statements: list[str], expected: dict[int, str]) -> None:
    Ledger(where).append(entries())
    tamper(where, *statements)
    said = refusal(where)
    for row, what in expected.items():
        assert re.search(rf"row {row}( \((SP500|BEST) at 2018-12-31\))? {re.escape(what)}", said)
    named = {int(row) for row in re.findall(r"[:;] row (\d+)", said)}
    assert named == set(expected)
    assert said.endswith("Restore it from a copy, or begin another (--ledger)")


@pytest.mark.parametrize("row", [1, ROWS], ids=["the same question", "the last row"])
def test_nothing_is_appended_to_a_row_that_was_changed(where: str, row: int) -> None:
    Ledger(where).append(entries())
    tamper(where, f"UPDATE gatecast_forecasts SET forecast = 0.5 WHERE id = {row}")
    question = make_entry(step=1 if row == 1 else 99)
    with (
        pytest.warns(LedgerWarning, match="restored"),
        pytest.raises(LedgerError, match=rf"row {row} .*chang"),
    ):
        Ledger(where).append([question])


@pytest.mark.parametrize("column", [column.name for column in forecasts.columns if column.name != "id"])
def test_every_column_is_in_the_chain(column: str) -> None:
    rows = [dict.fromkeys(column.name for column in forecasts.columns) | {"id": 1, "made": "x"}]
    links = links_after(NO_LINK, rows)
    assert broken(rows, links) == {}
    assert broken([rows[0] | {column: 0.5}], links) == {1: "was changed after it was written"}


@pytest.mark.parametrize("made", ["1999-01-01 00:00:00.000000", "9999-12-31 23:59:59.000000"])
def test_a_date_of_making_that_was_edited_is_noticed(where: str, made: str) -> None:
    """It decides whether a forecast counts or is a backcast."""
    Ledger(where).append(entries())
    tamper(where, f"UPDATE gatecast_forecasts SET made = '{made}' WHERE id = 2")
    with pytest.warns(LedgerWarning, match="restored"), pytest.raises(LedgerError, match="row 2 "):
        Ledger(where).entries()


def test_the_head_stands_for_all_rows(where: str) -> None:
    ledger = Ledger(where)
    assert ledger.read() == ((), None, 0, None)
    heads = []
    for entry in entries(3):
        ledger.append([entry])
        heads.append(ledger.read().head)
    assert len(set(heads)) == 3
    with engine_of(url_of(where)).connect() as connection:
        links = connection.execute(text("SELECT previous, hash FROM gatecast_chain ORDER BY forecast")).all()
    assert [link.hash for link in links] == heads
    assert [link.previous for link in links] == ["", *heads[:-1]]


@pytest.mark.parametrize(
    "change",
    [
        {"forecast": -0.0},
        {"quantiles": {0.1: -0.0, 0.9: 0.0}},
        {"symbol": "ä\u20ac \U0001f4c8"},
        {"anchor": 1e-300},
        {"df": 1e308},
    ],
)
def test_odd_values_come_back_and_fit(where: str, change: dict[str, Any]) -> None:
    entry = make_entry(**change)
    Ledger(where).append([entry])
    assert Ledger(where).entries() == [entry]


def test_a_missing_trigger_is_restored_and_said(where: str) -> None:
    Ledger(where).append(entries())
    for use in (Ledger(where).entries, Ledger(where).prepare, lambda: Ledger(where).append(entries())):
        tamper(where)
        with pytest.warns(LedgerWarning, match=r"gatecast_chain_no_.*\), and was restored$"):
            use()
        engine = engine_of(url_of(where))
        for table in (forecasts.name, chain.name):
            with pytest.raises(DBAPIError, match="never changed or deleted"), engine.begin() as connection:
                connection.exec_driver_sql(f"DELETE FROM {table}")
    assert Ledger(where).entries() == entries()


WEAKER = {
    "sqlite": [
        "CREATE TRIGGER gatecast_no_delete BEFORE DELETE ON gatecast_forecasts WHEN 0 BEGIN SELECT 1; END"
    ],
    "postgresql": [
        "CREATE OR REPLACE FUNCTION gatecast_stands() RETURNS trigger LANGUAGE plpgsql "
        "AS $$ BEGIN RETURN NULL; END $$"
    ],
}


def test_a_trigger_that_was_made_harmless_is_restored(where: str) -> None:
    Ledger(where).append(entries())
    tamper(where, *WEAKER[engine_of(url_of(where)).dialect.name])
    with pytest.warns(LedgerWarning, match="gatecast_no_"):
        Ledger(where).entries()
    engine = engine_of(url_of(where))
    with pytest.raises(DBAPIError, match="never changed"), engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM gatecast_forecasts")


@pytest.mark.parametrize("version", [0, -5, 4, 2**31 - 1])
def test_an_unknown_version_is_refused(where: str, version: int) -> None:
    Ledger(where).append(entries())
    for statement in (
        f"INSERT INTO gatecast_ledger VALUES ({version}, '2030-01-01 00:00:00.000000')",
        f"DELETE FROM gatecast_ledger WHERE version <> {version}",
    ):
        with engine_of(url_of(where)).begin() as connection:
            connection.exec_driver_sql(statement)
        expected = "Install a newer" if version > 3 else "which no gatecast writes"
        for use in (Ledger(where).entries, Ledger(where).prepare, lambda: Ledger(where).append(entries())):
            with pytest.raises(LedgerError, match=rf"has version {version}.* {expected}"):
                use()


NO_VERSION = [
    ("DELETE FROM gatecast_ledger", "does not say its version"),
    ("DROP TABLE gatecast_ledger", "does not say its version"),
    ("DROP TABLE gatecast_chain", "gatecast_chain"),
    ("UPDATE gatecast_ledger SET version = 1", "cannot be used .*already exists|cannot be used .*duplicate"),
    ("ALTER TABLE gatecast_forecasts RENAME COLUMN scale TO spread", "scale"),
]
AS_TEXT = (
    "DROP TABLE gatecast_ledger",
    "CREATE TABLE gatecast_ledger (version TEXT, made TEXT)",
    "INSERT INTO gatecast_ledger VALUES ('abc\x1b', '')",
)


@pytest.mark.parametrize(("statement", "expected"), NO_VERSION)
def test_a_table_that_is_gone_or_another(where: str, statement: str, expected: str) -> None:
    Ledger(where).append(entries())
    with engine_of(url_of(where)).begin() as connection:
        connection.exec_driver_sql(statement)
    with pytest.raises(LedgerError, match=expected):
        Ledger(where).entries()
    with pytest.raises(LedgerError, match=expected):
        Ledger(where).append([make_entry(step=9)])


def test_a_version_that_is_no_number(where: str) -> None:
    Ledger(where).append(entries())
    with engine_of(url_of(where)).begin() as connection:
        for statement in AS_TEXT:
            connection.exec_driver_sql(statement)
    with pytest.raises(LedgerError, match=r"has version abc\\x1b, which no gatecast writes"):
        Ledger(where).entries()


BIG, DEEP = "1" + "0" * 400, "[" * 100_000 + "]" * 100_000
DATES = ("2018-13-01", "0", "0001-01-01", "9999-12-31", "")
NUMBERS = ("abc", "", "1e999", "-1e300", "nan", BIG)
LISTS = ("[", "[1]", "null", "{}", "[]", "5", DEEP, f"[{BIG}]", '["\\u0000"]')
TABLES = ("[]", "5", "x", '{"a": 0.0, "b": 0.1}', '{"0.1": "x"}', "9" * 5000, DEEP)
LEVELS = tuple(f'{{"0.1": 0.0, "0.9": {value}}}' for value in (BIG, "1e400", "NaN", "-1.0", "1e300", "[]"))
NO_JSON = ("[", "x", DEEP, LEVELS[2])  # a server refuses them itself
ABSURD = {
    "sqlite": {
        **dict.fromkeys(("origin", "date", "first"), DATES),
        **dict.fromkeys(("made", "closes"), ("yesterday", "17", "9999-12-31 23:59:59.000000", "")),
        **dict.fromkeys(("anchor", "forecast", "scale", "anchor_return"), NUMBERS),
        "step": ("0", "-3", "2.5", "x"),
        "source": LISTS,
        "quantiles": TABLES + LEVELS,
        "symbol": ("", "A\0B", "\ud800"),
        "calendar": (b"\xff",),
        "adjust": ("maybe", "2"),
    },
    "postgresql": {
        **dict.fromkeys(("origin", "date", "made"), ("infinity", "0044-03-15 BC", "20000-01-01")),
        **dict.fromkeys(("anchor", "forecast", "scale"), ("NaN", "-Infinity", "-1e300")),
        "step": ("-3",),
        "source": tuple(text for text in LISTS if text not in NO_JSON),
        "quantiles": tuple(text for text in TABLES + LEVELS if text not in NO_JSON),
        "symbol": ("",),
    },
}


def put(connection: Connection, column: str, value: Any) -> None:
    """Whatever it is, into row 2."""
    value = value.encode(errors="surrogatepass") if isinstance(value, str) else value
    if connection.dialect.name == "postgresql":
        new = f"'{value.decode()}'"
    else:  # text of any bytes; a number where the column makes one of it
        new = value if isinstance(value, float) else f"x'{value.hex()}'"
        new = f"CAST({new} AS TEXT)" if new != "x'ff'" else new
    connection.exec_driver_sql(f'UPDATE gatecast_forecasts SET "{column}" = {new} WHERE id = 2')


def test_values_of_another_kind_are_refused_by_row(where: str) -> None:
    """Whether or not there is a chain: a ledger of version 1 has none."""
    ledger = Ledger(where)
    ledger.append(entries())
    engine = engine_of(url_of(where))
    with engine.connect() as connection:
        for statement in OFF[engine.dialect.name]:
            connection.exec_driver_sql(statement)
        for column, values in ABSURD[engine.dialect.name].items():
            for value in values:
                edit = connection.begin_nested()
                put(connection, column, value)
                rows, unreadable = read(connection)
                with pytest.raises(LedgerError) as said:
                    ledger._sound(rows, unreadable)
                edit.rollback()
                message = str(said.value)
                assert ": row 2 " in message, (column, value)
                assert len(message) < 700
                assert message.isprintable()
        rows, unreadable = read(connection)
        assert ledger._sound(rows, unreadable) == entries()


def test_the_commands_end_with_2(own_ledger: Path, command: Callable[..., Any]) -> None:
    Ledger(own_ledger).append(entries())
    tamper(str(own_ledger), "UPDATE gatecast_forecasts SET quantiles = x'ff', origin = 'x' WHERE id = 4")
    code, out, err = command("score")
    assert (code, out) == (2, "")
    warning, message = err.splitlines()
    assert warning.startswith(f"warning: {own_ledger}: what keeps the record from being changed was missing")
    expected = (
        f"gatecast: {own_ledger}: something other than gatecast changed this ledger: row 4 holds a value"
    )
    assert message.startswith(expected)
    assert command("score", "--json")[:2] == (2, "")


def test_what_a_server_cannot_keep_is_one_message(where: str) -> None:
    """A step beyond its integers; a NUL is no Entry at all."""
    with pytest.raises(LedgerError, match="a text that no database can keep"):
        make_entry(symbol="A\0B")
    if engine_of(url_of(where)).dialect.name == "postgresql":
        with pytest.raises(LedgerError, match="the ledger cannot be used"):
            Ledger(where).append([make_entry(step=2**40)])


def test_version_1_is_brought_up_to_date_and_nothing_is_lost(where: str) -> None:
    version1.make(where, entries(3))
    reading = Ledger(where).read()
    assert list(reading.entries) == entries(3)
    assert reading.unchained == 3
    assert reading.since is not None
    assert Ledger(where).append(entries()).stored == tuple(entries()[3:])
    assert Ledger(where).entries() == entries()
    assert Ledger(where).read().unchained == 3
    engine = engine_of(url_of(where))
    with pytest.raises(DBAPIError, match="never changed"), engine.begin() as connection:
        connection.exec_driver_sql("UPDATE gatecast_forecasts SET step = 9")
    tamper(where, "UPDATE gatecast_forecasts SET forecast = 0.5 WHERE id = 2")
    assert "row 2 (SP500 at 2018-12-31) was changed" in refusal(where)


def test_a_trigger_that_version_1_lacks_is_said(where: str) -> None:
    version1.make(where, entries(3))
    tamper(where)
    with pytest.warns(LedgerWarning, match=r"\(gatecast_no_[a-z_, ]*\), and was restored$"):
        assert Ledger(where).entries() == entries(3)


def test_several_programs_bring_it_up_to_date_at_once(where: str) -> None:
    version1.make(where, entries(3))
    others = [replace(make_entry(), symbol=f"S{number}") for number in range(8)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda entry: Ledger(where).append([entry]), others))
    found = [entry.symbol for entry in Ledger(where).entries()]
    assert sorted(found) == [*(other.symbol for other in others), *["SP500"] * 3]


def test_a_ledger_that_cannot_be_brought_up_to_date_stays_as_it_is(tmp_path: Path) -> None:
    version1.make(str(tmp_path / "a.db"), entries(3))
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as connection, connection:
        connection.execute("DROP TRIGGER gatecast_no_update")
        connection.execute("UPDATE gatecast_forecasts SET anchor = -1 WHERE id = 3")
    before = (tmp_path / "a.db").read_bytes()
    for use in (Ledger(tmp_path / "a.db").entries, Ledger(tmp_path / "a.db").prepare):
        with pytest.raises(
            LedgerError, match=r"row 3 \(SP500 at 2018-12-31\) holds what no forecast can hold"
        ):
            use()
    assert (tmp_path / "a.db").read_bytes() == before


def test_the_hash_is_the_same_for_ever() -> None:
    """Another way to write a row down would make every ledger that there is look changed."""
    link = link_to(NO_LINK, {"id": 1, **row_of(make_entry())})
    assert link.hash == "7deb99c828e12c007e35ab9ffc58bc3d9844130d46037ef6516b326b2edde360"
