"""The pictures of a look inside a network: its gates and states, and what each input does to its forecast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from gatecast.language import marked, plural, say
from gatecast.report.marks import BLUE, GREY, INK, ORANGE, heading, inline, layered, styled

WIDTH = 560
ROW, LEAST, MOST = 12, 36, 120  # pixels of a row of a strip, and of a strip
NAMED = 8  # features of a strip whose names are read
MEANINGS = {
    "input": marked("input gate: how much of the candidate is written (0 none, 1 all)"),
    "forget": marked("forget gate: how much of the cell state is kept (0 none, 1 all)"),
    "candidate": marked("candidate: what would be written"),
    "output": marked("output gate: how much of the cell state is shown (0 none, 1 all)"),
    "cell": marked("cell state: the memory"),
    "reset": marked("reset gate: how much of the old state the candidate sees (0 none, 1 all)"),
    "update": marked("update gate: how much of the old state is kept (0 none, 1 all)"),
    "hidden": marked("hidden state: what the next bar, and the forecast, are given"),
}
GATES = {"input", "forget", "output", "reset", "update"}  # between 0 and 1
BOUNDED = {"candidate", "hidden"}  # between -1 and 1


def gates_chart(
    window: ArrayLike, values: Mapping[str, ArrayLike], features: Sequence[str]
) -> alt.VConcatChart:
    """What a network read and did: a strip for each gate and state, a row for each unit, a column for a bar.

    Parameters
    ----------
    window
        (T, F) as the network read it.
    values
        Name and place ("forget_l0") → (T, H).
    features
        Names of the F features.
    """
    read = np.asarray(window, dtype=np.float64)
    strips = [_strip(say("what it reads"), read, list(features), _symmetric(read))]
    several = len({name.split("_", 1)[1] for name in values}) > 1
    for key, given in values.items():
        name, place = key.split("_", 1)
        found = np.asarray(given, dtype=np.float64)
        units = [str(unit + 1) for unit in range(found.shape[1])]
        title = say(MEANINGS[name]) + (f" – {_in_words(place)}" if several else "")
        bounds = (0.0, 1.0) if name in GATES else (-1.0, 1.0) if name in BOUNDED else _symmetric(found)
        strips.append(_strip(title, found, units, bounds, last=key == list(values)[-1]))
    below = say("a column: a bar, the newest on the right; a row: a feature, or a unit of the layer")
    chart = alt.vconcat(*strips, spacing=10).resolve_scale(color="independent")
    return styled(chart.properties(title=heading(say("Inside the network, bar by bar"), below)))


def saliency_chart(values: ArrayLike, features: Sequence[str], *, windows: int = 1) -> alt.VConcatChart:
    """Gradient times input (T, F): of every bar in one column of bars, and of every feature in a strip below.

    windows: of how many the values are the mean size; 1: signed values of one.
    """
    found = np.asarray(values, dtype=np.float64)
    table = pd.DataFrame({"bar": _bars(len(found)), "value": found.sum(axis=1)})
    title = say("forecast, units of y")
    sign = alt.condition("datum.value < 0", alt.value(BLUE), alt.value(ORANGE))  # as in the strip below
    columns = layered(
        alt.Chart(alt.InlineData(values=[{}])).mark_rule(color=GREY).encode(y=alt.datum(0)),
        alt.Chart(inline(table))
        .mark_bar()
        .encode(
            _across(labels=False),
            alt.Y("value:Q", title=title, axis=alt.Axis(minExtent=70, tickCount=4, format="~g")),
            color=sign,
            tooltip=[alt.Tooltip("bar:O"), alt.Tooltip("value:Q", format=".3~g")],
        ),
        width=WIDTH,
        height=150,
    )
    bounds = _symmetric(found) if windows == 1 else (0.0, max(float(found.max(initial=0.0)), 1e-12))
    strip = _strip(say("by feature"), found, list(features), bounds, last=True)
    if windows == 1:
        text, below = (
            say("What each bar of the window does to the forecast"),
            say("gradient × input: above 0 it raises it"),
        )
    else:
        text = say("Which bars of the window move the forecast")
        below = plural(
            "mean size of gradient × input over {n:,} window",
            "mean size of gradient × input over {n:,} windows",
            windows,
        )
    chart = alt.vconcat(columns, strip, spacing=10).resolve_scale(color="independent")
    return styled(chart.properties(title=heading(text, below)))


def importance_chart(table: pd.DataFrame) -> alt.FacetChart:
    """The importance of every input with its 95 % interval, a panel for each model, the largest on top.

    table: model, input, value, low, high; see `gatecast.api.result.Result.importance`.
    """
    shown = table[["model", "input", "value", "low", "high"]].dropna()
    shown = shown.assign(**{name: 100 * shown[name] for name in ("value", "low", "high")})
    kind = say("CRPS skill") if set(table["metric"]) == {"crps"} else say("skill")
    unit = say("points of {kind} lost when its values are wrong", kind=kind)
    order = list(shown.groupby("input")["value"].mean().sort_values(ascending=False).index)
    rows = alt.Y("input:N", sort=order, title=None, axis=alt.Axis(labelLimit=220))
    base = alt.Chart().encode(rows)
    sure = alt.condition("datum.low > 0", alt.value(ORANGE), alt.value(GREY))
    marks = layered(
        alt.Chart().mark_rule(color=INK, strokeWidth=1.2).encode(x=alt.datum(0)),
        base.mark_rule(strokeWidth=2).encode(
            alt.X("low:Q", title=unit, axis=alt.Axis(tickCount=6)), alt.X2("high:Q"), color=sure
        ),
        base.mark_circle(size=80, opacity=1).encode(
            alt.X("value:Q"),
            color=sure,
            tooltip=[
                "input:N",
                *(alt.Tooltip(f"{name}:Q", format=".2f") for name in ("value", "low", "high")),
            ],
        ),
    ).properties(width=420, height=26 * len(order))
    header = alt.Header(title=None, labelFontSize=13, labelFontWeight="bold", labelAnchor="start")
    facet = alt.Facet("model:N", header=header, sort=list(dict.fromkeys(shown["model"])))
    below = say("bar: 95 % interval; orange: it lies above 0, so the input is used, and used rightly")
    chart = marks.facet(facet=facet, columns=1, data=inline(shown))
    return styled(chart.properties(title=heading(say("What each input is worth to the forecasts"), below)))


def _strip(
    title: str, values: np.ndarray, rows: list[str], bounds: tuple[float, float], *, last: bool = False
) -> alt.Chart:
    """Values (T, rows) as a strip of colours; white is 0 where they have a sign."""
    bars, count = values.shape
    table = pd.DataFrame(
        {
            "bar": np.repeat(_bars(bars), count),
            "row": np.tile(np.array(rows, dtype=object), bars),
            "value": values.ravel(),
        }
    )
    signed = bounds[0] < 0
    scale = alt.Scale(domain=list(bounds), scheme="blueorange" if signed else "greys", clamp=True)
    named = len(rows) <= NAMED
    shown = rows if named else [rows[0], rows[-1]]
    height = min(max(ROW * count, LEAST), MOST)
    bar = alt.Legend(title=None, gradientLength=height, gradientThickness=10, tickCount=2, format=".2~g")
    return (
        alt.Chart(
            inline(table),
            title=alt.TitleParams(
                title, anchor="start", fontSize=13, fontWeight="normal", offset=4, color=INK
            ),
            width=WIDTH,
            height=height,
        )
        .mark_rect()
        .encode(
            _across(labels=last),
            alt.Y("row:O", sort=rows, title=None, axis=alt.Axis(values=shown, minExtent=70, labelLimit=120)),
            alt.Color("value:Q", scale=scale, legend=bar),
            tooltip=[alt.Tooltip("bar:O"), alt.Tooltip("row:N"), alt.Tooltip("value:Q", format=".3~g")],
        )
    )


def _across(*, labels: bool) -> alt.X:
    """The axis of bars, 0 the newest."""
    if not labels:
        return alt.X("bar:O", title=None, axis=alt.Axis(labels=False, ticks=False))
    axis = alt.Axis(labelAngle=0, labelOverlap="greedy", labelSeparation=6)
    return alt.X("bar:O", title=say("bar (0: the newest)"), axis=axis)


def _bars(count: int) -> np.ndarray:
    return np.arange(1 - count, 1)


def _symmetric(values: np.ndarray) -> tuple[float, float]:
    most = max(float(np.abs(values).max(initial=0.0)), 1e-12)
    return -most, most


def _in_words(place: str) -> str:
    """ "l1_reverse" → "layer 2, backward"."""
    number, _, reverse = place.partition("_")
    layer = int(number[1:]) + 1
    return say("layer {number}, backward", number=layer) if reverse else say("layer {number}", number=layer)
