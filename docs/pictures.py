"""The pictures of the site that are drawn for it: python docs/pictures.py en

They go to docs/LANGUAGE/images; the words of each language stand in WORDS.
"""

from __future__ import annotations

import sys
from pathlib import Path

import altair as alt
import pandas as pd
import vl_convert

import gatecast as gc
from gatecast.language import speaking
from gatecast.report.marks import fonts

HERE = Path(__file__).parent
BLUE, INK, GREY = "#0072b2", "#222222", "#999999"  # as gatecast's charts
WORDS = {
    "en": {
        "price": "S&P 500",
        "actual": "actual price",
        "lstm": "forecast of the LSTM",
        "shifted": "the forecast, moved one day to the left",
        "year": "A year of forecasts: they seem to lie on the actual prices",
        "close": "Seven weeks of it: each turn comes a day late",
        "moved": "The same forecasts, moved one day to the left: now they fit",
    },
    "ko": {
        "price": "S&P 500",
        "actual": "실제 주가",
        "lstm": "LSTM의 예측",
        "shifted": "하루 왼쪽으로 옮긴 예측",
        "year": "일 년의 예측: 실제 주가와 겹쳐 보입니다",
        "close": "그 가운데 일곱 주: 꺾일 때마다 하루 늦습니다",
        "moved": "같은 예측을 하루 왼쪽으로 옮기면 맞습니다",
    },
}


def forecasts() -> pd.DataFrame:
    """date, actual, lstm: the network of docs/en/one-day-late.md on the S&P 500 of 2016."""
    result = gc.compare(
        gc.load("sample:sp500", start="2012-01-03", end="2016-12-30"),
        ["lstm", "naive"],
        network=gc.Network(hidden_size=50),
        training=gc.Training(epochs=100, batch_size=32, patience=20),
        target="close",
        scaler="minmax",
        lookback=10,
        folds=1,
        seeds=1,
        seed=1,
        test_start="2016-01-04",
    )
    table = result.forecasts
    table = table[table["model"] == "lstm"].drop_duplicates("time")
    return table.rename(columns={"time": "date", "forecast": "lstm"})[["date", "actual", "lstm"]]


def panel(table: pd.DataFrame, line: str, title: str, words: dict[str, str], height: int) -> alt.LayerChart:
    """Actual prices and one line of forecasts."""
    names = {"actual": words["actual"], line: words[line]}
    long = table.rename(columns=names).melt("date", value_vars=list(names.values()), var_name="line")
    scale = alt.Scale(domain=list(names.values()), range=[GREY, BLUE])
    lines = (
        alt.Chart(long)
        .mark_line(strokeWidth=1.8)
        .encode(
            x=alt.X("date:T", title=None, axis=alt.Axis(format="%Y-%m-%d", labelOverlap=True, tickCount=6)),
            y=alt.Y("value:Q", title=words["price"], scale=alt.Scale(zero=False)),
            color=alt.Color("line:N", title=None, sort=list(names.values()), scale=scale),
        )
    )
    points = lines.mark_point(size=14, filled=True, opacity=1) if len(table) < 60 else lines
    return (lines + points).properties(title=title, width=700, height=height)


def one_day_late(words: dict[str, str]) -> alt.VConcatChart:
    """A year, seven weeks, and the same seven weeks with the forecasts a day earlier."""
    table = forecasts()
    table["shifted"] = table["lstm"].shift(-1)
    part = table[table["date"].between("2016-05-16", "2016-07-06")]
    return (
        alt.vconcat(
            panel(table, "lstm", words["year"], words, 190),
            panel(part, "lstm", words["close"], words, 190),
            panel(part, "shifted", words["moved"], words, 190),
        )
        .resolve_scale(color="independent")
        .configure(font=fonts())
        .configure_legend(orient="top", labelLimit=400, labelFontSize=12, symbolType="stroke")
        .configure_title(anchor="start", fontSize=14)
        .configure_axis(gridColor="#eeeeee", labelColor=INK)
    )


if __name__ == "__main__":
    for language in sys.argv[1:] or WORDS:
        with speaking(language):
            chart = one_day_late(WORDS[language])
        path = HERE / language / "images" / "one-day-late.png"
        path.write_bytes(vl_convert.vegalite_to_png(chart.to_json(), scale=1.5))
