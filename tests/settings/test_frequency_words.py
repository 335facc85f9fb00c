"""What bars of every length are called, and how their times are written."""

import numpy as np
import pandas as pd
import pytest

from gatecast.settings.frequency import (
    a_session,
    at_close,
    no_change,
    noun,
    plain_time,
    session_noun,
    spanned,
    stamp,
    time_at,
)


@pytest.mark.parametrize(
    ("frequency", "bar", "session", "article", "naive"),
    [
        ("1d", "day", "session", "a session", "tomorrow = today"),
        ("1h", "hour", "hour", "an hour", "no change"),
        ("5min", "bar", "bar", "a bar", "no change"),
        ("1w", "week", "week", "a week", "no change"),
        ("1mo", "month", "month", "a month", "no change"),
        ("index", "bar", "bar", "a bar", "no change"),
    ],
)
def test_bars_have_names(frequency: str, bar: str, session: str, article: str, naive: str) -> None:
    assert (noun(frequency), session_noun(frequency)) == (bar, session)
    assert (a_session(frequency), no_change(frequency)) == (article, naive)


@pytest.mark.parametrize(
    ("time", "frequency", "text"),
    [
        ("2021-07-31", "1d", "2021-07-31"),
        ("2021-07-30", "1w", "2021-07-30"),
        ("2021-07-31T00:00", "1h", "2021-07-31 00:00"),
        ("2021-07-31T09:35", "5min", "2021-07-31 09:35"),
    ],
)
def test_times_are_written(time: str, frequency: str, text: str) -> None:
    for given in (np.datetime64(time), pd.Timestamp(time)):
        assert stamp(given, frequency) == text
        assert plain_time(given, frequency) == time
        assert at_close(given, frequency) == f"at the close of {text}"


def test_rows_without_dates_are_numbers() -> None:
    """As times that stand for them, and as tables have them."""
    for given in (time_at(750), np.int64(750), 750):
        assert stamp(given, "index") == "750"
        assert plain_time(given, "index") == 750
        assert at_close(given, "index") == "at position 750"
    assert spanned(time_at(np.array([3, 9])), "index") == "3 to 9"
