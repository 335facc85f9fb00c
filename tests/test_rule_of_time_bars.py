"""The rule of time at every frequency: later prices change no earlier forecast, to the bit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast.problem import time_of_day as pattern

from .conftest import walk_frame  # isort: skip
from .test_rule_of_time import changed_after

pytestmark = pytest.mark.filterwarnings("ignore::gatecast.errors.GatecastWarning")

MODELS = ["rnn", "ewma-t", "garch-t", "lhar", "historical"]
SETTINGS = {"horizon": 3, "lookback": 5, "folds": 2, "seeds": 1, "training": gc.Training(epochs=2)}


def bars(freq: str, rows: int) -> pd.DataFrame:
    """A walk with bars of this length, whose moves are larger at noon."""
    frame = walk_frame("A", rows, 0)
    if freq == "session":  # half hours of an exchange
        from gatecast.data.calendars import sessions_between

        days = sessions_between("XNYS", "2023-01-03", "2023-12-29")
        times = (days.astype("datetime64[m]")[:, None] + np.arange(570, 960, 30)).ravel()[:rows]
    else:
        times = pd.date_range("2000-01-03", periods=rows, freq=freq).to_numpy()
    hour = times.astype("datetime64[h]").astype(int) % 24
    wild = np.where(np.abs(hour - 12) < 3, 0.02, 0.005)
    close = 100 * np.exp(np.cumsum(wild * np.random.default_rng(3).standard_t(5, rows)))
    ratio = close / frame["close"].to_numpy()
    scaled = {name: frame[name] * ratio for name in ("open", "high", "low", "close")}
    return frame.assign(date=times, **scaled)


def forecasts(frame: pd.DataFrame, calendar: str, network: gc.Network) -> pd.DataFrame:
    prices = gc.Prices.from_frame(frame, calendar=calendar)
    table = gc.compare(prices, [{"rnn": network}, *MODELS[1:]], **SETTINGS).outcome.frame
    keys = ["model", "fold", "seed", "origin", "step"]
    return table[[*keys, "forecast", "q10", "q90"]].sort_values(keys, ignore_index=True)


def unchanged(frame: pd.DataFrame, calendar: str) -> bool:
    """Whether the forecasts up to the first test origin are equal where all later prices change."""
    network = gc.Network(cell="rnn", hidden_size=3, output="student_t")
    one = forecasts(frame, calendar, network)
    cut = one["origin"].min()
    other = forecasts(changed_after(frame, cut.to_datetime64()), calendar, network)
    known = (one["origin"] <= cut).to_numpy()
    assert known.sum() >= 3 * len(MODELS)
    return one[known].equals(other[known])


@pytest.mark.parametrize(
    ("freq", "calendar", "rows"),
    [
        pytest.param("h", "24/7", 24 * 35),
        pytest.param("session", "XNYS", 13 * 40, marks=[pytest.mark.slow, pytest.mark.full]),
        pytest.param("5min", "24/7", 288 * 5, marks=[pytest.mark.slow, pytest.mark.full]),
        pytest.param("W-MON", "weekdays", 300, marks=pytest.mark.slow),
        pytest.param("MS", "weekdays", 260, marks=[pytest.mark.slow, pytest.mark.full]),
        pytest.param("QE", "weekdays", 220, marks=pytest.mark.slow),
    ],
)
def test_later_prices_change_no_earlier_forecast(freq: str, calendar: str, rows: int) -> None:
    assert unchanged(bars(freq, rows), calendar)


def test_a_pattern_of_the_day_over_all_bars_is_caught(monkeypatch) -> None:
    """The broken twin knows on every day what the last day knows."""
    true = pattern.time_of_day

    def of_the_last_day(returns, times):
        found = true(returns, times)
        whole = np.broadcast_to(found.factors[-1], found.factors.shape)
        return pattern.TimeOfDay(found.days, found.minutes, whole)

    monkeypatch.setattr(pattern, "time_of_day", of_the_last_day)
    assert not unchanged(bars("h", 24 * 35), "24/7")
