from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast.data.calendars import sessions_between
from gatecast.errors import SettingError
from gatecast.problem.features import return_features, volatility_features
from gatecast.problem.known import calendar_inputs
from gatecast.problem.nights import overnight_moves, session_first
from gatecast.problem.problem import make_problem

BARS = 13  # half hours from 09:30 to 16:00
DAYS = sessions_between("XNYS", "2023-10-02", "2023-11-30")


def prices(seed: int = 0, **columns) -> gc.Prices:
    times = (DAYS.astype("datetime64[m]")[:, None] + np.arange(570, 960, 30)).ravel()
    times = times[
        ~(
            (times.astype("datetime64[D]") == np.datetime64("2023-11-24"))
            & (times >= np.datetime64("2023-11-24T13:00"))
        )
    ]
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.002, len(times))))
    opened = np.append(100, close[:-1])
    night = np.append(True, np.diff(times.astype("datetime64[D]").astype(int)) > 0)
    opened = np.where(night, opened * np.exp(rng.normal(0, 0.01, len(times))), opened)
    frame = pd.DataFrame({"date": times, "open": opened, "close": close} | columns)
    return gc.Prices.from_frame(frame, calendar="XNYS")


def test_a_session_is_a_day_of_the_exchange() -> None:
    first = session_first(prices())
    assert np.unique(first).tolist()[:3] == [0, BARS, 2 * BARS]
    assert (
        np.bincount(np.unique(first, return_inverse=True)[1])[-5] == 7
    )  # the half session after Thanksgiving
    table = prices().table.rename(columns={"session": "date"})
    assert len(session_first(gc.Prices.from_frame(table, calendar="24/7"))) == 0


def test_a_window_stays_within_a_session_unless_asked() -> None:
    problem = make_problem(prices(), lookback=4, horizon=1)
    place = np.arange(len(problem.ready)) - session_first(prices())
    assert (problem.ready == (place >= 3))[BARS:].all()
    across = make_problem(prices(), lookback=4, horizon=1, across_sessions=True)
    assert across.ready[5:].all()
    with pytest.raises(SettingError, match="the sessions have at most 13 bars, a window has 14"):
        make_problem(prices(), lookback=14, horizon=1)
    assert make_problem(prices(), lookback=14, horizon=1, across_sessions=True).ready[14:].all()


def test_the_night_is_an_input_of_its_own() -> None:
    given = prices()
    table = given.table
    features = return_features(given, "close")
    second = slice(BARS, 2 * BARS)
    night = np.log(table["open"].iloc[BARS] / table["close"].iloc[BARS - 1])
    np.testing.assert_allclose(features["overnight_return"].iloc[second], night)
    assert (features["overnight_return"].iloc[:BARS] == 0).all()
    inside = np.log(table["close"].iloc[BARS] / table["open"].iloc[BARS])
    np.testing.assert_allclose(features["log_return"].iloc[BARS], inside)
    np.testing.assert_allclose(
        features["log_return"].iloc[BARS + 1],
        np.log(table["close"].iloc[BARS + 1] / table["close"].iloc[BARS]),
    )
    assert "overnight_shock" in volatility_features(given, "close")
    closes = gc.Prices.from_frame(
        table[["session", "close"]].rename(columns={"session": "date"}), calendar="XNYS"
    )
    moved = np.log(table["close"].iloc[BARS] / table["close"].iloc[BARS - 1])
    np.testing.assert_allclose(overnight_moves(closes, "close")[second], moved)


@pytest.mark.parametrize("broken", [False, True])
def test_the_night_is_known_when_it_is_over(broken: bool) -> None:
    """The broken twin knows it on the evening before."""
    given = prices()
    cut = 10 * BARS - 1  # the last bar of a session
    table = given.table.rename(columns={"session": "date"})
    later = np.arange(len(table)) > cut
    table.loc[later, ["open", "close"]] *= np.random.default_rng(1).uniform(0.5, 2, (later.sum(), 2))
    changed = gc.Prices.from_frame(table, calendar="XNYS")
    one, other = (overnight_moves(of, "close") for of in (given, changed))
    if broken:
        one, other = (np.append(of[1:], 0.0) for of in (one, other))
    assert np.array_equal(one[: cut + 1], other[: cut + 1]) != broken


def test_the_time_of_day_is_known_in_advance() -> None:
    times = np.array(["2021-03-01T00:00", "2021-03-01T06:00", "2021-03-02T12:00", "NaT"], "datetime64[s]")
    found = calendar_inputs("time_of_day", times, "24/7")
    np.testing.assert_allclose(found["time_of_day_sin"], [0, 1, 0, np.nan], atol=1e-12)
    np.testing.assert_allclose(found["time_of_day_cos"], [1, 0, -1, np.nan], atol=1e-12)
    np.testing.assert_allclose(found["time_of_day_cos2"], [1, -1, 1, np.nan], atol=1e-12)
    problem = make_problem(prices(), lookback=3, horizon=2, future=["time_of_day", "weekday"])
    assert np.isfinite(problem.known).all()
    assert problem.known_names[:4] == tuple(found)
    with pytest.raises(SettingError, match='"time_of_day" holds the hour and the minute'):
        make_problem(prices(), lookback=3, horizon=2, future=["hour"])


@pytest.mark.filterwarnings("ignore::gatecast.errors.GatecastWarning")
def test_a_comparison_of_half_hours_forecasts_within_sessions() -> None:
    result = gc.compare(
        prices(), ["rnn"], lookback=4, horizon=2, folds=1, seeds=1, training=gc.Training(epochs=1),
        network=gc.Network(hidden_size=2), future=["time_of_day"],
    )  # fmt: skip
    hour = result.outcome.origin.astype("datetime64[m]").astype(int) % 1440
    assert hour.min() == 570 + 3 * 30
    assert result.outcome.frequency == "30min"
