"""Packed tables: as short as they can be, and true to what they hold."""

from __future__ import annotations

import base64

import numpy as np
import pandas as pd
import pytest

from gatecast.report.packing import LEVELS, Packed, packed


def spread(runs: list[int]) -> list[int]:
    pairs = zip(runs[::2], runs[1::2], strict=True)
    return [value for value, length in pairs for _ in range(length)]


def unpacked(pack: Packed, symbol: str) -> pd.DataFrame:
    """As the script of the page does it."""
    steps, *columns = pack["symbols"][symbol]
    start = pack["start"] if pack.get("unit") == "rows" else np.datetime64(pack["start"])
    dates = start + np.cumsum(pack["days"])
    table = pd.DataFrame({"symbol": symbol, "date": dates[np.cumsum(spread(steps)) - 1]})
    for name, (low, step, text) in zip(pack["numbers"], columns, strict=False):
        codes = np.frombuffer(base64.b64decode(text), "<u2").astype(float)
        codes[codes > LEVELS] = np.nan
        table[name] = np.append(np.full(len(table) - len(codes), np.nan), low + step * codes)
    for name, runs in zip(pack["flags"], columns[len(pack["numbers"]) :], strict=True):
        table[name] = spread(runs)
    return table


@pytest.fixture
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    days = pd.bdate_range("1969-12-01", periods=300)
    own = days[rng.random(300) < 0.9]
    parts = [
        pd.DataFrame({"symbol": "A", "date": days, "close": 100 + rng.normal(size=300).cumsum()}),
        pd.DataFrame({"symbol": "<B", "date": own, "close": 5.0}),
    ]
    table = pd.concat(parts, ignore_index=True)
    table["late"] = np.where(np.arange(len(table)) % 300 < 200, np.nan, 1e-3 * np.arange(len(table)))
    table.loc[250, "late"] = np.inf
    table["none"] = np.nan
    return table.assign(test=table["date"] > days[150], fold=np.arange(len(table)) % 7 == 0)


def test_what_comes_out_is_what_went_in(table: pd.DataFrame) -> None:
    pack = packed(table)
    assert (pack["numbers"], pack["flags"]) == (["close", "late", "none"], ["test", "fold"])
    for symbol, rows in table.groupby("symbol", sort=False):
        again, rows = unpacked(pack, str(symbol)), rows.reset_index(drop=True)
        assert np.array_equal(again["date"], rows["date"])
        for name in ("test", "fold"):
            assert np.array_equal(again[name], rows[name])
        for name in ("close", "late", "none"):
            known = rows[name].replace(np.inf, np.nan)
            span = known.max() - known.min()
            error = (again[name] - known).abs()
            assert np.array_equal(again[name].isna(), known.isna())
            assert error.dropna().le(0.51 * span / LEVELS + 1e-7).all()


def test_broken_twin_one_letter_is_seen(table: pd.DataFrame) -> None:
    pack = packed(table)
    low, step, text = pack["symbols"]["A"][1]
    pack["symbols"]["A"][1] = [low, step, ("B" if text[0] == "A" else "A") + text[1:]]
    error = (unpacked(pack, "A")["close"] - table["close"].iloc[:300]).abs().max()
    assert error > (table["close"].max() - table["close"].min()) / LEVELS


@pytest.mark.parametrize(
    ("dates", "unit", "start", "steps"),
    [
        (["2021-03-01", "2021-03-03"], None, "2021-03-01", [0, 2]),
        (["2021-03-01 09:30", "2021-03-01 09:35", "2021-03-02 09:30"], "minutes", "2021-03-01T09:30",
         [0, 5, 1435]),
        (["1700-01-01 00:00:07", "1700-01-01 00:00:09"], "rows", 7, [0, 2]),
    ],
)  # fmt: skip
def test_times_of_bars_of_any_length(
    dates: list[str], unit: str | None, start: str | int, steps: list[int]
) -> None:
    table = pd.DataFrame({"symbol": "A", "date": pd.to_datetime(dates), "close": 1.0})
    pack = packed(table)
    assert (pack.get("unit"), pack["start"], pack["days"]) == (unit, start, steps)
    assert len(unpacked(pack, "A")) == len(dates)
