"""Pages and pictures of bars that are no days: no word and no date of theirs is one of days."""

import json
import re
from html import unescape
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from gatecast.api.result import Result
from gatecast.report import charts, distribution_charts, frames, pictures
from gatecast.report.captions import figures
from gatecast.report.marks import Drawn, inline, specifications
from gatecast.report.page import page
from gatecast.settings.frequency import time_at

from .conftest import make_result  # isort: skip

DAILY = re.compile(r"\b(days?|sessions?|tomorrow|today|yesterday|daily)\b", re.IGNORECASE)
WORDS = {"1h": "hour", "index": "bar"}  # the others take the same road
SCOPES = {
    "1h": "close, 2 hours ahead, tested on 2018-01-06 19:00 to 2018-01-09 07:00",
    "index": "close, 2 bars ahead, tested on 140 to 200",
}


class Made(NamedTuple):
    """A result of one frequency, and the charts of its page, drawn once."""

    frequency: str
    result: Result
    drawn: dict[str, Drawn]


@pytest.fixture(
    scope="module",
    params=[pytest.param("1h", marks=[pytest.mark.slow, pytest.mark.full]), "index"],
)
def made(request: pytest.FixtureRequest) -> Made:
    frequency = request.param
    result = make_result(
        networks=("gru",), horizon=2, distributions={"gru": 1.0, "drift": 1.1}, frequency=frequency
    )
    drawn = charts.page_charts(result) | distribution_charts.distribution_charts(result)
    return Made(frequency, result, drawn)


def texts(value: object) -> list[str]:
    """Every text of a chart but its data."""
    if isinstance(value, dict):
        return [text for key, part in value.items() if key != "datasets" for text in texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in texts(part)]
    return [value] if isinstance(value, str) else []


def test_no_word_is_of_days(made: Made) -> None:
    frequency, result, drawn = made
    said = [f"{figure.title} {figure.caption}" for figure in figures(result, drawn)]
    shown = texts(specifications(drawn | dict(pictures.pictures(result))))
    assert [text for text in (*said, *shown, result.verdict.text) if DAILY.search(text)] == []
    word = WORDS[frequency]
    assert f"On 60 test {word}s in 2 folds" in result.verdict.text
    assert "naive, the forecast 'no change'" in result.verdict.text
    assert f"{word}s ahead" in shown
    assert f"change of the {word}, %" in shown
    assert any(f"forecast the {word} before. One {word} in five" in text for text in said)


def test_the_page_says_its_times(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatecast.report.page.page_charts", lambda _: made.drawn)
    monkeypatch.setattr("gatecast.report.page.distribution_charts", lambda _: {})
    text = unescape(page(made.result))
    assert SCOPES[made.frequency] in text.replace("\xa0", " ")
    head = text[: text.index("<script")]
    assert "The experiment" in head
    assert not DAILY.search(re.sub(r"<pre>.*?</pre>|<style>.*?</style>", "", head, flags=re.DOTALL))


def test_lags_and_constants_name_the_bar() -> None:
    result = make_result(networks=("gru",), frequency="1h")
    anchor = result.outcome.anchor
    late = np.roll(anchor, 1)
    late[0] = anchor[0]
    result.outcome.forecast["drift"][:, 0] = late
    said = result.lag["drift"].sentence
    assert "its forecast for an hour is nearest to the price 2 hours before that hour." in said


@pytest.mark.parametrize(
    ("dates", "parse", "first"),
    [
        (["2021-03-01", "2021-03-02"], "date:'%Y-%m-%d'", "2021-03-01"),
        (["2021-03-01 00:00", "2021-03-01 00:05"], "date:'%Y-%m-%dT%H:%M'", "2021-03-01T00:00"),
        (["1700-01-01 00:12:30", "1700-01-01 00:12:31"], "number", "750"),
    ],
)
def test_the_data_of_charts_have_times(dates: list[str], parse: str, first: str) -> None:
    data = inline(pd.DataFrame({"date": pd.to_datetime(dates), "close": 1.5})).to_dict()
    assert data["format"]["parse"]["date"] == parse
    assert data["values"].splitlines()[1] == f"{first},1.5"


def test_a_selection_is_of_hours_or_positions(made: Made) -> None:
    expected = {"1h": {"year": 2018, "month": 1, "date": 9, "hours": 7}, "index": 200}[made.frequency]
    chart = made.drawn["forecast"].to_dict(validate=False)
    brush = next(one for one in chart["params"] if one["name"] == "brush")
    last = brush["value"]["x"][-1]
    assert last == expected or expected.items() <= last.items()


def test_a_long_test_is_thinned_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "MOST_TESTED", 50)
    result = make_result(networks=("gru",), sessions=400, tested=300, frequency="1h")
    table = frames.prices_and_forecasts(result, "gru")
    tested = table[table["test"]]
    assert tested["date"].iloc[-50:].diff().dropna().eq(pd.Timedelta(hours=1)).all()
    assert len(tested) < 200
    assert (table["fold"] > 0).sum() == 2
    caption = next(figure.caption for figure in figures(result, ["forecast"]))
    assert "Before the last 50 hours of the test one hour in 2 is drawn" in caption
    json.dumps(specifications({"forecast": charts.forecast_chart(result)}))


@pytest.mark.parametrize(
    ("frequency", "title", "last", "axis"),
    [
        ("1d", "A on 2021-03-01: ", "03-01", "date of the bar (month-day)"),
        ("1h", "A at 2021-03-01 01:00: ", "01:00", "time of the bar"),
        ("index", "A at position 52: ", "52", "position"),
    ],
)
def test_a_forecast_is_drawn_at_its_times(frequency: str, title: str, last: str, axis: str) -> None:
    step = np.timedelta64(1, {"1d": "D", "1h": "h", "index": "s"}[frequency])
    end = np.datetime64("2021-03-01T01:00" if frequency == "1h" else "2021-03-01", "s")
    numbers = np.arange(52)
    session = time_at(numbers + 1) if frequency == "index" else end - step * (51 - numbers)
    history = pd.DataFrame({"session": session[:50], "close": 100.0})
    ahead = numbers[50:] + 1 if frequency == "index" else session[50:]
    origin = 50 if frequency == "index" else session[49]
    table = pd.DataFrame({"symbol": "A", "origin": origin, "time": ahead, "step": [1, 2], "anchor": 100.0})
    table = table.assign(**dict.fromkeys(("q50", "q25", "q75", "q10", "q90", "q02_5", "q97_5"), 100.0))
    chart = distribution_charts.outlook_chart(table, history, frequency=frequency).to_dict(validate=False)
    assert chart["title"]["text"].startswith(title)
    shown = texts(chart)
    assert axis in shown
    assert any(f'"2": "{last}"' in text for text in shown)
