"""Tables of databases by URL; nothing is written, and nothing in the file runs."""

import sqlite3

import pandas as pd
import pytest

import gatecast as gc
from gatecast.errors import DataError

TABLE = pd.DataFrame({"date": ["2021-03-01", "2021-03-02"], "close": [1.25, 2.0]})


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "my prices.db"
    connection = sqlite3.connect(path)
    TABLE.to_sql("prices", connection, index=False)
    TABLE.assign(close=[3.0, 4.0]).to_sql('od"d; name', connection, index=False)
    connection.execute(
        "CREATE VIEW looped AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT * FROM n"
    )
    connection.close()
    return path


@pytest.mark.parametrize(("table", "close"), [("prices", 1.25), ("od%22d;%20name", 3.0)])
def test_a_table_by_url(database, table, close):
    before = database.read_bytes()
    url = f"sqlite:///{database}?table={table}"
    prices = gc.load(url)
    assert prices.table["close"][0] == close
    assert prices.source == (url,)
    assert database.read_bytes() == before


def test_the_table_has_the_name_of_the_symbol(database):
    assert gc.load(f"sqlite:///{database}?table=prices").symbols == ("prices",)
    assert gc.load(f"sqlite:///{database}?table=prices", symbol="A").symbols == ("A",)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite:///{}", "there are several tables.*prices"),
        ("sqlite:///{}?table=price", 'there is no table "price". Did you mean "prices"'),
        ("sqlite:///{}?table=looped", 'there is no table "looped"'),
        ("sqlite:///{}.no?table=prices", "there is no such file"),
        ("sqlite:///{}?tabel=prices", "no URL of a table"),
        ("sqlite://", "no URL of a table"),
        ("sqlite:x.db", "no URL of a table"),
        ("duckdb:///{}?table=prices", "cannot be read|needs the package duckdb"),
        ("postgresql://host/prices", 'no kind of source "postgresql:"'),
    ],
)
def test_what_is_no_table_is_one_message(url, words, database):
    with pytest.raises(DataError, match=words):
        gc.load(url.format(database))


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "a.db").write_bytes(b"SQLite format 3\0" + bytes(100))
    with pytest.raises(DataError, match="the database cannot be read"):
        gc.load(f"sqlite:///{tmp_path / 'a.db'}?table=prices")


def test_duckdb(tmp_path):
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "a.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE prices AS SELECT DATE '2021-03-01' AS date, 1.25::DOUBLE AS close")
        connection.execute("CREATE VIEW secrets AS SELECT * FROM read_csv('/etc/passwd')")
    assert list(gc.load(f"duckdb:///{path}?table=prices").table["close"]) == [1.25]
    assert list(gc.load(path).table["close"]) == [1.25]
    with pytest.raises(DataError, match='no table "secrets"'):
        gc.load(f"duckdb:///{path}?table=secrets")


def test_duckdb_that_is_not_installed(monkeypatch, tmp_path):
    (tmp_path / "a.duckdb").write_bytes(bytes(8) + b"DUCK" + bytes(20))
    monkeypatch.setitem(__import__("sys").modules, "duckdb", None)
    with pytest.raises(DataError, match=r"needs the package duckdb\. Install it: pip install duckdb"):
        gc.load(tmp_path / "a.duckdb")
