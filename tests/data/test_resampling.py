from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast.data.calendars import sessions_between
from gatecast.data.prices import Prices
from gatecast.data.resampling import resampled
from gatecast.errors import DataError

RULES = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum", "sentiment": "last"}


def bars(times, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, len(times))))
    opened = np.append(100.0, close[:-1])
    return pd.DataFrame(
        {
            "date": times,
            "open": opened,
            "high": np.maximum(opened, close) * 1.01,
            "low": np.minimum(opened, close) / 1.01,
            "close": close,
            "volume": rng.integers(1, 1000, len(times)).astype(float),
            "sentiment": rng.normal(size=len(times)),
        }
    )


def made(frame: pd.DataFrame, to: str, calendar: str = "24/7") -> pd.DataFrame:
    return gc.load(frame, resample=to, calendar=calendar).table.set_index("session")


@pytest.mark.filterwarnings("ignore::gatecast.errors.GatecastWarning")
@pytest.mark.parametrize(
    ("freq", "to", "rule"),
    [
        ("min", "5min", "5min"),
        ("min", "1h", "h"),
        ("15min", "4h", "4h"),
        ("h", "1d", "D"),
        ("D", "1w", "W-SUN"),
        ("D", "1mo", "ME"),
        ("D", "1q", "QE"),
    ],
)
def test_pandas_makes_the_same_bars_but_for_the_first_and_the_last(freq, to, rule) -> None:
    frame = bars(
        pd.date_range("2021-03-03 00:03" if freq == "min" else "2021-03-03 01:00", periods=700, freq=freq)
    )
    if freq == "D":
        frame["date"] = frame["date"].dt.normalize()
    series = frame.set_index("date")
    before = pd.date_range(end=frame["date"].min(), periods=400, freq=freq)
    beyond = before.append(pd.date_range(frame["date"].min(), periods=1500, freq=freq)[1:])
    lengths = pd.Series(1, beyond).resample(rule).size()
    groups = series.resample(rule)
    whole = groups.size() == lengths.reindex(groups.size().index)
    expected = groups.agg(RULES)[whole]
    assert not whole.all()
    found = made(frame, to)[list(RULES)]
    pd.testing.assert_frame_equal(
        found, expected, check_names=False, check_freq=False, check_index_type=False
    )


@pytest.mark.filterwarnings("ignore::gatecast.errors.GatecastWarning")
def test_weeks_of_an_exchange_are_dated_by_their_last_session() -> None:
    """Good Friday, April 2, 2021: the week ended on Thursday."""
    frame = bars(sessions_between("XNYS", "2021-03-22", "2021-04-15"))
    found = made(frame, "1w", "XNYS")
    assert [str(day.date()) for day in found.index] == ["2021-03-26", "2021-04-01", "2021-04-09"]
    assert found["volume"].iloc[1] == frame["volume"].iloc[5:9].sum()


@pytest.mark.filterwarnings("ignore::gatecast.errors.GatecastWarning")
def test_hours_of_an_exchange_begin_with_its_sessions() -> None:
    days = sessions_between("XNYS", "2021-03-01", "2021-03-12")
    times = (days.astype("datetime64[m]")[:, None] + np.arange(570, 960, 30)).ravel()
    found = made(bars(times), "1h", "XNYS")
    assert [str(time)[11:16] for time in found.index[:7]] == [
        "09:30", "10:30", "11:30", "12:30", "13:30", "14:30", "15:30",
    ]  # fmt: skip
    assert len(found) == 7 * len(days)


@pytest.mark.parametrize(("freq", "to", "length"), [("D", "1w", 7), ("h", "1d", 1)])
def test_a_bar_holds_nothing_from_after_its_end(freq: str, to: str, length: int) -> None:
    """Bars that ended before a moment stay the same when every later row changes.

    The broken twin dates a bar by its first row, and so uses it before its end.
    """
    times = pd.date_range("2021-01-01", periods=24 * 60, freq=freq)
    cut = times[700]
    changed = bars(times)
    later = (changed["date"] > cut).to_numpy()
    changed.loc[later, ["open", "high", "low", "close"]] *= 1.7
    one, other = (Prices.from_frame(frame, calendar="24/7").table for frame in (bars(times), changed))

    def of(table: pd.DataFrame) -> pd.DataFrame:
        return resampled(table, "1d" if freq == "D" else "1h", {"prices": "24/7"}, to)[0]

    ends = of(one)["session"] + pd.Timedelta(days=1)  # of the last day of a bar
    known = (ends <= cut + pd.Timedelta(days=1 if freq == "D" else 0)).to_numpy()
    assert known.sum() > 20
    pd.testing.assert_frame_equal(of(one)[known], of(other)[known])
    by_first = of(one)["session"] - pd.Timedelta(days=length - 1)
    broken = (by_first <= cut).to_numpy()
    assert not of(one)[broken].equals(of(other)[broken])


def test_longer_bars_are_not_made_shorter() -> None:
    frame = bars(pd.date_range("2021-01-04", periods=30, freq="W-MON"))
    with pytest.raises(DataError, match="weekly bars cannot be made into daily ones"):
        gc.load(frame, resample="1d")
    with pytest.raises(DataError, match="there is no whole year in these weekly bars"):
        gc.load(frame, resample="1y")


@pytest.mark.filterwarnings("ignore::gatecast.errors.GatecastWarning")
def test_sources_of_different_lengths_are_made_alike(tmp_path) -> None:
    bars(pd.date_range("2021-01-01", periods=24 * 40, freq="h")).to_csv(tmp_path / "a.csv", index=False)
    bars(pd.date_range("2021-01-01", periods=40, freq="D")).to_csv(tmp_path / "b.csv", index=False)
    with pytest.raises(DataError, match=r"the sources have bars of different lengths.*resample"):
        gc.load([tmp_path / "a.csv", tmp_path / "b.csv"])
    prices = gc.load([tmp_path / "a.csv", tmp_path / "b.csv"], resample="1d")
    assert (prices.frequency, prices.symbols) == ("1d", ("a", "b"))
