"""What is repaired, what is not, and that a repaired file reads without the warnings it had."""

import os

import numpy as np
import pandas as pd
import pytest

from gatecast.data.repairs import KINDS, repair
from gatecast.data.sources import fix, load
from gatecast.data.writing import write_prices
from gatecast.errors import DataWarning, RunError

from .walks import split, walks  # isort: skip

PRICES = ["open", "high", "low", "close"]
ROWS = 200


def walk(symbols=1):
    return walks(symbols, ROWS, 0.007)[0]


def equal(table, truth):
    pd.testing.assert_frame_equal(table, truth, check_exact=False, rtol=1e-9)


def only(changes):
    (change,) = changes
    return change


@pytest.mark.parametrize(("ratio", "what"), [(2.0, "divided by 2"), (0.1, "multiplied by 10")])
def test_a_split_is_adjusted_and_its_volume(ratio, what):
    truth = walk()
    table, changes = repair(split(truth, ROWS, 120, ratio))
    equal(table, truth)
    change = only(changes)
    assert (change.kind, change.symbol, change.rows) == ("split", "S0000", 120)
    assert (change.start, change.end) == ("2000-01-03", "2000-06-16")
    assert change.columns == ("close", "open", "high", "low", "volume")
    assert change.what.startswith(what) and change.what.endswith("split on 2000-06-19)")


def test_two_splits_of_one_symbol_and_one_of_another():
    truth = walk(2)
    own = truth["symbol"] == "S0000"
    table = split(split(truth, ROWS, 60, 2), ROWS, 120, 3)
    table, changes = repair(pd.concat([table[own], truth[~own]], ignore_index=True))
    equal(table, truth)
    assert [change.rows for change in changes] == [60, 120]


def test_the_adjusted_close_stays_where_it_is_smooth():
    truth = walk().assign(adj_close=lambda table: table["close"])
    traded = split(truth, ROWS, 120, 2)
    equal(repair(traded)[0], truth)
    jumping = traded.assign(adj_close=traded["close"])
    table, changes = repair(jumping)
    equal(table, truth)
    assert "adj_close" in only(changes).columns


def test_a_split_in_the_close_alone_leaves_open_high_low_and_volume():
    truth = walk()
    table, changes = repair(truth.assign(close=np.where(np.arange(ROWS) < 120, 2, 1) * truth["close"]))
    equal(table, truth)
    assert only(changes).columns == ("close",)


def test_units_are_brought_to_those_of_most_closes():
    truth = walk()
    table = truth.copy()
    table.loc[120:121, PRICES] /= 100
    table.loc[60, "high"] *= 1000
    table, changes = repair(table)
    equal(table, truth)
    assert [(one.start, one.rows, one.what) for one in changes] == [
        ("2000-03-27", 1, "divided by 1,000"),
        ("2000-06-19", 2, "multiplied by 100"),
    ]
    assert changes[0].columns == ("high",)


def test_a_stale_end_is_dropped():
    truth = walk()
    table = truth.copy()
    table.loc[180:, PRICES] = table.loc[179, "close"]
    table, changes = repair(table)
    equal(table, truth[:180])
    assert (only(changes).rows, only(changes).what) == (20, "dropped")


def test_what_is_ambiguous_stays():
    table = walk()
    table.loc[60:69, PRICES] = table.loc[59, "close"]
    table.loc[120:, PRICES] *= 0.56
    again, changes = repair(table)
    assert changes == () and again.equals(table)


def test_all_at_once_and_once_is_enough():
    truth = walk()
    table = split(truth, ROWS, 120, 2)
    table.loc[60:70, PRICES] *= 100
    table.loc[190:, PRICES] = table.loc[189, "close"]
    table, changes = repair(table)
    equal(table, truth[:190])
    assert [change.kind for change in changes] == ["unit", "split", "stale-tail"]
    assert repair(table)[1] == ()


@pytest.fixture
def broken(tmp_path):
    """A file with a split, two rows in other units and a stale end."""
    table = split(walk(), ROWS, 120, 2).rename(columns={"session": "Date"}).drop(columns="symbol")
    table.loc[60:61, PRICES] *= 100
    table.loc[190:, PRICES] = table.loc[189, "close"]
    table.to_csv(tmp_path / "A.csv", index=False)
    return tmp_path / "A.csv"


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_the_written_file_reads_to_the_repaired_numbers(broken, tmp_path, ending):
    before = broken.read_bytes()
    with pytest.warns(DataWarning):
        assert set(KINDS) <= {oddity.kind for oddity in load(broken, calendar="weekdays").oddities}
    prices = fix(broken, calendar="weekdays")
    write_prices(prices, tmp_path / f"clean{ending}")
    again = load(tmp_path / f"clean{ending}", calendar="weekdays")
    assert again.sha256 == prices.sha256
    assert not {oddity.kind for oddity in again.oddities} & {*KINDS, "jump"}
    assert broken.read_bytes() == before
    assert fix(again.table).changes == ()


@pytest.mark.parametrize("link", ["", "symbolic", "hard"])
def test_the_source_is_never_written_over(broken, tmp_path, link):
    target = tmp_path / "link.csv" if link else broken
    if link == "symbolic":
        target.symlink_to(broken)
    elif link == "hard":
        os.link(broken, target)
    before = broken.read_bytes()
    with pytest.raises(RunError, match="is the source itself"):
        write_prices(fix(broken, calendar="weekdays"), target, overwrite=True)
    assert broken.read_bytes() == before


def test_no_file_is_added_to_a_folder_that_is_read(broken, tmp_path):
    from gatecast.data.writing import check_target

    with pytest.raises(RunError, match="in the folder"):
        check_target(tmp_path / "clean.csv", [str(tmp_path)], overwrite=True)


def test_a_file_that_is_there_stays_and_nothing_half_written_does(broken, tmp_path, monkeypatch):
    target = tmp_path / "clean.csv"
    target.write_text("mine")
    prices = fix(broken, calendar="weekdays")
    with pytest.raises(RunError, match="there already"):
        write_prices(prices, target)
    with pytest.raises(RunError, match=r"\.csv or \.parquet"):
        write_prices(prices, tmp_path / "clean.xlsx")

    def fails(*args, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", fails)
    with pytest.raises(RunError, match="No space left"):
        write_prices(prices, target, overwrite=True)
    assert target.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["A.csv", "clean.csv"]
