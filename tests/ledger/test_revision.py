"""Prices that were revised after a forecast are found when it is scored, and said."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast.ledger import Ledger
from gatecast.ledger.entry import entries_of
from gatecast.ledger.track import Track, track_record
from gatecast.settings.experiment import Experiment

ORIGIN = pd.Timestamp("2020-01-08")
CLOSES = np.array([100.0, 101, 99, 102, 103, 101, 104, 105])


def frame(closes: np.ndarray, symbol: str = "a", **columns: Any) -> pd.DataFrame:
    days = pd.date_range("2020-01-01", periods=len(closes))
    return pd.DataFrame({"symbol": symbol, "date": days, "close": closes, **columns})


def record(place: Path, file: Path, start: str | None = None, column: str = "close") -> None:
    """Forecasts of the two sessions after ORIGIN, made in the morning after it."""
    prices = gc.load(str(file), calendar="daily", start=start, end=ORIGIN)
    last = prices.table[prices.table["session"] == ORIGIN].set_index("symbol")[column]
    table = pd.DataFrame(
        [
            {
                "symbol": symbol,
                "origin": ORIGIN,
                "step": step,
                "time": ORIGIN + pd.Timedelta(days=step),
                "anchor": price,
                "forecast": price * 1.01,
            }
            for symbol, price in last.items()
            for step in (1, 2)
        ]
    )
    experiment = Experiment(calendar="daily", column=column)
    made = dt.datetime(2020, 1, 9, 6, tzinfo=dt.UTC)
    Ledger(place).append(entries_of(table, model="gru", experiment=experiment, prices=prices, made=made))


@pytest.fixture
def revised(own_ledger: Path, tmp_path: Path) -> Callable[..., Track]:
    """The track record of a forecast of `then`, when the file holds `now`."""

    def run(then: pd.DataFrame, now: pd.DataFrame, **how: Any) -> Track:
        file = tmp_path / "prices.csv"
        then.to_csv(file, index=False)
        record(own_ledger, file, **how)
        now.to_csv(file, index=False)
        return track_record(Ledger(own_ledger))

    return run


def longer(closes: np.ndarray) -> np.ndarray:
    return np.r_[closes, 106.0, 107.0]


@pytest.mark.parametrize("start", [None, "2020-01-03", str(ORIGIN.date())])
def test_sessions_that_came_since_are_no_revision(revised: Callable[..., Track], start: str | None) -> None:
    track = revised(
        frame(CLOSES, adj_close=CLOSES), frame(longer(CLOSES), adj_close=longer(CLOSES) / 2), start=start
    )
    assert (len(track.scores), track.notes) == (2, ())
    assert list(track.scores["revised"]) == [None, None]


def test_a_revised_return_into_the_origin(revised: Callable[..., Track]) -> None:
    now = longer(CLOSES)
    now[7] = 104.5
    track = revised(frame(CLOSES), frame(now))
    assert list(track.scores["revised"]) == ["anchor return"] * 2
    assert track.notes == (
        "a: the log return into the origin was revised after 2 forecasts were made (the first: at 2020-01-08 "
        "it was +0.96 %, now +0.48 %); the score is that of the new prices",
    )
    assert track.scores["realised"].iloc[0] == pytest.approx(np.log(106 / 104.5))
    assert track.summary()["scores"][0]["revised"] == "anchor return"
    assert track.notes[0] in track.text


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.assign(close=table["close"] / 2),  # a split
        lambda table: table.assign(close=table["close"].where(table.index != 2, 99.5)),
        lambda table: table.assign(volume=table["volume"].where(table.index != 2, 7)),
        lambda table: table.drop(index=2),
        lambda table: table.drop(columns="volume"),
    ],
    ids=["split", "price", "volume", "row", "column"],
)
def test_any_other_change_up_to_the_origin(
    revised: Callable[..., Track], change: Callable[[pd.DataFrame], pd.DataFrame]
) -> None:
    now = frame(longer(CLOSES), volume=100.0)
    track = revised(frame(CLOSES, volume=100.0), change(now))
    assert list(track.scores["revised"]) == ["prices"] * 2
    assert track.notes == (
        "a: prices up to the origin are others than when 2 forecasts were made (the first: at 2020-01-08): a "
        "revision, or a split; the log return into the origin is the same",
    )


def test_each_symbol_has_its_own_history(revised: Callable[..., Track]) -> None:
    now = longer(CLOSES)
    now[1] = 101.5
    then = pd.concat([frame(CLOSES), frame(CLOSES, "b")])
    track = revised(then, pd.concat([frame(longer(CLOSES)), frame(now, "b")]))
    assert dict(zip(track.scores["symbol"], track.scores["revised"], strict=True)) == {
        "a": None,
        "b": "prices",
    }
    assert [note[:2] for note in track.notes] == ["b:"]


def test_what_is_not_due_yet_is_compared_too(revised: Callable[..., Track]) -> None:
    now = CLOSES.copy()
    now[7] = 104.5
    track = revised(frame(CLOSES), frame(now))
    assert (len(track.scores), len(track.pending)) == (0, 2)
    assert "was revised after 2 forecasts were made" in track.notes[0]


def test_a_forecast_of_the_adjusted_close_sees_dividends(revised: Callable[..., Track]) -> None:
    then, now = frame(CLOSES, adj_close=CLOSES), frame(longer(CLOSES), adj_close=longer(CLOSES) * 0.99)
    track = revised(then, now, column="adj_close")
    assert list(track.scores["revised"]) == ["prices"] * 2
