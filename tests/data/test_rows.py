"""Rows that are no prices of their own: left out or sorted, counted and named; or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast.data.tables import Tidy, tidy
from gatecast.errors import DataError, DataWarning
from gatecast.settings.reading import Reading

DAYS = pd.bdate_range("2021-03-01", periods=30)


def table(**columns: Any) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    close = np.round(100 * np.exp(np.cumsum(0.01 * rng.normal(size=len(DAYS)))), 2)
    own = {"Date": DAYS.strftime("%Y-%m-%d"), "Open": close - 0.1, "Close": close, "Volume": 1000.0}
    return pd.DataFrame(own | columns)


def read(frame: pd.DataFrame, **reading: Any) -> Tidy:
    return tidy(frame, source="f.csv", symbol="f", reading=Reading(calendar="weekdays", **reading)).usable()


def kinds(part: Tidy) -> dict[str, int]:
    return {oddity.kind: oddity.count for oddity in part.oddities}


def csv(frame: pd.DataFrame, path: Path) -> Path:
    frame.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("empty", [None, "null", "", "NaN", "-"])
def test_rows_without_any_price_are_left_out_and_named(empty: object) -> None:
    frame = table().astype(object)
    frame.loc[[4, 9], ["Open", "Close", "Volume"]] = empty
    part = read(frame)
    assert kinds(part) == {"no-price": 2}
    assert part.oddities[0].text == "f: 2 rows have no price (2021-03-05, 2021-03-12); left out."
    assert part.oddities[0].rows == ("row 5: 2021-03-05", "row 10: 2021-03-12")
    assert list(part.table["close"]) == list(table()["Close"].drop([4, 9]))


def test_a_halt_whose_volume_is_zero_has_no_price() -> None:
    frame = table()
    frame.loc[5, ["Open", "Close"]] = np.nan
    frame.loc[5, "Volume"] = 0
    assert kinds(read(frame)) == {"no-price": 1}


def test_the_last_row_that_is_not_filled_yet(tmp_path: Path) -> None:
    frame = table()
    frame.loc[29, ["Open", "Close", "Volume"]] = np.nan
    with pytest.warns(DataWarning, match="f: 1 row has no price"):
        prices = gc.load(csv(frame, tmp_path / "f.csv"), calendar="weekdays")
    assert len(prices.table) == 29


def test_notes_between_and_after_the_rows() -> None:
    frame = table().astype(object)
    frame.loc[10] = ["Dividend 0.5", None, None, None]
    frame.loc[30] = ["Source: example. Delayed 15 minutes.", None, None, None]
    part = read(frame)
    assert kinds(part) == {"note": 2}
    assert "Dividend 0.5, Source: example" in part.oddities[0].text


def test_copies_of_a_row() -> None:
    frame = pd.concat([table().iloc[:8], table().iloc[7:]], ignore_index=True)
    part = read(frame)
    assert kinds(part) == {"copy": 1}
    pd.testing.assert_frame_equal(part.table, read(table()).table)


def test_a_copy_with_a_time_is_a_copy() -> None:
    frame = table(Date=DAYS.strftime("%Y-%m-%d 00:00:00"))
    frame.loc[30] = frame.loc[29]
    frame.loc[30, "Date"] = DAYS[29].strftime("%Y-%m-%d 16:00:04")
    assert kinds(read(frame)) == {"copy": 1}


@pytest.mark.parametrize("first", [True, False])
def test_of_a_bar_and_its_snapshot_the_larger_volume_wins(first: bool) -> None:
    rows = table()
    snapshot = rows.iloc[[29]].assign(Close=99.0, Volume=300.0)
    parts = [rows.iloc[:29], snapshot, rows.iloc[29:]] if first else [rows, snapshot]
    part = read(pd.concat(parts, ignore_index=True))
    assert kinds(part) == {"snapshot": 1}
    pd.testing.assert_frame_equal(part.table, read(rows).table)


@pytest.mark.parametrize(("keep", "close"), [("first", 101.0), ("last", 99.0)])
def test_where_nothing_says_which_row_is_the_bar_the_user_does(keep: Any, close: float) -> None:
    rows = table().drop(columns="Volume")
    rows.loc[29, "Close"] = 101.0
    both = pd.concat([rows, rows.iloc[[29]].assign(Close=99.0)], ignore_index=True)
    with pytest.raises(DataError, match=r'twice, with other values in row 30.*row 31.*keep="first"'):
        read(both)
    part = read(both, keep=keep)
    assert part.table["close"].iloc[-1] == close and kinds(part) == {"snapshot": 1}


def test_intraday_bars_are_no_snapshots() -> None:
    hours = pd.date_range("2021-03-01", periods=30, freq="6h")
    part = read(table(Date=hours.strftime("%Y-%m-%d %H:%M")))
    assert (part.frequency, len(part.table), part.oddities) == ("6h", 30, ())
    split = read(table(Date=hours.strftime("%Y-%m-%d"), Time=hours.strftime("%H:%M:%S")))
    pd.testing.assert_series_equal(split.table["session"], part.table["session"])


def test_rows_out_of_order_are_sorted_where_their_dates_are_certain() -> None:
    frame = table()
    swapped = frame.iloc[[*range(5), 6, 5, *range(7, 30)]].reset_index(drop=True)
    part = read(swapped)
    assert kinds(part) == {"misplaced": 1}
    pd.testing.assert_frame_equal(part.table, read(frame).table)
    shuffled = read(frame.sample(frac=1, random_state=0))
    pd.testing.assert_frame_equal(shuffled.table, read(frame).table)


def test_dates_whose_day_and_month_changed_places_are_not_sorted() -> None:
    days = pd.bdate_range("2021-01-04", periods=30)
    written = [day.strftime("%Y-%d-%m" if day.day <= 12 else "%Y-%m-%d") for day in days]
    with pytest.raises(DataError, match=r"changed places.*Do not sort"):
        read(table(Date=written))


def test_what_is_not_asked_for_is_not_judged(tmp_path: Path) -> None:
    frame = table().astype(object)
    frame.loc[2, "Close"] = "broken"
    file = csv(frame, tmp_path / "f.csv")
    with pytest.raises(DataError, match=r"not a number.*row 3"):
        gc.load(file)
    assert len(gc.load(file, start="2021-03-10", calendar="weekdays").table) == 23
    other = pd.concat([frame.assign(symbol="BAD"), table().assign(symbol="GOOD")])
    file = csv(other, tmp_path / "two.csv")
    assert gc.load(file, symbols="GOOD", calendar="weekdays").symbols == ("GOOD",)
    with pytest.raises(DataError, match="not a number"):
        gc.load(file, symbols=["BAD", "GOOD"])


def test_a_negative_price_is_read_and_named(tmp_path: Path) -> None:
    frame = table()
    frame.loc[[3, 8], "Close"] = -37.63
    file = csv(frame, tmp_path / "wti.csv")
    with pytest.warns(DataWarning, match="2 rows have a close of zero or below"):
        assert len(gc.load(file, calendar="weekdays").table) == 30
    assert len(gc.load(file, start="2021-03-12", calendar="weekdays").table) == 21


@pytest.mark.parametrize("odd", ["empty", "copy", "swapped"])
def test_strict_refuses_what_else_is_mended(odd: str) -> None:
    frame = table()
    if odd == "empty":
        frame.loc[4, ["Open", "Close", "Volume"]] = np.nan
    elif odd == "copy":
        frame = pd.concat([frame.iloc[:8], frame.iloc[7:]], ignore_index=True)
    else:
        frame = frame.iloc[[1, 0, *range(2, 30)]]
    read(frame)
    with pytest.raises(DataError, match="without strict=True"):
        read(frame, strict=True)
    read(table(), strict=True)


def test_many_copies_are_read_in_a_moment() -> None:
    days = pd.bdate_range("1900-01-01", periods=60_000)
    frame = pd.DataFrame({"date": np.repeat(days, 2), "close": np.repeat(np.arange(60_000) + 1.0, 2)})
    assert kinds(read(frame)) == {"copy": 60_000}


def test_what_was_left_out_stays_with_the_prices(tmp_path: Path) -> None:
    frame = table()
    frame.loc[4, ["Open", "Close", "Volume"]] = np.nan
    prices = gc.Prices.from_frame(frame, calendar="weekdays")
    prices.to_parquet(tmp_path / "p.parquet")
    with pytest.warns(DataWarning):
        again = gc.load(tmp_path / "p.parquet")
    assert again.sha256 == prices.sha256
    assert [oddity.kind for oddity in again.oddities] == [oddity.kind for oddity in prices.oddities]


@pytest.mark.parametrize(("freq", "bars"), [("W-MON", "1w"), ("MS", "1mo"), ("QS", "1q"), ("YS", "1y")])
def test_longer_bars_are_never_taken_for_days(freq: str, bars: str) -> None:
    days = pd.date_range("1980-01-01", periods=30, freq=freq).strftime("%Y-%m-%d")
    assert read(table(Date=days)).frequency == bars


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d/%m/%Y"])
def test_rows_without_a_price_that_are_not_asked_for_are_not_judged(form: str) -> None:
    frame = table(Date=DAYS.strftime(form))
    frame.loc[25, ["Open", "Close"]] = np.nan  # 2021-04-05
    part = read(frame, end="2021-03-31", dayfirst=True, strict=True)
    assert len(part.table) == 23 and not part.oddities


def test_strict_names_every_kind_of_row() -> None:
    frame = pd.concat([table(), table().iloc[[3]]]).reset_index(drop=True)
    frame.loc[9, ["Open", "Close"]] = np.nan
    with pytest.raises(DataError) as caught:
        read(frame, strict=True)
    kinds = ["1 row has no price", "1 row repeats another", "1 row is out of order"]
    assert all(kind in problem.what for kind, problem in zip(kinds, caught.value.problems, strict=True))


def test_rows_of_other_symbols_are_not_judged() -> None:
    names = ["A"] * 25 + ["B", "", "B", "B", "B"]
    frame = table(Symbol=names)
    frame["Date"] = [*frame["Date"][:27], "soon", *frame["Date"][28:]]
    frame["Close"] = [*frame["Close"][:28], 1e40, "x"]
    assert len(read(frame, symbols="A").table) == 25
    with pytest.raises(DataError) as caught:
        read(frame, symbols="B")
    assert [problem.what for problem in caught.value.problems] == [
        "not a date", "not a number", "the close is too large or too small for a price",
    ]  # fmt: skip
