"""What the charts are made of: colours, data as text, and the marks that several of them share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

import altair as alt
import pandas as pd

from gatecast.language import language, say
from gatecast.settings.frequency import FIRST_DATE, position_of

# Okabe and Ito: distinguishable to colour-blind readers and in grey.
INK, GREY, BLUE, ORANGE = "#222222", "#999999", "#0072B2", "#D55E00"
LINES = (ORANGE, BLUE, "#009E73", "#CC79A7", "#E69F00", "#56B4E9")

# Sans fonts: for Latin letters, then those with Korean, Japanese and Chinese ones; as in page.css.
LATIN = ("Noto Sans", "Segoe UI", "Helvetica Neue", "Arial", "Liberation Sans")
HANGUL = ("Noto Sans KR", "Noto Sans CJK KR", "Malgun Gothic", "Apple SD Gothic Neo", "NanumGothic")
OTHERS = (
    "Noto Sans CJK JP", "Hiragino Sans", "Yu Gothic", "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei",
    "DejaVu Sans",
)  # fmt: skip

# One altair class for each shape of chart; the functions here treat them alike.
Drawn = alt.LayerChart | alt.VConcatChart | alt.FacetChart
Chart = TypeVar("Chart", alt.LayerChart, alt.VConcatChart, alt.FacetChart)


def layered(*layers: alt.Chart | alt.LayerChart, **settings: Any) -> alt.LayerChart:
    """Layers in one frame; the first lies lowest."""
    return alt.LayerChart(layer=list(layers), **settings)


def step_axis(horizon: int, *, most: int) -> alt.Axis:
    """An axis of whole steps: each of them up to `most`, and no halves between."""
    few = list(range(1, horizon + 1)) if horizon <= most else alt.Undefined
    return alt.Axis(format="d", tickCount=most, values=few)


def loss_layers(title: str, *, median: bool) -> alt.LayerChart:
    """One line per network with a dot at the epoch that was kept; with `median` thin, and theirs in bold."""
    training, validation = say("training"), say("validation")
    scale = alt.Scale(domain=[training, validation], range=[BLUE, ORANGE])
    epoch = alt.X(
        "epoch:Q", title=say("epoch"), scale=alt.Scale(zero=False), axis=alt.Axis(tickMinStep=1, tickCount=5)
    )
    base = alt.Chart().encode(epoch, detail="line:N")
    layers = []
    for field, name in (("loss", training), ("validation_loss", validation)):
        up = alt.Y(f"{field}:Q", title=title, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5))
        line = base.mark_line(strokeWidth=1, opacity=0.3) if median else base.mark_line()
        layers.append(coloured(line.encode(up).transform_filter("!datum.median"), name, scale))
        if median:
            bold = base.mark_line(strokeWidth=3).encode(up).transform_filter("datum.median")
            layers.append(coloured(bold, name, scale))
    kept = base.mark_circle(size=22, opacity=0.9).encode(up).transform_filter("datum.kept")
    return layered(*layers, coloured(kept, validation, scale))


def coloured(layer: alt.Chart, name: str, scale: alt.Scale) -> alt.Chart:
    """A layer in the colour of `name`, with an entry in the legend."""
    entry = alt.Color("series:N", scale=scale, legend=legend())
    return layer.transform_calculate(series=json.dumps(name)).encode(entry)


def benchmark_rule(name: str, *, across: bool) -> alt.LayerChart:
    """The zero line with the name of the benchmark; `across`: on the horizontal axis."""
    base = alt.Chart(alt.InlineData(values=[{}]))
    rule = base.mark_rule(color=INK, strokeWidth=1.2)
    if across:
        text = base.mark_text(text=name, color=INK).encode(x=alt.datum(0), y=alt.value(-8))
        return layered(rule.encode(x=alt.datum(0)), text)
    text = base.mark_text(text=name, color=INK, align="left", dy=-7).encode(x=alt.value(3), y=alt.datum(0))
    return layered(rule.encode(y=alt.datum(0)), text)


def panelled(
    layers: alt.LayerChart, labels: list[str], table: pd.DataFrame, *, square: bool = False
) -> alt.FacetChart:
    """One panel per model of `table`, in the order of `labels`, at most four in a row and the rows even.

    usermeta tells the page how many panels there are, so that it can fit them to its width.
    """
    header = alt.Header(title=None, labelFontSize=13, labelFontWeight="bold", labelLimit=300)
    facet = alt.Facet("model:N", sort=labels, header=header)
    rows = -(-len(labels) // 4)
    chart = layers.facet(facet=facet, columns=max(1, -(-len(labels) // max(rows, 1))), data=inline(table))
    chart = chart.resolve_axis(x="independent")
    return styled(chart.properties(usermeta={"panels": len(labels), "square": square}))


def fonts() -> str:
    """The families of a chart; for Korean words theirs first, because a PNG takes the first that there is.

    For letters that this one lacks, a PNG takes any font and any weight.
    """
    families = (*HANGUL, *LATIN, *OTHERS) if language() == "ko" else (*LATIN, *HANGUL, *OTHERS)
    return ", ".join([*(f"'{name}'" if " " in name else name for name in families), "sans-serif"])


def heading(text: str, below: str) -> alt.TitleParams:
    """A title and, smaller, what to look at."""
    return alt.TitleParams(text, subtitle=below, anchor="start", fontSize=17, subtitleFontSize=13, offset=12)


def legend() -> alt.Legend:
    """Above the chart, where it covers nothing."""
    return alt.Legend(
        title=None, orient="top", labelLimit=320, symbolType="stroke", symbolStrokeWidth=3, symbolOpacity=1
    )


def price_title(column: str) -> str:
    """The title of an axis of prices; their currency is not known."""
    return say("price") if column == "price" else say("{column} (price)", column=column)


def inline(table: pd.DataFrame) -> alt.InlineData:
    """A table as CSV text: six digits, ISO days, 0 and 1 for flags.

    Times within days are to the minute; those that only number rows are numbers.
    """
    parse: dict[str, str] = {}
    written = {}
    table = numbered(table)
    day = "%Y-%m-%d" if only_days(table) else "%Y-%m-%dT%H:%M"
    for name, column in table.items():
        dates = pd.api.types.is_datetime64_any_dtype(column)
        text = column.dtype == object or isinstance(column.dtype, pd.StringDtype)
        parse[str(name)] = f"date:'{day}'" if dates else "string" if text else "number"
        written[name] = column.astype(int) if column.dtype == bool else column
    csv = pd.DataFrame(written).to_csv(index=False, float_format="%.6g", date_format=day, lineterminator="\n")
    return alt.InlineData(values=csv, format=alt.CsvDataFormat(type="csv", parse=parse))


def numbered(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the numbers of rows in place of the times that stand for them."""
    if not len(table) or "date" not in table or not pd.api.types.is_datetime64_any_dtype(table["date"]):
        return table
    if not table["date"].iloc[0] < pd.Timestamp(FIRST_DATE):
        return table
    return table.assign(date=position_of(table["date"].to_numpy()))


