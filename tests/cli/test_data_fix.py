"""`gatecast data fix`: what it prints, what it writes and what it refuses."""

from pathlib import Path

import pandas as pd
import pytest

import gatecast as gc
from gatecast.data.calendars import sessions_between

from ..conftest import parsed, walk_frame  # isort: skip


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    """a.csv: 120 sessions of New York; before the 2:1 split of the last 60 the prices are as traded, and one
    later jump has no ratio."""
    days = sessions_between("XNYS", "2015-01-02", "2015-12-31")[:120]
    frame = walk_frame("A", 120, 0).drop(columns="symbol").assign(date=days)
    columns = ["open", "high", "low", "close"]
    frame.loc[:59, columns] *= 2
    frame.loc[100:, columns] *= 0.43
    frame.to_csv(tmp_path / "a.csv", index=False)
    return tmp_path / "a.csv"


def test_it_writes_the_repaired_prices_and_says_what_was_changed(prices: Path, command) -> None:
    before = prices.read_bytes()
    assert "repair them (gatecast data fix)" in command("data", "check", "a.csv").out
    code, out, err = command("data", "fix", "a.csv", "--out", "clean.csv")
    assert (code, err) == (0, "")
    head, change = out.splitlines()[:2]
    assert head.split()[:5] == ["repair", "symbol", "from", "to", "rows"]
    assert change.split()[:5] == ["split", "a", "2015-01-02", "2015-03-30", "60"]
    assert "close, open, high, low, volume divided by 2, volume multiplied by 2 (2:1 split on" in change
    assert "left as it is: jump: a: 1 move from one bar to the next is beyond 30 usual ones" in out
    assert out.endswith("The prices: clean.csv\n")
    assert prices.read_bytes() == before
    written, read = pd.read_csv("clean.csv"), pd.read_csv("a.csv")
    assert written["close"][59] == read["close"][59] / 2 and written["volume"][59] == read["volume"][59] * 2
    assert "split:" not in command("data", "check", "clean.csv").out


def test_in_json(prices: Path, command) -> None:
    code, out, _ = command("data", "fix", "a.csv", "--out", "clean.parquet", "--json")
    answer = parsed(out)
    assert (code, answer["written"]) == (0, "clean.parquet")
    (change,) = answer["changes"]
    assert change == {
        "kind": "split",
        "symbol": "a",
        "start": "2015-01-02",
        "end": "2015-03-30",
        "rows": 60,
        "columns": ["close", "open", "high", "low", "volume"],
        "what": "divided by 2, volume multiplied by 2 (2:1 split on 2015-03-31)",
    }
    assert [oddity["kind"] for oddity in answer["oddities"]] == ["jump"]
    with pytest.warns(gc.errors.DataWarning):
        assert gc.load("clean.parquet").sha256 == answer["sha256"]


def test_nothing_to_repair(prices: Path, command) -> None:
    command("data", "fix", "a.csv", "--out", "clean.csv")
    assert "There is nothing to repair." in command("data", "fix", "clean.csv", "--out", "again.csv").out
    assert Path("again.csv").read_text() == Path("clean.csv").read_text()


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("a.csv", "is the source itself"),
        ("./b/../a.csv", "is the source itself"),
        ("link.csv", "is the source itself"),
        ("taken.csv", "there already"),
        ("clean.txt", "ends in .csv or .parquet"),
    ],
)
def test_what_it_does_not_write_to(prices: Path, command, out: str, said: str) -> None:
    Path("taken.csv").write_text("mine")
    Path("link.csv").symlink_to("a.csv")
    Path("b").mkdir()
    before = prices.read_bytes()
    overwrite = () if out == "taken.csv" else ("--overwrite",)
    code, printed, err = command("data", "fix", "a.csv", "--out", out, *overwrite)
    assert (code, printed) == (2, "")
    assert said in err
    assert prices.read_bytes() == before and Path("taken.csv").read_text() == "mine"


def test_overwrite_replaces_another_file(prices: Path, command) -> None:
    Path("taken.csv").write_text("mine")
    assert command("data", "fix", "a.csv", "--out", "taken.csv", "--overwrite").code == 0
    assert Path("taken.csv").read_text().startswith("symbol,date,open,")
