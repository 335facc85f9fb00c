import numpy as np
import pandas as pd

from gatecast.data.prices import Prices


def oddities(frame, **options):
    return {oddity.kind: oddity for oddity in Prices.from_frame(frame, **options).oddities}


def test_nothing_odd(frame):
    assert oddities(frame) == {}


def test_impossible_cells_are_emptied_and_counted(frame):
    frame.loc[3, "Open"] = 0.0
    frame.loc[5, "High"] = np.nan
    frame.loc[7, ["High", "Low"]] = [30.0, 40.0]
    prices = Prices.from_frame(frame)
    (oddity,) = prices.oddities
    assert (oddity.kind, oddity.count, len(oddity.rows)) == ("bad-ohl", 3, 3)
    assert oddity.rows[2].startswith("2020-01-13: open ")
    assert oddity.rows[2].endswith(", high 30, low 40")
    assert "features that need these cells are 0" in oddity.text
    empty = prices.table.isna()
    assert list(empty["open"][empty["open"]].index) == [3]
    assert list(empty["high"][empty["high"]].index) == [5, 7]
    assert list(empty["low"][empty["low"]].index) == [7]


def test_impossible_volume_and_adjusted_close(frame):
    frame["Volume"] = frame["Volume"].astype(float)
    frame.loc[3, "Volume"] = -1
    frame.loc[4, "Volume"] = np.nan
    frame.loc[5, "Adj Close"] = 0
    found = oddities(frame)
    assert found["bad-volume"].count == 2
    assert found["bad-adj-close"].count == 1
    assert found["bad-volume"].rows == ("2020-01-07: volume -1", "2020-01-08: volume empty")


def test_close_outside_its_range(frame):
    frame.loc[2, "Close"] = frame.loc[2, "High"] * 1.01
    frame.loc[4, "Close"] = frame.loc[4, "Low"] * 0.99
    oddity = oddities(frame)["close-outside-range"]
    assert oddity.count == 2
    assert "1 row has close above high and 1 row has close below low (2020-01-06, 2020-01-08)" in oddity.text
    assert oddity.rows[0].startswith("2020-01-06: close ")
    assert " above high " in oddity.rows[0]
    assert " below low " in oddity.rows[1]


def test_split(frame):
    frame.loc[:9, "Close"] *= 2
    oddity = oddities(frame)["split"]
    assert oddity.count == 1
    assert oddity.rows[0].startswith("2020-01-16: close ")
    assert "as in a 2:1 split by the column adj_close, while open" in oddity.rows[0]
    assert "does not jump" in oddity.rows[0]
    frame.loc[:9, ["Open", "High", "Low"]] *= 2
    assert "does not jump" not in oddities(frame)["split"].rows[0]


def test_filler_and_zero_volume(frame):
    frame.loc[[4, 6], "Volume"] = 0
    for name in ("Open", "High", "Low"):
        frame.loc[4, name] = frame.loc[4, "Close"]
    found = oddities(frame)
    assert found["filler"].count == 1
    assert found["filler"].rows[0].startswith("2020-01-08: close ")
    assert found["zero-volume"].count == 1
    assert "(2020-01-10)" in found["zero-volume"].text


def test_sessions_without_a_row_and_rows_without_a_session(frame):
    assert frame.loc[12, "Date"] == pd.Timestamp("2020-01-21")
    frame.loc[12, "Date"] = pd.Timestamp("2020-01-20")  # Martin Luther King day
    found = oddities(frame.drop(index=[5, 6]))
    assert found["missing-session"].count == 3
    assert found["missing-session"].rows == (
        "2020-01-09: no row",
        "2020-01-10: no row",
        "2020-01-21: no row",
    )
    assert found["no-session"].rows == ("2020-01-20: no session",)
    assert "by the calendar XNYS" in found["no-session"].text


def test_one_oddity_per_kind_over_many_symbols(frame):
    frame.loc[3, "Volume"] = 0
    many = pd.concat([frame.assign(symbol=name) for name in "DBCA"])
    oddity = oddities(many)["zero-volume"]
    assert oddity.count == 4
    assert oddity.text.startswith("4 symbols (A, B, C, …): 4 rows have volume 0 (A 2020-01-07, B 2020-01-07")
    assert oddity.rows[3].startswith("D 2020-01-07: close ")


def test_only_the_first_rows_are_shown(frame):
    frame["Volume"] = 0
    oddity = oddities(frame)["zero-volume"]
    assert oddity.count == 30
    assert len(oddity.rows) == 5
    assert oddity.text.startswith("prices: 30 rows have volume 0 (2020-01-02, 2020-01-03, 2020-01-06, …)")