def only_days(table: pd.DataFrame) -> bool:
    """Whether all its times are midnights."""
    dates = table.select_dtypes("datetime")
    return all(bool((dates[name].dt.normalize() == dates[name]).all()) for name in dates)


def styled(chart: Chart) -> Chart:
    """Quiet axes, text large enough to read at 800 px."""
    axis = alt.AxisConfig(
        labelFontSize=12,
        titleFontSize=13,
        titleFontWeight="normal",
        gridColor="#e8e8e8",
        domainColor=GREY,
        tickColor=GREY,
    )
    # given at once: each of altair's configure_… copies the whole chart
    return chart.properties(
        config=alt.Config(
            font=fonts(),
            background="white",
            view=alt.ViewConfig(stroke=None),
            axis=axis,
            legend=alt.LegendConfig(labelFontSize=13),
            text=alt.MarkConfig(fontSize=12),
        )
    )


def specifications(charts: Mapping[str, Drawn]) -> dict[str, dict[str, Any]]:
    """Name → what Vega-Lite draws."""
    return {name: specification(chart) for name, chart in charts.items()}


def specification(chart: Drawn) -> dict[str, Any]:
    """What Vega-Lite draws; not held to its schema, which takes longer than all else: the tests do that."""
    return chart.to_dict(validate=False)
